"""A directory of demos: listing them, reading them, and rejecting bad ones."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.names import (
    OPTIONS_SUFFIX,
    REJECTED,
    DemoError,
    DemoFiles,
    files_of,
    list_demos,
    read_metadata,
)
from vpt_gym.demos.files.video import read_header
from vpt_gym.system.user_path import is_there

_MOVING_SUFFIX = ".moving"


class DemoLibrary:
    """The demos of a directory and those rejected from it. Several threads may use it at once.

    Rejecting moves all files of a demo. Meanwhile, the file by which it is listed (``.json``, or ``.jsonl`` of a
    contractor recording) has another name. A move that a crash interrupted is completed when the directory is opened
    again.

    Args:
        path: The directory, or any file of a demo in it.

    Attributes:
        directory: The directory.
        chosen: The id of the demo that ``path`` names; None if ``path`` is the directory.

    Raises:
        FileNotFoundError: There is no such directory or demo.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.directory, self.chosen = Path(path), None
        if not os.path.isdir(self.directory):
            files = files_of(path)
            self.directory, self.chosen = files.directory, files.id
            if not os.path.isdir(files.directory) or files.id not in map(_id, list_demos(files.directory)):
                raise FileNotFoundError(f"{path} is neither a directory of demos nor a finished demo")
        self._lock = threading.RLock()  # held while a demo is found or moved, so that none is seen in two places
        self._declared: dict[tuple[Path, int, int], int | None] = {}
        rejected = self.directory / REJECTED
        for source, target in ((self.directory, rejected), (rejected, self.directory)):
            for moving in target.glob(f"*{_MOVING_SUFFIX}"):
                listed = target / moving.name.removesuffix(_MOVING_SUFFIX)
                if _is_moving(listed, source):
                    _finish_move(source, listed)

    def rows(self) -> list[dict[str, Any]]:
        """Returns one entry for each demo, the rejected ones last, without reading the ticks.

        Each entry has ``id``, ``rejected``, ``task``, ``success``, ``ticks`` and ``return``, which are None if the
        metadata lacks them, and ``problem``, which is None unless the metadata cannot be read. Contractor recordings
        have no metadata: their ``ticks`` are from the video's header, the rest is None.
        """
        with self._lock:
            return self._rows()

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for rejected in (False, True):
            for path in self._paths(rejected):
                metadata: dict[str, Any] = {}
                problem = None
                try:
                    if path.suffix == ".json":
                        metadata = read_metadata(path)
                except DemoError as error:
                    problem = str(error)
                rows.append(
                    {
                        "id": _id(path),
                        "rejected": rejected,
                        "task": as_scalar(metadata.get("task") or metadata.get("env_id")),
                        "success": metadata.get("success"),
                        "ticks": metadata.get("ticks") if path.suffix == ".json" else self._frames_of(path),
                        "return": metadata.get("return"),
                        "problem": problem,
                    }
                )
        return rows

    def files(self, demo_id: str, *, rejected: bool = False) -> DemoFiles:
        """Returns the paths of a demo's files, rejected or not.

        Args:
            demo_id: The id. It is compared, and never joined to a path.
            rejected: Which one, if two demos have this id: the rejected one, or the other.

        Raises:
            KeyError: The directory has no demo with this id.
        """
        return files_of(self._find(demo_id, rejected=rejected))

    def read(self, demo_id: str, *, rejected: bool = False) -> Demo:
        """Reads a demo; see ``files``.

        Raises:
            KeyError: The directory has no demo with this id.
            DemoError: The demo is damaged.
        """
        return read_demo(self._find(demo_id, rejected=rejected))

    def reject(self, demo_id: str) -> None:
        """Moves a demo to ``rejected/``, unless it is already there.

        Raises:
            KeyError: The directory has no demo with this id.
            FileExistsError: ``rejected/`` already has files with this id.
            OSError: A file cannot be moved. The others are moved back.
        """
        self._move(demo_id, self.directory / REJECTED)

    def restore(self, demo_id: str) -> None:
        """Moves a demo back from ``rejected/``, if it is there.

        Raises:
            KeyError: The directory has no demo with this id.
            FileExistsError: The directory already has other files with this id.
            OSError: A file cannot be moved. The others are moved back.
        """
        self._move(demo_id, self.directory)

    def _frames_of(self, path: Path) -> int | None:
        """Returns the number of frames according to the header of a contractor's video; None if it does not say."""
        video = files_of(path).video
        try:
            stat = video.stat()
        except OSError:
            return None
        key = (video, stat.st_size, stat.st_mtime_ns)
        if key not in self._declared:
            self._declared[key] = read_header(video, count=False).declared or None
        return self._declared[key]

    def _paths(self, rejected: bool) -> list[Path]:
        if not rejected:
            return list_demos(self.directory)
        folder = self.directory / REJECTED
        return list_demos(folder) if folder.is_dir() else []

    def _find(self, demo_id: str, *, rejected: bool) -> Path:
        with self._lock:
            for folder in (rejected, not rejected):
                for path in self._paths(folder):
                    if _id(path) == demo_id:
                        return path
        raise KeyError(f"there is no finished demo {demo_id!r} in {self.directory}")

    def _move(self, demo_id: str, folder: Path) -> None:
        with self._lock:
            listed = self._find(demo_id, rejected=folder == self.directory)
            if listed.parent == folder:
                return
            folder.mkdir(exist_ok=True)
            for path in _files(folder, demo_id):
                if is_there(path):
                    raise FileExistsError(f"{path} exists already; remove it, or give it another name")
            target = folder / listed.name
            os.rename(listed, _name_while_moving(target))
            try:
                _finish_move(listed.parent, target)
            except OSError:
                for old, new in zip(_files(listed.parent, demo_id), _files(folder, demo_id), strict=True):
                    if is_there(new):
                        os.rename(new, old)
                os.rename(_name_while_moving(target), listed)
                raise


def as_scalar(value: Any) -> str | int | float | None:
    """Returns a JSON value unchanged if it is a scalar, else its text. The page cannot show an object as it is."""
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def _id(path: Path) -> str:
    return files_of(path).id


def _name_while_moving(path: Path) -> Path:
    return path.with_name(path.name + _MOVING_SUFFIX)


def _is_moving(listed: Path, source: Path) -> bool:
    """Whether a demo with this file is being moved from another folder; other tools use the suffix, too."""
    if listed.suffix not in (".json", ".jsonl") or is_there(listed):
        return False
    return any(is_there(DemoFiles(folder, _id(listed)).video) for folder in (source, listed.parent))


def _files(folder: Path, demo_id: str) -> list[Path]:
    """Returns the paths that a demo's files have in a folder, in the order in which they are moved."""
    files = DemoFiles(folder, demo_id)
    return [files.metadata, files.records, files.video, folder / f"{demo_id}{OPTIONS_SUFFIX}"]


def _finish_move(source: Path, listed: Path) -> None:
    """Moves the remaining files of a demo, and finally renames the one by which it is listed."""
    for old, new in zip(_files(source, _id(listed)), _files(listed.parent, _id(listed)), strict=True):
        if is_there(old):  # the demo may lack it, or it may have been moved already
            os.rename(old, new)
    os.rename(_name_while_moving(listed), listed)
