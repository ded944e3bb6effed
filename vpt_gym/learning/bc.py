"""Behavioural cloning: fits a policy to demos by maximum likelihood. DAgger trains with it too.

The algorithm is :meth:`BCTrainer.update`; what surrounds it (options, resuming, several processes) is in this file too.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from vpt_gym.agents.goals.refusal import refuse_goals
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.collect.identity import weights_digest
from vpt_gym.demos.dataset.dataset import DemoDataset, SequenceBatch
from vpt_gym.demos.dataset.loading import DropNull
from vpt_gym.learning.average import WeightAverage
from vpt_gym.learning.latent_health import LatentMonitor
from vpt_gym.learning.losses import entry_losses, entry_names, weighted_mean
from vpt_gym.learning.non_finite import check_finite
from vpt_gym.learning.optimizer import load_moments, load_weights
from vpt_gym.learning.precision import faster_precision
from vpt_gym.learning.processes import Processes
from vpt_gym.learning.runs.args import check_counts, check_ranges
from vpt_gym.learning.runs.same_weights import check_same_weights
from vpt_gym.learning.schedule import warmup_cosine
from vpt_gym.system.flags import checks_flags

if TYPE_CHECKING:
    from vpt_gym.agents.policy.heads import Distribution
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.demos.dataset.cache import DemoCache
    from vpt_gym.demos.dataset.native import NativeLabels
    from vpt_gym.learning.hindsight import HindsightGoals


LATENT_EVERY = 100
"""Updates between two measurements of the latent (``latent_health``), each of which takes a forward pass."""


@checks_flags
@dataclass
class TrainArgs:
    """Options of the training.

    Raises:
        ValueError: An option is out of range, or contradicts another.
    """

    steps: int = 4000
    """Maximum number of updates."""
    seconds: float = math.inf
    """Maximum seconds of training. The learning rate decays over whichever limit comes first."""
    batch_size: int = 8
    """Sequences in an update; several processes share them."""
    seq_len: int = 16
    """Ticks in a sequence."""
    order: Literal["carried", "random"] = "random"
    """carried: complete episodes, memory carried from chunk to chunk. random: independent chunks."""
    join_segments: bool = False
    """Carry memory through the segments of a contractor's session, in their order; needs --train.order carried."""
    drop_null: Literal["auto", "keep", "mask", "cut"] = "auto"
    """Ticks in which nothing is pressed and the camera rests. keep: learn them like all others. mask: see them without
    learning them. cut: remove them, as OpenAI did. auto: mask in demos of people, keep in all others."""
    motion_fraction: float = 0.6
    """Share of the random chunks that are drawn from those in which the camera moves, if there are any."""
    mirror: bool = True
    """Flip half of the random chunks left to right, with their actions."""
    lr: float = 5e-4
    """Peak learning rate (VPT's fine-tuning: 1.81e-4)."""
    warmup: int = 100
    """Updates over which the learning rate rises to its peak."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """adam: the weight decay is an L2 penalty inside Adam, as in VPT. adamw: it is separate from Adam's moments."""
    weight_decay: float = 0.0
    """Weight decay (VPT's fine-tuning: 0.039428, with adam)."""
    max_grad_norm: float = 1.0
    """Maximum norm of the gradient (VPT's fine-tuning script names 5, but does not apply it)."""
    ema: float = 0.0
    """Decay of a moving average of the weights, for example 0.999, which is then validated and saved; 0 for none."""
    kl_to_start: float = 0.0
    """Weight of KL(start || policy), which keeps a fine-tuned policy near the one it started from (BASALT: 1.0)."""
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """Precision of the convolutions; auto takes bf16 if it is measured to be faster."""
    gradient_checkpointing: bool = False
    """Recompute the convolutions in the backward pass: slower, with a fraction of the memory."""

    def __post_init__(self) -> None:
        if self.join_segments and self.order != "carried":
            raise ValueError(
                f"join_segments carries memory from segment to segment, and the chunks of order {self.order!r} begin "
                'without memory: choose order="carried" (--train.order carried), or leave join_segments out'
            )
        check_counts(self, "steps", "batch_size", "seq_len")
        if not 0.0 <= self.ema < 1.0:
            raise ValueError(f"ema is {self.ema}; it must be in [0, 1), for example 0.999, or 0 for no average")
        check_ranges(
            self,
            positive=("seconds", "lr", "max_grad_norm"),
            not_negative=("warmup", "weight_decay", "kl_to_start"),
            shares=("motion_fraction",),
        )


def drop_null_of(args: TrainArgs) -> DropNull:
    """Returns the options' treatment of null ticks as ``DemoDataset`` takes it."""
    return False if args.drop_null == "keep" else args.drop_null


