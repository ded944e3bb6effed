"""Behavioural cloning: a VPT policy learns from demos, and the agent that plays best on validation worlds is kept.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc/log
    python examples/bc.py --resume runs/bc/log
    torchrun --nproc-per-node 2 examples/bc.py --demos demos/harvest_1_log --out runs/bc/log

A part of the episodes is held out. Every ``--validate-every`` updates the loss on them and the success on validation
worlds are measured, since a low loss does not make a good player. ``OUT/agent`` is the agent with the highest success
(among equals, with the lowest validation loss), ``OUT/agent_last`` the one after the last update. The evaluation worlds
are played once, at the end.

To fine-tune a published policy with OpenAI's settings (complete episodes with memory, Adam with L2), on one line:

    python examples/bc.py --demos demos/mine --model foundation-model-1x.model --weights foundation-model-1x.weights
        --train.order carried --train.optimizer adam --train.lr 1.81e-4 --train.weight-decay 0.039428
        --train.max-grad-norm 5

The defaults are for a small policy with fresh weights. It learns faster from independent chunks, drawn more often where
the camera moves, since most ticks of a tree-chopping demo are "hold attack". One update is ``BCTrainer.update`` in
``vpt_gym/learning/bc.py``, which DAgger uses too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from rich.console import Console

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.agents.policy.trainable import count_parameters, freeze, train_last_layers
from vpt_gym.agents.sampling import Sampling
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import NONE, ChosenGoal
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.rollouts import check_success_reported
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.dataset.loading import describe_demos_below, find_paths
from vpt_gym.demos.dataset.split import split_by_episode
from vpt_gym.learning.bc import BCTrainer, TrainArgs, drop_null_of, make_dataset
from vpt_gym.learning.best import score_of
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.features import FeatureCache
from vpt_gym.learning.fresh import check_kl_to_start, is_fresh
from vpt_gym.learning.hindsight import HindsightGoals
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.non_finite import NonFiniteLossError
from vpt_gym.learning.processes import Processes, processes
from vpt_gym.learning.progress_bar import progress_bar
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run
from vpt_gym.learning.runs.same_weights import check_same_weights
from vpt_gym.learning.validation import Validation
from vpt_gym.system.command_line import optional


@dataclass
class Args:
    """Trains a policy on demos by behavioural cloning, keeps the best agent and evaluates it."""

    demos: tuple[Path, ...]
    """Directories of demos."""
    model: str = "nano"
    """Policy to start from: folder of a saved agent, .model file, a name such as nano-foundation, or a
    size (nano, 1x, 2x, 3x) for fresh weights."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    validation: float = 0.1
    """Episodes that are held out: a share below 1, or a number; 0 for none."""
    last_layers: int | None = None
    """Train only the last K transformer blocks and what follows them; 0: only the heads. None: everything."""
    freeze: Annotated[tuple[str, ...], optional("NAME ...", "none")] = ()
    """Parameters to keep as they are: names with * and ?, such as "net.img_process.*" for the image network."""
    goals: str | None = None
    """Learn to act on goals: the demos are labelled in hindsight with what this pretrained policy, such as
    nano-foundation, sees in them 15 to 199 ticks later (docs/jobs/train-with-goals.md). Rollouts are played without a
    goal."""
    features: Path | None = None
    """Directory that caches the outputs of a frozen image network (needs --train.no-mirror)."""
    cache_gib: float | None = None
    """Space for decoded frames, GiB, beside 2 GiB in memory (0: none in either). Demos beyond it are decoded each time
    they are used, which needs --train.order carried. None: no limit; an hour of play takes 3.3 GiB."""
    device: str = "cpu"
    """Device of the policy, for example cuda; under torchrun, cuda is one GPU for each process."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts in rollouts. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of fresh weights, of the held-out episodes and of the order of the batches."""
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    temperature: float = 1.0
    """Sampling temperature in rollouts."""
    log_every: int = 20
    """Updates between two entries of the metrics."""
    validate_every: int = 500
    """Updates between two validations. It also happens after the last update."""
    rollout_episodes: int = 20
    """Validation worlds that are played in each validation; 0 for none, which keeps the last agent."""
    patience: int = 0
    """Stop after so many validations without a better agent; 0 never stops early."""
    checkpoint_every: int = 500
    """Updates between two checkpoints, from which --resume continues. A better agent makes one too."""
    eval_episodes: int = 50
    """Evaluation worlds that the kept agent plays at the end; 0 for none."""
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        check_counts(self, "log_every", "validate_every", "checkpoint_every")
        check_ranges(self, not_negative=("validation", "rollout_episodes", "patience", "eval_episodes", "seed"))
        Sampling(self.temperature)
        check_kl_to_start(self.train.kl_to_start, fresh=is_fresh(self.model, self.weights))
        if self.cache_gib is not None and (self.cache_gib < 0 or self.features is not None):
            raise ValueError(
                f"cache_gib is {self.cache_gib}; it must not be negative, and does not apply to --features"
            )
        if self.patience and not self.rollout_episodes:
            raise ValueError("patience waits for a higher success, which rollout_episodes=0 does not measure")


