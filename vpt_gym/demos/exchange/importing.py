"""Writing episodes of other formats as demos: all of them, or none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias, cast, get_args

import numpy.typing as npt

from vpt_gym.actions.human import HumanAction
from vpt_gym.demos.files.atomic import discard
from vpt_gym.demos.files.directory_lock import directory_lock
from vpt_gym.demos.files.made import is_rejected, made_demos
from vpt_gym.demos.files.names import (
    MOST_FPS,
    PARTIAL_SUFFIX,
    DemoFiles,
    checked_directory,
    files_of,
    list_metadata,
)
from vpt_gym.demos.files.writer import RESERVED_KEYS, DemoWriter, Ending
from vpt_gym.frames import Frame
from vpt_gym.system.durable import sync
from vpt_gym.system.printable import printable, printable_name, shown
from vpt_gym.system.temporary import TemporaryDirectory

SOURCE_KEY = "imported_from"
"""Key of a demo's metadata for the source that it was imported from."""

CURSOR = "cursor"
GameState: TypeAlias = Mapping[str, Any]
"""Any of ``records.STATE_KEYS``, from before the action of a tick; and under ``CURSOR``, where the cursor is in the
frame while a menu is open: [x, y], each from 0 (left, top) to 1."""

_OF_THE_ORIGINAL = ("id", "versions", "started", "wall_time")
"""Metadata that ``DemoWriter`` writes itself; those of the original demo are kept under ``SOURCE_KEY``."""

_MOST_CHARACTERS = 300  # of another package's message


class SourceError(ValueError):
    """A dataset or file cannot be imported: it is damaged, or has other content than expected. The message names it.

    It has no characters that a terminal would obey.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


@contextmanager
def reading(
    source: str | os.PathLike[str], problem: str, remedy: str = "export or download it again"
) -> Iterator[None]:
    """Turns what another package raises while it reads damaged content into a ``SourceError`` that names the source.

    Put only calls of the other package in the ``with`` block: errors of our own code would be called damage.

    Args:
        source: The file or dataset.
        problem: What is wrong if anything is raised, such as "is damaged, rgb cannot be read".
        remedy: What to do about it.

    Raises:
        SourceError: Anything was raised.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:  # h5py, zipfile and NumPy raise a dozen kinds
        reason = printable_name(f"{type(error).__name__}: {error}")[:_MOST_CHARACTERS]
        raise SourceError(f"{os.fspath(source)} {problem} ({reason}); {remedy}") from error


@dataclass(frozen=True)
class ImportResult:
    """The result of an import.

    Attributes:
        demos: The ``<id>.json`` of each new demo.
        ticks: Number of ticks in them.
        dropped: Number of ticks of which a part was left out because no key does it.
    """

    demos: tuple[Path, ...]
    ticks: int
    dropped: int = 0


