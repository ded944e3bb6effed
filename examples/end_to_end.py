"""All steps in one command: record, clone, evaluate, improve with DAgger, evaluate again. ``make demo`` runs it.

    python examples/end_to_end.py                    # about 9 minutes on two CPU cores
    python examples/end_to_end.py --preset quick     # about 3: the same steps, less of each
    python examples/end_to_end.py --resume runs/demo # continues after an interruption

A scripted expert chops trees in the embedded world and is recorded. A small pretrained VPT policy is fine-tuned on
the demos, evaluated in worlds it has never seen, improved by DAgger rounds, and evaluated again. Results go to
``runs/demo``: demos, checkpoints, metrics, learning curves, a video of the agent, and the table.
``vpt-gym report runs/demo`` shows them on one page.

Each step alone, with all options: ``record.py``, ``bc.py``, ``dagger.py``, ``evaluate.py``.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.players import SCRIPTED
from vpt_gym.collect.progress import RecordingProgress
from vpt_gym.collect.run import record
from vpt_gym.collect.seeds import SEEDS, training_worlds
from vpt_gym.collect.session import Recording
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.files.names import list_demos
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.curves import plot_curves
from vpt_gym.learning.dagger import collect_round, label_source, round_demos
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.film import film
from vpt_gym.learning.fit import TrainResult, fit
from vpt_gym.learning.fresh import is_fresh
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs, check_ranges, parse
from vpt_gym.learning.runs.directory import set_aside
from vpt_gym.learning.runs.run import Run
from vpt_gym.system.require import require


@dataclass(frozen=True)
class Preset:
    """The extent of each step."""

    demos: int
    bc_updates: int
    dagger_episodes: int
    dagger_updates: tuple[int, ...]
    """Updates after each DAgger round. The last round has more: it trains on all demos (docs/experiments.md)."""
    eval_episodes: int
    levels: tuple[str, ...] = ("easy", "default")
    """Levels of the worlds, which demos and rounds share evenly. All are evaluated after cloning and at the end."""


PRESETS = {
    "full": Preset(50, 600, 50, (600, 1200), 50),
    "quick": Preset(20, 300, 16, (200,), 50, levels=("easy",)),
    "smoke": Preset(2, 3, 2, (3,), 1),
}
ROUND_TICKS = 300
"""Maximum ticks of an episode in a DAgger round."""
BETA, STRETCH = 0.5, (10, 40)
"""In a round, the expert acts in this share of the ticks, for so many at a time (docs/experiments.md)."""


@dataclass
class Args:
    """Records, clones, evaluates, improves with DAgger and evaluates again."""

    preset: Literal["full", "quick", "smoke"] = "full"
    """full takes about 9 minutes on two CPU cores, quick 3; smoke only tests that every step works."""
    model: str = "nano-foundation"
    """What is fine-tuned: a saved agent, a name, or nano for fresh weights."""
    seed: int = 0
    """Seed of fresh weights, of the worlds of the demos and rounds, of the sampling and of the order of the batches."""
    run: RunArgs = field(default_factory=lambda: RunArgs(out=Path("runs/demo")))

    def __post_init__(self) -> None:
        check_ranges(self, not_negative=("seed",))


class EndToEnd:
    """One run: its agent, and the rows of its table, one for each method."""

    def __init__(self, args: Args, run: Run, console: Console) -> None:
        self.args, self.run, self.console, self.preset = args, run, console, PRESETS[args.preset]
        self.directory = run.directory
        self.easy = EnvArgs()
        self.seeds = SEEDS["evaluation"][: self.preset.eval_episodes]
        self.agent = load_agent(args.model, seed=args.seed)
        self.cache = FrameCache()
        self.rows: list[dict[str, Any]] = []

    def all_steps(self) -> None:
        """Clones, and improves in rounds. What an earlier process finished is not done again."""
        checkpoint = self.run.checkpoint()
        if checkpoint is not None:
            self.rows = checkpoint.state["rows"]
            self.agent = VPTAgent.from_pretrained(self.directory / self.rows[-1]["agent"], precision="auto")
        for step in range(len(self.rows), len(self.preset.dagger_updates) + 2):
            if step == 0:
                self.add_row("before", "agent_before", 0, TrainResult(0, 0, 0.0, math.nan), self.preset.levels)
            elif step == 1:
                self.clone()
            else:
                self.improve(step - 1)
            self.run.save_checkpoint(self.rows[-1]["updates"], {"rows": self.rows})

    def clone(self) -> None:
        """Records the scripted expert in worlds of each level, and clones it."""
        for level, seeds in self.by_level(training_worlds("demos", self.args.seed)[: self.preset.demos]).items():
            env, out = self.easy.with_kwargs(level=level), self.directory / f"demos_{level}"
            recording = Recording(out=out, env=env, episodes=len(seeds), seed=seeds[0])
            with RecordingProgress(recording, self.console) as progress:
                recorded = record(recording, on_episode=progress.advance)
            self.console.print(f"{recorded.demos} demos, {recorded.ticks:,} ticks in {out}")
        done = self.train(self.expert_demos(), self.preset.bc_updates, "BC")
        self.add_row("BC", "agent_bc", self.preset.demos, done, self.preset.levels)

    def improve(self, number: int) -> None:
        """Plays one DAgger round with the expert's labels, in worlds of each level, and trains on all demos so far."""
        levels, began = self.preset.levels, time.monotonic()
        labels = label_source(SCRIPTED, self.easy.id)
        with Progress(console=self.console) as progress:
            bar = progress.add_task(f"DAgger round {number}: playing", total=self.preset.dagger_episodes)
            for level, seeds in self.round_seeds(number).items():
                env = self.easy.with_kwargs(level=level, max_episode_steps=ROUND_TICKS)
                collect_round(
                    self.agent,
                    lambda folder, env=env: env.make(record_to=folder),
                    labels,
                    seeds,
                    self.round_directory(number, level),
                    beta=BETA,
                    stretch=STRETCH,
                    sampling_seed=self.args.seed + number,
                    on_episode=lambda _: progress.advance(bar),
                )
        played = time.monotonic() - began
        demos = self.expert_demos()
        for k, level in itertools.product(range(1, number + 1), levels):
            demos += round_demos(self.round_directory(k, level), self.round_seeds(k)[level])
        done = self.train(demos, self.preset.dagger_updates[number - 1], f"DAgger {number}")
        last = number == len(self.preset.dagger_updates)
        self.add_row(f"DAgger {number}", f"agent_{number}", len(demos), done, levels if last else ("easy",))
        self.rows[-1]["round_seconds"] = played

    def round_directory(self, number: int, level: str) -> Path:
        """Returns the directory of a round's demos in worlds of a level."""
        return self.directory / f"round_{number}_{level}"

    def round_seeds(self, number: int) -> dict[str, range]:
        """Returns the seeds of the worlds of each level in a round."""
        episodes = self.preset.dagger_episodes
        return self.by_level(training_worlds("dagger", self.args.seed)[(number - 1) * episodes : number * episodes])

    def by_level(self, seeds: range) -> dict[str, range]:
        """Shares worlds out among the levels, in parts of consecutive seeds."""
        levels, count = self.preset.levels, len(seeds)
        return {
            level: seeds[count * k // len(levels) : count * (k + 1) // len(levels)] for k, level in enumerate(levels)
        }

    def expert_demos(self) -> list[Path]:
        """Returns the demos of the scripted expert."""
        return [path for level in self.preset.levels for path in list_demos(self.directory / f"demos_{level}")]

    def train(self, demos: list[Path], updates: int, name: str) -> TrainResult:
        """Trains the agent on demos."""
        options, before = TrainArgs(steps=updates, precision="auto"), self.rows[-1]["updates"]
        dataset = make_dataset(tuple(demos), options, seed=self.args.seed + len(self.rows), cache=self.cache)
        if before == 0 and is_fresh(self.args.model):
            init_action_heads(self.agent.policy, dataset.labels)
        trainer = BCTrainer(self.agent.policy, dataset, options)
        return fit(
            trainer,
            log=lambda update, metrics: self.run.log(before + update, metrics),
            description=name,
            console=self.console,
        )

    def add_row(self, method: str, agent: str, demos: int, done: TrainResult, levels: tuple[str, ...]) -> None:
        """Saves the agent, evaluates it in unseen worlds of each level, and adds a row; its totals are cumulative."""
        self.agent.save_pretrained(self.directory / agent)
        row: dict[str, Any] = {"method": method, "agent": agent, "demos": demos}
        before = self.rows[-1] if self.rows else {"updates": 0, "frames": 0, "training_seconds": 0.0}
        row["updates"] = before["updates"] + done.updates
        row["frames"] = before["frames"] + done.frames
        row["training_seconds"] = before["training_seconds"] + done.seconds
        with Progress(console=self.console) as progress:
            for level in levels:
                bar = progress.add_task(f"evaluating in unseen {level} worlds", total=len(self.seeds))
                env = self.easy.with_kwargs(level=level)
                result = evaluate(self.agent, env.make, self.seeds, on_episode=lambda _, bar=bar: progress.advance(bar))
                self.console.print(f"  {level}: {result}")
                row[level] = {**result.summary(), "per_episode": result.per_episode()}
        self.rows.append(row)

    def evaluations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Returns method, level and figures of each evaluation."""
        return [(row["method"], level, row[level]) for row in self.rows for level in self.preset.levels if level in row]

    def of_the_agent(self) -> dict[str, Any]:
        """Returns the results of the last agent, which ``agent`` holds, as every trainer names them."""
        last, levels = self.rows[-1], self.preset.levels
        evaluation = {
            level: {name: figure for name, figure in last[level].items() if name != "per_episode"} for level in levels
        }
        return {"demos": {"trained": last["demos"]}, "frames": last["frames"], "evaluation": evaluation}

    def table(self) -> Table:
        """Returns the table of results."""
        table = Table(title=f"harvest_1_log in unseen worlds, seeds {self.seeds[0]:,} to {self.seeds[-1]:,}")
        for column in ("method", "level", "demos", "frames", "time", "success", "95 % CI"):
            table.add_column(column, justify="left" if column in ("method", "level") else "right", no_wrap=True)
        rows = {row["method"]: row for row in self.rows}
        for method, level, result in self.evaluations():
            row, (low, high) = rows[method], result["wilson95"]
            success = f"{result['successes']}/{result['episodes']} = {result['rate']:.0%}"
            effort = (str(row["demos"]), f"{row['frames']:,}", f"{row['training_seconds']:.0f} s")
            table.add_row(method, level, *effort, success, f"{low:.0%} to {high:.0%}")
        return table

    def draw(self) -> None:
        """Draws the loss and the success rates; the run itself draws all metrics (``curves.png``)."""
        entries = read_metrics(self.directory / "metrics.jsonl")
        losses, start = {}, 0
        for row in self.rows:
            part = [entry for entry in entries if start < entry["step"] <= row["updates"]]
            if part:
                losses[row["method"]] = [(entry["step"], entry["train/loss"]) for entry in part]
            start = row["updates"]
        bars = [
            (f"{method}\n{level}", result["successes"], result["episodes"], tuple(result["wilson95"]))
            for method, level, result in self.evaluations()
        ]
        title = "Imitation loss"
        axes = {title: ("updates", "nats per tick")}
        plot_curves(self.directory / "results.png", {title: losses}, labels=axes, bars=bars)


def main(args: Args) -> None:
    """Runs all steps and writes the results to the directory of the run."""
    require("matplotlib.figure", "train", purpose="drawing curves")  # before the training, not after
    console = Console()
    out = args.run.out
    if args.run.resume is None and out is not None and out.exists():
        console.print(f"the earlier run was moved to {set_aside(out)}")
    torch.manual_seed(args.seed)
    with Run("end_to_end", args) as run:
        steps = EndToEnd(args, run, console)
        steps.all_steps()
        steps.agent.save_pretrained(run.directory / "agent")
        film(steps.agent, lambda: steps.easy.make(render=True), SEEDS["validation"][:3], run.directory / "agent.mp4")
        settings = {"preset": args.preset, "seed": args.seed, **asdict(steps.preset)}
        threads = torch.get_num_threads()
        results = {"settings": settings, "threads": threads, "seconds": run.seconds, "rows": steps.rows}
        run.write_results({**results, **steps.of_the_agent()})
        console.print(steps.table())
        steps.draw()
        console.print(
            f"done in {run.seconds / 60:.1f} minutes: video, pictures, demos and checkpoints are in {run.directory}/"
        )


if __name__ == "__main__":
    main(parse(Args))
