"""Plays complete episodes with one agent in several worlds at once, each world exactly once."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.wrappers import TimeLimit

from vpt_gym.collect.seeds import SEEDS
from vpt_gym.legacy_gym import env_name
from vpt_gym.minedojo.factory import ENV_ID
from vpt_gym.system.pickled_error import PickledError
from vpt_gym.wrappers.success import success_of, success_so_far

Code = npt.NDArray[np.int64]

ATTEMPTS = 3
"""Number of times an episode is played before a crash of the game becomes an error."""


class Agent(Protocol):
    """Acts in several envs at once, as ``VPTAgent`` does; row i of each array belongs to env i."""

    def act(self, obs: npt.NDArray[np.uint8], *, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Returns a code for each frame in ``obs`` (N, 128, 128, 3); ``first`` (N,) marks first frames of episodes."""

    def reset(self, mask: npt.NDArray[np.bool_] | None = None, seed: Sequence[int | None] | None = None) -> None:
        """Clears the memory of the envs in ``mask`` (N,), and seeds their sampling."""

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all envs except ``rows``."""


class Control(Protocol):
    """Sees each action of the agent in one env before it is executed: it may label it, or replace it."""

    def start(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Called when an episode has started in the env, in the world of ``seed``."""

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Receives the agent's code (2,) before each step and returns the code to execute.

        With :class:`vpt_gym.collect.taught.TaughtAgent` it receives the codes (2, 2) of the agent and of its teacher.
        """


@dataclass(frozen=True)
class Episode:
    """The result of one episode.

    Attributes:
        seed: The world it was played in.
        success: Whether any of its ticks reported success (``vpt_gym.wrappers.success.success_of``), as in the metadata
            of demos; None if the env does not report it.
        total_reward: Sum of its rewards.
        ticks: Its length, in steps of the env.
        truncated: Whether a limit ended it rather than the task.
    """

    seed: int
    success: bool | None
    total_reward: float
    ticks: int
    truncated: bool


class Play(Protocol):
    """Plays one episode for each seed: :func:`play`, or :meth:`vpt_gym.collect.ray.play.RayPlay.play` on a cluster."""

    def __call__(
        self,
        agent: Agent,
        make_env: Callable[[], gym.Env[Any, Any]],
        seeds: Sequence[int],
        /,
        *,
        num_envs: int = 16,
        batch_size: int | None = None,
        sampling_seed: int = 0,
        control: Callable[[], Control] | None = None,
        on_episode: Callable[[Episode], None] | None = None,
    ) -> list[Episode]:
        """Returns one result for each seed, in the order of the seeds; the arguments are those of :func:`play`."""


class SuccessNotReportedError(PickledError, KeyError):
    """An episode ended, and the env did not report whether it succeeded.

    Args:
        env: The env.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        name = env_name(env)
        super().__init__(
            f"{name} does not report whether an episode succeeded: its infos have no 'success'. Return "
            "info['success'], True or False, from its step(), or add it in a wrapper around the env"
        )

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would show it in quotes


_NEVER_ENDS = 1000
"""Steps after which ``check_success_reported`` gives up."""


def check_success_reported(make_env: Callable[[], gym.Env[Any, Any]]) -> None:
    """Checks that an env reports success, so that an evaluation after a long training does not fail for the lack of it.

    Most envs report it in each step. If the first steps of one do not, an episode of random actions is played to its
    end, for at most 1,000 steps; an env that is not over by then, or whose game fails, is not judged.

    Args:
        make_env: Makes one env.

    Raises:
        SuccessNotReportedError: No info of the episode has a success; a ``KeyError``.
    """
    env = make_env()
    try:
        _, info = env.reset(seed=SEEDS["validation"].start)
        for _ in range(_NEVER_ENDS):
            if success_of(env, info) is not None:
                return
            _, _, terminated, truncated, info = env.step(env.action_space.sample())
            if "env_error" in info:
                return
            if terminated or truncated:
                break
        else:
            return
        if success_of(env, info) is None:
            raise SuccessNotReportedError(env)
    finally:
        env.close()


