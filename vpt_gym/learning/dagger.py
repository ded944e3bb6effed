"""DAgger rounds on disk: each is a directory of demos that state how they were recorded. Who acts, and who labels.

Source: Ross, Gordon and Bagnell 2011, "A Reduction of Imitation Learning and Structured Prediction to No-Regret
Online Learning" (arXiv:1011.0686).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np

from vpt_gym.actions.codec import decode, encode
from vpt_gym.collect.directory import clear_up, locked
from vpt_gym.collect.experts import Expert, load_expert
from vpt_gym.collect.finished import finished_episodes, finished_paths, rejected_episodes, rejected_seeds
from vpt_gym.collect.goals import ChosenGoal
from vpt_gym.collect.identity import agent_identity
from vpt_gym.collect.players import is_agent, resolve
from vpt_gym.collect.provenance import RECORDED_BY, check_same_env, check_same_recording
from vpt_gym.collect.rollouts import Code, Episode, Play, play
from vpt_gym.collect.taught import TaughtAgent
from vpt_gym.learning.best import score_of
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.learning.load import load_agent
from vpt_gym.wrappers.labels import label_next_step

if TYPE_CHECKING:
    from vpt_gym.agents.agent import ActingPrecision, VPTAgent


@dataclass(frozen=True)
class ConstantBeta:
    """The expert acts in the same share of ticks in each round; with 0 the learner always acts.

    Raises:
        ValueError: The share is outside [0, 1].
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        _check_share("value", self.value)

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return self.value


@dataclass(frozen=True)
class LinearBeta:
    """The expert's share falls from 1 in round 0 to 0 in round ``rounds``: ``max(0, (rounds - round) / rounds)``.

    The default is that of the library imitation, whose linear schedule has 15 rounds.

    Raises:
        ValueError: ``rounds`` is not positive.
    """

    rounds: int = 15

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds is {self.rounds}; it must be at least 1")

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return max(0.0, 1.0 - round_number / self.rounds)


@dataclass(frozen=True)
class ExponentialBeta:
    """The expert's share is ``decay ** round``.

    Raises:
        ValueError: ``decay`` is outside [0, 1].
    """

    decay: float = 0.5

    def __post_init__(self) -> None:
        _check_share("decay", self.decay)

    def __call__(self, round_number: int) -> float:
        """Returns the expert's share in a round, counted from 0."""
        return float(self.decay**round_number)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; it must be a share between 0 and 1")


class ExpertTurns:
    """Draws in one episode in which ticks the expert acts, and in which the learner.

    Args:
        beta: The expert's share of the ticks, in [0, 1].
        stretch: Least and greatest number of ticks for which one of them acts before it is drawn again. With (1, 1)
            it is drawn in each tick, as in Ross et al. 2011: then the expert corrects a slip at once, and the learner
            hardly ever gets far from the expert's path.
        seed: Seed of the draws.

    Raises:
        ValueError: ``beta`` is outside [0, 1], or ``stretch`` is not two numbers of ticks, the smaller first.
    """

    def __init__(self, beta: float, stretch: tuple[int, int] = (1, 1), *, seed: int | Sequence[int]) -> None:
        _check_share("beta", beta)
        check_stretch(stretch)
        self._beta, self._stretch, self._rng = beta, stretch, np.random.default_rng(seed)
        self._acts, self._left = False, 0

    def expert_acts(self) -> bool:
        """Returns whether the expert acts in the next tick."""
        if self._left == 0:
            self._left = int(self._rng.integers(*self._stretch, endpoint=True))
            self._acts = bool(self._rng.random() < self._beta)
        self._left -= 1
        return self._acts


def check_stretch(stretch: tuple[int, int]) -> None:
    """Checks the ticks for which the expert or the learner acts at a time.

    Raises:
        ValueError: They are not two numbers from 1 on, the smaller first.
    """
    if not 1 <= stretch[0] <= stretch[1]:
        raise ValueError(f"stretch is {stretch}; it must be two numbers of ticks from 1 on, the smaller first: 10 40")


@dataclass(frozen=True)
class LabelSource:
    """What labels the learner's ticks: a scripted expert, or another agent.

    Attributes:
        description: What demos state about it in their metadata: the name of the expert, or the identity of the agent.
        make_expert: Makes the expert of one env; it returns None if an agent labels.
        teacher: The agent, None for a scripted expert.
    """

    description: str | Mapping[str, Any]
    make_expert: Callable[[], Expert | None]
    teacher: VPTAgent | None = None