class DemoImporter:
    """Writes imported demos into a directory: all of them, or none if the ``with`` block fails.

    Other demos in the directory are not changed. The directory is locked in the ``with`` block, so that two imports of
    one source do not both find it missing. The errors below are raised when the block begins.

    Args:
        directory: Directory of the demos; it is created if absent.
        format: Name of the source format. It is stored in the metadata, with the name of the source.
        names: Names of the sources, for example file names.
        overwrite: Replace demos that were imported from these sources before.

    Attributes:
        demos: The new demos, after the ``with`` block.
        ticks: Number of ticks in them.

    Raises:
        BlockingIOError: Another program records, labels or imports demos into the directory.
        DemoError: The metadata of a demo in the directory cannot be read.
        FileExistsError: The directory already has demos from these sources, and ``overwrite`` is False, or one of them
            was rejected.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, format: str, names: Collection[str], overwrite: bool
    ) -> None:
        self._directory = checked_directory(directory)
        self._format = format
        self._names = names
        self._overwrite = overwrite
        self.demos: tuple[Path, ...] = ()
        self.ticks = 0

    def __enter__(self) -> DemoImporter:
        with ExitStack() as stack:
            stack.enter_context(
                directory_lock(
                    self._directory,
                    f"another program is writing demos into {self._directory}; wait for it, or choose another one",
                )
            )
            self._previous = self._imported_before()
            staging = TemporaryDirectory(".import-", parent=self._directory, suffix=PARTIAL_SUFFIX)
            self._staging = stack.enter_context(staging)
            self._held = stack.pop_all()
        return self

    def _imported_before(self) -> list[DemoFiles]:
        previous = []
        for path, metadata in made_demos(self._directory).items():
            origin = metadata.get(SOURCE_KEY, {})
            if not isinstance(origin, dict) or not isinstance(origin.get("name"), str):
                continue
            if origin.get("format") == self._format and origin["name"] in self._names:
                if is_rejected(path):
                    raise FileExistsError(
                        f"{path} was imported from {origin['name']} and rejected, and this import would bring it back; "
                        "restore it in `vpt-gym view` or delete it, or choose another directory"
                    )
                if not self._overwrite:
                    raise FileExistsError(
                        f"{self._directory} has demos that were imported from {origin['name']} already; replace "
                        "them with --overwrite (overwrite=True), or choose another directory"
                    )
                previous.append(files_of(path))
        return previous

    def write(
        self,
        name: str,
        frames: Iterable[Frame],
        actions: Iterable[HumanAction],
        rewards: npt.NDArray[Any],
        *,
        executed: Iterator[HumanAction] | None = None,
        intervention: npt.NDArray[Any] | None = None,
        states: Sequence[GameState] | None = None,
        metadata: Mapping[str, Any],
        where: Mapping[str, Any],
        success: bool | None = None,
        ended: Ending = "close",
        crf: int,
        lossless: bool,
    ) -> None:
        """Writes one demo.

        Args:
            name: Name of its source.
            frames: The T frames, uint8 (H, W, 3).
            actions: The T actions.
            rewards: (T,), finite.
            executed: The T actions that were executed, if ``actions`` are labels for them.
            intervention: (T,), true where a person took over from an agent.
            states: The state of the game before each of the T actions.
            metadata: Metadata of the demo that the source was exported from (``exported_metadata``), or empty. Its
                success and ending take precedence over the arguments below.
            where: More about the source, for the metadata.
            success: Whether the episode succeeded.
            ended: Why it ended.
            crf: x264's constant rate factor.
            lossless: Store the frames without loss.

        Raises:
            SourceError: A demo cannot express an action, a reward, a state or the metadata.
        """
        kept = {name: value for name, value in metadata.items() if name not in (*RESERVED_KEYS, SOURCE_KEY)}
        origin = {"format": self._format, "name": name, **where}
        origin |= {name: metadata[name] for name in _OF_THE_ORIGINAL if name in metadata}
        if metadata.get("ended") in get_args(Ending):
            ended = cast(Ending, metadata["ended"])
        success = metadata.get("success", success)
        if success is not None and not isinstance(success, bool):
            raise SourceError(f"{name}: success is {shown(success)}; it must be true, false or null")
        fps = metadata.get("fps", 20)
        if isinstance(fps, bool) or not isinstance(fps, int | float) or not 1 <= fps <= MOST_FPS or fps != int(fps):
            raise SourceError(
                f"{name}: fps is {shown(fps)}; a demo has a whole number of frames a second, 1 to {MOST_FPS}"
            )
        fps = int(fps)
        kept[SOURCE_KEY] = origin
        with DemoWriter(self._staging, metadata=kept, fps=fps, crf=crf, lossless=lossless) as writer:
            for tick, (frame, action) in enumerate(zip(frames, actions, strict=True)):
                done = None if executed is None else next(executed)
                person = intervention is not None and bool(intervention[tick])
                state = {} if states is None else dict(states[tick])
                cursor = state.pop(CURSOR, None)
                try:
                    writer.append(
                        frame,
                        action,
                        reward=float(rewards[tick]),
                        executed=done,
                        intervention=person,
                        state=state,
                        cursor=cursor,
                    )
                except (ValueError, TypeError, OverflowError, RecursionError) as error:
                    raise SourceError(f"{name}, tick {tick}: {error}") from error
            self.ticks += writer.ticks
            writer.close(success=success, ended=ended)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._held:
            if kind is None:
                self._move_into_place()

    def _move_into_place(self) -> None:
        demos = []
        for files in _demos_of(self._staging):
            for path in files.all:  # the metadata last: it marks the demo as finished
                os.replace(path, self._directory / path.name)
            demos.append(self._directory / files.metadata.name)
        if os.name == "posix":
            sync(self._directory)
        for files in self._previous:  # last, so that nothing is lost if this process is killed
            discard(files)
        self.demos = tuple(demos)


def _demos_of(directory: Path) -> list[DemoFiles]:
    return [files_of(path) for path in list_metadata(directory)]
