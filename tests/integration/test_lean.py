"""The lean stack gives what MineDojo's own gives: both play the same on worlds of the same seed."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from vpt_gym.minedojo import lean, shims
from vpt_gym.minedojo.bridge import Bridge
from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.minedojo.game import embedded_command
from vpt_gym.minedojo.info import InfoParser
from vpt_gym.minedojo.stack import Stack, find_stack

SIZE = (32, 48)
DROP, CRAFT, EQUIP, PLACE, DESTROY = 2, 4, 5, 6, 7
PLANKS = 29
MakeStack = Callable[..., Stack]


@pytest.fixture
def make_stack() -> Iterator[MakeStack]:
    """Makes MineDojo's own stack on the embedded world: nothing of it is rebound but what talks to the game."""
    shims.install()
    bridges: list[Bridge] = []

    def make(task_id: str = "harvest_1_log", *, is_lean: bool, env: Any = None, **kwargs: Any) -> Stack:
        stack = find_stack(make_legacy(task_id, image_size=SIZE, **kwargs) if env is None else env)
        assert stack is not None
        bridges.append(
            Bridge(
                stack.bridge,
                SIZE[0] * SIZE[1] * 3,
                lambda _: embedded_command("easy", 7),
                step_timeout=60.0,
                reset_timeout=60.0,
                **({"parse": InfoParser()} if is_lean else {}),
            )
        )
        if is_lean:
            lean.install(stack)
        return stack

    yield make
    for bridge in bridges:
        bridge.close()


def assert_same(stock: Any, other: Any, path: str = "") -> None:
    """Value, dtype, shape and order of keys."""
    if isinstance(stock, dict):
        assert list(stock) == list(other), path
        for name in stock:
            assert_same(stock[name], other[name], f"{path}/{name}")
    elif isinstance(stock, list):
        assert len(stock) == len(other), path
        for k, (mine, its) in enumerate(zip(stock, other, strict=True)):
            assert_same(mine, its, f"{path}/{k}")
    else:
        assert type(stock) is type(other), path
        if isinstance(stock, np.ndarray):
            assert (stock.dtype, stock.shape) == (other.dtype, other.shape), path
            assert stock.flags.writeable == other.flags.writeable, path
        assert np.array_equal(stock, other), path


def assert_same_state(stock: Stack, other: Stack) -> None:
    for name in ("prev_obs", "prev_info", "prev_action"):
        assert_same(getattr(stock.outer, name), getattr(other.outer, name), name)


def random_action(rng: np.random.Generator, masks: Any) -> Any:
    """Of MineDojo's MultiDiscrete; functional ones in half of the ticks, with arguments that the masks allow."""
    function = int(rng.integers(8)) if rng.random() < 0.5 else 3
    item = slot = 0
    if function == CRAFT:
        item = int(rng.choice(np.flatnonzero(masks["craft_smelt"]))) if masks["craft_smelt"].any() else PLANKS
    allowed = {EQUIP: "equip", PLACE: "place", DESTROY: "destroy"}.get(function)
    if allowed is not None:
        slots = np.flatnonzero(masks[allowed])
        function, slot = (function, int(rng.choice(slots))) if len(slots) else (0, 0)
    move = [int(rng.integers(n)) for n in (3, 3, 4)]
    return np.array([*move, *rng.integers(10, 15, 2), function, item, slot])


def items(*names: str) -> list[Any]:
    from minedojo.sim import InventoryItem

    return [InventoryItem(slot=slot, name=name, quantity=20) for slot, name in enumerate(names)]


def with_crafting(stack: Stack) -> None:
    """Makes planks of logs in what the game tells, and brings tools near: the embedded world has neither."""
    play, made, ticks = stack.bridge.step, [0], itertools.count()

    def step(commands: list[str]) -> Any:
        lines = commands[0].split("\n")
        made[0] += "craft planks" in lines
        result = play(["\n".join(line for line in lines if not line.startswith("craft "))])
        raw, tick = result.raw_obs[0], next(ticks)
        raw.update(nearby_crafting_table=tick % 40 < 20, nearby_furnace=tick % 70 < 30)
        slots = raw["inventory"]
        logs = next((slot for slot in slots if slot["name"] == "log"), None)
        if made[0] and logs is not None and logs["quantity"] > made[0]:
            logs["quantity"] -= made[0]
            slots[20].update(name="planks", quantity=4 * made[0])
        return result

    stack.bridge.step = step


def any_craft(observation: Any, name: str) -> bool:
    return bool((observation["delta_inv"][name] != "air").any())


def full_reset(stack: Stack) -> Any:
    stack.fast._server_start = False
    stack.fast._info_prev_reset = None
    return stack.outer.reset()