def label_source(
    expert: str,
    env_id: str,
    *,
    device: str = "cpu",
    precision: ActingPrecision = "auto",
    goal: ChosenGoal | None = None,
) -> LabelSource:
    """Loads what labels, from its name on a command line.

    Args:
        expert: ``"scripted"`` for the scripted expert of the env, ``"module:attribute"``, or the folder or the name of
            an agent.
        env_id: The environment.
        device: Device of such an agent.
        precision: Number type in which it acts.
        goal: Its goal, if its policy acts on goals.

    Raises:
        ValueError: There is no such expert, or it lacks a goal or takes none.
        FileNotFoundError: There is no such agent.
        CheckpointError: The agent's files are unsafe, damaged, or of another model.
    """
    (name,) = resolve((expert,), env_id)
    if not is_agent((name,)):
        if goal is not None:
            raise ValueError(f"--goal is {goal.name!r}, but the expert {name} is no agent; leave it out")
        return LabelSource(name, load_expert(name))
    teacher = load_agent(name, device=device, precision=precision, goal=goal)
    return LabelSource(agent_identity(teacher), lambda: None, teacher)


class Labeller:
    """DAgger in one world: in each tick the expert labels the state that the learner is in, and one of them acts.

    It is a ``vpt_gym.collect.rollouts.Control``.

    Args:
        expert: Labels each tick; None where an agent labels, whose code ``play`` passes beside the learner's.
        beta: The expert's share of the ticks, in [0, 1].
        stretch: The ticks for which one of them acts at a time, see ``ExpertTurns``.
        seed: Seed of the turns, beside the seed of the world.

    Raises:
        ValueError: ``beta`` or ``stretch`` is out of range.
    """

    def __init__(self, expert: Expert | None, beta: float, stretch: tuple[int, int] = (1, 1), *, seed: int = 0) -> None:
        _check_share("beta", beta)
        check_stretch(stretch)
        self._expert, self._beta, self._stretch, self._seed = expert, beta, stretch, seed

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begins an episode."""
        if self._expert is not None:
            self._expert.reset()
        self._turns = ExpertTurns(self._beta, self._stretch, seed=(self._seed, seed))

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Labels the next tick and returns the code to execute, given the learner's code."""
        if self._expert is not None:
            label = self._expert.act(env)
        else:
            code, teachers_code = code
            label = decode(teachers_code)
        label_next_step(env, label)  # what is learned ...
        return encode(label) if self._turns.expert_acts() else code  # ... and what is done


