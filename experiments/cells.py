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

from vpt_gym.world.ids import env_id

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
        course: Metric of the training whose course is kept too, by the ticks played, or by updates.
    """

    name: str
    seed: int
    templates: tuple[str, ...]
    results: str | None = "results.json"
    course: str | None = None

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
_ROUNDS = " ".join(
    f"$(demo)/{part}_{level}" for part in ("demos", "round_1", "round_2") for level in ("easy", "default")
)
MORE_ROUNDS = (
    f"examples/dagger.py --demos {_ROUNDS} --model $(demo)/agent_2 --seed $seed --out $out --rounds 3 --episodes 50 "
    """--stretch 10 40 --env-kwargs '{"level": "default"}' --train.steps 1200 --train.precision bf16 """
    "--validation-episodes 100 --eval-episodes 0 beta:constant-beta --beta.value 0.5",
)
"""Goes on from the demo's agent with three rounds in default worlds, and keeps the best in validation worlds."""
FRESH_AGENTS = ("$(demo)/agent_bc", "$(bc-100-foundation)/agent", "$(demo)/agent_2", "$(more-rounds)/agent")
"""The clones of 50 and of 100 demos, and the agents after two and after further rounds."""
FRESH_WORLDS = (
    f"examples/evaluate.py --model {' '.join(FRESH_AGENTS)} --levels easy default --skip 150 --episodes 100 "
    "--video-episodes 0 --out $out",
)
"""Plays agents in worlds that were not used for any choice: the first 150 influenced the demo's numbers of updates."""
WEAK_START = (
    "examples/record.py --episodes 5 --out $out/demos",
    "examples/bc.py --demos $out/demos --seed $seed --out $out/bc --train.steps 600 --train.precision bf16 "
    "--validation 0 --rollout-episodes 0 --eval-episodes 0",
)
"""Clones 5 demos."""


def ppo(model: str) -> str:
    """Returns the command that improves a policy in default worlds; later options replace earlier ones."""
    return (
        f"examples/ppo.py --model {model} --seed $seed --out $out --iterations 150 --seconds 7200 "
        """--env-kwargs '{"level": "default", "dense_reward": true}' --episode-ticks 300 --gamma 0.99 """
        "--freeze net.img_process.* --train-precision bf16 --lr 2e-4 --epochs 3 --target-kl 0.03 --kl-coefficient 0.1 "
        "--warmup-iterations 3 --eval-episodes 100"
    )


PPO = ppo("$(weak-start)/bc/agent")
PPO_FOUNDATION = ppo("nano-foundation")
PPO_OTHERS = {
    "ppo-demo": ppo("$(demo)/agent_2"),
    "ppo-foundation-without-kl": f"{PPO_FOUNDATION} --kl-coefficient 0",
    # fresh weights: nothing to stay close to, an image network that must learn, and the entropy bonus of Baker et al.
    "ppo-scratch": f"{ppo('nano')} --freeze --kl-coefficient 0 --entropy-coefficient 0.01",
}
"""PPO from the demo's agent after two rounds, without the KL term, and from fresh weights."""

DISTIL = (
    "examples/distill.py --teacher $(demo)/agent --demos $(demo)/demos_easy $(demo)/demos_default --demo-share 0.5 "
    "--iterations 30 --replay 4 "
    "--student.hidsize 128 --student.attention-heads 2 --student.impala-width 0.5 --train-precision bf16 "
    "--seed $seed --out $out --eval-episodes 100"
)
"""Distils the demo's agent into a policy of 1.9 million parameters."""

PRETRAIN = (
    "examples/pretrain.py --videos 200 --idm-updates 5000 --updates 6000 --early-game-updates 6000 "
    "--seed $seed --out $out",
)
"""Pretrains on videos without labels; its models come with the package (``python -m experiments.bundle``)."""
FOUNDATION = "nano-foundation"
DEFAULT = """--env-kwargs '{"level": "default"}'"""
PARTS = {"a": (0, 5), "b": (5, 5), "c": (10, 10), "d": (20, 30), "e": (50, 50)}
"""Parts of the demos: the first seed and the number of episodes. The first k parts are 5, 10, 20, 50 or 100 demos."""
LOG_DEMOS = tuple(
    f"examples/record.py {DEFAULT} --seed 10$seed{first:02d} --episodes {episodes} --out $out/{part}"
    for part, (first, episodes) in PARTS.items()
)
"""Records 100 demos in default worlds, others for each training seed."""
STARTS = {"scratch": "--model nano --train.steps 1500", "foundation": f"--model {FOUNDATION} --train.steps 600"}
"""Where cloning starts, and how long it takes."""
KEPT_NEAR = "--train.kl-to-start 0.3"
"""Keeps a fine-tuned policy near the one that it started from (docs/experiments.md)."""


def zero_shot(env: str = DEFAULT) -> tuple[str, ...]:
    """Returns the command that plays the foundation model as it is."""
    return (
        f"examples/evaluate.py --model {FOUNDATION} {env} --sampling-seed $seed --episodes 100 --video-episodes 0 "
        "--out $out",
    )


def paths_of(demos: int) -> str:
    """Returns the directories of so many demos in default worlds."""
    return " ".join(f"$(log-demos)/{part}" for part, (first, _) in PARTS.items() if first < demos)


def nearest(demos: int) -> tuple[str, ...]:
    """Returns the command that imitates demos by search in the latents of the foundation model."""
    return (
        f"examples/nearest_neighbour.py --model {FOUNDATION} --demos {paths_of(demos)} {DEFAULT} --episodes 100 "
        "--out $out",
    )


