"""Exceptions that can be sent to another process though their constructors take more than a message."""

from __future__ import annotations

import copyreg
from typing import Any


class PickledError:
    """Base class, before the exception's own, of exceptions whose constructor makes the message from its arguments.

    By default an exception is pickled with its message alone, and made again from that as the only argument.
    """

    args: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]
