"""Text from files in messages: short, and without characters that a terminal would obey."""

from __future__ import annotations

import re
import reprlib

_OBEYED = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Control characters except tab and newline, characters that change the order of letters, and surrogates, which stand
for bytes that are no text and cannot be printed."""
_IN_TEXT = re.compile(f"[{_OBEYED}]")
_IN_NAMES = re.compile(f"[{_OBEYED}\t\n]")


def printable(text: object) -> str:
    r"""Returns a text with each character that a terminal would obey as an escape sequence, such as ``\x1b``.

    Newlines and tabs remain.
    """
    return _IN_TEXT.sub(_escape, str(text))


def printable_name(name: object) -> str:
    """Returns a name, which comes from a file, on one line; see :func:`printable`."""
    return _IN_NAMES.sub(_escape, str(name))


def shown(value: object) -> str:
    """Returns the beginning of ``repr(value)``, in a time and length that do not depend on how large the value is."""
    return printable_name(_SHORT.repr(value))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = 80

    def repr_int(self, value: int, level: int) -> str:
        """Returns an integer, or its size: Python refuses to print thousands of digits."""
        return f"an integer of {value.bit_length()} bits" if value.bit_length() > 256 else repr(value)


_SHORT = _Short()
