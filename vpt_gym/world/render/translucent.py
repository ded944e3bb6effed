"""Traces rays through what is translucent: plants (two crossed sprites with holes) and water.

Only tiles in which a ray stopped at a plant or at water are processed. The rays that continue march together again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AIR, HEIGHT, MASK, PLANT, WATER
from vpt_gym.world.kernels.compiled import LANES, pixel_kernel
from vpt_gym.world.render.rays import (
    AWAY,
    AX,
    AY,
    AZ,
    BASE,
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
    FLIP,
    FURTHER,
    GREEN,
    HIT,
    INDEX,
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
    PACKED,
    RED,
    RX,
    RY,
    RZ,
    SHINE,
    SPRITE,
    SURFACE,
    TEXEL,
    VIEW,
    WAY,
    WET,
    f32,
    flat_index,
    i32,
    lanes_of,
    march,
    u32,
)
from vpt_gym.world.render.shading import mix

FIRST_PLANT = int(np.argmax(PLANT))
"""All block ids from this one on are plants."""
LAYERS = 12
"""Most changes between air, plants and water for which one ray is followed."""
DIVE = 18.0
"""How far a ray goes in water, blocks. Beyond that everything has the water's colour."""
DONE, IN_AIR, IN_WATER = range(3)
SURFACE_ALPHA = 0.42
"""Opacity of the water's surface, seen from above."""
THICKNESS = 0.13
"""Share of the water's colour that each block of distance in water adds."""
MURK = 0.3
"""Share of the water's colour in everything that an eye in water sees."""
DEEP_R, DEEP_G, DEEP_B = 18, 52, 150
"""Colour of deep water."""


