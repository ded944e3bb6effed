"""Segments of a contractor's session, as one stream of ticks with one memory."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame, read_counter
from tests.support.numbered_demos import SIZE, equal, make_dataset, write_episode
from vpt_gym.demos import SequenceBatch
from vpt_gym.demos.dataset.orders import CarriedOrder
from vpt_gym.demos.dataset.sessions import continuations, session_of

START = "Player7-abc-20211003-10"


def write_segment(folder: Path, name: str, number: int, ticks: int = 12) -> Path:
    """A segment whose frames show their tick and its number."""
    frames = [counter_frame(t, SIZE, number) for t in range(ticks)]
    return write_recording(folder / name, [record(t, keys=["key.keyboard.w"]) for t in range(ticks)], frames)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Segments 0, 1 and 2 of one session, 3 of it after a gap, 4 of another session, and a demo of this package."""
    folder = tmp_path_factory.mktemp("recordings")
    for number, time in enumerate(["0000", "0001", "0030", "0500"]):
        write_segment(folder, f"{START}{time}", number)
    write_segment(folder, "Player7-xyz-20211003-100001", 4)
    write_episode(folder, 5, 12)
    return folder


def rows(batches: list[SequenceBatch]) -> list[list[tuple[int, int, bool]]]:
    """(episode, tick, first) of each tick, row by row."""
    return [
        [
            (*read_counter(frame)[::-1], bool(first))
            for batch in batches
            for frame, first in zip(batch.frames[row].numpy(), batch.first[row], strict=True)
        ]
        for row in range(len(batches[0].frames))
    ]


def test_a_row_goes_through_a_session_in_order_with_its_memory(recordings: Path) -> None:
    dataset = make_dataset(recordings, batch_size=2, join_segments=True)
    ticks = [tick for row in rows([dataset.next_batch() for _ in range(30)]) for tick in row]
    starts = {episode for episode, _, first in ticks if first}
    assert starts == {0, 3, 4, 5}
    assert all(tick == 0 for _, tick, first in ticks if first)
    before = {episode: {one[0] for one, two in pairwise(ticks) if two[:2] == (episode, 0)} for episode in (1, 2)}
    assert before == {1: {0}, 2: {1}}
    assert {one for one, _, _ in ticks} == set(range(6))


def test_without_it_each_segment_is_an_episode(recordings: Path) -> None:
    dataset = make_dataset(recordings, batch_size=1)
    (ticks,) = rows([dataset.next_batch() for _ in range(20)])
    assert {episode for episode, _, first in ticks if first} == set(range(6))
    with pytest.raises(ValueError, match="needs order='carried'"):
        make_dataset(recordings, order="random", join_segments=True)


def test_an_epoch_has_each_tick_once(recordings: Path) -> None:
    dataset = make_dataset(recordings, batch_size=1, seq_len=12, join_segments=True)
    (ticks,) = rows(list(dataset))
    assert sorted(tick[:2] for tick in ticks) == [(episode, tick) for episode in range(6) for tick in range(12)]


def test_the_position_is_kept_and_is_of_joined_segments(recordings: Path) -> None:
    one, other = (make_dataset(recordings, join_segments=True) for _ in range(2))
    for _ in range(5):
        one.next_batch()
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    assert all(equal(one.next_batch(), other.next_batch()) for _ in range(10))
    with pytest.raises(ValueError, match="other shape"):
        make_dataset(recordings).load_state_dict(one.state_dict())


def test_a_session_goes_to_one_rank(recordings: Path) -> None:
    ranks = [make_dataset(recordings, batch_size=1, join_segments=True, rank=rank, world_size=2) for rank in (0, 1)]
    seen = [{tick[0] for tick in rows([dataset.next_batch() for _ in range(20)])[0]} for dataset in ranks]
    assert not seen[0] & seen[1]
    assert {0, 1, 2, 3} in seen


def test_a_dropped_segment_breaks_the_chain() -> None:
    order = CarriedOrder([4, 4, 4, 4], 1, 4, np.random.default_rng(0), continued={0: 1, 1: 2})
    order.drop(1)
    seen = [order.next()[0] for _ in range(12)]
    assert {segment.episode for segment in seen} == {0, 2, 3}
    assert all(order.starts(segment) for segment in seen)


def test_which_recording_continues_which() -> None:
    names = [f"{START}{time}.jsonl" for time in ("0500", "0000", "1001", "1501")] + [
        "Player8-abc-20211003-100501.jsonl"
    ]
    paths = [Path("6.9", name) for name in names]
    assert continuations(paths, [6000] * 5) == {1: 0, 0: 2, 2: 3}
    assert continuations(paths, [6000, 4700, 6000, 6000, 6000]) == {0: 2, 2: 3}  # 65 seconds are missing
    assert continuations([Path("a") / names[0], Path("b") / names[1]], [6000] * 2) == {}
    assert continuations([Path("a-20219999-999999.jsonl"), Path("a-20219999-999998.jsonl")], [9, 9]) == {}
    assert session_of(Path("20260301-101500-000000-1b2c3d4e.jsonl")) is None
