"""Evaluation: intervals, seed bands, and episodes played side by side."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.countdown_env import CountdownEnv
from vpt_gym import VPTAgent
from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import Evaluation, evaluate, wilson_interval


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


class TestEvaluate:
    def test_counts_and_summary(self, agent):
        result = evaluate(agent, CountdownEnv, range(10, 20), num_envs=4)
        assert result.successes == 5
        assert result.rate == 0.5
        assert result.interval == wilson_interval(5, 10)
        assert result.mean_ticks == 5.0
        summary = result.summary()
        assert summary["seeds"] == [10, 19]
        assert summary["seed_range"] == {"first": 10, "last": 19, "count": 10}
        assert summary["mean_return"] == 0.5
        assert summary["precision"] == "fp32"
        assert str(result).startswith("5/10 = 50% (95 % interval 24% to 76%), 5 ticks")

    def test_parts_are_merged_and_success_is_what_the_env_reported_however_the_episode_ended(self):
        ended = [(True, True), (False, False), (False, True), (True, True)]  # success, truncated
        episodes = [Episode(seed, success, 0.0, 10, truncated) for seed, (success, truncated) in enumerate(ended)]
        parts = [Evaluation(tuple(episodes[k::2]), seconds, "fp32") for k, seconds in enumerate((3.0, 2.0))]
        merged = Evaluation.merged(parts)
        assert (merged.successes, merged.rate, merged.seconds) == (2, 0.5, 3.0)
        assert list(merged.episodes) == episodes

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

    def test_the_result_names_the_precision_in_which_the_agent_acted(self):
        agent = VPTAgent.from_config("nano", seed=0, precision="auto")
        result = evaluate(agent, CountdownEnv, [1, 2, 3], num_envs=2)
        assert result.precision == result.summary()["precision"] == agent.precision
        assert str(result).endswith(f"acting in {agent.precision}")

    def test_no_seeds_is_an_error(self, agent):
        with pytest.raises(ValueError, match="no seeds"):
            evaluate(agent, CountdownEnv, [])
