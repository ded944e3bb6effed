from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch

from tests.support.vpt_goldens import procedural_weight, tiny_policy
from vpt_gym import Sampling, VPTAgent, VPTConfig
from vpt_gym.agents.engine import available_precisions
from vpt_gym.agents.policy.policy import VPTPolicy

CONFIG = VPTConfig(
    hidsize=32,
    attention_heads=2,
    impala_width=1,
    impala_chans=(2, 4, 4),
    n_recurrence_layers=2,
    attention_memory_size=12,
    timesteps=6,
    stem_pool=4,
)


@pytest.fixture(scope="module")
def policy() -> VPTPolicy:
    """Large random weights: actions depend on the frame and on the memory."""
    policy = VPTPolicy(CONFIG)
    for key, value in policy.state_dict().items():
        value.copy_(torch.from_numpy(procedural_weight(key, list(value.shape), seed=2, g_qk=2.5)))
    return policy


@pytest.fixture
def frames() -> np.ndarray:
    """(T, N, 128, 128, 3)"""
    return np.random.default_rng(0).integers(0, 256, (10, 3, 128, 128, 3), dtype=np.uint8)


def play(agent: VPTAgent, frames: np.ndarray, **kwargs: bool) -> list[list[int]]:
    return [agent.act(frame, **kwargs).tolist() for frame in frames]


def test_one_environment_gets_one_code_and_a_batch_gets_a_batch(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy)
    action = agent.act(frames[0, 0])
    assert (action.dtype, action.shape) == (np.int64, (2,))
    assert 0 <= action[0] < 8641
    assert 0 <= action[1] < 121
    agent.reset()
    for n in (1, 3):
        agent.reset()
        action = agent.act(frames[0, :n], first=np.ones(n, bool))
        assert (action.dtype, action.shape) == (np.int64, (n, 2))


def test_acting_step_by_step_is_the_policy_on_the_sequence(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy, sampling=Sampling(deterministic=True))
    first = np.zeros((10, 3), bool)
    first[0] = first[4, 1] = first[7, 2] = True
    codes = np.stack([agent.act(f, first=m) for f, m in zip(frames, first, strict=True)], 1)
    with torch.no_grad():
        whole = policy(torch.from_numpy(frames.swapaxes(0, 1).copy()), torch.from_numpy(first.T.copy()))
    assert np.array_equal(codes, whole.pi.mode().numpy())
    assert len(np.unique(codes[..., 0])) > 2


def test_n_environments_get_what_n_single_agents_would(policy: VPTPolicy, frames: np.ndarray) -> None:
    many = VPTAgent(policy)
    many.reset(seed=10)
    first = np.zeros((10, 3), bool)
    first[0] = True
    together = np.stack([many.act(f, first=m) for f, m in zip(frames, first, strict=True)])
    for i in range(3):
        single = VPTAgent(policy)
        single.reset(seed=10 + i)
        assert play(single, frames[:, i]) == together[:, i].tolist()


def test_a_seed_makes_play_reproducible_and_another_seed_makes_it_another(
    policy: VPTPolicy, frames: np.ndarray
) -> None:
    agent = VPTAgent(policy)
    runs = []
    for seed in (0, 0, 1):
        agent.reset(seed=seed)
        torch.manual_seed(len(runs))  # the global generator is not used
        runs.append(play(agent, frames[:, 0]))
    assert runs[0] == runs[1] != runs[2]
    agent.reset()  # without a seed, the random numbers continue
    assert play(agent, frames[:, 0]) != runs[2]


def test_agents_without_a_seed_differ(policy: VPTPolicy, frames: np.ndarray) -> None:
    assert play(VPTAgent(policy), frames[:, 0]) != play(VPTAgent(policy), frames[:, 0])


def test_reset_makes_the_next_frame_a_first_one(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy, sampling=Sampling(deterministic=True))
    fresh = play(agent, frames[5:, 0])
    agent.reset()
    play(agent, frames[:5, 0])
    remembering = play(agent, frames[5:, 0])
    assert remembering != fresh
    agent.reset()
    play(agent, frames[:5, 0])
    agent.reset()
    assert play(agent, frames[5:, 0]) == fresh
    play(agent, frames[:5, 0])
    agent.reset(mask=[True])
    assert play(agent, frames[5:, 0]) == fresh
    play(agent, frames[:5, 0])
    agent.act(frames[5, 0], first=True)
    assert play(agent, frames[6:, 0]) == fresh[1:]


