"""A run of a trainer: a directory of its own, with arguments, metrics, checkpoints and results."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Protocol

from vpt_gym.demos.files.atomic import scratch, write_metadata
from vpt_gym.learning.curves import plot_metrics
from vpt_gym.learning.logging import MetricLogger, read_metrics
from vpt_gym.learning.runs.args import RunArgs, joined
from vpt_gym.learning.runs.directory import (
    CHECKPOINTS,
    CURVES,
    DEMOS,
    DESCRIPTION,
    LOCK,
    METRICS,
    RESULTS,
    TENSORBOARD,
    RunError,
    clear,
    content,
    is_vacant,
    read_description,
)
from vpt_gym.learning.runs.sinks import MetricSink, open_tensorboard, open_wandb
from vpt_gym.system.file_lock import try_lock
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.machine import describe
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.printable import shown
from vpt_gym.system.source_version import git_commit

if TYPE_CHECKING:
    from vpt_gym.learning.runs.checkpoints import Checkpoint


class HasRunArgs(Protocol):
    """The arguments of a trainer: a dataclass with a field ``run``."""

    run: RunArgs


class Run:
    """The directory of one run, as a context manager.

    The directory is ``runs/SCRIPT/TIME-NAME``, or what ``--out`` names. It holds ``run.json`` (arguments, git commit,
    machine, state), ``demos.json`` (the demos that a run on demos began with), ``metrics.jsonl``, ``tensorboard/``,
    ``checkpoints/`` and, at the end, ``results.json`` and, if matplotlib is installed, ``curves.png``. A killed run
    is continued by ``--resume DIRECTORY``: metrics logged after its last checkpoint are removed, since they are
    logged again.

    Of several processes that train together, only that of rank 0 writes; in the others the methods that write do
    nothing.

    Args:
        script: Name of the trainer, such as ``"bc"``.
        args: Its arguments, a dataclass with a field ``run: RunArgs``.
        rank: Index of this process among those that train together (``vpt_gym.learning.processes``); None: the trainer
            has only one.

    Attributes:
        directory: The directory.
        is_main: Whether this process writes.

    Raises:
        RunError: The directory has a run that is not to be resumed, is of another script, or is in use by another
            process; or torchrun has started several processes of a trainer that has only one.
        NotADirectoryError: The directory is a file.
        DependencyNotInstalled: TensorBoard or Weights & Biases is wanted, but not installed.

    Example:
        >>> from dataclasses import dataclass, field
        >>> @dataclass
        ... class Args:
        ...     steps: int = 2
        ...     run: RunArgs = field(default_factory=lambda: RunArgs(out=Path("runs/example"), tensorboard=False))
        >>> with Run("example", Args()) as run:
        ...     checkpoint = run.checkpoint()
        ...     for step in range(1 if checkpoint is None else checkpoint.step + 1, 3):
        ...         run.log(step, {"train/loss": 1.0 / step})
        ...         run.save_checkpoint(step, {"position": step})
        >>> run.checkpoint().state
        {'position': 2}
    """

    def __init__(self, script: str, args: HasRunArgs, *, rank: int | None = None) -> None:
        options = args.run
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if rank is None and count > 1:
            raise RunError(
                f"torchrun has started {count} processes (WORLD_SIZE), but {script}.py trains in one: each would train "
                f"by itself, and write to the same files. Start it with: python {script}.py"
            )
        self.script = script
        self.is_main = not rank
        self._resuming = options.resume is not None
        self.directory = options.resume or options.out or _fresh_directory(script, options.name)
        self._checkpoint: Checkpoint | None = None
        self._sinks: list[MetricSink] = []
        self._lock: IO[bytes] | None = None
        if self._resuming:
            theirs = read_description(self.directory)["script"]
            if theirs != script:
                raise RunError(f"{self.directory} is a run of {theirs}.py, not of {script}.py")
            self._checkpoint = self._load()
        elif self.is_main and not is_vacant(self.directory):
            raise RunError(
                f"{self.directory} exists: continue it with --resume {self.directory}, or choose another --out"
            )
        before = 0.0 if self._checkpoint is None else self._checkpoint.seconds
        self._started = time.monotonic() - before
        if not self.is_main:
            return
        make_directory(self.directory)
        self._lock = (self.directory / LOCK).open("ab")
        if not try_lock(self._lock):
            raise RunError(f"another process is writing to {self.directory}")
        if not self._resuming:
            clear(self.directory)
        self._earlier = read_description(self.directory) if self._resuming else {}
        self._description = self._describe(args)
        self._cut_metrics()
        self._sinks.append(MetricLogger(self.directory / METRICS, resume=True))
        step = 0 if self._checkpoint is None else self._checkpoint.step
        if options.tensorboard:
            self._sinks.append(open_tensorboard(self.directory / TENSORBOARD, next_step=step + 1))
        if options.wandb is not None:
            self._sinks.append(open_wandb(options.wandb, self.directory, self._description))
        self._at_start = content(self.directory)

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, up to its last checkpoint in earlier processes, and since then in this one."""
        return time.monotonic() - self._started

    def checkpoint(self) -> Checkpoint | None:
        """Returns the latest checkpoint of this run, None if it has none yet.

        A damaged one is left out with a warning, and the one before it is returned.
        """
        return self._checkpoint

    def save_checkpoint(self, step: int, state: Mapping[str, Any]) -> None:
        """Saves the trainer's state; a kill at any moment leaves this checkpoint or the one before it.

        Args:
            step: The number of the last step that the state includes.
            state: Tensors, numbers, strings, None, and lists, tuples and dicts of these.
        """
        from vpt_gym.learning.runs import checkpoints  # not above: it imports torch

        if self.is_main:
            self._checkpoint = checkpoints.Checkpoint(step, self.seconds, dict(state))
            checkpoints.save_checkpoint(self.directory / CHECKPOINTS, self._checkpoint)

    def demos(self, found: Sequence[Path]) -> list[Path]:
        """Returns the demos that the run learns from: those that were there when it began.

        More may be recorded into their directories meanwhile. A run that is resumed leaves those out, with a warning.

        Args:
            found: One file of each demo that is there now.

        Raises:
            RunError: A demo that was there is gone, or the list of them is damaged.
        """
        path = self.directory / DEMOS
        if not self._resuming or not path.exists():
            if self.is_main:
                write_metadata(path, {"demos": [str(demo) for demo in found]})
            return list(found)
        try:
            names: list[str] = parse_json(path.read_bytes())["demos"]
            there = {str(demo): demo for demo in found}
            gone = [name for name in names if name not in there]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError(f"{path} cannot be read ({error}); begin a new run") from error
        if gone:
            raise RunError(
                f"{len(gone)} of the {len(names)} demos that {self.directory} began with are gone, such as {gone[0]}: "
                "put them back, name the directories that it began with (--demos), or begin a new run"
            )
        if len(there) > len(names) and self.is_main:
            more = len(there) - len(names)
            warnings.warn(
                f"{more} demos came after {self.directory} began; only a new run learns from them", stacklevel=2
            )
        return [there[name] for name in names]

    def log(self, step: int, metrics: Mapping[str, float | int]) -> None:
        """Logs metrics to ``metrics.jsonl`` and to TensorBoard and Weights & Biases if they are in use.

        Args:
            step: Number of the step, update or iteration; it grows.
            metrics: Name -> value. Names have a group, such as ``"train/loss"``.

        Raises:
            ValueError: A value is NaN or infinite. Leave out what is not known.
        """
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise ValueError(f"the metric {name} is {value} at step {step}; leave out what is not known")
        for sink in self._sinks:
            sink.log(step=step, seconds=round(self.seconds, 3), **{name: float(v) for name, v in metrics.items()})

    def write_results(self, results: Mapping[str, Any]) -> None:
        """Writes the final figures to ``results.json``, with the machine that they were measured on."""
        if self.is_main:
            write_metadata(self.directory / RESULTS, {"machine": self._description["machine"], **results})

    def results(self) -> dict[str, Any]:
        """Returns the figures that were written so far, also by an earlier process; empty if there are none.

        The machine is left out: :meth:`write_results` adds that of the process that writes.

        Raises:
            RunError: The file is damaged.
        """
        path = self.directory / RESULTS
        if not path.exists():
            return {}
        try:
            results: dict[str, Any] = dict(parse_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"{path} cannot be read ({error}); delete it to measure its figures again") from error
        results.pop("machine", None)
        return results

    def close(self, state: str = "finished") -> None:
        """Writes the state of the run, and closes its files.

        A process that continued the run and failed before it did anything leaves the arguments as they were: they may
        be what was wrong.
        """
        if self._lock is None:
            return
        if state != "finished" and self._earlier and content(self.directory) == self._at_start:
            self._description = self._earlier
        self._describe_state(state)
        for sink in self._sinks:
            sink.close()
        if state == "finished":
            self._draw_curves()
        self._lock.close()
        self._lock = None

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        elif isinstance(error, KeyboardInterrupt):
            self.close("interrupted")
        else:
            self.close(f"failed: {type(error).__name__}: {error}")

    def _draw_curves(self) -> None:
        """Draws the metrics into ``curves.png``, if there are any and matplotlib is installed."""
        metrics = self.directory / METRICS
        if metrics.stat().st_size and find_spec("matplotlib") is not None:
            plot_metrics(metrics, self.directory / CURVES)

    def _load(self) -> Checkpoint | None:
        from vpt_gym.learning.runs import checkpoints

        return checkpoints.load_checkpoint(self.directory / CHECKPOINTS)

    def _describe(self, args: HasRunArgs) -> dict[str, Any]:
        """Writes ``run.json`` and returns its content."""
        earlier = self._earlier
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        words = _without_resume(sys.argv[1:])
        description = {
            "script": self.script,
            "name": args.run.name,
            # a resumed run has the arguments of all its parts; of an option given twice the last counts
            "argv": joined(earlier.get("argv", []), words, type(args)),
            "args": _plain(dataclasses.asdict(args)),  # type: ignore[call-overload]
            "working_directory": str(Path.cwd()),
            "git": git_commit(Path(sys.argv[0]).resolve().parent),
            "machine": describe("torch", "vpt-gym"),
            "started": earlier.get("started", now),
            "resumed": [*earlier.get("resumed", []), *([now] if self._resuming else [])],
            "state": "running",
        }
        write_metadata(self.directory / DESCRIPTION, description)
        return description

    def _describe_state(self, state: str) -> None:
        description = {**self._description, "state": state, "seconds": round(self.seconds, 3)}
        write_metadata(self.directory / DESCRIPTION, description)

    def _cut_metrics(self) -> None:
        """Removes the metrics after the checkpoint: they will be logged again."""
        path = self.directory / METRICS
        if not path.exists():
            return
        step = 0 if self._checkpoint is None else self._checkpoint.step
        entries = read_metrics(path)
        for entry in entries:
            if not isinstance(entry.get("step"), int | float):
                raise RunError(f"{path} is damaged: an entry has the step {shown(entry.get('step'))}; delete its line")
        kept = [json.dumps(entry) + "\n" for entry in entries if entry["step"] <= step]
        scratch(path).write_text("".join(kept), encoding="utf-8")
        os.replace(scratch(path), path)


def _plain(value: Any) -> Any:
    """Returns a value as JSON can express it: paths and infinite numbers become strings."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _fresh_directory(script: str, name: str) -> Path:
    """Returns the name of a directory that does not exist yet."""
    stem = time.strftime("%Y%m%d-%H%M%S") + (f"-{name}" if name else "")
    path, number = Path("runs") / script / stem, 2
    while path.exists():
        path, number = path.with_name(f"{stem}-{number}"), number + 1
    return path


def _without_resume(words: list[str]) -> list[str]:
    """Returns a command line without ``--resume``, which names the run itself."""
    kept, skip = [], False
    for word in words:
        if not skip and word != "--resume" and not word.startswith("--resume="):
            kept.append(word)
        skip = word == "--resume"
    return kept
