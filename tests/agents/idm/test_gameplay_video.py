from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.videos import TURNS, moving_texture, numbered, numbers, turn, write_video
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
