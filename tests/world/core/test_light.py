"""Light spreads and fades as in Minecraft, and stays exact after digging and placing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vpt_gym.world.catalog.blocks import (
    AIR,
    CACTUS,
    FURNACE,
    HEIGHT,
    IS_LEAVES,
    LIGHT,
    LIQUID,
    MASK,
    OAK_LEAVES,
    OAK_LOG,
    OPAQUE,
    STONE,
    TALL_GRASS,
    TORCH,
    WATER,
)
from vpt_gym.world.core import fields
from vpt_gym.world.core.light import FULL, light_at, sky_dimming, sky_light_at
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.terrain.generate import TERRAINS, generate

NOON, MIDNIGHT = 6000, 18000
FLOOR = 5


def flat(blocks: dict[tuple[int, int, int], int]) -> WorldState:
    state = WorldState()
    state.blocks[:, :, :FLOOR] = STONE
    for (x, y, z), block in blocks.items():
        state.blocks[x & MASK, z & MASK, y] = block
    fields.fill_all(state.world)
    state.clock[0].time = NOON
    return state


def slab(y: int, reach: int) -> dict[tuple[int, int, int], int]:
    """A roof of stone around (64, 64)."""
    span = range(64 - reach, 65 + reach)
    return {(x, y, z): STONE for x in span for z in span}


def sky(state: WorldState, x: int, y: int, z: int) -> int:
    return int(sky_light_at(state.world, x, y, z))


def assert_lit(state: WorldState) -> None:
    """Checks the definition in every cell: its own light, or the most that arrives from a neighbour."""
    blocks, sky, glow = state.blocks, state.light >> 4, state.light & 15
    loss = np.where(IS_LEAVES, 1, np.where(LIQUID, 3, np.where(OPAQUE, 16, 0)))[blocks]
    open_sky = np.flip(np.logical_and.accumulate(np.flip(loss == 0, 2), 2), 2)
    for light, own in ((sky, np.where(open_sky, FULL, 0)), (glow, LIGHT[blocks])):
        padded = np.pad(light.astype(int), ((1, 1), (1, 1), (0, 0)), mode="wrap")
        around = np.pad(padded, ((0, 0), (0, 0), (1, 1)))
        best = np.zeros_like(padded[1:-1, 1:-1])
        for dx, dz, dy in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
            best = np.maximum(best, around[1 + dx : 129 + dx, 1 + dz : 129 + dz, 1 + dy : 1 + HEIGHT + dy])
        np.testing.assert_array_equal(light, np.maximum(own, np.maximum(0, best - np.maximum(1, loss))))


@pytest.mark.parametrize("terrain", ["default", "mixed", "taiga"])
def test_the_light_of_generated_worlds_follows_its_definition(terrain: str) -> None:
    state = WorldState()
    generate(7, TERRAINS[terrain], state.world)
    for x, z in itertools.product(range(0, 128, 16), repeat=2):
        state.blocks[x, z, 6] = TORCH
    fields.fill_all(state.world)
    assert_lit(state)
    assert ((state.light >> 4 == 0) & (state.blocks == AIR)).any()  # the caves are dark


def test_updated_light_equals_newly_computed_light() -> None:
    state = WorldState()
    generate(3, TERRAINS["default"], state.world)
    fields.fill_all(state.world)
    rng = np.random.default_rng(1)
    cells = rng.integers((40, 5, 120), (60, 26, 140), (300, 3))  # close together, and over the seam
    for (x, y, z), block in zip(
        cells, rng.choice([AIR, AIR, STONE, TORCH, WATER, OAK_LEAVES, OAK_LOG, TALL_GRASS], 300), strict=True
    ):
        fields.set_block(state.world, int(x), int(y), int(z), int(block))
    mended = state.light.copy()
    fields.fill_all(state.world)
    np.testing.assert_array_equal(mended, state.light)
    assert_lit(state)


def test_undoing_an_edit_brings_the_light_back() -> None:
    state = flat({**slab(FLOOR + 3, 4), (64, FLOOR, 64): TORCH})
    before = state.light.copy()
    for block in (AIR, TORCH):
        fields.set_block(state.world, 64, FLOOR, 64, block)
    for block in (AIR, STONE):
        fields.set_block(state.world, 64, FLOOR + 3, 64, block)
    np.testing.assert_array_equal(state.light, before)


def test_open_sky_is_full_and_shade_fades_by_one_a_step() -> None:
    state = flat(slab(FLOOR + 2, 6))
    assert sky(state, 57, FLOOR, 64) == FULL
    assert [sky(state, x, FLOOR, 64) for x in range(58, 65)] == [14, 13, 12, 11, 10, 9, 8]
    assert sky(state, 64, FLOOR - 1, 64) == 0  # in the stone
    assert sky(state, 64, HEIGHT + 3, 64) == FULL
    assert sky(state, 64, -1, 64) == 0


def test_leaves_take_one_and_water_three_on_the_way_down() -> None:
    walls = {
        (64 + dx, y, 64 + dz): STONE for dx, dz in ((1, 0), (-1, 0), (0, 1), (0, -1)) for y in range(FLOOR, FLOOR + 9)
    }
    leafy = flat({**walls, (64, FLOOR + 8, 64): OAK_LEAVES})
    assert [sky(leafy, 64, y, 64) for y in range(FLOOR + 8, FLOOR + 4, -1)] == [14, 13, 12, 11]
    wet = flat({**walls, **{(64, y, 64): WATER for y in range(FLOOR, FLOOR + 6)}})
    assert [sky(wet, 64, y, 64) for y in range(FLOOR + 6, FLOOR - 1, -1)] == [15, 12, 9, 6, 3, 0, 0]


@pytest.mark.parametrize("block", [TALL_GRASS, TORCH])
def test_plants_do_not_shade(block: int) -> None:
    state = flat({(64, FLOOR, 64): block})
    assert sky(state, 64, FLOOR, 64) == FULL


@pytest.mark.parametrize("block", [STONE, FURNACE, CACTUS])
def test_solid_blocks_hold_light_back(block: int) -> None:
    state = flat({(64, FLOOR + 5, 64): block})
    assert sky(state, 64, FLOOR + 5, 64) == 0
    assert sky(state, 64, FLOOR + 4, 64) == 14


def test_a_torch_gives_14_and_fades_by_one_a_step() -> None:
    state = flat({**slab(FLOOR + 2, 40), (64, FLOOR, 64): TORCH})
    state.clock[0].time = MIDNIGHT
    assert [int(light_at(state.world, 64 + d, FLOOR, 64)) for d in range(16)] == [*range(14, 0, -1), 0, 0]
    assert int(light_at(state.world, 65, FLOOR, 66)) == 11
    fields.set_block(state.world, 64, FLOOR, 64, AIR)
    assert int(light_at(state.world, 65, FLOOR, 64)) == 0


def test_the_brighter_light_counts() -> None:
    state = flat({(64, FLOOR, 64): TORCH})
    assert int(light_at(state.world, 66, FLOOR, 64)) == FULL
    state.clock[0].time = MIDNIGHT
    assert int(light_at(state.world, 66, FLOOR, 64)) == 12
    assert int(light_at(state.world, 90, FLOOR, 64)) == 4


@pytest.mark.parametrize(
    ("time", "dimming"), [(0, 0), (1000, 0), (NOON, 0), (12000, 0), (13000, 6), (14000, 11), (MIDNIGHT, 11), (23999, 0)]
)
def test_the_sky_dims_as_in_minecraft(time: int, dimming: int) -> None:
    assert sky_dimming(time, 0.0) == dimming
    assert sky_dimming(time + 24000, 0.0) == dimming


def test_rain_dims_the_day_by_three() -> None:
    assert sky_dimming(NOON, 1.0) == 3
