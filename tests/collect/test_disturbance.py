"""Disturbances: what is executed, and what is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from vpt_gym.actions.human import human_action, human_action_space
from vpt_gym.collect.disturbance import LONGEST, SHORTEST, Disturbance

LABEL = human_action("attack", camera=(0.5, -0.5))


def cameras(disturbance: Disturbance, ticks: int) -> list[tuple[float, float]]:
    return [tuple(disturbance.executed(LABEL)["camera"].tolist()) for _ in range(ticks)]


def test_pushes_are_steady_stretches_within_vpts_range_and_keys_are_kept():
    disturbance = Disturbance(0.05, seed=1)
    lengths, run, last = [], 0, None
    pushed = 0
    for _ in range(5000):
        action = disturbance.executed(LABEL)
        assert human_action_space().contains(action)
        assert action["attack"] == 1
        camera = tuple(action["camera"].tolist())
        assert np.abs(camera).max() <= 10.0
        if camera != (0.5, -0.5):
            pushed += 1
            run = run + 1 if camera == last else 1
        elif run:
            lengths.append(run)
            run = 0
        last = camera
    assert min(lengths) == SHORTEST
    assert max(lengths) <= LONGEST
    # a push of 6.5 ticks on average follows a wait of 20: a quarter of the ticks
    assert 0.18 < pushed / 5000 < 0.32


def test_the_label_is_not_touched_and_a_rate_of_0_changes_nothing():
    disturbance = Disturbance(1.0)
    cameras(disturbance, 50)
    assert LABEL["camera"].tolist() == [0.5, -0.5]
    assert set(cameras(Disturbance(0.0), 100)) == {(0.5, -0.5)}


def test_the_seed_decides():
    assert cameras(Disturbance(0.1, seed=3), 200) == cameras(Disturbance(0.1, seed=3), 200)
    assert cameras(Disturbance(0.1, seed=3), 200) != cameras(Disturbance(0.1, seed=4), 200)


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="rate is 2"):
        Disturbance(2)