def frame_cache(gib: float | None) -> FrameCache:
    """Returns a cache of decoded frames with a limit on the disk; 0 keeps no frame."""
    if gib is None:
        return FrameCache()
    return FrameCache(max_file_bytes=int(gib * 2**30)) if gib else FrameCache(max_bytes=0, max_file_bytes=0)


@dataclass
class Best:
    """The best validation so far."""

    score: tuple[float, ...] = ()
    success: float = -1.0
    loss: float = 0.0
    update: int = 0
    since: int = 0
    """Validations since then."""

    def improves(self, update: int, metrics: dict[str, float]) -> bool:
        """Takes the metrics of a validation, and returns whether its agent is the one to keep."""
        success, loss = metrics.get("validation/success", 0.0), metrics.get("validation/loss", 0.0)
        # without rollouts the last agent is kept: the loss says too little about play
        if "validation/success" in metrics:
            score = score_of(success, metrics["validation/mean_ticks"], metrics.get("validation/loss"))
            if score <= self.score:
                self.since += 1
                return False
            self.score = score
        self.success, self.loss, self.update, self.since = success, loss, update, 0
        return True


def play(agent: VPTAgent, args: Args, seeds: range, group: Processes) -> Evaluation:
    """Plays one episode in each world; the processes share the worlds."""
    mine = group.mine(seeds)
    parts = group.gather(evaluate(agent, args.env.make, mine) if mine else None)
    return Evaluation.merged([part for part in parts if part is not None])


def make_agent(args: Args, group: Processes, *, goal_size: int | None) -> VPTAgent:
    """Returns the agent to train; with ``goal_size``, with a layer for goals, on which it is to learn to act."""
    acting: dict[str, Any] = {"device": group.device, "precision": args.precision}
    agent = load_agent(args.model, args.weights, seed=args.seed, temperature=args.temperature, **acting)
    if goal_size is not None:
        agent = VPTAgent(agent.policy.with_goals(goal_size), sampling=agent.sampling, **acting)
        agent.set_goal(None, guidance=None)  # it plays without one
    if args.last_layers is not None:
        train_last_layers(agent.policy, args.last_layers)
    if args.freeze:
        freeze(agent.policy, args.freeze)
    return agent


def validate(
    agent: VPTAgent,
    trainer: BCTrainer,
    validation: Validation | None,
    goals: HindsightGoals | None,
    args: Args,
    group: Processes,
) -> dict[str, float]:
    """Returns the metrics of the agent on held-out demos and in validation worlds."""
    metrics = {} if validation is None else validation.measure(trainer.policy, goals).metrics
    if validation is not None and goals is not None:
        metrics["validation/loss_without_goals"] = validation.measure(trainer.policy).loss
    if args.rollout_episodes:
        played = play(agent, args, SEEDS["validation"][: args.rollout_episodes], group)
        metrics |= {"validation/success": played.rate, "validation/mean_ticks": played.mean_ticks}
    return metrics


