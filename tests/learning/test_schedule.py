"""The learning-rate schedule at points that are known by hand."""

from __future__ import annotations

import pytest

from vpt_gym.learning.schedule import FINAL_SHARE, linear_warmup, warmup_cosine


def test_it_rises_linearly_and_falls_as_a_cosine():
    assert warmup_cosine(1, 0.0, warmup=4) == pytest.approx(0.25)
    assert warmup_cosine(4, 0.0, warmup=4) == pytest.approx(1.0)
    assert warmup_cosine(50, 0.5, warmup=4) == pytest.approx(FINAL_SHARE + (1 - FINAL_SHARE) / 2)
    assert warmup_cosine(100, 1.0, warmup=4) == pytest.approx(FINAL_SHARE)


def test_it_does_not_rise_again_beyond_its_end():
    assert warmup_cosine(101, 1.2, warmup=4) == pytest.approx(FINAL_SHARE)


def test_without_a_warmup_it_begins_at_its_peak():
    assert warmup_cosine(1, 0.0, warmup=0) == 1.0


def test_a_linear_warmup_rises_from_its_first_update_to_the_peak_and_stays_there():
    assert [linear_warmup(update, 4) for update in (1, 2, 3, 4, 5, 500)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert linear_warmup(1, 0) == 1.0
