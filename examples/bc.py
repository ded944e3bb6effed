"""Behavioural cloning: a VPT policy learns from a directory of demonstrations.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc
    python examples/bc.py --demos demos/mine --model foundation-model-1x.model --weights foundation-model-1x.weights
        --train.order carried --train.lr 1.81e-4 --train.weight-decay 0.039428

The last command, on one line, fine-tunes a published net as it was trained: whole episodes, memory carried from chunk
to chunk, Adam with L2. The defaults are for a small net that starts from nothing: it learns faster from independent
chunks, drawn more often where the camera moves, since most ticks of a chopping demo are "hold attack".
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vpt_gym import Sampling, VPTAgent
from vpt_gym.agents.policy.config import NAMED
from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.cache import DemoCache
from vpt_gym.demos.dataset.dataset import DemoDataset, SequenceBatch
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.demos.files.names import DemoError, read_metadata
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.logging import MetricLogger
from vpt_gym.learning.losses import bc_loss
from vpt_gym.learning.precision import faster_precision


@dataclass
class TrainArgs:
    """How to train."""

    steps: int = 4000
    """Updates at most."""
    seconds: float = math.inf
    """Wall time at most; the learning rate decays over whichever ends first."""
    batch_size: int = 8
    """Sequences an update."""
    seq_len: int = 16
    """Ticks a sequence."""
    order: Literal["carried", "random"] = "random"
    """Whole episodes with carried memory, or independent chunks."""
    motion_fraction: float = 0.6
    """Share of the random chunks that are drawn from those in which the camera moves."""
    mirror: bool = True
    """Flip half of the random chunks from side to side."""
    lr: float = 1e-3
    """Peak learning rate (VPT's fine-tuning: 1.81e-4)."""
    weight_decay: float = 0.0
    """L2 penalty inside Adam (VPT's fine-tuning: 0.039428)."""
    clip: float = 5.0
    """Largest norm of the gradient."""
    warmup: int = 50
    """Updates over which the learning rate rises."""
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """Precision of the convolutions; "auto" takes bf16 where it is measured to be faster."""
    gradient_checkpointing: bool = False
    """Compute the convolutions twice instead of keeping what they computed: slower, for a fraction of the memory."""

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.seconds > 0:
            raise ValueError(f"steps is {self.steps}, seconds is {self.seconds}; both must be positive")


@dataclass
class Args:
    """Behavioural cloning."""

    demos: tuple[Path, ...]
    """Directories of demonstrations."""
    out: Path = Path("runs/bc")
    """Where the agent and its metrics go."""
    model: str = "nano"
    """A size ("nano", "1x", "2x", "3x") to start afresh, a folder of a saved agent, or a .model file."""
    weights: Path | None = None
    """The .weights file that goes with a .model file."""
    freeze: tuple[str, ...] = ()
    """Parameters to leave as they are: names with * and ?, such as "net.img_process.*" for the image network."""
    features: Path | None = None
    """Directory in which a frozen image network's features are kept, computed once (with --train.no-mirror)."""
    device: str = "cpu"
    """Where the policy runs, for example "cuda"."""
    seed: int = 0
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    temperature: float = 1.0
    """Sampling temperature of the agent that is evaluated."""
    eval_episodes: int = 50
    """Episodes of the evaluation at the end; 0 leaves it out."""


@dataclass(frozen=True)
class Training:
    """What one training did."""

    updates: int
    frames: int
    seconds: float
    loss: float


def train(
    policy: VPTPolicy, dataset: DemoDataset, args: TrainArgs, *, logger: MetricLogger, phase: str, console: Console
) -> Training:
    """Fits the policy to the demonstrations and returns what was done."""
    policy.train()
    device = next(policy.parameters()).device
    if args.precision == "auto":
        place = dataset.state_dict()
        batch = dataset.next_batch()
        dataset.load_state_dict(place)
        policy.set_precision(faster_precision(policy, batch.frames.to(device), batch.first.to(device)))
    else:
        policy.set_precision(args.precision)
    policy.gradient_checkpointing = args.gradient_checkpointing
    parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=args.lr, weight_decay=args.weight_decay, fused=True)
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
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, args.clip)
            optimizer.step()
            frames += batch.first.numel()
            smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
            if update % 20 == 0:
                seconds = time.perf_counter() - start
                logger.log(
                    phase=phase, update=update, frames=frames, seconds=seconds, loss=smooth, grad_norm=float(norm)
                )
                state = f"loss {smooth:.3f}, {frames / seconds:.0f} frames/s"
                progress.update(bar, completed=done, state=state)
        progress.update(bar, completed=1.0)
    policy.eval()
    policy.set_precision("fp32")
    return Training(update - 1, frames, time.perf_counter() - start, smooth)


