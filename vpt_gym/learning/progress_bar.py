"""The progress bar of a training run that ends by a number of updates or by the clock."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bar(console: Console) -> Progress:
    """Makes a bar with a description, the progress, the time left, and ``state``, a field of the caller's text.

    Example:
        >>> with progress_bar(Console(quiet=True)) as bar:
        ...     task = bar.add_task("PPO", total=1.0, state="")
        ...     bar.update(task, completed=0.5, state="loss 0.300")
    """
    description, state = TextColumn("{task.description}"), TextColumn("{task.fields[state]}")
    return Progress(description, BarColumn(), state, TimeRemainingColumn(), console=console)
