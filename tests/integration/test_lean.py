"""The lean environment returns what MineDojo's own returns: both play the same on worlds of the same seed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.support.twin_envs import (
    SIZE,
    any_craft,
    assert_same,
    assert_same_state,
    full_reset,
    items,
    make_parts,
    random_action,
    with_crafting,
)
from vpt_gym.minedojo.lean import replacements
from vpt_gym.minedojo.parts import MineDojoParts

__all__ = ["make_parts"]


def test_a_thousand_random_steps_with_functional_actions_success_and_both_kinds_of_reset(make_parts: Any) -> None:
    arguments: dict[str, Any] = {"initial_inventory": items("log", "dirt", "sand"), "use_lidar": True}
    stock, other = (make_parts(is_lean=is_lean, **arguments) for is_lean in (False, True))
    assert other.sim.step.__module__ == replacements.__name__
    both = (stock, other)
    for parts in both:
        with_crafting(parts)
    rng = np.random.default_rng(0)
    observations = [parts.outer.reset() for parts in both]
    assert_same(*observations)
    rewards, ends, functions, crafted = set(), set(), set(), set()
    for step in range(1000):
        action = random_action(rng, observations[0]["masks"])
        functions.add(int(action[5]))
        results = [parts.outer.step(action) for parts in both]
        assert_same(*(list(result) for result in results))
        observations = [result[0] for result in results]
        rewards.add(results[0][1])
        ends.add(results[0][2])
        crafted.update(name for name in ("inc_name_by_craft", "dec_name_by_craft") if any_craft(observations[0], name))
        assert stock.task.is_successful == other.task.is_successful
        if step % 50 == 0:
            assert_same_state(*both)
        if step % 300 == 150:  # a log from nowhere, in a tick that the task does not see
            assert_same(*(list(parts.outer.set_inventory(items("log", "log", "dirt"))) for parts in both))
        if step % 200 == 199:
            assert_same(*(parts.outer.reset() if step % 400 == 199 else full_reset(parts) for parts in both))
            assert_same_state(*both)
    assert functions == set(range(8))
    assert ends == {False, True}
    assert len(rewards) > 2
    assert crafted == {"inc_name_by_craft", "dec_name_by_craft"}


def test_native_actions_below_the_nn_wrapper(make_parts: Any) -> None:
    both = [make_parts(is_lean=is_lean) for is_lean in (False, True)]
    assert_same(*(parts.outer.reset() for parts in both))
    rng = np.random.default_rng(1)
    for _ in range(60):
        action = both[0].task.action_space.no_op()
        action.update({name: int(rng.integers(2)) for name in ("forward", "attack", "jump", "drop")})
        action["camera"] = rng.normal(0, 5, 2)
        results = [parts.task.step(dict(action)) for parts in both]
        assert "full_stats" in results[1][0]
        assert_same(*(list(result) for result in results))
        assert_same_state(*both)


def test_the_simulator_alone_at_keyboard_level(make_parts: Any) -> None:
    from minedojo.sim import MineDojoSim

    both = []
    for is_lean in (False, True):
        sim = MineDojoSim(
            image_size=SIZE,
            event_level_control=False,
            use_voxel=True,
            voxel_size={"xmin": -2, "ymin": -1, "zmin": 0, "xmax": 1, "ymax": 3, "zmax": 2},
            use_lidar=True,
            lidar_rays=[(0.0, 0.0, 10.0), (0.4, 1.0, 30.0)],
        )
        both.append(make_parts(is_lean=is_lean, env=sim))
    assert_same(*(parts.sim.reset() for parts in both))
    for tick in range(40):
        action = both[0].sim.action_space.no_op()
        action.update({"forward": 1, "camera": np.array([3.0, -9.0]), f"hotbar.{tick % 9 + 1}": tick % 2})
        results = [parts.sim.step(action) for parts in both]
        assert_same(*(list(result) for result in results))
    assert_same_state(*both)


def with_events(parts: MineDojoParts) -> None:
    """Lets the game's statistics tell of kills, uses and days that have not been."""
    play, ticks = parts.bridge.step, itertools.count()

    def step(commands: list[str]) -> Any:
        # no creatures come: they would change what is told
        result = play(["\n".join(line for line in commands[0].split("\n") if "/summon" not in line)])
        tick = next(ticks)
        stat = result.raw_obs[0]["stat"]
        stat["kill_entity"].update(cow=tick // 7, pig=tick // 6)
        stat["use_item"]["minecraft"]["wooden_sword"] = tick // 25
        stat["time_since_death"] = tick * 1500
        return result

    parts.bridge.step = step


@pytest.mark.parametrize(
    ("task", "arguments", "rewarded"),
    [
        ("combat", {"target_names": "cow", "target_quantities": 2}, True),
        (
            "combat",
            {
                "target_names": ["cow", "pig"],
                "target_quantities": 3,
                "seed": 5,
                "spawn_rate": 0.5,
                "spawn_range_low": (-5, 0, -5),
                "spawn_range_high": (5, 1, 5),
                "initial_mobs": "cow",
                "initial_mob_spawn_range_low": (-5, 0, -5),
                "initial_mob_spawn_range_high": (5, 1, 5),
            },
            True,
        ),
        ("techtree", {"tech_item": "wooden_sword"}, True),
        ("techtree_from_barehand_to_wooden_sword", {}, True),
        ("survival", {"target_days": 2}, True),
        ("survival", {"target_days": 2, "fast_reset": False}, True),
        ("creative:7", {}, False),
        ("open-ended", {}, False),
        ("open-ended", {"fast_reset": True}, False),
    ],
)
def test_every_kind_of_task_rewards_and_ends_alike(
    make_parts: Any, task: str, arguments: dict[str, Any], rewarded: bool
) -> None:
    both = [make_parts(task, is_lean=is_lean, **arguments) for is_lean in (False, True)]
    for parts in both:
        with_events(parts)
    rewards, ends = 0.0, set()
    for _ in range(2):
        assert_same(*(parts.outer.reset() for parts in both))
        for _ in range(40):
            results = [parts.outer.step(parts.outer.action_space.no_op()) for parts in both]
            assert_same(*(list(result) for result in results))
            rewards += abs(results[0][1])
            ends.add(results[0][2])
    assert (rewards > 0) == rewarded
    assert (True in ends) == rewarded


def test_missing_entries_are_logged_and_filled_as_minedojo_does(make_parts: Any, caplog: Any) -> None:
    both = [make_parts(is_lean=is_lean) for is_lean in (False, True)]
    told = []
    for parts in both:
        parts.outer.reset()
        play = parts.bridge.step

        def step(commands: list[str], play: Any = play) -> Any:
            result = play(commands)
            raw = result.raw_obs[0]
            for name in ("life", "yaw", "is_sleeping", "achievement"):
                del raw[name]
            del raw["stat"]["jump"]
            raw.update(food=None, air=2**60, saturation=True, damage_amount=3, is_explosion=True)
            raw["stat"]["sneak_time"] = {"log": 1}
            return result

        parts.bridge.step = step
        caplog.clear()
        results = parts.task.step(parts.task.action_space.no_op())
        told.append(([record.getMessage() for record in caplog.records], list(results)))
    (stock_log, stock), (lean_log, other) = told
    assert any("life" in line for line in stock_log)
    assert sorted(lean_log) == sorted(stock_log)
    for result in (stock, other):
        assert np.isnan(result[0]["life_stats"].pop("food"))
    assert_same(stock, other)
    other[3]["stat"]["sneak_time"]["log"] = 5
    assert other[0]["full_stats"]["sneak_time"].item() == {"log": 1}


def test_errors_of_the_handlers_stay_minedojos(make_parts: Any) -> None:
    from minedojo.sim import MineDojoSim

    both = [make_parts(is_lean=is_lean, env=MineDojoSim(image_size=SIZE, use_voxel=True)) for is_lean in (False, True)]
    for parts in both:
        parts.sim.reset()
    raw = {**both[0].sim.prev_info, "pov": bytes(SIZE[0] * SIZE[1] * 3)}
    faults: list[dict[str, Any]] = [
        {"inventory": raw["inventory"][1:]},
        {"voxels": raw["voxels"][1:]},
        {"pov": b"short"},
    ]
    for fault in faults:
        errors = []
        for parts in both:
            with pytest.raises((AssertionError, ValueError)) as caught:
                parts.sim._process_raw_obs({**raw, **fault})
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]
    for name in ("pov", "inventory", "xpos", "nearby_furnace", "voxels"):
        missing = {key: value for key, value in raw.items() if key != name}
        kinds = []
        for parts in both:
            with pytest.raises((AssertionError, KeyError)) as caught:
                parts.sim._process_raw_obs(missing)
            kinds.append(caught.type)
        assert kinds[0] is kinds[1], name
