"""The progress of a recording: a bar on a terminal, elsewhere a line for each episode."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from vpt_gym.collect.rollouts import Episode
from vpt_gym.collect.run import finished_demos
from vpt_gym.collect.session import Recording
from vpt_gym.system.plural import counted


class RecordingProgress:
    """Counts and shows demos, episodes and successes; a context manager.

    Args:
        recording: The recording.
        console: Where to show the progress; default: standard output.
    """

    def __init__(self, recording: Recording, console: Console | None = None) -> None:
        self._recording = recording
        self._console = console or Console()
        self._demos = len(finished_demos(recording))
        self._played = self._successes = self._unknown = 0
        self._bar = Progress(
            TextColumn("recording"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[successes]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=recording.episodes, completed=self._demos, successes="")

    def __enter__(self) -> RecordingProgress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, episode: Episode) -> None:
        """Counts an episode that was played; for ``record(on_episode=...)``."""
        self._played += 1
        self._successes += bool(episode.success)
        self._unknown += episode.success is None
        kept = self._recording.kept(episode.success)
        self._demos += kept
        known = self._played - self._unknown
        successes = f"{self._successes} of {known} succeeded" if known else "success not known"
        self._bar.update(self._task, completed=self._demos, successes=successes)
        if not self._console.is_terminal:
            what = {True: "success", False: "failure", None: "success not known"}[episode.success]
            what += "" if kept else ", discarded"
            self._console.print(
                f"{self._demos}/{self._recording.episodes}: seed {episode.seed}, "
                f"{counted(episode.ticks, 'tick')}, {what}",
                highlight=False,
            )
