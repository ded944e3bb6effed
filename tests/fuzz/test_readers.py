"""Every reader with mutated files: a valid object or our own error that names the file; bounded time and memory.

Each reader gets ``CASES`` seeded mutations of a small real file, ``LONG_CASES`` with ``--long`` (``make test-long``).
They run in a forked process, in which a process that is started, a connection, and a file that is written outside the
test's folder are faults. A failure names the number of its case: ``mutation(reader, number)`` makes the file again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support.contractor_files import golden_records, write_recording
from tests.support.counter_demos import write_counter_demo
from tests.support.limited import outcome
from tests.support.malmo_client import mission_xml
from tests.support.mutations import mutated
from tests.support.published_files import SMALL_1X, write_model
from tests.support.small_policy import SMALL, small_policy
from vpt_gym.agents.checkpoints.errors import CheckpointError
from vpt_gym.agents.checkpoints.model_file import read_policy_config
from vpt_gym.agents.checkpoints.policy import load_folder, save_folder
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.demos import (
    DemoError,
    DemoWriteError,
    export_lerobot,
    export_minari,
    export_npz,
    import_lerobot,
    import_minari,
    import_npz,
    read_demo,
)
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.exchange.importing import SourceError
from vpt_gym.demos.files.unlabelled import UnlabelledVideoWriter, read_videos
from vpt_gym.learning.features import FeatureCache
from vpt_gym.system.transfer import Record
from vpt_gym.world.kernels import code_cache
from vpt_gym.world.malmo.mission import MissionError, read_mission

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the limits of a Linux process"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.timeout(7200),  # with --long
]

CASES, LONG_CASES = 200, 10_000
SECONDS = 5.0
"""Processor time that one file may take."""
MEGABYTES = 2048
"""Memory that the files of a reader may take."""
MOST_FAULTS = 30
"""Faults after which a reader is given no more files."""
SIZE = (32, 48)
ENTRIES = {f"net.layer{n}.weight": torch.arange(6.0).reshape(2, 3) + n for n in range(3)}


@dataclass(frozen=True)
class Reader:
    """A reader and a file for it.

    Attributes:
        make: Writes the files into a folder, and returns the one to mutate.
        read: Reads a file; it may write into the folder ``out`` beside it.
        errors: What it may raise.
        text: Whether the file is JSON or XML.
        archive: Whether it is a zip archive.
        names: What its errors name: ``"{stem}"`` is the file, None is nothing.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    text: bool = False
    archive: bool = False
    names: str | None = "{stem}"


def _weights(folder: Path, zipped: bool = True) -> Path:
    torch.save(ENTRIES, folder / "a.weights", _use_new_zipfile_serialization=zipped)
    return folder / "a.weights"


def _safetensors(folder: Path) -> Path:
    save_file(ENTRIES, folder / "a.safetensors", metadata={"a": "b"})
    return folder / "a.safetensors"


def _saved(folder: Path, name: str) -> Path:
    torch.manual_seed(0)
    save_folder(VPTPolicy(SMALL_1X), folder / "agent")
    return folder / "agent" / name


def _demo(folder: Path, suffix: str) -> Path:
    return write_counter_demo(folder, ticks=6, size=SIZE, disturbed=2).with_suffix(suffix)


def _recording(folder: Path) -> Path:
    return write_recording(folder / "a", golden_records()[:6])


def _read_frames(path: Path, **options: Any) -> None:
    demo = read_demo(path, **options)
    assert len(list(demo.frames())) == len(demo)


def _npz(folder: Path, compress: bool) -> Path:
    write_counter_demo(folder / "demos", ticks=4, size=SIZE, disturbed=2)
    export_npz(folder / "demos", folder, compress=compress)
    return next(folder.glob("*.npz"))


def _minari(folder: Path, name: str) -> Path:
    write_counter_demo(folder / "demos", ticks=4, size=SIZE)
    os.environ["MINARI_DATASETS_PATH"] = str(folder / "store")
    export_minari(folder / "demos", "vpt/a-v0", actions="codes")
    return folder / "store/vpt/a-v0/data" / name


def _import_minari(path: Path) -> None:
    os.environ["MINARI_DATASETS_PATH"] = str(path.parents[3])
    import_minari("vpt/a-v0", path.parents[4] / "out")


def _lerobot(folder: Path, pattern: str) -> Path:
    write_counter_demo(folder / "demos", ticks=4, size=SIZE, disturbed=2)
    export_lerobot(folder / "demos", folder / "dataset")
    return next((folder / "dataset").glob(pattern))


def _import_lerobot(path: Path) -> None:
    dataset = next(parent for parent in path.parents if parent.name == "dataset")
    import_lerobot(dataset, dataset.parent / "out")


