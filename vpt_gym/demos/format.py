"""The files of a demo on disk: their names, their metadata, and reading them back.

A demo is three files beside each other, the OpenAI contractor layout plus metadata::

    <id>.mp4     the video, 20 fps H.264; frame t is what was seen before action t
    <id>.jsonl   one record a tick (``vpt_gym.demos.records``)
    <id>.json    metadata: env, seed, versions, success, return, ticks, format version

While it is being recorded, every name carries ``.partial``. A finished demo is known by its ``.json``, which gets its
name last.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from vpt_gym.actions import codec
from vpt_gym.actions.human import HumanAction
from vpt_gym.demos.records import Record, executed_action_of, human_action_of, reward_of, stack_actions
from vpt_gym.demos.video import count_frames, iter_frames
from vpt_gym.frames import Frame

FORMAT = "vpt_gym.demo"
FORMAT_VERSION = 1
PARTIAL_SUFFIX = ".partial"

RESTORE = "restore the file from a copy, or delete the demo"
MEND = "repair it with vpt_gym.demos.repair"
CUT = "restore the file from a copy, or cut the demo to what is whole with vpt_gym.demos.repair"


class DemoError(ValueError):
    """A demo's files are damaged or missing.

    Attributes:
        problem: What is wrong, with the name of the file.
        remedy: What to do about it.
        mendable: Whether ``vpt_gym.demos.repair`` mends it.
    """

    def __init__(self, problem: str, remedy: str, *, mendable: bool = False) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.mendable = mendable


@dataclass(frozen=True)
class DemoFiles:
    """Where the files of one demo stand.

    Attributes:
        directory: The directory that holds them.
        id: The demo's id, the stem of its files' names.
    """

    directory: Path
    id: str

    @property
    def video(self) -> Path:
        """The finished video."""
        return self.directory / f"{self.id}.mp4"

    @property
    def records(self) -> Path:
        """The finished records."""
        return self.directory / f"{self.id}.jsonl"

    @property
    def metadata(self) -> Path:
        """The finished metadata."""
        return self.directory / f"{self.id}.json"

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """The finished files, in the order they get their names."""
        return self.video, self.records, self.metadata


def partial(path: Path) -> Path:
    """Returns the name that a file has while its demo is being recorded."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def new_id() -> str:
    """Returns an id no other demo has, in any process; ids sort by the time their episodes began (UTC)."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, repr=False)
class Demo:
    """One recorded episode of T ticks, without its pixels.

    Attributes:
        files: Where its files stand.
        metadata: The content of ``<id>.json``.
        actions: The human actions, the labels where labels were stored: each of the 23 buttons (T,) int8 0/1, and
            ``camera`` (T, 2) float32, degrees per tick, (pitch, yaw); + is down, right.
        executed: The human actions that were executed, like ``actions``.
        codes: (T, 2) int64, the canonical VPT codes of ``actions``.
        rewards: (T,) float64, of the step that each executed action took.
    """

    files: DemoFiles
    metadata: dict[str, Any]
    actions: dict[str, npt.NDArray[Any]]
    executed: dict[str, npt.NDArray[Any]]
    codes: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        height, width = self.frame_size
        return f"Demo({self.id!r}, ticks={len(self)}, frames={height}x{width}, success={self.success})"

    @property
    def id(self) -> str:
        """The demo's id."""
        return self.files.id

    @property
    def success(self) -> bool | None:
        """Whether the episode succeeded; None where that is not known."""
        success: bool | None = self.metadata["success"]
        return success

    @property
    def frame_size(self) -> tuple[int, int]:
        """(height, width) of the recorded frames."""
        height, width = self.metadata["frame_size"]
        return height, width

    def frames(self) -> Iterator[Frame]:
        """Yields the T frames in order, uint8 (H, W, 3); frame t is what was seen before action t.

        The video is H.264, so the pixels are close to, not equal to, the recorded ones.

        Raises:
            DemoError: The video cannot be decoded, or has not T frames.
        """
        count = 0
        try:
            for frame in iter_frames(self.files.video, self.frame_size):
                count += 1
                if count <= len(self):
                    yield frame
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DemoError(f"{self.files.video}: cannot be decoded after frame {count} ({error})", RESTORE) from error
        _check_length(self.files, frames=count, ticks=len(self))


