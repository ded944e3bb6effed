"""Draws the faces of the blocks, 16 x 16 texels each, from seeded noise and small patterns. No image is loaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog import blocks as b

Array = np.ndarray[Any, Any]

SIZE = 16
"""Texels along the edge of a block face."""
Colour = tuple[int, int, int]
Faces = tuple[Array, Array, Array, Array]
"""Textures of the sides -x and +x, the sides -z and +z, the bottom and the top: (16, 16, 4) float64, RGBA, 0 to 255."""


def picture(rows: tuple[str, ...], palette: dict[str, Colour]) -> Array:
    """Returns (height, width, 4) float64 from rows of letters. A letter that is not in the palette is a hole."""
    result = np.zeros((len(rows), len(rows[0]), 4))
    for v, row in enumerate(rows):
        for u, letter in enumerate(row):
            if letter in palette:
                result[v, u] = (*palette[letter], 255)
    return result


def shades(colour: Colour, *factors: float) -> Array:
    """Returns (n, 3): a colour times each factor."""
    return np.asarray(np.array(colour, np.float64) * np.array(factors)[:, None])


def _blurred(noise: Array, wide: int, tall: int) -> Array:
    """Returns the mean over ``wide`` x ``tall`` texels, wrapping around the edges."""
    across = sum(np.roll(noise, k, 1) for k in range(wide)) / wide
    return np.asarray(sum(np.roll(across, k, 0) for k in range(tall)) / tall)


def speckled(rng: np.random.Generator, palette: Array, wide: int = 1, tall: int = 1, fine: float = 0.3) -> Array:
    """Returns (16, 16, n): speckles of about ``wide`` x ``tall`` texels, equal shares of an (m, n) palette's rows."""
    noise = _blurred(rng.random((SIZE, SIZE)), wide, tall)
    noise = noise + fine * noise.std() * rng.normal(size=noise.shape)
    rank = noise.ravel().argsort().argsort().reshape(noise.shape)
    return np.asarray(palette[rank * len(palette) // rank.size])


def _opaque(texture: Array) -> Array:
    return np.dstack((texture, np.full((SIZE, SIZE), 255.0)))


def _cube(texture: Array) -> Faces:
    face = _opaque(texture)
    return face, face, face, face


def _pillar(side: Array, ends: Array) -> Faces:
    return _opaque(side), _opaque(side), _opaque(ends), _opaque(ends)


def _bark(rng: np.random.Generator, colour: Colour) -> Array:
    """Returns bark: vertical ridges with dark furrows."""
    texture = speckled(rng, shades(colour, 0.78, 0.92, 1.0, 1.1), 1, 5, 0.25)
    for u in range(0, SIZE, 3):
        start, length = int(rng.integers(0, SIZE)), int(rng.integers(5, 11))
        texture[np.arange(start, start + length) % SIZE, (u + int(rng.integers(0, 2))) % SIZE] *= 0.66
    return texture


def _birch_bark(rng: np.random.Generator) -> Array:
    """Returns birch bark: pale, with dark horizontal dashes."""
    texture = speckled(rng, shades((218, 217, 208), 0.93, 0.98, 1.0, 1.05), 3, 1)
    for v in (1, 4, 6, 9, 11, 14):
        u, length = int(rng.integers(0, SIZE)), int(rng.integers(2, 6))
        texture[v, np.arange(u, u + length) % SIZE] = (58, 55, 50)
        texture[(v + 1) % SIZE, (u + 1) % SIZE] = (120, 116, 108)
    return texture


def _rings(rng: np.random.Generator, rim: Colour, wood: Colour) -> Array:
    """Returns a sawn trunk: year rings inside a rim of bark."""
    away = np.abs(np.arange(SIZE) - 7.5)
    radius = np.maximum(away[:, None], away[None, :]).astype(int)
    texture = np.array(wood) * np.where(radius % 2 == 1, 1.0, 0.84)[..., None]
    texture = np.where((radius >= 7)[..., None], np.array(rim, np.float64), texture)
    return np.asarray(texture * (0.94 + 0.1 * rng.random((SIZE, SIZE, 1))))


def _foliage(rng: np.random.Generator, colour: Colour) -> Array:
    """Returns foliage: bright tufts over dark gaps."""
    return speckled(rng, shades(colour, 0.38, 0.62, 0.8, 0.95, 1.05, 1.25), 2, 2, 0.9)


def _planks(rng: np.random.Generator, colour: Colour) -> Array:
    """Returns four boards with seams and grain."""
    texture = speckled(rng, shades(colour, 0.90, 0.97, 1.0, 1.06), 6, 1, 0.2)
    for board in range(4):
        texture[4 * board + 3] = np.array(colour) * 0.64
        joint = (3, 11, 6, 14)[board]
        texture[4 * board : 4 * board + 3, joint] = np.array(colour) * 0.72
    return texture


def _cobbles(rng: np.random.Generator, colour: Colour) -> Array:
    """Returns rounded stones with dark gaps: each texel belongs to the nearest of some scattered points."""
    middles = np.array([(2, 2), (2, 8), (3, 13), (7, 4), (8, 10), (7, 15), (12, 1), (12, 7), (13, 12)], np.float64)
    v, u = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    away = np.abs(u[..., None] - middles[:, 1])
    down = np.abs(v[..., None] - middles[:, 0])
    distance = np.hypot(np.minimum(away, SIZE - away), 1.15 * np.minimum(down, SIZE - down))
    order = np.sort(distance, axis=-1)
    edge = order[..., 1] - order[..., 0]
    tone = (0.82 + 0.3 * rng.random(len(middles)))[distance.argmin(-1)]
    light = np.where(edge < 0.9, 0.52, tone) * (0.95 + 0.1 * rng.random((SIZE, SIZE)))
    return np.asarray(np.array(colour) * light[..., None])


def _ore(stone: Array, colour: Colour) -> Array:
    """Returns stone with lumps of ore, each lit from above."""
    texture = stone.copy()
    for v, u, wide in ((2, 3, 3), (3, 10, 2), (6, 6, 2), (7, 12, 3), (10, 2, 3), (11, 9, 3), (13, 5, 2)):
        for row, tone in ((0, 1.12), (1, 0.86)):
            columns = np.arange(u + row, u + row + wide) % SIZE
            texture[v + row, columns] = np.array(colour) * tone
        texture[v + 2, (u + 1) % SIZE] *= 0.78
    return texture


def _fringed(rng: np.random.Generator, over: Array, under: Array) -> Array:
    """Returns a texture whose upper edge hangs over another texture."""
    texture = under.copy()
    for u in range(SIZE):
        fringe = 3 + int(rng.integers(0, 3)) - (u % 2)
        texture[:fringe, u] = over[:fringe, u]
        texture[fringe, u] *= 0.82
    return texture


def _sandstone(sand: Array) -> tuple[Array, Array]:
    side = sand.copy()
    side[0] *= 1.04
    side[4] *= 0.88
    side[5:12] *= 0.965
    side[12] *= 0.86
    side[7, 2:9] *= 0.93
    side[9, 8:15] *= 0.93
    return side, sand * 1.01


def _water(rng: np.random.Generator) -> Array:
    """Returns water: rows of two tones of blue with bright crests."""
    texture = speckled(rng, shades((46, 94, 214), 0.86, 0.94, 1.0, 1.06, 1.2), 7, 1, 0.15)
    return np.asarray(texture)


def _cactus(rng: np.random.Generator) -> tuple[Array, Array]:
    side = speckled(rng, shades((82, 138, 50), 0.92, 1.0, 1.06), 1, 4)
    side[:, ::4] *= 0.7
    side[1::4, 2::4] = (226, 226, 196)
    top = speckled(rng, shades((106, 158, 64), 0.94, 1.0, 1.06), 2, 2)
    top[[0, -1]] *= 0.62
    top[:, [0, -1]] *= 0.62
    top[7:9, 7:9] *= 0.8
    return side, top


def _crafting_table(planks: Array) -> tuple[Array, Array, Array]:
    """Returns (front with a saw, front with a hammer, top with the grid)."""
    wood = planks * np.array((0.82, 0.72, 0.66))
    frame, steel, dark = np.array((84, 58, 32)), np.array((150, 150, 154)), np.array((50, 36, 24))
    sides = []
    for k in range(2):
        side = wood.copy()
        side[:3] = frame
        side[3, :] = dark
        side[:, [0, -1]] = frame * 0.9
        if k == 0:
            for step in range(6):
                side[5 + step, 3 + step : 5 + step] = steel
                side[6 + step, 3 + step] = dark
            side[11:14, 9:12] = (126, 88, 48)
        else:
            side[5:8, 3:8] = steel
            side[8:14, 5] = (126, 88, 48)
            side[5:14, 11] = (126, 88, 48)
            side[5:8, 10:13] = steel * 0.85
        sides.append(side)
    top = planks * 0.92
    top[[0, -1]] = frame
    top[:, [0, -1]] = frame
    for line in (4, 8, 11):
        top[line, 2:14] = frame * 0.85
        top[2:14, line] = frame * 0.85
    return sides[0], sides[1], top


def _furnace(stone: Array, cobbles: Array) -> tuple[Array, Array]:
    """Returns (front, ends); the front has a mouth with embers under a slit."""
    front = cobbles * 0.92
    front[:2] = stone[:2] * 0.8
    front[[0, -1]] *= 0.75
    front[:, [0, -1]] *= 0.75
    front[3:5, 3:13] = (42, 42, 44)
    front[8:14, 3:13] = (30, 28, 28)
    front[7, 4:12] = (66, 64, 64)
    front[12:14, 4:12] = (96, 44, 20)
    front[13, 5:11] = (214, 108, 30)
    front[12, [6, 9]] = (236, 160, 52)
    ends = stone * 0.86
    ends[[0, -1]] *= 0.8
    ends[:, [0, -1]] *= 0.8
    return front, ends


_STEM = {"g": (76, 138, 42), "d": (54, 104, 32), "l": (104, 166, 58)}
_FLOWER = {**_STEM, "y": (250, 220, 50), "o": (226, 170, 30), "r": (214, 42, 36), "s": (150, 20, 24), "k": (46, 28, 24)}
_PLANTS: dict[int, tuple[str, ...]] = {
    b.DANDELION: (
        *("................",) * 7,
        "......yyyy......",
        "......yooy......",
        "......yyyy......",
        ".......gg.......",
        "........g.......",
        ".....l..g..l....",
        "......l.g.l.....",
        ".......lgl......",
        "........g.......",
    ),
    b.POPPY: (
        *("................",) * 5,
        "......rr.rr.....",
        ".....rrrrrrr....",
        ".....rrrkrrs....",
        "......rrkrs.....",
        ".......sss......",
        "........g.......",
        "........g.......",
        ".....l..g.......",
        "......l.g..l....",
        ".......lg.l.....",
        "........gl......",
    ),
    b.TORCH: (
        *("................",) * 5,
        ".......ff.......",
        ".......fh.......",
        ".......ht.......",
        *(".......tu.......",) * 8,
    ),
    b.DEAD_BUSH: (
        "................",
        "................",
        "..t.......t.....",
        "...t..t...t..t..",
        "...t..t..t...t..",
        "t...t.t..t..t...",
        ".t..t..t.t.t..t.",
        "..t..t.tt.t..t..",
        "...t.t.tt.t.t...",
        "....tt.tttt.....",
        ".....tttt.t..t..",
        "..tt..ttt...t...",
        "....t..tt.tt....",
        ".....tttttt.....",
        ".......tt.......",
        ".......tt.......",
    ),
}
_TORCH = {"f": (255, 236, 150), "h": (255, 186, 60), "t": (128, 96, 54), "u": (98, 72, 40)}


def _blades(rng: np.random.Generator, colour: Colour, fern: bool) -> Array:
    """Returns tall grass, or a fern: stems with leaves on both sides."""
    sprite = np.zeros((SIZE, SIZE, 4))
    for u in range(2 if fern else 1, SIZE - 1, 3 if fern else 2):
        height = int(rng.integers(8, 15))
        lean = float(rng.normal(0, 0.14))
        for step in range(height):
            v = SIZE - 1 - step
            tone = 0.62 + 0.5 * step / height + 0.12 * rng.random()
            column = int(u + lean * step) % SIZE
            sprite[v, column] = (*(np.array(colour) * tone), 255)
            if fern and step > 2 and step % 2 == 0:
                for side in (-1, 1):
                    sprite[v, (column + side) % SIZE] = (*(np.array(colour) * tone * 0.9), 255)
    return sprite


def block_faces(seed: int = 7) -> dict[int, Faces]:
    """Returns the textures of all blocks except air, by block id. A seed always gives the same textures."""
    rng = np.random.default_rng(seed)
    dirt = speckled(rng, shades((134, 96, 67), 0.72, 0.86, 0.95, 1.0, 1.08, 1.2), 2, 1, 0.6)
    turf = speckled(rng, shades((110, 168, 70), 0.80, 0.90, 0.97, 1.03, 1.12), 1, 2, 0.6)
    stone = speckled(rng, shades((127, 127, 127), 0.86, 0.94, 1.0, 1.05), 4, 1, 0.25)
    sand = speckled(rng, shades((220, 208, 162), 0.93, 0.98, 1.0, 1.04), 2, 1, 0.8)
    cobbles = _cobbles(rng, (130, 130, 130))
    snow = speckled(rng, shades((243, 250, 252), 0.955, 0.985, 1.0, 1.01), 3, 2)
    oak = _planks(rng, (166, 134, 82))
    sandstone, sandstone_top = _sandstone(sand)
    cactus, cactus_top = _cactus(rng)
    saw, hammer, table = _crafting_table(oak)
    mouth, furnace_end = _furnace(stone, cobbles)
    oak_bark, spruce_bark = _bark(rng, (112, 88, 54)), _bark(rng, (72, 50, 30))
    faces: dict[int, Faces] = {
        b.GRASS: (*(_opaque(_fringed(rng, turf, dirt)),) * 2, _opaque(dirt), _opaque(turf)),
        b.DIRT: _cube(dirt),
        b.STONE: _cube(stone),
        b.SAND: _cube(sand),
        b.BEDROCK: _cube(speckled(rng, shades((92, 92, 92), 0.4, 0.7, 1.0, 1.3, 1.6), 2, 2, 0.3)),
        b.COAL_ORE: _cube(_ore(stone, (44, 44, 48))),
        b.IRON_ORE: _cube(_ore(stone, (214, 174, 144))),
        b.OAK_LOG: _pillar(oak_bark, _rings(rng, (100, 78, 48), (182, 148, 92))),
        b.BIRCH_LOG: _pillar(_birch_bark(rng), _rings(rng, (206, 204, 196), (206, 184, 132))),
        b.SPRUCE_LOG: _pillar(spruce_bark, _rings(rng, (64, 44, 26), (126, 94, 56))),
        b.OAK_LEAVES: _cube(_foliage(rng, (66, 132, 38))),
        b.BIRCH_LEAVES: _cube(_foliage(rng, (112, 150, 72))),
        b.SPRUCE_LEAVES: _cube(_foliage(rng, (56, 96, 58))),
        b.WATER: _cube(_water(rng)),
        b.GRAVEL: _cube(speckled(rng, shades((134, 128, 126), 0.66, 0.82, 0.95, 1.05, 1.22), 2, 2, 0.5)),
        b.COBBLESTONE: _cube(cobbles),
        b.SANDSTONE: (*(_opaque(sandstone),) * 2, _opaque(sandstone_top), _opaque(sandstone_top)),
        b.SNOW: _cube(snow),
        b.OAK_PLANKS: _cube(oak),
        b.BIRCH_PLANKS: _cube(_planks(rng, (200, 184, 128))),
        b.SPRUCE_PLANKS: _cube(_planks(rng, (116, 86, 52))),
        b.CRAFTING_TABLE: (_opaque(saw), _opaque(hammer), _opaque(oak), _opaque(table)),
        b.FURNACE: (_opaque(mouth), _opaque(mouth), _opaque(furnace_end), _opaque(furnace_end)),
        b.WOOL: _cube(speckled(rng, shades((232, 232, 232), 0.90, 0.96, 1.0, 1.03), 2, 2, 0.4)),
        b.CACTUS: _pillar(cactus, cactus_top),
    }
    sprites = {plant: picture(rows, _TORCH if plant == b.TORCH else _FLOWER) for plant, rows in _PLANTS.items()}
    sprites[b.DEAD_BUSH] = picture(_PLANTS[b.DEAD_BUSH], {"t": (124, 88, 44)})
    sprites[b.TALL_GRASS] = _blades(rng, (104, 166, 62), fern=False)
    sprites[b.FERN] = _blades(rng, (80, 140, 62), fern=True)
    return faces | {plant: (sprite,) * 4 for plant, sprite in sprites.items()}
