"""All steps in one command: record, clone, evaluate, improve with DAgger, evaluate again. ``make demo`` runs it.

    python examples/end_to_end.py                    # at most 15 minutes on 2 CPU cores
    python examples/end_to_end.py --preset quick     # at most 4: the same steps, less of each

A scripted expert chops trees in the embedded world and is recorded. A small VPT policy is cloned from the demos,
evaluated in worlds it has never seen, improved by DAgger rounds, and evaluated again. Results go to ``runs/demo``:
demos, checkpoints, metrics, learning curves, a video of the agent, and the table.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import torch
import tyro
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import TASK_EXPERT, load_expert
from vpt_gym.collect.progress import RecordingProgress
from vpt_gym.collect.rollouts import Code
from vpt_gym.collect.run import record
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.collect.session import Recording
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.learning.bc import TrainArgs, TrainResult, make_dataset, train
from vpt_gym.learning.dagger import collect_round
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.film import film
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.logging import MetricLogger, plot_curves, read_metrics
from vpt_gym.system.machine import describe
from vpt_gym.system.require import require
from vpt_gym.wrappers.labels import label_next_step


@dataclass(frozen=True)
class Preset:
    """The extent of each step."""

    demos: int
    bc_seconds: float
    dagger_rounds: int
    dagger_episodes: int
    dagger_seconds: float
    eval_episodes: int
    levels: tuple[str, ...] = ("easy", "default")
    """Levels of the worlds to evaluate in, after cloning and after the last round."""


PRESETS = {
    "full": Preset(50, 190.0, 2, 50, 150.0, 50),
    "quick": Preset(20, 45.0, 1, 16, 30.0, 50, levels=("easy",)),
    "smoke": Preset(2, 3.0, 1, 2, 3.0, 2),
}
ROUND_TICKS = 300
"""Maximum ticks of an episode in a DAgger round."""


@dataclass
class Args:
    """Records, clones, evaluates, improves with DAgger and evaluates again."""

    preset: Literal["full", "quick", "smoke"] = "full"
    """full takes at most 15 minutes on 2 CPU cores, quick 4; smoke only tests that every step works."""
    out: Path = Path("runs/demo")
    """Directory of the results; an existing one is renamed first."""
    seed: int = 0
    """Seed of the weights, the sampling and the order of the batches."""


@dataclass(frozen=True)
class Row:
    """One method in the table of results. Totals are cumulative; evaluations are by level of the world."""

    method: str
    demos: int
    frames: int
    seconds: float
    evaluations: dict[str, Evaluation]


class ExpertLabels:
    """DAgger's loop in one world: the expert labels each tick, and the learner acts."""

    def __init__(self) -> None:
        self.expert = load_expert(TASK_EXPERT)()

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begins an episode."""
        self.expert.reset()

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Labels the state that the learner is in, and returns the learner's code."""
        label_next_step(env, self.expert.act(env))
        return code