def read_demo(path: str | os.PathLike[str]) -> Demo:
    """Reads a finished demo: records and metadata at once, frames when asked for.

    The video's packets are counted, not decoded: damage inside them shows in ``Demo.frames``.

    Args:
        path: Any of the demo's three files, or their common stem.

    Raises:
        DemoError: A file is missing, holds something else, or the three disagree on the length.
    """
    files = files_of(path)
    for file in (files.metadata, files.records, files.video):
        if not file.is_file():
            if any(partial(piece).exists() for piece in files.all):
                raise DemoError(f"{file} is missing: the recording was not finished", MEND, mendable=True)
            raise DemoError(f"{file} is missing (a demo is <id>.mp4, <id>.jsonl and <id>.json)", RESTORE)
    metadata = read_metadata(files.metadata)
    records = read_records(files.records)
    if len(records) != metadata["ticks"]:
        raise DemoError(
            f"{files.records} holds {len(records)} records, but {files.metadata.name} says {metadata['ticks']} ticks",
            CUT,
            mendable=True,
        )
    actions: list[HumanAction] = []
    executed: list[HumanAction] = []
    rewards: list[float] = []
    for line, record in enumerate(records, start=1):
        try:
            actions.append(human_action_of(record))
            executed.append(executed_action_of(record) or actions[-1])
            rewards.append(reward_of(record))
        except (ValueError, TypeError, AttributeError) as error:
            raise DemoError(f"{files.records}, line {line}: {error}", RESTORE) from error
    _check_length(files, frames=count_frames(files.video), ticks=len(records))
    stacked = stack_actions(actions)
    return Demo(
        files=files,
        metadata=metadata,
        actions=stacked,
        executed=stack_actions(executed),
        codes=codec.encode(stacked),
        rewards=np.array(rewards, np.float64),
    )


def list_demos(directory: str | os.PathLike[str]) -> list[Path]:
    """Returns the ``<id>.json`` of every finished demo in a directory, in the order the episodes began.

    Raises:
        FileNotFoundError: There is no such directory.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a directory of demos; record some with vpt_gym.RecorderWrapper")
    return sorted(folder.glob("*.json"))


def files_of(path: str | os.PathLike[str]) -> DemoFiles:
    """Returns the files of the demo that ``path`` names: one of its files, finished or partial, or their stem."""
    given = Path(path)
    name = given.name.removesuffix(PARTIAL_SUFFIX)
    for suffix in (".mp4", ".jsonl", ".json"):
        name = name.removesuffix(suffix)
    return DemoFiles(given.parent, name)


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata in ``<id>.json``.

    Raises:
        DemoError: It is not the metadata of a demo, or of a newer format than this package reads.
    """
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DemoError(f"{path}: cannot be read as JSON ({error})", RESTORE) from error
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise DemoError(f'{path} is not a demo\'s metadata: it lacks "format": "{FORMAT}"', RESTORE)
    if metadata.get("format_version") != FORMAT_VERSION:
        raise DemoError(
            f"{path} has format version {metadata.get('format_version')!r}, this vpt-gym reads {FORMAT_VERSION}",
            "update vpt-gym",
        )
    missing = [key for key in ("ticks", "frame_size", "success") if key not in metadata]
    if missing:
        raise DemoError(f"{path} lacks {missing}", RESTORE)
    return metadata


def read_records(path: Path) -> list[Record]:
    """Returns the records of a ``.jsonl`` file.

    Raises:
        DemoError: A line is not a JSON object, or there is none.
    """
    records, damage = read_whole_records(path)
    if damage is not None:
        raise DemoError(f"{path}, {damage}", CUT if records else RESTORE, mendable=bool(records))
    if not records:
        raise DemoError(f"{path} holds no tick", "delete the demo")
    return records


def read_whole_records(path: Path) -> tuple[list[Record], str | None]:
    """Returns the records before the first damaged line, and what is wrong with that line (None: nothing)."""
    records: list[Record] = []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
        if not line.endswith(b"\n"):
            return records, f"line {number} is cut off"
        try:
            record = json.loads(line)
        except ValueError as error:
            return records, f"line {number} is not JSON ({error})"
        if not isinstance(record, dict):
            return records, f"line {number} is not a JSON object"
        records.append(record)
    return records, None


def _check_length(files: DemoFiles, *, frames: int, ticks: int) -> None:
    if frames != ticks:
        raise DemoError(
            f"{files.video} holds {frames} frames, but {files.records.name} holds {ticks} ticks: the "
            f"{'video' if frames < ticks else 'jsonl'} is cut off",
            CUT if frames else RESTORE,
            mendable=frames > 0,
        )
