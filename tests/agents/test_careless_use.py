"""Careless calls of agents: each error has the value and the remedy, and comes at once."""

from __future__ import annotations

import copy
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.published_files import SMALL_1X
from tests.support.small_policy import SMALL
from vpt_gym.agents.agent import VPTAgent
from vpt_gym.agents.engine import ActingEngine
from vpt_gym.agents.engine.hardware import available_precisions
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.agents.policy.heads import ChoicesDistribution
from vpt_gym.agents.sampling import Sampling

FRAMES = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), np.uint8)
ENGINES = [None, *(["fp32"] if "fp32" in available_precisions() else [])]


def small(**kwargs: Any) -> VPTAgent:
    return VPTAgent.from_config(SMALL_1X, seed=0, **kwargs)


@pytest.mark.parametrize("precision", ENGINES)
@pytest.mark.parametrize("way", [copy.deepcopy, lambda agent: pickle.loads(pickle.dumps(agent)), copy.copy])
def test_a_copy_of_an_agent_continues_where_the_original_is(precision: Any, way: Any) -> None:
    agent = small(precision=precision)
    agent.reset(seed=3)
    for frame in FRAMES[:3]:
        agent.act(frame)
    twin = way(agent)
    assert twin.engine_precision == agent.engine_precision
    together = [(agent.act(frame).tolist(), twin.act(frame).tolist()) for frame in FRAMES[3:]]
    assert [one for one, _ in together] == [other for _, other in together]
    agent.reset()
    assert twin.memory is not None


@pytest.mark.parametrize("way", [copy.deepcopy, copy.copy])
def test_what_is_done_to_a_copy_does_not_change_the_original(way: Any) -> None:
    agent = VPTAgent.from_config(replace(SMALL, goal_size=4), seed=0)
    agent.set_goal(np.eye(3, 4, dtype=np.float32), guidance=None)
    agent.reset(seed=5)
    agent.act(FRAMES[:3], first=np.ones(3, bool))
    expected = pickle.loads(pickle.dumps(agent))
    twin = way(agent)
    twin.keep([2, 1])
    twin.act(FRAMES[3:5], first=np.ones(2, bool))
    twin.reset(np.array([True, False]), seed=9)
    twin.act(FRAMES[:2], first=np.ones(2, bool))
    assert np.array_equal(agent.goal, np.eye(3, 4))
    for starts in (np.zeros(3, bool), np.ones(3, bool)):
        actions = agent.act(FRAMES[3:], first=starts)
        assert actions.tolist() == expected.act(FRAMES[3:], first=starts).tolist()


def test_a_copied_agent_that_has_not_begun_begins() -> None:
    agent = copy.deepcopy(small())
    assert agent.memory is None
    assert agent.act(FRAMES[0]).shape == (2,)


def interrupted_at(line: int, act: Any) -> bool:
    """Calls ``act``; an error is raised before a line of the agents' code, counted from 1. Returns whether it was."""
    lines = 0

    def count(frame: Any, event: str, _: Any) -> Any:
        nonlocal lines
        if "vpt_gym/agents" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        if lines == line:
            raise InterruptedError
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        act()
    except InterruptedError:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("precision", ENGINES)
def test_a_frame_may_be_given_again_after_an_interrupt_at_any_line(precision: Any) -> None:
    agent, undisturbed = (VPTAgent.from_config(SMALL, seed=0, precision=precision) for _ in range(2))
    for first_frame in (True, False):
        line = tick = 0
        while True:
            frame, tick = FRAMES[tick % len(FRAMES)], tick + 1
            if first_frame:  # the lines of a tick after reset() are others
                agent.reset()
                undisturbed.reset()
            line += 31
            if not interrupted_at(line, lambda frame=frame: agent.act(frame, deterministic=True)):
                break
            expected = undisturbed.distribution(frame).log_probs
            for found, right in zip(agent.distribution(frame).log_probs, expected, strict=True):
                assert torch.allclose(found, right, atol=1e-5)
        assert tick > 8
        undisturbed.act(frame)


@pytest.mark.skipif(len(ENGINES) < 2, reason="this PyTorch has no operators for an engine")
def test_an_engine_alone_says_why_it_is_not_copied() -> None:
    with pytest.raises(TypeError, match=r"an engine cannot be copied .* ActingEngine\(policy\)"):
        copy.deepcopy(ActingEngine(small().policy))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (
            {"temperature": "hot"},
            "Sampling.temperature must be positive and finite, .* got 'hot'; .* deterministic=True",
        ),
        ({"temperature": None}, "Sampling.temperature must be positive and finite, .* got None"),
        ({"temperature": True}, "Sampling.temperature must be positive and finite, .* got True"),
        ({"temperature": 1e-310}, "Sampling.temperature must be .* from 1e-06 to 1e.06, got 1e-310"),
        ({"temperature": 10**400}, "Sampling.temperature must be .* got an integer of 1329 bits"),
        ({"temperature": [1.0]}, r"Sampling.temperature .* got \[1.0\]"),
        ({"top_p": "most"}, "Sampling.top_p must be in .0, 1., got 'most'"),
        ({"deterministic": "no"}, "deterministic is 'no'; it must be True or False"),
        ({"forbid": 3}, "Sampling.forbid must be a tuple of buttons, got 3"),
        ({"forbid": (3,)}, r"Sampling.forbid names \[3\]"),
    ],
)
def test_sampling(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**kwargs)


