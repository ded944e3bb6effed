"""Records demos from games that fail, on a disk that fills up, with a clock that jumps; a program.

It plays ``--ticks`` ticks, counted over all environments, in a vector environment of recorders around ``ResilientEnv``.
A fault comes every ``--every`` ticks, one kind after the other. Every ``--check`` ticks it counts what is left behind,
reads every demo, and deletes most of them. It prints one line of JSON::

    {"ticks": ..., "demos": ..., "recovered": ..., "faults": {kind: ...}, "problems": [...],
     "memory": [[ticks, MB, objects], ...], "in_use": MB}

``memory`` is resident memory and the number of Python's objects at each count; ``in_use`` is the memory at the end
without what the allocator keeps for later.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from gymnasium.vector import SyncVectorEnv

from tests.support.frame_counter_env import FrameCounterEnv, read_counter
from vpt_gym import RecorderWrapper, ResilientEnv
from vpt_gym.actions.codec import code_space, encode
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import DemoWriteError, check, list_demos, read_demo, repair
from vpt_gym.demos.files import names, writer
from vpt_gym.resilient.env import EnvFailure

FAULTS = ("crash", "hang", "kill", "full disk", "clock")
STEP_TIMEOUT = 5.0
JUMPS = tuple(timedelta(days=days) for days in (-4000, -1, 1, 400))


class StumblingEnv(FrameCounterEnv):
    """Fails in its next step in the way that it is told."""

    fault = ""

    def __init__(self, length: int, codes: bool) -> None:
        super().__init__(length=length, success=True)
        if codes:
            self.action_space = code_space()
        self.pid = os.getpid()

    def fail_next(self, fault: str) -> None:
        self.fault = fault

    def step(self, action: Any) -> Any:
        fault, self.fault = self.fault, ""
        if fault == "crash":
            raise RuntimeError("the game is over")
        if fault == "hang":
            time.sleep(3600)
        return super().step(action)


class JumpingClock(datetime):
    """The clock of demos. That of the machine cannot be set for one process."""

    ahead = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + cls.ahead


class Disk:
    """Fills up the file system of a directory; one that others use is not filled, files are limited to 8 kB instead."""

    def __init__(self, directory: Path, mounted: bool) -> None:
        self._filler, self._mounted = directory / "filler", mounted
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.full = False

    def fill(self) -> None:
        self.full = True
        if not self._mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, self._limits[1]))
            return
        with open(self._filler, "wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self.full = False
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        self._filler.unlink(missing_ok=True)


@dataclass
class Report:
    """What the program prints."""

    ticks: int = 0
    demos: int = 0
    recovered: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    memory: list[tuple[int, float, int]] = field(default_factory=list)
    in_use: float = 0.0


class Collection:
    """The environments and what they have left behind so far."""

    def __init__(self, args: argparse.Namespace, disk: Disk) -> None:
        self.report = Report()
        self._directory, self._length, self._kept, self._disk = args.directory, args.length, args.kept, disk
        self._envs = SyncVectorEnv([partial(make, args.directory, args.length, args.codes)] * args.num_envs)
        self._actions = repeated(args.num_envs, human_action("attack", camera=(0.0, 1.0)), args.codes)
        self._seen: set[Path] = set()
        self._left: tuple[int, int, int] | None = None
        self._envs.reset()
        for _ in range(10):  # opens what stays open
            self.step()
        self.check()

    def step(self) -> None:
        """Plays a tick in each env."""
        try:
            info = self._envs.step(self._actions)[4]
        except DemoWriteError:
            if not self._disk.full:
                raise
            self.report.faults["full disk"] += 1
            self._disk.free()
            self.reset()
        else:
            for cause in filter(None, info.get("env_error", ())):
                self.report.faults[_kind(cause)] += 1
        self.report.ticks += self._envs.num_envs

    def reset(self) -> None:
        """Ends all episodes. The disk may have been too full for the end of some demos."""
        for _ in range(self._envs.num_envs + 1):
            with suppress(DemoWriteError):
                self._envs.reset()
                return
        self.report.problems.append("envs cannot be reset after the disk was full")

    def fail(self, fault: str, row: int, rng: random.Random) -> None:
        """Brings a fault about."""
        game = self._envs.envs[row].env
        if fault == "full disk":
            self._disk.fill()
        elif fault == "clock":
            JumpingClock.ahead = rng.choice(JUMPS)
            self.report.faults["clock"] += 1
        else:
            with suppress(AttributeError, EnvFailure, ProcessLookupError):  # it has failed already
                if fault == "kill":
                    os.kill(game.pid, signal.SIGKILL)
                else:
                    game.fail_next(fault)

    def check(self) -> None:
        """Counts processes, descriptors and temporary files between two episodes, and reads all demos."""
        report = self.report
        self._disk.free()
        self.reset()
        report.recovered += sum(bool(done.ticks) for done in repair(self._directory, interrupted_only=True))
        report.problems += [str(problem) for problem in check(self._directory, decode=False)]
        for path in list_demos(self._directory):
            report.demos += path not in self._seen
            self._seen.add(path)
            if (problem := _damage(path, self._length)) is not None:
                report.problems.append(problem)
        for path in list_demos(self._directory)[: -self._kept]:
            for suffix in (".json", ".jsonl", ".mp4"):
                path.with_suffix(suffix).unlink()
            self._seen.discard(path)
        gc.collect()
        me = psutil.Process()
        children = me.children(recursive=True)
        zombies = [child.pid for child in children if child.status() == psutil.STATUS_ZOMBIE]
        if zombies:
            report.problems.append(f"zombies after {report.ticks} ticks: {zombies}")
        left = (len(children), me.num_fds(), len(os.listdir(tempfile.gettempdir())))
        self._left = self._left or left
        if left != self._left:
            report.problems.append(
                f"after {report.ticks} ticks there are {left} processes, descriptors and temporary files; "
                f"at first there were {self._left}"
            )
        report.memory.append((report.ticks, me.memory_info().rss / 1e6, len(gc.get_objects())))

    def close(self) -> None:
        """Closes the envs."""
        self._envs.close()
        if psutil.Process().children(recursive=True):
            self.report.problems.append("processes are left")


def make(directory: Path, length: int, codes: bool) -> RecorderWrapper:
    return RecorderWrapper(ResilientEnv(partial(StumblingEnv, length, codes), step_timeout=STEP_TIMEOUT), directory)


def repeated(num_envs: int, action: HumanAction, codes: bool) -> Any:
    """Returns an action for each env of a vector."""
    if codes:
        return np.stack([np.asarray(encode(action))] * num_envs)
    return {name: np.stack([np.asarray(value)] * num_envs) for name, value in action.items()}


def _kind(cause: str) -> str:
    return "hang" if "did not answer" in cause else "kill" if "SIGKILL" in cause else "crash"


def _damage(path: Path, length: int) -> str | None:
    """Returns what is wrong with a demo: it must have the frames, actions and rewards of one episode from its start."""
    try:
        demo = read_demo(path)
        shown = [read_counter(frame) for frame in demo.frames(threads=1)]
    except Exception as error:
        return f"{path.name}: {type(error).__name__}: {error}"
    whole = shown == [(tick, shown[0][1]) for tick in range(len(demo))]
    whole &= np.allclose(demo.rewards, np.arange(len(demo)) / 10) and bool(demo.actions["attack"].all())
    whole &= demo.metadata["ended"] != "terminated" or (len(demo) == length and demo.success is True)
    return None if whole else f"{path.name}: {demo.metadata['ended']} after {len(demo)} ticks, shows {shown[:3]} ..."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--ticks", type=int, required=True)
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("--check", type=int, default=2000, help="ticks between two counts of what is left behind")
    parser.add_argument("--num-envs", type=int, default=2)
    parser.add_argument("--length", type=int, default=40, help="ticks of an episode")
    parser.add_argument("--kept", type=int, default=10, help="demos that a check leaves on the disk")
    parser.add_argument("--codes", action="store_true", help="play VPT codes, which is quicker than human actions")
    parser.add_argument("--mounted", action="store_true", help="the directory is a file system that may be filled up")
    args = parser.parse_args()
    names.datetime = writer.datetime = JumpingClock  # type: ignore[attr-defined]
    rng = random.Random(0)
    collection = Collection(args, Disk(args.directory, args.mounted))
    report = collection.report
    attempts = happened = checks = 0
    before: int | None = None  # how often the fault of the last attempt had happened before it
    while report.ticks < args.ticks or (happened < len(FAULTS) and report.ticks < 10 * args.ticks):
        collection.step()
        if report.ticks // args.every > attempts:
            attempts += 1
            if before is not None and report.faults[FAULTS[happened % len(FAULTS)]] > before:
                happened += 1  # else once more: its game had failed already
            fault = FAULTS[happened % len(FAULTS)]
            before = report.faults[fault]
            collection.fail(fault, rng.randrange(args.num_envs), rng)
        if report.ticks // args.check > checks:
            collection.check()
            checks += 1
            state = (report.ticks, report.demos, dict(report.faults), report.problems, report.memory[-1])
            print(*state, round(time.process_time()), "s", file=sys.stderr, flush=True)
    collection.check()
    collection.close()
    with suppress(AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)
    report.in_use = psutil.Process().memory_info().rss / 1e6
    print(json.dumps(vars(report)))


if __name__ == "__main__":
    main()
