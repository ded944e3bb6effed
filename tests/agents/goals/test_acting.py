"""Agents that act on goals: guidance with two memories, against STEVE-1's own code."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.small_policy import SMALL
from tests.support.steve1_goldens import arrays, frames, goals, small_policy
from vpt_gym import Sampling, VPTAgent
from vpt_gym.agents.engine import available_precisions
from vpt_gym.agents.policy.policy import VPTPolicy

EXACT = 1e-9
GUIDED = 2e-3
"""Between float32 and float64 of the published code, with s = 6, which multiplies errors by up to 13."""

PACKED = pytest.mark.parametrize(
    "precision",
    [None, pytest.param("fp32", marks=pytest.mark.skipif("fp32" not in available_precisions(), reason="cannot pack"))],
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small_agent(dtype: torch.dtype = torch.float32, **kwargs: object) -> VPTAgent:
    return VPTAgent(small_policy(dtype), **kwargs)


def play(agent: VPTAgent, changes: dict[int, object], guidance: float | None, starts: tuple[int, ...] = (0,)) -> dict:
    """Plays the 12 frames of stream 0; returns log-probabilities, (12, n)."""
    heads: list[tuple[np.ndarray, ...]] = []
    for t, frame in enumerate(frames()[0].numpy()):
        if t in changes:
            agent.set_goal(changes[t], guidance=guidance)
        pi = agent.distribution(frame, first=t in starts)
        heads.append(tuple(head[0].numpy() for head in pi.log_probs))
    return {name: np.stack([one[k] for one in heads]) for k, name in enumerate(("buttons", "camera"))}


def check(out: dict, golden: str, atol: float = EXACT) -> None:
    """The published log-probabilities are not normalised; their sums are in the golden file."""
    data = arrays()
    camera = data[f"{golden}_camera"] - data[f"{golden}_camera_lse"][..., None]
    np.testing.assert_allclose(out["camera"], camera[:, 0], rtol=0, atol=atol)
    for head in ("buttons", "camera"):
        assert np.array_equal(out[head].argmax(-1), data[f"{golden}_{head}_argmax"][:, 0])
    if f"{golden}_buttons_sel" in data:
        buttons = data[f"{golden}_buttons_sel"] - data[f"{golden}_buttons_lse"][..., None]
        np.testing.assert_allclose(out["buttons"][:, data["sel_buttons"]], buttons[:, 0], rtol=0, atol=atol)


def check_memory(agent: VPTAgent, golden: str) -> None:
    """The golden memory has M rows of which the oldest is never seen; row 0 is with the goal."""
    memory = agent.memory
    assert memory.batch_size == 2
    for layer in range(2):
        valid = arrays()[f"{golden}_state{layer}_mask"][:, 0, 1:]
        assert np.array_equal(memory.valid.numpy(), valid)
        for mine, name in ((memory.keys, "K"), (memory.values, "V")):
            theirs = arrays()[f"{golden}_state{layer}_{name}"][:, 1:]
            np.testing.assert_allclose(mine[:, layer].numpy()[valid], theirs[valid], rtol=0, atol=EXACT)


@pytest.mark.parametrize(
    ("golden", "guidance", "changes", "starts"),
    [
        ("cond", None, {0: 0}, (0,)),
        ("uncond", None, {0: None}, (0,)),
        ("s6", 6.0, {0: 0}, (0,)),
        ("switch_s6", 6.0, {0: 0, 6: 1}, (0,)),
        ("first7_step_s6", 6.0, {0: 0}, (0, 7)),
    ],
)
def test_agents_act_as_steve1_does(
    golden: str, guidance: float | None, changes: dict[int, int | None], starts: tuple[int, ...]
) -> None:
    chosen = {t: None if i is None else goals()[i].numpy() for t, i in changes.items()}
    agent = small_agent(torch.float64)
    out = play(agent, chosen, guidance, starts)
    check(out, golden)
    if f"{golden}_state0_K" in arrays():
        check_memory(agent, golden)
    if golden == "s6":
        small_agent().memory = agent.memory.to(dtype=torch.float32)


@PACKED
@pytest.mark.parametrize(("golden", "starts"), [("f32_s6", (0,)), ("f32_first7_step_s6", (0, 7))])
def test_agents_act_as_steve1_does_in_float32(precision: str | None, golden: str, starts: tuple[int, ...]) -> None:
    out = play(small_agent(precision=precision), {0: goals()[0]}, 6.0, starts)
    check(out, golden, atol=2 * GUIDED)


def test_the_scale_zero_is_the_plain_policy() -> None:
    out = play(small_agent(torch.float64), {0: goals()[0]}, 0.0)
    np.testing.assert_allclose(out["camera"], arrays()["cond_camera"][:, 0], rtol=0, atol=EXACT)
    np.testing.assert_allclose(out["camera"], arrays()["s0_camera"][:, 0], rtol=0, atol=EXACT)


@pytest.mark.parametrize(("dtype", "golden"), [(torch.float32, "f32"), (torch.float64, "f64")])
def test_the_sampled_actions_are_those_of_steve1(dtype: torch.dtype, golden: str) -> None:
    agent = small_agent(dtype)
    agent.set_goal(goals()[0], guidance=6.0)
    agent.reset(seed=123)
    actions = [agent.act(frame) for frame in frames()[0].numpy()]
    assert np.array_equal(actions, arrays()[f"{golden}_s6_sample_action"])


def test_deterministic_actions_are_those_of_steve1() -> None:
    agent = small_agent(sampling=Sampling(deterministic=True))
    agent.set_goal(goals()[:1], guidance=6.0)  # STEVE-1's embeddings have the shape (1, 512)
    assert np.array_equal([agent.act(frame) for frame in frames()[0].numpy()], arrays()["s6_action"])
    agent.reset()
    agent.set_goal(goals()[:1], guidance=None)
    assert np.array_equal([agent.act(frame) for frame in frames()[0].numpy()], arrays()["cond_action"])


def two_games() -> np.ndarray:
    return frames().transpose(0, 1).numpy()  # (12, 2, ...)


@PACKED
@pytest.mark.parametrize("guidance", [None, 6.0])
def test_n_environments_with_goals_of_their_own_get_what_n_agents_would(
    precision: str | None, guidance: float | None
) -> None:
    many, alone = small_agent(precision=precision), [small_agent(precision=precision) for _ in range(2)]
    many.set_goal(goals()[1:], guidance=guidance)
    many.reset(seed=5)
    for row, one in enumerate(alone):
        one.set_goal(goals()[1 + row], guidance=guidance)
        one.reset(seed=5 + row)
    for t, games in enumerate(two_games()):
        first = np.array([t == 0, t in (0, 5)])
        if t == 3:  # the second gets another goal, within its episode
            many.set_goal(goals()[[1, 0]], guidance=guidance)
            alone[1].set_goal(goals()[0], guidance=guidance)
        if t == 8:  # an environment that a mask resets
            many.reset(np.array([True, False]))
            alone[0].memory = None
        together = many.distribution(games, first=first)
        for row, one in enumerate(alone):
            single = one.distribution(games[row], first=bool(first[row]))
            torch.testing.assert_close(together.camera[row], single.camera[0], rtol=0, atol=GUIDED)
        if t == 9:
            many.keep([1])
            break
    rest, one = two_games()[10:, 1], alone[1]
    assert many.goal.tolist() == goals()[:1].tolist()
    for frame in rest:
        kept = many.distribution(frame[None], first=np.zeros(1, bool))
        torch.testing.assert_close(kept.camera, one.distribution(frame).camera, rtol=0, atol=GUIDED)
    many.reset()
    assert len(many.goal) == 2  # both are played again
    many.distribution(two_games()[0], first=np.ones(2, bool))


@PACKED
def test_an_agent_with_guidance_is_copied_and_returned_to_an_earlier_point(precision: str | None) -> None:
    agent = small_agent(precision=precision)
    agent.set_goal(goals()[0])
    assert agent.set_goal.__kwdefaults__ == {"guidance": 6.0}
    images = frames()[0].numpy()
    for frame in images[:4]:
        agent.distribution(frame)
    point, other = agent.memory, copy.deepcopy(agent)
    wanted = agent.distribution(images[4]).camera
    torch.testing.assert_close(other.distribution(images[4]).camera, wanted, rtol=0, atol=GUIDED)
    agent.memory = point
    torch.testing.assert_close(agent.distribution(images[4]).camera, wanted, rtol=0, atol=GUIDED)
    with pytest.raises(ValueError, match="two rows for each environment"):
        agent.memory = point.index([0])


@PACKED
def test_the_packed_weights_follow_the_layer_for_goals(precision: str | None) -> None:
    agent = small_agent(precision=precision)
    agent.set_goal(goals()[0])
    before = agent.distribution(frames()[0, 0].numpy()).camera
    with torch.no_grad():
        agent.policy.net.mineclip_embed_linear.weight.mul_(2.0)
    agent.reset()
    assert (agent.distribution(frames()[0, 0].numpy()).camera - before).abs().max() > 0.1


@pytest.mark.parametrize("precision", [p for p in ("bf16", "int8") if p in available_precisions()])
def test_rounded_engines_stay_near_with_guidance(precision: str) -> None:
    exact, rounded = (play(small_agent(precision=p), {0: goals()[0]}, 6.0) for p in (None, precision))
    for head in exact:
        kl = (np.exp(exact[head]) * (exact[head] - rounded[head])).sum(-1)
        assert kl.mean() < 0.1  # nats; without guidance it is 0.0005


def test_the_guided_distribution_is_normalised_and_keeps_its_kind() -> None:
    agent = VPTAgent(VPTPolicy(replace(SMALL, goal_size=7)), sampling=Sampling(forbid=("attack",), top_p=0.9))
    agent.set_goal(np.ones(7, np.float32), guidance=4)
    frame = np.zeros((128, 128, 3), np.uint8)
    assert agent.act(frame).shape == (2,)
    pi = agent.distribution(frame)
    for head in pi.log_probs:
        torch.testing.assert_close(head.logsumexp(-1), torch.zeros(1), rtol=0, atol=1e-5)


def test_mistakes_are_refused_with_their_remedy() -> None:
    frame = np.zeros((128, 128, 3), np.uint8)
    with pytest.raises(ValueError, match=r'takes no goals.*from_pretrained\("steve1"\)'):
        VPTAgent(VPTPolicy(SMALL)).set_goal(np.zeros(512, np.float32))
    agent = VPTAgent(VPTPolicy(replace(SMALL, goal_size=7)))
    with pytest.raises(ValueError, match=r"call agent.set_goal\(\) with an embedding"):
        agent.act(frame)
    for wrong in (-1.0, float("nan"), float("inf"), True, "6"):
        with pytest.raises(ValueError, match="guidance must be a number of at least 0"):
            agent.set_goal(None, guidance=wrong)
    agent.set_goal(None)
    agent.act(frame)
    with pytest.raises(ValueError, match="would turn guidance off within an episode"):
        agent.set_goal(None, guidance=None)
    with pytest.raises(ValueError, match="goals for 3 environments and frames of 1"):
        agent.set_goal(np.zeros((3, 7), np.float32))
    agent.act(frame)  # the goal before is kept
    agent.reset()
    agent.set_goal(np.zeros((3, 7), np.float32), guidance=None)
    with pytest.raises(ValueError, match="goals for 3 environments and frames of 2"):
        agent.act(np.stack([frame] * 2), first=np.ones(2, bool))
