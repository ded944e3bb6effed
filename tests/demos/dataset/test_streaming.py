"""Datasets that are larger than their cache, and a cache shared by processes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.frame_counter_env import read_counter
from tests.support.numbered_demos import (
    FRAME_BYTES,
    SIZE,
    action_at,
    equal,
    make_dataset,
    write_episode,
    write_episodes,
)
from vpt_gym.actions.codec import encode
from vpt_gym.demos import FrameCache, read_demo
from vpt_gym.demos.dataset.cache import CacheFullError

LENGTHS = (37, 5, 50, 21, 44)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_episodes(tmp_path_factory.mktemp("demos"), LENGTHS)


def small_cache(directory: Path, frames: int = 60) -> FrameCache:
    return FrameCache(size=SIZE, max_bytes=0, directory=directory, max_file_bytes=frames * FRAME_BYTES)


def bytes_of_files(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*.npy*"))


@pytest.mark.parametrize("drop_null", ["mask", "cut"])
def test_streamed_batches_are_those_of_a_cache_that_holds_all(demos: Path, tmp_path: Path, drop_null: str) -> None:
    options = {"order": "carried", "drop_null": drop_null}
    whole = make_dataset(demos, **options)
    streamed = make_dataset(demos, **options, cache=small_cache(tmp_path / "cache"), workers=3)
    assert whole.n_streamed == 0
    assert 2 <= streamed.n_streamed < len(LENGTHS)
    for _ in range(50):
        assert equal(whole.next_batch(), streamed.next_batch())
    assert 0 < bytes_of_files(tmp_path / "cache") <= 60 * FRAME_BYTES


def test_a_streamed_set_goes_on_where_its_state_was_taken(demos: Path, tmp_path: Path) -> None:
    dataset = make_dataset(demos, order="carried", cache=small_cache(tmp_path, 0))
    assert dataset.n_streamed == len(LENGTHS)
    for _ in range(9):
        dataset.next_batch()
    state = json.loads(json.dumps(dataset.state_dict()))
    resumed = make_dataset(demos, order="carried", seed=99, cache=small_cache(tmp_path, 0))
    resumed.next_batch()
    resumed.load_state_dict(state)
    assert all(equal(dataset.next_batch(), resumed.next_batch()) for _ in range(20))


def test_chunks_at_random_need_all_demos_in_the_cache(demos: Path, tmp_path: Path) -> None:
    with pytest.raises(CacheFullError, match="max_file_bytes"):
        make_dataset(demos, order="random", cache=small_cache(tmp_path))


def scramble_end(video: Path) -> None:
    content = bytearray(video.read_bytes())
    start = content.rindex(b"mdat")  # of the last fragment, which begins with a key frame
    content[start + 40 : start + 400] = bytes(byte ^ 0x5A for byte in content[start + 40 : start + 400])
    video.write_bytes(content)


def test_damage_in_a_streamed_video_ends_the_episode_and_not_the_training(tmp_path: Path) -> None:
    paths = [write_episode(tmp_path / "demos", episode, 45) for episode in range(3)]
    scramble_end(paths[1].with_suffix(".mp4"))
    dataset = make_dataset(tmp_path / "demos", order="carried", batch_size=2, cache=small_cache(tmp_path / "cache", 0))
    assert (dataset.skipped, dataset.n_streamed) == ([], 3)
    with pytest.warns(UserWarning, match="left out from now on, because it is damaged"):
        before = [dataset.next_batch() for _ in range(20)]
    ((path, reason),) = dataset.skipped
    assert path == paths[1]
    assert "cannot be decoded" in reason
    for batch in before:  # whatever is learned from shows its episode
        for row, t in torch.nonzero(batch.weight):
            tick, episode = read_counter(batch.frames[row, t].numpy())
            assert batch.codes[row, t].tolist() == encode(action_at(episode, tick)).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        later = [dataset.next_batch() for _ in range(20)]
    seen = {read_counter(frame)[1] for batch in later for row in batch.frames.numpy() for frame in row}
    assert seen == {0, 2}
    state = dataset.state_dict()
    resumed = make_dataset(tmp_path / "demos", order="carried", batch_size=2, cache=small_cache(tmp_path / "cache", 0))
    resumed.load_state_dict(state)
    resumed.load_state_dict(resumed.state_dict())  # the demo is left out already
    assert all(equal(dataset.next_batch(), resumed.next_batch()) for _ in range(10))


def test_a_video_that_is_cut_off_is_found_before_it_is_streamed(demos: Path, tmp_path: Path) -> None:
    paths = [write_episode(tmp_path / "demos", episode, 45) for episode in range(2)]
    video = paths[0].with_suffix(".mp4")
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 2 // 3])
    with pytest.warns(UserWarning, match="1 of 2 demos are damaged"):
        dataset = make_dataset(tmp_path / "demos", cache=small_cache(tmp_path / "cache", 0))
    assert [path for path, _ in dataset.skipped] == paths[:1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_what_does_not_fit_on_the_disk_is_streamed(demos: Path, small_disk: Path) -> None:
    cache = FrameCache(size=SIZE, max_bytes=0, directory=small_disk)
    on_disk, whole = make_dataset(demos, cache=cache), make_dataset(demos)
    assert 0 < on_disk.n_streamed < len(LENGTHS)
    assert all(equal(on_disk.next_batch(), whole.next_batch()) for _ in range(30))
    with pytest.raises(CacheFullError, match=r"the disk of .* is full"):
        make_dataset(demos, order="random", cache=cache)


MEASURE = """
import sys
from vpt_gym.demos import DemoDataset, FrameCache

