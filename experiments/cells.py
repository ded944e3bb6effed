"""The cells of docs/results.md: which commands make which figure.

A cell is one training with one seed. Its commands run one after the other, in the root of the repository.
``$out`` is a directory of its own, ``$(NAME)`` that of another cell with the same seed, which runs first, and
``$(NAME-SEED)`` that of one with another seed.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

SEEDS = (0, 1, 2)
"""Training seeds."""
RUNS = Path("runs/results")
"""Where the cells run. Their figures are kept in ``experiments/results/``; the rest may be deleted."""
_OTHER = re.compile(r"\$\(([\w-]+?)(?:-(\d+))?\)")


@dataclass(frozen=True)
class Cell:
    """One training with one seed.

    Attributes:
        name: Name of the training, such as ``"demo"``.
        seed: Its seed.
        templates: What follows ``python`` in each command, quoted as in a shell; ``$seed``, ``$out`` and ``$(NAME)``
            are replaced.
        results: File with the figures, below the directory of the cell; None if it has no figures.
    """

    name: str
    seed: int
    templates: tuple[str, ...]
    results: str | None = "results.json"

    @property
    def id(self) -> str:
        """Name and seed."""
        return f"{self.name}-{self.seed}"

    @property
    def directory(self) -> Path:
        """Where the cell runs."""
        return RUNS / self.id

    @property
    def commands(self) -> list[list[str]]:
        """The words after ``python`` of each command."""

        def filled(word: str) -> str:
            word = _OTHER.sub(lambda match: str(RUNS / self._other(match)), word)
            return word.replace("$seed", str(self.seed)).replace("$out", str(self.directory))

        return [[filled(word) for word in shlex.split(template)] for template in self.templates]

    @property
    def needs(self) -> set[str]:
        """The ids of the cells whose directories the commands use."""
        return {self._other(match) for template in self.templates for match in _OTHER.finditer(template)}

    def _other(self, match: re.Match[str]) -> str:
        """Returns the id of the cell that is named in a template."""
        return f"{match[1]}-{self.seed if match[2] is None else match[2]}"


DEMO = ("examples/end_to_end.py --seed $seed --out $out",)
"""Records 50 demos, clones them, and improves in two DAgger rounds."""
WEAK_START = (
    "examples/record.py --episodes 5 --out $out/demos",
    "examples/bc.py --demos $out/demos --seed $seed --out $out/bc --train.steps 600 --train.precision bf16 "
    "--validation 0 --rollout-episodes 0 --eval-episodes 0",
)
"""Clones 5 demos."""
PPO = (
    "examples/ppo.py --model $(weak-start)/bc/agent --seed $seed --out $out --iterations 150 --seconds 7200 "
    """--env-kwargs '{"level": "default", "dense_reward": true}' --episode-ticks 300 --gamma 0.99 """
    "--freeze net.img_process.* --train-precision bf16 --lr 2e-4 --epochs 3 --target-kl 0.03 --kl-coefficient 0.1 "
    "--warmup-iterations 3 --eval-episodes 100"
)
"""Improves the weak start in default worlds."""

DISTIL = (
    "examples/distill.py --teacher $(demo)/agent --demos $(demo)/demos_easy $(demo)/demos_default --demo-share 0.5 "
    "--iterations 30 --replay 4 "
    "--student.hidsize 128 --student.attention-heads 2 --student.impala-width 0.5 --train-precision bf16 "
    "--seed $seed --out $out --eval-episodes 100"
)
"""Distils the demo's agent into a policy of 1.9 million parameters."""

PRETRAIN = ("examples/pretrain.py --videos 200 --idm-updates 5000 --updates 6000 --seed $seed --out $out",)
"""Pretrains on play without labels; its model for videos comes with the package (``python -m experiments.bundle``)."""
FOUNDATION = "$(pretrain-0)/foundation/agent"
DEFAULT = """--env-kwargs '{"level": "default"}'"""
PARTS = {"a": (0, 5), "b": (5, 5), "c": (10, 10), "d": (20, 30), "e": (50, 50)}
"""Parts of the demos: the first seed and the number of episodes. The first k parts are 5, 10, 20, 50 or 100 demos."""
LOG_DEMOS = tuple(
    f"examples/record.py {DEFAULT} --seed 10$seed{first:02d} --episodes {episodes} --out $out/{part}"
    for part, (first, episodes) in PARTS.items()
)
"""Records 100 demos in default worlds, others for each training seed."""
ZERO_SHOT = (
    f"examples/evaluate.py --model {FOUNDATION} {DEFAULT} --sampling-seed $seed --episodes 100 --video-episodes 0 "
    "--out $out",
)
"""Plays the foundation model as it is."""
STARTS = {"scratch": "--model nano --train.steps 1500", "foundation": f"--model {FOUNDATION} --train.steps 600"}
"""Where cloning starts, and how long it takes."""


def clone(demos: int, start: str) -> tuple[str, ...]:
    """Returns the command that clones some of the demos in default worlds, and plays 100 unseen worlds."""
    parts = [part for part, (first, _) in PARTS.items() if first < demos]
    words = " ".join(f"$(log-demos)/{part}" for part in parts)
    return (
        f"examples/bc.py --demos {words} {STARTS[start]} --seed $seed --out $out --train.precision bf16 --validation 0 "
        f"--rollout-episodes 0 {DEFAULT} --eval-episodes 100",
    )


DEMO_COUNTS = (5, 10, 20, 50, 100)

CELLS: tuple[Cell, ...] = (
    *(Cell("demo", seed, DEMO) for seed in SEEDS),
    Cell("weak-start", 0, WEAK_START, results="bc/results.json"),
    Cell("ppo", 0, (PPO,)),
    Cell("ppo-without-kl", 0, (f"{PPO} --kl-coefficient 0",)),
    Cell("distil", 1, (DISTIL,)),
    Cell("pretrain", 0, PRETRAIN),
    *(Cell("zero-shot", seed, ZERO_SHOT) for seed in SEEDS),
    *(Cell("log-demos", seed, LOG_DEMOS, results=None) for seed in SEEDS),
    *(
        Cell(f"bc-{demos}-{start}", seed, clone(demos, start))
        for seed in SEEDS
        for demos in DEMO_COUNTS
        for start in STARTS
    ),
)
"""All cells, in the order in which they run."""
