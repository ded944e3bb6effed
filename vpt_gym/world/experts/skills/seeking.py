"""``Seeker``: walks to blocks to dig or use them, and to dropped items to pick them up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import HEIGHT, MASK, SIDE
from vpt_gym.world.core.geometry import EYE_HEIGHT, wrapped
from vpt_gym.world.experts.control.body import block_at
from vpt_gym.world.experts.control.pilot import Pilot, Route, item_offset
from vpt_gym.world.experts.navigation.targets import (
    TURN_PER_STEP,
    aim_point,
    choose_block,
    choose_pickup,
    choose_place_to_explore,
    within_pickup,
)
from vpt_gym.world.experts.navigation.walking import RADIUS, SPAN, next_waypoint, steps_from

Array = np.ndarray[Any, Any]

ON_TARGET = 6.0
"""Greatest aim error at which the block in the crosshair is dug, degrees."""
CUT_ANGLE = 12.0
"""Aim error below which leaves in the crosshair count as in the way, degrees."""
DEAD_BAND = 1.0
"""Aim error below which the view does not turn any more, degrees."""
BESIDE = 1.0
"""Distance from a trunk at which to stop and dig, blocks along x and z. The log is mostly picked up from there."""
ITEM_RANGE = 16
"""Greatest number of steps to an item that is picked up."""
ITEM_MARGIN = 0.15
"""Margin inside the pickup range of an item, blocks."""
LOST = 6.0
"""Extra steps (or turns worth as much) after which the player has lost its way and chooses again."""
GIVE_UP_TICKS = 40
VISITED = 40
"""Number of explored places that it remembers, so as to look elsewhere."""


def ids(*numbers: int) -> Array:
    """Returns (256,) bool that is True for some ids of blocks or items."""
    mask = np.zeros(256, np.bool_)
    mask[list(numbers)] = True
    return mask


@dataclass
class Goal:
    """Where to go, and for what.

    Attributes:
        route: The place to stand at, and the way there.
        block: (3,) int64, the block to work on from there, or None (an item, or a place to explore).
        item: Index of the item to pick up there, or None.
        effort: Least effort left so far, in steps and turns. If it rises, the player has left the route.
    """

    route: Route
    block: Array | None = None
    item: int | None = None
    effort: float = math.inf


class Seeker:
    """Walks to blocks and digs or uses them, and picks items up.

    Args:
        blocks: (256,) bool, by block id: the target blocks.
        items: (256,) bool, by item id: the items to pick up.
        key: Key to press at a block: ``"attack"`` digs it, ``"use"`` opens it.
        explores: Explore other places while there is no target.
    """

    def __init__(self, blocks: Array, items: Array, key: str = "attack", explores: bool = True) -> None:
        self.blocks, self.items, self._key, self._explores = blocks, items, key, explores
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._goal: Goal | None = None
        self._refused = np.zeros((0, 3), np.int64)
        self._refused_items: set[int] = set()
        self._visited = np.zeros((0, 2))

    def act(self, pilot: Pilot) -> HumanAction | None:
        """Returns the action of this tick, or None if there is no target."""
        body = pilot.body
        if pilot.stuck > GIVE_UP_TICKS:
            pilot.stuck = 0
            self._refuse_goal()
        if body.aims and self.blocks[body.aimed]:
            if self._key == "use":
                return self._use(pilot)
            if body.should_dig:
                return self._dig_aimed(pilot)
        self._update_goal(pilot)
        goal = self._goal
        if goal is None:
            return None
        if goal.item is not None:
            pilot.intent = ("fetch", goal.item)
            offset = body.offset_to_item(pilot.state, goal.item)
            if within_pickup(*offset, 0.05):
                return human_action()  # it is drawn to the player
            level = abs(goal.route.place[1] - body.y) < 0.5
            return pilot.walk(goal.route, item_offset(offset), level)
        if goal.block is None:
            pilot.intent = ("explore",)
            return pilot.walk(goal.route)
        pilot.intent = ("walk to", *goal.block.tolist())
        work = self._work(pilot, goal.route.place, goal.block)
        return work or pilot.walk(goal.route, body.offset_to(goal.block + 0.5), True)

    def _refuse_goal(self) -> None:
        """Gives the goal up, and never chooses its block or item again."""
        if self._goal is not None and self._goal.block is not None:
            x, y, z = self._goal.block
            self._refused = np.append(self._refused, [[x & MASK, y, z & MASK]], axis=0)
        elif self._goal is not None and self._goal.item is not None:
            self._refused_items.add(self._goal.item)
        self._goal = None

    # -- choosing a goal

    def _update_goal(self, pilot: Pilot) -> None:
        """Keeps a valid goal, else chooses one: a dropped item, a block, or a place to explore."""
        goal, state = self._goal, pilot.state
        if goal is not None and not self._is_valid(pilot, goal):
            goal = None
        self._goal = goal
        items = [] if goal is not None and goal.item is not None else self._lying_items(pilot)
        if (goal is not None and not items) or not (items or self._explores or self.blocks.any()):
            return
        here = pilot.place()
        if here is None:
            return
        steps_from(state.blocks, here, self._steps)
        self._goal = self._item_goal(pilot, here, items) or goal or self._block_goal(pilot, here)

    def _lying_items(self, pilot: Pilot) -> list[int]:
        kinds = pilot.state.items["item"]
        return [int(k) for k in np.flatnonzero((kinds > 0) & self.items[kinds]) if k not in self._refused_items]

    def _is_valid(self, pilot: Pilot, goal: Goal) -> bool:
        """Returns whether a goal still exists and the player is still on its route."""
        state, body, place = pilot.state, pilot.body, goal.route.place
        if goal.item is not None:
            item = state.items[goal.item]
            px, py, pz = (float(c) for c in np.add(place, (0.5, 0.0, 0.5)))
            offset = wrapped(float(item.x) - px), float(item.y) - py, wrapped(float(item.z) - pz)
            if not (item["item"] > 0 and self.items[item["item"]]) or not within_pickup(*offset, ITEM_MARGIN):
                return False  # it is gone, or has moved away
        if goal.block is not None and not self.blocks[block_at(state, goal.block)]:
            return False
        here = pilot.place()
        if here is None:
            return True  # in the air: decide after landing
        left = next_waypoint(state.blocks, place, goal.route.field, here, body.x, body.z, False, np.empty(3))
        if goal.block is None:
            return left > 0 or (left == 0 and goal.item is not None)
        effort = left + abs(body.angles_to(goal.block + 0.5)[1]) / TURN_PER_STEP
        goal.effort = min(goal.effort, effort)
        return left >= 0 and effort <= goal.effort + LOST

    def _item_goal(self, pilot: Pilot, here: Array, items: list[int]) -> Goal | None:
        place = np.zeros(3, np.int64)
        for k in items:
            item = pilot.state.items[k]
            found = choose_pickup(here, self._steps, float(item.x), float(item.y), float(item.z), place)
            if found and self._steps_to(here, place) <= ITEM_RANGE:
                return Goal(Route(pilot.state.blocks, place), item=k)
        return None

    def _block_goal(self, pilot: Pilot, here: Array) -> Goal | None:
        blocks, yaw = pilot.state.blocks, pilot.body.yaw
        found = np.zeros(6, np.int64)
        if self.blocks.any() and choose_block(blocks, self.blocks, here, yaw, self._steps, self._refused, found):
            return Goal(Route(blocks, found[3:]), block=found[:3])
        place = np.zeros(3, np.int64)
        if self._explores and choose_place_to_explore(here, yaw, self._steps, self._visited[-VISITED:], place):
            self._visited = np.append(self._visited, [[here[0] % SIDE, here[2] % SIDE]], axis=0)
            return Goal(Route(blocks, place))
        return None

    def _steps_to(self, here: Array, place: Array) -> int:
        i, j = (int(place[a] - here[a]) + RADIUS for a in (0, 2))
        return int(self._steps[i, j, place[1]])

    # -- working on a block

    def _dig_aimed(self, pilot: Pilot) -> HumanAction:
        """Digs the block in the crosshair, and turns to a more visible point of it if the aim is near its edge."""
        body, aim = pilot.body, np.empty(3)
        pilot.intent = ("dig", *body.aim)
        block = body.unwrapped(np.array(body.aim))
        seen = aim_point(pilot.state.blocks, body.x, body.y + EYE_HEIGHT, body.z, block, aim)
        pitch_off, yaw_off = body.angles_to(aim) if seen == 0 else (0.0, 0.0)
        slot = pilot.tool_for(body.aimed)
        if max(abs(pitch_off), abs(yaw_off)) < ON_TARGET:
            return pilot.wielding(slot, human_action("attack"))
        return pilot.wielding(slot, pilot.look(pitch_off, yaw_off, "attack"))

    @staticmethod
    def _use(pilot: Pilot) -> HumanAction:
        pilot.intent = ("use", *pilot.body.aim)
        return human_action("use") if pilot.has_released_keys() else human_action()

    def _work(self, pilot: Pilot, place: Array, block: Array) -> HumanAction | None:
        """Aims at a block and digs it, and leaves in front of it; None while the player has not arrived."""
        body = pilot.body
        if not body.on_ground:
            return None
        block = body.unwrapped(block)
        aim = np.empty(3)
        leaves = aim_point(pilot.state.blocks, body.x, body.y + EYE_HEIGHT, body.z, block, aim)
        if leaves < 0:
            if body.is_at(place):
                self._refuse_goal()
            return None
        dx, dz = aim[0] - body.x, aim[2] - body.z
        beside = leaves == 0 and max(abs(dx), abs(dz)) < BESIDE
        if not beside and not body.is_at(place):
            return None
        pilot.intent = ("dig", *block.tolist())
        pitch_off, yaw_off = body.angles_to(aim)
        off = max(abs(pitch_off), abs(yaw_off))
        on_block = body.aims_at(block)
        slot = pilot.tool_for(block_at(pilot.state, block))
        if on_block and off < ON_TARGET:
            return pilot.wielding(slot, human_action("attack"))
        attack = on_block or (off < CUT_ANGLE and body.aims_at_leaves)
        if body.aims and not attack and off < DEAD_BAND:
            self._refuse_goal()  # something else is in the way
        action = pilot.look(pitch_off, yaw_off, *(("attack",) if attack else ()))
        return pilot.wielding(slot, action) if on_block else action
