"""Animals and monsters spawn by Minecraft 1.11's rules."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from tests.support.meadow import LAWN, NIGHT, meadow, put, run_ticks
from vpt_gym.world.catalog.blocks import AIR, GRASS, SAND, SIDE, STONE, TORCH, WATER
from vpt_gym.world.catalog.creatures import (
    CHICKEN,
    COW,
    CREATURE_HEALTH,
    HUNTING,
    IDLE,
    IS_HOSTILE,
    NO_CREATURE,
    PIG,
    SHEEP,
    SPIDER,
    ZOMBIE,
)
from vpt_gym.world.core import fields
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.light import light_at
from vpt_gym.world.core.state import MAX_CREATURES, WorldState
from vpt_gym.world.creatures.spawning import MOST_ANIMALS, has_room, night_spawns, populate, spawn, spawn_near
from vpt_gym.world.terrain.generate import TERRAINS, choose_start, generate


def born(state: WorldState) -> np.ndarray:
    return state.creatures[state.creatures["kind"] != NO_CREATURE]


def away(state: WorldState, creature: np.void) -> float:
    player = state.player[0]
    dx, dz = ((creature[a] - player[a] + SIDE / 2) % SIDE - SIDE / 2 for a in "xz")
    return math.sqrt(dx * dx + dz * dz + (creature["y"] - player["y"]) ** 2)


def let_spawn(state: WorldState, ticks: int) -> None:
    """Runs only the spawning, without moving anything."""
    for _ in range(ticks):
        state.player[0].ticks += 1
        night_spawns(state.world)


def test_a_new_creature_is_healthy_and_unlike_the_others() -> None:
    state = meadow()
    for n in range(MAX_CREATURES):
        assert spawn(state.world, SHEEP if n else COW, 130.5, LAWN, -3.5) == n
    assert spawn(state.world, PIG, 1.5, LAWN, 1.5) == -1
    assert set(born(state)["number"]) == set(range(1, MAX_CREATURES + 1))
    assert len(set(born(state)["yaw"])) == MAX_CREATURES
    first, second = state.creatures[:2]
    assert (first["x"], first["z"]) == (2.5, 124.5)
    assert (first["coat"], second["coat"]) == (0, 1)
    assert (first["health"], second["health"]) == (CREATURE_HEALTH[COW], CREATURE_HEALTH[SHEEP])
    assert first["mood"] == IDLE


def test_animals_spawn_in_groups_on_grass_under_the_sky() -> None:
    kinds: Counter[int] = Counter()
    totals = []
    for seed in range(12):
        state = WorldState()
        terrain = TERRAINS["mixed"]
        generate(seed, terrain, state.world)
        fields.fill_all(state.world)
        state.place_player(*choose_start(np.random.default_rng(seed), terrain, state.world))
        state.clock[0].seed = seed * 7919
        count = populate(state.world)
        assert count == len(born(state)) <= MOST_ANIMALS + 3
        totals.append(count)
        for animal in born(state):
            x, y, z = (math.floor(animal[a]) for a in "xyz")
            assert state.blocks[x, z, y - 1] == GRASS
            assert has_room(state.blocks, animal["kind"], x, y, z)
            assert away(state, animal) >= 2.0
        kinds.update(int(kind) for kind in born(state)["kind"])
        first = [tuple(animal) for animal in born(state)]
        state.place_player(*(float(state.player[0][a]) for a in "xyz"), 0.0)
        state.clock[0].next_number = 0
        assert populate(state.world) == count
        assert [tuple(animal) for animal in born(state)] == first
    assert set(kinds) == {PIG, COW, SHEEP, CHICKEN}
    assert 8 <= np.mean(totals) <= MOST_ANIMALS + 3


def test_no_animals_spawn_in_a_desert() -> None:
    state = meadow()
    state.blocks[:, :, LAWN - 1] = SAND
    assert populate(state.world) == 0


def test_monsters_spawn_in_the_dark_far_away_and_not_too_many() -> None:
    torches = {(int(x), LAWN, int(z)): TORCH for x, z in np.random.default_rng(0).integers(0, SIDE, (40, 2))}
    state = meadow(torches, time=NIGHT)
    state.clock[0].monsters = 8
    kinds: Counter[int] = Counter()
    for _ in range(10):
        state.creatures["kind"] = NO_CREATURE
        let_spawn(state, 1500)
        assert len(born(state)) == 8
        for monster in born(state):
            assert IS_HOSTILE[monster["kind"]]
            assert away(state, monster) >= 24.0
            x, y, z = (math.floor(monster[a]) for a in "xyz")
            assert light_at(state.world, x, y, z) < 8
            kinds[int(monster["kind"])] += 1
    assert min(kinds[ZOMBIE], kinds[SPIDER]) > 15


@pytest.mark.parametrize(("time", "monsters"), [(NOON, 8), (NIGHT, 0)])
def test_no_monsters_by_day_or_where_there_are_none(time: int, monsters: int) -> None:
    state = meadow(time=time)
    state.clock[0].monsters = monsters
    let_spawn(state, 2000)
    assert len(born(state)) == 0


def test_monsters_spawn_in_caves_by_day() -> None:
    state = meadow(time=NOON)
    state.blocks[:, :, 1 : LAWN - 1] = AIR
    state.blocks[:, :, 0] = STONE
    fields.fill_all(state.world)
    state.clock[0].monsters = 8
    let_spawn(state, 1500)
    assert len(born(state)) == 8
    assert set(born(state)["y"]) == {1.0}


def test_monsters_despawn_only_far_away_and_animals_never() -> None:
    state = meadow(time=NIGHT)
    put(state, ZOMBIE, 10.5, 10.5)
    put(state, PIG, 12.5, 10.5)
    put(state, ZOMBIE, 64.5, 80.5)
    state.clock[0].monsters = 2
    gone = 0
    for tick in range(6000):
        state.creatures["age"] += 1
        let_spawn(state, 1)
        if state.creatures[0]["kind"] == NO_CREATURE:
            gone = gone or tick
            state.clock[0].monsters = 1  # no other monster spawns in its place
    assert gone > 590
    assert [int(kind) for kind in state.creatures["kind"][:3]] == [NO_CREATURE, PIG, ZOMBIE]


@pytest.mark.parametrize("kind", [COW, SHEEP, ZOMBIE])
def test_creatures_of_a_task_are_near_on_the_ground_and_in_view(kind: int) -> None:
    wall = {(x, y, 67): STONE for x in range(40, 90) for y in range(LAWN, LAWN + 3)}
    lake = {(x, LAWN - 1, z): WATER for x in range(40, 64) for z in range(40, 90)}
    places = set()
    for seed in range(10):
        state = meadow(wall | lake, seed=seed * 1000003)
        assert spawn_near(state.world, kind, 3, 4.0, 12.0, 5) == 3
        for creature in born(state):
            assert creature["kind"] == kind
            dx, dz = creature["x"] - 64.5, creature["z"] - 64.5
            assert 3.2 <= math.hypot(dx, dz) <= 12.8
            assert dz < 2.5  # this side of the wall
            assert dx > -0.6  # not in the lake
            assert creature["y"] == LAWN
            places.add((creature["x"], creature["z"]))
    assert len(places) > 25


def test_creatures_of_a_task_use_any_ground_if_there_is_no_better() -> None:
    shut = {(x, y, z): STONE for x in range(63, 67) for z in range(63, 67) for y in range(LAWN, LAWN + 3)}
    state = meadow({cell: block for cell, block in shut.items() if cell[::2] not in {(64, 64)}})
    state.blocks[:, :, LAWN - 1] = SAND
    assert spawn_near(state.world, PIG, 2, 4.0, 12.0, 0) == 2
    state.blocks[:, :, LAWN] = WATER
    assert spawn_near(state.world, PIG, 2, 4.0, 12.0, 0) == 0
    state = meadow()
    assert spawn_near(state.world, PIG, MAX_CREATURES + 5, 4.0, 30.0, 0) == MAX_CREATURES


def test_room_is_checked_for_the_complete_body() -> None:
    state = meadow({(20, LAWN + 1, 20): STONE, (31, LAWN, 30): STONE, (40, LAWN, 40): WATER})
    blocks = state.blocks
    assert has_room(blocks, PIG, 20, LAWN, 20)
    assert not has_room(blocks, COW, 20, LAWN, 20)
    assert has_room(blocks, PIG, 30, LAWN, 30)
    assert not has_room(blocks, SPIDER, 30, LAWN, 30)
    assert not has_room(blocks, PIG, 40, LAWN, 40)
    assert not has_room(blocks, PIG, 50, LAWN + 1, 50)
    assert not has_room(blocks, PIG, 50, LAWN - 1, 50)


def test_monsters_that_spawned_at_night_hunt() -> None:
    state = meadow(time=NIGHT)
    state.clock[0].monsters = 8
    hunted = False
    for _ in range(1200):
        run_ticks(state, 1)
        hunted = hunted or bool((born(state)["mood"] == HUNTING).any())
    assert len(born(state)) <= 8
    assert hunted
