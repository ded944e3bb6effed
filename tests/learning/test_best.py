"""The agent that is kept is the one with the highest score."""

from __future__ import annotations

import pytest

from tests.support.small_policy import small_policy
from vpt_gym import VPTAgent
from vpt_gym.collect.identity import weights_digest
from vpt_gym.learning.best import BestAgent, score_of


def test_success_counts_first_then_the_loss_then_the_ticks():
    assert score_of(0.6, 500.0, 9.0) > score_of(0.5, 100.0, 1.0)
    assert score_of(0.5, 500.0, 1.0) > score_of(0.5, 100.0, 9.0)  # the loss, where demos are held out
    assert score_of(0.5, 100.0) > score_of(0.5, 500.0)  # the ticks, where none are


@pytest.mark.parametrize("continued", [False, True])
def test_only_a_better_agent_replaces_the_one_that_is_kept(tmp_path, continued):
    agents = [VPTAgent(small_policy(seed)) for seed in range(5)]
    best = BestAgent(tmp_path / "best")
    scores = [(0.0, -90.0), (0.5, -80.0), (0.5, -80.0), (0.5, -70.0), (0.4, -1.0)]
    taken = []
    for agent, score in zip(agents, scores, strict=True):
        if continued:
            best = BestAgent(tmp_path / "best", best.score)
        taken.append(best.offer(agent, *score))
    assert taken == [True, True, False, True, False]
    assert best.score == (0.5, -70.0)
    kept = VPTAgent.from_pretrained(tmp_path / "best")
    assert weights_digest(kept.policy) == weights_digest(agents[3].policy)
