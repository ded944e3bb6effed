"""Plays whole episodes with one agent in many worlds at a time, each world exactly once."""

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
"""How often an episode is played anew after the game broke in it."""


class Control(Protocol):
    """Stands between the agent and one env: labels, or takes over, what the agent does."""

    def start(self, env: gym.Env[Any, Any]) -> None:
        """Is told that an episode has started in the env."""

    def step(self, env: gym.Env[Any, Any], code: Code) -> Code:
        """Gets the agent's code (2,) before each step and returns the code to execute."""


@dataclass(frozen=True)
class Episode:
    """What came of one episode.

    Attributes:
        seed: The world it was played in.
        success: What its last tick said (``vpt_gym.wrappers.success.success_of``).
        total_reward: Sum of its rewards.
        ticks: Its length, in steps of the env.
        truncated: Whether a limit ended it rather than the task.
    """

    seed: int
    success: bool
    total_reward: float
    ticks: int
    truncated: bool


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
            self.control.start(self.env)

    def step(self, code: Code) -> Episode | None:
        if self.control is not None:
            code = self.control.step(self.env, code)
        self.obs, reward, terminated, truncated, info = self.env.step(code)
        if "env_error" in info:
            if self.attempt == ATTEMPTS:
                raise RuntimeError(
                    f"the game broke {ATTEMPTS} times in the world of seed {self.seed}: {info['env_error']}"
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
            raise KeyError("the last info of the episode has no 'success'; add it in a wrapper around your env")
        return Episode(self.seed, success, self.total_reward, self.ticks, bool(truncated))


def warn_if_endless(env: gym.Env[Any, Any]) -> None:
    """Warns, in the name of the caller's caller, if it cannot be seen that an env's episodes end in time."""
    if not _has_limit(env):
        warnings.warn(
            f"{env} has no time limit that can be seen: an episode that does not succeed may go on for ever. "
            "Wrap it in gymnasium.wrappers.TimeLimit, or make it with max_episode_steps",
            stacklevel=3,
        )


def _has_limit(env: gym.Env[Any, Any]) -> bool:
    while isinstance(env, gym.Wrapper):
        if isinstance(env, TimeLimit):
            return True
        env = env.env
    # other environments may end by themselves; MineDojo's do not, but for one
    return env.spec is None or env.spec.id != ENV_ID or env.spec.kwargs["task_id"].lower() == "playthrough"


def play(
    agent: VPTAgent,
    make_env: Callable[[], gym.Env[Any, Any]],
    seeds: Sequence[int],
    *,
    num_envs: int = 16,
    control: Callable[[], Control] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Plays one episode for each seed, several side by side, and returns them in the order of the seeds.

    The agent acts on a batch with one row for each running episode; a row whose episode has ended takes the next
    seed with a fresh memory, and is dropped when no seed is left. Envs are stepped in two threads: the embedded world
    and the sockets of a game both release the interpreter lock while they work.

    Args:
        agent: Acts in all episodes. Its memory is overwritten.
        make_env: Makes one env that takes VPT codes and gives frames as ``VPTObsWrapper`` does.
        seeds: Seeds of the worlds.
        num_envs: Most episodes that run at a time.
        control: Makes, for each env, what stands between the agent and it; for DAgger and for hand-over to an expert.
        on_episode: Called with each result as it comes.

    Raises:
        KeyError: An episode ended and nothing tells whether it succeeded.
        RuntimeError: The game broke (``info["env_error"]``) in ``ATTEMPTS`` plays of one episode. A crash is no
            failure of the agent: the episode is played anew.
        ValueError: ``num_envs`` is not positive, or a seed stands twice in the list.
    """
    if num_envs < 1:
        raise ValueError(f"num_envs is {num_envs}; it must be at least 1")
    if len(set(seeds)) != len(seeds):
        raise ValueError("a seed stands twice in the list; each world is played once")
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
            codes = agent.act(frames, first=np.array([lane.first for lane in lanes]))
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
                memory = agent.memory
                lanes = [lanes[row] for row in running]
                if lanes and memory is not None:
                    agent.memory = memory.index(running)
    return [results[seed] for seed in seeds]