def test_reset_with_a_mask_touches_only_the_marked_environments(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy)
    no = np.zeros(3, bool)
    agent.reset(seed=0)
    straight = [agent.act(f, first=no).tolist() for f in frames]
    agent.reset(seed=0)
    for f in frames[:5]:
        agent.act(f, first=no)
    before = agent.memory
    agent.reset(mask=np.array([False, True, False]), seed=0)
    after = agent.memory
    assert before is not None
    assert after is not None
    assert after.valid.any(1).tolist() == [True, False, True]
    assert torch.equal(after.keys[[0, 2]], before.keys[[0, 2]])
    rest = [agent.act(f, first=no).tolist() for f in frames[5:]]
    for i in (0, 2):
        assert [step[i] for step in rest] == [step[i] for step in straight[5:]]
    single = VPTAgent(policy)
    single.reset(seed=1)  # environment 1 was given seed 0 + 1
    assert play(single, frames[5:, 1]) == [step[1] for step in rest]
    with pytest.raises(ValueError, match=r"mask must be bool \(3,\)"):
        agent.reset(mask=np.array([True, False]))
    with pytest.raises(ValueError, match="int64"):
        agent.reset(mask=np.array([1, 0, 0]))


def test_a_mask_before_the_first_frame_only_seeds(policy: VPTPolicy, frames: np.ndarray) -> None:
    one, other = VPTAgent(policy), VPTAgent(policy)
    one.reset(mask=np.ones(3, bool), seed=4)
    other.reset(seed=4)
    first = np.ones(3, bool)
    assert one.act(frames[0], first=first).tolist() == other.act(frames[0], first=first).tolist()


def test_a_seed_for_each_environment_determines_its_episode_whatever_its_row(
    policy: VPTPolicy, frames: np.ndarray
) -> None:
    def together(order: list[int]) -> list[list[list[int]]]:
        agent = VPTAgent(policy)
        agent.reset(seed=[100 + i for i in order])
        steps = [agent.act(f[order], first=np.full(3, t == 0)).tolist() for t, f in enumerate(frames)]
        return [[step[order.index(i)] for step in steps] for i in range(3)]

    alone = []
    for i in range(3):
        agent = VPTAgent(policy)
        agent.reset(seed=100 + i)
        alone.append(play(agent, frames[:, i]))
    assert together([0, 1, 2]) == alone
    assert together([2, 0, 1]) == alone


def test_a_mask_with_seeds_seeds_the_marked_environments_that_have_one(policy: VPTPolicy, frames: np.ndarray) -> None:
    no = np.zeros(3, bool)
    agent = VPTAgent(policy)
    agent.reset(seed=0)
    straight = [agent.act(f, first=no).tolist() for f in frames]
    agent.reset(seed=0)
    for f in frames[:5]:
        agent.act(f, first=no)
    agent.reset(mask=np.array([False, True, False]), seed=[77, 78, None])
    rest = [agent.act(f, first=no).tolist() for f in frames[5:]]
    for i in (0, 2):
        assert [step[i] for step in rest] == [step[i] for step in straight[5:]]
    single = VPTAgent(policy)
    single.reset(seed=78)
    assert play(single, frames[5:, 1]) == [step[1] for step in rest]
    with pytest.raises(ValueError, match="seed has 2 entries for 3 environments"):
        agent.reset(mask=~no, seed=[1, 2])


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_the_environments_that_are_kept_continue_as_before(
    policy: VPTPolicy, frames: np.ndarray, precision: str | None
) -> None:
    if precision is not None and precision not in available_precisions():
        pytest.skip("no engine")
    no = np.zeros(3, bool)
    agent = VPTAgent(policy, precision=precision)
    agent.reset(seed=4)
    straight = [agent.act(f, first=no).tolist() for f in frames]
    agent.reset(seed=4)
    for f in frames[:4]:
        agent.act(f, first=no)
    memory = agent.memory
    agent.keep([2, 0])
    kept = agent.memory
    assert torch.equal(kept.keys, memory.keys[[2, 0]])
    assert torch.equal(kept.valid, memory.valid[[2, 0]])
    rest = [agent.act(f[[2, 0]], first=no[:2]).tolist() for f in frames[4:7]]
    assert rest == [[step[2], step[0]] for step in straight[4:7]]
    agent.keep([1])  # environment 0, renumbered again
    rest = [agent.act(f[0], first=False).tolist() for f in frames[7:]]
    assert rest == [step[0] for step in straight[7:]]
    agent.reset()
    assert agent.act(frames[0], first=~no).shape == (3, 2)  # all three are there again


