"""What a recording needs on the disk, and what is free there, in words."""

from __future__ import annotations

import shutil
from contextlib import suppress

from vpt_gym.demos.files.names import DemoFiles, partial


def describe_disk_usage(files: DemoFiles, ticks: int) -> str:
    """Returns a sentence on how much room a demo takes and how much is left, with a blank behind it.

    Args:
        files: The demo, which is being recorded.
        ticks: How many ticks it has so far.

    Returns:
        ``""`` where the directory cannot be looked at.
    """
    with suppress(OSError):
        free = shutil.disk_usage(files.directory).free
        used = sum(partial(path).stat().st_size for path in files.all if partial(path).exists())
        need = f"The demo has {_size(used)} in {ticks} ticks"
        if ticks >= 40:  # before, the share of what is written once is too large
            need += f", {_size(used * 1200 // ticks)} a minute"
        return f"{need}; {_size(free)} are free there. "
    return ""


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count:,} bytes"
