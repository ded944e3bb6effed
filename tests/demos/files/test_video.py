"""Reading the frames of a video: their memory, and which are converted."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.frame_counter_env import counter_frame, read_counter
from tests.support.videos import numbered, write_video, write_with_hidden_start
from vpt_gym.demos.files.unlabelled import UnlabelledVideoWriter, read_videos
from vpt_gym.demos.files.video import (
    VideoWriter,
    frame_times,
    has_frame_at_every_tick,
    iter_frames,
    iter_lazy_frames,
    read_header,
)
from vpt_gym.frames import to_size

SIZE = (90, 160)
TICKS = 60


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    writer = VideoWriter(path, SIZE)
    for t in range(TICKS):
        writer.append(counter_frame(t, SIZE))
    writer.close()
    return path


def numbers(frames: list[np.ndarray]) -> list[int]:
    return [read_counter(frame)[0] for frame in frames]


def test_frames_outlive_the_reader_and_share_no_memory(video: Path) -> None:
    def read(_: int) -> list[np.ndarray]:
        return list(iter_frames(video, threads=1))

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(read, range(8)))
    unfinished = iter_frames(video)
    first = next(unfinished)
    del unfinished  # decoder and filters go, in the middle of the video
    gc.collect()
    assert all(numbers(frames) == list(range(TICKS)) for frames in kept)
    assert read_counter(first)[0] == 0
    assert not any(np.shares_memory(a, b) for a, b in zip(kept[0], kept[0][1:], strict=False))


def test_a_picture_is_converted_when_it_is_called_for(video: Path) -> None:
    chosen = [pixels() for t, pixels in enumerate(iter_lazy_frames(video)) if t % 7 == 3]
    assert numbers(chosen) == list(range(3, TICKS, 7))
    everything = list(iter_frames(video))
    assert all(np.array_equal(a, b) for a, b in zip(chosen, everything[3::7], strict=True))


def test_a_header_is_read_without_counting(video: Path) -> None:
    assert read_header(video) == (TICKS, SIZE, 0, False, False)
    assert read_header(video, count=False) == (0, SIZE, 0, False, False)


def test_a_frame_is_scaled_into_an_array(video: Path) -> None:
    frame = next(iter_frames(video))
    for size in ((32, 48), SIZE):
        rows = np.zeros((3, *size, 3), np.uint8)
        assert to_size(frame, size, out=rows[1]).base is rows
        assert np.array_equal(rows[1], to_size(frame, size))
        assert not rows[[0, 2]].any()
    with pytest.raises(ValueError, match="out is uint8"):
        to_size(frame, (32, 48), out=np.zeros((48, 32, 3), np.uint8))


def test_a_video_without_labels_takes_frames_of_one_size(tmp_path: Path) -> None:
    writer = UnlabelledVideoWriter(tmp_path, (32, 48), metadata={})
    for frame in (np.zeros((48, 32, 3), np.uint8), np.zeros((32, 48, 3), np.float32)):
        with pytest.raises(ValueError, match=r"those of this video are uint8 \(32, 48, 3\)"):
            writer.append(frame)
    writer.append(np.zeros((32, 48, 3), np.uint8))
    writer.close("truncated")
    assert len(read_videos(tmp_path)) == 1


@pytest.mark.parametrize(
    ("times", "even"),
    [
        ([0.0, 0.1, 0.2, 0.3], True),
        ([0.5, 0.6, 0.7, 0.8], True),  # the first frame need not be at 0
        ([0.0, 0.14, 0.16, 0.3], True),
        ([0.0, 0.1, 0.26, 0.36], False),
        ([0.0, 0.1, 0.2, 0.36], False),
        ([0.0, 0.05, 0.1, 0.15], False),
        ([0.0], True),
    ],
)
def test_each_frame_is_shown_within_half_a_tick_of_its_own(tmp_path: Path, times: list[float], even: bool) -> None:
    video = write_video(tmp_path / "a.mp4", numbered(len(times)), 10, times)
    assert has_frame_at_every_tick(video, 10) is even


def test_the_times_of_frames_are_those_at_which_a_player_shows_them(tmp_path: Path) -> None:
    times = [0.3, 0.35, 0.9, 0.95]
    assert frame_times(write_video(tmp_path / "a.mp4", numbered(4), 20, times)) == pytest.approx(times)
    (tmp_path / "b.mp4").write_bytes(b"no video")
    assert frame_times(tmp_path / "b.mp4") is None


def test_hidden_frames_have_no_tick(tmp_path: Path) -> None:
    video = write_with_hidden_start(tmp_path / "a.mp4", numbered(40), first_packet=20, first_shown=27)
    assert has_frame_at_every_tick(video, 20)
    assert not has_frame_at_every_tick(video, 10)
    assert frame_times(video) == pytest.approx([tick / 20 for tick in range(13)])


def test_what_is_no_video_is_left_to_the_decoder(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    assert has_frame_at_every_tick(tmp_path / "a.mp4", 20)


def test_a_video_without_time_stamps_is_left_to_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"  # H.264 without a container
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv420p"
        for frame in numbered(6):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    assert read_header(path).frames == 6
    assert has_frame_at_every_tick(path, 5)