def test_rows_to_keep_are_checked(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy)
    agent.act(frames[0], first=np.ones(3, bool))
    for bad in ([], [0, 0], [3], [-1]):
        with pytest.raises(ValueError, match=r"rows must be different numbers in \[0, 3\)"):
            agent.keep(bad)
    memory = agent.memory
    assert memory is not None
    assert memory.batch_size == 3
    agent.keep([1])
    agent.memory = memory  # all three again
    assert agent.act(frames[1], first=np.zeros(3, bool)).shape == (3, 2)
    agent.reset()
    with pytest.raises(ValueError, match=r"call keep\(\) after act\(\)"):
        agent.keep([0])


def test_memory_taken_and_put_back_gives_the_same_continuation(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy, sampling=Sampling(deterministic=True))
    assert agent.memory is None
    play(agent, frames[:4, 0])
    memory = agent.memory
    assert memory is not None
    continuation = play(agent, frames[4:, 0])
    agent.memory = memory
    assert play(agent, frames[4:, 0]) == continuation
    other = VPTAgent(policy, sampling=Sampling(deterministic=True))
    other.memory = memory
    assert play(other, frames[4:, 0]) == continuation
    fresh = play(VPTAgent(policy, sampling=Sampling(deterministic=True)), frames[4:, 0])
    assert fresh != continuation
    other.memory = None
    assert play(other, frames[4:, 0]) == fresh


def test_memory_of_an_agent_can_be_trained_through(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy)
    agent.act(frames[0, 0])
    out = policy(torch.from_numpy(frames[1:2, :1]), torch.zeros(1, 1, dtype=torch.bool), agent.memory)
    out.value.sum().backward()
    assert policy.value_head.linear.weight.grad is not None
    policy.zero_grad()


def test_deterministic_takes_the_most_probable_action_and_can_be_overridden(
    policy: VPTPolicy, frames: np.ndarray
) -> None:
    agent = VPTAgent(policy)
    agent.reset(seed=0)
    drawn = {tuple(agent.act(frames[0, 0], first=True)) for _ in range(8)}
    modes = {tuple(agent.act(frames[0, 0], first=True, deterministic=True)) for _ in range(3)}
    assert len(modes) == 1
    assert len(drawn) > 1
    agent.sampling = Sampling(temperature=1e-3)
    assert {tuple(agent.act(frames[0, 0], first=True)) for _ in range(3)} == modes
    agent.sampling = Sampling(deterministic=True)
    assert {tuple(agent.act(frames[0, 0], first=True)) for _ in range(3)} == modes


def test_sampling_is_checked() -> None:
    for bad in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="temperature must be positive"):
            Sampling(temperature=bad)
    with pytest.raises(FrozenInstanceError):
        Sampling().temperature = 2.0  # type: ignore[misc]


