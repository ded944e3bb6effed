"""Evaluation: intervals, seed bands, and episodes played side by side."""

from __future__ import annotations

import itertools

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpt_gym import VPTAgent
from vpt_gym.actions.codec import code_space
from vpt_gym.collect.rollouts import play
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import evaluate, wilson_interval


class CountdownEnv(gym.Env):
    """Ends after a number of ticks that the seed decides; succeeds when the seed is even."""

    observation_space = gym.spaces.Box(0, 255, (128, 128, 3), np.uint8)
    action_space = code_space()
    open = 0

    def __init__(self, tells_success: bool = True) -> None:
        self.tells_success = tells_success
        type(self).open += 1

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seed, self.left = seed, 3 + seed % 5
        return self.frame(), {}

    def frame(self):
        return np.full((128, 128, 3), (self.seed * 7 + self.left) % 256, np.uint8)

    def step(self, action):
        assert self.action_space.contains(action)
        self.left -= 1
        ended, success = self.left == 0, self.seed % 2 == 0
        info = {"success": success} if self.tells_success else {}
        return self.frame(), float(success and ended), ended and success, ended and not success, info

    def close(self):
        type(self).open -= 1


@pytest.fixture(scope="module")
def agent() -> VPTAgent:
    return VPTAgent.from_config("nano", seed=0)


class TestWilson:
    # reference values: R's prop.test(correct=FALSE) for the 95 % interval
    @pytest.mark.parametrize(
        ("successes", "episodes", "low", "high"),
        [(34, 40, 0.7093, 0.9294), (0, 50, 0.0, 0.0713), (50, 50, 0.9287, 1.0), (5, 10, 0.2366, 0.7634)],
    )
    def test_known_intervals(self, successes, episodes, low, high):
        assert wilson_interval(successes, episodes) == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
    def test_it_holds_the_rate_and_stays_within_0_and_1(self, counts):
        low, high = wilson_interval(*counts)
        assert 0.0 <= low <= counts[0] / counts[1] <= high <= 1.0

    @pytest.mark.parametrize("counts", [(0, 0), (3, 2), (-1, 5)])
    def test_impossible_counts_are_refused(self, counts):
        with pytest.raises(ValueError, match="successes in"):
            wilson_interval(*counts)

    def test_an_impossible_confidence_is_refused(self):
        with pytest.raises(ValueError, match=r"95.*between 0 and 1"):
            wilson_interval(1, 2, confidence=95)


def test_the_seed_bands_do_not_overlap():
    bands = sorted(SEEDS.values(), key=lambda band: band.start)
    for band, following in itertools.pairwise(bands):
        assert band.stop <= following.start


class TestPlay:
    @pytest.mark.parametrize("num_envs", [1, 3, 16])
    def test_each_world_is_played_once_and_results_keep_the_order_of_the_seeds(self, agent, num_envs):
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

    def test_an_episode_in_which_the_game_broke_is_played_anew(self, agent):
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
        with pytest.raises(RuntimeError, match="broke 3 times in the world of seed 4: the game ended"):
            play(agent, Breaking, [2, 4], num_envs=2)
        assert Breaking.open == 0

    def test_memory_starts_empty_with_each_episode_and_belongs_to_it(self, agent):
        """Deterministic actions do not depend on which episodes run beside or went before."""

        def codes_by_seed(num_envs):
            taken: dict[int, list] = {}

            class Spy:
                def start(self, env):
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

    def test_the_control_decides_what_is_executed(self, agent):
        executed = []

        class Always:
            def start(self, env):
                inner = env.step
                env.step = lambda code: executed.append(tuple(code)) or inner(code)

            def step(self, env, code):
                return np.array([4, 60])

        play(agent, CountdownEnv, [1], control=Always)
        assert executed == [(4, 60)] * 4

    def test_an_env_that_hides_success_is_an_error_and_all_envs_are_closed(self, agent):
        with pytest.raises(KeyError, match="no 'success'"):
            play(agent, lambda: CountdownEnv(tells_success=False), [1, 2, 3])
        assert CountdownEnv.open == 0

    def test_bad_arguments_are_refused(self, agent):
        with pytest.raises(ValueError, match="num_envs is 0"):
            play(agent, CountdownEnv, [1], num_envs=0)
        with pytest.raises(ValueError, match="twice"):
            play(agent, CountdownEnv, [1, 1])


class TestEvaluate:
    def test_counts_and_summary(self, agent):
        result = evaluate(agent, CountdownEnv, range(10, 20), num_envs=4)
        assert result.successes == 5
        assert result.rate == 0.5
        assert result.interval == wilson_interval(5, 10)
        assert result.mean_ticks == 5.0
        summary = result.summary()
        assert summary["seeds"] == [10, 19]
        assert summary["mean_return"] == 0.5
        assert str(result).startswith("5/10 = 50% (95 % interval 24% to 76%), 5 ticks")

    def test_the_same_sampling_seed_gives_the_same_codes(self, agent):
        def codes(sampling_seed):
            taken = []

            class Env(CountdownEnv):
                def step(self, action):
                    taken.append(tuple(action))
                    return super().step(action)

            evaluate(agent, Env, [3, 4], num_envs=1, sampling_seed=sampling_seed)
            return taken

        assert codes(1) == codes(1)
        assert codes(1) != codes(2)

    def test_no_seeds_is_an_error(self, agent):
        with pytest.raises(ValueError, match="no seeds"):
            evaluate(agent, CountdownEnv, [])
