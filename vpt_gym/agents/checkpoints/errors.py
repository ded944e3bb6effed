"""Exceptions for checkpoints that cannot be used or obtained, one for each cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpt_gym.system.printable import printable
from vpt_gym.system.transfer import DownloadError

if TYPE_CHECKING:
    from vpt_gym.agents.checkpoints.load_report import LoadReport

__all__ = [
    "CheckpointError",
    "CheckpointMismatch",
    "CorruptCheckpoint",
    "DownloadError",
    "UnsafeCheckpoint",
    "WrongFile",
]


class CheckpointError(ValueError):
    """A model or weight file cannot be used. The subclasses name the cause.

    The message may contain names from the file; it has no characters that a terminal would obey.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class WrongFile(CheckpointError):
    """The file is of another kind than the one asked for, for example a ``.weights`` given as ``.model``."""


class CorruptCheckpoint(CheckpointError):
    """The file is truncated or damaged, or holds values that are not finite."""


class UnsafeCheckpoint(CheckpointError):
    """Reading the file would import or call something, or take memory or time, that no checkpoint needs.

    Nothing in the file has been executed when this is raised.
    """


class CheckpointMismatch(CheckpointError):
    """The file is intact, but its tensors do not fit this model.

    Attributes:
        report: For each key, whether it would have been loaded.
    """

    def __init__(self, message: str, report: LoadReport) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[type[CheckpointMismatch], tuple[str, LoadReport]]:
        # By default an exception is pickled with its message alone, and cannot be restored from that.
        return type(self), (str(self), self.report)
