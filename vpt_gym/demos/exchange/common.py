"""What every export and import of demos shares: which demos go out, and how others come in, all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.human import BUTTONS, HumanAction
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.files.atomic import discard, sync
from vpt_gym.demos.files.names import (
    PARTIAL_SUFFIX,
    REJECTED,
    DemoError,
    DemoFiles,
    files_of,
    list_demos,
    read_metadata,
)
from vpt_gym.demos.files.writer import OWN_KEYS, DemoWriter, Ending
from vpt_gym.frames import Frame, to_size

SOURCE_KEY = "imported_from"
"""Key of a demo's metadata that says where it was imported from."""


@dataclass(frozen=True)
class LeftOut:
    """The demos of a directory that an export did not take.

    Attributes:
        partial: Recordings that are not finished.
        rejected: Demos that were marked as bad.
        unwanted: Demos that ``keep`` refused.
        damaged: (id, what is wrong) of each damaged demo.
    """

    partial: int = 0
    rejected: int = 0
    unwanted: int = 0
    damaged: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.partial or self.rejected or self.unwanted or self.damaged)

    def __str__(self) -> str:
        counts = {
            "not finished": self.partial,
            "rejected": self.rejected,
            "not wanted": self.unwanted,
            "damaged": len(self.damaged),
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "none"


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        target: Where it stands now.
        episodes: How many episodes were written.
        ticks: How many ticks they hold.
        left_out: What was not written.
        notes: What else there is to know, a sentence each.
    """

    target: Path
    episodes: int
    ticks: int
    left_out: LeftOut
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        demos: The ``<id>.json`` of each new demo.
        ticks: How many ticks they hold.
        dropped: Ticks of which a part was left out, since no key of a keyboard says it.
    """

    demos: tuple[Path, ...]
    ticks: int
    dropped: int = 0


class DemoSelection:
    """The whole demos of a directory, for an export. Each is read again when it is its turn: none is kept.

    Args:
        directory: The directory of demos.
        keep: Called with each demo; the demo is left out if it returns False. Default: all.

    Attributes:
        frame_sizes: The sizes, (height, width), that their frames have.
        environments: (id, arguments) of the environments they were recorded in; None for those that do not say.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: It holds no whole demo, or none that ``keep`` takes.
    """

    def __init__(self, directory: str | os.PathLike[str], keep: Callable[[Demo], bool | None] | None = None) -> None:
        folder = Path(directory)
        self._paths: list[Path] = []
        self._damaged: dict[str, str] = {}
        self._unwanted = 0
        self.frame_sizes: set[tuple[int, int]] = set()
        self.environments: list[tuple[str, dict[str, Any]] | None] = []
        for path in list_demos(folder):
            try:
                demo = read_demo(path)
            except DemoError as error:
                self._damaged[files_of(path).id] = str(error)
                continue
            if keep is not None and not keep(demo):
                self._unwanted += 1
                continue
            self._paths.append(path)
            self.frame_sizes.add(demo.frame_size)
            environment = _environment_of(demo)
            if environment not in self.environments:
                self.environments.append(environment)
        finished = {files_of(path).id for path in list_demos(folder)}
        self._partial = len({files_of(path).id for path in folder.glob(f"*{PARTIAL_SUFFIX}")} - finished)
        self._rejected = len(list_demos(folder / REJECTED)) if (folder / REJECTED).is_dir() else 0
        if not self._paths:
            raise ValueError(f"there is no demo to export in {folder} (left out: {self.left_out})")

    @property
    def ids(self) -> list[str]:
        """The ids of the demos that will be yielded."""
        return [files_of(path).id for path in self._paths]

    @property
    def left_out(self) -> LeftOut:
        """What is not exported."""
        return LeftOut(self._partial, self._rejected, self._unwanted, tuple(sorted(self._damaged.items())))

    def __iter__(self) -> Iterator[Demo]:
        for path in self._paths:
            try:
                yield read_demo(path)
            except DemoError as error:  # it was whole a moment ago
                self._damaged[files_of(path).id] = str(error)

    def leave_out(self, demo: Demo, error: DemoError) -> None:
        """Counts a demo as damaged whose video turned out to be so."""
        self._damaged[demo.id] = str(error)


def sized_frames(demo: Demo, size: tuple[int, int] | None) -> Iterator[Frame]:
    """Yields the frames of a demo, uint8 (H, W, 3), scaled to ``size`` unless that is None.

    Raises:
        DemoError: The video cannot be decoded.
    """
    for frame in demo.frames():
        yield frame if size is None else to_size(frame, size)


def check_size(size: tuple[int, int] | None) -> None:
    """Raises a ``ValueError`` unless ``size`` is None or (height, width), both positive."""
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(f"size is {size}; it must be (height, width), both positive")


def has_labels(demo: Demo) -> bool:
    """Whether some tick was executed otherwise than it is labelled."""
    return any(not np.array_equal(demo.actions[name], demo.executed[name]) for name in (*BUTTONS, "camera"))


class DemoIntake:
    """Writes demos that come from elsewhere into a directory: all of them, or none if the ``with`` block fails.

    Other demos of the directory are not touched.

    Args:
        directory: Where they go; it is created if absent.
        format: The format they come from.
        names: The names, in that format, of what they come from. Both stand in their metadata.
        overwrite: Replace those that came from there before.

    Attributes:
        demos: The new demos, after the ``with`` block.
        ticks: How many ticks they hold.

    Raises:
        DemoError: The metadata of a demo in the directory cannot be read.
        FileExistsError: Demos from there are in the directory already, and ``overwrite`` is False.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, format: str, names: Collection[str], overwrite: bool
    ) -> None:
        self._directory = Path(directory)
        self._format = format
        self._former = []
        for files in _demos_of(self._directory):
            origin = read_metadata(files.metadata).get(SOURCE_KEY, {})
            if origin.get("format") == format and origin.get("name") in names:
                if not overwrite:
                    raise FileExistsError(
                        f"{self._directory} holds demos that were imported from {origin['name']} already; replace "
                        "them with --overwrite (overwrite=True), or choose another directory"
                    )
                self._former.append(files)
        self.demos: tuple[Path, ...] = ()
        self.ticks = 0

    def __enter__(self) -> DemoIntake:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._stage = Path(tempfile.mkdtemp(prefix=".import-", suffix=PARTIAL_SUFFIX, dir=self._directory))
        return self

    def write(
        self,
        name: str,
        frames: Iterable[Frame],
        actions: Iterable[HumanAction],
        rewards: npt.NDArray[Any],
        *,
        executed: Iterator[HumanAction] | None = None,
        metadata: Mapping[str, Any],
        where: Mapping[str, Any],
        success: bool | None = None,
        ended: Ending = "close",
        crf: int,
        lossless: bool,
    ) -> None:
        """Writes one demo.

        Args:
            name: That of what it comes from.
            frames: The T frames, uint8 (H, W, 3).
            actions: The T actions.
            rewards: (T,), finite.
            executed: The T actions that were executed, where ``actions`` are labels for them.
            metadata: That of the demo it was exported from (``exported_metadata``), empty if there was none; its
                success and its ending go before those given here.
            where: More on where it comes from, for its metadata.
            success: Whether the episode succeeded.
            ended: How it ended.
            crf: x264's constant rate factor.
            lossless: Keep every pixel as it is.

        Raises:
            ValueError: An action, a reward or the metadata cannot be said in a demo.
        """
        kept = {name: value for name, value in metadata.items() if name not in (*OWN_KEYS, SOURCE_KEY)}
        origin = {"format": self._format, "name": name, **where}
        origin |= {name: metadata[name] for name in ("id", "versions") if name in metadata}
        if metadata.get("ended") in get_args(Ending):
            ended = cast(Ending, metadata["ended"])
        success = metadata.get("success", success)
        if success is not None and not isinstance(success, bool):
            raise ValueError(f"{name}: success is {success!r}; it must be true, false or null")
        fps = int(metadata.get("fps", 20))
        kept[SOURCE_KEY] = origin
        with DemoWriter(self._stage, metadata=kept, fps=fps, crf=crf, lossless=lossless) as writer:
            for tick, (frame, action) in enumerate(zip(frames, actions, strict=True)):
                done = None if executed is None else next(executed)
                writer.append(frame, action, reward=float(rewards[tick]), executed=done)
            self.ticks += writer.ticks
            writer.close(success=success, ended=ended)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._take_over()
        finally:
            shutil.rmtree(self._stage)

    def _take_over(self) -> None:
        demos = []
        for files in _demos_of(self._stage):
            for path in files.all:  # the metadata last: it marks the demo as finished
                os.replace(path, self._directory / path.name)
            demos.append(self._directory / files.metadata.name)
        if os.name == "posix":
            sync(self._directory)
        for files in self._former:  # last: whatever happens, nothing is lost
            discard(files)
        self.demos = tuple(demos)


def exported_metadata(demo: Demo) -> dict[str, Any]:
    """Returns the metadata of a demo as an export carries it, for ``DemoIntake.write``: JSON values."""
    return {"id": demo.id, **demo.metadata}


def _demos_of(directory: Path) -> list[DemoFiles]:
    return [files_of(path) for path in list_demos(directory) if path.suffix == ".json"] if directory.is_dir() else []


def _environment_of(demo: Demo) -> tuple[str, dict[str, Any]] | None:
    env_id = demo.metadata.get("env_id")
    return None if env_id is None else (env_id, demo.metadata.get("env_kwargs") or {})
