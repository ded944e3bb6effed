"""What every training from reward needs besides its algorithm: options of policy, environments and limits; counters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium as gym

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.demo_term import DemoTermArgs
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.optimizer import OptimizerArgs
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges
from vpt_gym.learning.value_warmup import ValueArgs
from vpt_gym.learning.vector_env import VectorKind
from vpt_gym.system.command_line import optional
from vpt_gym.wrappers import ItemRewardWrapper


@dataclass(kw_only=True)
class TrainingArgs:
    """Options of a training run from reward: the policy, the environments, the limits, and the evaluations.

    Raises:
        ValueError: One is out of range.
    """

    model: str
    """Agent to start from: folder of a saved agent, .model file, a name such as nano-foundation, or a
    size (nano, 1x, 2x, 3x) for fresh weights."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    env: EnvArgs = field(default_factory=EnvArgs)
    reward: Literal["env", "diamond-pickaxe"] = "env"
    """The environment's reward, or VPT's for the items on the way to a diamond pickaxe."""
    vector: VectorKind = "auto"
    """How envs are stepped; auto: threads for the embedded world, processes for envs that wait, such as MineDojo."""
    ray: RayArgs = field(default_factory=RayArgs)
    num_envs: int = 16
    """Envs that are played at the same time."""
    ticks: int = 128
    """Ticks of a rollout in each env."""
    episode_ticks: int | None = None
    """Ticks after which an episode of the training is truncated. Evaluations keep the environment's own limit."""
    iterations: int = 150
    """Number of rollouts; with the default --num-envs and --ticks, 307,200 ticks."""
    seconds: float = math.inf
    """Maximum time of the training, evaluations excluded. Schedules end with whichever limit comes first."""
    freeze: Annotated[tuple[str, ...], optional("NAME ...", "none")] = ()
    """Parameters to keep: names with * and ?. "net.img_process.*" makes training several times as fast."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    train_precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of the convolutions, in rollouts too; bf16 is faster where the processor has the instructions."""
    precision: ActingPrecision = "auto"
    """Precision in which the agent acts in evaluations. fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of the sampling, the minibatches and the worlds."""
    checkpoint_every: int = 10
    """Iterations between two checkpoints. There is one too when a validation finds a better agent."""
    validate_every: int = 0
    """Iterations between two evaluations in validation worlds, of which the best agent is kept; the last iteration has
    one too. 0 for none."""
    validation_episodes: int = 50
    """Episodes of such an evaluation."""
    eval_episodes: int = 50
    """Episodes in evaluation worlds before and after training, for the final figures; 0 for none."""
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        check_counts(self, "num_envs", "ticks", "iterations", "checkpoint_every", "validation_episodes")
        if self.episode_ticks is not None and self.episode_ticks < 1:
            raise ValueError(f"episode_ticks is {self.episode_ticks}; it must be at least 1, or None for no limit")
        check_ranges(self, positive=("seconds",), not_negative=("validate_every", "eval_episodes", "seed"))


@dataclass(kw_only=True)
class PolicyGradientArgs(OptimizerArgs, ValueArgs, DemoTermArgs, TrainingArgs):
    """All options that do not depend on the algorithm. A trainer's own dataclass inherits them, and adds its own.

    Raises:
        ValueError: One is out of range.
    """

    def __post_init__(self) -> None:
        for options in (TrainingArgs, OptimizerArgs, ValueArgs, DemoTermArgs):
            options.__post_init__(self)
        if self.warmup_iterations >= self.iterations:
            raise ValueError(
                f"warmup_iterations is {self.warmup_iterations} of {self.iterations} iterations: the policy may never "
                f"learn. Give --iterations {self.warmup_iterations + 1} or more, or lower --warmup-iterations"
            )


def make_env(args: TrainingArgs) -> gym.Env[Any, Any]:
    """Makes an environment for training, with the reward and the limit of ticks that the options name."""
    env = args.env if args.episode_ticks is None else args.env.with_kwargs(max_episode_steps=args.episode_ticks)
    if args.reward == "diamond-pickaxe":
        return ItemRewardWrapper(env.make(complete=True))
    return env.make()


def final_figures(agent: VPTAgent, args: TrainingArgs) -> tuple[Evaluation, dict[str, Any]]:
    """Plays the evaluation worlds, before or after the training; also returns the figures for a JSON file."""
    evaluation = evaluate(agent, args.env.make, SEEDS["evaluation"][: args.eval_episodes])
    return evaluation, {**evaluation.summary(), "per_episode": evaluation.per_episode()}


@dataclass
class Counters:
    """How far a training run is. Its checkpoints hold the fields.

    Attributes:
        iteration: Rollouts so far.
        ticks: Ticks played in them, of all envs.
        seconds: Seconds of playing and learning, evaluations excluded.

    Example:
        >>> counters = Counters()
        >>> counters.add(ticks=64, seconds=2.0)
        {'time/ticks': 64, 'time/ticks_per_second': 32.0}
        >>> counters.progress(TrainingArgs(model="nano", iterations=4))
        0.25
    """

    iteration: int = 0
    ticks: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Counters:
        """Returns the counters in the state of a checkpoint, which has more entries; new ones if it has none."""
        return cls(**{entry.name: state[entry.name] for entry in fields(cls) if entry.name in state})

    def progress(self, args: TrainingArgs) -> float:
        """Returns the share of the run that is over, by whichever limit is nearer; the training ends at 1."""
        return max(self.iteration / args.iterations, self.seconds / args.seconds)

    def add(self, *, ticks: int, seconds: float) -> dict[str, float]:
        """Counts one iteration, and returns the metrics of what was played and how fast."""
        self.iteration, self.ticks, self.seconds = self.iteration + 1, self.ticks + ticks, self.seconds + seconds
        return {"time/ticks": self.ticks, "time/ticks_per_second": ticks / seconds}

    def __str__(self) -> str:
        return f"{self.ticks:,} ticks, {self.ticks / self.seconds:.0f}/s" if self.seconds else "0 ticks"
