"""Where a run sends its metrics besides its own file: TensorBoard, and Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from vpt_gym.system.require import require


class MetricSink(Protocol):
    """Takes the metrics of a run."""

    def log(self, *, step: int, seconds: float, **metrics: float) -> None:
        """Takes the metrics of one step, and the wall time of the run so far."""

    def close(self) -> None:
        """Writes what is not written yet."""


class _TensorBoard:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def log(self, *, step: int, seconds: float, **metrics: float) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WandB:
    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, *, step: int, seconds: float, **metrics: float) -> None:
        self._run.log({"seconds": seconds, **metrics}, step=step)

    def close(self) -> None:
        self._run.finish()


def open_tensorboard(directory: Path, *, next_step: int) -> MetricSink:
    """Returns a sink that writes TensorBoard's event files.

    Args:
        directory: Directory of the files.
        next_step: The first step that will be logged. TensorBoard hides what an interrupted process logged from there
            on.

    Raises:
        DependencyNotInstalled: TensorBoard is not installed.
    """
    require("tensorboard", "train", purpose="logging for TensorBoard", note="or run without it: --no-tensorboard")
    writer = require("torch.utils.tensorboard", "train", purpose="logging for TensorBoard")
    return _TensorBoard(writer.SummaryWriter(str(directory), purge_step=next_step, flush_secs=10))


def open_wandb(project: str, directory: Path, description: Mapping[str, Any]) -> MetricSink:
    """Returns a sink that logs to a project of Weights & Biases; a resumed run continues its earlier entry.

    Args:
        project: Name of the project.
        directory: Directory of the run; its name is that of the entry.
        description: What to show as the configuration.

    Raises:
        DependencyNotInstalled: Weights & Biases is not installed.
    """
    wandb = require("wandb", "wandb", purpose="logging to Weights & Biases")
    identifier = "-".join(directory.resolve().parts[-2:])
    run = wandb.init(
        project=project,
        name=directory.name,
        id=identifier,
        resume="allow",
        dir=str(directory),
        config={key: value for key, value in description.items() if key != "working_directory"},
    )
    return _WandB(run)
