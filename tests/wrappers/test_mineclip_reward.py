"""Rewards for videos: what is in the window, which formula pays, and the mistakes that make rewards constant."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tests.support.frame_counter_env import BreakingCounterEnv, FrameCounterEnv
from tests.support.frame_scorers import CachingTickScorer, TickScorer, brightness
from tests.support.mineclip_goldens import SMALL, arrays, small_network
from vpt_gym import RecorderWrapper, VPTObsWrapper
from vpt_gym.actions.human import no_op
from vpt_gym.mineclip import MineCLIP
from vpt_gym.wrappers import MineCLIPReward, ScoreThreshold


class Scripted:
    """Returns the rows of a table, whatever it sees."""

    def __init__(self, logits: np.ndarray) -> None:
        self.rows = iter(logits)

    def __call__(self, videos, prompts):
        return next(self.rows)[None, : len(prompts)]


class Frames(gym.Env):
    """Observes black frames of a size and type."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, *shape: int, dtype: type = np.uint8) -> None:
        self.observation_space = gym.spaces.Box(0, 255 if dtype == np.uint8 else 1, shape, dtype)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(self.observation_space.shape, self.observation_space.dtype), {}

    def step(self, action):
        return self.reset()[0], 1.0, False, False, {}


def play(env: gym.Env, steps: int) -> list[float]:
    env.reset()
    return [env.step(no_op())[1] for _ in range(steps)]


NEGATIVES = ["milk a cow", "look at the sky", "go swimming"]


def test_the_window_is_always_full_and_has_the_last_frames_in_order() -> None:
    scorer = TickScorer()
    env = MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=scorer)
    play(env, 20)
    ticks = [[tick for tick, _ in video] for (video,) in scorer.videos]
    assert ticks == [[max(0, last + before) for before in range(-15, 1)] for last in range(21)]


def test_an_episode_never_sees_the_one_before() -> None:
    scorer = TickScorer()
    env = MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=scorer)
    first, second = play(env, 18), play(env, 18)
    assert first == second
    assert all(len({episode for _, episode in video}) == 1 for (video,) in scorer.videos)
    assert scorer.videos[-1][0][-1] == (18, 1)


def test_black_frames_can_fill_the_window_instead() -> None:
    seen = []
    env = MineCLIPReward(
        FrameCounterEnv(), "light", mode="delta", fill="black", scorer=lambda v, p: seen.append(v) or brightness(v, p)
    )
    play(env, 2)
    assert seen[0].shape == (1, 16, 160, 256, 3)
    assert [frame.any() for frame in seen[-1][0]] == [False] * 13 + [True] * 3


def test_a_scorer_that_encodes_frames_gets_each_once() -> None:
    caching = CachingTickScorer()
    rewards = play(MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=caching), 30)
    assert rewards == play(MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=TickScorer()), 30)
    assert caching.encoded == 31


def test_a_scorer_may_change_the_features_that_it_is_given() -> None:
    class Halving(CachingTickScorer):
        def score(self, features: np.ndarray, prompts: Sequence[str]) -> np.ndarray:
            logits = super().score(features.copy(), prompts)
            features *= 0.5
            return logits

    halving = play(MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=Halving()), 5)
    assert halving == play(MineCLIPReward(FrameCounterEnv(), "count", mode="delta", scorer=TickScorer()), 5)


@pytest.mark.parametrize(
    ("mode", "negatives", "golden"),
    [
        ("direct", NEGATIVES, "direct"),
        ("delta", NEGATIVES, "delta_prob_prev0"),
        ("delta", [], "delta_logit_prev0"),
        ("threshold", [], "deckard_smoothing50"),
    ],
)
def test_the_rewards_are_those_of_public_code(mode: str, negatives: list[str], golden: str) -> None:
    """The first row of the table is scored at the reset; ``delta`` begins there instead of at 0."""
    logits = arrays("rewards")["logits"].astype(float)
    table = logits if mode == "delta" else np.concatenate([logits[:1], logits])
    env = MineCLIPReward(FrameCounterEnv(200), "chop", mode=mode, scorer=Scripted(table), negatives=negatives)
    expected = arrays("rewards")[golden][1 if mode == "delta" else 0 :]
    np.testing.assert_allclose(play(env, len(expected)), expected, rtol=0, atol=1e-6)


def test_threshold_and_scale_are_arguments() -> None:
    logits = np.array([[0.0], [1.0], [5.0]])
    env = MineCLIPReward(
        FrameCounterEnv(),
        "chop",
        mode="threshold",
        scorer=Scripted(logits),
        threshold=ScoreThreshold(low=0, high=2, smoothing=1, weight=1),
        scale=10,
    )
    assert play(env, 2) == [5.0, 25.0]


def test_the_score_is_reported_and_the_environments_reward_can_be_kept() -> None:
    env = MineCLIPReward(FrameCounterEnv(), "chop", "delta", scorer=Scripted(np.arange(9.0)[:, None]), keep_reward=True)
    env.reset()
    steps = [env.step(no_op()) for _ in range(3)]
    assert [reward for _, reward, *_ in steps] == [1.0, 1.1, 1.2]
    assert [info["mineclip_score"] for *_, info in steps] == [1.0, 2.0, 3.0]


def test_a_step_in_which_the_game_failed_is_rewarded_with_0() -> None:
    env = MineCLIPReward(BreakingCounterEnv(), "count", "delta", scorer=CachingTickScorer(), scale=10, keep_reward=True)
    assert play(env, 3) == pytest.approx([10.0, 20.1, 0.0])