def _mission(folder: Path) -> Path:
    path = folder / "mission.xml"
    start = '<Placement x="1" y="20" z="2" yaw="3" pitch="4"/><StartingHealth maxHealth="20" health="7.5"/>'
    path.write_bytes(mission_xml(seed="5", start=start))
    return path


def _cache(folder: Path) -> Path:
    demo = _demo(folder, ".json")
    FrameCache(size=SIZE, max_bytes=0, directory=folder / "cache").frames(read_demo(demo))
    return next((folder / "cache").glob("*.npy"))


def _read_cache(path: Path) -> None:
    demo = read_demo(next(path.parents[1].glob("*.json")))
    frames = FrameCache(size=SIZE, max_bytes=0, directory=path.parent).frames(demo)
    assert (frames.shape, frames.dtype) == ((len(demo), *SIZE, 3), np.uint8)


@cache
def _frozen_policy() -> VPTPolicy:
    policy = small_policy()
    freeze(policy, "net.img_process.*")
    return policy


def _feature_cache(folder: Path) -> Path:
    demo = _demo(folder, ".json")
    FeatureCache(_frozen_policy(), directory=folder / "cache").frames(read_demo(demo))
    return next((folder / "cache").glob("*.npy"))


def _read_feature_cache(path: Path) -> None:
    demo = read_demo(next(path.parents[1].glob("*.json")))
    features = FeatureCache(_frozen_policy(), directory=path.parent).frames(demo)
    assert (features.shape, features.dtype) == ((len(demo), SMALL.hidsize), np.float32)


def _download_record(folder: Path) -> Path:
    (folder / "a.weights").write_bytes(b"content")
    record = {"url": "https://example.org/a.weights", "size": 7, "sha256": 64 * "0", "validator": '"abc"'}
    path = Record.path(folder / "a.weights")
    path.write_text(json.dumps(record))
    return path


def _unlabelled(folder: Path) -> Path:
    writer = UnlabelledVideoWriter(folder, SIZE, metadata={"seed": 3})
    writer.append(np.zeros((*SIZE, 3), np.uint8))
    return writer.close("truncated").with_suffix(".json")


CHECKPOINT, DEMO, SOURCE = (CheckpointError,), (DemoError,), (SourceError, DemoWriteError)
LEROBOT = {
    "info": "meta/info.json",
    "tasks": "meta/tasks.parquet",
    "episodes": "meta/episodes/*/*.parquet",
    "data": "data/*/*.parquet",
    "video": "videos/*/*/*.mp4",
}
"""The files of a LeRobot dataset that are read."""

READERS = {
    "model": Reader(lambda folder: write_model(folder / "a.model", SMALL_1X), read_policy_config, CHECKPOINT),
    "weights, zip": Reader(_weights, read_weights, CHECKPOINT, archive=True),
    "weights, legacy": Reader(lambda folder: _weights(folder, zipped=False), read_weights, CHECKPOINT),
    "safetensors": Reader(_safetensors, read_weights, CHECKPOINT),
    "saved config": Reader(
        lambda folder: _saved(folder, "config.json"),
        lambda path: load_folder(path.parent),
        CHECKPOINT,
        text=True,
        names="agent",
    ),
    "demo, mp4": Reader(lambda folder: _demo(folder, ".mp4"), _read_frames, DEMO),
    "demo, jsonl": Reader(lambda folder: _demo(folder, ".jsonl"), _read_frames, DEMO, text=True),
    "demo, json": Reader(lambda folder: _demo(folder, ".json"), _read_frames, DEMO, text=True),
    "recording, jsonl": Reader(_recording, lambda path: _read_frames(path, compat="openai"), DEMO, text=True),
    "video without labels": Reader(_unlabelled, lambda path: read_videos(path.parent), (), text=True),
    "npz": Reader(
        lambda folder: _npz(folder, False), lambda path: import_npz([path], path.parent / "out"), SOURCE, archive=True
    ),
    "npz, compressed": Reader(
        lambda folder: _npz(folder, True), lambda path: import_npz([path], path.parent / "out"), SOURCE, archive=True
    ),
    "Minari, hdf5": Reader(lambda folder: _minari(folder, "main_data.hdf5"), _import_minari, SOURCE, names="vpt/a-v0"),
    "Minari, json": Reader(
        lambda folder: _minari(folder, "metadata.json"), _import_minari, SOURCE, text=True, names="vpt/a-v0"
    ),
    **{
        f"LeRobot, {part}": Reader(
            partial(_lerobot, pattern=pattern), _import_lerobot, SOURCE, text=part == "info", names="dataset"
        )
        for part, pattern in LEROBOT.items()
    },
    "mission": Reader(_mission, lambda path: read_mission(path.read_bytes()), (MissionError,), text=True, names=None),
    "frame cache": Reader(_cache, _read_cache, ()),
    "feature cache": Reader(_feature_cache, _read_feature_cache, ()),
    "download record": Reader(_download_record, lambda path: Record.of(path.with_suffix("")), (), text=True),
}
SLOW = {
    "Minari, hdf5": 4,
    "Minari, json": 4,
    "saved config": 2,
    "feature cache": 4,
    **{f"LeRobot, {part}": 10 for part in LEROBOT},
}
"""Readers that get fewer mutations, by the factor: each takes 10 to 50 ms."""


