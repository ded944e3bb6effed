"""The formulas of rewards, against those that public code computes from the same logits."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.mineclip_goldens import arrays
from vpt_gym.wrappers.score_modes import Delta, Direct, ScoreMode, ScoreThreshold, Thresholded, probability

ONE = np.ones(1, np.bool_)


def rewards(mode: ScoreMode, logits: np.ndarray) -> np.ndarray:
    return np.concatenate([mode.rewards(ONE, row[None]) for row in logits.astype(np.float64)])


def test_the_probability_is_that_of_the_first_prompt() -> None:
    golden = arrays("rewards")
    np.testing.assert_allclose(probability(golden["logits"].astype(np.float64)), golden["p_goal"], rtol=0, atol=1e-7)
    assert probability(np.array([[1e4, 0.0], [-1e4, 0.0]])).tolist() == [1.0, 0.0]


def test_direct_is_deckards() -> None:
    golden = arrays("rewards")
    np.testing.assert_allclose(rewards(Direct(), golden["logits"]), golden["direct"], rtol=0, atol=2e-7)


@pytest.mark.parametrize(("name", "prompts"), [("delta_prob_prev0", 4), ("delta_logit_prev0", 1)])
def test_delta_is_the_change(name: str, prompts: int) -> None:
    golden = arrays("rewards")
    logits = golden["logits"][:, :prompts]
    np.testing.assert_allclose(rewards(Delta(1), logits), golden[name], rtol=0, atol=1e-6)
    started = Delta(1)
    started.restart(ONE, logits[:1].astype(np.float64))
    np.testing.assert_allclose(rewards(started, logits[1:]), golden[name][1:], rtol=0, atol=1e-6)


@pytest.mark.parametrize("smoothing", [5, 50])
def test_thresholded_is_deckards(smoothing: int) -> None:
    golden = arrays("rewards")
    mode = Thresholded(1, ScoreThreshold(smoothing=smoothing))
    for _ in range(2):  # a new episode forgets the one before
        mode.restart(ONE, np.full((1, 1), 99.0))
        found = rewards(mode, golden["logits"])
        np.testing.assert_allclose(found, golden[f"deckard_smoothing{smoothing}"], rtol=0, atol=1e-7)
    assert (found > 0).any()


@pytest.mark.parametrize("make", [lambda n: Delta(n), lambda n: Thresholded(n, ScoreThreshold(smoothing=5))])
def test_episodes_side_by_side_are_as_each_alone(make) -> None:
    """Each of three is stepped in another share of the steps."""
    logits = arrays("rewards")["logits"][:, :1].astype(np.float64)
    together, alone = make(3), [make(1) for _ in range(3)]
    rng = np.random.default_rng(0)
    for row in range(2, len(logits)):
        which = rng.random(3) < [0.3, 0.6, 1.0]
        given = logits[row - np.arange(3)][which]
        if row % 40 == 0:
            together.restart(which, given)
            for index, value in zip(np.flatnonzero(which), given, strict=True):
                alone[index].restart(ONE, value[None])
        expected = [
            alone[index].rewards(ONE, value[None])[0] for index, value in zip(np.flatnonzero(which), given, strict=True)
        ]
        assert together.rewards(which, given).tolist() == expected


@pytest.mark.parametrize(
    "changes", [{"low": 23.0}, {"high": float("inf")}, {"smoothing": 0}, {"low": float("nan")}, {"weight": np.inf}]
)
def test_constants_that_cannot_be_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        ScoreThreshold(**changes)
