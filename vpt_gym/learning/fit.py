"""The loop of a trainer: updates, metrics and a progress bar, until the trainer is finished."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from vpt_gym.learning.progress_bar import progress_bar

if TYPE_CHECKING:
    from vpt_gym.learning.bc import BCTrainer

_LOG_EVERY = 20
"""Updates between two entries of the metrics."""


@dataclass(frozen=True)
class TrainResult:
    """The size and the outcome of one training run.

    Attributes:
        updates: Steps of the optimizer.
        frames: Ticks trained on, repetitions included.
        seconds: Seconds of training.
        loss: Mean loss of the last updates, nats per tick.
    """

    updates: int
    frames: int
    seconds: float
    loss: float


def fit(
    trainer: BCTrainer,
    *,
    log: Callable[[int, dict[str, float]], None],
    description: str,
    console: Console,
) -> TrainResult:
    """Trains until the trainer is finished, and leaves its policy as it is to be used.

    Args:
        trainer: A new trainer, or one that continues.
        log: Called with the number of the update and its metrics: after the first update, every 20 updates, and after
            the last.
        description: Name of this training on the progress bar.
        console: Where to show the progress bar.
    """
    loss = math.nan
    with progress_bar(console) as progress:
        bar = progress.add_task(description, total=1.0, state="")
        while not trainer.finished:
            trainer.update()
            if trainer.updates == 1 or trainer.updates % _LOG_EVERY == 0 or trainer.finished:
                metrics = trainer.metrics()
                loss = metrics["train/loss"]
                log(trainer.updates, metrics)
                state = f"loss {loss:.3f}, {metrics['time/frames_per_second']:.0f} frames/s"
                progress.update(bar, completed=trainer.progress, state=state)
    trainer.finish()
    return TrainResult(trainer.updates, trainer.frames, trainer.seconds, loss)
