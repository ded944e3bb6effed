"""The motion of bodies in a tick, on land and in water, and collisions with blocks.

The constants are those of Minecraft 1.11, the version that MineDojo runs. A tick is 1/20 s; speeds are in blocks per
tick.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import SIDE
from vpt_gym.world.core.geometry import BODY_HEIGHT, EYE_HEIGHT, HALF_WIDTH, SNEAKING_EYE_HEIGHT, liquid, sin_cos, solid
from vpt_gym.world.kernels.compiled import kernel

GRAVITY = 0.08
DRAG = 0.98
JUMP = 0.42
SPRINT_JUMP = 0.2
JUMP_DELAY = 10
STANDSTILL = 0.003
WALK = 0.1
SPRINT_FACTOR = 1.3
FLY = 0.02
GROUND_FRICTION = 0.546
AIR_FRICTION = 0.91
INPUT = 0.98
SNEAK_INPUT = 0.3
STEP_DOWN = 0.6
SPRINT_FOOD = 6
"""A player with this much food or less cannot sprint."""

WATER_PUSH = 0.02
WATER_DRAG = 0.8
SINK = 0.02
SWIM_UP = 0.04
CLIMB_OUT = 0.3
"""Upward speed of a swimmer who moves against the shore, blocks per tick."""
CLIMB_HEIGHT = 0.6
"""Free height above the body that climbing out needs, blocks."""
DEEP = 0.4
"""Part of a body's box, at the bottom and at the top, that does not count for being in the water, blocks."""

TOUCH = 1e-7
"""Boxes that overlap by less than this only touch, blocks: rounding must not count as overlap."""


@kernel
def any_solid(blocks: Any, first: Any, last: Any) -> bool:
    """Returns whether any of the cells from ``first`` to ``last`` (3,) int64, both inclusive, is solid."""
    for x in range(first[0], last[0] + 1):
        for z in range(first[2], last[2] + 1):
            for y in range(first[1], last[1] + 1):
                if solid(blocks, x, y, z):
                    return True
    return False


@kernel
def overlaps(blocks: Any, low: Any, high: Any) -> bool:
    """Returns whether a box, given by two corners (3,) float64, overlaps a solid block."""
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    for a in range(3):
        first[a] = math.floor(low[a] + TOUCH)
        last[a] = math.floor(high[a] - TOUCH)
    return any_solid(blocks, first, last)


@kernel
def slide(blocks: Any, low: Any, high: Any, axis: int, wanted: float) -> float:
    """Moves a box along one axis until it touches a solid block.

    Args:
        blocks: ``World.blocks``.
        low: (3,) float64, lower corner of the box; changed.
        high: (3,) float64, upper corner; changed.
        axis: 0 x, 1 y, 2 z.
        wanted: Signed distance to move, blocks.

    Returns:
        The signed distance moved, blocks.
    """
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    for a in range(3):
        first[a] = math.floor(low[a] + TOUCH)
        last[a] = math.floor(high[a] - TOUCH)
    moved = wanted
    if wanted > 0.0:
        for cell in range(last[axis] + 1, math.floor(high[axis] + wanted) + 1):
            first[axis] = cell
            last[axis] = cell
            if any_solid(blocks, first, last):
                moved = min(wanted, max(0.0, cell - high[axis]))
                break
    elif wanted < 0.0:
        for cell in range(first[axis] - 1, math.floor(low[axis] + wanted) - 1, -1):
            first[axis] = cell
            last[axis] = cell
            if any_solid(blocks, first, last):
                moved = max(wanted, min(0.0, cell + 1 - low[axis]))
                break
    low[axis] += moved
    high[axis] += moved
    return moved


@kernel
def hold_edge(blocks: Any, low: Any, high: Any, axis: int, step: float) -> float:
    """Shortens the step of a sneaking player until there is ground below its end; returns the step, blocks."""
    under_low = low.copy()
    under_high = high.copy()
    under_low[1] -= STEP_DOWN
    under_high[1] = low[1]
    while step != 0.0:
        under_low[axis] = low[axis] + step
        under_high[axis] = high[axis] + step
        if overlaps(blocks, under_low, under_high):
            break
        step = 0.0 if abs(step) < 0.05 else step - math.copysign(0.05, step)
    return step


@kernel
def in_liquid(blocks: Any, low: Any, high: Any, margin: float) -> bool:
    """Returns whether a box, shortened by ``margin`` blocks at its bottom and top, reaches into water."""
    for x in range(math.floor(low[0] + TOUCH), math.floor(high[0] - TOUCH) + 1):
        for z in range(math.floor(low[2] + TOUCH), math.floor(high[2] - TOUCH) + 1):
            for y in range(math.floor(low[1] + margin + TOUCH), math.floor(high[1] - margin - TOUCH) + 1):
                if liquid(blocks, x, y, z):
                    return True
    return False


@kernel
def box_at(x: float, y: float, z: float, half_width: float, height: float, low: Any, high: Any) -> None:
    """Writes the corners (3,) float64 of the box of a body whose feet are at (x, y, z)."""
    low[0] = x - half_width
    low[1] = y
    low[2] = z - half_width
    high[0] = x + half_width
    high[1] = y + height
    high[2] = z + half_width