@pytest.mark.parametrize("sampling", [0.5, {"temperature": 0.5}, Sampling])
def test_a_sampling_is_one(sampling: Any) -> None:
    with pytest.raises(TypeError, match=r"sampling is .*; it must be a Sampling, such as Sampling\(temperature=0.5\)"):
        small(sampling=sampling)
    agent = small()
    with pytest.raises(TypeError, match=r"sampling is .*; it must be a Sampling, such as Sampling\(temperature=0.5\)"):
        agent.sampling = sampling
    assert agent.sampling == Sampling()


def test_what_is_set_later_is_checked_then() -> None:
    agent = small()
    with pytest.raises(TypeError, match=r"goal_encoder is 5; it must be a function of the text, .* or None"):
        agent.goal_encoder = 5  # type: ignore[assignment]
    with pytest.raises(TypeError, match=r"memory is \[\]; it must be a Memory, as agent.memory returns it, or None"):
        agent.memory = []  # type: ignore[assignment]
    assert agent.goal_encoder is agent.memory is None


@pytest.mark.parametrize("precision", ENGINES)
def test_each_part_of_a_memory_is_checked_when_it_is_set(precision: Any) -> None:
    agent = small(precision=precision)
    right = agent.policy.initial_memory(2)
    for wrong, message in (
        ({"keys": right.keys[:, 1:]}, r"keys of the shape \(2, 4, 7, 64\) are needed, got \(2, 3, 7, 64\)"),
        ({"values": right.values[:, :, 1:]}, r"values of the shape \(2, 4, 7, 64\) are needed, got \(2, 4, 6, 64\)"),
        ({"values": right.values[:1]}, r"values of the shape .* are needed, got \(1, 4, 7, 64\)"),
        ({"valid": right.valid[:, 1:]}, r"valid of the shape \(2, 7\) are needed, got \(2, 6\)"),
        ({"valid": right.valid.long()}, r"valid of the type torch.bool is needed, got torch.int64"),
        ({"values": right.values.long()}, r"values of the type .*float.* are needed, got torch.int64"),
        ({"keys": torch.tensor(0.0)}, r"keys of the shape .* are needed, got \(\)"),
    ):
        with pytest.raises(ValueError, match=f"this memory is not of this agent's architecture .*: {message}"):
            agent.memory = replace(right, **wrong)
    with pytest.raises(ValueError, match="a memory needs a row for each environment"):
        agent.memory = right.index([])
    assert agent.memory is None
    agent.memory = right
    assert agent.act(FRAMES[:2], first=np.zeros(2, bool)).shape == (2, 2)


def test_a_policy_names_the_part_of_a_memory_that_does_not_fit() -> None:
    policy = small().policy
    right = policy.initial_memory(1)
    with pytest.raises(ValueError, match=r"values of the type torch.float32 are needed, got torch.float64"):
        policy(
            torch.from_numpy(FRAMES[None, :1]),
            torch.ones(1, 1, dtype=torch.bool),
            replace(right, values=right.values.double()),
        )


@pytest.mark.parametrize("config", [None, 1, ["nano"], "4x"])
def test_a_config_is_one_or_its_name(config: Any) -> None:
    with pytest.raises(ValueError, match=r"there is no architecture .*; there are nano"):
        VPTAgent.from_config(config)
    with pytest.raises(ValueError, match=r"no inverse dynamics model is called .*; there are .*nano"):
        IDMAgent.from_config("1x" if config == "4x" else config)


@pytest.mark.parametrize("temperature", [1e-6, 1e6])
def test_the_most_extreme_temperatures_draw_what_is_probable(temperature: float) -> None:
    probable = torch.tensor([[0.05, 0.9, 0.05, 0.0]]).log()
    generator = torch.Generator().manual_seed(0)
    pi = ChoicesDistribution((probable,))
    drawn = {int(Sampling(temperature=temperature).draw(pi, [generator])) for _ in range(50)}
    assert drawn == ({1} if temperature < 1 else {0, 1, 2})