def mutation(name: str, number: int, content: bytes) -> bytes:
    """Returns the mutated file of a case."""
    reader = READERS[name]
    return mutated(content, random.Random(f"{name} {number}"), text=reader.text, archive=reader.archive)


class TooSlow(BaseException):
    pass


_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "ctypes.dlopen",
)


def _watch(allowed: Path, faults: list[str]) -> None:
    """Reports processes, connections, and files that are written outside ``allowed``; for the rest of this process."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _FORBIDDEN:
            faults.append(f"{event} {args[:2]!r}"[:200])
        elif event == "open" and isinstance(args[0], str | bytes):
            writes = (isinstance(args[1], str) and set(args[1]) & set("wax+")) or args[2] & (os.O_WRONLY | os.O_RDWR)
            path = Path(os.path.realpath(os.fsdecode(args[0])))
            if writes and not path.is_relative_to(allowed) and not path.is_relative_to("/dev"):
                faults.append(f"writes {path}")

    sys.addaudithook(hook)


def _cases(name: str, source: Path, work: Path, numbers: range) -> list[str]:
    """Reads the files of some cases; returns what is wrong with the reader."""
    reader = READERS[name]
    target = work / reader_file(name, source)
    content = (source / reader_file(name, source)).read_bytes()
    faults: list[str] = []

    def too_slow(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, too_slow)
    shutil.copytree(source, work)
    reader.read(target)  # the intact file: imports what the reader needs
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _watch(work.parent, faults)
    for number in numbers:
        shutil.rmtree(work)
        shutil.copytree(source, work)
        target.write_bytes(mutation(name, number, content))
        begun = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            reader.read(target)
        except reader.errors as error:
            if reader.names and reader.names.format(stem=target.stem) not in str(error):
                faults.append(f"case {number}: the error does not name the file: {error}"[:300])
            if any(character in str(error) for character in "\x1b\x00"):
                faults.append(f"case {number}: an escape code in the message: {error!r}"[:300])
        except BaseException as error:
            faults.append(f"case {number}: {type(error).__module__}.{type(error).__qualname__}: {error}"[:300])
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if time.process_time() - begun > SECONDS:
            faults.append(f"case {number}: {time.process_time() - begun:.1f} s")
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory > MEGABYTES << 10:
            faults.append(f"case {number}: more than {MEGABYTES} MB")
            break
        if len(faults) >= 8:
            break
    return faults


def reader_file(name: str, source: Path) -> Path:
    """Returns the path of the file to mutate, relative to its folder."""
    return Path((source.parent / "target").read_text())


@pytest.mark.parametrize("name", READERS)
def test_a_mutated_file_is_read_or_refused(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("LeRobot"):
        pytest.importorskip("pyarrow")
    if name.startswith("Minari"):
        pytest.importorskip("minari")
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "target").write_text(str(READERS[name].make(source).relative_to(source)))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    count = LONG_CASES if request.config.getoption("--long") else CASES // SLOW.get(name, 1)
    faults: list[str] = []
    for begin in range(0, count, CASES):
        numbers = range(begin, min(begin + CASES, count))
        work = tmp_path / "work" / str(begin)
        found = outcome(_cases, name, source, work, numbers, seconds=300, megabytes=2 * MEGABYTES)
        if isinstance(found, Exception):  # of this harness: a full disk, for example
            raise found
        faults += found
        shutil.rmtree(tmp_path / "work")
        if len(faults) >= MOST_FAULTS:
            break
    assert faults == []
    assert {path.name for path in tmp_path.iterdir()} <= {"source", "target", "cwd"}
    assert list((tmp_path / "cwd").iterdir()) == []


def test_every_mutation_of_machine_code_is_noticed(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """numba unpickles these files, so that no other content than what was written must ever reach it."""
    rng = random.Random(0)
    content = rng.randbytes(500)
    intact = code_cache._MAGIC + b"0.66\n" + hashlib.sha256(content).digest() + content
    for suffix in code_cache.SUFFIXES:
        file = tmp_path / f"kernel{suffix}"
        file.write_bytes(intact)
        assert code_cache.damaged_files(tmp_path) == []
        for _ in range(LONG_CASES if request.config.getoption("--long") else CASES):
            file.write_bytes(mutated(intact, rng))
            passes = code_cache.damaged_files(tmp_path) == []  # perhaps as that of another numba, which is not read
            assert not passes or file.read_bytes().partition(b"\n")[2] == intact.partition(b"\n")[2]
        file.unlink()