@kernel
def slide_body(blocks: Any, low: Any, high: Any, velocity: Any, swims: bool) -> int:
    """Moves a box by its velocity, stops it where it hits something, and applies gravity or water.

    Friction outside water depends on the ground; the caller applies it.

    Args:
        blocks: ``World.blocks``.
        low: (3,) float64, lower corner of the box; changed.
        high: (3,) float64, upper corner; changed.
        velocity: (3,) float64, blocks per tick; changed.
        swims: Whether it was in water before.

    Returns:
        1 if it stands on something, + 2 if it hit something sideways.
    """
    start = low[1]
    stands = False
    bumped = False
    x_first = abs(velocity[0]) >= abs(velocity[2])
    for n in range(3):
        axis = 1 if n == 0 else (0 if (n == 1) == x_first else 2)
        wanted = velocity[axis]
        if slide(blocks, low, high, axis, wanted) != wanted:
            velocity[axis] = 0.0
            stands = stands or (axis == 1 and wanted < 0.0)
            bumped = bumped or axis != 1
    if swims:
        velocity[0] *= WATER_DRAG
        velocity[1] = velocity[1] * WATER_DRAG - SINK
        velocity[2] *= WATER_DRAG
        if bumped:
            higher_low = low.copy()
            higher_high = high.copy()
            rise = start - low[1] + CLIMB_HEIGHT + velocity[1]
            for a in range(3):
                by = rise if a == 1 else velocity[a]
                higher_low[a] += by
                higher_high[a] += by
            if not overlaps(blocks, higher_low, higher_high) and not in_liquid(blocks, higher_low, higher_high, 0.0):
                velocity[1] = CLIMB_OUT
    else:
        velocity[1] = (velocity[1] - GRAVITY) * DRAG
    return (1 if stands else 0) + (2 if bumped else 0)


@kernel
def move_player(w: Any, p: Any, controls: Any) -> None:
    """Moves the player by one tick: walking, jumping, sprinting, sneaking, falling and swimming.

    Water has no currents. A sprint, once begun, lasts while forward is held, until something stops it. ``p.fallen``
    grows while the player falls and is 0 in water. At the landing it keeps the height of the fall; the code that
    applies the damage resets it.

    Args:
        w: The ``World``.
        p: The ``PLAYER`` record; changed.
        controls: The ``Controls``; used are ``forward``, ``strafe``, ``jump``, ``sneak`` and ``sprint``.
    """
    blocks = w.blocks
    low = np.empty(3)
    high = np.empty(3)
    velocity = np.empty(3)
    box_at(p.x, p.y, p.z, HALF_WIDTH, BODY_HEIGHT, low, high)
    swims = in_liquid(blocks, low, high, DEEP)
    p.sneaking = controls.sneak
    if controls.forward <= 0 or controls.sneak or p.bumped or p.food <= SPRINT_FOOD:
        p.sprinting = 0
    elif controls.sprint:
        p.sprinting = 1
    velocity[0] = 0.0 if abs(p.vx) < STANDSTILL else p.vx
    velocity[1] = 0.0 if abs(p.vy) < STANDSTILL else p.vy
    velocity[2] = 0.0 if abs(p.vz) < STANDSTILL else p.vz
    sine, cosine = sin_cos(p.yaw)
    grounded = p.on_ground != 0
    if controls.jump:
        if p.jump_delay > 0:
            p.jump_delay -= 1
        if swims:
            velocity[1] += SWIM_UP
        elif grounded and p.jump_delay == 0:
            velocity[1] = JUMP
            p.jump_delay = JUMP_DELAY
            if p.sprinting:
                velocity[0] -= sine * SPRINT_JUMP
                velocity[2] += cosine * SPRINT_JUMP
    else:
        p.jump_delay = 0

    ahead = controls.forward * INPUT
    aside = controls.strafe * INPUT
    if controls.sneak:
        ahead *= SNEAK_INPUT
        aside *= SNEAK_INPUT
    size = math.sqrt(ahead * ahead + aside * aside)
    if size > 0.01:
        push = (WALK if grounded else FLY) / max(1.0, size)
        if p.sprinting:
            push *= SPRINT_FACTOR
        if swims:
            push = WATER_PUSH / max(1.0, size)
        velocity[0] += (aside * cosine - ahead * sine) * push
        velocity[2] += (ahead * cosine + aside * sine) * push
    if controls.sneak and grounded:
        ahead_low = low.copy()
        ahead_high = high.copy()
        for axis in (0, 2):
            velocity[axis] = hold_edge(blocks, ahead_low, ahead_high, axis, velocity[axis])
            ahead_low[axis] += velocity[axis]
            ahead_high[axis] += velocity[axis]
    x = low[0]
    y = low[1]
    z = low[2]
    touches = slide_body(blocks, low, high, velocity, swims)
    p.x = (p.x + (low[0] - x)) % SIDE
    p.y += low[1] - y
    p.z = (p.z + (low[2] - z)) % SIDE
    p.on_ground = touches & 1
    p.bumped = touches >> 1
    friction = 1.0 if swims else (GROUND_FRICTION if grounded else AIR_FRICTION)
    p.vx = velocity[0] * friction
    p.vy = velocity[1]
    p.vz = velocity[2] * friction

    p.in_water = 1 if in_liquid(blocks, low, high, DEEP) else 0
    eye = SNEAKING_EYE_HEIGHT if controls.sneak else EYE_HEIGHT
    p.eye_in_water = 1 if liquid(blocks, math.floor(p.x), math.floor(p.y + eye), math.floor(p.z)) else 0
    if p.in_water:
        p.fallen = 0.0
    elif low[1] < y:
        p.fallen += y - low[1]
