"""Contractor recordings that continue one another: the segments of one session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from vpt_gym.demos.files.names import files_of
from vpt_gym.system.user_path import is_there

_NAME = re.compile(r"(.+)-([0-9]{8}-[0-9]{6})")
"""Session (player and number) and start of a segment. Source: the readme of openai/Video-Pre-Training."""
_TICKS_PER_SECOND = 20
_MOST_LATE = 60.0
"""Seconds. A segment that starts later than this after the end of another does not continue it. A game that lags takes
longer than its ticks; a segment that is missing between the two takes up to 300."""


def session_name(path: Path) -> str | None:
    """Returns the session that a recording is a segment of; None if it is no contractor recording."""
    files = files_of(path)
    match = None if is_there(files.metadata) else _NAME.fullmatch(files.id)
    return None if match is None else match[1]


def session_of(path: Path) -> str | None:
    """Returns the session that a recording is a segment of, with its folder; None if it is no contractor recording."""
    name = session_name(path)
    return None if name is None else str(files_of(path).directory / name)


def continuations(paths: Sequence[Path], ticks: Sequence[int]) -> dict[int, int]:
    """Returns which recordings continue which.

    Args:
        paths: One file of each recording.
        ticks: The number of ticks of each.

    Returns:
        The index of a recording, and that of the one that continues it, for all that one continues.
    """
    sessions: dict[str, list[tuple[datetime, int]]] = {}
    for index, path in enumerate(paths):
        session, match = session_of(path), _NAME.fullmatch(files_of(path).id)
        if session is not None and match is not None:
            try:
                start = datetime.strptime(match[2], "%Y%m%d-%H%M%S")
            except ValueError:  # no date
                continue
            sessions.setdefault(session, []).append((start, index))
    found = {}
    for segments in sessions.values():
        segments.sort()
        for (start, index), (next_start, following) in pairwise(segments):
            late = (next_start - start).total_seconds() - ticks[index] / _TICKS_PER_SECOND
            if next_start > start and late <= _MOST_LATE:
                found[index] = following
    return found