def test_a_thousand_random_steps_with_functional_actions_success_and_both_kinds_of_reset(make_stack: Any) -> None:
    arguments: dict[str, Any] = {"initial_inventory": items("log", "dirt", "sand"), "use_lidar": True}
    stock, other = (make_stack(is_lean=is_lean, **arguments) for is_lean in (False, True))
    assert other.sim.step.__module__ == lean.__name__
    both = (stock, other)
    for stack in both:
        with_crafting(stack)
    rng = np.random.default_rng(0)
    observations = [stack.outer.reset() for stack in both]
    assert_same(*observations)
    rewards, ends, functions, crafted = set(), set(), set(), set()
    for step in range(1000):
        action = random_action(rng, observations[0]["masks"])
        functions.add(int(action[5]))
        results = [stack.outer.step(action) for stack in both]
        assert_same(*(list(result) for result in results))
        observations = [result[0] for result in results]
        rewards.add(results[0][1])
        ends.add(results[0][2])
        crafted.update(name for name in ("inc_name_by_craft", "dec_name_by_craft") if any_craft(observations[0], name))
        assert stock.task.is_successful == other.task.is_successful
        if step % 50 == 0:
            assert_same_state(*both)
        if step % 300 == 150:  # a log from nowhere, in a tick that the task does not see
            assert_same(*(list(stack.outer.set_inventory(items("log", "log", "dirt"))) for stack in both))
        if step % 200 == 199:
            assert_same(*(stack.outer.reset() if step % 400 == 199 else full_reset(stack) for stack in both))
            assert_same_state(*both)
    assert functions == set(range(8))
    assert ends == {False, True}
    assert len(rewards) > 2
    assert crafted == {"inc_name_by_craft", "dec_name_by_craft"}


def test_native_actions_below_the_nn_wrapper(make_stack: Any) -> None:
    both = [make_stack(is_lean=is_lean) for is_lean in (False, True)]
    assert_same(*(stack.outer.reset() for stack in both))
    rng = np.random.default_rng(1)
    for _ in range(60):
        action = both[0].task.action_space.no_op()
        action.update({name: int(rng.integers(2)) for name in ("forward", "attack", "jump", "drop")})
        action["camera"] = rng.normal(0, 5, 2)
        results = [stack.task.step(dict(action)) for stack in both]
        assert "full_stats" in results[1][0]
        assert_same(*(list(result) for result in results))
        assert_same_state(*both)


def test_the_simulator_alone_at_keyboard_level(make_stack: Any) -> None:
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
        both.append(make_stack(is_lean=is_lean, env=sim))
    assert_same(*(stack.sim.reset() for stack in both))
    for tick in range(40):
        action = both[0].sim.action_space.no_op()
        action.update({"forward": 1, "camera": np.array([3.0, -9.0]), f"hotbar.{tick % 9 + 1}": tick % 2})
        results = [stack.sim.step(action) for stack in both]
        assert_same(*(list(result) for result in results))
    assert_same_state(*both)


def with_events(stack: Stack) -> None:
    """Lets the game's statistics tell of kills, uses and days that the embedded world does not have."""
    play, ticks = stack.bridge.step, itertools.count()

    def step(commands: list[str]) -> Any:
        # there are no mobs either: what would summon them stays unsaid
        result = play(["\n".join(line for line in commands[0].split("\n") if "/summon" not in line)])
        tick = next(ticks)
        stat = result.raw_obs[0]["stat"]
        stat["kill_entity"].update(cow=tick // 7, pig=tick // 6)
        stat["use_item"]["minecraft"]["wooden_sword"] = tick // 25
        stat["time_since_death"] = tick * 1500
        return result

    stack.bridge.step = step


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
    make_stack: Any, task: str, arguments: dict[str, Any], rewarded: bool
) -> None:
    both = [make_stack(task, is_lean=is_lean, **arguments) for is_lean in (False, True)]
    for stack in both:
        with_events(stack)
    rewards, ends = 0.0, set()
    for _ in range(2):
        assert_same(*(stack.outer.reset() for stack in both))
        for _ in range(40):
            results = [stack.outer.step(stack.outer.action_space.no_op()) for stack in both]
            assert_same(*(list(result) for result in results))
            rewards += abs(results[0][1])
            ends.add(results[0][2])
    assert (rewards > 0) == rewarded
    assert (True in ends) == rewarded


def scribble(value: Any) -> None:
    """Spoils everything in an observation or an info."""
    if isinstance(value, np.ndarray):
        value[...] = "scribble"[:1] if value.dtype.kind == "U" else 1
    elif isinstance(value, dict):
        for part in list(value.values()):
            scribble(part)
        value.clear()
    elif isinstance(value, list):
        for part in value:
            scribble(part)
        value.clear()