def test_observations_of_every_memory_layout_are_the_same(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy, sampling=Sampling(deterministic=True))
    frame = frames[0, 0]
    expected = agent.act(frame, first=True).tolist()
    upside_down = np.ascontiguousarray(frame[::-1])[::-1]
    assert upside_down.strides[0] < 0
    read_only = frame.copy()
    read_only.flags.writeable = False
    planar = np.ascontiguousarray(frame.transpose(2, 0, 1)).transpose(1, 2, 0)
    for same in (upside_down, read_only, planar, {"img": frame, "inventory": 3}, torch.from_numpy(frame)):
        assert agent.act(same, first=True).tolist() == expected


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda f: f.astype(np.float32) / 255,
            TypeError,
            r"uint8 .* got float32 \(128, 128, 3\): wrap .* VPTObsWrapper",
        ),
        (lambda f: f.astype(np.int64), TypeError, "got int64"),
        (lambda f: f.transpose(2, 0, 1), ValueError, r"got \(channel, height, width\): \(3, 128, 128\).*VPTObsWrapper"),
        (lambda f: f[None].transpose(0, 3, 1, 2), ValueError, r"channel, height, width.*\(1, 3, 128, 128\)"),
        (lambda f: f[:64], ValueError, r"got \(64, 128, 3\).*VPTObsWrapper"),
        (lambda f: f[..., :1], ValueError, r"got \(128, 128, 1\)"),
        (lambda f: f[..., 0], ValueError, r"got \(128, 128\)"),
        (lambda f: f[None, None], ValueError, r"got \(1, 1, 128, 128, 3\)"),
        (lambda f: f[None][:0], ValueError, "no frames"),
        (lambda f: {"rgb": f}, ValueError, r"no \"img\" \(its keys: \['rgb'\]\)"),
        (lambda f: None, TypeError, "got object"),
    ],
)
def test_other_observations_are_refused_with_the_remedy(
    policy: VPTPolicy, frames: np.ndarray, change: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        VPTAgent(policy).act(change(frames[0, 0]))  # type: ignore[operator]


def test_first_is_required_for_batches_and_checked(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy)
    with pytest.raises(TypeError, match=r"3 environments need first=, bool \(3,\)"):
        agent.act(frames[0])
    with pytest.raises(ValueError, match=r"first must be bool \(3,\), got bool \(2,\)"):
        agent.act(frames[0], first=np.ones(2, bool))
    with pytest.raises(ValueError, match="got int64"):
        agent.act(frames[0], first=np.ones(3, np.int64))
    agent.act(frames[0], first=np.ones(3, bool))
    with pytest.raises(ValueError, match=r"plays 3 environment\(s\) and got frames of 1: call agent.reset\(\)"):
        agent.act(frames[0, 0])
    agent.reset()
    agent.act(frames[0, 0])


def test_a_refused_call_leaves_the_agent_as_it_was(policy: VPTPolicy, frames: np.ndarray) -> None:
    agent = VPTAgent(policy, sampling=Sampling(deterministic=True))
    straight = play(agent, frames[:, 0])
    agent.reset()
    start = play(agent, frames[:5, 0])
    with pytest.raises(ValueError, match="channel"):
        agent.act(frames[5, 0].transpose(2, 0, 1))
    assert start + play(agent, frames[5:, 0]) == straight


def test_output_that_is_not_finite_is_an_error() -> None:
    policy = tiny_policy()
    with torch.no_grad():
        policy.net.final_ln.bias[0] = float("nan")
    with pytest.raises(FloatingPointError, match=r"environment\(s\) \[0, 1\].*NaN"):
        VPTAgent(policy).act(np.zeros((2, 128, 128, 3), np.uint8), first=np.ones(2, bool))


@pytest.mark.parametrize("logit", [float("nan"), float("inf"), -float("inf")])
def test_one_logit_that_is_not_finite_is_enough_for_an_error(logit: float) -> None:
    policy = tiny_policy()
    with torch.no_grad():
        policy.pi_head.camera.linear_layer.bias[7] = logit
    with pytest.raises(FloatingPointError, match=r"environment\(s\) \[0\]"):
        VPTAgent(policy).act(np.zeros((128, 128, 3), np.uint8))


def test_from_config_takes_names_and_configs_and_a_seed() -> None:
    one = VPTAgent.from_config("nano", seed=3, sampling=Sampling(temperature=0.5))
    assert one.sampling.temperature == 0.5
    assert one.report is None
    assert 2e6 < sum(p.numel() for p in one.policy.parameters()) < 5e6
    state = torch.random.get_rng_state()
    two = VPTAgent.from_config(VPTConfig.named("nano"), seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    weights = two.policy.state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in one.policy.state_dict().items())
    other = VPTAgent.from_config(replace(VPTConfig.named("nano"), n_recurrence_layers=1))
    assert not torch.equal(other.policy.net.lastlayer.layer.weight, weights["net.lastlayer.layer.weight"])
    with pytest.raises(ValueError, match="there are nano"):
        VPTAgent.from_config("foundation")
