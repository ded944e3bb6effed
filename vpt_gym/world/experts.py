"""A scripted player that collects logs: it records demonstrations, and labels the states a learner visits (DAgger).

It sees the block array, but acts like a person: with keys, and with the eleven camera movements of VPT's action
space, eased in and out. It plans afresh from wherever the player is, so any state can be labelled at any time; all it
remembers is its goal, the last view, and logs that it gave up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.camera import BIN_DEGREES, NULL_BIN
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.blocks import HEIGHT, IS_LOG, MASK, SOLID
from vpt_gym.world.body import Body, angle, block_at, is_log_item
from vpt_gym.world.compiled import announce_compilation
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.physics import EYE_HEIGHT, look_at, wrapped
from vpt_gym.world.state import WorldState
from vpt_gym.world.targets import (
    TURN_PER_STEP,
    aim_point,
    choose_log,
    choose_outlook,
    choose_pickup,
    within_pickup,
)
from vpt_gym.world.walking import SPAN, clear_walk, footing, next_waypoint, steps_from, steps_to

Array = np.ndarray[Any, Any]

EASE = 0.6
"""Share of the remaining turn that is done in a tick."""
MAX_ACCELERATION = 2
"""Camera bins by which a turn can grow from tick to tick."""
DEAD_BAND = 1.0
"""Degrees off that are not worth a movement."""
ON_TARGET = 6.0
"""Degrees off at which a block in the cross-hairs is good enough to dig."""
CUT_ANGLE = 12.0
"""Degrees off at which leaves in the cross-hairs are taken to be in the way."""
WALK_ANGLE = 30.0
"""Walk while the heading is this close, degrees."""
WALK_ANGLE_FAR = 50.0
"""The same, when the next waypoint is more than two blocks away."""
BESIDE = 1.0
"""Near enough to a trunk to stop and dig, blocks in x and in z: the log that drops is mostly picked up from there."""
STOP_SHORT = 0.9
"""A straight walk ends this far from the middle of a trunk, or from an item, blocks."""
DIRECT = 12.0
"""Farthest trunk or item that is walked to straight, blocks."""
CALM_PITCH = 0.0
"""Where the view rests while walking, degrees down."""
CALM_BAND = 4.0
"""Degrees up or down that do not matter while walking."""
NEAR = 5.0
"""The view turns up or down to a goal that is nearer than this, blocks."""
ITEM_RANGE = 16
"""Steps that an item is worth."""
ITEM_MARGIN = 0.15
"""Blocks to spare at the place from which an item is picked up."""
SPRINT_STEPS = 10
"""Steps left from which it sprints."""
LOST = 6.0
"""Steps (or as many turns) away from the way to the goal at which it chooses afresh."""
STUCK_TICKS = 10
GIVE_UP_TICKS = 40


@dataclass
class Goal:
    """Where to go, and what for.

    Attributes:
        place: (3,) int64, where to stand.
        field: From ``steps_to(blocks, place)``.
        log: (3,) int64, the log to dig from there, or None (an item, or an outlook).
        item: Index of the item to pick up there, or None.
        effort: The least that was left to do so far, in steps and turns; rising means that the player has left the way.
    """

    place: Array
    field: Array
    log: Array | None = None
    item: int | None = None
    effort: float = math.inf


class LogExpert:
    """Collects logs in the embedded world.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> from vpt_gym.world.experts import LogExpert
        >>> env = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(64, 64))
        >>> _ = env.reset(seed=3)
        >>> expert = LogExpert()
        >>> terminated = truncated = False
        >>> while not (terminated or truncated):
        ...     _, _, terminated, truncated, info = env.step(expert.act(env))
        >>> info["success"]
        True
    """

    def __init__(self) -> None:
        announce_compilation("expert", 10, choose_log, steps_from, steps_to)
        self._steps = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        self._footing = np.zeros(3, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forgets everything: call it when an episode begins."""
        self._goal: Goal | None = None
        self._refused = np.zeros((0, 3), np.int64)
        self._last_view: tuple[int, float, float] | None = None
        self._last_spot: tuple[float, float] | None = None
        self._turned = (0.0, 0.0)
        self._stuck = 0

    def act(self, env: gym.Env[Any, Any]) -> HumanAction:
        """Returns what it would do now.

        Args:
            env: A ``VoxelEnv``, wrapped or not, at any moment after its ``reset``. It is only looked at.

        Raises:
            TypeError: The innermost env is not a ``VoxelEnv``.
        """
        world = env.unwrapped
        if not isinstance(world, VoxelEnv):
            raise TypeError(f"LogExpert needs a VoxelEnv inside the wrappers, got {type(world).__name__}")
        state = world.state
        body = Body(state)
        self._notice_motion(body)
        if body.digs_log:
            return self._hold_on(state, body)
        self._update_goal(state, body)
        goal = self._goal
        if goal is None:
            return self._climb(state, body)
        if goal.item is not None and within_pickup(*body.to_item(state, goal.item), 0.05):
            return human_action()  # it comes by itself
        if goal.log is not None:
            action = self._dig(state, body, goal.place, goal.log)
            if action is not None:
                return action
        return self._walk(state, body, goal)

    # -- what it remembers

    def _notice_motion(self, body: Body) -> None:
        """Notes how fast the view turns, and whether the player pushes against something without getting on."""
        self._turned = (0.0, 0.0)
        if self._last_view is not None and self._last_view[0] + 1 == body.ticks:
            _, yaw, pitch = self._last_view
            self._turned = (body.pitch - pitch, angle(body.yaw - yaw))
        self._last_view = (body.ticks, body.yaw, body.pitch)
        spot = (body.x, body.z)
        moved = self._last_spot is None or math.dist(spot, self._last_spot) > 0.02
        self._stuck = self._stuck + 1 if body.bumped and not moved else 0
        self._last_spot = spot
        if self._stuck > GIVE_UP_TICKS:
            self._stuck = 0
            self._refuse_goal()

    def _refuse_goal(self) -> None:
        """Gives the goal up, and its log for good."""
        if self._goal is not None and self._goal.log is not None:
            x, y, z = self._goal.log
            self._refused = np.append(self._refused, [[x & MASK, y, z & MASK]], axis=0)
        self._goal = None

    # -- choosing a goal

    def _update_goal(self, state: WorldState, body: Body) -> None:
        """Keeps the goal while it makes sense, else chooses: an item that lies about, a log, or a far place."""
        goal = self._goal
        if goal is not None and not self._still_good(state, body, goal):
            goal = None
        item_waits = goal is None or goal.item is None
        items = [k for k in range(len(state.items)) if is_log_item(state.items["item"][k])] if item_waits else []
        if (goal is not None and not items) or not footing(state.blocks, body.x, body.y, body.z, self._footing):
            self._goal = goal
            return
        here = self._footing.copy()
        steps_from(state.blocks, here, self._steps)
        self._goal = self._item_goal(state, here, items) or goal or self._log_goal(state, body, here)

    def _still_good(self, state: WorldState, body: Body, goal: Goal) -> bool:
        """Tells whether a goal still exists, and the player is still on its way there."""
        if goal.item is not None:
            item = state.items[goal.item]
            px, py, pz = (float(c) for c in np.add(goal.place, (0.5, 0.0, 0.5)))
            offset = wrapped(float(item.x) - px), float(item.y) - py, wrapped(float(item.z) - pz)
            if not is_log_item(item["item"]) or not within_pickup(*offset, ITEM_MARGIN):
                return False  # it is gone, or has slid away
        if goal.log is not None and not IS_LOG[block_at(state, goal.log)]:
            return False
        if not footing(state.blocks, body.x, body.y, body.z, self._footing):
            return True  # high in the air: see where it comes down
        left = next_waypoint(state.blocks, goal.place, goal.field, self._footing, body.x, body.z, False, np.empty(3))
        if goal.log is None:
            return left > 0 or (left == 0 and goal.item is not None)
        effort = left + abs(body.off(goal.log + 0.5)[1]) / TURN_PER_STEP
        goal.effort = min(goal.effort, effort)
        return left >= 0 and effort <= goal.effort + LOST

    def _item_goal(self, state: WorldState, here: Array, items: list[int]) -> Goal | None:
        place = np.zeros(3, np.int64)
        for k in items:
            item = state.items[k]
            found = choose_pickup(here, self._steps, float(item.x), float(item.y), float(item.z), place)
            if found and self._steps_to(here, place) <= ITEM_RANGE:
                return self._make_goal(state, place, item=k)
        return None

    def _log_goal(self, state: WorldState, body: Body, here: Array) -> Goal | None:
        found = np.zeros(6, np.int64)
        if choose_log(state.blocks, here, body.yaw, self._steps, self._refused, found):
            return self._make_goal(state, found[3:], log=found[:3])
        place = np.zeros(3, np.int64)
        if choose_outlook(here, body.yaw, self._steps, place):
            return self._make_goal(state, place)
        return None

    def _steps_to(self, here: Array, place: Array) -> int:
        i, j = (int(place[a] - here[a]) + SPAN // 2 for a in (0, 2))
        return int(self._steps[i, j, place[1]])

    @staticmethod
    def _make_goal(state: WorldState, place: Array, log: Array | None = None, item: int | None = None) -> Goal:
        field = np.empty((SPAN, SPAN, HEIGHT), np.int32)
        steps_to(state.blocks, place, field)
        return Goal(place, field, log, item)

    # -- doing something about it

    def _hold_on(self, state: WorldState, body: Body) -> HumanAction:
        """Digs the log in the cross-hairs, and turns to a better seen point of it if it is at the edge."""
        aim = np.empty(3)
        seen = aim_point(state.blocks, body.x, body.y + EYE_HEIGHT, body.z, body.nearby(np.array(body.aim)), aim)
        pitch_off, yaw_off = body.off(aim) if seen == 0 else (0.0, 0.0)
        if max(abs(pitch_off), abs(yaw_off)) < ON_TARGET:
            return human_action("attack")
        return human_action("attack", camera=self._turn(pitch_off, yaw_off))

    def _dig(self, state: WorldState, body: Body, place: Array, log: Array) -> HumanAction | None:
        """Aims at a log and digs, with leaves in the way; None while the player is not there yet."""
        if not body.on_ground:
            return None
        log = body.nearby(log)
        aim = np.empty(3)
        leaves = aim_point(state.blocks, body.x, body.y + EYE_HEIGHT, body.z, log, aim)
        if leaves < 0:
            if body.is_at(place):
                self._refuse_goal()
            return None
        dx, dz = aim[0] - body.x, aim[2] - body.z
        beside = leaves == 0 and max(abs(dx), abs(dz)) < BESIDE
        if not beside and not body.is_at(place):
            return None
        pitch_off, yaw_off = body.off(aim)
        off = max(abs(pitch_off), abs(yaw_off))
        on_log = body.aims_at(log)
        if on_log and off < ON_TARGET:
            return human_action("attack")
        attack = on_log or (off < CUT_ANGLE and body.aims_at_leaves)
        if body.aims and not attack and off < DEAD_BAND:
            self._refuse_goal()  # something else is in the way
        return human_action(*(("attack",) if attack else ()), camera=self._turn(pitch_off, yaw_off))

    def _walk(self, state: WorldState, body: Body, goal: Goal) -> HumanAction:
        """Follows the goal's field: turns to the next waypoint and walks, jumping up steps."""
        waypoint = np.zeros(3)
        if not footing(state.blocks, body.x, body.y, body.z, self._footing):
            return human_action()  # falling
        free = self._stuck < STUCK_TICKS
        left = next_waypoint(state.blocks, goal.place, goal.field, self._footing, body.x, body.z, free, waypoint)
        dx, dz, rise = (float(v) for v in waypoint)
        if free:
            dx, dz, rise = self._straight(state, body, goal) or (dx, dz, rise)
        away = math.hypot(dx, dz)
        yaw, _ = look_at(dx, 0.0, dz)
        yaw_off = angle(yaw - body.yaw) if away > 0.2 else 0.0
        pressed = []
        if away > 0.1 and abs(yaw_off) < (WALK_ANGLE_FAR if away > 2.0 else WALK_ANGLE):
            pressed.append("forward")
            if left >= SPRINT_STEPS and abs(yaw_off) < WALK_ANGLE / 2 and rise == 0.0:
                pressed.append("sprint")
            step_up = rise > 0.0 and away < 1.3
            if step_up or body.bumped or not free:
                pressed.append("jump")
        if body.in_water and "jump" not in pressed:
            pressed.append("jump")
        pitch_off = self._view_pitch(state, body, goal) - body.pitch
        if abs(pitch_off) < CALM_BAND:
            pitch_off = 0.0
        return human_action(*pressed, camera=self._turn(pitch_off, yaw_off))

    @staticmethod
    def _straight(state: WorldState, body: Body, goal: Goal) -> tuple[float, float, float] | None:
        """Returns the way to a trunk or item if one can simply walk up to it."""
        if goal.log is not None:
            dx, dz = wrapped(goal.log[0] + 0.5 - body.x), wrapped(goal.log[2] + 0.5 - body.z)
        elif goal.item is not None and abs(goal.place[1] - body.y) < 0.5:
            dx, _, dz = body.to_item(state, goal.item)
        else:
            return None
        away = math.hypot(dx, dz)
        if not body.on_ground or not STOP_SHORT < away < DIRECT:
            return None
        share = (away - STOP_SHORT) / away
        y = math.floor(body.y + 0.01)
        if not clear_walk(state.blocks, body.x, y, body.z, dx * share, dz * share):
            return None
        return dx, dz, 0.0

    @staticmethod
    def _view_pitch(state: WorldState, body: Body, goal: Goal) -> float:
        """Where to look while walking: at the goal when it is near, else level."""
        if goal.log is not None:
            offset = goal.log + 0.5 - (body.x, body.y + EYE_HEIGHT, body.z)
        elif goal.item is not None:
            offset = np.array(body.to_item(state, goal.item)) - (0.0, EYE_HEIGHT, 0.0)
        else:
            return CALM_PITCH
        dx, dz = wrapped(offset[0]), wrapped(offset[2])
        if math.hypot(dx, dz) > NEAR:
            return CALM_PITCH
        return max(-35.0, min(45.0, look_at(dx, float(offset[1]), dz)[1]))

    def _climb(self, state: WorldState, body: Body) -> HumanAction:
        """Gets out of a hole: cuts a stair into the wall ahead, and walks up."""
        quarter = round(body.yaw / 90.0)
        yaw = 90.0 * quarter
        dx, dz = ((0, 1), (-1, 0), (0, -1), (1, 0))[quarter % 4]
        x, y, z = math.floor(body.x), math.floor(body.y + 0.01), math.floor(body.z)
        stair = ((x + dx, y + 1, z + dz), (x + dx, y + 2, z + dz), (x, y + 2, z))
        solid = [cell for cell in stair if SOLID[block_at(state, cell)]]
        if any(body.aims_at(cell) for cell in solid):
            return human_action("attack")
        if solid:
            cx, cy, cz = solid[0]
            pitch_off, yaw_off = body.off((cx + 0.5, cy + 0.5, cz + 0.5))
            if solid[0] == stair[2]:  # overhead, any heading will do
                yaw_off = angle(yaw - body.yaw)
            return human_action(camera=self._turn(pitch_off, yaw_off))
        yaw_off = angle(yaw - body.yaw)
        keys = ("forward", "jump") if abs(yaw_off) < WALK_ANGLE else ()
        return human_action(*keys, camera=self._turn(CALM_PITCH - body.pitch, yaw_off))

    def _turn(self, pitch_off: float, yaw_off: float) -> tuple[float, float]:
        """Returns a camera movement that eases the view towards where it should be."""
        return _ease(pitch_off, self._turned[0]), _ease(yaw_off, self._turned[1])


def _ease(off: float, turned: float) -> float:
    """Returns the camera bin's degrees that bring the view closer to where it should be.

    Args:
        off: Degrees to go.
        turned: Degrees done in the last tick: the movement grows by few bins a tick, and ends gently.
    """
    if abs(off) < DEAD_BAND:
        return 0.0
    index = int(np.abs(BIN_DEGREES - EASE * off).argmin())
    if index == NULL_BIN:
        index = NULL_BIN + (1 if off > 0 else -1)
    before = int(np.abs(BIN_DEGREES - turned).argmin()) - NULL_BIN
    size, sign = abs(index - NULL_BIN), (1 if index > NULL_BIN else -1)
    limit = max(0, sign * before) + MAX_ACCELERATION
    return float(BIN_DEGREES[NULL_BIN + sign * min(size, limit)])