class _Lane:
    """One env, with the episode that is running in it."""

    def __init__(self, env: gym.Env[Any, Any], control: Control | None) -> None:
        self.env = env
        self.control = control
        self.first = self.running = True

    def start(self, seed: int, attempt: int = 1) -> None:
        self.seed, self.attempt = seed, attempt
        self.total_reward, self.ticks, self.first = 0.0, 0, True
        self.success: bool | None = None
        self.obs, _ = self.env.reset(seed=seed)
        if self.control is not None:
            self.control.start(self.env, seed)

    def step(self, code: Code) -> Episode | None:
        if not self.running:
            return None
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
        self.success = success_so_far(self.success, success_of(self.env, info))
        if not (terminated or truncated):
            return None
        if self.success is None:
            raise SuccessNotReportedError(self.env)
        return Episode(self.seed, self.success, self.total_reward, self.ticks, bool(truncated))


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
    agent: Agent,
    make_env: Callable[[], gym.Env[Any, Any]],
    seeds: Sequence[int],
    *,
    num_envs: int = 16,
    batch_size: int | None = None,
    sampling_seed: int = 0,
    control: Callable[[], Control] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Plays one episode for each seed, several side by side, and returns them in the order of the seeds.

    An episode's sampled actions are determined by ``sampling_seed`` and the seed of its world. They depend neither on
    the order of the seeds nor on ``num_envs``, up to rounding: a network may round differently in batches of another
    size, which in rare cases decides between two actions, and more often in a reduced precision than in fp32.

    The agent acts on a batch with one row for each running episode; a row whose episode has ended takes the next
    seed with an empty memory, and is dropped when no seed is left. With ``batch_size``, every batch has that many rows
    instead, some of them unused. If that is a multiple of torch's threads, an episode has the same log-probabilities
    whichever others are played with it, up to about 1e-5 (without it, up to 0.03 in bf16 and int8), so that nearly
    always each of its actions is the same. Envs are stepped in two threads: the embedded world and the sockets of a
    game both release the interpreter lock while they work.

    Args:
        agent: Acts in all episodes. Its memory and random numbers are overwritten.
        make_env: Makes one env that takes VPT codes and returns frames as ``VPTObsWrapper`` does.
        seeds: Seeds of the worlds.
        num_envs: Maximum number of episodes that run at once.
        batch_size: Rows of every batch of the agent, at least as many as run at once; None: as many as are running.
        sampling_seed: Seed of the agent's sampling.
        control: Makes a :class:`Control` for each env; for DAgger, or to hand over to an expert.
        on_episode: Called with each result when its episode ends.

    Returns:
        One result for each seed, in the order of the seeds.

    Raises:
        SuccessNotReportedError: An episode ended, and the env did not report whether it succeeded; a ``KeyError``.
        RuntimeError: The game crashed (``info["env_error"]``) in ``ATTEMPTS`` plays of one episode. A crash does not
            count as a failure of the agent: the episode is played again.
        ValueError: ``num_envs`` is not positive, ``batch_size`` is too small, or a seed is in the list twice.
    """
    if num_envs < 1:
        raise ValueError(f"num_envs is {num_envs}; it must be at least 1")
    if batch_size is not None and batch_size < min(num_envs, len(seeds)):
        raise ValueError(
            f"batch_size is {batch_size}, but {min(num_envs, len(seeds))} episodes run at once; make it at least that"
        )
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
        unused = 0 if batch_size is None else batch_size - len(lanes)
        blanks, begins = [np.zeros_like(lane.obs) for lane in lanes[:1]] * unused, [True] * unused
        while any(lane.running for lane in lanes):
            frames = np.stack([*(lane.obs for lane in lanes), *blanks])
            first = np.array([*(lane.first for lane in lanes), *begins])
            if first.any():
                seeds_of_rows = [mixed_seed(sampling_seed, lane.seed) for lane in lanes]
                agent.reset(first, seed=[*seeds_of_rows, *[None] * unused])
            codes = agent.act(frames, first=first)[: len(lanes)]
            begins = [False] * unused
            ended = pool.map(lambda pair: pair[0].step(pair[1]), zip(lanes, codes, strict=True))
            for lane, episode in zip(lanes, ended, strict=True):
                if episode is None:
                    continue
                results[episode.seed] = episode
                if on_episode is not None:
                    on_episode(episode)
                lane.running = bool(waiting)
                if waiting:
                    lane.start(waiting.popleft())
            rows = [row for row, lane in enumerate(lanes) if lane.running]
            if batch_size is None and len(rows) < len(lanes):
                lanes = [lanes[row] for row in rows]
                if lanes:
                    agent.keep(rows)
    return [results[seed] for seed in seeds]
