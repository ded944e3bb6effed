"""Counts with their nouns: "1 demo", "2 demos"."""

from __future__ import annotations


def counted(count: int, noun: str, *, many: str | None = None) -> str:
    """Returns a count with its noun in the right number, the count with separators of thousands.

    Args:
        count: The count.
        noun: The noun for one.
        many: The noun for any other count; default: ``noun`` with an s.
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
