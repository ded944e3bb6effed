"""What rays see through: plants, which are two crossed sprites with holes, and water.

Only tiles in which a ray stopped at one of these come here. The rays that go on march together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, LIQUID, MASK, PLANT, WATER
from vpt_gym.world.compiled import LANES, pixel_kernel
from vpt_gym.world.rays import (
    AWAY,
    AX,
    AY,
    AZ,
    BLOCK,
    BLUE,
    CELL,
    CX,
    CY,
    CZ,
    EDGE,
    END,
    F0,
    F1,
    FIELD,
    FURTHER,
    GREEN,
    HIT,
    INDEX,
    LAYER,
    LIMIT,
    LIT,
    LOOK,
    MX,
    MZ,
    NEAR,
    NEXT,
    NEXT_X,
    NEXT_Y,
    NEXT_Z,
    OX,
    OY,
    OZ,
    RED,
    RX,
    RY,
    RZ,
    SHINE,
    SIGN,
    SINKS,
    SPRITE,
    SURFACE,
    TEXEL,
    VIEW,
    WAY,
    WET,
    f32,
    i32,
    march,
    u32,
)

FIRST_PLANT = int(np.argmax(PLANT))
"""All blocks from here on are plants."""
OPEN, LEAFY, WET_KIND, FIRM = range(4)
KIND = np.array([WET_KIND if wet else LEAFY if plant else FIRM for plant, wet in zip(PLANT, LIQUID, strict=True)])
KIND[0] = OPEN
"""What a block is to a ray: nothing, crossed sprites, water, or the end of its way."""
SOLID_TEXEL = np.uint32(1 << 24)
"""Texels below are holes."""
LAYERS = 12
"""Changes between air, plants and water that one ray is followed through."""
DIVE = 18.0
"""How far a ray goes in water, blocks: by then everything is the water's colour."""
DONE, IN_AIR, IN_WATER = range(3)
SURFACE_ALPHA = 0.42
"""How much of the water's surface covers what lies under it."""
THICKNESS = 0.13
"""How much more of the water's colour each block of way adds."""
MURK = 0.3
"""How much of the water's colour lies over everything that an eye in water sees."""
DEEP_R, DEEP_G, DEEP_B = 18, 52, 150
"""Colour of deep water."""


