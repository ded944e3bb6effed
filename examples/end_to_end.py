"""The whole story in one command: record, clone, evaluate, improve with DAgger, evaluate again.

    python examples/end_to_end.py                    # at most 15 minutes on 2 CPU cores
    python examples/end_to_end.py --preset quick     # at most 4: the same steps, less of each

A scripted expert chops trees in the embedded world and is recorded; a small VPT policy is cloned from the recordings,
evaluated in worlds it has never seen, improved by DAgger rounds, and evaluated again. Everything is left in
``runs/demo``: demos, checkpoints, metrics, learning curves, a video of the agent, and the table.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import bc
import dagger
import record
import torch
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from zero_shot import film

from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.logging import MetricLogger, check_plots, plot_curves, read_metrics
from vpt_gym.system.machine import describe


@dataclass(frozen=True)
class Preset:
    """How much of each step."""

    demos: int
    bc_seconds: float
    dagger_rounds: int
    dagger_episodes: int
    dagger_seconds: float
    eval_episodes: int
    levels: tuple[str, ...] = ("easy", "default")
    """Levels of the worlds to evaluate in, before and after DAgger."""


PRESETS = {
    "full": Preset(50, 190.0, 2, 50, 150.0, 50),
    "quick": Preset(20, 45.0, 1, 16, 30.0, 50, levels=("easy",)),
    "smoke": Preset(2, 3.0, 1, 2, 3.0, 2),
}


@dataclass
class Args:
    """The complete run: record, clone, evaluate, DAgger, evaluate."""

    preset: Literal["full", "quick", "smoke"] = "full"
    out: Path = Path("runs/demo")
    """Where everything goes; an earlier run there is moved aside."""
    seed: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table; evaluations by level of the world."""

    method: str
    demos: int
    frames: int
    seconds: float
    evaluations: dict[str, Evaluation]