@pixel_kernel
def cross_sprites(S: Any, Q: Any, blocks: Any, atlas: Any) -> None:
    """Finds the texel of the crossed sprites that each ray meets in its cell, and where the ray leaves the cell.

    Reads ``BLOCK``. Sets ``TEXEL`` (the first texel that is not a hole, or -1), ``NEAR`` (the distance to it), and the
    next cell: ``NEXT_X``, ``NEXT_Y``, ``NEXT_Z`` and ``AWAY`` (the distance to it).
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
        S[NEAR + k] = near
        S[FURTHER + k] = far
        before = max(F0, S[WAY + k] - f32(1e-4))
        flip = i32(i32(~Q[FLIP + k]) & i32(15))
        mirror = i32(Q[MX + k] & i32(15))
        # the texel at each of the two crossings, or -1 if the ray crosses outside the cell
        u = x + near * ax
        v = y + near * ay
        inside = (near > before) & (near < away) & (u >= F0) & (u < F1) & (v >= F0) & (v < F1)
        column = i32(i32(max(F0, min(f32(0.99), u)) * f32(16.0)) ^ mirror)
        row = i32(i32(max(F0, min(f32(0.99), v)) * f32(16.0)) ^ flip)
        Q[TEXEL + k] = i32(i32(row << i32(4)) | column) if inside else i32(-1)
        u = x + far * ax
        v = y + far * ay
        inside = (far > before) & (far < away) & (u >= F0) & (u < F1) & (v >= F0) & (v < F1)
        column = i32(i32(max(F0, min(f32(0.99), u)) * f32(16.0)) ^ mirror)
        row = i32(i32(max(F0, min(f32(0.99), v)) * f32(16.0)) ^ flip)
        Q[LOOK + k] = i32(i32(row << i32(4)) | column) if inside else i32(-1)
    for k in range(LANES):
        first = i32(Q[BLOCK + k] * i32(1536))
        Q[PACKED + k] = i32(atlas[u32(i32(first + max(i32(0), Q[TEXEL + k])))])
        Q[LIT + k] = i32(atlas[u32(i32(first + max(i32(0), Q[LOOK + k])))])
    for k in range(LANES):
        # a texel whose alpha (the highest byte) is 0 is a hole
        first = (Q[TEXEL + k] >= 0) & (i32(Q[PACKED + k] >> i32(24)) != 0)
        second = (Q[LOOK + k] >= 0) & (i32(Q[LIT + k] >> i32(24)) != 0)
        one = i32(1) if first else i32(0)
        other = i32(1) if second else i32(0)
        other = i32(other & i32(one ^ i32(1)))
        found = i32(one | other)
        Q[TEXEL + k] = i32(i32(i32(Q[TEXEL + k] * one) + i32(Q[LOOK + k] * other)) + i32(found - i32(1)))
        S[NEAR + k] = S[NEAR + k] * f32(one) + S[FURTHER + k] * f32(i32(1) - one)


@pixel_kernel
def enter_cell(S: Any, Q: Any) -> None:
    """Moves the rays whose ``SHINE`` is set to their next cell."""
    for k in range(LANES):
        goes = i32(-Q[SHINE + k])
        x = i32(Q[CX + k] ^ i32(i32(Q[CX + k] ^ Q[NEXT_X + k]) & goes))
        y = i32(Q[CY + k] ^ i32(i32(Q[CY + k] ^ Q[NEXT_Y + k]) & goes))
        z = i32(Q[CZ + k] ^ i32(i32(Q[CZ + k] ^ Q[NEXT_Z + k]) & goes))
        S[WAY + k] = max(S[WAY + k], S[AWAY + k] * f32(Q[SHINE + k]))
        Q[CX + k] = x
        Q[CY + k] = y
        Q[CZ + k] = z
        Q[INDEX + k] = flat_index(x, y, z, Q[MX + k], Q[MZ + k], Q[FLIP + k], Q[BASE + k])


@pixel_kernel
def advance_group(S: Any, Q: Any, leaps: Any, blocks: Any, medium: int, group: int) -> None:
    """Marches the rays whose ``NEXT`` is ``group`` up to their ``LIMIT``. The others do not move."""
    lanes = lanes_of(Q)
    for k in range(lanes):
        limit = S[LIMIT + k]
        S[END + k] = limit if Q[NEXT + k] == group else F0
        Q[RED + k] = Q[HIT + k]
    march(S, Q, leaps, blocks, medium)
    for k in range(lanes):
        before = Q[RED + k]
        Q[HIT + k] = i32(Q[HIT + k] | (i32(0) if Q[NEXT + k] == group else before))


@pixel_kernel
def trace_translucent(S: Any, Q: Any, leaps: Any, blocks: Any, atlas: Any, ceiling: float) -> bool:
    """Follows the rays that stopped at a plant or at water until they hit something opaque, or nothing.

    Reads and updates ``BLOCK``. Sets ``SPRITE`` (texel of a plant, or -1), ``SURFACE`` (distance to the water, or -1)
    and ``WET`` (distance in water). A ray that ends in deep water counts as having hit water.

    Returns:
        Whether any ray met water.
    """
    waters = False
    lanes = lanes_of(Q)
    for k in range(lanes):
        S[SURFACE + k] = f32(-1.0)
        S[WET + k] = F0
        Q[NEXT + k] = i32(IN_AIR) if Q[HIT + k] != 0 else i32(DONE)
    for _ in range(LAYERS):
        plants = i32(0)
        for k in range(lanes):
            leafy = (Q[NEXT + k] != DONE) & (Q[BLOCK + k] >= i32(FIRST_PLANT))
            plants = i32(plants + (i32(1) if leafy else i32(0)))
            Q[TEXEL + k] = i32(-1)
        if plants > 0:
            cross_sprites(S, Q, blocks, atlas)
        airy = i32(0)
        wet = i32(0)
        for k in range(LANES):
            block = Q[BLOCK + k]
            texel = Q[TEXEL + k]
            sprite = Q[SPRITE + k]
            way = S[WAY + k]
            near = S[NEAR + k]
            surface = S[SURFACE + k]
            far = (f32(ceiling) - S[OY + k]) * S[RY + k]
            found = (Q[NEXT + k] != DONE) & (Q[HIT + k] != 0)
            leafy = found & (block >= i32(FIRST_PLANT))
            stops = leafy & (texel >= 0)
            dives = found & (block == i32(WATER))
            flies = (found & (block == i32(AIR))) | (leafy & (texel < 0))
            S[WAY + k] = near if stops else way
            Q[SPRITE + k] = texel if stops else sprite
            S[SURFACE + k] = way if dives & (surface < F0) else surface
            S[WET + k] -= way if dives else F0
            far = f32(VIEW) if Q[FLIP + k] != 0 else min(f32(VIEW), far)
            S[LIMIT + k] = min(f32(VIEW), way + f32(DIVE)) if dives else far
            after = i32(IN_WATER) if dives else i32(DONE)
            Q[NEXT + k] = i32(IN_AIR) if flies else after
            Q[SHINE + k] = i32(1) if flies & leafy else i32(0)
            airy = i32(airy + (i32(1) if flies else i32(0)))
            wet = i32(wet + (i32(1) if dives else i32(0)))
        if wet == 0 and airy == 0:
            break
        if airy > 0:
            enter_cell(S, Q)
            advance_group(S, Q, leaps, blocks, 0, IN_AIR)
        if wet > 0:
            waters = True
            advance_group(S, Q, leaps, blocks, WATER, IN_WATER)
            for k in range(lanes):
                inside = Q[NEXT + k] == IN_WATER
                ends = inside & (Q[HIT + k] == 0)
                way = S[WAY + k]
                S[WET + k] += way if inside else F0
                Q[HIT + k] = i32(Q[HIT + k] | (i32(1) if inside else i32(0)))
                Q[NEXT + k] = i32(Q[NEXT + k] * (i32(0) if ends else i32(1)))
        for k in range(LANES):
            Q[BLOCK + k] = i32(blocks[u32(i32(Q[INDEX + k] - Q[FIELD + k]))])
    return waters


@pixel_kernel
def apply_sprites(Q: Any) -> None:
    """Sets texel and light of the rays that hit a plant. A plant has the light of its own cell."""
    for k in range(LANES):
        solid = i32(Q[SPRITE + k] >> i32(31))  # all ones, or all zeros on a sprite
        texel = i32(Q[SPRITE + k] + i32(Q[BLOCK + k] * i32(1536)))
        Q[TEXEL + k] = i32(texel ^ i32(i32(texel ^ Q[TEXEL + k]) & solid))
        Q[LIT + k] = i32(Q[CELL + k] ^ i32(i32(Q[CELL + k] ^ Q[LIT + k]) & solid))


@pixel_kernel
def tint_by_water(S: Any, Q: Any, light: Any, atlas: Any, time: int, lightmap: Any, numbers: Any) -> None:
    """Tints what the rays saw through water: by the surface, the depth, and the fog in front of it."""
    for k in range(LANES):
        way = S[SURFACE + k]
        x = S[OX + k] + way * S[AX + k]
        z = S[OZ + k] + way * S[AZ + k]
        level = S[OY + k] + way * S[AY + k]
        cx = i32(i32(i32(x) ^ Q[MX + k]) & i32(MASK))
        cz = i32(i32(i32(z) ^ Q[MZ + k]) & i32(MASK))
        # the air above a surface that is seen from above
        above = i32(i32(HEIGHT) - i32(level + f32(0.5)))
        inside = i32(i32(HEIGHT - 1) - i32(level))
        cy = above if way > F0 else inside
        cy = cy if Q[FLIP + k] != 0 else i32(level)
        cy = max(i32(0), min(i32(HEIGHT - 1), cy))
        Q[LIT + k] = i32(i32(i32(i32(cx << i32(EDGE)) | cz) * i32(HEIGHT)) + cy)
        column = i32(i32(i32(x * f32(16.0)) ^ Q[MX + k]) + i32(time // 7))
        row = i32(i32(i32(z * f32(16.0)) ^ Q[MZ + k]) + i32(time // 3))
        texel = i32(i32(i32(row & i32(15)) << i32(4)) | i32(column & i32(15)))
        Q[TEXEL + k] = i32(texel + i32(WATER * 1536 + 3 * 256))
    for k in range(LANES):
        Q[SHINE + k] = i32(lightmap[light[u32(Q[LIT + k])]])
        Q[PACKED + k] = i32(atlas[u32(Q[TEXEL + k])])
    start = numbers[6]
    per = numbers[7]
    for k in range(LANES):
        way = S[SURFACE + k]
        # each block of water absorbs light; a power, because an exponential does not compile to vector instructions
        clear = max(F0, F1 - f32(THICKNESS / 16.0) * S[WET + k])
        clear *= clear
        clear *= clear
        clear *= clear
        alpha = F1 - clear * clear
        deep = i32(f32(160.0) * alpha) if way > F0 else i32(256)
        least = f32(SURFACE_ALPHA) if way > F0 else f32(MURK)
        alpha = least + (F1 - least) * alpha
        haze = max(F0, min(F1, (way - start) * per))
        blend = i32(alpha * (F1 - haze) * f32(256.0))
        blend = blend if way >= F0 else i32(0)
        c = Q[PACKED + k]
        s = Q[SHINE + k]
        r = i32(c & i32(255))
        g = i32(i32(c >> i32(8)) & i32(255))
        b = i32(i32(c >> i32(16)) & i32(255))
        r = mix(r, i32(DEEP_R), deep)
        g = mix(g, i32(DEEP_G), deep)
        b = mix(b, i32(DEEP_B), deep)
        r = i32(i32(r * i32(s & i32(255))) >> i32(8))
        g = i32(i32(g * i32(i32(s >> i32(8)) & i32(255))) >> i32(8))
        b = i32(i32(b * i32(i32(s >> i32(16)) & i32(255))) >> i32(8))
        Q[RED + k] = mix(Q[RED + k], r, blend)
        Q[GREEN + k] = mix(Q[GREEN + k], g, blend)
        Q[BLUE + k] = mix(Q[BLUE + k], b, blend)
