"""Printing for commands: file names and names inside files may hold characters that a terminal would obey."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from vpt_gym.system.printable import printable


def print_text(text: object = "", *, file: TextIO | None = None, flush: bool = False) -> None:
    """Prints a text as ``print`` does, with each character that a terminal would obey as an escape sequence.

    Args:
        text: The text.
        file: Where to; None is standard output.
        flush: Do not buffer it.
    """
    print(printable(text), file=file, flush=flush)


@dataclass(frozen=True)
class Output:
    """What a command prints: its result, as text or JSON, and remarks.

    Attributes:
        quiet: Print no remarks.
        json: Print the result as JSON. Remarks then go to standard error, as nothing else may stand beside it.
    """

    quiet: bool = False
    json: bool = False

    def remark(self, text: object) -> None:
        """Prints what is not the result: progress, notes, what was left out."""
        if not self.quiet:
            print_text(text, file=sys.stderr if self.json else None, flush=True)

    def result(self, text: object, value: Any) -> None:
        """Prints the result.

        Args:
            text: The result in words.
            value: The same as JSON values.
        """
        print_text(json.dumps(value, indent=1) if self.json else text, flush=True)


@contextmanager
def printable_warnings() -> Iterator[None]:
    """Makes Python print warnings in the same way."""
    original = warnings.formatwarning
    warnings.formatwarning = lambda *args, **kwargs: printable(original(*args, **kwargs))
    try:
        yield
    finally:
        warnings.formatwarning = original
