"""DAgger: the learner plays, an expert labels each tick, the policy is trained on all demos so far, and so on.

    python examples/record.py --out demos/harvest_1_log --episodes 50
    python examples/bc.py --demos demos/harvest_1_log --out runs/bc/log
    python examples/dagger.py --demos demos/harvest_1_log --model runs/bc/log/agent
    python examples/dagger.py --demos demos/harvest_1_log --model runs/bc/log/agent --expert person --episodes 10

The expert is a scripted one, another agent (a folder or a name), or a person, who watches the learner in a
window and takes over when it goes wrong. Each round is a directory of demos (``round_1`` ...). The best round on the
validation worlds is kept (``agent``), and is played in the evaluation worlds at the end.

A killed run goes on with ``--resume RUN``: finished episodes are kept, the others are played again with the same
actions, and the training continues from its last checkpoint.

Sources: Ross, Gordon and Bagnell 2011 (arXiv:1011.0686); for a person who takes over, Kelly et al. 2019, "HG-DAgger:
Interactive Imitation Learning with Human Experts" (arXiv:1810.02890).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.agents.sampling import Sampling
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import GoalArgs
from vpt_gym.collect.players import SCRIPTED
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.play import play_on
from vpt_gym.collect.rollouts import Episode, Play
from vpt_gym.collect.seeds import SEEDS, training_worlds
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.dataset.loading import find_paths
from vpt_gym.demos.files.names import list_demos
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.dagger import (
    ConstantBeta,
    ExponentialBeta,
    LinearBeta,
    best_round,
    check_stretch,
    collect_round,
    label_source,
    learner_figures,
    round_demos,
)
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.fresh import check_kl_to_start, is_fresh
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.person import PERSON, check_person_options, interventions, play_with_person
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run


@dataclass
class Args:
    """Improves a policy by DAgger, and keeps the best round."""

    demos: tuple[Path, ...]
    """Directories of demos that the expert played."""
    model: str
    """Agent to start from: folder of a saved agent, .model file, a name such as nano-foundation, or a
    size (nano, 1x, 2x, 3x) for fresh weights."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    rounds: int = 2
    """Rounds of playing and training."""
    episodes: int = 40
    """Episodes in a round, in each environment."""
    round_ticks: int = 300
    """Maximum ticks of an episode in a round; short episodes show more worlds."""
    expert: str = SCRIPTED
    """Who labels: scripted (the env's expert), module:attribute of a class like vpt_gym.collect.Expert, the
    folder or name of another agent, or person."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    beta: ConstantBeta | LinearBeta | ExponentialBeta = field(default_factory=ConstantBeta)
    """Share of ticks in which the expert acts, by round; behavioural cloning counts as round 0."""
    stretch: tuple[int, int] = (1, 1)
    """Least and greatest number of ticks for which expert or learner acts at a time, for example 10 40."""
    num_envs: int = 16
    """Episodes that run at the same time."""
    temperature: float = 1.0
    """Sampling temperature of the learner, in the rounds and in the evaluations."""
    device: str = "cpu"
    """Device of the agents, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which agents act in the rounds and evaluations. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    seed: int = 0
    """Seed of the worlds of the rounds, of the sampling and of the order of the batches."""
    train: TrainArgs = field(default_factory=TrainArgs)
    env: EnvArgs = field(default_factory=EnvArgs)
    more_envs: tuple[str, ...] = ()
    """Ids of further environments, for a policy of many tasks. Rounds and evaluations are played in all of them."""
    validation_episodes: int = 50
    """Episodes in validation worlds of each environment after each round; they decide which round is kept. 0: the
    last one is."""
    eval_episodes: int = 50
    """Episodes in evaluation worlds of each environment at the end, with the best round; 0 skips them."""
    checkpoint_every: int = 200
    """Updates between two checkpoints."""
    ray: RayArgs = field(default_factory=RayArgs)
    run: RunArgs = field(default_factory=RunArgs)

    def __post_init__(self) -> None:
        check_counts(self, "rounds", "episodes", "round_ticks", "num_envs", "checkpoint_every")
        check_ranges(self, not_negative=("validation_episodes", "eval_episodes", "seed"))
        Sampling(self.temperature)
        check_kl_to_start(self.train.kl_to_start, fresh=is_fresh(self.model, self.weights))
        check_stretch(self.stretch)
        highest = max(self.beta(number) for number in range(1, self.rounds + 1))
        if self.expert == PERSON:
            names = ("temperature", "stretch", "num_envs", "more_envs")
            unused = {name: (getattr(self, name), getattr(Args, name)) for name in names}
            check_person_options(unused | {"beta": (highest, 0.0), "goal": (self.goal.goal, None)})
        names = [env.name for env in self.envs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"--env and more_envs name {', '.join(twice)} twice; each round plays in it once")

    @property
    def envs(self) -> tuple[EnvArgs, ...]:
        """All environments."""
        return self.env, *(EnvArgs(name, key=self.env.key) for name in self.more_envs)