def test_what_a_step_gave_does_not_change_later_and_what_is_done_to_it_changes_nothing(make_stack: Any) -> None:
    clean, spoilt = (make_stack(is_lean=True, initial_inventory=items("log", "dirt")) for _ in range(2))
    rng = np.random.default_rng(2)
    masks = clean.outer.reset()["masks"]
    scribble(spoilt.outer.reset())
    kept = []
    for step in range(120):
        action = random_action(rng, masks)
        result = list(clean.outer.step(action))
        masks = result[0]["masks"]
        spoilt_result = list(spoilt.outer.step(action))
        assert_same(result, spoilt_result)
        for part in (spoilt_result[0], spoilt_result[3]):
            scribble(part)
        if step % 20 == 0:
            assert_same_state(clean, spoilt)
            kept.append((result, copy.deepcopy(result)))
    clean.outer.reset()
    for result, copied in kept:
        assert_same(result, copied)


def test_no_array_of_a_step_shares_memory_with_another_or_with_what_minedojo_keeps(make_stack: Any) -> None:
    stack = make_stack(is_lean=True)
    stack.outer.reset()
    first, second = (stack.outer.step(stack.outer.action_space.no_op())[0] for _ in range(2))
    kept = stack.outer.prev_obs
    for mine in arrays(second):
        for its in (*arrays(first), *arrays(kept)):
            assert not np.shares_memory(mine, its)


def arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from arrays(part)
    else:
        yield value


def test_frames_have_no_negative_strides_and_render_sees_them(make_stack: Any, monkeypatch: Any) -> None:
    import cv2

    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda name, frame: shown.append(np.array(frame)))  # there is no display
    monkeypatch.setattr(cv2, "waitKey", lambda delay: 0)
    stack = make_stack(is_lean=True)
    frames = [stack.outer.reset()["rgb"], stack.outer.step(stack.outer.action_space.no_op())[0]["rgb"]]
    assert all(min(frame.strides) > 0 for frame in frames)
    stack.sim.render()
    assert np.array_equal(shown[0], frames[1].transpose(1, 2, 0)[..., ::-1])


def test_info_is_a_dict_that_can_be_copied_and_sent(make_stack: Any) -> None:
    stack = make_stack(is_lean=True)
    stack.outer.reset()
    info = stack.outer.step(stack.outer.action_space.no_op())[3]
    info["mine"] = {"array": np.arange(3), "pair": ([1], 2)}
    copied, sent = copy.deepcopy(info), pickle.loads(pickle.dumps(info))
    for other in (copied, sent):
        assert_same({**info, "mine": 0}, {**other, "mine": 0})
        assert not np.shares_memory(other["mine"]["array"], info["mine"]["array"])
    copied["mine"]["pair"][0].append(3)
    copied["inventory"][0]["quantity"] = 99
    assert (info["mine"]["pair"], info["inventory"][0]["quantity"]) == (([1], 2), 0)


def test_what_the_game_does_not_send_is_told_and_given_as_minedojo_does(make_stack: Any, caplog: Any) -> None:
    both = [make_stack(is_lean=is_lean) for is_lean in (False, True)]
    told = []
    for stack in both:
        stack.outer.reset()
        play = stack.bridge.step

        def step(commands: list[str], play: Any = play) -> Any:
            result = play(commands)
            raw = result.raw_obs[0]
            for name in ("life", "yaw", "is_sleeping", "achievement"):
                del raw[name]
            del raw["stat"]["jump"]
            raw.update(food=None, air=2**60, saturation=True, damage_amount=3, is_explosion=True)
            raw["stat"]["sneak_time"] = {"log": 1}
            return result

        stack.bridge.step = step
        caplog.clear()
        results = stack.task.step(stack.task.action_space.no_op())
        told.append(([record.getMessage() for record in caplog.records], list(results)))
    (stock_log, stock), (lean_log, other) = told
    assert any("life" in line for line in stock_log)
    assert sorted(lean_log) == sorted(stock_log)
    for result in (stock, other):
        assert np.isnan(result[0]["life_stats"].pop("food"))
    assert_same(stock, other)
    other[3]["stat"]["sneak_time"]["log"] = 5
    assert other[0]["full_stats"]["sneak_time"].item() == {"log": 1}


