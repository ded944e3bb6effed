"""``Pilot``: the senses and the movements of a scripted player, which all its skills use."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.actions.human import HOTBAR, HumanAction, human_action
from vpt_gym.world.catalog.blocks import HEIGHT, LIQUID
from vpt_gym.world.catalog.items import DAMAGE, DURABILITY, NO_ITEM
from vpt_gym.world.core.geometry import EYE_HEIGHT, look_at
from vpt_gym.world.core.state import GRID, HOTBAR_SLOTS, WorldState
from vpt_gym.world.experts.control.body import Body, block_at, wrap_degrees
from vpt_gym.world.experts.control.camera import CameraMotor
from vpt_gym.world.experts.navigation.walking import SPAN, clear_walk, footing, next_waypoint, steps_to
from vpt_gym.world.player.controls import ATTACK_KEY, DROP_KEY, INVENTORY_KEY, USE_KEY
from vpt_gym.world.player.screen_layout import CLOSED
from vpt_gym.world.rules.digging import dig_rate

Array = np.ndarray[Any, Any]

WALK_ANGLE = 30.0
"""Greatest heading error at which the player walks, degrees."""
WALK_ANGLE_FAR = 50.0
"""The same, if the next waypoint is more than two blocks away."""
STOP_SHORT = 0.9
"""Distance from the target at which a straight walk ends, blocks."""
DIRECT = 12.0
"""Greatest length of a straight walk, blocks."""
WALK_PITCH = 0.0
"""Pitch while walking, degrees down."""
WALK_PITCH_BAND = 4.0
"""Pitch error that is tolerated while walking, degrees."""
NEAR = 5.0
"""Distance within which the player looks up or down at its target, blocks."""
SPRINT_STEPS = 10
"""Least number of remaining steps for which the player sprints."""
STUCK_TICKS = 10

Offset = tuple[float, float, float]
"""Offset of something from the player, blocks along x, y and z."""


class Route:
    """A place to go to, and the number of steps to it from everywhere nearby.

    Args:
        blocks: The world's blocks.
        place: (3,) int64, the cell to stand in.
    """

    def __init__(self, blocks: Array, place: Array) -> None:
        self.place = place
        self.field = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        steps_to(blocks, place, self.field)


class Pilot:
    """Senses and movements of a scripted player.

    Attributes:
        state: The world's state in this tick.
        body: The player's own state in this tick.
        camera: Turns the view.
        stuck: Number of ticks for which the player has been blocked without moving.
        intent: What the player is doing. A less skilled player needs time to react when it changes.
    """

    state: WorldState
    body: Body

    def __init__(self) -> None:
        self.camera = CameraMotor()
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self.camera.reset()
        self.stuck = 0
        self.intent: tuple[Any, ...] = ()
        self._spot: tuple[float, float] | None = None
        self._footing = np.zeros(3, np.int64)

    def begin(self, state: WorldState) -> None:
        """Reads the world at the start of a tick."""
        self.state, self.body = state, Body(state)
        self.camera.observe(state, self.body)
        spot = (self.body.x, self.body.z)
        moved = self._spot is None or math.dist(spot, self._spot) > 0.02
        self.stuck = self.stuck + 1 if self.body.bumped and not moved else 0
        self._spot = spot

    @property
    def screen(self) -> int:
        """The open screen; see ``screen_layout``."""
        return int(self.state.screen["open"][0])

    def has_released_keys(self) -> bool:
        """Returns whether no key is held that acts only when it is pressed."""
        return not self.body.keys & (ATTACK_KEY | USE_KEY | INVENTORY_KEY | DROP_KEY)

    def counts(self) -> Array:
        """Returns (128,) int64: the number of items of each id in the inventory, on the grid and on the cursor."""
        screen = self.state.screen[0]
        stacks = [self.state.inventory]
        if screen.open != CLOSED:
            stacks += [self.state.grid[:GRID], np.array([[screen.carried_item, screen.carried_count, 0]])]
        all_stacks = np.concatenate(stacks)
        return np.bincount(all_stacks[:, 0], np.maximum(all_stacks[:, 1], 0), 128).astype(np.int64)

    def place(self) -> Array | None:
        """Returns the place on which the player stands, (3,) int64, or None in the air."""
        b = self.body
        return self._footing.copy() if footing(self.state.blocks, b.x, b.y, b.z, self._footing) else None

    # -- hands

    def slot_of(self, items: Any) -> int:
        """Returns the first inventory slot that holds an item of ``items`` (a container of ids), or -1."""
        for slot, (item, count, _) in enumerate(self.state.inventory.tolist()):
            if count > 0 and item in items:
                return slot
        return -1

    def tool_for(self, block: int) -> int:
        """Returns the hotbar slot to dig a block with: the fastest, and of equals one that does not wear out."""
        best, slot = (-1.0, False), self.body.slot
        for n, (item, count, _) in enumerate(self.state.inventory[:HOTBAR_SLOTS].tolist()):
            item = item if count > 0 else NO_ITEM
            rating = (dig_rate(block, item), DURABILITY[item] == 0)
            if rating > best or (rating == best and n == self.body.slot):
                best, slot = rating, n
        return slot

    def weapon(self) -> int:
        """Returns the hotbar slot of the item that deals the most damage."""
        best, slot = 0.0, self.body.slot
        for n, (item, count, _) in enumerate(self.state.inventory[:HOTBAR_SLOTS].tolist()):
            damage = float(DAMAGE[item]) if count > 0 else 1.0
            if damage > best or (damage == best and n == self.body.slot):
                best, slot = damage, n
        return slot

    def wielding(self, slot: int, action: HumanAction) -> HumanAction:
        """Adds the hotbar key of a slot to an action, unless the slot is already selected; returns the action."""
        if slot != self.body.slot:
            action[HOTBAR[slot]] = 1
        return action

    # -- view and legs

    def look(self, pitch_off: float, yaw_off: float, *keys: str) -> HumanAction:
        """Returns an action that turns the view and holds some keys."""
        return human_action(*keys, camera=self.camera.turn(pitch_off, yaw_off))

    def walk(self, route: Route, target: Offset | None = None, direct: bool = False) -> HumanAction:
        """Follows a route: turns to the next waypoint and walks, jumping up steps.

        Args:
            route: Where to go.
            target: Offset of the target from the eye. The player looks at it when it is near.
            direct: Walk straight to the target if nothing is in between.
        """
        blocks, body = self.state.blocks, self.body
        here = self.place()
        if here is None:
            return self.fall()
        waypoint = np.zeros(3)
        free = self.stuck < STUCK_TICKS
        left = next_waypoint(blocks, route.place, route.field, here, body.x, body.z, free, waypoint)
        dx, dz, rise = (float(v) for v in waypoint)
        if free and direct and target is not None and self.can_walk_to(target[0], target[2]):
            dx, dz, rise = target[0], target[2], 0.0
        return self.go(dx, dz, rise, left >= SPRINT_STEPS, target, not free)

    def fall(self) -> HumanAction:
        """Waits until the player has landed. Over water it keeps moving, to get ashore."""
        body = self.body
        x, y, z = math.floor(body.x), math.floor(body.y), math.floor(body.z)
        over_water = any(LIQUID[block_at(self.state, (x, y - down, z))] for down in (0, 1, 2))
        return human_action(*(("forward", "jump") if over_water else ()))

    def go(
        self, dx: float, dz: float, rise: float, sprint: bool, target: Offset | None, jump: bool = False
    ) -> HumanAction:
        """Walks straight in a direction, and looks there.

        Args:
            dx: Offset of the destination along x, blocks.
            dz: Offset of the destination along z, blocks.
            rise: Height of the step to it, blocks.
            sprint: Sprint where the way is level and straight.
            target: Offset of the target from the eye. The player looks at it when it is near.
            jump: Jump in any case.
        """
        body = self.body
        away = math.hypot(dx, dz)
        yaw, _ = look_at(dx, 0.0, dz)
        yaw_off = wrap_degrees(yaw - body.yaw) if away > 0.2 else 0.0
        pressed = []
        if away > 0.1 and abs(yaw_off) < (WALK_ANGLE_FAR if away > 2.0 else WALK_ANGLE):
            pressed.append("forward")
            if sprint and abs(yaw_off) < WALK_ANGLE / 2 and rise == 0.0:
                pressed.append("sprint")
            if (rise > 0.0 and away < 1.3) or body.bumped or jump:
                pressed.append("jump")
        if body.in_water and "jump" not in pressed:
            pressed.append("jump")
        pitch_off = self._view_pitch(target) - body.pitch
        if abs(pitch_off) < WALK_PITCH_BAND:
            pitch_off = 0.0
        return self.look(pitch_off, yaw_off, *pressed)

    def can_walk_to(self, dx: float, dz: float) -> bool:
        """Returns whether the player can walk straight towards an offset, up to ``STOP_SHORT`` blocks from it."""
        body, away = self.body, math.hypot(dx, dz)
        if not body.on_ground or not STOP_SHORT < away < DIRECT:
            return False
        share = (away - STOP_SHORT) / away
        y = math.floor(body.y + 0.01)
        return bool(clear_walk(self.state.blocks, body.x, y, body.z, dx * share, dz * share))

    @staticmethod
    def _view_pitch(target: Offset | None) -> float:
        """Returns the pitch while walking: at the target if it is near, else level."""
        if target is None or math.hypot(target[0], target[2]) > NEAR:
            return WALK_PITCH
        return max(-35.0, min(45.0, look_at(*target)[1]))


def item_offset(offset: Offset) -> Offset:
    """Converts an offset from the feet to an offset from the eye."""
    return offset[0], offset[1] - EYE_HEIGHT, offset[2]
