"""Falls, breath, hunger, healing and eating; expected numbers are those published for Minecraft 1.11."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.flat_world import FLOOR, flat_state, run
from vpt_gym.world.catalog.blocks import CACTUS, DIRT, SAND, STONE, WATER
from vpt_gym.world.catalog.items import APPLE, BUCKET, COOKED_BEEF, MILK_BUCKET, WOODEN_SWORD
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.rules.vitals import CREATURE, FALL, STARVING, hurt


def starved(state: WorldState) -> WorldState:
    """Prevents healing."""
    state.player[0].food, state.player[0].saturation = 10, 0.0
    return state


def fall(height: float, **controls: int) -> WorldState:
    state = flat_state()
    state.player[0].y = FLOOR + height
    state.player[0].on_ground = 0
    for _ in range(200):
        run(state, 1, **controls)
        if state.player[0].on_ground:
            break
    return state


@pytest.mark.parametrize(
    ("height", "damage"), [(1.0, 0.0), (3.0, 0.0), (3.5, 1.0), (4.0, 1.0), (10.0, 7.0), (22.9, 20.0), (30.0, 20.0)]
)
def test_falls_hurt_by_the_height_above_three_blocks(height: float, damage: float) -> None:
    player = fall(height).player[0]
    assert player.health == 20.0 - damage
    assert player.fallen == 0.0


def test_water_breaks_a_fall() -> None:
    pool = {(x, FLOOR - 1 - y, z): WATER for x in range(62, 67) for z in range(62, 67) for y in range(3)}
    state = flat_state(pool)
    state.player[0].y = FLOOR + 12.0
    run(state, 60)
    assert state.player[0].health == 20.0


def submerged() -> WorldState:
    pool = {(x, y, z): WATER for x in range(60, 69) for z in range(60, 69) for y in range(FLOOR, FLOOR + 4)}
    return flat_state(pool)


def test_a_diver_drowns_after_sixteen_seconds_at_a_heart_a_second() -> None:
    state = starved(submerged())
    ticks = 1  # flat_state has played one
    wounds = []
    before = 20.0
    while len(wounds) < 4:
        run(state, 1)
        ticks += 1
        if state.player[0].health < before:
            wounds.append((ticks, before - state.player[0].health))
            before = float(state.player[0].health)
    assert wounds[0][0] == 320
    assert [tick - wounds[0][0] for tick, _ in wounds] == [0, 20, 40, 60]
    assert {damage for _, damage in wounds} == {2.0}


def test_the_air_comes_back_at_the_surface() -> None:
    state = run(submerged(), 100)
    assert state.player[0].air == 300 - 101
    state.player[0].y += 6.0
    assert run(state, 1).player[0].air == 300


def test_exhaustion_costs_saturation_then_food() -> None:
    state = flat_state()
    state.player[0].saturation, state.player[0].food = 1.0, 15
    state.player[0].exhaustion = 4.5
    run(state, 1)
    assert (state.player[0].saturation, state.player[0].food) == (0.0, 15)
    assert state.player[0].exhaustion == pytest.approx(0.5)
    state.player[0].exhaustion = 4.5
    run(state, 1)
    assert (state.player[0].saturation, state.player[0].food) == (0.0, 14)


def test_sprinting_costs_a_tenth_for_each_block_and_walking_nothing() -> None:
    state = run(flat_state(), 10, forward=1, sprint=1)
    before, start = float(state.player[0].exhaustion), float(state.player[0].z)
    run(state, 20, forward=1, sprint=1)
    way = float(state.player[0].z) - start
    assert state.player[0].exhaustion - before == pytest.approx(0.1 * way)
    assert run(flat_state(), 30, forward=1).player[0].exhaustion == 0.0


@pytest.mark.parametrize(("controls", "cost"), [({}, 0.05), ({"forward": 1, "sprint": 1}, 0.2)])
def test_jumps_cause_exhaustion(controls: dict[str, int], cost: float) -> None:
    state = flat_state()
    if controls:
        run(state, 3, **controls)
        state.player[0].exhaustion = 0.0
    run(state, 1, jump=1, **controls)
    assert state.player[0].exhaustion == pytest.approx(cost)


def healing_ticks(food: int, saturation: float) -> list[int]:
    """Returns the ticks in which an injured player heals."""
    state = flat_state()
    player = state.player[0]
    player.health, player.food, player.saturation, player.food_ticks = 10.0, food, saturation, 0
    healed = []
    for tick in range(1, 201):
        before = float(player.health)
        run(state, 1)
        if player.health > before:
            healed.append(tick)
    return healed


def test_food_heals_half_a_heart_in_four_seconds() -> None:
    assert healing_ticks(20, 0.0) == [80, 160]
    assert healing_ticks(18, 0.0) == [80]  # healing has cost food
    assert healing_ticks(17, 5.0) == []


def test_saturation_heals_every_half_second_as_long_as_it_lasts() -> None:
    state = flat_state()
    player = state.player[0]
    player.health, player.food, player.saturation, player.food_ticks = 10.0, 20, 6.0, 0
    run(state, 9)
    assert player.health == 10.0
    run(state, 1)
    assert player.health == 11.0
    assert player.exhaustion == pytest.approx(6.0)
    assert healing_ticks(20, 20.0)[:3] == [10, 20, 30]


def test_hunger_leaves_half_a_heart() -> None:
    state = flat_state()
    player = state.player[0]
    player.health, player.food, player.saturation = 3.0, 0, 0.0
    run(state, 80)
    assert player.health == 2.0
    run(state, 400)
    assert player.health == 1.0


def test_a_hungry_player_can_not_sprint() -> None:
    for food, sprints in ((6, 0), (7, 1)):
        state = flat_state()
        state.player[0].food = food
        assert run(state, 2, forward=1, sprint=1).player[0].sprinting == sprints


def test_eating_takes_32_ticks_of_holding_use() -> None:
    state = flat_state()
    player = state.player[0]
    player.food, player.saturation = 10, 0.0
    state.inventory[0] = (COOKED_BEEF, 3, 0)
    run(state, 31, use=1)
    assert player.food == 10
    run(state, 1, use=1)
    assert (player.food, state.inventory[0, 1]) == (18, 2)
    assert player.saturation == pytest.approx(12.8)


def test_saturation_is_never_above_food_and_food_never_above_20() -> None:
    state = flat_state()
    player = state.player[0]
    player.food, player.saturation = 15, 14.0
    state.inventory[0] = (COOKED_BEEF, 1, 0)
    run(state, 32, use=1)
    assert (player.food, player.saturation) == (20, 20.0)


def test_eating_starts_over_when_use_is_released_or_the_hand_changes() -> None:
    state = flat_state()
    state.player[0].food = 10
    state.inventory[0] = (APPLE, 2, 0)
    run(state, 31, use=1)
    run(state, 1)
    run(state, 31, use=1)
    run(state, 1, use=1, slot=1)
    assert state.inventory[0].tolist() == [APPLE, 2, 0]
    assert state.player[0].food == 10


def test_the_full_do_not_eat_but_milk_can_always_be_drunk() -> None:
    state = flat_state()
    state.inventory[0] = (APPLE, 1, 0)
    run(state, 80, use=1)
    assert state.inventory[0].tolist() == [APPLE, 1, 0]
    state.inventory[0] = (MILK_BUCKET, 1, 0)
    run(state, 80, use=1)
    assert state.inventory[0].tolist() == [BUCKET, 1, 0]


def test_a_cactus_pricks_twice_a_second() -> None:
    state = starved(flat_state({(64, FLOOR - 1, 66): SAND, (64, FLOOR, 66): CACTUS}))
    run(state, 12, forward=1)
    health = []
    for _ in range(40):
        health.append(float(run(state, 1, forward=1).player[0].health))
    assert health[0] - health[-1] == pytest.approx(4.0, abs=1.01)
    lost = [k for k in range(1, 40) if health[k] < health[k - 1]]
    assert {b - a for a, b in itertools.pairwise(lost)} == {10}


def test_nobody_is_hurt_twice_within_half_a_second() -> None:
    state = starved(flat_state())
    assert hurt(state.player[0], 3.0, CREATURE)
    assert not hurt(state.player[0], 5.0, FALL)
    run(state, 9)
    assert not hurt(state.player[0], 5.0, FALL)
    run(state, 1)
    assert hurt(state.player[0], 5.0, FALL)
    assert state.player[0].health == 12.0


def test_only_damage_by_creatures_and_cacti_causes_exhaustion() -> None:
    state = flat_state()
    hurt(state.player[0], 1.0, CREATURE)
    assert state.player[0].exhaustion == pytest.approx(0.1)
    state.player[0].hurt_ticks = 0
    hurt(state.player[0], 1.0, STARVING)
    assert state.player[0].exhaustion == pytest.approx(0.1)


def test_a_dead_player_does_nothing() -> None:
    state = flat_state({(64, FLOOR + 1, 66): STONE})
    state.inventory[0] = (DIRT, 1, 0)
    hurt(state.player[0], 50.0, FALL)
    assert state.player[0].health == 0.0
    before = state.player[0].copy()
    run(state, 20, forward=1, jump=1, yaw=10.0, attack=1, use=1, drop=1)
    after = state.player[0]
    assert (after.x, after.y, after.z, after.yaw) == (before.x, before.y, before.z, before.yaw)
    assert state.inventory[0].tolist() == [DIRT, 1, 0]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 1), st.floats(0.0, 6.0)), max_size=30),
    st.integers(0, 20),
    st.floats(0.5, 20.0),
)
def test_food_air_and_health_stay_in_their_ranges(
    steps: list[tuple[int, int, int, float]], food: int, health: float
) -> None:
    state = flat_state_once()
    player = state.player[0]
    player.food, player.health, player.saturation = food, health, float(min(food, 5))
    state.inventory[0] = (APPLE, 64, 0)
    state.inventory[1] = (WOODEN_SWORD, 1, 0)
    for use, jump, sprint, pain in steps:
        player.exhaustion += pain
        run(state, 5, use=use, jump=jump, forward=1, sprint=sprint)
        hurt(state.player[0], pain, CREATURE)
        assert 0.0 <= player.health <= 20.0
        assert 0 <= player.food <= 20
        assert 0.0 <= player.saturation <= 20.0
        assert 0 <= player.air <= 300


_STATES: list[WorldState] = []


def flat_state_once() -> WorldState:
    """Returns the same flat world with a new player; making one is slow."""
    if not _STATES:
        _STATES.append(flat_state())
    _STATES[0].place_player(64.5, float(FLOOR), 64.5, 0.0)
    return _STATES[0]
