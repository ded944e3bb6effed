"""Distance fields never let a ray jump over a block, whatever was dug and placed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym.world import fields
from vpt_gym.world.blocks import AIR, HEIGHT, MASK, SIDE, STONE
from vpt_gym.world.fields import MAX_SQUARE
from vpt_gym.world.generate import LEVELS, generate


def made_world(seed: int = 4, level: str = "default") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    blocks = np.zeros((SIDE, SIDE, HEIGHT), np.uint8)
    ground = np.zeros((SIDE, SIDE), np.int64)
    generate(seed, LEVELS[level], blocks, ground)
    tops = np.zeros((SIDE, SIDE), np.uint8)
    squares = np.zeros((4, SIDE, SIDE, HEIGHT), np.uint8)
    fields.fill_tops(blocks, tops)
    fields.fill_squares(blocks, tops, squares)
    return blocks, tops, squares


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


CELLS = st.tuples(st.integers(0, 3), st.integers(0, SIDE - 1), st.integers(0, SIDE - 1), st.integers(8, 34))


@settings(deadline=None, max_examples=15)
@given(st.lists(CELLS, min_size=60, max_size=60, unique=True))
def test_squares_are_exact_when_made(cells: list[tuple[int, int, int, int]]) -> None:
    blocks, _, squares = made_world()
    for q, x, z, y in cells:
        assert squares[q, x, z, y] == largest_square(blocks, q, x, z, y)


EDITS = st.tuples(st.integers(50, 80), st.integers(9, 24), st.integers(120, 150), st.sampled_from((AIR, STONE)))


@settings(deadline=None, max_examples=15)
@given(st.lists(EDITS, min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_fields_stay_right_after_edits(edits: list[tuple[int, int, int, int]], seed: int) -> None:
    blocks, tops, squares = made_world()
    for x, y, z, block in edits:
        z &= MASK  # the edits straddle the seam
        blocks[x, z, y] = block
        fields.block_changed(blocks, tops, squares, x, y, z)
    rng = np.random.default_rng(seed)
    for q, x, y, z in rng.integers((0, 30, 9, 100), (4, 100, 25, 170), (300, 4)):
        z &= MASK
        safe = largest_square(blocks, int(q), int(x), int(z), int(y))
        assert squares[q, x, z, y] <= safe
        assert (squares[q, x, z, y] == 0) == (blocks[x, z, y] != AIR)
    again = np.zeros_like(tops)
    fields.fill_tops(blocks, again)
    np.testing.assert_array_equal(tops, again)


def test_mending_equals_making_anew() -> None:
    blocks, tops, squares = made_world()
    rng = np.random.default_rng(0)
    for x, y, z in rng.integers((0, 5, 0), (SIDE, 30, SIDE), (200, 3)):
        blocks[x, z, y] = STONE if blocks[x, z, y] == AIR else AIR
        fields.block_changed(blocks, tops, squares, int(x), int(y), int(z))
    fresh = np.zeros_like(squares)
    fields.fill_squares(blocks, tops, fresh)
    np.testing.assert_array_equal(squares, fresh)


@pytest.mark.parametrize("level", list(LEVELS))
def test_column_tops(level: str) -> None:
    blocks, tops, _ = made_world(11, level)
    filled = blocks != AIR
    expected = np.where(filled.any(axis=2), HEIGHT - np.argmax(filled[:, :, ::-1], axis=2), 0)
    np.testing.assert_array_equal(tops, expected)
