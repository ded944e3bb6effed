"""Evaluates agents in tasks: success rates with their intervals, each episode's result, and videos.

    python examples/evaluate.py --model runs/dagger/log/agent_2 --levels easy default
    python examples/evaluate.py --model foundation-model-1x.model --weights foundation-model-1x.weights
    python examples/evaluate.py --model runs/bc/log/agent runs/dagger/log/agent_2 --episodes 100
        --tasks vpt_gym/Harvest1Log-v0 'vpt_gym/Harvest1Dirt-v0 {"level": "default"}'

The environment may be one that the agent was not trained in. ``--resume RUN`` continues a run that was stopped, and
plays only the episodes that are missing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium as gym
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from vpt_gym import VPTAgent
from vpt_gym.actions.codec import encode
from vpt_gym.actions.human import no_op
from vpt_gym.agents.agent import ActingPrecision
from vpt_gym.agents.checkpoints.errors import CheckpointError
from vpt_gym.agents.sampling import Sampling
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.goals import ChosenGoal, GoalArgs, GoalError
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.play import play_on
from vpt_gym.collect.rollouts import Episode, Play, SuccessNotReportedError
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.episode_log import EpisodeLog
from vpt_gym.learning.evaluate import Evaluation, evaluate
from vpt_gym.learning.film_grid import film_grid
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.directory import RunError
from vpt_gym.learning.runs.run import Run
from vpt_gym.system.command_line import optional
from vpt_gym.wrappers.success import success_of


@dataclass
class Args:
    """Evaluates agents in tasks, and films some episodes."""

    model: Annotated[tuple[str, ...], tyro.conf.arg(metavar="AGENT ...")]
    """Folders of saved agents, .model files, names such as nano-foundation, or sizes (nano, 1x, 2x, 3x) for fresh
    weights."""
    weights: Annotated[tuple[Path, ...], optional("FILE ...", "none")] = ()
    """The .weights file of each .model file, in the same order."""
    env: EnvArgs = field(default_factory=EnvArgs)
    tasks: Annotated[tuple[str, ...], optional("TASK ...", "none")] = ()
    """Several environments in place of --env: each an id, or in one word an id and its arguments as JSON, such as
    'vpt_gym/Harvest1Log-v0 {"level": "easy"}'. An --env-key holds for all of them."""
    levels: Annotated[tuple[str, ...], optional("LEVEL ...", "none")] = ()
    """Plays each environment in each of these levels of the embedded world, such as easy and default."""
    worlds: Literal["evaluation", "validation"] = "evaluation"
    """Worlds to play in. evaluation: for final figures. validation: for tuning, so that the evaluation
    worlds are not used for any choice."""
    episodes: int = 50
    """Episodes of each agent in each task, each in a different world."""
    skip: int = 0
    """Worlds to skip at the start of the range, such as those that were used for a choice."""
    num_envs: int = 16
    """Episodes that run at the same time."""
    video_episodes: int = 4
    """Episodes side by side in the video of each agent in each task; 0 makes no videos."""
    temperature: float = 1.0
    """Sampling temperature."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    precision: ActingPrecision = "auto"
    """Number type in which the agent acts. auto: the fastest on this processor.
    fp32: the same episodes on every machine."""
    sampling_seed: int = 0
    """Seed of the agent's sampling."""
    seed: int = 0
    """Seed of fresh weights."""
    goal: GoalArgs = field(default_factory=GoalArgs)
    ray: RayArgs = field(default_factory=RayArgs)
    run: RunArgs = field(default_factory=lambda: RunArgs(tensorboard=False))

    def __post_init__(self) -> None:
        # an error that is raised here is shown as a wrong option
        check_counts(self, "episodes", "num_envs")
        check_ranges(self, not_negative=("video_episodes", "skip", "sampling_seed", "seed"))
        Sampling(self.temperature)
        if self.skip + self.episodes > len(SEEDS[self.worlds]):
            raise ValueError(
                f"--skip {self.skip} and --episodes {self.episodes} go beyond the {len(SEEDS[self.worlds]):,} "
                f"{self.worlds} worlds"
            )
        for name, values in (("--model", self.checkpoints()), ("--tasks", [str(task) for task in self.environments()])):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} has the same value twice: {values}")

    def checkpoints(self) -> list[tuple[str, Path | None]]:
        """Returns each agent with its .weights file, if it has one."""
        owners = [model for model in self.model if model.endswith(".model")] if len(self.model) > 1 else self.model
        if len(self.weights) > len(owners):
            raise ValueError(f"--weights has {len(self.weights)} files for {len(owners)} .model files in --model")
        files = dict(zip(owners, self.weights, strict=False))
        return [(model, files.get(model)) for model in self.model]

    def environments(self) -> list[EnvArgs]:
        """Returns the tasks, each in each level."""
        if self.tasks and replace(self.env, key=None) != EnvArgs():
            raise ValueError("--tasks replaces --env and --env-kwargs; give either")
        words = [task.partition(" ") for task in self.tasks]
        tasks = [EnvArgs(name, kwargs or None, self.env.key) for name, _, kwargs in words] or [self.env]
        return [task.with_kwargs(level=level) for task in tasks for level in self.levels] if self.levels else tasks


def name_of(task: EnvArgs) -> str:
    """Returns a task as the table shows it."""
    return " ".join([task.id.removeprefix("vpt_gym/"), *(f"{key}={value}" for key, value in task.arguments.items())])