@pixel_kernel
def probe_cells(S: Any, Q: Any, blocks: Any, atlas: Any) -> None:
    """Finds, for each ray, what its cell holds, which texels of crossed sprites it meets there, and where it leaves.

    Sets ``BLOCK``, ``TEXEL`` (the first texel that is not a hole, or -1), ``NEAR`` (the way to it), and the next cell:
    ``NEXT_X``, ``NEXT_Y``, ``NEXT_Z`` and ``AWAY``.
    """
    for k in range(LANES):
        ax = S[AX + k]
        ay = S[AY + k]
        az = S[AZ + k]
        x = S[OX + k] - f32(Q[CX + k])
        y = S[OY + k] - f32(Q[CY + k])
        z = S[OZ + k] - f32(Q[CZ + k])
        tx = (F1 - x) * S[RX + k]
        ty = (F1 - y) * S[RY + k]
        tz = (F1 - z) * S[RZ + k]
        away = min(tx, min(ty, tz))
        S[AWAY + k] = away
        Q[NEXT_X + k] = i32(Q[CX + k] + (i32(1) if tx <= away else i32(0)))
        Q[NEXT_Y + k] = i32(Q[CY + k] + (i32(1) if (ty <= away) & (tx > away) else i32(0)))
        Q[NEXT_Z + k] = i32(Q[CZ + k] + (i32(1) if min(tx, ty) > away else i32(0)))
        across = ax - az
        across = f32(1e-6) if abs(across) < f32(1e-6) else across
        one = max(f32(-1e3), min(f32(1e3), (z - x) / across))
        other = (F1 - x - z) / (ax + az)
        near = min(one, other)
        far = max(one, other)
        before = S[WAY + k] - f32(1e-4)
        # a texel of either crossing, or -1 where the ray crosses outside the cell
        u = x + near * ax
        v = y + near * ay
        inside = (near > before) & (near > F0) & (near < away) & (u >= F0) & (u < F1) & (v >= F0) & (v < F1)
        u = max(F0, min(f32(0.99), u)) * f32(16.0)
        v = max(F0, min(f32(0.99), v)) * f32(16.0)
        column = i32(i32(u) ^ i32(Q[MX + k] & i32(15)))
        row = i32(i32(v) ^ (i32(0) if Q[SIGN + k] < 0 else i32(15)))
        Q[TEXEL + k] = i32(i32(row << i32(4)) | column) if inside else i32(-1)
        S[NEAR + k] = near
        u = x + far * ax
        v = y + far * ay
        inside = (far > before) & (far > F0) & (far < away) & (u >= F0) & (u < F1) & (v >= F0) & (v < F1)
        u = max(F0, min(f32(0.99), u)) * f32(16.0)
        v = max(F0, min(f32(0.99), v)) * f32(16.0)
        column = i32(i32(u) ^ i32(Q[MX + k] & i32(15)))
        row = i32(i32(v) ^ (i32(0) if Q[SIGN + k] < 0 else i32(15)))
        Q[LOOK + k] = i32(i32(row << i32(4)) | column) if inside else i32(-1)
        S[FURTHER + k] = far
    for k in range(LANES):
        block = i32(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
        Q[BLOCK + k] = block
        first = i32(block * i32(1536))
        texel = Q[TEXEL + k]
        if texel >= 0 and atlas[u32(first + texel)] < SOLID_TEXEL:
            texel = i32(-1)
        if texel < 0 and Q[LOOK + k] >= 0:
            texel = Q[LOOK + k]
            S[NEAR + k] = S[FURTHER + k]
            if atlas[u32(first + texel)] < SOLID_TEXEL:
                texel = i32(-1)
        Q[TEXEL + k] = texel


@pixel_kernel
def enter_cell(S: Any, Q: Any) -> None:
    """Moves the rays whose ``SHINE`` is set into their next cell."""
    for k in range(LANES):
        goes = Q[SHINE + k] != 0
        x = Q[NEXT_X + k] if goes else Q[CX + k]
        y = Q[NEXT_Y + k] if goes else Q[CY + k]
        z = Q[NEXT_Z + k] if goes else Q[CZ + k]
        S[WAY + k] = S[AWAY + k] if goes else S[WAY + k]
        Q[CX + k] = x
        Q[CY + k] = y
        Q[CZ + k] = z
        ix = i32(i32(i32(x ^ Q[MX + k]) & i32(MASK)) << i32(EDGE))
        iz = i32(i32(z ^ Q[MZ + k]) & i32(MASK))
        iy = i32(Q[LAYER + k] + i32(Q[SIGN + k] * min(y, i32(HEIGHT - 1))))
        Q[INDEX + k] = i32(i32(i32(i32(ix | iz) * i32(HEIGHT)) + iy) + Q[FIELD + k])


@pixel_kernel
def advance_group(S: Any, Q: Any, squares: Any, blocks: Any, medium: int, group: int) -> None:
    """Marches the rays whose ``NEXT`` is ``group``; all others stay."""
    for k in range(LANES):
        Q[RED + k] = Q[HIT + k]
        S[END + k] = S[LIMIT + k] if Q[NEXT + k] == group else F0
    march(S, Q, squares, blocks, medium)
    for k in range(LANES):
        Q[HIT + k] = Q[HIT + k] if Q[NEXT + k] == group else Q[RED + k]


@pixel_kernel
def look_through(S: Any, Q: Any, squares: Any, blocks: Any, atlas: Any, ceiling: float) -> None:
    """Follows the rays that stopped at a plant or at water until they stop at something else, or at nothing.

    Sets ``SPRITE`` (texel of a plant), ``SURFACE`` (way to the water, or -1) and ``WET`` (way in it). A ray that ends
    in deep water counts as a hit of water.
    """
    for k in range(LANES):
        S[SURFACE + k] = f32(-1.0)
        S[WET + k] = F0
        Q[NEXT + k] = i32(IN_AIR) if Q[HIT + k] != 0 else i32(DONE)
    for _ in range(LAYERS):
        airy = 0
        wet = 0
        probe_cells(S, Q, blocks, atlas)
        for k in range(LANES):
            Q[SHINE + k] = i32(0)
            if Q[NEXT + k] == DONE:
                continue
            block = Q[BLOCK + k]
            if Q[HIT + k] == 0 or KIND[block] == FIRM:
                Q[NEXT + k] = i32(DONE)
            elif KIND[block] == WET_KIND:
                way = S[WAY + k]
                if S[SURFACE + k] < F0:
                    S[SURFACE + k] = way
                Q[NEXT + k] = i32(IN_WATER)
                S[WET + k] -= way
                S[LIMIT + k] = min(f32(VIEW), way + f32(DIVE))
                wet += 1
            elif KIND[block] == LEAFY and Q[TEXEL + k] >= 0:
                S[WAY + k] = S[NEAR + k]
                Q[SPRITE + k] = Q[TEXEL + k]
                Q[NEXT + k] = i32(DONE)
            else:
                Q[SHINE + k] = i32(1) if KIND[block] == LEAFY else i32(0)
                Q[NEXT + k] = i32(IN_AIR)
                far = f32(VIEW)
                if Q[SINKS + k] == 0:
                    far = min(far, (f32(ceiling) - S[OY + k]) * S[RY + k])
                S[LIMIT + k] = far
                airy += 1
        if wet == 0 and airy == 0:
            break
        if wet > 0:
            advance_group(S, Q, squares, blocks, WATER, IN_WATER)
            for k in range(LANES):
                if Q[NEXT + k] == IN_WATER:
                    S[WET + k] += S[WAY + k]
                    if Q[HIT + k] == 0:
                        Q[HIT + k] = i32(1)
                        Q[NEXT + k] = i32(DONE)
        if airy > 0:
            enter_cell(S, Q)
            advance_group(S, Q, squares, blocks, 0, IN_AIR)


@pixel_kernel
def place_sprites(Q: Any) -> None:
    """Replaces texel and light of the rays that hit a plant: its light is that of its own cell."""
    for k in range(LANES):
        if Q[SPRITE + k] >= 0:
            Q[TEXEL + k] = i32(Q[SPRITE + k] + i32(Q[BLOCK + k] * i32(1536)))
            Q[LIT + k] = Q[CELL + k]


@pixel_kernel
def tint_wet(S: Any, Q: Any, eye: Any, light: Any, atlas: Any, time: int, heavens: Any) -> None:
    """Lays the water over what the rays saw through it: its surface, its depth, and the fog before it."""
    for k in range(LANES):
        way = S[SURFACE + k]
        if way < F0:
            continue
        x = S[OX + k] + way * S[AX + k]
        z = S[OZ + k] + way * S[AZ + k]
        cx = int(x) & MASK
        cz = int(z) & MASK
        level = S[OY + k] + way * S[AY + k]
        cy = int(level)
        texel_x = int(x * f32(16.0)) & 15
        texel_z = int(z * f32(16.0)) & 15
        if Q[MX + k] != 0:
            cx = MASK - cx
            texel_x = 15 - texel_x
        if Q[MZ + k] != 0:
            cz = MASK - cz
            texel_z = 15 - texel_z
        if Q[SIGN + k] < 0:
            # the air over the surface
            cy = HEIGHT - int(level + f32(0.5)) if way > F0 else HEIGHT - 1 - cy
        cy = max(0, min(HEIGHT - 1, cy))
        shine = int(heavens.lightmap[light[(cx * (MASK + 1) + cz) * HEIGHT + cy]])
        depth = S[WET + k]
        r = DEEP_R
        g = DEEP_G
        b = DEEP_B
        alpha = F1 - np.exp(f32(-THICKNESS) * depth)
        if way <= F0:
            alpha = f32(MURK) + f32(1.0 - MURK) * alpha
        else:
            texel = ((texel_z + time // 3) & 15) * 16 + ((texel_x + time // 7) & 15)
            c = int(atlas[WATER * 1536 + 3 * 256 + texel])
            r = c & 255
            g = (c >> 8) & 255
            b = (c >> 16) & 255
            deep = int(f32(160.0) * alpha)
            r += ((DEEP_R - r) * deep) >> 8
            g += ((DEEP_G - g) * deep) >> 8
            b += ((DEEP_B - b) * deep) >> 8
            alpha = f32(SURFACE_ALPHA) + f32(1.0 - SURFACE_ALPHA) * alpha
        haze = max(F0, min(F1, (way - heavens.numbers[6]) * heavens.numbers[7]))
        alpha *= F1 - haze
        blend = i32(alpha * f32(256.0))
        rest = i32(256) - blend
        Q[RED + k] = i32((Q[RED + k] * rest + ((r * (shine & 255)) >> 8) * blend) >> 8)
        Q[GREEN + k] = i32((Q[GREEN + k] * rest + ((g * ((shine >> 8) & 255)) >> 8) * blend) >> 8)
        Q[BLUE + k] = i32((Q[BLUE + k] * rest + ((b * ((shine >> 16) & 255)) >> 8) * blend) >> 8)
