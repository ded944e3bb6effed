"""Making one environment lean changes only its own instances, arrays and dicts."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.twin_envs import SIZE, assert_same, assert_same_state, items, make_parts, random_action
from vpt_gym.minedojo.lean import replacements
from vpt_gym.minedojo.parts import MineDojoParts

__all__ = ["make_parts"]


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


def test_results_of_a_step_do_not_change_later_and_can_be_changed_without_effect(make_parts: Any) -> None:
    clean, spoilt = (make_parts(is_lean=True, initial_inventory=items("log", "dirt")) for _ in range(2))
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


def test_no_array_of_a_step_shares_memory_with_another_or_with_what_minedojo_keeps(make_parts: Any) -> None:
    parts = make_parts(is_lean=True)
    parts.outer.reset()
    first, second = (parts.outer.step(parts.outer.action_space.no_op())[0] for _ in range(2))
    kept = parts.outer.prev_obs
    for mine in arrays(second):
        for its in (*arrays(first), *arrays(kept)):
            assert not np.shares_memory(mine, its)


def arrays(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for part in value.values():
            yield from arrays(part)
    else:
        yield value


def test_frames_have_no_negative_strides_and_render_sees_them(make_parts: Any, monkeypatch: Any) -> None:
    import cv2

    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda name, frame: shown.append(np.array(frame)))  # there is no display
    monkeypatch.setattr(cv2, "waitKey", lambda delay: 0)
    parts = make_parts(is_lean=True)
    frames = [parts.outer.reset()["rgb"], parts.outer.step(parts.outer.action_space.no_op())[0]["rgb"]]
    assert all(min(frame.strides) > 0 for frame in frames)
    parts.sim.render()
    assert np.array_equal(shown[0], frames[1].transpose(1, 2, 0)[..., ::-1])


def test_info_is_a_dict_that_can_be_copied_and_sent(make_parts: Any) -> None:
    parts = make_parts(is_lean=True)
    parts.outer.reset()
    info = parts.outer.step(parts.outer.action_space.no_op())[3]
    info["mine"] = {"array": np.arange(3), "pair": ([1], 2)}
    copied, sent = copy.deepcopy(info), pickle.loads(pickle.dumps(info))
    for other in (copied, sent):
        assert_same({**info, "mine": 0}, {**other, "mine": 0})
        assert not np.shares_memory(other["mine"]["array"], info["mine"]["array"])
    copied["mine"]["pair"][0].append(3)
    copied["inventory"][0]["quantity"] = 99
    assert (info["mine"]["pair"], info["inventory"][0]["quantity"]) == (([1], 2), 0)


def snapshot(parts: MineDojoParts) -> dict[Any, Any]:
    """All attributes of all classes and modules of MineDojo and gym that are loaded, by identity."""
    modules = {name: m for name, m in sys.modules.items() if m and name.split(".")[0] in ("minedojo", "gym")}
    seen: dict[Any, Any] = {}
    for name, module in modules.items():
        for key, value in vars(module).items():
            seen[name, key] = id(value)
            if isinstance(value, type) and value.__module__.split(".")[0] in ("minedojo", "gym"):
                seen.update({(name, key, attribute): id(item) for attribute, item in vars(value).items()})
    return seen


def test_only_the_instances_of_one_stack_are_touched_and_a_second_install_changes_nothing(make_parts: Any) -> None:
    untouched, parts = make_parts(is_lean=False), make_parts(is_lean=False)
    before = snapshot(parts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        replacements.install(parts)
        wrappers = (parts.sim, parts.masks, parts.delta, parts.nn, parts.task, parts.fast, parts.outer)
        first = [dict(vars(part)) for part in wrappers]
        replacements.install(parts)
    for part, attributes in zip(wrappers, first, strict=True):
        assert all(vars(part)[name] is value for name, value in attributes.items())
        assert set(vars(part)) == set(attributes)
    parts.outer.reset()
    parts.outer.step(parts.outer.action_space.no_op())
    after = snapshot(parts)
    changed = {key[-1] for key in before if before[key] != after.get(key)}
    assert changed <= {"ninstances", "rng"}  # counters of MineDojo's InstanceManager
    assert all("step" not in vars(part) for part in (untouched.sim, untouched.task))


def test_methods_that_are_not_minedojos_own_are_left_unchanged_and_named(make_parts: Any) -> None:
    from minedojo.sim import MineDojoSim
    from minedojo.sim.handlers import NearbyToolsObservation

    class Mine(MineDojoSim):
        def step(self, action: Any) -> Any:
            observation, _, done, info = super().step(action)
            return observation, 5, done, info

    class Tools(NearbyToolsObservation):
        def from_hero(self, x: Any) -> Any:
            return {**super().from_hero(x), "slots": x["inventory"]}

    with pytest.warns(UserWarning, match=r"Mine\.step and _process_raw_obs: not minedojo 0\.1's own"):
        mine = make_parts(is_lean=True, env=Mine(image_size=SIZE))
    mine.sim.reset()
    assert mine.sim.step(mine.sim.action_space.no_op())[1] == 5

    def observation(observation: Any) -> Any:
        return {**type(parts.masks).observation(parts.masks, observation), "masked_by": "me"}

    parts = make_parts(is_lean=False)
    parts.masks.observation = observation
    with pytest.warns(UserWarning, match=r"ARMasksWrapper\.observation"):
        replacements.install(parts)
    parts.outer.reset()
    assert parts.outer.step(parts.outer.action_space.no_op())[0]["masked_by"] == "me"
    assert parts.sim.step.__module__ == replacements.__name__

    # a handler of somebody's is called as it is, and what it takes from the game's info is a copy
    sim = MineDojoSim(image_size=SIZE)
    handlers = sim._sim_spec._obs_handlers
    place = next(k for k, handler in enumerate(handlers) if handler.to_string() == "nearby_tools")
    handlers[place] = Tools()
    parts = make_parts(is_lean=True, env=sim)
    parts.sim.reset()
    observation_, _, _, info = parts.sim.step(parts.sim.action_space.no_op())
    info["inventory"][0]["name"] = "changed"
    assert observation_["nearby_tools"]["slots"][0]["name"] == "air"
    assert parts.sim.prev_obs["nearby_tools"]["slots"][0]["name"] == "air"
    assert parts.sim.prev_info["inventory"][0]["name"] == "air"
