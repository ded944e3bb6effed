"""Animals and monsters move, fight, die and drop items as in Minecraft 1.11."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from tests.support.meadow import LAWN, NIGHT, dropped, meadow, put, run_ticks, send
from tests.support.other_mode import INTERPRETED, in_other_mode
from vpt_gym.world.catalog.blocks import AIR, SIDE, SOLID, STONE, TALL_GRASS, WATER, WOOL
from vpt_gym.world.catalog.creatures import (
    CHICKEN,
    COW,
    CREATURE_HEALTH,
    CREATURE_HEIGHT,
    CREATURE_WIDTH,
    FLEEING,
    GRAZING,
    HUNTING,
    LOOKING_AT_PLAYER,
    NO_CREATURE,
    PIG,
    SHEEP,
    SPIDER,
    WALKING,
    ZOMBIE,
)
from vpt_gym.world.catalog.items import (
    BEEF,
    BUCKET,
    CHICKEN_MEAT,
    FEATHER,
    LEATHER,
    MILK_BUCKET,
    MUTTON,
    PORKCHOP,
    ROTTEN_FLESH,
    SHEARS_ITEM,
    STRING,
)
from vpt_gym.world.core import fields
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures.paths import heading
from vpt_gym.world.creatures.spawning import populate, spawn
from vpt_gym.world.creatures.tick import advance_creatures, creature_in_sight, strike, use_on
from vpt_gym.world.terrain.generate import TERRAINS, choose_start, generate

compiled_only = pytest.mark.skipif(INTERPRETED, reason="thousands of ticks take minutes interpreted")


@pytest.mark.parametrize(
    ("kind", "per_second"),
    [(PIG, 2.70), (COW, 1.73), (SHEEP, 2.28), (CHICKEN, 2.70), (ZOMBIE, 2.28), (SPIDER, 2.49)],
)
def test_creatures_walk_as_fast_as_in_minecraft(kind: int, per_second: float) -> None:
    """The speed is 20 * 0.98 * speed**2 / (1 - 0.546); a spider wanders at 0.8 of its speed."""
    state = meadow(time=NIGHT, player=10.5)
    creature = put(state, kind, 64.5, 40.5)
    send(creature, 64.5, 80.5)
    run_ticks(state, 20)
    before, strode = float(creature.z), float(creature.stride)
    run_ticks(state, 40)
    assert (creature.z - before) / 2.0 == pytest.approx(per_second, rel=0.01)
    assert creature.stride - strode == pytest.approx(creature.z - before)
    assert creature.yaw == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("kind", "factor"), [(PIG, 1.25), (COW, 2.0), (SHEEP, 1.25), (CHICKEN, 1.4)])
def test_animals_flee_faster_for_five_seconds(kind: int, factor: float) -> None:
    state = meadow(player=60.5)
    creature = put(state, kind, 64.5, 64.5)
    calm = 0.98 * {PIG: 0.25, COW: 0.2, SHEEP: 0.23, CHICKEN: 0.25}[kind] ** 2 / 0.454
    assert strike(state.world, 0, 1.0, 0.0, 1.0)
    assert creature.mood == FLEEING
    fastest = 0.0
    for tick in range(100):
        run_ticks(state, 1)
        assert (creature.mood == FLEEING) == (tick < 99)
        if tick > 20:
            fastest = max(fastest, math.hypot(creature.vx, creature.vz) / 0.546)
    assert fastest == pytest.approx(calm * factor**2, rel=0.03)


def test_a_hit_hurts_and_knocks_back_but_does_not_hurt_twice_at_once() -> None:
    state = meadow()
    cow = put(state, COW, 64.5, 66.5)
    assert strike(state.world, 0, 4.0, 0.0, 7.0)
    assert cow.health == CREATURE_HEALTH[COW] - 4.0
    assert (cow.vx, cow.vz) == (0.0, 0.4)
    assert cow.vy == pytest.approx(0.3608)  # 0.4 and half of a standing body's speed
    assert not strike(state.world, 0, 4.0, 0.0, 1.0)
    z = float(cow.z)
    cow.mood_ticks = 1
    run_ticks(state, 9)
    assert not strike(state.world, 0, 4.0, 0.0, 1.0)
    run_ticks(state, 1)
    assert 1.5 < cow.z - z < 2.6
    assert strike(state.world, 0, 4.0, 0.0, 1.0)
    assert cow.health == 2.0


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        (PIG, {PORKCHOP: (1, 3)}),
        (COW, {BEEF: (1, 3), LEATHER: (0, 2)}),
        (SHEEP, {MUTTON: (1, 2), WOOL: (1, 1)}),
        (CHICKEN, {CHICKEN_MEAT: (1, 1), FEATHER: (0, 2)}),
        (ZOMBIE, {ROTTEN_FLESH: (0, 2)}),
        (SPIDER, {STRING: (0, 2)}),
    ],
)
def test_dead_creatures_drop_minecrafts_loot_and_are_removed_after_a_second(
    kind: int, bounds: dict[int, tuple[int, int]]
) -> None:
    seen: dict[int, Counter[int]] = {item: Counter() for item in bounds}
    state = meadow(time=NIGHT)
    for _ in range(60):
        state.items["item"] = 0
        creature = put(state, kind, 64.5, 80.5)
        assert strike(state.world, 0, 100.0, 1.0, 0.0)
        assert creature.health == 0.0
        counts = dropped(state)
        assert set(counts) <= set(bounds)
        for item in bounds:
            seen[item][counts.get(item, 0)] += 1
        assert not strike(state.world, 0, 100.0, 1.0, 0.0)
        run_ticks(state, 19)
        assert creature.kind == kind
        run_ticks(state, 1)
        assert creature.kind == NO_CREATURE
    for item, (least, most) in bounds.items():
        assert set(seen[item]) == set(range(least, most + 1))
        share = 1.0 / (most - least + 1)
        assert all(abs(count / 60 - share) < 0.2 for count in seen[item].values())
    assert state.kills[kind] == 60


def test_shears_take_the_coat_once_until_the_sheep_has_grazed() -> None:
    wool: Counter[int] = Counter()
    for seed in range(30):
        state = meadow(seed=seed)
        sheep = put(state, SHEEP, 64.5, 66.5)
        assert use_on(state.world, 0, BUCKET) == -1
        assert use_on(state.world, 0, SHEARS_ITEM) == SHEARS_ITEM
        assert sheep.coat == 0
        wool[dropped(state)[WOOL]] += 1
        assert use_on(state.world, 0, SHEARS_ITEM) == -1
    assert set(wool) == {1, 2, 3}
    sheep.mood, sheep.mood_ticks = GRAZING, 40
    run_ticks(state, 35)
    assert sheep.coat == 0
    run_ticks(state, 1)
    assert sheep.coat == 1
    state.items["item"] = 0
    use_on(state.world, 0, SHEARS_ITEM)
    state.items["item"] = 0
    strike(state.world, 0, 100.0, 0.0, 1.0)
    assert set(dropped(state)) == {MUTTON}


def test_only_living_cows_give_milk() -> None:
    state = meadow()
    put(state, COW, 64.5, 66.5)
    put(state, PIG, 66.5, 66.5)
    assert use_on(state.world, 0, BUCKET) == MILK_BUCKET
    assert use_on(state.world, 0, BUCKET) == MILK_BUCKET
    assert use_on(state.world, 0, SHEARS_ITEM) == -1
    assert use_on(state.world, 1, BUCKET) == -1
    strike(state.world, 0, 100.0, 0.0, 1.0)
    assert use_on(state.world, 0, BUCKET) == -1


@pytest.mark.parametrize(("kind", "damage"), [(ZOMBIE, 3.0), (SPIDER, 2.0)])
def test_monsters_hunt_at_night_and_hit_once_a_second(kind: int, damage: float) -> None:
    state = meadow(time=NIGHT)
    monster = put(state, kind, 64.5, 76.5)
    run_ticks(state, 20)
    assert monster.mood == HUNTING
    blows = []
    health = 20.0
    for tick in range(240):
        run_ticks(state, 1)
        if state.player[0].health == 0.0:
            break
        if state.player[0].health < health:
            assert health - state.player[0].health == damage
            assert math.hypot(state.player[0].vx, state.player[0].vz) > 0.3
            state.player[0].vx = state.player[0].vz = 0.0
            health = float(state.player[0].health)
            blows.append(tick)
    assert len(blows) >= 4
    assert min(np.diff(blows)) >= 20


def test_zombies_need_to_see_the_player_and_forget_it() -> None:
    wall = {(x, y, 70): STONE for x in range(SIDE) for y in range(LAWN, LAWN + 4)}
    state = meadow(wall | {(x, y, 6): b for (x, y, _), b in wall.items()}, time=NIGHT)
    zombie = put(state, ZOMBIE, 64.5, 76.5)
    run_ticks(state, 60)
    assert zombie.mood != HUNTING
    strike(state.world, 0, 1.0, 0.0, 1.0)
    assert zombie.mood == HUNTING
    run_ticks(state, 70)
    assert zombie.mood != HUNTING
    assert state.player[0].health == 20.0


def test_a_zombie_gets_around_a_wall() -> None:
    state = meadow({(x, y, 70): STONE for x in range(61, 68) for y in range(LAWN, LAWN + 2)}, time=NIGHT)
    zombie = put(state, ZOMBIE, 64.5, 72.5)
    zombie.mood, zombie.mood_ticks = HUNTING, 100000
    for _ in range(400):
        run_ticks(state, 1)
        zombie.mood, zombie.mood_ticks = HUNTING, 100
    assert state.player[0].health < 20.0


def test_a_spider_is_peaceful_by_day_and_climbs() -> None:
    state = meadow(time=NOON)
    spider = put(state, SPIDER, 64.5, 70.5)
    run_ticks(state, 100)
    assert spider.mood != HUNTING
    state = meadow({(x, y, 68): STONE for x in range(SIDE) for y in range(LAWN, LAWN + 3)}, time=NIGHT)
    spider = put(state, SPIDER, 64.5, 72.5)
    highest = 0.0
    for _ in range(60):
        spider.mood, spider.mood_ticks = HUNTING, 100
        run_ticks(state, 1)
        highest = max(highest, float(spider.y))
    assert highest >= LAWN + 3
    assert spider.z < 68.0


def test_zombies_burn_in_the_sun_but_not_in_the_shade_or_at_night() -> None:
    roof = {(x, LAWN + 3, z): STONE for x in range(20, 31) for z in range(20, 31)}
    for time, x, burns in ((NOON, 100.5, True), (NOON, 25.5, False), (NIGHT, 100.5, False)):
        state = meadow(roof, time=time)
        zombie = put(state, ZOMBIE, x, 25.5)
        healths = []
        for _ in range(200):
            run_ticks(state, 1)
            zombie.mood_ticks = zombie.mood = 0
            healths.append(float(zombie.health))
        assert (min(healths) < 20.0) == burns
        if burns:
            hurt = np.flatnonzero(np.diff(healths))
            assert len(hurt) >= 4
            assert set(np.diff(healths)[hurt]) == {-1.0}
            assert min(np.diff(hurt)) == 20
    state = meadow(time=NOON)
    pig = put(state, PIG, 100.5, 25.5)
    run_ticks(state, 200)
    assert pig.health == CREATURE_HEALTH[PIG]


def test_water_puts_a_fire_out_and_bodies_float() -> None:
    pool = {(x, y, z): WATER for x in range(98, 104) for z in range(23, 29) for y in range(1, LAWN)}
    state = meadow(pool)
    zombie = put(state, ZOMBIE, 100.5, 25.5, y=LAWN - 1)
    zombie.fire = 100
    run_ticks(state, 3)
    assert zombie.fire == 0
    cow = put(state, COW, 100.5, 27.5, y=2.0)
    heights = []
    for _ in range(200):
        cow.mood_ticks = cow.mood = 0
        run_ticks(state, 1)
        heights.append(float(cow.y))
        if not cow.in_water:
            break
    assert max(heights) > LAWN - 1.5  # its eyes are out of the water


def test_falls_hurt_from_four_blocks_on_but_not_chickens() -> None:
    for kind, height, damage in ((PIG, 3.0, 0.0), (PIG, 6.0, 3.0), (COW, 9.0, 6.0), (CHICKEN, 6.0, 0.0)):
        state = meadow()
        creature = put(state, kind, 64.5, 70.5, y=LAWN + height)
        run_ticks(state, 80)
        assert creature.y == LAWN
        assert CREATURE_HEALTH[kind] - creature.health == damage


def test_creatures_step_up_one_block_but_not_two_and_stop_at_cliffs() -> None:
    def wander(blocks: dict[tuple[int, int, int], int], kind: int) -> np.record:
        state = meadow(blocks, player=50.5)
        creature = put(state, kind, 64.5, 64.5)
        send(creature, 64.5, 70.5)
        for _ in range(100):
            run_ticks(state, 1)
            if creature.mood != WALKING:
                break
        run_ticks(state, 3)
        return creature

    row = range(58, 72)
    for kind in (PIG, COW, SHEEP):
        step = wander({(x, LAWN, z): STONE for x in row for z in range(67, 76)}, kind)
        assert step.y == LAWN + 1
        assert abs(step.z - 70.5) < 0.8
        wall = wander({(x, y, 67): STONE for x in row for y in (LAWN, LAWN + 1)}, kind)
        assert wall.z < 67.0
        cliff = wander({(x, y, z): AIR for x in row for z in range(67, 76) for y in range(LAWN - 4, LAWN)}, kind)
        assert cliff.y == LAWN
        drop = wander({(x, y, z): AIR for x in row for z in range(67, 76) for y in range(LAWN - 3, LAWN)}, kind)
        assert drop.y == LAWN - 3
        water = wander({(x, LAWN - 1, z): WATER for x in row for z in range(67, 76)}, kind)
        assert water.z < 67.0


def test_animals_look_at_a_player_who_is_near() -> None:
    state = meadow()
    cow = put(state, COW, 64.5, 68.5)
    looked = 0
    for _ in range(600):
        run_ticks(state, 1)
        if cow.mood == LOOKING_AT_PLAYER and cow.mood_ticks < 10:
            looked += 1
            to_player = math.degrees(math.atan2(-(64.5 - cow.x), 64.5 - cow.z))
            assert abs((cow.head_yaw - to_player + 180.0) % 360.0 - 180.0) < 1.0
    assert looked > 0


def test_a_ray_finds_the_nearest_living_creature_across_the_border() -> None:
    state = meadow(player=2.5)
    put(state, PIG, 127.5, 64.5)
    put(state, COW, 125.5, 64.5)
    index, distance = creature_in_sight(state.world, 2.5, LAWN + 0.5, 64.5, -1.0, 0.0, 0.0, 9.0)
    assert index == 0
    assert distance == pytest.approx(3.0 - 0.45)
    assert creature_in_sight(state.world, 2.5, LAWN + 0.5, 64.5, -1.0, 0.0, 0.0, 2.5)[0] == -1
    assert creature_in_sight(state.world, 2.5, LAWN + 0.5, 64.5, 1.0, 0.0, 0.0, 9.0)[0] == -1
    assert creature_in_sight(state.world, 2.5, LAWN + 1.2, 64.5, -1.0, 0.0, 0.0, 9.0)[0] == 1  # over the pig
    strike(state.world, 0, 100.0, 0.0, 0.0)
    assert creature_in_sight(state.world, 2.5, LAWN + 0.5, 64.5, -1.0, 0.0, 0.0, 9.0)[0] == 1


def test_bodies_push_each_other_and_the_player_apart() -> None:
    state = meadow()
    pig, cow = put(state, PIG, 80.5, 64.5), put(state, COW, 80.7, 64.5)
    chicken = put(state, CHICKEN, 64.6, 64.5)
    for creature in (pig, cow, chicken):
        creature.mood, creature.mood_ticks = LOOKING_AT_PLAYER, 50
    run_ticks(state, 12)
    assert cow.x - pig.x > 0.5
    assert chicken.x > 64.8
    assert state.player[0].vx < 0.0


@pytest.mark.parametrize("yaw", [-179.0, -135.0, -90.0, -45.0, 0.0, 1e-3, 44.9, 90.0, 120.0, 179.5])
def test_headings_equal_those_of_the_arctangent(yaw: float) -> None:
    assert heading(-3.0 * math.sin(math.radians(yaw)), 3.0 * math.cos(math.radians(yaw))) == pytest.approx(yaw)
    assert heading(0.0, 0.0) == 0.0


def wild(terrain: str, seed: int, time: int) -> WorldState:
    """Returns a generated world with its animals, and monsters if it is dark."""
    state = WorldState()
    generate(seed, TERRAINS[terrain], state.world)
    fields.fill_all(state.world)
    state.place_player(*choose_start(np.random.default_rng(seed), TERRAINS[terrain], state.world))
    clock = state.clock[0]
    clock.seed, clock.time, clock.monsters = seed, time, 8
    populate(state.world)
    return state


@compiled_only
@pytest.mark.parametrize(
    ("terrain", "seed", "time"), [("mixed", 3, NIGHT), ("taiga", 5, 12500), ("plains", 8, NOON), ("forest", 2, 22500)]
)
def test_creatures_stay_out_of_blocks_and_in_the_world(terrain: str, seed: int, time: int) -> None:
    state = wild(terrain, seed, time)
    rng = np.random.default_rng(0)
    for tick in range(2000):
        state.player[0].health = 20.0
        state.clock[0].time += 1
        if tick % 50 == 0:
            for k in np.flatnonzero(state.creatures["kind"])[::3]:
                strike(state.world, int(k), 0.5, *rng.normal(size=2))
        run_ticks(state, 1)
        if tick % 5:
            continue
        for c in state.creatures[state.creatures["kind"] != NO_CREATURE]:
            assert 0.0 <= c["x"] < SIDE
            assert 0.0 <= c["z"] < SIDE
            assert 1.0 <= c["y"] < 60.0
            half, height = CREATURE_WIDTH[c["kind"]] / 2 - 1e-6, CREATURE_HEIGHT[c["kind"]] - 1e-6
            for x in range(math.floor(c["x"] - half), math.floor(c["x"] + half) + 1):
                for z in range(math.floor(c["z"] - half), math.floor(c["z"] + half) + 1):
                    for y in range(math.floor(c["y"] + 1e-6), min(48, math.floor(c["y"] + height) + 1)):
                        assert not SOLID[state.blocks[x % SIDE, z % SIDE, y]]
    assert all(np.isfinite(state.creatures[name]).all() for name in ("x", "y", "z", "vx", "vy", "vz", "yaw", "stride"))


def life(ticks: int) -> list[str]:
    """Returns what a small crowd comes to."""
    state = meadow({(70, LAWN, 70): STONE, (60, LAWN, 64): TALL_GRASS, (66, LAWN - 1, 66): WATER}, time=NIGHT)
    for n, kind in enumerate((PIG, COW, SHEEP, CHICKEN, ZOMBIE, SPIDER)):
        spawn(state.world, kind, 60.5 + 2 * n, LAWN, 69.5)
    state.clock[0].monsters = 8
    digests = []
    for tick in range(ticks):
        if tick % 20 == 5:
            for k in range(6):
                strike(state.world, k, 1.0, 1.0, -0.5)
        state.player[0].ticks += 1
        advance_creatures(state.world)
        digests.append(state.digest())
    return digests


def test_the_same_seed_gives_the_same_creatures_compiled_and_interpreted() -> None:
    here = life(150)
    assert here == life(150)
    assert here == in_other_mode("tests.world.creatures.test_creatures", "life(150)")