def make_dataset(
    demos: tuple[Path, ...],
    args: TrainArgs,
    *,
    seed: int,
    cache: DemoCache | None = None,
    labels: NativeLabels | None = None,
    processes: Processes = Processes(),  # noqa: B008 (frozen)
) -> DemoDataset:
    """Returns demos in batches as the options describe them.

    Args:
        demos: Directories of demos, or single demos.
        args: Options of the training.
        seed: Seed of the order.
        cache: Decoded frames, or features, that several data sets share.
        labels: What is learned instead of VPT codes; needs ``mirror=False``.
        processes: Those that train together; each gets a share of the episodes, and of each batch.

    Raises:
        ValueError: There is no demo, or an option is out of range.
    """
    if args.batch_size % processes.count:
        raise ValueError(
            f"batch_size is {args.batch_size}, which {processes.count} processes cannot share equally; "
            f"make it a multiple of {processes.count}"
        )
    return DemoDataset(
        demos,
        seq_len=args.seq_len,
        batch_size=args.batch_size // processes.count,
        order=args.order,
        drop_null=drop_null_of(args),
        motion_fraction=args.motion_fraction if args.order == "random" else None,
        mirror=args.mirror and args.order == "random",
        join_segments=args.join_segments,
        labels=labels,
        seed=seed,
        rank=processes.rank,
        world_size=processes.count,
        cache=cache,
    )


class _PolicyOnly(nn.Module):
    """A policy without its value: ``DistributedDataParallel`` must not see outputs that get no gradient."""

    def __init__(self, policy: VPTPolicy) -> None:
        super().__init__()
        self.policy = policy

    def forward(
        self, frames: Tensor, first: Tensor, memory: Memory | None, goal: Tensor | None
    ) -> tuple[Distribution, Memory]:
        output = self.policy(frames, first, memory, goal)
        return output.pi, output.memory.detach()


