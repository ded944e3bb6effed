"""Casts the rays of a mission's lidar, and returns their values in Malmo's order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, BLOCKS, HAND, HEIGHT, MASK, NO_TOOL, SHEARS, WOODEN, Block
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import NO_ITEM
from vpt_gym.world.core.geometry import EYE_HEIGHT, SNEAKING_EYE_HEIGHT, look, wrapped
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.malmo.mission import Ray
from vpt_gym.world.rules.loot import ITEM_HALF_WIDTH, ITEM_HEIGHT

NO_ENTITY, ITEM_ENTITY = "null", "EntityItem"
"""Minecraft's class names."""


def harvest_level(block: Block) -> int:
    """Returns Minecraft's harvest level of a block, -1 if it has no matching kind of tool."""
    return -1 if block.tool in (NO_TOOL, SHEARS) else max(0, block.tier - WOODEN)


_BLOCK_VALUES = [
    (
        [kind.name],
        [
            kind.variant,
            harvest_level(kind),
            kind.tier == HAND,
            kind.solid,
            kind.liquid,
            kind.solid,
            kind.burns,
        ],
    )
    for kind in BLOCKS
]
"""By block id: the values of a ray before the distance and after it."""


def rotated(direction: tuple[float, float, float], pitch: float, yaw: float) -> tuple[float, float, float]:
    """Rotates a vector like Minecraft's ``Vec3d``, which Malmo uses: about the x axis, then about the y axis.

    So ``pitch`` is relative to the view only if the view is along +z; along -z it has the opposite sign.

    Args:
        direction: (x, y, z).
        pitch: Radians.
        yaw: Radians, + is left.
    """
    x, y, z = direction
    y, z = y * math.cos(pitch) + z * math.sin(pitch), z * math.cos(pitch) - y * math.sin(pitch)
    return x * math.cos(yaw) + z * math.sin(yaw), y, z * math.cos(yaw) - x * math.sin(yaw)


def _distance_to_box(low: tuple[float, ...], high: tuple[float, ...], direction: tuple[float, ...]) -> float:
    """Returns the distance from the origin along a unit vector to a box, infinity if it is missed."""
    near, far = 0.0, math.inf
    for start, end, along in zip(low, high, direction, strict=True):
        if abs(along) < 1e-12:
            if start > 0.0 or end < 0.0:
                return math.inf
            continue
        first, last = sorted((start / along, end / along))
        near, far = max(near, first), min(far, last)
    return near if near <= far else math.inf


def ray_values(state: WorldState, rays: tuple[Ray, ...]) -> list[Any]:
    """Returns 16 values for each ray, in Malmo's order.

    They are: block name, distance to it (blocks), metadata, harvest level, needs no tool, blocks movement, is liquid,
    is solid, can burn, entity name, distance to it, the ray's pitch and yaw as requested, and the block's x, y, z. A
    ray that meets no block ends in air at its full length. Entities are creatures and dropped items. Without one, the
    distance to the entity is the distance to the block.
    """
    player = state.player[0]
    eye_height = SNEAKING_EYE_HEIGHT if player.sneaking else EYE_HEIGHT
    x, y, z = float(player.x), float(player.y) + eye_height, float(player.z)
    view = look(float(player.yaw), float(player.pitch))
    boxes = []
    bodies = [
        *((item, ITEM_HALF_WIDTH, ITEM_HEIGHT, ITEM_ENTITY) for item in state.items[state.items["item"] != NO_ITEM]),
        *(
            (being, KINDS[being.kind].width / 2, KINDS[being.kind].height, f"Entity{KINDS[being.kind].name.title()}")
            for being in state.creatures[state.creatures["kind"] > 0]
        ),
    ]
    for body, half, tall, entity_name in bodies:
        dx, dy, dz = wrapped(float(body.x) - x), float(body.y) - y, wrapped(float(body.z) - z)
        boxes.append(((dx - half, dy, dz - half), (dx + half, dy + tall, dz + half), entity_name))
    hit = np.zeros(4, np.int64)
    values: list[Any] = []
    for ray in rays:
        dx, dy, dz = direction = rotated(view, ray.pitch, ray.yaw)
        distance = float(pick(state.blocks, x, y, z, dx, dy, dz, ray.distance, hit))
        if distance >= 0.0:
            # the copy of the block nearest to the player on the torus
            bx = math.floor(x + wrapped(float(hit[0]) + 0.5 - x))
            by = int(hit[1])
            bz = math.floor(z + wrapped(float(hit[2]) + 0.5 - z))
        else:
            distance = ray.distance
            bx, by, bz = (math.floor(o + distance * along) for o, along in zip((x, y, z), direction, strict=True))
        block = int(state.blocks[bx & MASK, bz & MASK, by]) if 0 <= by < HEIGHT else AIR
        nearest = min(
            ((_distance_to_box(low, high, direction), name) for low, high, name in boxes), default=(math.inf, "")
        )
        entity = (nearest[1], nearest[0]) if nearest[0] < distance else (NO_ENTITY, distance)
        name, properties = _BLOCK_VALUES[block]
        values += name
        values.append(distance)
        values += properties
        values += (*entity, ray.pitch, ray.yaw, bx, by, bz)
    return values
