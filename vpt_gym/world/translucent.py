"""What rays see through: plants, which are two crossed sprites with holes, and water.

Only tiles in which a ray stopped at one of these come here. The rays that go on march together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.blocks import HEIGHT, LIQUID, MASK, PLANT, WATER
from vpt_gym.world.compiled import LANES, pixel_kernel
from vpt_gym.world.rays import (
    AX,
    AY,
    AZ,
    BLOCK,
    BLUE,
    CELL,
    CX,
    CY,
    CZ,
    DY,
    EDGE,
    END,
    F0,
    F1,
    FIELD,
    GREEN,
    HIT,
    INDEX,
    LAYER,
    LIMIT,
    LIT,
    MX,
    MZ,
    NEXT,
    OX,
    OY,
    OZ,
    RED,
    RX,
    RY,
    RZ,
    SIGN,
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

SEE_THROUGH = np.array([plant or liquid for plant, liquid in zip(PLANT, LIQUID, strict=True)])
IS_PLANT = np.array(PLANT)
LAYERS = 12
"""Changes between air, plants and water that one ray is followed through."""
DIVE = 18.0
"""How far a ray goes in water, blocks: by then everything is the water's colour."""
DONE, IN_AIR, IN_WATER = range(3)
SURFACE_ALPHA = 0.42
"""How much of the water's surface covers what lies under it."""
THICKNESS = 0.13
"""How much more of the water's colour each block of way adds."""
DEEP_R, DEEP_G, DEEP_B = 22, 50, 128
"""Colour of deep water."""


@pixel_kernel
def hit_sprite(S: Any, Q: Any, k: int, first_texel: int, atlas: Any) -> bool:
    """Tests the crossed sprites of the ray's cell; sets ``WAY`` and ``SPRITE`` if it meets one."""
    x = S[OX + k] - f32(Q[CX + k])
    y = S[OY + k] - f32(Q[CY + k])
    z = S[OZ + k] - f32(Q[CZ + k])
    ax = S[AX + k]
    ay = S[AY + k]
    az = S[AZ + k]
    across = ax - az
    first = (z - x) / across if abs(across) > f32(1e-6) else f32(-1.0)
    second = (F1 - x - z) / (ax + az)
    for turn in range(2):
        way = min(first, second) if turn == 0 else max(first, second)
        u = x + way * ax
        v = y + way * ay
        w = z + way * az
        if way <= F0 or u < F0 or u >= F1 or v < F0 or v >= F1 or w < F0 or w >= F1:
            continue
        column = min(15, int(u * f32(16.0)))
        row = min(15, int(v * f32(16.0)))
        if Q[MX + k] != 0:
            column = 15 - column
        if Q[SIGN + k] > 0:
            row = 15 - row
        texel = row * 16 + column
        if atlas[first_texel + texel] >> u32(24) != 0:
            S[WAY + k] = way
            Q[SPRITE + k] = i32(texel)
            return True
    return False


@pixel_kernel
def leave_cell(S: Any, Q: Any, k: int) -> None:
    """Moves one ray into the next cell."""
    tx = (f32(Q[CX + k]) + F1 - S[OX + k]) * S[RX + k]
    ty = (f32(Q[CY + k]) + F1 - S[OY + k]) * S[RY + k]
    tz = (f32(Q[CZ + k]) + F1 - S[OZ + k]) * S[RZ + k]
    way = min(tx, min(ty, tz))
    if tx <= way:
        Q[CX + k] += i32(1)
    elif ty <= way:
        Q[CY + k] += i32(1)
    else:
        Q[CZ + k] += i32(1)
    S[WAY + k] = way
    x = i32(i32(i32(Q[CX + k] ^ Q[MX + k]) & i32(MASK)) << i32(EDGE))
    z = i32(i32(Q[CZ + k] ^ Q[MZ + k]) & i32(MASK))
    y = i32(Q[LAYER + k] + i32(Q[SIGN + k] * min(Q[CY + k], i32(HEIGHT - 1))))
    Q[INDEX + k] = i32(i32(i32(i32(x | z) * i32(HEIGHT)) + y) + Q[FIELD + k])


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
def look_through(S: Any, Q: Any, squares: Any, blocks: Any, atlas: Any) -> None:
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
        for k in range(LANES):
            if Q[NEXT + k] == DONE:
                continue
            if Q[HIT + k] == 0:
                Q[NEXT + k] = i32(DONE)
                continue
            block = int(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
            far = f32(VIEW)
            if block == 0 or IS_PLANT[block]:
                if block != 0:
                    if hit_sprite(S, Q, k, block * 1536, atlas):
                        Q[NEXT + k] = i32(DONE)
                        continue
                    leave_cell(S, Q, k)
                Q[NEXT + k] = i32(IN_AIR)
                if S[DY + k] > F0:
                    far = min(far, (f32(HEIGHT) - S[OY + k]) * S[RY + k])
                S[LIMIT + k] = far
                airy += 1
            elif block == WATER:
                if S[SURFACE + k] < F0:
                    S[SURFACE + k] = S[WAY + k]
                Q[NEXT + k] = i32(IN_WATER)
                S[WET + k] -= S[WAY + k]
                S[LIMIT + k] = min(far, S[WAY + k] + f32(DIVE))
                wet += 1
            else:
                Q[NEXT + k] = i32(DONE)
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
            advance_group(S, Q, squares, blocks, 0, IN_AIR)


@pixel_kernel
def place_sprites(Q: Any) -> None:
    """Replaces texel and light of the rays that hit a plant: its light is that of its own cell."""
    for k in range(LANES):
        if Q[SPRITE + k] >= 0:
            Q[TEXEL + k] = Q[SPRITE + k]
            Q[LIT + k] = Q[CELL + k]


@pixel_kernel
def tint_wet(S: Any, Q: Any, eye: Any, light: Any, atlas: Any, time: int, heavens: Any) -> None:
    """Lays the water over what the rays saw through it: its surface, its depth, and the fog before it."""
    for k in range(LANES):
        way = S[SURFACE + k]
        if way < F0:
            continue
        x = S[OX + k] + way * S[AX + k]
        y = S[OY + k] + way * S[AY + k]
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
        if way > F0:
            texel = ((texel_z + time // 3) & 15) * 16 + ((texel_x + time // 7) & 15)
            c = int(atlas[WATER * 1536 + 3 * 256 + texel])
            r = c & 255
            g = (c >> 8) & 255
            b = (c >> 16) & 255
            alpha = f32(SURFACE_ALPHA) + f32(1.0 - SURFACE_ALPHA) * alpha
        haze = max(F0, min(F1, (way - heavens.numbers[6]) * heavens.numbers[7]))
        alpha *= F1 - haze
        blend = i32(alpha * f32(256.0))
        rest = i32(256) - blend
        Q[RED + k] = i32((Q[RED + k] * rest + ((r * (shine & 255)) >> 8) * blend) >> 8)
        Q[GREEN + k] = i32((Q[GREEN + k] * rest + ((g * ((shine >> 8) & 255)) >> 8) * blend) >> 8)
        Q[BLUE + k] = i32((Q[BLUE + k] * rest + ((b * ((shine >> 16) & 255)) >> 8) * blend) >> 8)
