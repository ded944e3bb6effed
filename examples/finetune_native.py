"""Fine-tuning with the env's own actions: a VPT trunk gets new heads for another action space, and learns from demos.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/finetune_native.py --demos demos/harvest_1_log --model runs/bc/log/agent
    python examples/finetune_native.py --demos demos/harvest_1_log --model runs/bc/log/agent --freeze "net.*"
    python examples/finetune_native.py --demos demos/mine --env vpt_gym/MineDojo-v0
        --env-kwargs '{"task_id": "harvest_1_log", "actions": "minedojo"}'

The env has ``Discrete``, ``MultiDiscrete`` or ``MultiBinary`` actions, such as MineDojo's eight numbers. Each number
gets a head of its own on the trunk, whose weights are those of the model. The labels are the demos' human actions in
the terms of the env, as its translator expresses them; ticks that it cannot express are counted and not learned. The
agent then acts in the env without any translation.

The update is ``BCTrainer.update`` in ``vpt_gym/learning/bc.py``: the loss is the sum over the heads of the negative
log-likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
import torch
from rich.console import Console

from vpt_gym.actions.minedojo_spaces import Entry, is_minedojo_space
from vpt_gym.actions.protocol import Translator
from vpt_gym.actions.translate import translator_for
from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.agents.sampling import Sampling
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.import_here import import_here
from vpt_gym.collect.rollouts import check_success_reported
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.demos.dataset.loading import describe_demos_below, find_paths
from vpt_gym.demos.dataset.native import NativeLabels
from vpt_gym.demos.dataset.split import split_by_episode
from vpt_gym.learning.bc import BCTrainer, TrainArgs, drop_null_of, make_dataset
from vpt_gym.learning.best import BestAgent, score_of
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.fresh import check_kl_to_start
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.validation import Validation
from vpt_gym.system.command_line import optional
from vpt_gym.wrappers import ChoicesActionWrapper, VPTObsWrapper

CAM_INTERVAL = 5
"""Degrees per camera bin of the default env. MineDojo's default, 15 degrees, is wider than a tree at five blocks."""


@dataclass
class Args:
    """Trains a policy with new heads on demos, in the env's own actions, and evaluates it there."""

    demos: tuple[Path, ...]
    """Directories of demos."""
    model: str = "nano"
    """Agent whose trunk is used: folder of a saved agent, .model file, a name such as nano-foundation, or
    a size (nano, 1x, 2x, 3x) for fresh weights."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    freeze: Annotated[tuple[str, ...], optional("NAME ...", "none")] = ()
    """Parameters to keep as they are: names with * and ?; "net.*" is the trunk, "net.img_process.*" its images."""
    features: Path | None = None
    """Directory that caches the outputs of a frozen image network."""
    translator: str | None = None
    """Translator of the env, module:attribute, such as a class; None takes the one of the env's action space."""
    validation: float = 0.1
    """Episodes that are held out and validated on: a share below 1, or a number."""
    train: TrainArgs = field(default_factory=lambda: TrainArgs(mirror=False))
    log_every: int = 20
    """Updates between two entries of the metrics."""
    validate_every: int = 500
    """Updates between two validations, and between two checkpoints."""
    validation_episodes: int = 20
    """Episodes in validation worlds at each of them. The best agent is kept (docs/jobs/evaluate.md); with 0, the one
    with the smallest validation loss."""
    eval_episodes: int = 50
    """Episodes of the final evaluation; 0 skips it."""
    temperature: float = 1.0
    """Sampling temperature in all episodes."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts. auto: the fastest on this processor."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    seed: int = 0
    """Seed of fresh weights, of the order of the batches, and of the division into training and validation."""
    env: EnvArgs = field(default_factory=EnvArgs)
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        check_counts(self, "log_every", "validate_every")
        check_ranges(self, not_negative=("validation_episodes", "eval_episodes", "seed"))
        Sampling(self.temperature)
        if not self.validation > 0:
            raise ValueError(
                f"validation is {self.validation}; it must be a share of the episodes, or a number of them"
            )
        if self.train.mirror:
            raise ValueError("mirror is for VPT codes: the env's own actions cannot be mirrored; use --train.no-mirror")
        if self.env.name == EnvArgs.id and self.env.kwargs is None:
            self.env = self.env.with_kwargs(actions="minedojo", cam_interval=CAM_INTERVAL)

    def make_env(self) -> gym.Env[Any, Any]:
        """Makes the env with VPT's frames and its own actions."""
        return ChoicesActionWrapper(VPTObsWrapper(self.env.base()))

    def make_translator(self, env: gym.Env[Any, Any]) -> Translator:
        """Makes the translator from human actions to the env's own."""
        if self.translator is None:
            return translator_for(env)
        module, _, name = self.translator.partition(":")
        translator: Translator = getattr(import_here(module), name)()
        return translator


def with_heads(agent: VPTAgent, space: gym.Space[Any], sizes: tuple[int, ...], args: Args) -> tuple[VPTAgent, bool]:
    """Returns an agent with heads for the action space, and whether they are fresh."""
    if agent.policy.config.action_sizes == sizes:
        return agent, False
    policy = agent.policy.with_action_space(space)
    return VPTAgent(policy, sampling=agent.sampling, device=args.device, precision=args.precision), True


