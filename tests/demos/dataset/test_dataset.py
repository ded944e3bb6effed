from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.frame_counter_env import counter_frame, read_counter
from tests.support.numbered_demos import (
    FRAME_BYTES,
    SIZE,
    action_at,
    equal,
    make_dataset,
    write_episode,
    write_episodes,
)
from vpt_gym.actions import codec
from vpt_gym.actions.human import human_action, no_op
from vpt_gym.demos import DemoDataset, DemoWriter, FrameCache, SequenceBatch, list_demos, read_demo
from vpt_gym.demos.dataset.cache import CacheFullError
from vpt_gym.demos.dataset.loading import find_paths, split_evenly
from vpt_gym.system.file_lock import try_lock

LENGTHS = (37, 5, 50, 21)


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_episodes(tmp_path_factory.mktemp("demos"), LENGTHS)


def places(batch: SequenceBatch) -> list[list[tuple[int, int]]]:
    """(tick, episode) that each frame shows."""
    return [[read_counter(frame) for frame in row] for row in batch.frames.numpy()]


def test_batches_have_the_promised_shapes(demos: Path) -> None:
    batch = DemoDataset(demos, seq_len=4, batch_size=2).next_batch()
    assert (batch.frames.shape, batch.frames.dtype) == ((2, 4, 128, 128, 3), torch.uint8)
    assert (batch.codes.shape, batch.codes.dtype) == ((2, 4, 2), torch.int64)
    assert (batch.first.shape, batch.first.dtype) == ((2, 4), torch.bool)
    assert (batch.weight.shape, batch.weight.dtype) == ((2, 4), torch.float32)


