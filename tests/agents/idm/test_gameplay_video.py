from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.support.videos import TURNS, moving_texture, numbered, numbers, turn, write_video, write_with_hidden_start
from vpt_gym.agents.idm.gameplay_video import read_ticks, read_video_info


def test_a_video_of_20_frames_a_second_is_given_frame_by_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "game.mp4", numbered(50), 20)
    info = read_video_info(path)
    assert (info.size, info.frames, info.at_tick_rate) == ((64, 64), 50, True)
    for resample in (False, True):
        assert numbers(read_ticks(path, resample=resample)) == list(range(50))


@pytest.mark.parametrize(("rate", "expected"), [(60, list(range(0, 60, 3))), (40, list(range(0, 60, 2)))])
def test_a_faster_video_is_thinned_out(tmp_path: Path, rate: int, expected: list[int]) -> None:
    path = write_video(tmp_path / "game.mp4", numbered(60), rate)
    assert numbers(read_ticks(path, resample=True)) == expected


def test_thirty_frames_a_second_give_the_frame_that_is_shown_at_each_tick(tmp_path: Path) -> None:
    path = write_video(tmp_path / "game.mp4", numbered(30), 30)
    assert numbers(read_ticks(path, resample=True)) == [tick * 3 // 2 for tick in range(20)]


def test_a_frame_that_is_shown_longer_gives_several_ticks(tmp_path: Path) -> None:
    """A recorder that drops frames which do not change: 60 a second, and a pause of 0.2 s after the tenth."""
    times = [index / 60 + (0.2 if index >= 10 else 0.0) for index in range(40)]
    path = write_video(tmp_path / "game.mp4", numbered(40), 60, times)
    found = numbers(read_ticks(path, resample=True))
    shown = [max(index for index in range(40) if times[index] <= tick / 20 + 1e-6) for tick in range(len(found))]
    assert found == shown
    assert found.count(9) == 5
    assert len(found) == 18


def uneven(first: int, gap: float, second: int, rates: tuple[int, int]) -> list[float]:
    """Times of frames: some at one rate, a gap, some at another rate."""
    start = first / rates[0] + gap
    return [index / rates[0] for index in range(first)] + [start + index / rates[1] for index in range(second)]


UNEVEN: dict[str, tuple[list[float], list[int]]] = {
    "40 a second, a stall, 20 a second": (
        uneven(40, 1.0, 20, (40, 20)),
        [*range(0, 40, 2), *[39] * 20, *range(40, 60)],
    ),
    "20 a second, and a stall": (uneven(20, 0.5, 20, (20, 20)), [*range(20), *[19] * 10, *range(20, 40)]),
    "one frame missing": (uneven(50, 0.05, 10, (20, 20)), [*range(50), 49, *range(50, 60)]),
}


@pytest.mark.parametrize("case", UNEVEN)
def test_uneven_frames_are_selected_by_their_time_stamps_whatever_the_mean(tmp_path: Path, case: str) -> None:
    times, expected = UNEVEN[case]
    path = write_video(tmp_path / "game.mp4", numbered(len(times)), 20, times)
    assert not read_video_info(path).at_tick_rate
    with pytest.raises(ValueError, match=r"unevenly spaced, .* s apart.*resample=True"):
        read_ticks(path)
    assert numbers(read_ticks(path, resample=True)) == expected


def test_the_last_frame_is_shown_as_long_as_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "game.mp4"
    with (
        av.open(str(write_video(tmp_path / "whole.mp4", numbered(30), 30))) as reader,
        av.open(str(path), "w") as writer,
    ):
        copy = writer.add_stream_from_template(reader.streams.video[0])
        *packets, last = [packet for packet in reader.demux(video=0) if packet.size]
        last.duration *= 30  # a second: 29 frames take 0.97 s
        for packet in (*packets, last):
            packet.stream = copy
            writer.mux(packet)
    assert numbers(read_ticks(path, resample=True)) == [tick * 3 // 2 for tick in range(20)] + [29] * 20


def test_a_jump_of_the_time_stamps_does_not_fill_the_disk(tmp_path: Path) -> None:
    path = write_video(tmp_path / "game.mp4", numbered(40), 20, uneven(20, 7200.0, 20, (20, 20)))
    with pytest.raises(ValueError, match=r"a frame of 7.2e\+03 s would become 1.44e\+05 ticks"):
        read_ticks(path, resample=True)


def test_frames_that_come_a_little_early_or_late_are_ticks(tmp_path: Path) -> None:
    times = [0.1 + index / 20 + (0.01 if index % 3 else -0.01) for index in range(40)]
    path = write_video(tmp_path / "game.mp4", numbered(40), 20, times)
    for resample in (False, True):
        assert numbers(read_ticks(path, resample=resample)) == list(range(40))


def test_hidden_frames_have_no_time(tmp_path: Path) -> None:
    path = write_with_hidden_start(tmp_path / "game.mp4", numbered(40), first_packet=20, first_shown=27)
    info = read_video_info(path)
    assert (info.frames, info.at_tick_rate) == (13, True)
    assert numbers(read_ticks(path)) == list(range(27, 40))


def test_other_rates_are_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    fast = write_video(tmp_path / "fast.mp4", numbered(30), 30)
    with pytest.raises(ValueError, match=r"fast\.mp4 has 30 frames a second.*20 ticks.*resample=True"):
        read_ticks(fast)
    slow = write_video(tmp_path / "slow.mp4", numbered(30), 15)
    for resample in (False, True):
        with pytest.raises(ValueError, match=r"15 frames a second.*cannot be reconstructed"):
            read_ticks(slow, resample=resample)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no video"):
        read_ticks(tmp_path / "nothing.mp4")
    (tmp_path / "text.mp4").write_text("a film of the sea")
    with pytest.raises(ValueError, match="not a readable video"):
        read_ticks(tmp_path / "text.mp4")


def test_a_list_of_other_files_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "game.mp4", numbered(10), 20)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile game.mp4\n")
    with pytest.raises(ValueError, match="not a readable video"):
        read_ticks(tmp_path / "list.mp4")


def test_a_damaged_video_is_an_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "game.mp4", moving_texture(60), 20)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = b"\xff" * 4000
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="cannot be decoded after frame"):
        list(read_ticks(path))


@pytest.mark.parametrize("matrix", TURNS.values(), ids=TURNS)
def test_a_video_that_players_turn_is_refused_before_it_is_labelled(
    tmp_path: Path, matrix: tuple[int, int, int, int]
) -> None:
    path = turn(write_video(tmp_path / "game.mp4", moving_texture(10), 20), matrix)
    with pytest.raises(ValueError, match=r"game\.mp4 (turns|mirrors) its pictures.*convert it: ffmpeg"):
        read_ticks(path)
    assert len(list(read_ticks(turn(path, (1, 0, 0, 1))))) == 10