def majority(labels: np.ndarray) -> list[float]:
    """Returns for each entry the share of its most frequent alternative: the accuracy without looking."""
    return [float(np.bincount(column).max() / len(column)) for column in labels.T]


def main(args: Args) -> None:
    """Trains, keeps the best agent on the validation worlds, and evaluates it."""
    console = Console()
    torch.manual_seed(args.seed)
    env = args.env.base()
    labels = NativeLabels(lambda: args.make_translator(env))
    options = {"temperature": args.temperature, "device": args.device, "precision": args.precision}
    loaded = load_agent(args.model, args.weights, seed=args.seed, **options)
    agent, fresh = with_heads(loaded, labels.space, labels.sizes, args)
    check_kl_to_start(args.train.kl_to_start, fresh=fresh)
    if args.freeze:
        console.print(str(freeze(agent.policy, args.freeze)))
    cache = None if args.features is None else FeatureCache(agent.policy, directory=args.features)
    if args.eval_episodes:
        check_success_reported(args.make_env)
    if args.validation_episodes or args.eval_episodes:
        warn_if_elsewhere(args.demos, (args.env,), console)
    with Run("finetune_native", args) as run:
        demos = run.demos(find_paths(args.demos))
        joined = args.train.join_segments
        training, held_out = split_by_episode(demos, args.validation, seed=args.seed, join_segments=joined)
        dataset = make_dataset(tuple(training), args.train, seed=args.seed, cache=cache, labels=labels)
        if not len(dataset.labels):
            raise ValueError(f"there is nothing to learn: {labels.loss}")
        names = [entry.name.lower() for entry in Entry] if is_minedojo_space(labels.space) else ()
        drop_null = drop_null_of(args.train)
        validation = Validation(held_out, drop_null=drop_null, labels=labels, names=names, cache=dataset.cache)
        if not len(validation.labels):
            raise ValueError("no tick of the validation episodes has an action of the env; raise --validation")
        console.print(f"{len(training)} demos to train on, {len(held_out)} to validate on; {labels.loss}")
        if below := describe_demos_below(args.demos):
            console.print(f"[yellow]{below}")
        if fresh:
            init_action_heads(agent.policy, dataset.labels)
        fit(agent, dataset, validation, args, run, console)
        report(validation, args, run, console)
    env.close()


def fit(agent: VPTAgent, dataset: DemoDataset, validation: Validation, args: Args, run: Run, console: Console) -> None:
    """Trains the agent's policy; the best one becomes ``agent`` in the run."""
    trainer, best = BCTrainer(agent.policy, dataset, args.train), BestAgent(run.directory / "agent")
    checkpoint = run.checkpoint()
    if checkpoint is not None:
        trainer.load_state_dict(checkpoint.state["trainer"])
        best.score = tuple(checkpoint.state["best"])
    while not trainer.finished:
        trainer.update()
        update = trainer.updates
        due = update % args.validate_every == 0 or trainer.finished
        if not due and update % args.log_every:
            continue
        metrics = trainer.metrics()
        if due:
            with trainer.evaluating() as policy:
                metrics |= validation.measure(policy).metrics
                loss = metrics["validation/loss"]
                score, text = (-loss,), f"validation loss {loss:.3f}"  # without worlds nothing else is measured
                if args.validation_episodes:
                    played = evaluate(agent, args.make_env, SEEDS["validation"][: args.validation_episodes])
                    metrics |= {"validation/success": played.rate, "validation/mean_ticks": played.mean_ticks}
                    score = score_of(played.rate, played.mean_ticks, loss)
                    text = f"{text}; validation worlds: {played}"
                console.print(f"update {update}: {text}")
                best.offer(agent, *score)
        run.log(update, metrics)
        if due:
            run.save_checkpoint(update, {"trainer": trainer.state_dict(), "best": best.score})


def report(validation: Validation, args: Args, run: Run, console: Console) -> None:
    """Writes the figures of the best agent: accuracy in the validation episodes, success in the evaluation worlds."""
    agent = load_agent(
        str(run.directory / "agent"), temperature=args.temperature, device=args.device, precision=args.precision
    )
    best = validation.measure(agent.policy)
    results: dict[str, Any] = {"validation_loss": best.loss, "entries": {}}
    for (name, accuracy), share in zip(best.accuracies.items(), majority(validation.labels), strict=True):
        results["entries"][name] = {"accuracy": accuracy, "majority": share}
        console.print(f"{name}: accuracy {accuracy:.1%}, always the most frequent one {share:.1%}")
    if args.eval_episodes:
        evaluation = evaluate(agent, args.make_env, SEEDS["evaluation"][: args.eval_episodes])
        results["evaluation"] = evaluation.summary()
        console.print(f"evaluation worlds: {evaluation}")
    run.write_results(results)
    console.print(f"agent, metrics and results: {run.directory}")


if __name__ == "__main__":
    main(parse(Args))
