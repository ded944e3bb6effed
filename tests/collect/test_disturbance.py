"""Disturbances: what is executed, and what is left alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vpt_gym.actions.human import human_action, human_action_space
from vpt_gym.collect.disturbance import LONGEST, SHORTEST, SPREAD, Disturbance

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
    # a push of 7.5 ticks on average follows a wait of 20: 27 % of the ticks
    assert 0.2 < pushed / 5000 < 0.35


def test_pushes_reach_straight_up_and_straight_down():
    disturbance = Disturbance(1.0, seed=2)
    pitch, moves = 0.0, []
    for action in cameras(disturbance, 20_000):
        pitch = float(np.clip(pitch + action[0], -90.0, 90.0))
        moves.append(pitch)
    shares = np.histogram(moves, bins=(-90.0, -45.0, 0.0, 45.0, 90.0))[0] / len(moves)
    assert shares.min() > 0.1
    assert min(moves) == -90.0
    assert max(moves) == 90.0
    # from a level view, one push can do it
    assert SHORTEST * 10.0 < 90.0 < LONGEST * 10.0


def test_the_label_is_not_touched_and_a_rate_of_0_changes_nothing():
    disturbance = Disturbance(1.0)
    cameras(disturbance, 50)
    assert LABEL["camera"].tolist() == [0.5, -0.5]
    assert set(cameras(Disturbance(0.0), 100)) == {(0.5, -0.5)}


def test_the_seed_decides():
    assert cameras(Disturbance(0.1, seed=3), 200) == cameras(Disturbance(0.1, seed=3), 200)
    assert cameras(Disturbance(0.1, seed=3), 200) != cameras(Disturbance(0.1, seed=4), 200)


def test_demos_hold_the_size_of_the_pushes_if_there_are_any():
    assert Disturbance(0.0).provenance == {"disturbance": 0.0}
    provenance = Disturbance(0.02).provenance
    assert provenance == {"disturbance": 0.02, "pushes": {"spread": list(SPREAD), "ticks": [SHORTEST, LONGEST]}}
    assert json.loads(json.dumps(provenance)) == provenance


def test_an_impossible_rate_is_refused():
    with pytest.raises(ValueError, match="rate is 2"):
        Disturbance(2)