def clone(demos: str, start: str, episodes: int, env: str = DEFAULT) -> tuple[str, ...]:
    """Returns the command that clones demos, and plays unseen worlds of the environment that the options name."""
    return (
        f"examples/bc.py --demos {demos} {start} --seed $seed --out $out --train.precision bf16 --validation 0 "
        f"--rollout-episodes 0 {env} --eval-episodes {episodes}",
    )


COUNTS = (5, 10, 20, 50, 100)
"""Numbers of demos."""

TASKS = {
    "8-log": "harvest_8_log",
    "cobblestone": "harvest_1_cobblestone_with_wooden_pickaxe",
    "pig": "combat_pig_plains_barehand",
    "wool": "harvest_wool_with_shears_and_sheep",
}
"""Other tasks, each with 20 demos."""


def task_demos(task: str) -> tuple[str, ...]:
    """Returns the command that records 20 demos of a task, others for each training seed."""
    return (f"examples/record.py --env {env_id(task)} --seed 11$seed00 --episodes 20 --out $out",)


CELLS: tuple[Cell, ...] = (
    *(Cell("demo", seed, DEMO) for seed in SEEDS),
    *(Cell("more-rounds", seed, MORE_ROUNDS, course="validation/success") for seed in SEEDS),
    Cell("weak-start", 0, WEAK_START, results="bc/results.json"),
    Cell("ppo", 0, (PPO,)),
    Cell("ppo-without-kl", 0, (f"{PPO} --kl-coefficient 0",)),
    *(Cell("ppo-foundation", seed, (PPO_FOUNDATION,), course="rollout/success") for seed in SEEDS),
    *(Cell(name, 0, (command,), course="rollout/success") for name, command in PPO_OTHERS.items()),
    Cell("distil", 1, (DISTIL,)),
    Cell("pretrain", 0, PRETRAIN),
    *(Cell("log-demos", seed, LOG_DEMOS, results=None) for seed in SEEDS),
    *(Cell("zero-shot", seed, zero_shot()) for seed in SEEDS),
    *(
        Cell(f"bc-{demos}-{start}", seed, clone(paths_of(demos), words, 100))
        for seed in SEEDS
        for start, words in STARTS.items()
        for demos in COUNTS
    ),
    *(Cell("fresh-worlds", seed, FRESH_WORLDS) for seed in SEEDS),
    *(
        Cell(f"bc-{demos}-scratch-600", seed, clone(paths_of(demos), "--model nano --train.steps 600", 100))
        for seed in SEEDS
        for demos in (5, 20)
    ),
    *(
        Cell("bc-100-foundation-300", seed, clone(paths_of(100), f"--model {FOUNDATION} --train.steps 300", 100))
        for seed in SEEDS
    ),
    *(
        Cell(f"bc-{demos}-foundation-kl", seed, clone(paths_of(demos), f"{STARTS['foundation']} {KEPT_NEAR}", 100))
        for seed in SEEDS
        for demos in (20, 50, 100)
    ),
    *(Cell("nearest-20", seed, nearest(20)) for seed in SEEDS),
    *(
        Cell(f"task-demos-{name}", seed, task_demos(task), results=None)
        for seed in SEEDS
        for name, task in TASKS.items()
    ),
    *(Cell(f"task-{name}-zero-shot", 0, zero_shot(f"--env {env_id(task)}")) for name, task in TASKS.items()),
    *(
        Cell(f"task-{name}-{start}", seed, clone(f"$(task-demos-{name})", words, 100, f"--env {env_id(task)}"))
        for seed in SEEDS
        for name, task in TASKS.items()
        for start, words in STARTS.items()
    ),
)
"""All cells, in the order in which they run."""


def quick(start: str) -> tuple[str, ...]:
    """Returns the command that clones few demos, and plays 50 unseen worlds."""
    return clone("$(quick-demos)", start, 50)


def alone(model: str) -> tuple[str, ...]:
    """Returns the command in which a policy plays 50 unseen worlds as it is."""
    return (f"examples/evaluate.py --model {model} {DEFAULT} --episodes 50 --video-episodes 0 --out $out",)


QUICK_CELLS: tuple[Cell, ...] = (
    Cell("quick-demos", 0, (f"examples/record.py {DEFAULT} --seed 10000 --episodes 10 --out $out",), results=None),
    Cell("quick-untrained", 0, alone("nano")),
    Cell("quick-zero-shot", 0, alone(FOUNDATION)),
    Cell("quick-foundation-300", 0, quick(f"--model {FOUNDATION} --train.steps 300")),
    Cell("quick-scratch-300", 0, quick("--model nano --train.steps 300")),
    Cell("quick-scratch-1500", 0, quick("--model nano --train.steps 1500")),
)
"""The cells of ``make results QUICK=1``: 10 demos and one training seed."""


@dataclass(frozen=True)
class Contrast:
    """A claim that was written down before it was measured: the pretrained policy succeeds more often.

    Attributes:
        setting: What both have.
        pretrained: Name of the cell that starts from the pretrained policy.
        fresh: Name of the cell that starts from fresh weights.
    """

    setting: str
    pretrained: str
    fresh: str


CONTRASTS = (
    Contrast("no demo, no training", "quick-zero-shot", "quick-untrained"),
    Contrast("10 demos, 300 updates", "quick-foundation-300", "quick-scratch-300"),
    Contrast("10 demos, 300 updates against 1,500", "quick-foundation-300", "quick-scratch-1500"),
)
"""What ``make results QUICK=1`` measures."""