def test_errors_of_the_handlers_stay_minedojos(make_stack: Any) -> None:
    from minedojo.sim import MineDojoSim

    both = [make_stack(is_lean=is_lean, env=MineDojoSim(image_size=SIZE, use_voxel=True)) for is_lean in (False, True)]
    for stack in both:
        stack.sim.reset()
    raw = {**both[0].sim.prev_info, "pov": bytes(SIZE[0] * SIZE[1] * 3)}
    faults: list[dict[str, Any]] = [
        {"inventory": raw["inventory"][1:]},
        {"voxels": raw["voxels"][1:]},
        {"pov": b"short"},
    ]
    for fault in faults:
        errors = []
        for stack in both:
            with pytest.raises((AssertionError, ValueError)) as caught:
                stack.sim._process_raw_obs({**raw, **fault})
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]
    for name in ("pov", "inventory", "xpos", "nearby_furnace", "voxels"):
        missing = {key: value for key, value in raw.items() if key != name}
        kinds = []
        for stack in both:
            with pytest.raises((AssertionError, KeyError)) as caught:
                stack.sim._process_raw_obs(missing)
            kinds.append(caught.type)
        assert kinds[0] is kinds[1], name


def snapshot(stack: Stack) -> dict[Any, Any]:
    """All attributes of all classes and modules of MineDojo and gym that are loaded, by identity."""
    import sys

    modules = {name: m for name, m in sys.modules.items() if m and name.split(".")[0] in ("minedojo", "gym")}
    seen: dict[Any, Any] = {}
    for name, module in modules.items():
        for key, value in vars(module).items():
            seen[name, key] = id(value)
            if isinstance(value, type) and value.__module__.split(".")[0] in ("minedojo", "gym"):
                seen.update({(name, key, attribute): id(item) for attribute, item in vars(value).items()})
    return seen


def test_only_the_instances_of_one_stack_are_touched_and_a_second_install_changes_nothing(make_stack: Any) -> None:
    untouched, stack = make_stack(is_lean=False), make_stack(is_lean=False)
    before = snapshot(stack)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lean.install(stack)
        parts = (stack.sim, stack.masks, stack.delta, stack.nn, stack.task, stack.fast, stack.outer)
        first = [dict(vars(part)) for part in parts]
        lean.install(stack)
    for part, attributes in zip(parts, first, strict=True):
        assert all(vars(part)[name] is value for name, value in attributes.items())
        assert set(vars(part)) == set(attributes)
    stack.outer.reset()
    stack.outer.step(stack.outer.action_space.no_op())
    after = snapshot(stack)
    changed = {key[-1] for key in before if before[key] != after.get(key)}
    assert changed <= {"ninstances", "rng"}  # counters of MineDojo's InstanceManager
    assert all("step" not in vars(part) for part in (untouched.sim, untouched.task))


def test_what_is_not_minedojos_own_is_left_alone_and_named(make_stack: Any) -> None:
    from minedojo.sim import MineDojoSim
    from minedojo.sim.handlers import NearbyToolsObservation

    class Mine(MineDojoSim):
        def step(self, action: Any) -> Any:
            observation, _, done, info = super().step(action)
            return observation, 5, done, info

    class Tools(NearbyToolsObservation):
        def from_hero(self, x: Any) -> Any:
            return {**super().from_hero(x), "slots": x["inventory"]}

    with pytest.warns(UserWarning, match=r"Mine\.step and _process_raw_obs: not what minedojo 0\.1 has"):
        mine = make_stack(is_lean=True, env=Mine(image_size=SIZE))
    mine.sim.reset()
    assert mine.sim.step(mine.sim.action_space.no_op())[1] == 5

    def observation(observation: Any) -> Any:
        return {**type(stack.masks).observation(stack.masks, observation), "masked_by": "me"}

    stack = make_stack(is_lean=False)
    stack.masks.observation = observation
    with pytest.warns(UserWarning, match=r"ARMasksWrapper\.observation"):
        lean.install(stack)
    stack.outer.reset()
    assert stack.outer.step(stack.outer.action_space.no_op())[0]["masked_by"] == "me"
    assert stack.sim.step.__module__ == lean.__name__

    # a handler of somebody's is called as it is, and what it takes from the game's info is a copy
    sim = MineDojoSim(image_size=SIZE)
    handlers = sim._sim_spec._obs_handlers
    place = next(k for k, handler in enumerate(handlers) if handler.to_string() == "nearby_tools")
    handlers[place] = Tools()
    stack = make_stack(is_lean=True, env=sim)
    stack.sim.reset()
    observation_, _, _, info = stack.sim.step(stack.sim.action_space.no_op())
    info["inventory"][0]["name"] = "changed"
    assert observation_["nearby_tools"]["slots"][0]["name"] == "air"
    assert stack.sim.prev_obs["nearby_tools"]["slots"][0]["name"] == "air"
    assert stack.sim.prev_info["inventory"][0]["name"] == "air"