class EndToEnd:
    """One run: its settings, its agent, and the rows of its table."""

    def __init__(self, args: Args, console: Console) -> None:
        self.args, self.console, self.preset = args, console, PRESETS[args.preset]
        self.easy = EnvArgs()
        self.seeds = SEEDS["evaluation"][: self.preset.eval_episodes]
        self.agent = VPTAgent.from_config("nano", seed=args.seed, precision="auto")
        self.cache = FrameCache()
        self.rows: list[Row] = []

    def train(self, directories: list[Path], seconds: float, seed: int, phase: str) -> TrainResult:
        """Trains the agent for some seconds on the demos of directories."""
        options = TrainArgs(steps=10**9, seconds=seconds, precision="auto")
        dataset = make_dataset(tuple(directories), options, seed=seed, cache=self.cache)
        if not self.rows:  # the weights are fresh
            init_action_heads(self.agent.policy, dataset.labels)
        with MetricLogger(self.args.out / "metrics.jsonl", resume=True) as logger:
            return train(self.agent.policy, dataset, options, logger=logger, phase=phase, console=self.console)

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

    def clone(self) -> None:
        """Records the scripted expert and clones it."""
        demos = self.args.out / "demos"
        recording = Recording(out=demos, env=self.easy, episodes=self.preset.demos)
        with RecordingProgress(recording, self.console) as progress:
            recorded = record(recording, on_episode=progress.advance)
        self.console.print(f"{recorded.demos} demos, {recorded.ticks:,} ticks in {demos}")
        done = self.train([demos], self.preset.bc_seconds, self.args.seed, "BC")
        self.agent.save_pretrained(self.args.out / "agent_bc")
        self.rows.append(Row("BC", self.preset.demos, done.frames, done.seconds, self.evaluate(self.preset.levels)))

    def improve(self, number: int) -> None:
        """Plays one DAgger round with the expert's labels, and trains on all demos so far."""
        episodes = self.preset.dagger_episodes
        env = self.easy.with_kwargs(max_episode_steps=ROUND_TICKS)
        directories = [self.args.out / "demos", *(self.args.out / f"round_{k}" for k in range(1, number + 1))]
        with Progress(console=self.console) as progress:
            bar = progress.add_task(f"DAgger round {number}: the learner plays", total=episodes)
            collect_round(
                self.agent,
                lambda folder: env.make(record_to=folder),
                ExpertLabels,
                SEEDS["dagger"][(number - 1) * episodes : number * episodes],
                directories[-1],
                beta=0.0,
                expert=TASK_EXPERT,
                sampling_seed=self.args.seed + number,
                on_episode=lambda _: progress.advance(bar),
            )
        done = self.train(directories, self.preset.dagger_seconds, self.args.seed + number, f"DAgger {number}")
        self.agent.save_pretrained(self.args.out / f"agent_{number}")
        levels = self.preset.levels if number == self.preset.dagger_rounds else ("easy",)
        demos, frames, seconds = self.rows[-1].demos, self.rows[-1].frames, self.rows[-1].seconds
        totals = (demos + episodes, frames + done.frames, seconds + done.seconds)
        self.rows.append(Row(f"DAgger {number}", *totals, self.evaluate(levels)))

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
        """Returns the results as plain numbers, for a JSON file."""
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
        """Draws the learning curves and the success rates."""
        entries = read_metrics(self.args.out / "metrics.jsonl")
        phases = dict.fromkeys(entry["phase"] for entry in entries)
        losses = {p: [(e["frames"], e["loss"]) for e in entries if e["phase"] == p] for p in phases}
        title = "Imitation loss"
        bars = [
            (f"{row.method}\n{level}", result.successes, len(result.episodes), result.interval)
            for row in self.rows
            for level, result in row.evaluations.items()
        ]
        axes = {title: ("frames in this phase", "nats per tick")}
        plot_curves(self.args.out / "curves.png", {title: losses}, labels=axes, bars=bars)


def main(args: Args) -> None:
    """Runs all steps and writes the results to ``args.out``."""
    require("matplotlib.figure", "plot", purpose="drawing curves")  # before the training, not after
    console = Console()
    start = time.perf_counter()
    if args.out.exists():
        aside = args.out.with_name(f"{args.out.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        args.out.rename(aside)
        console.print(f"the earlier run was moved to {aside}")
    torch.manual_seed(args.seed)
    run = EndToEnd(args, console)
    run.clone()
    for number in range(1, run.preset.dagger_rounds + 1):
        run.improve(number)
    run.agent.save_pretrained(args.out / "agent")
    film(run.agent, lambda: run.easy.make(render=True), SEEDS["validation"][:3], args.out / "agent.mp4")
    seconds = time.perf_counter() - start
    (args.out / "results.json").write_text(json.dumps(run.report(seconds), indent=2) + "\n", encoding="utf-8")
    console.print(run.table())
    run.draw()
    console.print(f"done in {seconds / 60:.1f} minutes: video, curves, demos and checkpoints are in {args.out}/")


if __name__ == "__main__":
    main(tyro.cli(Args))
