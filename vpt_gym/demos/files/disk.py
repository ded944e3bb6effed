"""A sentence for error messages about the disk space that a recording needs, and that is left."""

from __future__ import annotations

import shutil
from contextlib import suppress

from vpt_gym.demos.files.names import DemoFiles, partial
from vpt_gym.system.user_path import is_there


def describe_disk_usage(files: DemoFiles, ticks: int) -> str:
    """Returns a sentence about the size of a demo and the free disk space, followed by a space.

    Args:
        files: The demo that is being recorded.
        ticks: Number of ticks so far.

    Returns:
        The sentence; ``""`` if the directory cannot be read.
    """
    with suppress(OSError):
        free = shutil.disk_usage(files.directory).free
        used = sum(partial(path).stat().st_size for path in files.all if is_there(partial(path)))
        need = f"The demo has {_size(used)} in {ticks} ticks"
        if ticks >= 40:  # before that, the part that does not grow with the ticks is too large
            need += f", {_size(used * 1200 // ticks)} a minute"
        return f"{need}; {_size(free)} are free there. "
    return ""


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count:,} bytes"
