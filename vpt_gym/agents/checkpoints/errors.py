"""The ways in which a checkpoint can be unusable or out of reach, one exception each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpt_gym.agents.checkpoints.load_report import LoadReport


class CheckpointError(ValueError):
    """A model or weight file cannot be used. Its subclasses say why."""


class WrongFile(CheckpointError):
    """The file is of another kind than the one asked for (a ``.weights`` given as ``.model``, say)."""


class CorruptCheckpoint(CheckpointError):
    """The file is truncated or damaged, or holds numbers that no training run should have saved."""


class UnsafeCheckpoint(CheckpointError):
    """Reading the file would import or call something that a checkpoint has no business with.

    Nothing in the file has been executed when this is raised.
    """


class CheckpointMismatch(CheckpointError):
    """The file is sound, but its tensors are not those of this model.

    Attributes:
        report: What would have become of every key.
    """

    def __init__(self, message: str, report: LoadReport) -> None:
        super().__init__(message)
        self.report = report

    def __reduce__(self) -> tuple[type[CheckpointMismatch], tuple[str, LoadReport]]:
        # By default an exception is pickled with its message alone, and then cannot be made again.
        return type(self), (str(self), self.report)


class DownloadError(RuntimeError):
    """A file could not be downloaded whole, or is not the one that was asked for."""
