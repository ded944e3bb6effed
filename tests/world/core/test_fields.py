"""Leaps never let a ray jump over a block, even after digging and placing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.world.catalog.blocks import AIR, HEIGHT, MASK, SIDE, STONE, TALL_GRASS, WATER
from vpt_gym.world.core import fields
from vpt_gym.world.core.fields import FALL_SHIFT, MAX_LAYERS, MAX_SQUARE, RISE_SHIFT, SQUARE_BITS
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.terrain.generate import LEVELS, TERRAINS, generate


def made_world(seed: int = 4, terrain: str = "default") -> WorldState:
    state = WorldState()
    generate(seed, TERRAINS[terrain], state.world)
    fields.fill_all(state.world)
    return state


def largest_square(blocks: np.ndarray, q: int, x: int, z: int, y: int) -> int:
    """The side of the largest empty square, by its definition."""
    dx, dz = (-1 if q & 1 else 1), (-1 if q & 2 else 1)
    layer = blocks[:, :, y]
    for side in range(1, MAX_SQUARE + 1):
        rows = (x + dx * np.arange(side)) & MASK
        columns = (z + dz * np.arange(side)) & MASK
        if layer[np.ix_(rows, columns)].any():
            return side - 1
    return MAX_SQUARE


def most_layers(blocks: np.ndarray, q: int, x: int, z: int, y: int, side: int, way: int) -> int:
    """The largest power of two of layers, up or down, whose squares are at least ``side`` wide, by its definition.

    There is nothing over the world that a ray could hit, and nothing below it that it could cross.
    """
    layers = 1
    while layers < MAX_LAYERS:
        new = [y + way * k for k in range(layers, 2 * layers) if y + way * k < HEIGHT]
        if any(level < 0 or largest_square(blocks, q, x, z, level) < side for level in new):
            break
        layers *= 2
    return layers


CELLS = st.tuples(st.integers(0, 3), st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(2, 34))


@settings(deadline=None, max_examples=15)
@given(st.lists(CELLS, min_size=60, max_size=60, unique=True))
def test_new_leaps_are_exact(cells: list[tuple[int, int, int, int]]) -> None:
    state = made_world()
    for q, x, z, y in cells:
        leap = int(state.leaps[q, x, z, y])
        side = largest_square(state.blocks, q, x, z, y)
        assert leap & SQUARE_BITS == side
        if side:
            assert 1 << (leap >> RISE_SHIFT & 7) == most_layers(state.blocks, q, x, z, y, side, 1)
            assert 1 << (leap >> FALL_SHIFT & 7) == most_layers(state.blocks, q, x, z, y, side, -1)


EDITS = st.tuples(
    st.integers(50, 80),
    st.integers(3, 24),
    st.integers(120, 150),
    st.sampled_from((AIR, STONE, WATER, TALL_GRASS)),
)


@settings(deadline=None, max_examples=15)
@given(st.lists(EDITS, min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_fields_stay_right_after_edits(edits: list[tuple[int, int, int, int]], seed: int) -> None:
    state = made_world()
    for x, y, z, block in edits:  # they straddle the seam
        fields.set_block(state.world, x, y, z, block)
        assert state.blocks[x, z & MASK, y] == block
    rng = np.random.default_rng(seed)
    for q, x, y, z in rng.integers((0, 30, 3, 100), (4, 100, 25, 170), (300, 4)):
        z &= MASK
        safe = largest_square(state.blocks, int(q), int(x), int(z), int(y))
        leap = int(state.leaps[q, x, z, y])
        side = leap & SQUARE_BITS
        assert side <= safe
        assert (leap == 0) == (state.blocks[x, z, y] != AIR)
        if leap:
            assert 1 << (leap >> RISE_SHIFT & 7) <= most_layers(state.blocks, q, x, z, y, side, 1)
            assert 1 << (leap >> FALL_SHIFT & 7) <= most_layers(state.blocks, q, x, z, y, side, -1)
    again = np.zeros_like(state.tops)
    fields.fill_tops(state.blocks, again)
    np.testing.assert_array_equal(state.tops, again)


def test_an_update_equals_a_new_computation() -> None:
    state = made_world()
    rng = np.random.default_rng(0)
    for x, y, z in rng.integers((0, 5, 0), (SIDE, 30, SIDE), (200, 3)):
        fields.set_block(state.world, x, y, z, STONE if state.blocks[x, z, y] == AIR else AIR)
    fresh = np.zeros_like(state.leaps)
    fields.fill_leaps(state.blocks, fresh)
    np.testing.assert_array_equal(state.leaps, fresh)


@pytest.mark.parametrize("level", list(LEVELS))
def test_column_tops(level: str) -> None:
    state = made_world(11, level)
    filled = state.blocks != AIR
    expected = np.where(filled.any(axis=2), HEIGHT - np.argmax(filled[:, :, ::-1], axis=2), 0)
    np.testing.assert_array_equal(state.tops, expected)
