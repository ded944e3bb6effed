"""Behavioural cloning: fits a policy to demos by maximum likelihood. DAgger trains with it too."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vpt_gym.demos.dataset.dataset import DemoDataset, SequenceBatch
from vpt_gym.learning.logging import MetricLogger
from vpt_gym.learning.losses import bc_loss
from vpt_gym.learning.precision import faster_precision

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.demos.dataset.cache import DemoCache


@dataclass
class TrainArgs:
    """Options of the training."""

    steps: int = 4000
    """Maximum number of updates."""
    seconds: float = math.inf
    """Maximum wall time in seconds. The learning rate decays over whichever limit comes first."""
    batch_size: int = 8
    """Sequences in an update."""
    seq_len: int = 16
    """Ticks in a sequence."""
    order: Literal["carried", "random"] = "random"
    """carried: complete episodes, memory carried from chunk to chunk. random: independent chunks."""
    motion_fraction: float = 0.6
    """Share of the random chunks that are drawn from those in which the camera moves."""
    mirror: bool = True
    """Flip half of the random chunks left to right, with their actions."""
    lr: float = 1e-3
    """Peak learning rate (VPT's fine-tuning: 1.81e-4)."""
    weight_decay: float = 0.0
    """L2 penalty inside Adam (VPT's fine-tuning: 0.039428)."""
    clip: float = 5.0
    """Maximum norm of the gradient."""
    warmup: int = 50
    """Updates over which the learning rate rises to its peak."""
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """Precision of the convolutions; auto takes bf16 if it is measured to be faster."""
    gradient_checkpointing: bool = False
    """Recompute the convolutions in the backward pass: slower, with a fraction of the memory."""

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.seconds > 0:
            raise ValueError(f"steps is {self.steps}, seconds is {self.seconds}; both must be positive")


@dataclass(frozen=True)
class TrainResult:
    """The size and the outcome of one training.

    Attributes:
        updates: Steps of the optimizer.
        frames: Ticks trained on, repetitions included.
        seconds: Wall time.
        loss: Exponential moving average of the loss at the end, nats per tick.
    """

    updates: int
    frames: int
    seconds: float
    loss: float


def make_dataset(demos: tuple[Path, ...], args: TrainArgs, *, seed: int, cache: DemoCache | None = None) -> DemoDataset:
    """Returns the demos of some directories in batches as the options describe them.

    Args:
        demos: Directories of demos.
        args: Options of the training.
        seed: Seed of the order.
        cache: Decoded frames, or features, that several data sets share.

    Raises:
        ValueError: There is no demo, or an option is out of range.
    """
    return DemoDataset(
        demos,
        seq_len=args.seq_len,
        batch_size=args.batch_size,
        order=args.order,
        motion_fraction=args.motion_fraction if args.order == "random" else None,
        mirror=args.mirror and args.order == "random",
        seed=seed,
        cache=cache,
    )


def train(
    policy: VPTPolicy, dataset: DemoDataset, args: TrainArgs, *, logger: MetricLogger, phase: str, console: Console
) -> TrainResult:
    """Fits a policy to demos, in place.

    Args:
        policy: The policy; frozen parameters stay as they are. It is in evaluation mode and fp32 afterwards.
        dataset: The demos, from :func:`make_dataset`.
        args: Options of the training.
        logger: Gets the running mean of the loss, the norm of the gradient and the progress: at the first update, every
            20 updates, and at the last.
        phase: Name of this training in the metrics and on the progress bar.
        console: Where to show the progress bar.
    """
    policy.train()
    device = next(policy.parameters()).device
    if args.precision == "auto":
        position = dataset.state_dict()
        batch = dataset.next_batch()
        dataset.load_state_dict(position)
        policy.set_precision(faster_precision(policy, batch.frames.to(device), batch.first.to(device)))
    else:
        policy.set_precision(args.precision)
    policy.gradient_checkpointing = args.gradient_checkpointing
    parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=args.lr, weight_decay=args.weight_decay, fused=True)
    state, logged = "", 0  # the last text on the bar, and its update
    memory, frames, smooth, start = None, 0, math.nan, time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(phase, total=1.0, state="")
        for update in itertools.count(1):
            done = max(update / args.steps, (time.perf_counter() - start) / args.seconds)
            if done > 1.0:
                break
            batch = SequenceBatch(*(tensor.to(device) for tensor in dataset.next_batch()))
            rate = args.lr * min(1.0, update / args.warmup) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            output = policy(batch.frames, batch.first, memory)
            memory = output.memory.detach() if args.order == "carried" else None
            loss = bc_loss(output.pi, batch.codes, batch.weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
            optimizer.step()
            frames += batch.first.numel()
            smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
            if update == 1 or update % 20 == 0:
                state = _log(logger, phase, update, frames, time.perf_counter() - start, smooth, float(norm))
                progress.update(bar, completed=done, state=state)
                logged = update
        if logged < (last := update - 1):
            state = _log(logger, phase, last, frames, time.perf_counter() - start, smooth, float(norm))
        progress.update(bar, completed=1.0, state=state)
    policy.eval()
    policy.set_precision("fp32")
    return TrainResult(update - 1, frames, time.perf_counter() - start, smooth)


def _log(
    logger: MetricLogger, phase: str, update: int, frames: int, seconds: float, loss: float, grad_norm: float
) -> str:
    """Logs one update, and returns its text for the progress bar."""
    logger.log(phase=phase, update=update, frames=frames, seconds=seconds, loss=loss, grad_norm=grad_norm)
    return f"loss {loss:.3f} (running mean), {frames / seconds:.0f} frames/s"
