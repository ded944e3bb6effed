"""Colours the rays of a tile: texture, light and fog where they hit a block, sky and clouds where they hit nothing.

The kernels read and write the scratch rows that ``rays`` defines. ``raycast`` calls them after marching.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, MASK
from vpt_gym.world.kernels.compiled import LANES, pixel_kernel
from vpt_gym.world.render.art.textures import ATLAS_LEVEL
from vpt_gym.world.render.rays import (
    AX,
    AY,
    AZ,
    BLOCK,
    BLUE,
    CELL,
    CX,
    CY,
    CZ,
    DX,
    DY,
    DZ,
    EDGE,
    F0,
    F1,
    FIELD,
    FLIP,
    FOG,
    GREEN,
    HIT,
    INDEX,
    LIT,
    LOOK,
    MX,
    MZ,
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
    TEXEL,
    WAY,
    f32,
    i32,
    u32,
)
from vpt_gym.world.render.sky import CLOUD_CELLS, CLOUD_HEIGHT, STAR_CELLS

Array = np.ndarray[Any, Any]

FAR = np.float32(1e30)
CRACK = 90
"""Brightness of cracks, of 256."""
OUTLINE = 100
"""Brightness of the edges of the target block, of 256."""
SUN_SIZE = np.float32(0.085)
MOON_SIZE = np.float32(0.065)
"""Half the side of the sun and of the moon, at distance 1."""
SUN_COLOUR, SUN_CENTRE, MOON_COLOUR = (
    r | g << 8 | b << 16 for r, g, b in ((255, 242, 160), (255, 242, 235), (214, 220, 232))
)
GLOW_R, GLOW_G, GLOW_B = 255, 140, 60
"""Colour of the sky around a low sun."""


@pixel_kernel
def mix(colour: Any, other: Any, share: Any) -> Any:
    """Mixes ``share`` / 256 of another colour into one channel of a colour. All values are int32."""
    return i32(colour + i32(i32(i32(other - colour) * share) >> i32(8)))


@pixel_kernel
def find_texels(S: Any, Q: Any, per_pixel: float) -> None:
    """Finds the texel that each ray hit, and the cell in front of it, which lights it.

    Reads ``BLOCK``. Sets ``TEXEL`` and ``LIT``.

    Args:
        S: Float scratch.
        Q: Int scratch.
        per_pixel: Width of a pixel at distance 1. It selects the texture's level of detail.
    """
    soft = f32(per_pixel * 16.0)
    for k in range(LANES):
        way = S[WAY + k]
        # the ray entered the cell through the side that it crossed last
        tx = (f32(Q[CX + k]) - S[OX + k]) * S[RX + k]
        ty = (f32(Q[CY + k]) - S[OY + k]) * S[RY + k]
        tz = (f32(Q[CZ + k]) - S[OZ + k]) * S[RZ + k]
        last = max(tx, max(ty, tz))
        by_x = tx >= last
        by_y = (ty >= last) & (tx < last)
        # 16 texels per block; a mirrored axis runs backwards
        px = i32((S[OX + k] + way * S[AX + k]) * f32(16.0))
        py = i32((S[OY + k] + way * S[AY + k]) * f32(16.0))
        pz = i32((S[OZ + k] + way * S[AZ + k]) * f32(16.0))
        px = i32(i32(px ^ Q[MX + k]) & i32(15))
        pz = i32(i32(pz ^ Q[MZ + k]) & i32(15))
        py = i32(i32(py ^ i32(~Q[FLIP + k])) & i32(15))
        u = pz if by_x else px
        v = pz if by_y else py
        face_x = i32(Q[MX + k] & i32(1))
        face_y = i32(i32(2) + i32(Q[FLIP + k] & i32(1)))
        face_z = i32(i32(4) + i32(Q[MZ + k] & i32(1)))
        face = face_y if by_y else face_z
        face = face_x if by_x else face
        # a pixel that covers several texels takes their mean; ground seen at a flat angle covers the most
        cover = way * soft
        cover = cover * (F1 + max(F0, f32(1.0) - f32(2.0) * S[AY + k])) if by_y else cover
        level = i32(i32(1) if cover > f32(1.5) else i32(0)) + i32(i32(1) if cover > f32(3.5) else i32(0))
        level = i32(level + i32(i32(1) if cover > f32(9.0) else i32(0)))
        texel = i32(i32(face << i32(8)) | i32(i32(v << i32(4)) | u))
        Q[TEXEL + k] = i32(i32(texel + i32(level * i32(ATLAS_LEVEL))) + i32(Q[BLOCK + k] * i32(1536)))
        fx = i32(Q[CX + k] - (i32(1) if by_x else i32(0)))
        fy = i32(Q[CY + k] - (i32(1) if by_y else i32(0)))
        fz = i32(Q[CZ + k] - (i32(0) if by_x | by_y else i32(1)))
        fx = i32(i32(i32(fx ^ Q[MX + k]) & i32(MASK)) << i32(EDGE))
        fz = i32(i32(fz ^ Q[MZ + k]) & i32(MASK))
        level = i32(i32(fy ^ Q[FLIP + k]) + i32(Q[FLIP + k] & i32(HEIGHT)))
        level = max(i32(0), min(i32(HEIGHT - 1), level))
        Q[LIT + k] = i32(i32(i32(fx | fz) * i32(HEIGHT)) + level)
        Q[CELL + k] = i32(Q[INDEX + k] - Q[FIELD + k])


@pixel_kernel
def shade_blocks(S: Any, Q: Any, light: Any, atlas: Any, lightmap: Any, haze: Any, numbers: Any) -> None:
    """Colours the rays that hit something: texture, light, fog. Reads ``TEXEL`` and ``LIT``."""
    haze_r = i32(haze[0])
    haze_g = i32(haze[1])
    haze_b = i32(haze[2])
    start = numbers[6]
    per = numbers[7] * f32(256.0)
    for k in range(LANES):
        Q[PACKED + k] = i32(atlas[u32(Q[TEXEL + k])])
        Q[SHINE + k] = i32(lightmap[light[u32(Q[LIT + k])]])
    for k in range(LANES):
        fog = i32(max(F0, min(f32(256.0), (S[WAY + k] - start) * per)))
        c = Q[PACKED + k]
        s = Q[SHINE + k]
        r = i32(i32(c & i32(255)) * i32(s & i32(255)))
        g = i32(i32(i32(c >> i32(8)) & i32(255)) * i32(i32(s >> i32(8)) & i32(255)))
        b = i32(i32(i32(c >> i32(16)) & i32(255)) * i32(i32(s >> i32(16)) & i32(255)))
        Q[RED + k] = mix(i32(r >> i32(8)), haze_r, fog)
        Q[GREEN + k] = mix(i32(g >> i32(8)), haze_g, fog)
        Q[BLUE + k] = mix(i32(b >> i32(8)), haze_b, fog)


@pixel_kernel
def mark_target(S: Any, Q: Any, target: int, cracks: Any, stage: int, per_pixel: float) -> None:
    """Draws the outline and the cracks of the target block on the rays that hit it."""
    aimed = i32(target)
    found = i32(0)
    for k in range(LANES):
        found = i32(found + (i32(1) if (Q[CELL + k] == aimed) & (Q[HIT + k] != 0) else i32(0)))
    if found == 0:
        return
    for k in range(LANES):
        if Q[CELL + k] != aimed or Q[HIT + k] == 0:
            continue
        texel = i32(Q[TEXEL + k] & i32(255))
        dim = 256
        way = S[WAY + k]
        if Q[SPRITE + k] < 0:
            # distance of the point from the edges of the face, without the axis perpendicular to the face
            thick = f32(1.3) * f32(per_pixel) * way + f32(0.006)
            edges = 0
            for row in range(3):
                p = S[(OX, OY, OZ)[row] + k] + way * S[(AX, AY, AZ)[row] + k] - f32(Q[(CX, CY, CZ)[row] + k])
                if p < thick or p > F1 - thick:
                    edges += 1
            if edges >= 2:
                dim = OUTLINE
        if stage >= 0 and cracks[stage * 256 + texel] != 0:
            dim = (dim * CRACK) >> 8
        Q[RED + k] = i32((Q[RED + k] * dim) >> 8)
        Q[GREEN + k] = i32((Q[GREEN + k] * dim) >> 8)
        Q[BLUE + k] = i32((Q[BLUE + k] * dim) >> 8)


@pixel_kernel
def shows_disc(S: Any, sun_x: float, sun_y: float) -> bool:
    """Returns whether a tile may show the sun or moon: its first ray must point near the axis through both."""
    dx = S[DX]
    dy = S[DY]
    dz = S[DZ]
    along = dx * sun_x + dy * sun_y
    across = dy * sun_x - dx * sun_y
    return bool(across * across + dz * dz < f32(0.1) * along * along)


@pixel_kernel
def draw_discs(S: Any, Q: Any, sun_x: float, sun_y: float) -> None:
    """Draws sun and moon over the sky (``PACKED``): squares across the axis through both, which turns about z."""
    for k in range(LANES):
        dx = S[DX + k]
        dy = S[DY + k]
        ahead = dx * sun_x + dy * sun_y
        across = abs(dy * sun_x - dx * sun_y)
        aside = max(across, abs(S[DZ + k]))
        sun = (ahead > F0) & (aside < ahead * SUN_SIZE)
        centre = (ahead > F0) & (aside < ahead * (SUN_SIZE * f32(0.75)))
        moon = (ahead < F0) & (aside < -ahead * MOON_SIZE)
        c = Q[PACKED + k]
        c = i32(SUN_COLOUR) if sun else c
        c = i32(SUN_CENTRE) if centre else c
        c = i32(MOON_COLOUR) if moon else c
        Q[PACKED + k] = c


@pixel_kernel
def shade_sky(S: Any, Q: Any, eye: Any, sky: Any, clouds: Any, stars: Any, numbers: Any) -> None:
    """Colours the rays that hit nothing: sky, sun, moon, stars and clouds."""
    ex = eye[0]
    ez = eye[2]
    up = CLOUD_HEIGHT - eye[1]
    sun_x = numbers[0]
    sun_y = numbers[1]
    starlight = numbers[2]
    cloudlight = i32(numbers[3] * f32(255.0))
    glow = numbers[4] * f32(230.0)
    wind = numbers[5]
    for k in range(LANES):
        dx = S[DX + k]
        dy = S[DY + k]
        dz = S[DZ + k]
        scale = F1 / np.sqrt(dx * dx + dy * dy + dz * dz)
        sine = dy * scale
        way = min(up * S[RY + k], f32(2000.0))
        cx = i32(f32(4096.0) + (ex + dx * way + wind) * f32(0.125))
        cz = i32(f32(4096.0) + (ez + dz * way) * f32(0.125))
        Q[LOOK + k] = i32(i32(i32(cx & i32(CLOUD_CELLS - 1)) * i32(CLOUD_CELLS)) | i32(cz & i32(CLOUD_CELLS - 1)))
        Q[INDEX + k] = i32((sine + F1) * f32(127.5))
        # clouds thin out towards the horizon
        Q[FOG + k] = i32(max(F0, min(f32(170.0), (sine - f32(0.06)) * f32(900.0))))
        # the sky glows on the side of a low sun, near the horizon
        side = max(F0, (dx * sun_x + dy * sun_y) * scale)
        low = max(F0, F1 - max(sine * f32(1.8), sine * f32(-4.0)))
        Q[SHINE + k] = i32(glow * side * low)
    for k in range(LANES):
        Q[PACKED + k] = i32(sky[u32(Q[INDEX + k])])
        Q[LOOK + k] = i32(clouds[u32(Q[LOOK + k])])
    for k in range(LANES):
        c = Q[PACKED + k]
        shine = Q[SHINE + k]
        r = i32(c & i32(255))
        g = i32(i32(c >> i32(8)) & i32(255))
        b = i32(i32(c >> i32(16)) & i32(255))
        r = mix(r, i32(GLOW_R), shine)
        g = mix(g, i32(GLOW_G), shine)
        b = mix(b, i32(GLOW_B), shine)
        Q[PACKED + k] = i32(i32(r | i32(g << i32(8))) | i32(b << i32(16)))
    if shows_disc(S, sun_x, sun_y):
        draw_discs(S, Q, sun_x, sun_y)
    for k in range(LANES):
        c = Q[PACKED + k]
        r = i32(c & i32(255))
        g = i32(i32(c >> i32(8)) & i32(255))
        b = i32(i32(c >> i32(16)) & i32(255))
        white = i32(Q[FOG + k] * Q[LOOK + k])
        r = mix(r, cloudlight, white)
        g = mix(g, cloudlight, white)
        b = mix(b, cloudlight, white)
        hit = Q[HIT + k] != 0
        red = Q[RED + k]
        green = Q[GREEN + k]
        blue = Q[BLUE + k]
        way = S[WAY + k]
        Q[RED + k] = red if hit else r
        Q[GREEN + k] = green if hit else g
        Q[BLUE + k] = blue if hit else b
        S[WAY + k] = way if hit else FAR
    if starlight > F0:
        for k in range(LANES):
            # the stars turn with the sun; each half of the celestial sphere is mapped to a square
            x = S[DX + k] * sun_x + S[DY + k] * sun_y
            y = S[DY + k] * sun_x - S[DX + k] * sun_y
            z = S[DZ + k]
            scale = f32(0.5 * STAR_CELLS) / (abs(x) + abs(y) + abs(z))
            u = i32(f32(0.5 * STAR_CELLS) + y * scale)
            v = i32(f32(0.5 * STAR_CELLS) + z * scale)
            u = min(i32(STAR_CELLS - 1), max(i32(0), u))
            v = min(i32(STAR_CELLS - 1), max(i32(0), v))
            half = i32(STAR_CELLS * STAR_CELLS) if x < F0 else i32(0)
            Q[LOOK + k] = i32(i32(half + i32(u * i32(STAR_CELLS))) + v)
        for k in range(LANES):
            Q[LOOK + k] = i32(stars[u32(Q[LOOK + k])])
        for k in range(LANES):
            hidden = (Q[HIT + k] != 0) | (S[DY + k] < F0)
            star = i32(f32(Q[LOOK + k]) * starlight)
            star = i32(0) if hidden else star
            Q[RED + k] = max(Q[RED + k], star)
            Q[GREEN + k] = max(Q[GREEN + k], star)
            Q[BLUE + k] = max(Q[BLUE + k], star)