def learn(args: Args, run: Run, group: Processes, console: Console) -> dict[str, Any]:
    """Trains until the end or until nothing improves, leaves agents in the run's directory, and returns figures."""
    torch.manual_seed(args.seed)
    goal_maker = load_agent(args.goals).policy if args.goals else None
    agent = make_agent(args, group, goal_size=None if goal_maker is None else goal_maker.config.hidsize)
    console.print(str(count_parameters(agent.policy)))
    cache = FeatureCache(agent.policy, directory=args.features) if args.features else frame_cache(args.cache_gib)
    demos = run.demos(group.share(find_paths(args.demos)))  # the same in all processes, though more may be recorded
    learned, held_out = split_by_episode(demos, args.validation, seed=args.seed, join_segments=args.train.join_segments)
    dataset = make_dataset(tuple(learned), args.train, seed=args.seed, cache=cache, processes=group)
    console.print(f"demos: {len(learned)} to train on, {len(held_out)} to validate on")
    if below := describe_demos_below(args.demos):
        console.print(f"[yellow]{below}")
    drop_null = drop_null_of(args.train)
    validation = Validation(held_out, drop_null=drop_null, cache=cache, processes=group) if held_out else None
    if is_fresh(args.model, args.weights):
        init_action_heads(agent.policy, np.concatenate(group.gather(dataset.labels)))

    goals = None if goal_maker is None else HindsightGoals(goal_maker, cache=cache, seed=args.seed)
    trainer, best = BCTrainer(agent.policy, dataset, args.train, goals=goals, processes=group), Best()
    checkpoint = run.checkpoint()
    goals_digest = None if goal_maker is None else weights_digest(goal_maker)
    if checkpoint is not None:
        if goals_digest is not None:
            check_same_weights(
                goals_digest, checkpoint.state.get("goals"), named=f"--goals {args.goals}",
                role="the goals so far are made with", remedy="give it the --goals that it began with",
            )  # fmt: skip
        trainer.load_state_dict(checkpoint.state["trainer"])
        best = Best(**checkpoint.state["best"])
        console.print(f"continues after update {trainer.updates}")

    with progress_bar(console) as progress:
        bar = progress.add_task("BC", total=1.0, state="")
        while not trainer.finished and not 0 < args.patience <= best.since:
            try:
                trainer.update()
            except NonFiniteLossError:
                if run.is_main:
                    agent.save_pretrained(run.directory / "agent_last")
                raise
            update = trainer.updates
            if update == 1 or update % args.log_every == 0 or trainer.finished:
                metrics = trainer.metrics()
                run.log(update, metrics)
                state = f"loss {metrics['train/loss']:.3f}, {metrics['time/frames_per_second']:.0f} frames/s"
                progress.update(bar, completed=trainer.progress, state=state)
            better = False
            if update % args.validate_every == 0 or trainer.finished:
                with trainer.evaluating():
                    metrics = validate(agent, trainer, validation, goals, args, group)
                    run.log(update, metrics)
                    better = best.improves(update, metrics)
                    if better and run.is_main:
                        agent.save_pretrained(run.directory / "agent")
                console.print(
                    f"update {update}: " + ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
                )
            # a better agent has its score in a checkpoint, or a resumed run could put a worse one in its place
            if better or update % args.checkpoint_every == 0 or trainer.finished:
                trained = trainer.state_dict()  # of all processes, so each of them calls it
                run.save_checkpoint(update, {"trainer": trained, "best": vars(best), "goals": goals_digest})
    trainer.finish()
    if run.is_main:
        agent.save_pretrained(run.directory / "agent_last")
    return {
        "updates": trainer.updates,
        "ticks": trainer.dataset.n_ticks,
        "frames": trainer.frames,
        "train_seconds": trainer.seconds,
        "demos": {"trained": len(learned), "held_out": len(held_out)},
        "kept": {
            "update": best.update,
            "success": best.success if args.rollout_episodes else None,
            "validation_loss": best.loss if held_out else None,
        },
    }


def main(args: Args) -> None:
    """Trains, then evaluates the agent that was kept."""
    with processes(args.device) as group, Run("bc", args, rank=group.rank) as run:
        console = Console(quiet=not run.is_main)
        if run.is_main and (args.eval_episodes or args.rollout_episodes):
            check_success_reported(args.env.make)
        if args.eval_episodes or args.rollout_episodes:
            warn_if_elsewhere(args.demos, (args.env,), console)
        results = learn(args, run, group, console)
        if args.eval_episodes and run.is_main:
            kept = load_agent(
                str(run.directory / "agent"),
                temperature=args.temperature,
                device=group.device,
                precision=args.precision,
                goal=ChosenGoal(NONE, None, None) if args.goals else None,
            )
            evaluation = evaluate(kept, args.env.make, SEEDS["evaluation"][: args.eval_episodes])
            console.print(f"success in unseen worlds, temperature {args.temperature:g}: {evaluation}")
            results["evaluation"] = {**evaluation.summary(), "per_episode": evaluation.per_episode()}
        run.write_results(results)
        console.print(f"{results['frames']:,} frames, kept the agent of update {results['kept']['update']}:")
        console.print(str(run.directory / "agent"))


if __name__ == "__main__":
    main(parse(Args))
