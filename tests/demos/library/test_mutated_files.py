"""Demos with mutated files: every reader returns a valid object or raises a ``DemoError``, and the process survives."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.frame_counter_env import counter_frame
from tests.support.videos import write_video
from vpt_gym.actions.human import human_action
from vpt_gym.agents.idm.gameplay_video import read_ticks
from vpt_gym.demos import DemoError, DemoWriter, check, read_demo, read_stats, repair
from vpt_gym.demos.files.names import partial
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.timeline import timeline

TICKS = 12
SIZE = (32, 48)
MUTATIONS = 40


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A demo of our own, the same one interrupted, and a contractor's, with an index at the end of its video."""
    folder = tmp_path_factory.mktemp("sources")
    frames = np.stack([counter_frame(t, SIZE) for t in range(TICKS)])
    with DemoWriter(folder / "own", metadata={"task": "test"}) as writer:
        for frame in frames:
            writer.append(frame, human_action("forward"))
        path = writer.close(success=True)
    assert path is not None
    shutil.copytree(folder / "own", folder / "interrupted")
    for file in list((folder / "interrupted").iterdir()):
        file.rename(partial(file))
    recording = write_recording(folder / "recording" / "a", [record(t) for t in range(TICKS)], frames)
    write_video(recording.with_suffix(".mp4"), frames, 20)
    return {"own": path, "interrupted": folder / "interrupted" / path.name, "recording": recording}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A copy with 1 to 20 changes: flipped bits, other bytes, cuts, repetitions, extreme numbers."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(changed))
        match rng.randrange(6):
            case 0:
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at] = rng.randrange(256)
            case 2:
                del changed[at + 1 : at + rng.randrange(2, 50)]
            case 3:
                changed[at:at] = changed[at : at + rng.randrange(1, 60)]
            case 4:
                changed[at : at + 8] = rng.choice([b"\xff" * 8, bytes(8), b"\x7f\xff\xff\xff"])
            case 5:
                del changed[at + 1 :]
    return bytes(changed)


@pytest.mark.parametrize(
    ("source", "suffix"),
    [(source, suffix) for source in ("own", "interrupted") for suffix in (".mp4", ".jsonl", ".json")]
    + [("recording", ".mp4"), ("recording", ".jsonl")],
)
def test_mutated_files_are_read_or_refused(tmp_path: Path, sources: dict[str, Path], source: str, suffix: str) -> None:
    rng = random.Random(f"{source} {suffix}")
    for number in range(MUTATIONS):
        folder = tmp_path / str(number)
        shutil.copytree(sources[source].parent, folder)
        path = folder / sources[source].name
        target = path.with_suffix(suffix)
        target = partial(target) if source == "interrupted" else target
        content = target.read_bytes()
        header = content.find(b"moov") if rng.random() < 0.6 else -1
        if header < 0:
            target.write_bytes(mutated(content, rng))
        else:
            target.write_bytes(
                content[:header] + mutated(content[header : header + 800], rng) + content[header + 800 :]
            )
        for compat in (None, "openai") if source == "recording" else (None,):
            try:
                demo = read_demo(path, compat=compat)
                assert len([frame.shape for frame in demo.frames()]) == len(demo)
                json.dumps(timeline(demo))
            except DemoError:
                pass
        if suffix == ".mp4" and source != "interrupted":
            with suppress(ValueError):  # "cannot be decoded", or an uneven or slow video
                list(read_ticks(target, resample=True))
        check(folder)
        read_stats(folder)
        json.dumps(DemoLibrary(folder).rows())
        for done in repair(folder):
            assert done.ticks <= TICKS + 60  # repeated lines
        check(folder)
