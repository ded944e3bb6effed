"""A world depends only on its seed, and has the features of its terrain."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from vpt_gym.world.catalog.biomes import BIOMES, BIRCH_FOREST, DESERT, FOREST, PLAINS, TAIGA
from vpt_gym.world.catalog.blocks import (
    AIR,
    BEDROCK,
    BIRCH_LOG,
    CACTUS,
    COAL_ORE,
    DANDELION,
    DEAD_BUSH,
    DIRT,
    FERN,
    GRASS,
    GRAVEL,
    HEIGHT,
    IRON_ORE,
    IS_LEAVES,
    IS_LOG,
    MASK,
    OAK_LOG,
    PLANT,
    POPPY,
    SAND,
    SANDSTONE,
    SEA_LEVEL,
    SIDE,
    SNOW,
    SOLID,
    SPRUCE_LOG,
    STONE,
    TALL_GRASS,
    WATER,
)
from vpt_gym.world.core import fields
from vpt_gym.world.core.geometry import EYE_HEIGHT, look_at, wrapped
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.kernels.hashing import hash32, uniform
from vpt_gym.world.terrain.caves import IRON_TOP
from vpt_gym.world.terrain.generate import LEVELS, TERRAINS, Terrain, choose_start, generate
from vpt_gym.world.terrain.trees import TALLEST

X, Z = np.indices((SIDE, SIDE))
WET = [name for name, terrain in TERRAINS.items() if terrain.lakes > 0]


@functools.lru_cache(8)
def made(seed: int, name: str) -> WorldState:
    """Returns a shared world that no test may change."""
    state = WorldState()
    generate(seed, TERRAINS[name], state.world)
    fields.fill_all(state.world)
    return state


def count(state: WorldState, *blocks: int) -> int:
    return int(np.isin(state.blocks, blocks).sum())


def around(array: np.ndarray) -> list[np.ndarray]:
    """Returns the array shifted by one column in the four directions."""
    return [np.roll(array, by, axis) for axis in (0, 1) for by in (1, -1)]


@pytest.mark.parametrize("name", list(TERRAINS))
def test_a_seed_gives_one_world(name: str) -> None:
    first, other, again = made(5, name), made(6, name), WorldState()
    again.blocks[:] = STONE  # the previous contents do not matter
    generate(5, TERRAINS[name], again.world)
    for array in ("blocks", "ground", "biomes"):
        np.testing.assert_array_equal(getattr(first, array), getattr(again, array))
    assert (first.blocks != other.blocks).mean() > 0.01


def test_the_hash_is_equal_on_every_machine() -> None:
    # values computed with exact integers; a change of the hash would change every world
    assert [hash32(0, 0, 0, 0), hash32(1, 2, 3, 4), hash32(2**32 - 1, -1, 127, 5)] == [237605057, 707067632, 619726475]


def test_uniform_is_uniform() -> None:
    values = np.array([uniform(3, a, b, 7) for a in range(100) for b in range(100)])
    assert values.min() >= 0.0
    assert values.max() < 1.0
    counts, _ = np.histogram(values, 20, (0.0, 1.0))
    assert np.abs(counts - 500).max() < 5 * math.sqrt(500)


@pytest.mark.parametrize("name", list(TERRAINS))
def test_ground_has_layers_and_the_sky_is_free(name: str) -> None:
    state = made(8, name)
    assert (state.blocks[:, :, 0] == BEDROCK).all()
    assert not (state.blocks[:, :, 1:] == BEDROCK).any()
    surface = state.blocks[X, Z, state.ground]
    assert SOLID[surface].all()
    above = state.blocks[X, Z, state.ground + 1]
    assert (~SOLID[above] | IS_LOG[above] | IS_LEAVES[above] | (above == CACTUS)).all()
    assert set(np.unique(surface)) <= {GRASS, DIRT, SAND, SANDSTONE, GRAVEL, STONE, SNOW, COAL_ORE, IRON_ORE}
    assert state.ground.min() > 4
    assert state.ground.max() + TALLEST < HEIGHT
    assert state.tops.max() < HEIGHT - 1


@pytest.mark.parametrize("name", WET)
def test_water_is_flat_and_never_hangs_over_a_cave(name: str) -> None:
    state = made(8, name)
    water = state.blocks == WATER
    assert 0.03 < water.any(axis=2).mean() < 0.3
    assert not water[:, :, SEA_LEVEL + 1 :].any()
    below = state.blocks[:, :, : SEA_LEVEL + 1]
    wet = water[:, :, : SEA_LEVEL + 1]
    assert (water[:, :, SEA_LEVEL] == water.any(axis=2)).all()  # every body of water reaches the surface
    for side in around(below):
        assert not (wet & (side == AIR)).any()
    assert not (wet[:, :, 1:] & (below[:, :, :-1] == AIR)).any()
    beds = state.blocks[X, Z, state.ground][water.any(axis=2)]
    assert set(np.unique(beds)) <= {SAND, GRAVEL, DIRT}
    assert SAND in beds


def test_there_are_beaches() -> None:
    state = made(8, "default")
    water = (state.blocks == WATER).any(axis=2)
    shore = ~water & np.logical_or.reduce(around(water))
    surface = state.blocks[X, Z, state.ground]
    assert 0.2 < (surface[shore] == SAND).mean() < 1.0
    assert (surface[~water] == SAND).mean() < 0.1


@pytest.mark.parametrize("name", list(TERRAINS))
def test_ore_is_in_veins_in_the_stone_and_iron_is_deep(name: str) -> None:
    state = made(8, name)
    coal, iron = state.blocks == COAL_ORE, state.blocks == IRON_ORE
    stone = count(state, STONE, COAL_ORE, IRON_ORE)
    assert 0.005 < coal.sum() / stone < 0.02
    assert 0.003 < iron.sum() / stone < 0.015
    assert not iron[:, :, IRON_TOP:].any()
    beside = np.logical_or.reduce([np.roll(coal, by, axis) for axis in range(3) for by in (1, -1)])
    assert beside[coal].mean() > 0.8


def test_caves_wind_through_the_stone_and_some_open_to_the_sky() -> None:
    state = made(8, "forest")
    under = np.arange(HEIGHT) < state.ground[:, :, None]
    hollow = under & (state.blocks == AIR)
    assert hollow.sum() > 4000
    assert not hollow[:, :, :3].any()
    dark = hollow & (state.light >> 4 == 0)
    twilight = hollow & (state.light >> 4 > 0)
    assert dark.sum() > 2000
    assert twilight.sum() > 100
    assert not (np.arange(HEIGHT) < made(8, "easy").ground[:, :, None])[made(8, "easy").blocks == AIR].any()


@pytest.mark.parametrize(
    ("name", "logs"),
    [
        ("plains", {OAK_LOG}),
        ("desert_edge", {OAK_LOG}),
        ("forest", {OAK_LOG, BIRCH_LOG}),
        ("taiga", {SPRUCE_LOG}),
        ("birch_forest", {BIRCH_LOG}),
        ("mixed", {OAK_LOG, BIRCH_LOG, SPRUCE_LOG}),
        ("default", {OAK_LOG, BIRCH_LOG}),
        ("easy", {OAK_LOG}),
    ],
)
def test_trees_are_those_of_the_biomes(name: str, logs: set[int]) -> None:
    state = made(9, name)
    assert {block for block in (OAK_LOG, BIRCH_LOG, SPRUCE_LOG) if count(state, block) > 10} == logs


def test_every_trunk_stands_on_dirt_or_touches_one_that_does() -> None:
    for name in ("forest", "taiga", "default"):
        state = made(9, name)
        log = IS_LOG[state.blocks]
        foot = log[:, :, 1:] & ~log[:, :, :-1]
        held = np.zeros_like(log)
        held[:, :, 1:] = foot & (state.blocks[:, :, :-1] == DIRT)
        for _ in range(24):
            near = np.zeros_like(held)
            for dx in (-1, 0, 1):
                for dz in (-1, 0, 1):
                    for dy in (-1, 0, 1):
                        near |= np.roll(held, (dx, dz, dy), (0, 1, 2))
            held = near & log
        assert (held == log).all()


def test_default_worlds_have_oaks_and_birches_and_easy_ones_only_tall_oaks() -> None:
    for seed in range(3):
        default = made(seed, "default")
        assert count(default, OAK_LOG) > 300
        assert count(default, BIRCH_LOG) > 50
        easy = made(seed, "easy")
        trunks = (easy.blocks == OAK_LOG).sum(axis=2)
        assert set(np.unique(trunks[trunks > 0])) == {5, 6}
        assert count(easy, OAK_LOG) > 400
        assert count(easy, WATER, *np.nonzero(PLANT)[0]) == 0
        assert np.abs(np.diff(easy.ground, axis=0)).max() <= 1


@pytest.mark.parametrize("name", list(TERRAINS))
def test_plants_have_the_soil_they_need(name: str) -> None:
    state = made(10, name)
    for x, z, y in np.argwhere(PLANT[state.blocks]):
        plant, soil = state.blocks[x, z, y], state.blocks[x, z, y - 1]
        assert soil == (SAND if plant == DEAD_BUSH else GRASS)
    cactus = state.blocks == CACTUS
    under = np.roll(state.blocks, 1, 2)
    assert np.isin(under[cactus], (SAND, CACTUS)).all()
    for beside in around(SOLID[state.blocks]):
        assert not beside[cactus].any()


def test_plants_are_those_of_the_biomes() -> None:
    assert count(made(10, "plains"), TALL_GRASS) > 800
    assert count(made(10, "plains"), DANDELION, POPPY) > 40
    assert count(made(10, "taiga"), FERN) > count(made(10, "taiga"), TALL_GRASS)
    assert count(made(10, "desert_edge"), DEAD_BUSH) > 10
    assert count(made(10, "desert_edge"), CACTUS) > 10
    assert count(made(10, "forest"), CACTUS, DEAD_BUSH, FERN) == 0
    assert count(made(10, "taiga"), SNOW) > 0


def test_biomes_share_the_world_and_the_cold_does_not_touch_the_desert() -> None:
    for seed in range(3):
        biomes = made(seed, "mixed").biomes
        kinds, counts = np.unique(biomes, return_counts=True)
        assert set(kinds) == set(BIOMES) == {PLAINS, DESERT, FOREST, TAIGA, BIRCH_FOREST}
        np.testing.assert_allclose(counts / SIDE**2, 0.2, atol=0.01)
        for side in around(biomes):
            assert not ((biomes == TAIGA) & (side == DESERT)).any()
    assert set(np.unique(made(0, "desert_edge").biomes)) == {PLAINS, DESERT}


def test_a_custom_terrain() -> None:
    state = WorldState()
    generate(0, Terrain((DESERT,), relief=3.0, lakes=0.4, caves=0, plants=0.0, trees=0.0), state.world)
    assert set(np.unique(state.blocks[X, Z, state.ground])) <= {SAND, GRAVEL, DIRT}
    assert 0.25 < (state.blocks[:, :, SEA_LEVEL] == WATER).mean() < 0.45
    assert state.ground.max() <= SEA_LEVEL + 4


@pytest.mark.parametrize("name", list(TERRAINS))
def test_starts_are_on_dry_land_under_the_open_sky(name: str) -> None:
    state = made(1, name)
    rng = np.random.default_rng(0)
    starts = np.array([choose_start(rng, TERRAINS[name], state.world) for _ in range(30)])
    for x, y, z, _ in starts:
        column = state.blocks[int(x) & MASK, int(z) & MASK]
        assert SOLID[column[int(y) - 1]]
        assert not SOLID[column[int(y) :]].any()
        assert not (column[int(y) :] == WATER).any()
        assert state.light[int(x) & MASK, int(z) & MASK, int(y)] >> 4 == 15
    assert len(np.unique(starts[:, :3], axis=0)) > 15


@pytest.mark.parametrize("seed", range(12))
def test_easy_starts_near_a_trunk_in_view(seed: int) -> None:
    state = made(seed, "easy")
    x, y, z, yaw = choose_start(np.random.default_rng(seed), LEVELS["easy"], state.world)
    assert state.tops[int(x), int(z)] == y  # under open sky, on the ground
    seen = []
    hit = np.zeros(4, np.int64)
    eye = y + EYE_HEIGHT
    level = math.floor(eye)
    for tx, tz in np.argwhere(IS_LOG[state.blocks[:, :, level]]):
        dx, dz = wrapped(tx + 0.5 - x), wrapped(tz + 0.5 - z)
        away = math.hypot(dx, dz)
        if 4.0 <= away <= 8.0:
            pick(state.blocks, x, eye, z, dx / away, (level + 0.5 - eye) / away, dz / away, away, hit)
            off = abs((look_at(dx, 0.0, dz)[0] - yaw + 180.0) % 360.0 - 180.0)
            if (hit[0], hit[2]) == (tx, tz) and off <= 40.0:
                seen.append((tx, tz))
    assert seen


def test_default_starts_look_anywhere() -> None:
    rng = np.random.default_rng(0)
    yaws = [choose_start(rng, LEVELS["default"], made(1, "default").world)[3] for _ in range(100)]
    assert np.histogram(yaws, 4, (-180, 180))[0].min() > 10