class DAgger:
    """A run: rounds of playing and training, of which the best one is kept.

    What is needed to continue after a kill is in ``self.state``, in the demos of the rounds, and in the agents that
    the finished rounds left.
    """

    def __init__(self, args: Args, run: Run, console: Console, play: Play) -> None:
        self.args, self.run, self.console, self.play_episodes = args, run, console, play
        self.cache, self.first = FrameCache(), run.demos(find_paths(args.demos)) or args.demos
        checkpoint = run.checkpoint()
        # the figures of the finished rounds, of which the first is the start; and the trainer of an unfinished one
        self.state: dict[str, Any] = {"rounds": [], "trainer": None} if checkpoint is None else checkpoint.state
        if (theirs := self.state.setdefault("episodes", args.episodes)) != args.episodes:
            raise ValueError(f"--episodes is {args.episodes}; this run has {theirs} a round: give --episodes {theirs}")
        done = len(self.state["rounds"]) - 1
        source = (args.model, args.weights) if done < 1 else (str(run.directory / f"agent_{done}"), None)
        self.acting: Any = {"temperature": args.temperature, "device": args.device, "precision": args.precision}
        self.agent = load_agent(*source, seed=args.seed, **self.acting)
        if args.expert != PERSON:
            acting = {"device": args.device, "precision": args.precision, "goal": args.goal.chosen()}
            first, *others = args.envs
            self.labels = [label_source(args.expert, first.id, **acting)]
            for env in others:  # an agent labels in all of them, so it is loaded once
                self.labels.append(self.labels[0] if self.labels[0].teacher else label_source(args.expert, env.id))

    def improve(self) -> None:
        """Plays and trains until all rounds are done."""
        for number in range(len(self.state["rounds"]), self.args.rounds + 1):
            figures: dict[str, Any] = {"round": number}
            if number > 0:  # 0 is the agent to start from
                play = self.play_with_person if self.args.expert == PERSON else self.play
                figures |= {"rollout": play(number), **self.train(number)}
            self.validate(number, figures)

    def play(self, number: int) -> dict[str, Any]:
        """Lets the learner play the worlds of a round, with the expert's labels; returns the success."""
        args, beta, episodes = self.args, self.args.beta(number), list[Episode]()
        with Progress(console=self.console) as progress:
            bar = progress.add_task(f"round {number}: the learner plays", total=args.episodes * len(args.envs))
            for args_env, labels in zip(args.envs, self.labels, strict=True):
                env = args_env.with_kwargs(max_episode_steps=args.round_ticks)  # a worker's task must not hold the run
                episodes += collect_round(
                    self.agent,
                    lambda folder, env=env: env.make(record_to=folder),
                    labels,
                    self.worlds(number),
                    self.directory(number, args_env),
                    beta=beta,
                    stretch=args.stretch,
                    num_envs=args.num_envs,
                    sampling_seed=args.seed + number,
                    on_episode=lambda _: progress.advance(bar),
                    play=self.play_episodes,
                )
        return {"beta": beta, **learner_figures(episodes)}

    def play_with_person(self, number: int) -> dict[str, Any]:
        """Opens a window in which the learner plays and a person takes over; returns the share of corrected ticks."""
        args, directory, learner = (
            self.args,
            self.directory(number, self.args.env),
            self.run.directory / f"agent_{number - 1}",
        )
        env = args.env.with_kwargs(max_episode_steps=args.round_ticks)
        acting = {"device": args.device, "precision": args.precision}
        left = play_with_person(self.agent, learner, env, self.worlds(number), directory, **acting)
        if left:
            sys.exit(f"round {number}: {len(left)} worlds are not played yet; go on with --resume {self.run.directory}")
        return interventions(directory)

    def train(self, number: int) -> dict[str, Any]:
        """Trains the agent on the demos of all rounds so far, and returns the extent.

        It continues with its current weights, and with a new optimizer whose learning rate rises to its peak again.
        Ross et al. train a new policy in each round, which would need all updates of the rounds before again.
        """
        args, before = self.args, sum(figures.get("updates", 0) for figures in self.state["rounds"])
        rounds = [demo for k in range(1, number + 1) for demo in self.demos(k)]
        dataset = make_dataset((*self.first, *rounds), args.train, seed=args.seed + number, cache=self.cache)
        if number == 1 and is_fresh(args.model, args.weights):
            init_action_heads(self.agent.policy, dataset.labels)
        trainer = BCTrainer(self.agent.policy, dataset, args.train)
        if self.state["trainer"] is not None:
            trainer.load_state_dict(self.state["trainer"])
        loss = self.state.get("loss", 0.0)
        with Progress(console=self.console) as progress:
            bar = progress.add_task(f"round {number}: training on {dataset.n_episodes} demos", total=1.0)
            while not trainer.finished:
                trainer.update()
                if trainer.updates % 20 == 0 or trainer.finished:
                    metrics = trainer.metrics()
                    loss = metrics["train/loss"]
                    self.run.log(before + trainer.updates, metrics)
                    progress.update(bar, completed=trainer.progress)
                if trainer.updates % args.checkpoint_every == 0:
                    self.state |= {"trainer": trainer.state_dict(), "loss": loss}
                    self.run.save_checkpoint(before + trainer.updates, self.state)
        trainer.finish()
        return {
            "demos": dataset.n_episodes,
            "ticks": dataset.n_ticks,
            "updates": trainer.updates,
            "frames": trainer.frames,
            "train_seconds": trainer.seconds,
            "loss": loss,
        }

    def validate(self, number: int, figures: dict[str, Any]) -> None:
        """Plays the validation worlds, keeps the agent if it is the best so far, and ends the round."""
        metrics: dict[str, float] = {}
        if self.args.validation_episodes:
            validation = self.success(self.agent, SEEDS["validation"][: self.args.validation_episodes])
            self.console.print(f"round {number}, success in validation worlds: {validation}")
            metrics = {"validation/success": validation.rate, "validation/mean_ticks": validation.mean_ticks}
            figures["validation"] = validation.summary()
        self.agent.save_pretrained(self.run.directory / f"agent_{number}")
        rounds = [*self.state["rounds"], figures]
        if best_round(rounds) == number:
            self.agent.save_pretrained(self.run.directory / "agent")
        updates = sum(figures.get("updates", 0) for figures in rounds)
        for name in {"success", "intervention"} & figures.get("rollout", {}).keys():
            metrics[f"rollout/{name}"] = figures["rollout"][name]
        self.run.log(updates, metrics)
        self.state = {"rounds": rounds, "trainer": None, "episodes": self.args.episodes}
        self.run.save_checkpoint(updates, self.state)
        self.run.write_results({"rounds": rounds, "best_round": best_round(rounds)})

    def evaluate(self) -> None:
        """Plays the best round in the evaluation worlds, which were not used for any choice."""
        rounds = self.state["rounds"]
        results = {"rounds": rounds, "best_round": best_round(rounds)}
        if self.args.eval_episodes:
            best = load_agent(str(self.run.directory / "agent"), **self.acting)
            evaluation = self.success(best, SEEDS["evaluation"][: self.args.eval_episodes])
            self.console.print(f"best round {results['best_round']}, success in evaluation worlds: {evaluation}")
            results["evaluation"] = evaluation.summary()
        self.run.write_results(results)
        self.console.print(f"agent, metrics and results: {self.run.directory}")

    def worlds(self, number: int) -> range:
        """Returns the seeds of the worlds of a round."""
        episodes = self.args.episodes
        return training_worlds("dagger", self.args.seed)[(number - 1) * episodes : number * episodes]

    def success(self, agent: VPTAgent, worlds: range) -> Evaluation:
        """Plays worlds of all environments."""
        parts = [evaluate(agent, env.make, worlds, play=self.play_episodes) for env in self.args.envs]
        if len(parts) > 1:
            for env, part in zip(self.args.envs, parts, strict=True):
                self.console.print(f"  {env.name}: {part}")
        return replace(Evaluation.merged(parts), seconds=sum(part.seconds for part in parts))

    def directory(self, number: int, env: EnvArgs) -> Path:
        """Returns the directory of the demos of a round in an environment."""
        directory = self.run.directory / f"round_{number}"
        return directory / env.name.rpartition("/")[2] if self.args.more_envs else directory

    def demos(self, number: int) -> list[Path]:
        """Returns the demos of a round, in an order that does not depend on interruptions."""
        if self.args.expert == PERSON:  # who may have ended episodes early, or rejected them
            return list_demos(self.directory(number, self.args.env))
        return [
            demo for env in self.args.envs for demo in round_demos(self.directory(number, env), self.worlds(number))
        ]


def main(args: Args) -> None:
    """Improves the agent, and evaluates the best round."""
    console = Console()
    torch.manual_seed(args.seed)
    with Run("dagger", args) as run, play_on(args.ray) as play:
        dagger = DAgger(args, run, console, play)
        warn_if_elsewhere(args.demos, args.envs, console)
        dagger.improve()
        dagger.evaluate()


if __name__ == "__main__":
    main(parse(Args))