class EndToEnd:
    """One run: its settings, its agent, and the rows of its table."""

    def __init__(self, args: Args, console: Console) -> None:
        self.args, self.console, self.preset = args, console, PRESETS[args.preset]
        self.easy = EnvArgs()
        self.seeds = SEEDS["evaluation"][: self.preset.eval_episodes]
        self.agent = VPTAgent.from_config("nano", seed=args.seed)
        self.cache = FrameCache()
        self.rows: list[Row] = []

    def evaluate(self, levels: tuple[str, ...]) -> dict[str, Evaluation]:
        """Evaluates the agent in unseen worlds of each level."""
        result = {}
        with Progress(console=self.console) as progress:
            for level in levels:
                bar = progress.add_task(f"evaluating in unseen {level} worlds", total=len(self.seeds))
                env = self.easy.with_kwargs(level=level)
                result[level] = evaluate(
                    self.agent, env.make, self.seeds, on_episode=lambda _, bar=bar: progress.advance(bar)
                )
                self.console.print(f"  {level}: {result[level]}")
        return result

    def train_args(self, seconds: float) -> bc.TrainArgs:
        """Returns how to train for so many seconds."""
        return bc.TrainArgs(steps=10**9, seconds=seconds, precision="auto")

    def clone(self) -> None:
        """Behavioural cloning of the recorded expert."""
        demos = self.args.out / "demos"
        record.main(record.Args(out=demos, episodes=self.preset.demos, env=self.easy), self.console)
        settings = self.train_args(self.preset.bc_seconds)
        dataset = bc.make_dataset((demos,), settings, seed=self.args.seed, cache=self.cache)
        init_action_heads(self.agent.policy, dataset.labels)
        with MetricLogger(self.args.out / "metrics.jsonl") as logger:
            done = bc.train(self.agent.policy, dataset, settings, logger=logger, phase="BC", console=self.console)
        self.agent.save_pretrained(self.args.out / "agent_bc")
        self.rows.append(Row("BC", self.preset.demos, done.frames, done.seconds, self.evaluate(self.preset.levels)))

    def improve(self) -> None:
        """DAgger rounds from there."""
        settings = dagger.Args(
            demos=(self.args.out / "demos",),
            model="nano",
            out=self.args.out,
            rounds=self.preset.dagger_rounds,
            episodes=self.preset.dagger_episodes,
            seed=self.args.seed,
            train=self.train_args(self.preset.dagger_seconds),
            env=self.easy,
            eval_episodes=0,
        )
        options = {"cache": self.cache, "resume": True, "on_round": self.after_round}
        dagger.run(self.agent, settings, console=self.console, **options)

    def after_round(self, result: dagger.Round) -> None:
        """Evaluates the agent of one round and adds its row; totals are cumulative."""
        last = result.number == self.preset.dagger_rounds
        before, training = self.rows[-1], result.training
        self.rows.append(
            Row(
                f"DAgger {result.number}",
                before.demos + self.preset.dagger_episodes,
                before.frames + training.frames,
                before.seconds + training.seconds,
                self.evaluate(self.preset.levels if last else ("easy",)),
            )
        )

    def table(self) -> Table:
        """Returns the table of results."""
        table = Table(title=f"harvest_1_log in unseen worlds, seeds {self.seeds[0]:,} to {self.seeds[-1]:,}")
        for column in ("method", "level", "demos", "frames", "time", "success", "95 % CI"):
            table.add_column(column, justify="left" if column in ("method", "level") else "right", no_wrap=True)
        for row in self.rows:
            for level, result in row.evaluations.items():
                low, high = result.interval
                success = f"{result.successes}/{len(result.episodes)} = {result.rate:.0%}"
                effort = (str(row.demos), f"{row.frames:,}", f"{row.seconds:.0f} s")
                table.add_row(row.method, level, *effort, success, f"{low:.0%} to {high:.0%}")
        return table

    def report(self, seconds: float) -> dict[str, Any]:
        """Returns the results as plain numbers."""
        rows = [
            {
                "method": row.method,
                "demos": row.demos,
                "frames": row.frames,
                "training_seconds": row.seconds,
                **{level: result.summary() for level, result in row.evaluations.items()},
            }
            for row in self.rows
        ]
        machine = {**describe("torch", "numba", "vpt-gym"), "threads": torch.get_num_threads()}
        settings = {"preset": self.args.preset, "seed": self.args.seed, **asdict(self.preset)}
        return {"settings": settings, "machine": machine, "seconds": seconds, "rows": rows}

    def draw(self) -> None:
        """Draws the learning curves."""
        entries = read_metrics(self.args.out / "metrics.jsonl")
        phases = dict.fromkeys(entry["phase"] for entry in entries)
        losses = {p: [(e["frames"], e["loss"]) for e in entries if e["phase"] == p] for p in phases}
        title = "Imitation loss"
        bars = [
            (f"{row.method}\n{level}", result.rate, result.interval)
            for row in self.rows
            for level, result in row.evaluations.items()
        ]
        axes = {title: ("frames in this phase", "nats a tick")}
        plot_curves(self.args.out / "curves.png", {title: losses}, labels=axes, bars=bars)


def main(args: Args) -> None:
    """Runs all steps and leaves its results in ``args.out``."""
    check_plots()
    console = Console()
    start = time.perf_counter()
    if args.out.exists():
        aside = args.out.with_name(f"{args.out.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        args.out.rename(aside)
        console.print(f"the earlier run was moved to {aside}")
    torch.manual_seed(args.seed)
    run = EndToEnd(args, console)
    run.clone()
    run.improve()
    run.agent.save_pretrained(args.out / "agent")
    film(run.agent, run.easy, SEEDS["validation"][:3], args.out / "agent.mp4")
    seconds = time.perf_counter() - start
    (args.out / "results.json").write_text(json.dumps(run.report(seconds), indent=2) + "\n", encoding="utf-8")
    console.print(run.table())
    run.draw()
    console.print(f"done in {seconds / 60:.1f} minutes: video, curves, demos and checkpoints are in {args.out}/")


if __name__ == "__main__":
    main(tyro.cli(Args))