class BCTrainer:
    """Trains a policy on demos, update by update, and can continue from any of them bit for bit.

    Args:
        policy: The policy, trained in place; frozen parameters stay as they are. It is in training mode until
            :meth:`finish`.
        dataset: The demos, from :func:`make_dataset`.
        args: Options of the training.
        goals: For a policy that acts on goals: those of the demos, in hindsight.
        processes: Those that train together. All of them call every method in the same order.

    Attributes:
        policy: The policy.
        dataset: The demos.
        updates: Number of updates so far.
        frames: Ticks trained on so far, by all processes, repetitions included.
        seconds: Seconds of training so far: the time in :meth:`update`, also before an interruption.

    Raises:
        ValueError: All parameters are frozen; the policy acts on goals and there are none, or it takes others; or
            there are goals, and null ticks are cut, chunks are flipped, or the layer for goals is new and frozen; or
            the processes have other demos or another start.

    Example:
        ``trainer = BCTrainer(policy, dataset, args)``, then ``trainer.update()`` until ``trainer.finished``.
    """

    def __init__(
        self,
        policy: VPTPolicy,
        dataset: DemoDataset,
        args: TrainArgs,
        *,
        goals: HindsightGoals | None = None,
        processes: Processes = Processes(),  # noqa: B008 (frozen)
    ) -> None:
        if goals is None:
            refuse_goals(policy, "BCTrainer")
        elif policy.config.goal_size != goals.size:
            raise ValueError(f"the goals have {goals.size} floats, the policy takes {policy.config.goal_size}")
        elif args.drop_null == "cut":
            raise ValueError('goals lie a number of ticks ahead, which drop_null="cut" removes: use "mask" or "keep"')
        elif args.mirror and args.order == "random":
            raise ValueError("goals are not flipped with the demos: use mirror=False (--train.no-mirror)")
        elif not ((layer := policy.net.mineclip_embed_linear.weight).requires_grad or layer.any()):
            raise ValueError(
                "the policy's layer for goals is zero and frozen, so it would learn nothing of the goals: leave out "
                '--last-layers, or freeze only other parameters, such as "net.img_process.*" (--freeze)'
            )
        self._goals = goals
        self.policy, self.dataset, self._args, self._processes = policy, dataset, args, processes
        if processes.count > 1:  # one process takes any dataset that has next_batch()
            processes.require_same(dataset.ticks_per_rank, "the ticks of the demos")
        self.updates, self.frames, self.seconds = 0, 0, 0.0
        self._device = policy.device
        self._parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
        if not self._parameters:
            raise ValueError("all parameters of the policy are frozen: nothing can be trained")
        kind = torch.optim.AdamW if args.optimizer == "adamw" else torch.optim.Adam
        fused = self._device.type in ("cpu", "cuda")
        self._optimizer = kind(self._parameters, lr=args.lr, weight_decay=args.weight_decay, fused=fused)
        self._start = copy.deepcopy(policy).requires_grad_(False).eval() if args.kl_to_start else None
        self._start_digest = weights_digest(policy)
        if self._start is not None:
            processes.require_same(self._start_digest, "the weights that kl_to_start holds the policy near")
        self._average = WeightAverage(policy, args.ema) if args.ema else None
        self._memory: Memory | None = None
        self._start_memory: Memory | None = None
        self._sums: dict[str, float] = {}  # of the metrics since they were last read
        self._latent: dict[str, float] = {}  # the last measurement, until it is read
        self._latent_monitor = LatentMonitor(policy)
        self._precision = processes.share(self._measured() if args.precision == "auto" else args.precision)
        self._train_mode()
        self._model = processes.parallel(_PolicyOnly(policy))

    @property
    def progress(self) -> float:
        """The progress, from 0 to 1, where the training is finished."""
        return min(1.0, max(self.updates / self._args.steps, self.seconds / self._args.seconds))

    @property
    def finished(self) -> bool:
        """Whether the limit of the updates or of the time is reached."""
        return self.progress >= 1.0

    def update(self) -> dict[str, float]:
        """Makes one update, and returns its metrics: losses in nats per tick, gradient norm, learning rate.

        Raises:
            NonFiniteLossError: The loss or its gradient is NaN or infinite; the weights are unchanged.
        """
        began, update = time.perf_counter(), self.updates + 1
        done = max(update / self._args.steps, self.seconds / self._args.seconds)
        rate = self._args.lr * warmup_cosine(update, done, warmup=self._args.warmup)
        for group in self._optimizer.param_groups:
            group["lr"] = rate

        batch = SequenceBatch(*(tensor.to(self._device) for tensor in self.dataset.next_batch()))
        weight_of_all = self._processes.sum(batch.weight.sum())  # a mean over all ticks, not over the processes' means
        goal = self._goals_of(batch, update)
        pi, memory = self._model(batch.frames, batch.first, self._memory, goal)
        terms = dict(zip(entry_names(pi), entry_losses(pi, batch.codes, batch.weight, weight_of_all), strict=True))
        loss = sum(terms.values(), start=torch.zeros((), device=self._device))
        metrics = {"train/loss": loss, **{f"train/loss_{name}": term for name, term in terms.items()}}
        if self._start is not None:
            with torch.no_grad():
                start = self._start(batch.frames, batch.first, self._start_memory, goal)
            kl = weighted_mean(start.pi.kl(pi), batch.weight, weight_of_all)
            loss = loss + self._args.kl_to_start * kl
            metrics["train/kl_to_start"] = kl
        self._optimizer.zero_grad(set_to_none=True)
        # the gradients are averaged over the processes
        (self._processes.count * loss).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._args.max_grad_norm)
        check_finite(update, loss, norm, lambda: self.dataset.sources)
        self._optimizer.step()

        if update % LATENT_EVERY == 0:
            self._latent = self._latent_monitor.measure(batch.frames, batch.first, self._memory)
        if self._args.order == "carried":
            self._memory = memory
            self._start_memory = None if self._start is None else start.memory
        if self._average is not None:
            self._average.update(self.policy)
        self.updates = update
        self.frames += batch.first.numel() * self._processes.count
        return self._measure(metrics, {"train/grad_norm": float(norm), "train/learning_rate": rate}, began)

    def metrics(self) -> dict[str, float]:
        """Returns the metrics to log: means over the updates since the last call, and the speed.

        Empty if there was no update.
        """
        count = self._sums.pop("updates", 0.0)
        seconds = self._sums.pop("seconds", 0.0)
        means = {name: value / count for name, value in self._sums.items()}
        self._sums.clear()
        if not means:
            return {}
        frames = count * self._args.batch_size * self._args.seq_len
        latent, self._latent = self._latent, {}
        return {**means, **latent, "time/frames_per_second": frames / seconds, "time/train_seconds": self.seconds}

    @contextmanager
    def evaluating(self) -> Iterator[VPTPolicy]:
        """Puts the policy in evaluation mode and fp32, with the averaged weights if there are any, until the end."""
        with ExitStack() as stack:
            if self._average is not None:
                stack.enter_context(self._average.applied(self.policy))
            stack.callback(self._train_mode)
            self._evaluation_mode()
            yield self.policy

    def finish(self) -> None:
        """Leaves the policy as it is to be used: in evaluation mode and fp32, with the averaged weights if any."""
        self._evaluation_mode()
        if self._average is not None:
            self._average.copy_to(self.policy)

    def state_dict(self) -> dict[str, Any]:
        """Returns everything that the next updates depend on, as tensors and plain values.

        Save it before the next update, which changes the tensors in place. Each process must call this method; all of
        them get the state of all.
        """
        cuda = torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else None
        mine = {
            "dataset": self.dataset.state_dict(),
            "memory": _as_tuple(self._memory),
            "start_memory": _as_tuple(self._start_memory),
            "rng": torch.get_rng_state(),
            "cuda_rng": cuda,
        }
        return {
            "policy": self.policy.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "precision": self._precision,
            "start": self._start_digest,
            "updates": self.updates,
            "frames": self.frames,
            "seconds": self.seconds,
            "sums": dict(self._sums),
            "processes": self._processes.gather(mine),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from a state; the updates are those of an uninterrupted training, bit for bit on a CPU in fp32.

        Options of the training that differ from those of the state hold from here on.

        Raises:
            ValueError: The state is of another number of processes, of other demos or batches, of other frozen
                parameters, its ``kl_to_start`` held the policy near another start, or the processes have other states.
        """
        if len(state["processes"]) != self._processes.count:
            raise ValueError(
                f"the state is of {len(state['processes'])} processes, and there are {self._processes.count} now: "
                f"continue with torchrun --nproc-per-node {len(state['processes'])}"
            )
        if (state["average"] is None) != (self._average is None):
            raise ValueError("the state is of a training run with another --train.ema; continue with the same options")
        start = state.get("start")  # None in a state from before it was kept
        if self._start is not None:
            check_same_weights(
                self._start_digest, start, named="the start policy (--model)", role="kl_to_start holds the policy near",
                remedy="continue with the same --model, --weights and --seed, or give --train.kl-to-start 0",
            )  # fmt: skip
        self._start_digest = start or self._start_digest
        mine = state["processes"][self._processes.rank]
        self.dataset.load_state_dict(mine["dataset"])
        load_weights(self.policy, state["policy"])
        load_moments(self._optimizer, state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        self._memory = _from_tuple(mine["memory"], self._device)
        self._start_memory = _from_tuple(mine["start_memory"], self._device)
        self.updates, self.frames, self.seconds = state["updates"], state["frames"], state["seconds"]
        self._sums = dict(state["sums"])
        if self._args.precision == "auto":
            self._precision = state["precision"]  # what was measured then: another one would be another training
        torch.set_rng_state(mine["rng"])
        if mine["cuda_rng"] is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(mine["cuda_rng"], self._device)
        self._train_mode()
        if self._processes.count > 1:  # a digest takes a moment
            self._processes.require_same((self.updates, weights_digest(self.policy)), "update and weights of the run")

    def _goals_of(self, batch: SequenceBatch, update: int) -> Tensor | None:
        if self._goals is None:
            return None
        goals = self._goals.of_batch(self.dataset.sources, batch.first.shape, update, rank=self._processes.rank)
        return goals.to(self._device)

    def _measure(self, sums: dict[str, Tensor], others: dict[str, float], began: float) -> dict[str, float]:
        """Returns the metrics of an update over all processes, whose clocks become equal here."""
        took = time.perf_counter() - began if self._processes.is_main else 0.0
        values = torch.stack([*(value.detach() for value in sums.values())])
        values = self._processes.sum(torch.cat([values, values.new_tensor([took])]))
        *parts, seconds = values.tolist()
        metrics = {**dict(zip(sums, parts, strict=True)), **others}
        for name, value in {**metrics, "updates": 1.0, "seconds": seconds}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self.seconds += seconds
        return metrics

    def _measured(self) -> Literal["fp32", "bf16"]:
        position = self.dataset.state_dict()
        batch = self.dataset.next_batch()
        self.dataset.load_state_dict(position)
        return faster_precision(self.policy, batch.frames.to(self._device), batch.first.to(self._device))

    def _train_mode(self) -> None:
        self.policy.train()
        self.policy.gradient_checkpointing = self._args.gradient_checkpointing
        for policy in (self.policy, self._start):
            if policy is not None:
                policy.set_precision(self._precision)

    def _evaluation_mode(self) -> None:
        self.policy.eval()
        self.policy.gradient_checkpointing = False
        self.policy.set_precision("fp32")


def _as_tuple(memory: Memory | None) -> tuple[Tensor, ...] | None:
    return None if memory is None else (memory.keys.cpu(), memory.values.cpu(), memory.valid.cpu())


def _from_tuple(tensors: tuple[Tensor, ...] | None, device: torch.device) -> Memory | None:
    return None if tensors is None else Memory(*tensors).to(device)
