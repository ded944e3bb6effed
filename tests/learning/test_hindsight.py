"""Hindsight relabelling, against STEVE-1's own code."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.steve1_goldens import facts
from vpt_gym.learning import hindsight_goals, hindsight_ticks


def legacy(seed: int) -> Any:
    """The numbers of numpy's old global generator, under the names of the new one."""
    old = np.random.RandomState(seed)
    return SimpleNamespace(integers=old.randint, random=old.rand)


@pytest.mark.parametrize("case", facts("relabel")["cases"], ids=lambda case: f"seed {case['seed']}")
def test_sequences_get_the_goals_of_steve1(case: dict[str, Any]) -> None:
    ticks = np.arange(1, case["episode_length"] + 1, dtype=np.float32)[:, None]  # zero is no goal
    goals = hindsight_goals(
        ticks,
        legacy(case["seed"]),
        start=case["start"],
        stop=case["end"],
        shortest=case["min_btwn_goals"],
        longest=case["max_btwn_goals"],
        unconditional=case["p_uncond"],
    )
    assert (goals[:, 0] - 1).astype(int).tolist() == case["goal_of_step"]
    assert case["zeroed"] == (not goals.any())


@pytest.mark.parametrize("length", [2, 3, 15, 16, 17, 60, 500])
def test_every_tick_has_a_goal_that_lies_ahead(length: int) -> None:
    rng = np.random.default_rng(length)
    for shortest, longest in ((1, 2), (1, 9), (15, 200)):
        goals = hindsight_ticks(length, rng, shortest=shortest, longest=longest)
        ahead = goals - np.arange(length)
        assert ahead.min() >= -1
        assert goals.max() == goals[-1] >= length - 2  # the tick after a goal still has it
        distances = np.diff(np.unique(goals))
        assert (distances[:-1] < longest).all()
        assert (distances >= shortest).all()


def test_goals_are_left_out_as_often_as_asked() -> None:
    rng, embeddings = np.random.default_rng(0), np.ones((40, 3), np.float32)
    empty = [not hindsight_goals(embeddings, rng, unconditional=0.25).any() for _ in range(400)]
    assert 0.17 < np.mean(empty) < 0.33
    assert hindsight_goals(embeddings, rng, unconditional=0.0).shape == (40, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 5, "stop": 5}, "0 <= start < stop <= 10"),
        ({"stop": 11}, "0 <= start < stop <= 10"),
        ({"unconditional": 1.5}, "must be a probability"),
        ({"shortest": 0}, "1 <= shortest < longest"),
        ({"shortest": 9, "longest": 9}, "1 <= shortest < longest"),
    ],
)
def test_wrong_numbers_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        hindsight_goals(np.ones((10, 2), np.float32), np.random.default_rng(0), **change)
    with pytest.raises(ValueError, match="needs at least 2"):
        hindsight_ticks(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"must be \(n, G\)"):
        hindsight_goals(np.ones(10, np.float32), np.random.default_rng(0))
