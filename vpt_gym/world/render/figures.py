"""Draws creatures and dropped items: builds boxes from them and draws those in view.

``boxes`` draws a single box; ``hand`` uses the same box functions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import BLOCKS, HEIGHT, MASK, PLANT, SIDE
from vpt_gym.world.catalog.items import ITEM_COUNT
from vpt_gym.world.creatures.damage import DEATH_TICKS
from vpt_gym.world.kernels.compiled import pixel_kernel
from vpt_gym.world.render.art.creature_models import (
    ARM,
    ARM_BACK,
    CRAWLS,
    CRAWLS_BACK,
    HEAD,
    PARTS,
    PARTS_OF,
    SWINGS,
    SWINGS_BACK,
    WING,
    WITH_COAT,
    WITHOUT_COAT,
)
from vpt_gym.world.render.boxes import AXES, BOX_COLUMNS, HALF, HURT, MIDDLE, SHINE, SKIN, SPRITE, draw_box, out_of_view

ITEM_VIEW = 24.0
CREATURE_VIEW = 60.0
"""Creatures and items farther away than this are not drawn, blocks."""
CREATURE_RADIUS, ITEM_RADIUS = 2.2, 0.7
"""Radius around the middle of a creature, or of a dropped item stack, that contains all of it, blocks."""
ITEM_SIDE = 0.25
SPRITE_SIDE = 0.4
BLOCK_COUNT = len(BLOCKS)
FIRST_SPRITE = BLOCK_COUNT * 1536
"""Index of the item sprites in the table of skins, after the blocks."""
FIRST_SKIN = FIRST_SPRITE + ITEM_COUNT * 256
"""Index of the creature skins in that table."""
IS_FLAT = np.array([n >= BLOCK_COUNT or bool(PLANT[n]) for n in range(ITEM_COUNT)])
"""By item id: whether it is drawn as a sprite instead of a cube."""


@pixel_kernel
def turn(box: Any, first: int, second: int, degrees: float) -> None:
    """Rotates a box: turns its axis ``first`` towards its axis ``second``."""
    sine = math.sin(math.radians(degrees))
    cosine = math.cos(math.radians(degrees))
    for k in range(3):
        a = box[AXES + 3 * first + k]
        b = box[AXES + 3 * second + k]
        box[AXES + 3 * first + k] = a * cosine + b * sine
        box[AXES + 3 * second + k] = b * cosine - a * sine


@pixel_kernel
def shift(box: Any, x: float, y: float, z: float) -> None:
    """Moves a box along its own axes, by x, y and z blocks."""
    for k in range(3):
        box[MIDDLE + k] += x * box[AXES + k] + y * box[AXES + 3 + k] + z * box[AXES + 6 + k]


@pixel_kernel
def face_yaw(box: Any, yaw: float) -> None:
    """Sets a box upright, its z axis along ``yaw`` and its x axis to the right of that."""
    sine = math.sin(math.radians(yaw))
    cosine = math.cos(math.radians(yaw))
    box[AXES : AXES + 9] = 0.0
    box[AXES], box[AXES + 2] = -cosine, -sine
    box[AXES + 4] = 1.0
    box[AXES + 6], box[AXES + 8] = -sine, cosine


@pixel_kernel
def set_light(box: Any, x: float, y: float, z: float, light: Any, lightmap: Any) -> None:
    """Lights a box with the light at (x, y, z) in the world."""
    level = max(0, min(HEIGHT - 1, math.floor(y)))
    cell = ((math.floor(x) & MASK) * SIDE + (math.floor(z) & MASK)) * HEIGHT + int(level)
    shine = int(lightmap[light[cell]])
    for channel in range(3):
        box[SHINE + channel] = (shine >> (8 * channel)) & 255


@pixel_kernel
def draw_figures(
    height: int,
    width: int,
    rows: Any,
    columns: Any,
    camera: Any,
    eye: Any,
    items: Any,
    creatures: Any,
    light: Any,
    skins: Any,
    sky_state: Any,
    frame: Any,
    depth: Any,
    surface: Any,
) -> None:
    """Draws creatures and dropped items.

    Args:
        height: See ``draw_box``.
        width: See ``draw_box``.
        rows: See ``draw_box``.
        columns: See ``draw_box``.
        camera: (3, 3) float32, see ``camera_axes``.
        eye: (3,) float32, blocks.
        items: See ``state.ITEM``.
        creatures: See ``state.CREATURE``.
        light: Flat light bytes, see ``World``.
        skins: See ``Art``.
        sky_state: The sky and the light, a ``SkyState``.
        frame: See ``draw_box``.
        depth: See ``draw_box``.
        surface: See ``draw_box``.
    """
    box = np.zeros(BOX_COLUMNS)
    for n in range(items.shape[0]):
        item = items[n]["item"]  # without compilation, the attribute ``item`` is a method of the record
        if item <= 0 or item >= ITEM_COUNT:
            continue
        x = (items[n].x - eye[0] + SIDE / 2) % SIDE - SIDE / 2
        z = (items[n].z - eye[2] + SIDE / 2) % SIDE - SIDE / 2
        y = items[n].y - eye[1]
        if x * x + z * z > ITEM_VIEW * ITEM_VIEW or out_of_view(x, y + 0.3, z, ITEM_RADIUS, camera):
            continue
        side = SPRITE_SIDE if IS_FLAT[item] else ITEM_SIDE
        box[:] = 0.0
        box[MIDDLE], box[MIDDLE + 1], box[MIDDLE + 2] = x, y + 0.1 + 0.05 * math.sin(0.1 * items[n].age) + side / 2, z
        face_yaw(box, 2.9 * items[n].age)
        set_light(box, items[n].x, items[n].y + 0.25, items[n].z, light, sky_state.lightmap)
        box[HALF : HALF + 3] = side / 2
        box[SKIN] = item * 1536
        if IS_FLAT[item]:
            box[SKIN] = FIRST_SPRITE + item * 256
            box[HALF + 2] = side / 32
            box[SPRITE] = 1.0
        for copy in range(min(3, 1 + int(items[n].count > 1) + int(items[n].count > 16))):
            if copy > 0:
                shift(box, 0.06, 0.05, 0.07)
            draw_box(box, height, width, rows, columns, camera, skins, sky_state, frame, depth, surface)
    for n in range(creatures.shape[0]):
        body = creatures[n]
        if body.kind <= 0:
            continue
        x = (body.x - eye[0] + SIDE / 2) % SIDE - SIDE / 2
        z = (body.z - eye[2] + SIDE / 2) % SIDE - SIDE / 2
        y = body.y - eye[1]
        if x * x + z * z > CREATURE_VIEW * CREATURE_VIEW or out_of_view(x, y + 0.8, z, CREATURE_RADIUS, camera):
            continue
        pace = min(1.0, 9.0 * math.sqrt(body.vx * body.vx + body.vz * body.vz))
        swing = 48.0 * pace * math.sin(2.7 * body.stride)
        fallen = min(1.0, body.death_ticks / DEATH_TICKS) * 90.0
        for part in range(PARTS_OF[body.kind], PARTS_OF[body.kind + 1]):
            when = PARTS[part, 13]
            if (when == WITH_COAT and body.coat == 0) or (when == WITHOUT_COAT and body.coat != 0):
                continue
            box[:] = 0.0
            box[MIDDLE], box[MIDDLE + 1], box[MIDDLE + 2] = x, y, z
            face_yaw(box, body.yaw)
            turn(box, 0, 1, fallen)
            shift(box, PARTS[part, 0] / 16.0, PARTS[part, 1] / 16.0, PARTS[part, 2] / 16.0)
            motion = int(PARTS[part, 10])
            if motion == HEAD:
                turn(box, 2, 0, (body.head_yaw - body.yaw + 180.0) % 360.0 - 180.0)
                turn(box, 2, 1, -body.head_pitch)
            elif motion == SWINGS:
                turn(box, 2, 1, swing)
            elif motion == SWINGS_BACK:
                turn(box, 2, 1, -swing)
            elif motion in (ARM, ARM_BACK):
                sway = 3.0 * math.sin(0.09 * body.age) + (0.25 * swing if motion == ARM else -0.25 * swing)
                turn(box, 2, 1, 84.0 + sway)
            elif motion == WING:
                flap = 0.0 if body.on_ground != 0 else 60.0 * abs(math.sin(0.9 * body.age))
                turn(box, 0, 1, flap if PARTS[part, 0] > 0.0 else -flap)
            elif motion in (CRAWLS, CRAWLS_BACK):
                turn(box, 2, 0, PARTS[part, 11] + (0.45 * swing if motion == CRAWLS else -0.45 * swing))
                turn(box, 0, 1, PARTS[part, 12])
            shift(box, PARTS[part, 3] / 16.0, PARTS[part, 4] / 16.0, PARTS[part, 5] / 16.0)
            for k in range(3):
                box[HALF + k] = PARTS[part, 6 + k] / 16.0
            box[SKIN] = FIRST_SKIN + PARTS[part, 9] * 1536
            box[HURT] = 1.0 if body.hurt_ticks > 0 or body.death_ticks > 0 else (0.35 if body.fire > 0 else 0.0)
            set_light(box, body.x, body.y + 0.6, body.z, light, sky_state.lightmap)
            draw_box(box, height, width, rows, columns, camera, skins, sky_state, frame, depth, surface)