def collect_round(
    agent: VPTAgent,
    make_env: Callable[[Path], gym.Env[Any, Any]],
    labels: LabelSource,
    seeds: Sequence[int],
    directory: Path,
    *,
    beta: float = 0.0,
    stretch: tuple[int, int] = (1, 1),
    num_envs: int = 16,
    sampling_seed: int = 0,
    on_episode: Callable[[Episode], None] | None = None,
    play: Play = play,
) -> list[Episode]:
    """Plays one round and writes its labelled demos to ``directory``.

    An interrupted round can be continued, even after ``kill -9``: finished episodes are kept, the others are played
    again from their start, with the same actions (see ``batch_size`` of ``play``). Each demo states how it was recorded
    (``vpt_gym.collect.provenance``), so that a round of another learner is never taken for this one.

    Args:
        agent: The learner.
        make_env: Makes one env in VPT's format that records into the given directory (it has a
            ``RecorderWrapper``).
        labels: What labels each tick.
        seeds: Seeds of the worlds, one episode each.
        directory: Directory of this round alone.
        beta: The share of ticks in which the expert acts, in [0, 1].
        stretch: The ticks for which one of them acts at a time, see ``ExpertTurns``.
        num_envs: Episodes that run at the same time.
        sampling_seed: Seed of the learner's sampling, and of the choice between learner and expert.
        on_episode: Called with each result when its episode ends.
        play: Plays the missing episodes. On a Ray cluster :meth:`vpt_gym.collect.ray.play.RayPlay.play`, which also
            brings the demos to ``directory``.

    Returns:
        One result for each seed, in the order of the seeds. The world of a demo that was rejected meanwhile is not
        played again, and its result stays what it was.

    Raises:
        ValueError: ``beta`` or ``stretch`` is out of range, the directory holds demos of another env, learner, expert,
            beta, stretch or sampling seed (the error names both), or the recorder does not see the episodes end.
        BlockingIOError: Another run records into the directory.
    """
    _check_share("beta", beta)
    check_stretch(stretch)
    make_expert = labels.make_expert  # by itself: what a worker on a cluster gets must not hold the teacher
    learner = agent_identity(agent)
    recorded_by = {
        "learner": learner.pop("weights"),
        **learner,
        "beta": beta,
        "expert": labels.description,
        "sampling_seed": sampling_seed,
    }
    if stretch != (1, 1):
        recorded_by["stretch"] = stretch

    def make_recorded_env() -> gym.Env[Any, Any]:
        env = make_env(directory)
        env.get_wrapper_attr("annotate")({RECORDED_BY: recorded_by})
        return env

    def check_same_round() -> None:
        check_same_recording(directory, recorded_by, required=True)
        probe = make_env(directory)
        try:
            check_same_env(directory, probe)
        finally:
            probe.close()

    with locked(directory):
        clear_up(directory, RECORDED_BY, check_same_round)
        finished = rejected_episodes(directory, recorded_by) | finished_episodes(directory)
        missing = [seed for seed in seeds if seed not in finished]
        if not missing:
            return [finished[seed] for seed in seeds]
        play(
            agent if labels.teacher is None else TaughtAgent(agent, labels.teacher),
            make_recorded_env,
            missing,
            num_envs=num_envs,
            batch_size=_batch_size(min(num_envs, len(seeds))),  # whatever is missing: the rounding must be the same
            sampling_seed=sampling_seed,
            control=lambda: Labeller(make_expert(), beta, stretch, seed=sampling_seed),
            on_episode=on_episode,
        )
        finished |= finished_episodes(directory)
        lost = [seed for seed in seeds if seed not in finished]
        if lost:
            raise ValueError(
                f"no finished demo of the worlds {lost} in {directory}: the recorder does not see their episodes end. "
                "Put TimeLimit below RecorderWrapper, for example with gym.make(..., max_episode_steps=...)"
            )
    return [finished[seed] for seed in seeds]


def _batch_size(envs: int) -> int:
    """Returns the rows of a batch that threads share equally: other batches are rounded differently, row by row."""
    import torch

    threads = torch.get_num_threads()
    return -(-envs // threads) * threads


def learner_figures(episodes: Sequence[Episode]) -> dict[str, Any]:
    """Returns the success in a round for a JSON file, with its Wilson 95 % interval.

    With a beta above 0 the expert acted in a share of the ticks, so it is not the learner's alone.
    """
    successes = sum(bool(episode.success) for episode in episodes)
    return {
        "episodes": len(episodes),
        "success": successes / len(episodes),
        "wilson95": wilson_interval(successes, len(episodes)),
    }


def round_demos(directory: Path, seeds: Sequence[int]) -> list[Path]:
    """Returns the demos of a finished round in the order of the seeds, whatever the order in which they were played.

    Rejected ones are left out.

    Raises:
        ValueError: A seed has no finished demo, kept or rejected.
    """
    paths, rejected = finished_paths(directory), rejected_seeds(directory)
    missing = [seed for seed in seeds if seed not in paths and seed not in rejected]
    if missing:
        raise ValueError(f"{directory} has no finished demo of the worlds {missing}: play them with collect_round")
    return [paths[seed] for seed in seeds if seed in paths]


def best_round(rounds: Sequence[Mapping[str, Any]]) -> int:
    """Returns the number of the round to keep.

    Args:
        rounds: The figures of each round: ``"round"``, its number, and ``"validation"``, the
            ``Evaluation.summary()`` of its agent in validation worlds, if it played there.

    Returns:
        The round with the best agent (``score_of``), of several the first; without validations the last round.
    """
    played = [figures for figures in rounds if "validation" in figures]
    if not played:
        last: int = rounds[-1]["round"]
        return last
    number: int = max(played, key=lambda r: score_of(r["validation"]["rate"], r["validation"]["mean_ticks"]))["round"]
    return number
