"""The split into demos to train on and demos to validate on."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from vpt_gym.demos.dataset.split import split_by_episode


def paths(count: int, folder: str = "demos") -> list[Path]:
    return [Path(folder) / f"episode-{number}.json" for number in range(count)]


@pytest.mark.parametrize(("validation", "held_out"), [(0.1, 5), (0.01, 1), (7, 7), (0, 0), (0.5, 25)])
def test_each_episode_is_in_one_part(validation, held_out):
    train, validated = split_by_episode(paths(50), validation)
    assert len(validated) == held_out
    assert sorted(train + validated) == sorted(paths(50))
    assert train == [path for path in paths(50) if path in train]


def test_it_depends_on_the_ids_and_the_seed_alone():
    _, validated = split_by_episode(paths(50), 5)
    _, elsewhere = split_by_episode(paths(50, "copied/here")[::-1], 5)
    assert {path.name for path in elsewhere} == {path.name for path in validated}
    assert split_by_episode(paths(50), 5, seed=1)[1] != validated


def test_copies_of_an_episode_are_in_the_same_part():
    train, validated = split_by_episode([*paths(10), *paths(10, "copies")], 3)
    assert len(validated) == 6
    assert not {path.name for path in train} & {path.name for path in validated}


@pytest.mark.parametrize(
    ("validation", "message"),
    [(-0.1, "-0.1"), (1.5, "whole number"), (3, "nothing to train on"), (math.nan, "nan"), (math.inf, "inf")],
)
def test_what_cannot_be_split_is_an_error(validation, message):
    with pytest.raises(ValueError, match=message):
        split_by_episode(paths(3), validation)


def test_a_share_of_one_episode_is_an_error():
    with pytest.raises(ValueError, match=r"1 episodes.*holds out 1, .*without validation"):
        split_by_episode(paths(1), 0.1)


def test_the_segments_of_a_session_are_in_the_same_part_if_they_are_joined():
    segments = [
        Path(f"Player{player}-abc-20211003-10{minute:02}00.jsonl") for player in range(6) for minute in range(5)
    ]
    train, validated = split_by_episode(segments, 2, join_segments=True)
    assert len(validated) == 10
    players = [{path.name.partition("-")[0] for path in part} for part in (train, validated)]
    assert not players[0] & players[1]
    assert len(split_by_episode(segments, 2)[1]) == 2
