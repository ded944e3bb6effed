"""Edits from outside keep the world consistent, and put the player where it can stand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog.blocks import AIR, OAK_LEAVES, SOLID, STONE, TALL_GRASS, TORCH, WATER
from vpt_gym.world.core import fields
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.malmo import world_edits
from vpt_gym.world.terrain.generate import TERRAINS, generate


def test_setting_a_block_updates_everything_derived_from_it() -> None:
    state = flat_state()
    world_edits.set_block(state, 64 + 128, FLOOR + 3, 66, STONE)
    world_edits.set_block(state, 62, FLOOR, 66, TORCH)
    derived = [getattr(state, name).copy() for name in ("tops", "leaps", "light")]
    fields.fill_all(state.world)
    for updated, name in zip(derived, ("tops", "leaps", "light"), strict=True):
        np.testing.assert_array_equal(updated, getattr(state, name))
    assert state.blocks[64, 66, FLOOR + 3] == STONE


def test_plants_and_water_but_no_solid_block_can_be_set_into_the_player() -> None:
    state = flat_state()
    before = [array.copy() for array in state.world]
    with pytest.raises(ValueError, match="the player is in"):
        world_edits.set_block(state, 64, FLOOR + 1, 64, STONE)
    for array, was in zip(state.world, before, strict=True):
        np.testing.assert_array_equal(array, was)
    for block in (TALL_GRASS, WATER, AIR):
        world_edits.set_block(state, 64, FLOOR, 64, block)
        assert state.blocks[64, 64, FLOOR] == block


@pytest.mark.parametrize("y", [0, 44, -3])
def test_blocks_can_only_be_set_inside_the_world(y: int) -> None:
    with pytest.raises(ValueError, match=f"y is {y}; blocks can be set from y = 1 to 43"):
        world_edits.set_block(flat_state(), 3, y, 3, STONE)


def test_spreading_puts_the_player_on_open_ground() -> None:
    state = WorldState()
    generate(2, TERRAINS["mixed"], state.world)
    fields.fill_all(state.world)
    state.place_player(1.5, 40.0, 1.5, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(40):
        world_edits.spread(state, rng, 64.0, 64.0, 64.0)
        p = state.player[0]
        column = state.blocks[int(p.x), int(p.z)]
        assert p.on_ground
        assert SOLID[column[int(p.y) - 1]]
        assert not SOLID[column[int(p.y) :]].any()
        assert WATER not in column[int(p.y) :]


def test_spreading_needs_open_ground() -> None:
    state = flat_state()
    state.blocks[:, :, FLOOR] = WATER
    with pytest.raises(ValueError, match="no open ground within 5 blocks"):
        world_edits.spread(state, np.random.default_rng(0), 10.0, 10.0, 5.0)
    state.blocks[:, :, FLOOR] = OAK_LEAVES
    with pytest.raises(ValueError, match="no open ground within 5 blocks"):
        world_edits.spread(state, np.random.default_rng(0), 10.0, 10.0, 5.0)


def test_a_respawned_player_is_healthy_and_does_not_fall_further() -> None:
    state = flat_state()
    p = state.player[0]
    p.health, p.food, p.air, p.exhaustion, p.fallen = 3.0, 4, 100, 3.0, 9.0
    state.inventory[2] = (STONE, 5, 0)
    world_edits.respawn(state, 70.5, float(FLOOR), 70.5, 0.0, 0.0)
    run(state, 1)
    assert (p.health, p.food, p.air, p.fallen) == (20.0, 20, 300, 0.0)
    assert state.inventory[:, 1].sum() == 0