def test_numbers_of_numpy_are_numbers() -> None:
    assert Sampling(temperature=np.float32(0.5), top_p=np.float64(0.9), deterministic=np.bool_(False)).top_p == 0.9


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "device is 'gpu'; this machine has 'cpu'"),
        ("", "device is ''; this machine has 'cpu'"),
        (None, "device is None; this machine has"),
        ("cuda:4097", "device is 'cuda:"),
        ("cuda:999999999999", "device is 'cuda:"),
        ("xpu", "device is 'xpu', which PyTorch cannot use here; this machine has 'cpu'"),
        ("fpga:1", "device is 'fpga:1', which PyTorch cannot use here; this machine has 'cpu'"),
    ],
)
def test_devices(device: Any, message: str) -> None:
    for make in (lambda: small(device=device), lambda: IDMAgent.from_config("tiny", seed=0, device=device)):
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"'cuda', which PyTorch does not find; .* no GPU that PyTorch can use"):
        small(device="cuda")


@pytest.mark.parametrize("source", ["x" * 5_000, "x" * 300 + ".model", "a\0b"])
def test_a_source_that_cannot_be_a_name_does_not_exist(source: str) -> None:
    for load in (VPTAgent.from_pretrained, IDMAgent.from_pretrained):
        with pytest.raises(FileNotFoundError, match="there is no file or folder"):
            load(source)


@pytest.mark.parametrize("source", ["", "  "])
def test_an_empty_source_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    small().save_pretrained(tmp_path)
    monkeypatch.chdir(tmp_path)
    for load in (VPTAgent.from_pretrained, IDMAgent.from_pretrained):
        with pytest.raises(ValueError, match=f"the source is '{source}': give a folder"):
            load(source)
        with pytest.raises(TypeError, match="from a path or a name, got None"):
            load(None)  # type: ignore[operator]
    assert VPTAgent.from_pretrained(".").policy.config == SMALL_1X


SEEDS = [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: type(seed).__name__)
def test_every_integer_is_a_seed(seed: Any) -> None:
    agent = small()
    agent.reset(seed=3)
    expected = [agent.act(frame).tolist() for frame in FRAMES[:3]]
    for given in (seed, [seed], np.array([3])):
        agent.reset(seed=given)
        assert [agent.act(frame).tolist() for frame in FRAMES[:3]] == expected


@pytest.mark.parametrize("seed", [3.0, np.float64(3), "3", [3.5], [None, "3"], {}])
def test_anything_else_is_refused_at_once(seed: Any) -> None:
    with pytest.raises(TypeError, match="a seed must be an integer"):
        small().reset(seed=seed)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1, [2**70]])
def test_a_seed_out_of_range_is_refused_at_once(seed: Any) -> None:
    with pytest.raises(ValueError, match="a seed must be in"):
        small().reset(seed=seed)


@pytest.mark.parametrize(("seeds", "count"), [([1, 2], 3), ([1, 2, 3], 2), ([1, 2], 1), ([], 1), ([1], 2)])
def test_seeds_for_another_number_of_environments_are_refused_at_their_first_frames(
    seeds: list[int], count: int
) -> None:
    agent, first = VPTAgent.from_config(SMALL, seed=0), np.ones(count, bool)
    agent.reset(seed=seeds)
    agent.reset()  # seeds count from the next episode on
    message = rf"reset\(\) got seeds for {len(seeds)} environment\(s\), and these are frames of {count}: call"
    for look in (agent.act, agent.distribution):
        with pytest.raises(ValueError, match=message):
            look(FRAMES[:count], first=first)
    agent.reset(seed=7)
    assert agent.act(FRAMES[:count], first=first).shape == (count, 2)
    agent.reset()
    agent.act(FRAMES[0])  # later the number may change


def test_seeds_with_a_mask_before_the_first_frame_say_how_many_environments_there_are() -> None:
    agent = VPTAgent.from_config(SMALL, seed=0)
    agent.reset(np.array([True, False]), seed=4)
    with pytest.raises(ValueError, match=r"seeds for 2 environment\(s\), and these are frames of 3"):
        agent.act(FRAMES[:3], first=np.ones(3, bool))
    assert agent.act(FRAMES[:2], first=np.ones(2, bool)).shape == (2, 2)


def test_the_largest_seed_is_one_for_many_environments() -> None:
    agent = small()
    agent.reset(seed=2**64 - 1)
    assert agent.act(FRAMES[:2], first=np.ones(2, bool)).shape == (2, 2)


def test_a_stack_of_frames_is_recognised() -> None:
    with pytest.raises(TypeError, match=r"4 environments need first=.*\(a frame stack\), give the newest one"):
        small().act(FRAMES[:4])


def test_the_result_of_reset_is_no_observation() -> None:
    with pytest.raises(ValueError, match=r"the observation is a tuple .*pass the observation alone"):
        small().act((FRAMES[0], {}))  # type: ignore[arg-type]
