"""Edits a world from outside, as the commands of Minecraft's operators do. ``chat`` and ``episode`` use it.

What happens in the game itself is in ``player`` and ``creatures``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, CACTUS, HEIGHT, IS_LEAVES, IS_LOG, MASK, PLANT, SIDE, SOLID
from vpt_gym.world.catalog.creatures import CREATURE_HEIGHT, CREATURE_WIDTH
from vpt_gym.world.core import fields
from vpt_gym.world.core.fields import HIGHEST_PLACE
from vpt_gym.world.core.geometry import BODY_HEIGHT, HALF_WIDTH
from vpt_gym.world.core.motion import overlaps
from vpt_gym.world.core.state import (
    ITEM,
    MAX_AIR,
    MAX_CREATURES,
    MAX_FOOD,
    MAX_HEALTH,
    RESTING,
    START_SATURATION,
    WorldState,
)
from vpt_gym.world.creatures.spawning import spawn

Array = np.ndarray[Any, Any]

GROUND_TOUCH = 0.01
"""A player whose feet are this close to the block below stands on it, blocks."""


def _body(x: float, y: float, z: float) -> tuple[Array, Array]:
    low = np.array((x - HALF_WIDTH, y, z - HALF_WIDTH))
    high = np.array((x + HALF_WIDTH, y + BODY_HEIGHT, z + HALF_WIDTH))
    return low, high


def has_room(state: WorldState, x: float, y: float, z: float) -> bool:
    """Returns whether a player with the feet at (x, y, z) overlaps no block."""
    return not overlaps(state.blocks, *_body(x, y, z))


def teleport(state: WorldState, x: float, y: float, z: float, yaw: float, pitch: float) -> None:
    """Moves the player to a place, at rest. The inventory is kept.

    Args:
        state: The world.
        x: X of the middle of the feet, blocks. Any number, because the world is a torus.
        y: Y of the feet, blocks, in (0, ``HIGHEST_PLACE``].
        z: Z of the middle of the feet, blocks. Any number.
        yaw: Degrees, 0 = +z, 90 = -x.
        pitch: Degrees in [-90, 90], + is down.

    Raises:
        ValueError: A number is out of range, or the place is inside a block. The player is not moved.
    """
    if not all(math.isfinite(number) for number in (x, z, yaw)):
        raise ValueError(f"the place is ({x}, {y}, {z}) with yaw {yaw}; they must be finite numbers")
    if not 0.0 < y <= HIGHEST_PLACE:
        raise ValueError(
            f"y is {y:g}; the embedded world is {HEIGHT} blocks high, so it must be in (0, {HIGHEST_PLACE}]"
        )
    if not -90.0 <= pitch <= 90.0:
        raise ValueError(f"pitch is {pitch:g}; it must be in [-90, 90] degrees")
    x, z = x % SIDE, z % SIDE
    if not has_room(state, x, y, z):
        top = int(state.tops[int(x) & MASK, int(z) & MASK])
        raise ValueError(f"({x:g}, {y:g}, {z:g}) is inside a block; the highest block of that column ends at y = {top}")
    player = state.player[0]
    player.x, player.y, player.z = x, y, z
    player.yaw, player.pitch = (yaw + 180.0) % 360.0 - 180.0, pitch
    player.vx, player.vy, player.vz = 0.0, RESTING, 0.0
    low, high = _body(x, y - GROUND_TOUCH, z)
    player.on_ground = int(overlaps(state.blocks, low, high))
    player.bumped, player.sprinting, player.dug, player.fallen = 0, 0, 0.0, 0.0


def spread(state: WorldState, rng: np.random.Generator, x: float, z: float, radius: float) -> None:
    """Teleports the player to the top of a random column of a square that has no tree or water.

    Args:
        state: The world.
        rng: Draws the place.
        x: X of the middle of the square, blocks.
        z: Z of the middle of the square, blocks.
        radius: Half the side of the square, blocks, greater than 0. The world is a torus of ``SIDE`` blocks; a larger
            square covers all of it.

    Raises:
        ValueError: The radius is not positive, or the square has no such column.
    """
    if not (math.isfinite(x) and math.isfinite(z) and radius > 0):
        raise ValueError(f"x, z and the range are {x:g}, {z:g} and {radius:g}; the range must be greater than 0")
    x, z = x % SIDE, z % SIDE
    reach = min(radius, SIDE / 2)
    span_x = np.arange(math.floor(x - reach), math.floor(x + reach) + 1)[:SIDE] & MASK
    span_z = np.arange(math.floor(z - reach), math.floor(z + reach) + 1)[:SIDE] & MASK
    columns = state.blocks[np.ix_(span_x, span_z)]
    filled = (columns != AIR) & ~PLANT[columns]
    tops = HEIGHT - np.argmax(filled[:, :, ::-1], axis=2)
    surface = np.take_along_axis(columns, tops[:, :, None] - 1, axis=2)[:, :, 0]
    fits = SOLID[surface] & (surface != CACTUS) & (tops <= HIGHEST_PLACE) & ~IS_LEAVES[surface] & ~IS_LOG[surface]
    open_x, open_z = np.nonzero(fits)
    if not len(open_x):
        raise ValueError(f"there is no open ground within {radius:g} blocks of ({x:g}, {z:g}); ask for a larger range")
    k = int(rng.integers(len(open_x)))
    player = state.player[0]
    place = (float(span_x[open_x[k]]) + 0.5, float(tops[open_x[k], open_z[k]]), float(span_z[open_z[k]]) + 0.5)
    teleport(state, *place, float(player.yaw), float(player.pitch))


def respawn(state: WorldState, x: float, y: float, z: float, yaw: float, pitch: float) -> None:
    """Respawns the player at a place, or the next free height above it, with full health and an empty inventory."""
    state.inventory[:] = 0
    player = state.player[0]
    player.health, player.food, player.air, player.saturation = MAX_HEALTH, MAX_FOOD, MAX_AIR, START_SATURATION
    player.exhaustion = player.fallen = 0.0
    player.hurt_ticks = player.food_ticks = player.eat_ticks = player.sneaking = 0
    player.slot = player.swing = player.jump_delay = player.dig_delay = player.use_delay = 0
    while not has_room(state, x, y, z) and y < HIGHEST_PLACE:
        y = math.floor(y) + 1.0
    teleport(state, x, y, z, yaw, pitch)


def set_block(state: WorldState, x: int, y: int, z: int, block: int) -> None:
    """Replaces a block. Nothing is dropped.

    Args:
        state: The world.
        x: X of the cell. Any number, because the world is a torus.
        y: Y of the cell, in [1, ``HIGHEST_PLACE`` - 1]: below is bedrock, above must stay empty.
        z: Z of the cell. Any number.
        block: The block id; ``AIR`` removes the block.

    Raises:
        ValueError: The height is out of range, or the block is solid and overlaps the player.
    """
    if not 0 < y < HIGHEST_PLACE:
        raise ValueError(f"y is {y}; blocks can be set from y = 1 to {HIGHEST_PLACE - 1} in the embedded world")
    before = int(state.blocks[x & MASK, z & MASK, y])
    fields.set_block(state.world, x, y, z, block)
    player = state.player[0]
    if SOLID[block] and not has_room(state, float(player.x), float(player.y), float(player.z)):
        fields.set_block(state.world, x, y, z, before)
        raise ValueError(f"the player is in ({x}, {y}, {z}) and would be stuck in the block")


def summon(state: WorldState, kind: int, x: float, y: float, z: float) -> None:
    """Puts a creature at a place, or at the next free height above it.

    Args:
        state: The world.
        kind: Kind id, see ``catalog.creatures``.
        x: X of the middle of its feet, blocks. Any number, because the world is a torus.
        y: Y of its feet, blocks, in (0, ``HIGHEST_PLACE``].
        z: Z of the middle of its feet, blocks. Any number.

    Raises:
        ValueError: A number is out of range, there is no room, or there are too many creatures.
    """
    if not (math.isfinite(x) and math.isfinite(z) and 0.0 < y <= HIGHEST_PLACE):
        raise ValueError(f"the place is ({x:g}, {y:g}, {z:g}); y must be in (0, {HIGHEST_PLACE}]")
    half, tall = CREATURE_WIDTH[kind] / 2, CREATURE_HEIGHT[kind]
    while overlaps(state.blocks, np.array((x - half, y, z - half)), np.array((x + half, y + tall, z + half))):
        y = math.floor(y) + 1.0
        if y > HIGHEST_PLACE:
            raise ValueError("there is no room for it")
    if spawn(state.world, kind, x, y, z) < 0:
        raise ValueError(f"there are {MAX_CREATURES} creatures already")


def clear_items(state: WorldState) -> None:
    """Removes all dropped items."""
    state.items[:] = np.zeros(1, ITEM)
