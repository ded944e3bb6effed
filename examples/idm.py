"""Trains an inverse dynamics model (IDM), which infers the actions of a player from the video alone.

    python examples/record.py --out demos/harvest_1_log --episodes 125
    python examples/idm.py --demos demos/harvest_1_log --out runs/idm
    python examples/idm.py --resume runs/idm
    vpt-gym label my_game.mp4 -o demos/labelled --model runs/idm/idm

It is trained on the executed actions of the demos, except those of the highest seeds, on which it is scored.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.demos import Demo, FrameCache, list_demos, read_demo
from vpt_gym.demos.dataset.loading import describe_demos_below
from vpt_gym.demos.files.atomic import write_metadata
from vpt_gym.learning.idm.initialise import init_idm_heads, init_motion_filters
from vpt_gym.learning.idm.scores import LabelScores, bootstrap, score
from vpt_gym.learning.idm.windows import ActionWindows
from vpt_gym.learning.non_finite import check_finite
from vpt_gym.learning.optimizer import load_moments, load_weights
from vpt_gym.learning.progress_bar import progress_bar
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.schedule import warmup_cosine
from vpt_gym.system.machine import describe


@dataclass
class TrainArgs:
    """Options of the training."""

    steps: int = 4000
    """Maximum number of updates."""
    seconds: float = math.inf
    """Maximum seconds of training. The learning rate decays over whichever limit comes first."""
    batch_size: int = 4
    """Windows in an update."""
    seq_len: int = 32
    """Ticks in a window."""
    mirror: bool = True
    """Flip half of the windows left to right, with their actions, except those in which a menu is open."""
    lr: float = 4e-4
    """Peak learning rate."""
    weight_decay: float = 0.1
    """Weight decay of AdamW; high, since the demos are few and the parameters many."""
    max_grad_norm: float = 1.0
    """Maximum norm of the gradient."""
    warmup: int = 200
    """Updates over which the learning rate rises to its peak."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions; bf16 is faster where the processor has instructions for it."""

    def __post_init__(self) -> None:
        check_counts(self, "steps", "batch_size", "seq_len")
        check_ranges(self, positive=("seconds", "lr", "max_grad_norm"), not_negative=("warmup", "weight_decay"))


@dataclass
class Args:
    """Trains an inverse dynamics model on demos, saves it and scores it on others."""

    demos: Path
    """Directory of demos."""
    held_out: int = 25
    """Demos to score on, those with the highest seeds; the others are trained on. Recordings without a seed, such as
    contractors', come first, in the order of their names."""
    model: str = "nano"
    """Size of a model with fresh weights (nano, 4x), or folder of a saved model, whose training goes on."""
    device: str = "cpu"
    """Device of the model, for example cuda."""
    seed: int = 0
    """Seed of fresh weights and of the order of the windows."""
    train: TrainArgs = field(default_factory=TrainArgs)
    log_every: int = 20
    """Updates between two entries of the metrics."""
    checkpoint_every: int = 500
    """Updates between two checkpoints, from which --resume continues."""
    result: Path | None = None
    """A second file to write the scores to."""
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        check_counts(self, "held_out", "log_every", "checkpoint_every")
        check_ranges(self, not_negative=("seed",))


def split(directory: Path, paths: list[Path], held_out: int) -> tuple[list[Demo], list[Demo]]:
    """Returns the demos to train on and those to score on, by their seeds."""

    def order(demo: Demo) -> tuple[int, str]:
        seed = demo.metadata.get("seed")
        return (-1 if seed is None else seed, demo.id)

    demos = sorted((read_demo(path) for path in paths), key=order)
    if not 0 < held_out < len(demos):
        raise ValueError(f"{directory} holds {len(demos)} demos and {held_out} are to be held out: record more demos")
    truth = [demo.executed for demo in demos[-held_out:]]
    score(truth, truth)  # what cannot be scored is refused now, not after the training
    return demos[:-held_out], demos[-held_out:]


