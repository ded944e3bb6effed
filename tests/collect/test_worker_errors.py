"""Errors on their way from a worker process: each arrives, with its message."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.support.frame_counter_env import FrameCounterEnv
from vpt_gym.agents.checkpoints.errors import CheckpointMismatch, CorruptCheckpoint
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.collect.rollouts import SuccessNotReportedError
from vpt_gym.collect.workers import _send_error
from vpt_gym.demos import DemoError, DemoWriteError, SourceError
from vpt_gym.learning.non_finite import NonFiniteLossError

OURS = [
    DemoError("a.mp4 is damaged", "repair it", repairable=True),
    SuccessNotReportedError(FrameCounterEnv()),
    NonFiniteLossError(3, "the loss is nan", ["row 0"]),
    CheckpointMismatch("a.weights does not fit", LoadReport("a.weights", missing=("net",))),
    CorruptCheckpoint("a.weights is damaged"),
    DemoWriteError("the disk is full"),
    SourceError("a.npz is damaged"),
]


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_our_errors_can_be_sent_to_another_process(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


class _NeedsTwo(Exception):
    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path}, line {line} is wrong")


class _CannotBePickled(Exception):
    def __reduce__(self) -> Any:
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [_NeedsTwo(Path("a"), 3), _CannotBePickled("a, line 3 is wrong")])
def test_the_message_of_any_error_arrives(error: Exception) -> None:
    here, there = multiprocessing.Pipe()
    with here, there:
        _send_error(there, error)
        arrived = here.recv()
    assert isinstance(arrived, RuntimeError)
    assert str(arrived) == f"{type(error).__name__}: a, line 3 is wrong"