def reports_success(task: EnvArgs) -> bool:
    """Returns whether a task reports success in its first tick. If not, its first episode must show that it does.

    Raises:
        RunError: The environment cannot be made, which is an error now and not after hours of play in the others.
    """
    try:
        env: gym.Env[Any, Any] = task.make()
    except (TypeError, ValueError) as error:  # an argument that it does not take
        raise RunError(f"{name_of(task)} cannot be made: {error}") from error
    try:
        env.reset(seed=SEEDS["validation"][0])
        info = env.step(encode(no_op()))[-1]
        return success_of(env, info) is not None
    finally:
        env.close()


def load(args: Args, model: str, weights: Path | None, goal: ChosenGoal | None) -> VPTAgent:
    """Loads an agent."""
    return load_agent(
        model,
        weights,
        seed=args.seed,
        temperature=args.temperature,
        device=args.device,
        precision=args.precision,
        goal=goal,
    )


def settings_of(
    args: Args, agent: VPTAgent, model: str, task: EnvArgs, goal: ChosenGoal | None = None
) -> dict[str, Any]:
    """Returns what decides the result of an episode, besides its world."""
    return {
        "agent": model,
        "weights_digest": weights_digest(agent.policy),
        "env": task.id,
        "env_kwargs": task.arguments,
        **({} if task.key is None else {"env_key": task.key}),
        "sampling_temperature": args.temperature,
        "sampling_seed": args.sampling_seed,
        "device": args.device if args.ray.address is None else args.ray.device,
        "precision": agent.precision,
        **({} if goal is None else {"goal": goal.provenance}),
    }


def play(
    args: Args,
    agent: VPTAgent,
    task: EnvArgs,
    seeds: Sequence[int],
    log: EpisodeLog,
    settings: dict[str, Any],
    play_episodes: Play,
) -> tuple[Evaluation, int]:
    """Plays the worlds that have no result yet, and writes each result at once.

    Returns:
        The results of all, and how many episodes were played. The seconds are those of these.
    """
    done = log.finished(settings)
    missing = [seed for seed in seeds if seed not in done]
    seconds = 0.0
    if missing:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns) as progress:
            bar = progress.add_task(f"{settings['agent']} in {name_of(task)}", total=len(seeds))
            progress.advance(bar, len(seeds) - len(missing))

            def keep(episode: Episode) -> None:
                log.append(settings, episode)
                progress.advance(bar)

            options = {"num_envs": args.num_envs, "sampling_seed": args.sampling_seed, "play": play_episodes}
            seconds = evaluate(agent, task.make, missing, on_episode=keep, **options).seconds
    done = log.finished(settings)
    return Evaluation(tuple(done[seed] for seed in seeds), seconds, agent.precision), len(missing)


def main(args: Args) -> None:
    """Plays all agents in all tasks, and writes the results after each."""
    console, tasks, checkpoints, goal = Console(), args.environments(), args.checkpoints(), args.goal.chosen()
    seeds = SEEDS[args.worlds][args.skip : args.skip + args.episodes]
    table = Table(title=f"success in the {args.worlds} worlds {seeds[0]:,} to {seeds[-1]:,}")
    for column in ("agent", "task", "success", "95 % interval", "ticks", "return"):
        table.add_column(column, justify="left" if column in ("agent", "task") else "right", overflow="fold")
    results: dict[str, Any] = {}
    with Run("evaluate", args) as run, play_on(args.ray) as play_episodes:
        log = EpisodeLog(run.directory / "episodes.jsonl")
        earlier = run.results().get("evaluations", {})
        # a wrong name, or a task that does not report success, is an error now and not after hours of play
        silent = [task for task in tasks if not reports_success(task)]
        for model, weights in checkpoints[1:]:
            load(args, model, weights, goal)
        for model, weights in checkpoints:
            agent = load(args, model, weights, goal)
            for task in silent:
                play(args, agent, task, seeds[:1], log, settings_of(args, agent, model, task, goal), play_episodes)
            for task in tasks:
                settings = settings_of(args, agent, model, task, goal)
                evaluation, played = play(args, agent, task, seeds, log, settings, play_episodes)
                name = name_of(task) if len(checkpoints) == 1 else f"{name_of(task)}, {model}"
                figures = evaluation.summary()
                if played < len(seeds):  # an earlier process played the others, and may have been killed meanwhile
                    figures["seconds"] = None if played else earlier.get(name, {}).get("seconds")
                results[name] = {**settings, **figures, "results": evaluation.per_episode()}
                run.write_results({"worlds": args.worlds, "evaluations": results})
                rate, low, high = (f"{share:.0%}" for share in (evaluation.rate, *evaluation.interval))
                success = f"{evaluation.successes}/{len(seeds)} = {rate}"
                means = (f"{figures['mean_ticks']:.0f}", f"{figures['mean_return']:.2f}")
                table.add_row(model, name_of(task), success, f"{low} to {high}", *means)
                video = run.directory / (re.sub(r"[^\w.=-]+", "_", name) + ".mp4")
                if args.video_episodes and (played or not video.with_suffix(".gif").exists()):
                    film_grid(
                        agent,
                        lambda task=task: task.make(render=True),
                        seeds[: args.video_episodes],
                        video,
                        sampling_seed=args.sampling_seed,
                    )
        log.close()
    console.print(table)
    console.print(f"results and videos: {run.directory}")


if __name__ == "__main__":
    try:
        main(parse(Args))
    except (
        SuccessNotReportedError,
        CheckpointError,
        GoalError,
        RunError,
        ImportError,
        OSError,
        gym.error.Error,
    ) as error:
        sys.exit(f"evaluate.py: {error}")
