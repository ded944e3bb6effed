"""Pictures and videos of a run, embedded into a page as long as they fit, else as links."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from vpt_gym.report.record import MEDIA_TYPES


class Medium(NamedTuple):
    """A picture or video of a run."""

    path: Path
    size: int
    """Bytes of the file."""
    source: str | None
    """The file as a ``data:`` URL; None if it is only linked."""

    @property
    def is_video(self) -> bool:
        """Whether it is a video, not a picture."""
        return self.path.suffix.lower() == ".mp4"


def embed(paths: Sequence[Path], limit: int) -> list[Medium]:
    """Returns the files in the given order, with the smallest embedded, up to ``limit`` bytes in total.

    A GIF is left out where a video of the same name is embedded, since it shows the same.
    """
    sizes = {path: path.stat().st_size for path in paths}
    sources: dict[Path, str] = {}
    shown, left = set(paths), limit
    for path in sorted(paths, key=lambda path: (path.suffix.lower() == ".gif", sizes[path])):
        if path.suffix.lower() == ".gif" and path.with_suffix(".mp4") in sources:
            shown.remove(path)
        elif 0 < sizes[path] <= left:
            left -= sizes[path]
            content = base64.b64encode(path.read_bytes()).decode()
            sources[path] = f"data:{MEDIA_TYPES[path.suffix.lower()]};base64,{content}"
    return [Medium(path, sizes[path], sources.get(path)) for path in paths if path in shown]


def relative_url(path: Path, page: Path) -> str:
    """Returns the address of a file relative to the page. Its text cannot be anything but a relative path."""
    try:
        relative = os.path.relpath(path.resolve(), page.resolve().parent).replace(os.sep, "/")
        return quote(os.fsencode(relative))  # a name need not be text
    except ValueError:  # another drive on Windows
        return path.resolve().as_uri()