def resident():
    return sum(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")) / 1024

demos, cache, streamed = sys.argv[1], sys.argv[2], sys.argv[3] == "streamed"
options = dict(max_bytes=0, max_file_bytes=16 << 20) if streamed else {}
warm = DemoDataset(demos, batch_size=4, cache=FrameCache(max_bytes=0, max_file_bytes=0))  # threads, decoders, torch
for _ in range(3):
    warm.next_batch()
before = most = resident()
dataset = DemoDataset(demos, batch_size=4, cache=FrameCache(directory=cache, **options))
for batch in dataset:
    most = max(most, resident())
print(dataset.n_ticks * 128 * 128 * 3 / 2**20, most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its memory from /proc")
def test_memory_stays_flat_however_large_the_set(tmp_path: Path) -> None:
    path = write_episode(tmp_path / "demos", 0, 400)
    for episode in range(5):
        for suffix in (".json", ".jsonl", ".mp4"):
            shutil.copy(path.with_suffix(suffix), path.with_name(f"again-{episode}{suffix}"))

    def grown(kind: str) -> tuple[float, float]:
        words = [sys.executable, "-c", MEASURE, str(tmp_path / "demos"), str(tmp_path / kind), kind]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        size, growth = map(float, done.stdout.split())
        return size, growth

    size, growth = grown("streamed")
    assert size == 112.5
    assert growth < 50
    assert grown("in memory")[1] > 90  # what the bound would see
    assert bytes_of_files(tmp_path / "streamed") <= 16 << 20


HOLD = """
import sys
from vpt_gym.demos import FrameCache, read_demo
cache = FrameCache(size=({0}, {1}), max_bytes=0, directory=sys.argv[1])
frames = cache.frames(read_demo(sys.argv[2]))
print("holds", flush=True)
sys.stdin.readline()
"""


def test_what_another_process_uses_makes_no_room_until_that_dies(demos: Path, tmp_path: Path) -> None:
    paths = sorted(demos.glob("*.json"))  # of 37, 5, 50, 21, 44 ticks
    words = [sys.executable, "-c", HOLD.format(*SIZE), str(tmp_path), str(paths[0])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "holds\n"
            cache = small_cache(tmp_path)
            with pytest.raises(CacheFullError):
                cache.frames(read_demo(paths[2]))
            assert len(list(tmp_path.glob("*.users"))) == 1
        finally:
            other.send_signal(signal.SIGKILL)
            other.wait()
    assert len(cache.frames(read_demo(paths[2]))) == 50
    assert [path.name.split("-32x48")[0] for path in tmp_path.glob("*.npy")] == [paths[2].stem]
    assert len(list(tmp_path.glob("*.users"))) == 1  # its own; that of the dead is gone


def test_only_the_ticks_that_are_learned_from_are_cached(demos: Path) -> None:
    cut = make_dataset(demos, drop_null="cut")
    assert isinstance(cut.cache, FrameCache)
    assert cut.cache.bytes_in_memory == cut.n_ticks * FRAME_BYTES < sum(LENGTHS) * FRAME_BYTES
    demo = read_demo(sorted(demos.glob("*.json"))[0])
    frames = list(demo.frames())
    wanted = np.arange(len(demo)) % 5 == 2
    chosen = list(demo.frames(wanted=wanted))
    assert len(chosen) == wanted.sum()
    assert all(np.array_equal(a, frames[t]) for a, t in zip(chosen, np.flatnonzero(wanted), strict=True))
    cache = FrameCache(size=SIZE)
    assert [read_counter(frame)[0] for frame in cache.frames(demo, wanted)] == np.flatnonzero(wanted).tolist()
    assert len(cache.frames(demo)) == len(demo)  # the choice is part of what is cached


def test_records_that_were_cut_since_are_not_paired_with_cached_frames(tmp_path: Path) -> None:
    path = write_episode(tmp_path / "demos", 0, 20)
    (tmp_path / "demos" / "b").mkdir()
    write_episode(tmp_path / "demos" / "b", 1, 20)
    cache = FrameCache(size=SIZE)
    make_dataset([tmp_path / "demos", tmp_path / "demos" / "b"], cache=cache)
    records, metadata = path.with_suffix(".jsonl"), json.loads(path.read_text())
    records.write_text("".join(records.read_text().splitlines(keepends=True)[:12]))
    path.write_text(json.dumps({**metadata, "ticks": 12}))
    with pytest.warns(UserWarning, match="holds 20 frames"):
        dataset = make_dataset([tmp_path / "demos", tmp_path / "demos" / "b"], cache=cache)
    assert dataset.n_ticks == 20