def train(agent: IDMAgent, windows: ActionWindows, args: Args, run: Run, console: Console) -> float:
    """Fits the model to the demos, from the run's last checkpoint if there is one; returns the seconds of training."""
    model, options = agent.model.train(), args.train
    model.set_precision(options.precision)
    device = next(model.parameters()).device
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.lr, weight_decay=options.weight_decay, fused=True)
    update, seconds, smooth = 0, 0.0, math.nan
    if (checkpoint := run.checkpoint()) is not None:
        state = checkpoint.state
        load_weights(model, state["model"])
        load_moments(optimizer, state["optimizer"])
        windows.load_state_dict(state["windows"])
        update, seconds, smooth = state["update"], state["seconds"], state["smooth"]
        console.print(f"continues after update {update}")
    with progress_bar(console) as progress:
        bar = progress.add_task("IDM", total=1.0, state="")
        while (done := max(update / options.steps, seconds / options.seconds)) < 1.0:
            began, update = time.perf_counter(), update + 1
            frames, buttons, camera = (part.to(device) for part in windows.next_batch())
            rate = options.lr * warmup_cosine(update, max(update / options.steps, done), warmup=options.warmup)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss = -model(frames).log_prob(buttons, camera).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.max_grad_norm)
            check_finite(update, loss, norm)
            optimizer.step()
            smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
            seconds += time.perf_counter() - began
            finished = update >= options.steps or seconds >= options.seconds
            if update % args.log_every == 0 or finished:
                speed = update * options.batch_size * options.seq_len / seconds
                metrics = {"train/loss": smooth, "train/grad_norm": float(norm), "train/learning_rate": rate}
                run.log(update, {**metrics, "time/frames_per_second": speed, "time/train_seconds": seconds})
                progress.update(bar, completed=done, state=f"loss {smooth:.3f}, {speed:.0f} frames/s")
            if update % args.checkpoint_every == 0 or finished:
                parts = {name: part.state_dict() for name, part in (("model", model), ("optimizer", optimizer))}
                counters = {"update": update, "seconds": seconds, "smooth": smooth}
                run.save_checkpoint(update, {**parts, "windows": windows.state_dict(), **counters})
    model.eval()
    model.set_precision("fp32")
    return seconds


def evaluate(agent: IDMAgent, demos: list[Demo], cache: FrameCache) -> tuple[LabelScores, dict[str, Any]]:
    """Labels demos and compares the labels with the executed actions; returns the scores and their 95 % intervals."""
    labels = [agent.label(np.asarray(cache.frames(demo))) for demo in demos]
    truth = [demo.executed for demo in demos]
    return score(labels, truth), bootstrap(labels, truth)


def table(scores: LabelScores, intervals: dict[str, Any]) -> Table:
    """Returns the scores as a table to print."""
    rows = Table("", "labels", "95 % interval", "majority", title="on held-out demos")
    baseline = {"key_accuracy": scores.majority_accuracy, "exact_match": scores.majority_exact_match}
    for name, (low, high) in intervals.items():
        other = f"{baseline[name]:.3f}" if name in baseline else ""
        rows.add_row(name.replace("_", " "), f"{getattr(scores, name):.3f}", f"{low:.3f} to {high:.3f}", other)
    for name, one in scores.buttons.items():
        rows.add_row(f"F1 of {name} (held {one.share:.1%})", f"{one.f1:.3f}", "", "")
    return rows


def learn(args: Args, run: Run, console: Console) -> dict[str, Any]:
    """Trains, saves and scores a model; returns the figures."""
    torch.manual_seed(args.seed)
    learned, held_out = split(args.demos, run.demos(list_demos(args.demos)), args.held_out)
    console.print(f"demos: {len(learned)} to train on, {len(held_out)} to score on")
    if below := describe_demos_below(args.demos):
        console.print(f"[yellow]{below}")
    cache, options = FrameCache(), args.train
    windows = ActionWindows(
        learned,
        seq_len=options.seq_len,
        batch_size=options.batch_size,
        seed=args.seed,
        mirror=options.mirror,
        cache=cache,
    )
    if Path(args.model).is_dir():
        agent = IDMAgent.from_pretrained(args.model, device=args.device)
    else:
        agent = IDMAgent.from_config(args.model, seed=args.seed, device=args.device)
        init_motion_filters(agent.model)
        init_idm_heads(agent.model, *windows.labels)
    seconds = train(agent, windows, args, run, console)
    agent.save_pretrained(run.directory / "idm")
    scores, intervals = evaluate(agent, held_out, cache)
    console.print(table(scores, intervals))
    return {
        "what": "an inverse dynamics model of demos; scored on held-out ones of other seeds, over all of their ticks",
        "key_accuracy": "share of right labels over ticks and the buttons that are held at least once",
        "model": args.model,
        "seed": args.seed,
        "train": {
            **asdict(options),
            "demos": len(learned),
            "ticks": windows.n_ticks,
            "took": round(seconds, 1),
        },
        "held_out": {"demos": len(held_out), "ticks": sum(map(len, held_out))},
        "scores": asdict(scores),
        "intervals_95": intervals,
        "machine": {**describe("torch"), "threads": torch.get_num_threads()},
    }


def main(args: Args) -> None:
    """Trains, saves and scores."""
    with Run("idm", args) as run:
        report = learn(args, run, Console())
        run.write_results(report)
        if args.result is not None:
            args.result.parent.mkdir(parents=True, exist_ok=True)
            write_metadata(args.result, report)


if __name__ == "__main__":
    main(parse(Args))
