"""VPT in miniature: a foundation model from play without labels. ``make pretrain`` runs it.

    python examples/pretrain.py                      # a night on 2 CPU cores
    python examples/pretrain.py --preset quick       # 20 minutes: the same steps, less of each
    vpt-gym play --agent runs/pretrain/early-game/agent --agent-first

As in Baker et al. 2022 (arXiv:2206.11795): an inverse dynamics model (IDM) learns from a little labelled play and
labels the actions in many hours of video, and a policy is cloned from these labels. Then it is fine-tuned on demos of
the early game, as the authors did with their contractors' recordings. Here scripted players take the place of people:
of many skills and aims in ``vpt_gym/Play-v0``, and experts in the tasks of ``EARLY_GAME``, whose actions are known.

Each step is one command, which is printed and can be run alone. The same command again continues an interrupted run.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.runs.args import check_counts, check_ranges
from vpt_gym.learning.runs.directory import RESULTS, remaining_command
from vpt_gym.system.command_line import read_command_line
from vpt_gym.world.ids import PLAY, PLAY_STEPS, env_id

EXAMPLES = Path(__file__).resolve().parent
VIDEO_SEEDS = SEEDS["play"][100_000:]
"""Worlds of the videos; those of the labelled play come before."""
EARLY_GAME_SEEDS = SEEDS["play"][200_000:]
"""Worlds of the demos of the early game, 1,000 for each task."""
EARLY_GAME = {
    "harvest_1_log_plains": 120,
    "harvest_1_log_forest": 150,
    "harvest_1_log_taiga": 150,
    "harvest_8_log": 40,
    "harvest_1_dirt": 100,
    "harvest_8_dirt": 40,
    "harvest_1_cobblestone_with_wooden_pickaxe": 80,
    "harvest_1_cobblestone": 40,
    "harvest_1_coal_with_stone_pickaxe": 60,
    "combat_pig_plains_barehand": 100,
    "combat_cow_plains_barehand": 80,
    "vpt_combat_zombie_plains": 60,
}
"""Tasks of the early game, and the demos of each in the full preset. Left out, to be tested as something new:
``harvest_1_log`` itself, and all that needs shears, a bucket or a sheep."""


@dataclass(frozen=True)
class Preset:
    """The extent of each step."""

    labelled: int
    """Episodes of labelled play, 2,400 ticks (2 minutes) each; at most an hour is 30."""
    held_out: int
    """Of these, episodes that the IDM is scored on."""
    videos: int
    """Episodes of play without labels; 20 hours are 600."""
    idm_updates: int
    updates: int
    """Updates of the foundation model, 128 ticks each."""
    early_game: float
    """Share of the demos of ``EARLY_GAME``, rounded for each task."""
    early_game_updates: int
    """Updates on the early game, 128 ticks each."""
    episode_ticks: int = PLAY_STEPS
    drop_null: str = "mask"
    """Ticks in which nothing is pressed (see TrainArgs). A few updates of the IDM find nothing else."""


PRESETS = {
    "full": Preset(30, 4, 600, 8000, 24_000, 1.0, 8000),
    "quick": Preset(8, 2, 25, 1000, 1800, 0.1, 600),
    "smoke": Preset(2, 1, 2, 2, 2, 0.0034, 2, episode_ticks=160, drop_null="keep"),
}


@dataclass
class Args:
    """Records play, trains an inverse dynamics model, labels video, and pretrains a policy."""

    preset: Literal["full", "quick", "smoke"] = "full"
    """full takes a night on 2 CPU cores, quick 20 minutes; smoke only tests that every step works."""
    videos: int | None = None
    """Episodes of play without labels, 2 minutes each; None: as the preset says."""
    idm_updates: int | None = None
    """Updates of the inverse dynamics model; None: as the preset says."""
    updates: int | None = None
    """Updates of the foundation model, 128 ticks each; None: as the preset says."""
    early_game_updates: int | None = None
    """Updates on the early game, 128 ticks each; None: as the preset says."""
    out: Path = Path("runs/pretrain")
    """Directory of all steps."""
    num_envs: int = 2
    """Envs that record in parallel, each in its own process."""
    seed: int = 0
    """Seed of the weights and of the order of the batches."""

    def __post_init__(self) -> None:
        check_counts(self, "num_envs")
        check_ranges(self, not_negative=("seed",))


@dataclass(frozen=True)
class Step:
    """One command: ``python`` and these words. ``out`` is the directory that it writes."""

    name: str
    out: Path
    words: list[str]

    def run(self, console: Console) -> None:
        """Runs the command, or continues it."""
        words = remaining_command(self.words, self.out)  # of a trainer; recording and labelling continue by themselves
        if words is None:
            console.print(f"[bold]{self.name}[/]: done")
            return
        console.print(f"[bold]{self.name}[/]: python {shlex.join(words)}", soft_wrap=True)
        subprocess.run([sys.executable, *words], check=True)


def extent_of(args: Args) -> Preset:
    """Returns the extent of each step: that of the preset, but for the options that are given."""
    given = {name: getattr(args, name) for name in ("videos", "idm_updates", "updates", "early_game_updates")}
    return replace(PRESETS[args.preset], **{name: value for name, value in given.items() if value is not None})


def tasks_of(preset: Preset) -> dict[str, int]:
    """Returns the tasks of the early game of which demos are recorded, and how many of each."""
    shares = {task: round(preset.early_game * demos) for task, demos in EARLY_GAME.items()}
    return {task: demos for task, demos in shares.items() if demos}


def steps_of(args: Args) -> list[Step]:
    """Returns the steps in their order."""
    preset, out = extent_of(args), args.out

    def step(name: str, folder: str, *words: object) -> Step:
        return Step(name, out / folder, [*map(str, words), "--out", str(out / folder)])

    record, idm, bc = (EXAMPLES / script for script in ("record.py", "idm.py", "bc.py"))
    limit = json.dumps({"max_episode_steps": preset.episode_ticks})
    play = ("--env", PLAY, "--env-kwargs", limit, "--num-envs", args.num_envs)
    early_game = [
        step(
            f"demos of {task}", f"early-game-demos/{task}", record, "--env", env_id(task),
            "--num-envs", args.num_envs, "--episodes", demos, "--seed", EARLY_GAME_SEEDS[1000 * k],
        )
        for k, (task, demos) in enumerate(tasks_of(preset).items())
    ]  # fmt: skip
    cloning = (
        "--seed", args.seed, "--train.drop-null", preset.drop_null, "--train.warmup", 200, "--train.precision", "auto",
        "--cache-gib", 24, "--rollout-episodes", 0, "--eval-episodes", 0,
        "--validation", 1 if preset.videos < 50 else 0.02,
    )  # fmt: skip
    return [
        step("play with labels", "labelled", record, *play, "--episodes", preset.labelled),
        step(
            "play without labels", "videos", record, *play, "--video-only", "--episodes", preset.videos,
            "--seed", VIDEO_SEEDS.start,
        ),
        *early_game,
        step(
            "inverse dynamics model", "idm", idm, "--demos", out / "labelled",
            "--held-out", preset.held_out, "--seed", args.seed, "--train.steps", preset.idm_updates,
            "--train.precision", "bf16",
        ),
        step("labels", "demos", "-m", "vpt_gym", "label", out / "videos", "--model", out / "idm" / "idm"),
        step(
            "foundation model", "foundation", bc, "--demos", out / "demos", *cloning, "--train.steps", preset.updates,
        ),
        step(
            "early game", "early-game", bc, "--demos", *(demos.out for demos in early_game),
            "--model", out / "foundation" / "agent", *cloning, "--train.steps", preset.early_game_updates,
        ),
    ]  # fmt: skip


def report(args: Args, console: Console) -> None:
    """Prints and writes what the models know of videos that they did not learn from."""
    out = args.out
    folders = ("idm", "foundation", "early-game")
    idm, *policies = (json.loads((out / folder / RESULTS).read_text(encoding="utf-8")) for folder in folders)
    extent = extent_of(args)
    results = {"extent": asdict(extent), "tasks": tasks_of(extent), "seed": args.seed, "idm": idm}
    results |= zip(folders[1:], policies, strict=True)
    (out / RESULTS).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    scores: dict[str, Any] = idm["scores"]
    console.print(
        f"inverse dynamics model, on {idm['held_out']['ticks']:,} held-out ticks: {scores['key_accuracy']:.1%} of the "
        f"keys (always the more frequent: {scores['majority_accuracy']:.1%}), camera R² {scores['camera_r2']:.2f}"
    )
    for title, policy in zip(("foundation model", "after the early game"), policies, strict=True):
        console.print(
            f"{title}, {policy['frames']:,} frames: on held-out episodes of this step a loss of "
            f"{policy['kept']['validation_loss']:.2f} nats per tick"
        )
    console.print(f"{out / 'early-game' / 'agent'}")


def main(args: Args) -> None:
    """Runs all steps."""
    console = Console()
    for step in steps_of(args):
        step.run(console)
    report(args, console)


if __name__ == "__main__":
    main(read_command_line(Args))
