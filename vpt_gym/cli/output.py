"""Printing for commands: file names and names inside files may hold characters that a terminal would obey."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from vpt_gym.system.printable import printable


def print_text(text: object = "", *, file: TextIO | None = None, flush: bool = False) -> None:
    """Prints a text as ``print`` does, with each character that a terminal would obey as an escape sequence.

    Args:
        text: The text.
        file: Where to; None is standard output.
        flush: Do not buffer it.
    """
    print(printable(text), file=file, flush=flush)


@contextmanager
def printable_warnings() -> Iterator[None]:
    """Makes Python print warnings in the same way."""
    original = warnings.formatwarning
    warnings.formatwarning = lambda *args, **kwargs: printable(original(*args, **kwargs))
    try:
        yield
    finally:
        warnings.formatwarning = original
