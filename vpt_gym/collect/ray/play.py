"""Episodes of an agent, played by workers on a Ray cluster.

with play_on(args.ray) as play:
    evaluate(agent, args.env.make, seeds, play=play)
    collect_round(agent, make_env, labels, seeds, directory, play=play, ...)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from vpt_gym.collect.ray.connect import connected
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.parcels import DemoParcel, take_demos, write_demo
from vpt_gym.collect.ray.workers import RayWorkers
from vpt_gym.collect.rollouts import Agent, Control, Episode, Play, play
from vpt_gym.collect.taught import TaughtAgent
from vpt_gym.system.temporary import TemporaryDirectory
from vpt_gym.wrappers import RecorderWrapper

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.agents.engine import EnginePrecision
    from vpt_gym.agents.policy.config import VPTConfig
    from vpt_gym.agents.policy.policy import Precision
    from vpt_gym.agents.sampling import Sampling

Seeds = tuple[int, ...]
Played = tuple[list[Episode], list[DemoParcel]]


@contextmanager
def play_on(args: RayArgs) -> Iterator[Play]:
    """Yields what plays episodes: ``rollouts.play``, or with an address :meth:`RayPlay.play` on that cluster.

    Raises:
        DependencyNotInstalled: An address is given, and Ray is not installed.
        ConnectionError: There is no cluster at the address.
    """
    if args.address is None:
        yield play
        return
    with connected(args.address) as ray:
        playing = RayPlay(ray, args)
        try:
            yield playing.play
        except BaseException:
            playing.close(broken=True)
            raise
        playing.close()


class RayPlay:
    """Plays episodes on a Ray cluster. Workers are started by the first call, and kept for later ones.

    With one episode at a time in each worker (``RayArgs.envs``), the episodes are bit-equal to those of
    ``rollouts.play`` with one env and as many threads on the same kind of processor, whatever the number of workers is.

    Args:
        ray: The module, connected.
        args: The workers.
    """

    def __init__(self, ray: Any, args: RayArgs) -> None:
        self._args = args
        self._workers: RayWorkers[Seeds, Played] = RayWorkers(ray, args)

    def play(
        self,
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
        """Plays one episode for each seed; arguments, results and errors are those of ``rollouts.play``.

        If the env has a ``RecorderWrapper``, workers record into a directory of their own node. This process writes
        each demo into the recorder's directory when the demo arrives, before it calls ``on_episode``.

        Args:
            agent: A ``VPTAgent`` or a ``TaughtAgent``. Its weights are sent to the workers; it plays nothing itself.
            make_env: Makes one env in a worker; Ray must be able to pickle it.
            seeds: Seeds of the worlds.
            num_envs: Not used: each worker plays ``RayArgs.envs`` episodes at once.
            batch_size: Not used: each batch has ``RayArgs.envs`` rows.
            sampling_seed: Seed of the agent's sampling.
            control: Makes a :class:`Control` for each env in a worker; Ray must be able to pickle it.
            on_episode: Called in this process with each result when it arrives.

        Raises:
            RuntimeError: Workers died repeatedly with the same episode.
            TypeError: The agent is of another class.
            ValueError: A seed is in the list twice.
        """
        if len(set(seeds)) != len(seeds):
            raise ValueError("a seed is in the list twice; each world is played once")
        args, together = self._args, self._args.envs
        groups = [tuple(seeds[start : start + together]) for start in range(0, len(seeds), together)]
        job = _Job(_copied(agent, args.device), make_env, sampling_seed, control, together, args.threads)
        self._workers.use(job, min(self._workers.room, len(groups)))
        for group in groups:
            self._workers.submit(group)
        results: dict[int, Episode] = {}
        for _ in groups:
            _, (episodes, demos) = self._workers.wait()
            for demo in demos:
                write_demo(demo)
            for episode in episodes:
                results[episode.seed] = episode
                if on_episode is not None:
                    on_episode(episode)
        return [results[seed] for seed in seeds]

    def close(self, *, broken: bool = False) -> None:
        """Ends the workers; ``broken``: also those that may still be playing."""
        self._workers.close(broken=broken)


class _Copy(Protocol):
    """All that determines the actions of an agent, for another machine."""

    def make(self) -> Agent:
        """Makes the agent."""


def _copied(agent: Agent, device: str) -> _Copy:
    from vpt_gym.agents.agent import VPTAgent

    if isinstance(agent, TaughtAgent):
        return _TaughtCopy(_copied(agent.learner, device), _copied(agent.teacher, device))
    if not isinstance(agent, VPTAgent):
        raise TypeError(f"a {type(agent).__name__} cannot be sent to Ray's workers; play with a VPTAgent")
    return _AgentCopy(
        agent.policy.config,
        {name: tensor.detach().cpu() for name, tensor in agent.policy.state_dict().items()},
        agent.policy.precision,
        agent.sampling,
        device,
        agent.engine_precision,
        agent.goal,
        agent.guidance,
    )


@dataclass(frozen=True)
class _AgentCopy:
    config: VPTConfig
    weights: dict[str, Any]
    policy_precision: Precision
    sampling: Sampling
    device: str
    engine_precision: EnginePrecision | None
    goal: npt.NDArray[np.float32] | None
    guidance: float | None

    def make(self) -> VPTAgent:
        from vpt_gym.agents.agent import VPTAgent
        from vpt_gym.agents.policy.policy import VPTPolicy

        policy = VPTPolicy(self.config)
        # copied, since the object store's memory is read-only; assigned, so that the number type stays
        policy.load_state_dict({name: tensor.clone() for name, tensor in self.weights.items()}, assign=True)
        policy.set_precision(self.policy_precision)
        agent = VPTAgent(policy, sampling=self.sampling, device=self.device, precision=self.engine_precision)
        if self.goal is not None:
            agent.set_goal(self.goal, guidance=self.guidance)
        return agent


@dataclass(frozen=True)
class _TaughtCopy:
    learner: _Copy
    teacher: _Copy

    def make(self) -> TaughtAgent:
        return TaughtAgent(self.learner.make(), self.teacher.make())


@dataclass(frozen=True)
class _Job:
    """What is played, apart from the seeds; makes the session of a worker."""

    agent: _Copy
    make_env: Callable[[], gym.Env[Any, Any]]
    sampling_seed: int
    control: Callable[[], Control] | None
    num_envs: int
    threads: int

    def __call__(self) -> _PlaySession:
        return _PlaySession(self)


class _PlaySession:
    """An agent and its envs, which stay open from one call to the next."""

    def __init__(self, job: _Job) -> None:
        import torch

        torch.set_num_threads(job.threads)
        self._job = job
        self._agent = job.agent.make()
        self._envs: list[_KeptOpen] = []
        self._taken = 0
        self._recorders: list[tuple[RecorderWrapper, Path]] = []
        self._scratch = TemporaryDirectory("vpt-gym-play-")

    def __call__(self, seeds: Seeds) -> Played:
        self._taken = 0
        episodes = play(
            self._agent,
            self._env,
            seeds,
            num_envs=self._job.num_envs,
            batch_size=self._job.num_envs,  # also for fewer seeds, since rounding may depend on it
            sampling_seed=self._job.sampling_seed,
            control=self._job.control,
        )
        demos = [demo for recorder, home in self._recorders for demo in take_demos(recorder.directory, home)]
        return episodes, demos

    def close(self) -> None:
        for env in self._envs:
            env.env.close()
        self._scratch.remove()

    def _env(self) -> gym.Env[Any, Any]:
        if self._taken == len(self._envs):
            env = self._job.make_env()
            self._envs.append(_KeptOpen(env))
            while isinstance(env, gym.Wrapper):
                if isinstance(env, RecorderWrapper):
                    self._recorders.append((env, env.directory))
                    env.directory = self._scratch.path / str(len(self._recorders))
                    env.directory.mkdir()
                env = env.env
        self._taken += 1
        return self._envs[self._taken - 1]


class _KeptOpen(gym.Wrapper[Any, Any, Any, Any]):
    """An env that stays open when ``rollouts.play`` closes it."""

    def close(self) -> None:
        """Does nothing."""