def test_mirroring_flips_half_of_the_chunks_but_none_in_which_a_menu_is_open(tmp_path: Path) -> None:
    half = np.zeros((*SIZE, 3), np.uint8)
    half[:, : SIZE[1] // 2] = 255  # white at the left
    with DemoWriter(tmp_path) as writer:
        for t in range(40):
            menu = 20 <= t < 24
            state = {"isGuiOpen": menu}
            writer.append(half, human_action("use" if menu else "attack", camera=(0.0, 5.0)), state=state)
        path = writer.close()
    assert path is not None
    assert np.flatnonzero(read_demo(path).menu).tolist() == [20, 21, 22, 23]

    flipped: dict[bool, list[bool]] = {True: [], False: []}
    dataset = make_dataset(tmp_path, order="random", mirror=True, batch_size=16, seq_len=4)
    for _ in range(20):
        batch = dataset.next_batch()
        for frames, codes in zip(batch.frames.numpy(), batch.codes.numpy(), strict=True):
            action = codec.decode(codes)
            is_flipped = bool(frames[0, 0, 0, 0] < 128)
            assert (action["camera"][:, 1] < 0).all() == is_flipped
            flipped[bool(action["use"].any())].append(is_flipped)
    assert len(flipped[True]) > 20
    assert not any(flipped[True])
    assert 0.35 < np.mean(flipped[False]) < 0.65


@pytest.mark.parametrize("order", ["carried", "random"])
def test_every_tick_has_the_frame_the_code_and_the_weight_of_its_place(demos: Path, order: str) -> None:
    dataset = make_dataset(demos, order=order)
    for _ in range(20):
        batch = dataset.next_batch()
        for row, line in enumerate(places(batch)):
            for t, (tick, episode) in enumerate(line):
                if order == "random" and LENGTHS[episode] < 8 and t >= LENGTHS[episode]:
                    continue  # padding
                assert batch.codes[row, t].tolist() == codec.encode(action_at(episode, tick)).tolist()
                assert batch.weight[row, t] == (0.0 if tick % 4 == 3 else 1.0)


def test_carried_rows_go_through_complete_episodes_without_a_gap(demos: Path) -> None:
    dataset = make_dataset(demos)
    batches = [dataset.next_batch() for _ in range(60)]
    for row in range(3):
        walk = [place for batch in batches for place in places(batch)[row]]
        first = [bool(flag) for batch in batches for flag in batch.first[row]]
        assert first == [tick == 0 for tick, _ in walk]
        assert walk[0][0] == 0
        for (tick, episode), (next_tick, next_episode) in pairwise(walk):
            ends = tick == LENGTHS[episode] - 1
            assert (next_tick == 0) if ends else (next_tick, next_episode) == (tick + 1, episode)


def test_carried_episodes_all_come_once_before_any_comes_again(demos: Path) -> None:
    dataset = make_dataset(demos, batch_size=1)
    walk = [place for _ in range(80) for place in places(dataset.next_batch())[0]]
    order = [episode for tick, episode in walk if tick == 0]
    rounds = [order[i : i + 4] for i in range(0, len(order) - 3, 4)]
    assert len(rounds) >= 4
    assert all(sorted(one) == [0, 1, 2, 3] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


def test_an_epoch_is_as_many_batches_as_hold_all_ticks_and_the_next_goes_on(demos: Path) -> None:
    dataset, endless = make_dataset(demos), make_dataset(demos)
    assert dataset.n_ticks == sum(LENGTHS)
    assert dataset.n_episodes == 4
    assert len(dataset) == -(-sum(LENGTHS) // 24)
    two_epochs = [*dataset, *dataset]
    assert len(two_epochs) == 2 * len(dataset)
    assert all(equal(batch, endless.next_batch()) for batch in two_epochs)


def test_random_chunks_are_continuous_and_start_with_empty_memory(demos: Path) -> None:
    dataset = make_dataset(demos, order="random", batch_size=16)
    drawn: Counter[tuple[int, int]] = Counter()
    for _ in range(60):
        batch = dataset.next_batch()
        assert batch.first[:, 0].all()
        assert not batch.first[:, 1:].any()
        for row, line in enumerate(places(batch)):
            start, episode = line[0]
            drawn[(episode, start)] += 1
            count = min(8, LENGTHS[episode])
            assert line[:count] == [(start + t, episode) for t in range(count)]
            assert line[count:] == [line[count - 1]] * (8 - count)
            assert (batch.weight[row, count:] == 0).all()
            assert (batch.codes[row, count:] == torch.tensor(codec.NULL_CODE)).all()
    # every placement in every episode can be drawn, about equally often
    assert len(drawn) == sum(max(length - 8, 0) + 1 for length in LENGTHS)
    assert max(drawn.values()) < 30  # 11 on average


def has_motion(batch: SequenceBatch) -> torch.Tensor:
    return (batch.codes[..., 1] != codec.NULL_CAMERA).any(dim=1)


@pytest.mark.parametrize(("fraction", "rows"), [(0.5, 8), (0.25, 4), (1.0, 16)])
def test_motion_fraction_of_a_batch_has_camera_motion(demos: Path, fraction: float, rows: int) -> None:
    dataset = make_dataset(demos, order="random", batch_size=16, seq_len=2, motion_fraction=fraction)
    motion = torch.stack([has_motion(dataset.next_batch()) for _ in range(30)])
    assert motion[:, :rows].all()
    if rows < 16:
        assert 0 < motion[:, rows:].float().mean() < 0.4  # drawn from all chunks: motion is rare there


def test_chunks_are_drawn_in_proportion_to_their_priority(demos: Path) -> None:
    def only_motion(codes: np.ndarray) -> np.ndarray:
        return (codes[:, 1] != codec.NULL_CAMERA).astype(float)

    dataset = make_dataset(demos, order="random", batch_size=16, seq_len=4, priority=only_motion)
    batches = [dataset.next_batch() for _ in range(60)]
    assert all(has_motion(batch).all() for batch in batches)
    # starts 7 and 12 hold one moving tick, 8 two; 11 is null, so 9 and 10 hold two
    starts = Counter(line[0][0] for batch in batches for line in places(batch))
    assert set(starts) == {7, 8, 9, 10, 11, 12}
    assert 1.4 < starts[9] / starts[7] < 2.8


def test_null_ticks_are_masked_cut_or_kept(demos: Path) -> None:
    kept = make_dataset(demos, drop_null=False)
    assert all((batch.weight == 1).all() for batch in kept)
    cut = make_dataset(demos, drop_null="cut")
    assert cut.n_ticks == sum(length - length // 4 for length in LENGTHS)
    walk = [place for _ in range(30) for place in places(cut.next_batch())[0]]
    assert all(tick % 4 != 3 for tick, _ in walk)
    assert all(next_tick in (0, tick + 1 + (tick % 4 == 2)) for (tick, _), (next_tick, _) in pairwise(walk))


@pytest.mark.parametrize(
    ("metadata", "weight"),
    [
        ({"recorded_by": "vpt-gym play", "agent": None}, 0.0),
        ({"labelled_by": {"kind": "inverse dynamics model"}}, 0.0),
        ({"recorded_by": {"expert": "vpt_gym.world.experts:LogExpert"}}, 1.0),
        ({}, 1.0),
    ],
    ids=["a person", "a video of a person", "a scripted expert", "unknown"],
)
def test_by_default_the_null_ticks_of_people_have_no_weight(tmp_path: Path, metadata: Any, weight: float) -> None:
    with DemoWriter(tmp_path, metadata=metadata) as writer:
        for t in range(8):
            writer.append(counter_frame(t, SIZE), action_at(0, t))
    batch = DemoDataset(tmp_path, seq_len=8, batch_size=1, frame_size=SIZE).next_batch()
    assert batch.weight[0].tolist() == [1.0, 1.0, 1.0, weight] * 2


@pytest.mark.parametrize("drop_null", ["auto", "mask", False])
@pytest.mark.parametrize(
    ("people", "metadata", "weight"),
    [
        ((2, 3), {}, [0, 0, 1, 1, 0]),
        ((), {"recorded_by": "vpt-gym play", "agent": "runs/bc/agent", "expert": None}, [0, 0, 1, 0, 0]),
        ((2,), {"recorded_by": "vpt-gym play", "agent": "runs/bc/agent", "expert": "scripted"}, [1] * 5),
        ((), {"recorded_by": "vpt-gym play", "agent": None, "expert": None}, [1] * 5),
    ],
    ids=["a person took over", "no person took over", "an expert labelled the rest", "a person alone"],
)
def test_what_an_agent_played_without_a_label_never_counts(tmp_path, people, metadata, weight, drop_null) -> None:
    with DemoWriter(tmp_path, metadata=metadata) as writer:
        for t in range(5):
            pressed = human_action("attack") if t == 2 else no_op()  # the person waits in tick 3
            writer.append(counter_frame(t, SIZE), pressed, executed=human_action("forward"), intervention=t in people)
    options = {"seq_len": 5, "batch_size": 1, "drop_null": drop_null}
    counted = make_dataset(tmp_path, **options)
    learned = drop_null is False or (drop_null == "auto" and not metadata)
    expected = weight if learned else [float(t == 2) for t in range(5)]
    assert counted.next_batch().weight[0].tolist() == expected
    assert len(counted.labels) == sum(expected)
    assert make_dataset(tmp_path, **options | {"drop_null": False, "unlabelled": True}).next_batch().weight.all()


def test_a_batch_names_the_ticks_that_it_holds(tmp_path: Path) -> None:
    write_episode(tmp_path, 0, 10)
    dataset = make_dataset(tmp_path, drop_null="cut", seq_len=4, batch_size=1)
    assert dataset.sources == []
    dataset.next_batch()
    (source,) = dataset.sources
    assert (source.row, source.first_tick, source.last_tick) == (0, 0, 4)  # tick 3 is null
    dataset.next_batch()
    assert [(one.first_tick, one.last_tick) for one in dataset.sources] == [(5, 9)]
    assert str(dataset.sources[0]) == f"row 0: {dataset.sources[0].path}, ticks 5 to 9"


def test_an_episode_of_nothing_but_null_ticks_is_left_out_when_they_are_cut(tmp_path: Path) -> None:
    with DemoWriter(tmp_path) as writer:
        writer.append(counter_frame(0, SIZE), no_op())
    assert make_dataset(tmp_path).n_episodes == 1
    with pytest.raises(ValueError, match="no demo to learn from"):
        make_dataset(tmp_path, drop_null="cut")


@pytest.mark.parametrize("several", [False, True])
def test_an_empty_directory_is_named_with_the_commands_that_fill_it(tmp_path: Path, several: bool) -> None:
    with pytest.raises(ValueError, match="no demo to learn from") as caught:
        make_dataset((tmp_path,) if several else tmp_path)
    first, second = str(caught.value).splitlines()
    assert first == f"no demo to learn from in {tmp_path}"
    assert "`vpt-gym record`" in second
    assert "examples/record.py" in second


@pytest.mark.parametrize("order", ["carried", "random"])
def test_equal_seeds_give_equal_batches(demos: Path, order: str) -> None:
    one, same, other = (make_dataset(demos, order=order, seed=seed) for seed in (0, 0, 1))
    pairs = [(one.next_batch(), same.next_batch(), other.next_batch()) for _ in range(10)]
    assert all(equal(a, b) for a, b, _ in pairs)
    assert not all(equal(a, c) for a, _, c in pairs)


@pytest.mark.parametrize("order", ["carried", "random"])
def test_a_stored_state_goes_on_where_it_was_taken(demos: Path, order: str) -> None:
    dataset = make_dataset(demos, order=order)
    for _ in range(7):
        dataset.next_batch()
    state = json.loads(json.dumps(dataset.state_dict()))
    resumed = make_dataset(demos, order=order, seed=99)
    resumed.load_state_dict(state)
    assert all(equal(dataset.next_batch(), resumed.next_batch()) for _ in range(30))
    with pytest.raises(ValueError, match="other shape"):
        make_dataset(demos, order=order, batch_size=4).load_state_dict(state)


def test_a_state_of_other_ticks_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with DemoWriter(tmp_path) as writer:
        for t in range(20):
            writer.append(counter_frame(t), human_action("forward") if t % 2 else no_op())
        writer.close()
    cut, mask = (make_dataset(tmp_path, drop_null=drop_null, batch_size=1) for drop_null in ("cut", "mask"))
    state = json.loads(json.dumps(mask.state_dict()))
    with pytest.raises(ValueError, match=r"20 of 20 \(.*\); this one has 10 of 20 \(.* with the drop_null of that one"):
        cut.load_state_dict(state)
    del state["ticks"]  # of an earlier version
    cut.load_state_dict(state)


@pytest.mark.parametrize("order", ["carried", "random"])
def test_the_first_epoch_after_a_stored_state_is_what_was_left_of_it(demos: Path, order: str) -> None:
    dataset = make_dataset(demos, order=order, batch_size=1)
    one_epoch = iter(dataset)
    for _ in range(2):
        next(one_epoch)
    state = json.loads(json.dumps(dataset.state_dict()))
    resumed = make_dataset(demos, order=order, batch_size=1, seed=5)
    resumed.load_state_dict(state)
    left = list(resumed)
    assert len(left) == len(dataset) - 2
    assert all(equal(a, b) for a, b in zip(left, one_epoch, strict=True))
    assert len(list(resumed)) == len(dataset)
    at_the_end = json.loads(json.dumps(resumed.state_dict()))
    resumed.load_state_dict(at_the_end)
    assert len(list(resumed)) == len(dataset)


@pytest.mark.parametrize("order", ["carried", "random"])
def test_batches_do_not_depend_on_the_number_of_workers(demos: Path, order: str) -> None:
    one, four = make_dataset(demos, order=order, workers=1), make_dataset(demos, order=order, workers=4)
    assert all(equal(one.next_batch(), four.next_batch()) for _ in range(15))


def test_damaged_demos_are_left_out_with_one_warning(tmp_path: Path) -> None:
    paths = [write_episode(tmp_path, episode, 20) for episode in range(4)]
    paths[1].with_suffix(".mp4").write_bytes(b"")
    video = paths[2].with_suffix(".mp4")
    content = bytearray(video.read_bytes())
    content[-1000:-400] = bytes(byte ^ 0x5A for byte in content[-1000:-400])
    video.write_bytes(content)
    with pytest.warns(UserWarning, match="2 of 4 demos are damaged") as caught:
        dataset = make_dataset(tmp_path)
    assert len(caught) == 1
    assert [path for path, _ in dataset.skipped] == [paths[1], paths[2]]
    assert dataset.n_episodes == 2
    for path in (paths[0], paths[3]):
        path.with_suffix(".jsonl").unlink()
    with pytest.warns(UserWarning, match="4 of 4"), pytest.raises(ValueError, match="4 are damaged"):
        make_dataset(tmp_path)


def test_directories_and_single_demos_can_be_mixed(demos: Path, tmp_path: Path) -> None:
    more = write_episode(tmp_path, 7, 9)
    dataset = make_dataset([demos, more.with_suffix(".mp4")])
    assert dataset.n_episodes == 5
    assert make_dataset(str(more)).n_ticks == 9
    with pytest.raises(ValueError, match="given twice"):
        make_dataset([demos, demos])
    with pytest.raises(FileNotFoundError, match="not a directory"):
        make_dataset([demos, tmp_path / "absent"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seq_len": 0}, "seq_len is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"seq_len": 16.5}, "seq_len is 16.5; it must be a whole number"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": 10**12}, "make batch_size or seq_len smaller"),
        ({"order": "sorted"}, "order is 'sorted'"),
        ({"drop_null": True}, "drop_null is True"),
        ({"workers": 0}, "workers is 0"),
        ({"rank": 2, "world_size": 2}, "rank is 2"),
        ({"order": "random", "motion_fraction": 1.5}, "motion_fraction is 1.5"),
        ({"motion_fraction": 0.5}, "order='random'"),
        ({"priority": len}, "order='random'"),
        ({"order": "random", "priority": lambda codes: codes}, "priority returned"),
        ({"order": "random", "priority": lambda codes: -np.ones(len(codes))}, "not negative"),
        ({"order": "random", "priority": lambda codes: np.zeros(len(codes))}, "priority is 0"),
        ({"cache": FrameCache(size=(8, 8))}, "frame_size is"),
    ],
)
def test_bad_options_are_refused(demos: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_dataset(demos, **options)


def test_where_the_camera_never_moves_chunks_are_drawn_from_all(tmp_path: Path) -> None:
    write_episode(tmp_path, 0, 9)
    with pytest.warns(UserWarning, match=r"the camera moves in no demo, .*motion_fraction=0.5 has no effect"):
        dataset = make_dataset(tmp_path, order="random", motion_fraction=0.5, batch_size=4)
    plain = make_dataset(tmp_path, order="random", batch_size=4)
    for _ in range(3):
        dataset.next_batch()
        plain.next_batch()
        assert dataset.sources == plain.sources


def test_a_shared_cache_decodes_each_demo_once(demos: Path, tmp_path: Path) -> None:
    cache = FrameCache(size=SIZE)
    one = make_dataset(demos, cache=cache)
    assert len(cache) == 4
    assert cache.bytes_in_memory == sum(LENGTHS) * SIZE[0] * SIZE[1] * 3
    more = write_episode(tmp_path, 5, 10)
    first = [cache.frames(read_demo(path)) for path in sorted(demos.glob("*.json"))]
    two = make_dataset([demos, tmp_path], cache=one.cache)
    assert two.n_episodes == 5
    assert len(cache) == 5
    assert all(
        cache.frames(read_demo(path)) is old for path, old in zip(sorted(demos.glob("*.json")), first, strict=True)
    )
    assert not cache.frames(read_demo(more)).flags.writeable


def test_frames_beyond_the_limit_go_to_files_and_are_the_same(demos: Path, tmp_path: Path) -> None:
    small = FrameCache(size=SIZE, max_bytes=50 * SIZE[0] * SIZE[1] * 3, directory=tmp_path / "cache")
    in_files, in_memory = make_dataset(demos, cache=small), make_dataset(demos)
    assert 0 < small.bytes_in_memory <= small.max_bytes
    files = sorted((tmp_path / "cache").glob("*.npy"))
    assert files
    assert all(file.suffix == ".npy" for file in files)
    assert all(equal(in_files.next_batch(), in_memory.next_batch()) for _ in range(20))
    # a later cache finds the files again
    inodes = [file.stat().st_ino for file in files]
    again = make_dataset(demos, cache=FrameCache(size=SIZE, max_bytes=0, directory=tmp_path / "cache"))
    assert again.n_episodes == 4
    assert [file.stat().st_ino for file in files] == inodes


def test_temporary_files_go_with_the_cache(demos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache = FrameCache(size=SIZE, max_bytes=0)
    make_dataset(demos, cache=cache)
    assert len(list(tmp_path.rglob("*.npy"))) == 4
    del cache
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_was_recorded_again_is_decoded_again(tmp_path: Path) -> None:
    cache = FrameCache(size=SIZE)
    path, other = write_episode(tmp_path, 0, 8), write_episode(tmp_path / "other", 8, 8)
    assert read_counter(cache.frames(read_demo(path))[3]) == (3, 0)
    path.with_suffix(".mp4").write_bytes(other.with_suffix(".mp4").read_bytes())
    assert read_counter(cache.frames(read_demo(path))[3]) == (3, 8)


def test_a_cache_refuses_bad_limits() -> None:
    with pytest.raises(ValueError, match="max_bytes is -1"):
        FrameCache(max_bytes=-1)
    for limit in ("2", float("nan"), True):
        with pytest.raises(ValueError, match=r"max_file_bytes is .*; it must be a number"):
            FrameCache(max_file_bytes=limit)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size is"):
        FrameCache(size=(0, 128))


@pytest.mark.parametrize("given", [None, 5, [None], [5]])
def test_what_is_no_path_is_named(given: Any) -> None:
    with pytest.raises(TypeError, match=r"the directory of demos is (None|5); it must be a text or a path"):
        DemoDataset(given)


def test_no_text_is_not_the_current_folder() -> None:
    for use in (lambda: FrameCache(directory=""), lambda: DemoDataset(""), lambda: list_demos(" ")):
        with pytest.raises(ValueError, match=r'the current folder is "\."'):
            use()


def files_of_cache(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in directory.glob("*.npy*")}


def test_files_never_exceed_their_limit_and_the_oldest_are_deleted(demos: Path, tmp_path: Path) -> None:
    paths = sorted(demos.glob("*.json"))  # of 37, 5, 50, 21 ticks
    limit = 60 * FRAME_BYTES

    def cache() -> FrameCache:
        return FrameCache(size=SIZE, max_bytes=0, directory=tmp_path / "cache", max_file_bytes=limit)

    first = cache()
    first.frames(read_demo(paths[0]))
    kept = first.frames(read_demo(paths[1]))
    for one in (first, cache()):
        with pytest.raises(CacheFullError, match="max_file_bytes"):  # both are in use
            one.frames(read_demo(paths[2]))
    [name] = [file.name for file in (tmp_path / "cache").glob("*-5-*.npy")]
    dead = tmp_path / "cache" / f"{name.replace('-5-', '-37-')}.part"  # left by a process that was killed
    dead.write_bytes(bytes(20 * FRAME_BYTES))
    del first, one
    cache().frames(read_demo(paths[2]))
    names = files_of_cache(tmp_path / "cache")
    assert sum(names.values()) <= limit
    assert "dead.npy.part" not in names
    assert any(read_demo(paths[2]).id in name for name in names)
    assert read_counter(kept[4]) == (4, 1)  # what was given out stays readable


def test_what_a_killed_process_left_is_removed_without_a_limit_too(demos: Path, tmp_path: Path) -> None:
    paths = sorted(demos.glob("*.json"))

    def cached(path: Path) -> Path:
        cache = FrameCache(size=SIZE, max_bytes=0, directory=tmp_path)
        cache.frames(read_demo(path))
        return next(tmp_path.glob(f"{path.stem}*.npy"))

    left, used = (file.rename(f"{file}.part") for file in map(cached, paths[:2]))
    with used.open("ab") as held:
        assert try_lock(held)  # as a process does that decodes it
        cached(paths[2])
    assert not left.exists()
    assert used.exists()


def test_a_limited_cache_deletes_only_its_own_files(demos: Path, tmp_path: Path) -> None:
    mine = {"embeddings.npy": bytes(200_000), "all.users": b"me", "a-1x2-old.npy.part": b"x"}
    for name, content in mine.items():
        (tmp_path / name).write_bytes(content)
    [path, *_] = list_demos(demos)
    for _ in range(2):
        frames = FrameCache(size=(36, 64), max_bytes=0, directory=tmp_path, max_file_bytes=1_000_000)
        assert len(frames.frames(read_demo(path))) == len(read_demo(path))
        del frames
    assert {name: (tmp_path / name).read_bytes() for name in mine} == mine


def test_a_demo_is_not_learned_from_twice_by_another_spelling(
    demos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(demos)
    monkeypatch.chdir(demos.parent)
    for other in (tmp_path / "link", demos.name):
        with pytest.raises(ValueError, match="the same demo is given twice"):
            find_paths([demos, other])


def test_a_cache_is_shared_by_processes_that_fill_it_at_once(demos: Path, tmp_path: Path) -> None:
    code = f"""
from vpt_gym.demos import FrameCache, list_demos, read_demo
cache = FrameCache(size={SIZE}, max_bytes=0, directory={str(tmp_path / "cache")!r}, max_file_bytes={115 * FRAME_BYTES})
print(sum(int(cache.frames(read_demo(path)).sum()) for path in list_demos({str(demos)!r})))
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    done = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], done
    own = FrameCache(size=SIZE)
    expected = sum(int(own.frames(read_demo(path)).sum()) for path in demos.glob("*.json"))
    assert [int(out) for out, _ in done] == [expected] * 3
    assert len(files_of_cache(tmp_path / "cache")) == 4


def test_ranks_divide_the_demos(demos: Path) -> None:
    ranks = [make_dataset(demos, rank=rank, world_size=2, batch_size=1) for rank in range(2)]
    assert len(ranks[0]) == len(ranks[1]) == 8  # 57 ticks each, of 113
    assert [dataset.n_ticks for dataset in ranks] == [55, 58]
    seen = [{episode for _ in range(40) for _, episode in places(dataset.next_batch())[0]} for dataset in ranks]
    assert seen[0] | seen[1] == {0, 1, 2, 3}
    assert not seen[0] & seen[1]
    assert all(len(dataset.cache) == 2 for dataset in ranks)
    with pytest.raises(ValueError, match="rank 4 of 5"):
        make_dataset(demos, rank=4, world_size=5)


def test_ranks_get_balanced_shares_of_all_episodes() -> None:
    mine = split_evenly([10, 0, 30, 20, 20, 5], 3)
    assert sorted(index for indices in mine for index in indices) == [0, 2, 3, 4, 5]
    assert sorted(sum([10, 0, 30, 20, 20, 5][index] for index in indices) for indices in mine) == [25, 30, 30]


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[:-1], lambda content: bytes(128) + content[128:]]
)
def test_a_damaged_cache_file_is_decoded_again(tmp_path: Path, damage: Any) -> None:
    path = write_episode(tmp_path / "demos", 0, 6)
    demo = read_demo(path)

    def frames() -> np.ndarray:
        return np.array(FrameCache(size=SIZE, max_bytes=0, directory=tmp_path / "cache").frames(demo))

    expected = frames()
    (file,) = (tmp_path / "cache").glob("*.npy")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(RuntimeWarning, match=r"is damaged; its frames are decoded again"):
        assert np.array_equal(frames(), expected)
    assert np.array_equal(frames(), expected)