def test_it_works_with_the_real_scorer_and_is_a_gymnasium_environment() -> None:
    scorer = MineCLIP(small_network())
    env = MineCLIPReward(
        FrameCounterEnv(layout="array"), "chop a tree", scorer=scorer, negatives=["a  lake"], mode="delta"
    )
    rewards = play(env, 5)
    assert len(set(rewards)) == 5
    assert env.get_wrapper_attr("_scores").frame_size == SMALL.resolution
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_env(env, skip_render_check=True)


def test_it_composes_with_the_other_wrappers(tmp_path) -> None:
    env = MineCLIPReward(FrameCounterEnv(4, size=(160, 256)), "light", "delta", scorer=brightness)
    env = VPTObsWrapper(RecorderWrapper(env, tmp_path))
    env.reset()
    for _ in range(4):
        observation, reward, *_ = env.step(no_op())
    env.close()
    assert observation.shape == (128, 128, 3)
    assert reward != 0
    assert list(tmp_path.glob("*.mp4"))


def test_an_environment_can_be_made_again_from_its_spec_without_copying_the_scorer() -> None:
    gym.register("tests/Counter-v0", FrameCounterEnv, kwargs={"length": 4, "size": (160, 256)})
    try:
        for scorer in (MineCLIP(small_network()), brightness):
            plain = gym.make("tests/Counter-v0", disable_env_checker=True)
            env = VPTObsWrapper(MineCLIPReward(plain, "a tree", "delta", scorer=scorer))
            again = gym.make(env.spec)
            assert play(again, 3) == play(env, 3)
            assert env.spec.additional_wrappers[0].kwargs["scorer"] is scorer
    finally:
        del gym.registry["tests/Counter-v0"]


@pytest.mark.parametrize(("height", "width"), [(256, 160), (640, 360)])
def test_swapped_height_and_width_are_an_error(height: int, width: int) -> None:
    with pytest.raises(ValueError, match="are height and width swapped"):
        MineCLIPReward(Frames(height, width, 3), "light", "delta", scorer=brightness)
    MineCLIPReward(Frames(width, height, 3), "light", "delta", scorer=brightness)


def test_frames_whose_height_and_width_are_swapped_though_declared_right_are_an_error() -> None:
    """As after ``cv2.resize(frame, (160, 256))``, which takes (width, height)."""

    class Resized(Frames):
        def reset(self, *, seed=None, options=None):
            return np.ones((256, 160, 3), np.uint8), {}

    with pytest.raises(ValueError, match="are height and width swapped"):
        MineCLIPReward(Resized(160, 256, 3), "light", "delta", scorer=brightness).reset()


def test_frames_in_another_range_than_0_to_255_are_an_error() -> None:
    with pytest.raises(TypeError, match=r"uint8 in 0\.\.255, got float32"):
        MineCLIPReward(Frames(160, 256, 3, dtype=np.float32), "light", "delta", scorer=brightness)


def test_black_frames_at_the_start_are_warned_about() -> None:
    env = MineCLIPReward(Frames(160, 256, 3), "light", "delta", scorer=brightness)
    with pytest.warns(UserWarning, match=r"scaled to 0\.\.1 before they became uint8"):
        env.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env.step(0)


def test_small_frames_are_used_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="below VPTObsWrapper"):
        MineCLIPReward(Frames(128, 128, 3), "light", "delta", scorer=brightness)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MineCLIPReward(Frames(144, 256, 3), "light", "delta", scorer=brightness)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"mode": "direct"}, ValueError, "needs negatives: without other texts"),
        ({"mode": "threshold", "negatives": ["a"]}, ValueError, "leave negatives out"),
        ({"mode": "sum"}, ValueError, r"must be one of \['direct', 'delta', 'threshold'\]"),
        ({"negatives": "milk a cow"}, TypeError, "pass a sequence"),
        ({"negatives": [3]}, TypeError, "a prompt is a string, got int"),
        ({"negatives": [" "]}, ValueError, "a prompt is empty"),
        ({"negatives": ["Light "]}, ValueError, "more than once"),
        ({"fill": "white"}, ValueError, "must be 'first' or 'black'"),
        ({"scorer": "attn.pth"}, TypeError, "from_pretrained"),
        ({"scale": float("nan")}, ValueError, "scale=nan"),
        ({"key": "pov"}, ValueError, "pov"),
    ],
)
def test_arguments_that_would_give_a_useless_reward_are_errors(
    arguments: dict[str, object], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        MineCLIPReward(FrameCounterEnv(), "light", **{"mode": "delta", "scorer": brightness, **arguments})


@pytest.mark.parametrize(
    ("scorer", "problem"),
    [
        (lambda videos, prompts: np.zeros(len(videos)), r"returned shape \(1,\); it must be .* = \(1, 4\)"),
        (lambda videos, prompts: np.zeros((len(prompts), len(videos))), r"returned shape \(4, 1\)"),
        (lambda videos, prompts: np.full((len(videos), len(prompts)), np.nan), "NaN or infinity"),
    ],
)
def test_a_scorer_that_returns_something_else_is_an_error(scorer: object, problem: str) -> None:
    env = MineCLIPReward(FrameCounterEnv(), "light", scorer=scorer, negatives=NEGATIVES)
    with pytest.raises(ValueError, match=problem):
        env.reset()


def test_other_environments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"vector\.MineCLIPReward, which scores all"):
        MineCLIPReward(gym.vector.SyncVectorEnv([FrameCounterEnv]), "light", scorer=brightness)
    with pytest.raises(TypeError, match=r"needs a gymnasium\.Env"):
        MineCLIPReward("env", "light", scorer=brightness)


def test_a_step_before_reset_is_an_error() -> None:
    env = MineCLIPReward(Frames(160, 256, 3), "light", "delta", scorer=brightness)
    with pytest.raises(RuntimeError, match=r"call reset\(\) before"):
        env.step(0)