def load_agent(
    model: str, weights: Path | None, seed: int, *, temperature: float = 1.0, device: str = "cpu"
) -> VPTAgent:
    """Returns an agent of a named size, with fresh weights or those of a file; or a saved or published one."""
    sampling = Sampling(temperature=temperature)
    if model not in NAMED:
        return VPTAgent.from_pretrained(model, weights, sampling=sampling, device=device)
    agent = VPTAgent.from_config(model, seed=seed, sampling=sampling, device=device)
    if weights is not None:
        agent.load_weights(weights)
    return agent


def make_dataset(demos: tuple[Path, ...], args: TrainArgs, *, seed: int, cache: DemoCache | None = None) -> DemoDataset:
    """Returns the demos as batches; frames that ``cache`` holds are not decoded again."""
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


def env_of(demo: Path) -> str | None:
    """Returns the id of the env that a demo was recorded in; None if it is not known."""
    try:
        return read_metadata(demo).get("env_id") if demo.suffix == ".json" else None
    except DemoError:  # the data set tells of it, and leaves it out
        return None


def warn_if_elsewhere(args: Args, console: Console) -> None:
    """Warns if the agent is to be evaluated in another env than the demos were recorded in, as far as they say."""
    if not args.eval_episodes:
        return
    recorded = {env for path in find_paths(args.demos) if (env := env_of(path)) is not None}
    if recorded and args.env.id not in recorded:
        console.print(f"[yellow]the demos are of {', '.join(sorted(recorded))}, but the agent is to be evaluated in")
        console.print(f"[yellow]{args.env.id}: --env and --env-kwargs choose where")


def main(args: Args) -> None:
    """Trains, saves and evaluates."""
    console = Console()
    warn_if_elsewhere(args, console)
    torch.manual_seed(args.seed)
    agent = load_agent(args.model, args.weights, args.seed, temperature=args.temperature, device=args.device)
    if args.freeze:
        console.print(str(freeze(agent.policy, args.freeze)))
    cache = None if args.features is None else FeatureCache(agent.policy, directory=args.features)
    dataset = make_dataset(args.demos, args.train, seed=args.seed, cache=cache)
    if args.model in NAMED and args.weights is None:
        init_action_heads(agent.policy, dataset.labels)
    with MetricLogger(args.out / "metrics.jsonl") as logger:
        result = train(agent.policy, dataset, args.train, logger=logger, phase="bc", console=console)
        agent.save_pretrained(args.out / "agent")
        console.print(
            f"{result.frames:,} frames in {result.seconds:.0f} s, loss {result.loss:.3f}: {args.out / 'agent'}"
        )
        if args.eval_episodes:
            seeds = SEEDS["evaluation"][: args.eval_episodes]
            evaluation = evaluate(agent, args.env.make, seeds)
            logger.log(phase="evaluation", **{k: v for k, v in evaluation.summary().items() if not isinstance(v, list)})
            console.print(f"success in unseen worlds, temperature {args.temperature:g}: {evaluation}")


if __name__ == "__main__":
    main(tyro.cli(Args))
