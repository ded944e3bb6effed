"""What a training from reward needs besides its algorithm: counters, limits, and the environments that it plays."""

from __future__ import annotations

import pytest

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.learning.policy_gradient import Counters, PolicyGradientArgs, make_env
from vpt_gym.wrappers import ItemRewardWrapper

SMALL = EnvArgs(kwargs='{"level": "easy", "image_size": [32, 32], "max_episode_steps": 6}')


def test_the_nearer_limit_gives_the_progress():
    counters = Counters()
    assert counters.add(ticks=64, seconds=4.0) == {"time/ticks": 64, "time/ticks_per_second": 16.0}
    assert counters.add(ticks=64, seconds=4.0)["time/ticks"] == 128
    assert counters.progress(PolicyGradientArgs(model="nano", iterations=16, seconds=100.0)) == 0.125
    assert counters.progress(PolicyGradientArgs(model="nano", iterations=16, seconds=10.0)) == 0.8
    assert str(counters) == "128 ticks, 16/s"


def test_by_default_the_length_of_a_run_does_not_depend_on_the_speed_of_the_machine():
    args = PolicyGradientArgs(model="nano")
    slow, fast = Counters(iteration=75, seconds=1e6), Counters(iteration=75, seconds=1.0)
    assert slow.progress(args) == fast.progress(args) == 0.5


def test_counters_continue_from_a_checkpoint_that_holds_more():
    counters = Counters()
    counters.add(ticks=64, seconds=4.0)
    again = Counters.of({**vars(counters), "learner": {}})
    assert again == counters
    assert again.add(ticks=64, seconds=4.0)["time/ticks"] == 128
    assert Counters.of({}) == Counters()


def test_the_reward_is_chosen_by_an_option():
    for reward, wrapped in (("env", False), ("diamond-pickaxe", True)):
        env = make_env(PolicyGradientArgs(model="nano", env=SMALL, reward=reward))
        assert isinstance(env, ItemRewardWrapper) == wrapped
        assert ("inventory" in env.unwrapped.observation_space.spaces) == wrapped
        env.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ticks": 0}, "ticks is 0; it must be at least 1"),
        ({"iterations": 0}, "iterations is 0"),
        ({"seconds": 0.0}, r"seconds is 0\.0; it must be positive"),
        ({"episode_ticks": 0}, "episode_ticks is 0"),
        ({"lr": -1.0}, r"lr is -1\.0"),
        ({"iterations": 6}, "warmup_iterations is 8 of 6 iterations: .* Give --iterations 9 or more"),
        ({"iterations": 3, "warmup_iterations": 3}, "warmup_iterations is 3 of 3 iterations"),
    ],
)
def test_an_option_out_of_range_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        PolicyGradientArgs(model="nano", **options)
