"""Episodes played side by side, each world once."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environments)
from tests.support.countdown_env import CountdownEnv
from vpt_gym import VPTAgent
from vpt_gym.collect.rollouts import SuccessNotReportedError, check_success_reported, play


@pytest.fixture(scope="module")
def agent() -> VPTAgent:
    return VPTAgent.from_config("nano", seed=0)


@pytest.mark.parametrize("num_envs", [1, 3, 16])
def test_each_world_is_played_once_and_results_keep_the_order_of_the_seeds(agent, num_envs):
    seeds = [9, 2, 4, 7, 0, 11, 6]
    seen = []
    episodes = play(agent, CountdownEnv, seeds, num_envs=num_envs, on_episode=seen.append)
    assert [episode.seed for episode in episodes] == seeds
    assert sorted(episode.seed for episode in seen) == sorted(seeds)
    for episode in episodes:
        assert episode.ticks == 3 + episode.seed % 5
        assert episode.success == (episode.seed % 2 == 0) == (not episode.truncated)
        assert episode.total_reward == float(episode.success)
    assert CountdownEnv.open == 0


def test_an_episode_in_which_the_game_crashed_is_played_again(agent):
    class Breaking(CountdownEnv):
        open = 0
        breaks = 0

        def step(self, action):
            observation, reward, terminated, truncated, info = super().step(action)
            if self.left == 1 and self.seed == 4 and type(self).breaks > 0:
                type(self).breaks -= 1
                return observation, 0.0, False, True, {**info, "success": False, "env_error": "the game ended"}
            return observation, reward, terminated, truncated, info

    sound = play(agent, CountdownEnv, [2, 4], num_envs=2)
    Breaking.breaks = 2
    assert play(agent, Breaking, [2, 4], num_envs=2) == sound
    Breaking.breaks = 3
    with pytest.raises(RuntimeError, match="failed 3 times in the world of seed 4: the game ended"):
        play(agent, Breaking, [2, 4], num_envs=2)
    assert Breaking.open == 0


def test_a_success_that_is_reported_in_one_tick_alone_counts(agent):
    class Passing(CountdownEnv):
        open = 0

        def step(self, action):
            observation, reward, terminated, truncated, _ = super().step(action)
            return observation, reward, terminated, truncated, {"success": self.seed == 4 and self.left == 2}

    assert [episode.success for episode in play(agent, Passing, [2, 4])] == [False, True]


def test_memory_starts_empty_with_each_episode_and_belongs_to_it(agent):
    """Deterministic actions do not depend on which episodes run beside or went before."""

    def codes_by_seed(num_envs):
        taken: dict[int, list] = {}

        class Spy:
            def start(self, env, seed):
                taken[env.seed] = []

            def step(self, env, code):
                taken[env.seed].append(code.tolist())
                return code

        play(deterministic, CountdownEnv, [5, 8, 3, 12, 1], num_envs=num_envs, control=Spy)
        return taken

    deterministic = VPTAgent.from_config("nano", seed=3)
    deterministic.sampling = type(deterministic.sampling)(deterministic=True)
    alone = codes_by_seed(1)
    assert {seed: len(codes) for seed, codes in alone.items()} == {5: 3, 8: 6, 3: 6, 12: 5, 1: 4}
    assert codes_by_seed(2) == alone
    assert codes_by_seed(5) == alone


def test_the_control_decides_what_is_executed(agent):
    executed = []

    class Always:
        def start(self, env, seed):
            inner = env.step
            env.step = lambda code: executed.append(tuple(code)) or inner(code)

        def step(self, env, code):
            return np.array([4, 60])

    play(agent, CountdownEnv, [1], control=Always)
    assert executed == [(4, 60)] * 4


def test_an_env_that_hides_success_is_an_error_and_all_envs_are_closed(agent):
    with pytest.raises(KeyError, match="no 'success'"):
        play(agent, lambda: CountdownEnv(tells_success=False), [1, 2, 3])
    assert CountdownEnv.open == 0


def test_bad_arguments_are_refused(agent):
    with pytest.raises(ValueError, match="num_envs is 0"):
        play(agent, CountdownEnv, [1], num_envs=0)
    with pytest.raises(ValueError, match="twice"):
        play(agent, CountdownEnv, [1, 1])


class TraceEnv(CountdownEnv):
    """Frames and rewards depend on every action since the episode began."""

    def reset(self, *, seed=None, options=None):
        self.trace = seed
        return super().reset(seed=seed)

    def frame(self):
        return np.random.default_rng((self.trace, self.left)).integers(0, 256, (128, 128, 3), np.uint8)

    def step(self, action):
        self.trace = (self.trace * 7 + int(action[0]) * 3 + int(action[1])) % 9973
        frame, _, *rest = super().step(action)
        return frame, float(self.trace), *rest


WORLDS = [9, 2, 14, 7, 0, 11, 6, 23, 4, 18, 5, 16]


@pytest.fixture(scope="module")
def sampled(agent):
    """What the sampling of an agent of one env gives, world by world."""
    return play(agent, TraceEnv, WORLDS, num_envs=1)


@pytest.mark.parametrize("num_envs", [5, 12])
def test_sampled_episodes_depend_on_their_worlds_alone(agent, sampled, num_envs):
    assert play(agent, TraceEnv, WORLDS, num_envs=num_envs) == sampled
    other_order = sorted(WORLDS)
    by_seed = {episode.seed: episode for episode in sampled}
    assert play(agent, TraceEnv, other_order, num_envs=num_envs) == [by_seed[seed] for seed in other_order]


def test_another_sampling_seed_gives_other_episodes(agent, sampled):
    assert play(agent, TraceEnv, WORLDS[:4], num_envs=4, sampling_seed=1) != sampled[:4]


def test_an_episode_after_a_crash_is_sampled_as_if_nothing_had_happened(agent, sampled):
    class Crashing(TraceEnv):
        open = 0
        crashes = 1

        def step(self, action):
            frame, reward, terminated, truncated, info = super().step(action)
            if self.seed == WORLDS[0] and self.left == 1 and type(self).crashes:
                type(self).crashes = 0
                return frame, reward, False, True, {**info, "env_error": "the game ended"}
            return frame, reward, terminated, truncated, info

    assert play(agent, Crashing, WORLDS[:3], num_envs=3) == sampled[:3]


def test_the_error_for_an_unreported_success_is_one_line_with_the_env_and_the_remedy(agent):
    with pytest.raises(SuccessNotReportedError) as caught:
        play(agent, lambda: CountdownEnv(tells_success=False), [1])
    message = str(caught.value)
    assert message.startswith("CountdownEnv does not report")
    assert "info['success']" in message
    assert "\n" not in message


class Silent(CountdownEnv):
    """Reports success in its last tick only, under Stable-Baselines3's name, or not at all."""

    open = 0

    def __init__(self, reports: bool) -> None:
        super().__init__(tells_success=False)
        self.reports = reports

    def step(self, action):
        *rest, info = super().step(action)
        return *rest, {"is_success": False} if self.reports and self.left == 0 else info


def test_that_success_is_reported_can_be_checked_before_a_training():
    check_success_reported(CountdownEnv)
    check_success_reported(lambda: Silent(reports=True))
    with pytest.raises(SuccessNotReportedError, match="Silent does not report"):
        check_success_reported(lambda: Silent(reports=False))
    assert Silent.open == 0


class Crashing(Silent):
    """Its game ends in the first tick, after which a step needs a reset, as in a ``ResilientEnv``."""

    open = 0
    over = False

    def step(self, action):
        if self.over:
            raise gym.error.ResetNeeded("call reset() before step()")
        self.over = True
        observation, _, _, _, info = super().step(action)
        return observation, 0.0, False, True, {**info, "env_error": "the game ended"}


def test_a_game_that_fails_before_a_training_does_not_stop_it():
    check_success_reported(lambda: Crashing(reports=False))
    assert Crashing.open == 0


def test_the_world_reports_success_by_both_names():
    env = gym.make("vpt_gym/Harvest1Log-v0", image_size=(32, 32), level="easy")
    _, info = env.reset(seed=0)
    assert (info["success"], info["is_success"]) == (False, False)
    info = env.step(env.action_space.sample())[4]
    assert info["success"] is info["is_success"]
    env.close()
