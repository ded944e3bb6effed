"""The ways in which a checkpoint can be unusable or out of reach, one exception each."""

from __future__ import annotations


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
    """The file is sound, but its tensors are not those of this model."""


class DownloadError(RuntimeError):
    """A file could not be downloaded whole, or is not the one that was asked for."""
