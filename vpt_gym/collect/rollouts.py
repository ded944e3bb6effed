"""Plays complete episodes with one agent in several worlds at once, each world exactly once."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.wrappers import TimeLimit

from vpt_gym.minedojo.factory import ENV_ID
from vpt_gym.wrappers.success import success_of

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

Code = npt.NDArray[np.int64]

ATTEMPTS = 3
"""Number of times an episode is played before a crash of the game becomes an error."""


class Control(Protocol):
    """Sees each action of the agent in one env before it is executed: it may label it, or replace it."""

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Called when an episode has started in the env, in the world of ``seed``."""

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Receives the agent's code (2,) before each step and returns the code to execute."""


@dataclass(frozen=True)
class Episode:
    """The result of one episode.

    Attributes:
        seed: The world it was played in.
        success: Whether its last tick reported success (``vpt_gym.wrappers.success.success_of``).
        total_reward: Sum of its rewards.
        ticks: Its length, in steps of the env.
        truncated: Whether a limit ended it rather than the task.
    """

    seed: int
    success: bool
    total_reward: float
    ticks: int
    truncated: bool


class SuccessNotReportedError(KeyError):
    """An episode ended, and the env did not report whether it succeeded.

    Args:
        env: The env.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        name = env.spec.id if env.spec is not None else type(env.unwrapped).__name__
        super().__init__(
            f"{name} does not report whether an episode succeeded: its last info has no 'success'. Return "
            "info['success'], True or False, from its step(), or add it in a wrapper around the env"
        )

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show it in quotes


class _Lane:
    """One env, with the episode that is running in it."""

    def __init__(self, env: gym.Env[Any, Any], control: Control | None) -> None:
        self.env = env
        self.control = control
        self.first = True

    def start(self, seed: int, attempt: int = 1) -> None:
        self.seed, self.attempt = seed, attempt
        self.total_reward, self.ticks, self.first = 0.0, 0, True
        self.obs, _ = self.env.reset(seed=seed)
        if self.control is not None:
            self.control.start(self.env, seed)

    def step(self, code: Code) -> Episode | None:
        if self.control is not None:
            code = self.control.step(self.env, code)
        self.obs, reward, terminated, truncated, info = self.env.step(code)
        if "env_error" in info:
            if self.attempt == ATTEMPTS:
                raise RuntimeError(
                    f"the game failed {ATTEMPTS} times in the world of seed {self.seed}: {info['env_error']}"
                )
            self.start(self.seed, self.attempt + 1)
            return None
        self.total_reward += float(reward)
        self.ticks += 1
        self.first = False
        if not (terminated or truncated):
            return None
        success = success_of(self.env, info)
        if success is None:
            raise SuccessNotReportedError(self.env)
        return Episode(self.seed, success, self.total_reward, self.ticks, bool(truncated))


def warn_if_endless(env: gym.Env[Any, Any]) -> None:
    """Warns if no time limit is visible on an env; the warning points at the caller of the caller."""
    if not _has_limit(env):
        warnings.warn(
            f"{env} has no visible time limit: an episode that does not succeed may never end. "
            "Wrap it in gymnasium.wrappers.TimeLimit, or make it with max_episode_steps",
            stacklevel=3,
        )


def _has_limit(env: gym.Env[Any, Any]) -> bool:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            return True
        env = env.env
    # other environments may end by themselves; of MineDojo's only Playthrough does
    return env.spec is None or env.spec.id != ENV_ID or env.spec.kwargs["task_id"].lower() == "playthrough"


def play(
    agent: VPTAgent,
    make_env: Callable[[], gym.Env[Any, Any]],
    seeds: Sequence[int],
    *,
    num_envs: int = 16,
    sampling_seed: int = 0,
    control: Callable[[], Control] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Plays one episode for each seed, several side by side, and returns them in the order of the seeds.

    An episode's sampled actions are determined by ``sampling_seed`` and the seed of its world. They depend neither on
    the order of the seeds nor on ``num_envs``, up to rounding: a network may round differently in batches of another
    size, which in rare cases decides between two actions, and more often in a reduced precision than in fp32.

    The agent acts on a batch with one row for each running episode; a row whose episode has ended takes the next
    seed with an empty memory, and is dropped when no seed is left. Envs are stepped in two threads: the embedded world
    and the sockets of a game both release the interpreter lock while they work.

    Args:
        agent: Acts in all episodes. Its memory and random numbers are overwritten.
        make_env: Makes one env that takes VPT codes and returns frames as ``VPTObsWrapper`` does.
        seeds: Seeds of the worlds.
        num_envs: Maximum number of episodes that run at once.
        sampling_seed: Seed of the agent's sampling.
        control: Makes a :class:`Control` for each env; for DAgger, or to hand over to an expert.
        on_episode: Called with each result when its episode ends.

    Returns:
        One result for each seed, in the order of the seeds.

    Raises:
        SuccessNotReportedError: An episode ended and its last info does not report whether it succeeded; a
            ``KeyError``.
        RuntimeError: The game crashed (``info["env_error"]``) in ``ATTEMPTS`` plays of one episode. A crash does not
            count as a failure of the agent: the episode is played again.
        ValueError: ``num_envs`` is not positive, or a seed is in the list twice.
    """
    if num_envs < 1:
        raise ValueError(f"num_envs is {num_envs}; it must be at least 1")
    if len(set(seeds)) != len(seeds):
        raise ValueError("a seed is in the list twice; each world is played once")
    from vpt_gym.agents.episode_generators import mixed_seed  # not above: it imports torch, as the agent has done

    waiting = deque(seeds)
    results: dict[int, Episode] = {}
    with ExitStack() as stack:
        lanes: list[_Lane] = []
        for _ in range(min(num_envs, len(seeds))):
            env = make_env()
            stack.callback(env.close)
            if not lanes:
                warn_if_endless(env)
            lanes.append(_Lane(env, control() if control is not None else None))
        # made after the envs, so that an error stops the threads before the envs are closed
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=2))
        for lane in lanes:
            lane.start(waiting.popleft())
        agent.reset()
        while lanes:
            frames = np.stack([lane.obs for lane in lanes])
            first = np.array([lane.first for lane in lanes])
            if first.any():
                agent.reset(first, seed=[mixed_seed(sampling_seed, lane.seed) for lane in lanes])
            codes = agent.act(frames, first=first)
            ended = pool.map(lambda pair: pair[0].step(pair[1]), zip(lanes, codes, strict=True))
            running = []
            for row, (lane, episode) in enumerate(zip(lanes, ended, strict=True)):
                if episode is not None:
                    results[episode.seed] = episode
                    if on_episode is not None:
                        on_episode(episode)
                    if not waiting:
                        continue
                    lane.start(waiting.popleft())
                running.append(row)
            if len(running) < len(lanes):
                lanes = [lanes[row] for row in running]
                if lanes:
                    agent.keep(running)
    return [results[seed] for seed in seeds]
