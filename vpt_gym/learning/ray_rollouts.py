"""Rollouts for policy-gradient methods from workers on a Ray cluster, in place of one ``RolloutCollector``.

def make_collector(policy: VPTPolicy, seed: int) -> RolloutCollector:
    return RolloutCollector(policy, make_envs(), seed=seed)

with connected(args.ray.address) as ray, RayRollouts(ray, policy, make_collector, args.ray, ...) as collector:
    rollout = collector.collect(args.ticks)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import astuple, fields
from types import TracebackType
from typing import Any, Protocol, TypeVar

import torch

from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.collect.ray.options import RayArgs
from vpt_gym.collect.ray.workers import MAX_LOSSES
from vpt_gym.learning.rollout import FinishedEpisode
from vpt_gym.learning.vector_env import SKIPPED

PATIENCE = 600.0
"""Seconds in which Ray must start a lost worker again."""

R = TypeVar("R")


class Collector(Protocol):
    """What a worker holds: ``RolloutCollector``, or a class like it."""

    episodes: list[Any]
    started: list[int]
    """How many episodes have begun in each env."""

    def collect(self, ticks: int) -> Any:
        """Plays ``ticks`` ticks in each env; returns a dataclass of tensors, batch first, and the memory."""


class RayRollouts:
    """Actors that each hold a vector env, a copy of the policy and its memory; a context manager.

    :meth:`collect` sends the weights once for each rollout, through Ray's object store, and waits for all workers. So
    all ticks are played by the current policy. The rows of the rollout are those of worker 0, then 1, and so on, in
    each rollout the same. They are bit-equal to those of the same collectors in one process, one after the other.

    If a worker or its node dies, Ray starts it again where there is room, and its envs begin new episodes, in worlds
    not played before, for the same rollout. What the lost envs had played since the last rollout is played again, so
    no tick and no episode counts twice.

    Args:
        ray: The module, connected (``vpt_gym.collect.ray.connect.connected``).
        policy: The policy that is trained here. Its weights and its precision are read in each :meth:`collect`.
        make_collector: Makes a worker's collector from its copy of the policy and the seed of its first env, once in
            each worker; Ray must be able to pickle it.
        args: What a worker needs. With ``gpus``, its policy runs on CUDA.
        workers: Number of workers.
        num_envs: Envs in each worker, as ``make_collector`` makes them.
        seed: Seed of the first env of worker 0. Env ``i`` of worker ``w`` has ``seed + w * num_envs + i``, and after
            a loss a multiple of ``workers * num_envs`` more: once for each ``SKIPPED`` episodes that may have begun.

    Attributes:
        episodes: The finished episodes (``FinishedEpisode``), oldest rollout first; the caller may clear it.

    Raises:
        ValueError: ``workers`` or ``num_envs`` is not positive.
    """

    def __init__(
        self,
        ray: Any,
        policy: VPTPolicy,
        make_collector: Callable[[VPTPolicy, int], Collector],
        args: RayArgs,
        *,
        workers: int,
        num_envs: int,
        seed: int,
    ) -> None:
        for name, value in (("workers", workers), ("num_envs", num_envs)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        self._ray = ray
        self._policy = policy
        self._version = 0
        self._seed, self._num_envs = seed, num_envs
        self._skips = [0] * workers  # of SKIPPED episodes each, which lost envs may have begun
        self._before = [0] * workers * num_envs  # episodes that earlier processes have begun in each env
        self._begun = [0] * workers * num_envs  # since the last loss
        self.episodes: list[Any] = []
        actor = ray.remote(_RolloutActor).options(
            num_cpus=args.cpus,
            num_gpus=args.gpus,
            resources=args.own_resources,
            max_restarts=-1,
            scheduling_strategy="SPREAD",
        )
        made = [ray.put((policy.config, make_collector))]
        self._actors = [actor.remote(os.getcwd(), args.threads, args.device, made) for _ in range(workers)]

    def collect(self, ticks: int) -> Any:
        """Plays ``ticks`` ticks in each env of each worker with the current weights.

        Args:
            ticks: Ticks in each env.

        Returns:
            What the collectors return, joined along the batch, on the policy's device.

        Raises:
            RuntimeError: A worker died ``MAX_LOSSES`` times in one rollout, or Ray could not start it again within
                ``PATIENCE`` seconds.
            Exception: The error that a collector raised.
        """
        self._version += 1
        weights = {name: tensor.detach().cpu() for name, tensor in self._policy.state_dict().items()}
        # in a list: Ray would replace a bare reference by its value before each call
        broadcast = (self._version, self._policy.precision, [self._ray.put(weights)])
        attempts = [0] * len(self._actors)
        results: dict[int, tuple[Any, list[Any], list[int]]] = {}
        calls = {self._call(worker, broadcast, ticks): worker for worker in range(len(self._actors))}
        errors = self._ray.exceptions
        while calls:
            (reference, *_), _ = self._ray.wait(list(calls), num_returns=1)
            worker = calls.pop(reference)
            try:
                results[worker] = self._ray.get(reference)
            except errors.RayTaskError as error:
                if isinstance(error.cause, Exception):
                    raise error.cause from error
                raise
            except errors.RayError as error:
                attempts[worker] += 1
                self._skip(worker, ticks)
                self._await_restart(worker, attempts[worker], error)
                calls[self._call(worker, broadcast, ticks)] = worker
        rollouts, episodes, begun = zip(*(results[worker] for worker in range(len(self._actors))), strict=True)
        for finished in episodes:
            self.episodes.extend(finished)
        self._begun = [count for counts in begun for count in counts]
        return joined(rollouts, self._policy.device)

    def state_dict(self) -> dict[str, Any]:
        """Returns what later workers need to continue, but for the running episodes, which are lost."""
        skipped = [SKIPPED * skips for skips in self._skips for _ in range(self._num_envs)]
        started = [sum(counts) for counts in zip(self._before, skipped, self._begun, strict=True)]
        return {"started": started, "episodes": [list(astuple(episode)) for episode in self.episodes]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``; the workers' worlds must come after those that ``"started"`` counts."""
        self._before = list(state["started"])
        self.episodes = [FinishedEpisode(*episode) for episode in state["episodes"]]

    def close(self) -> None:
        """Ends the workers and closes their envs."""
        closing = [actor.close.remote() for actor in self._actors]
        self._ray.wait(closing, num_returns=len(closing), timeout=20.0)
        self._kill()

    def __enter__(self) -> RayRollouts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._kill()

    def _call(self, worker: int, broadcast: tuple[int, str, list[Any]], ticks: int) -> Any:
        place = worker + self._skips[worker] * len(self._actors)
        seed = self._seed + place * self._num_envs
        return self._actors[worker].collect.remote(seed, broadcast, ticks)

    def _skip(self, worker: int, ticks: int) -> None:
        """Leaves out the worlds that the envs of a lost worker may have played: an episode begins at most each tick."""
        own = slice(worker * self._num_envs, (worker + 1) * self._num_envs)
        self._skips[worker] += -(-(max(self._begun[own]) + ticks) // SKIPPED)
        self._begun[own] = [0] * self._num_envs

    def _await_restart(self, worker: int, attempt: int, error: Exception) -> None:
        if attempt < MAX_LOSSES:
            # repeated by Ray until the actor runs; a call with no repeats fails while Ray starts it again
            started = self._actors[worker].ready.options(max_task_retries=-1).remote()
            done, _ = self._ray.wait([started], timeout=PATIENCE)
            if done:
                return
            what = f"the cluster has had no room for another in {PATIENCE:.0f} s"
        else:
            what = f"died {attempt} times in one rollout; perhaps memory ran out: use fewer envs (--ray-envs)"
        raise RuntimeError(
            f"worker {worker} died, and {what}. Resume the run from its checkpoint. The last error: {error}"
        ) from error

    def _kill(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)


def joined(rollouts: Sequence[R], device: torch.device) -> R:
    """Joins dataclasses of tensors and memories along their first axis, on a device."""
    values: dict[str, Any] = {}
    for field in fields(rollouts[0]):  # type: ignore[arg-type]
        parts = [getattr(rollout, field.name) for rollout in rollouts]
        if isinstance(parts[0], Memory):
            keys, carried, valid = (
                torch.cat([getattr(part, name) for part in parts]) for name in ("keys", "values", "valid")
            )
            values[field.name] = Memory(keys, carried, valid).to(device)
        elif parts[0] is None:
            values[field.name] = None
        else:
            values[field.name] = torch.cat(parts).to(device)
    return type(rollouts[0])(**values)


class _RolloutActor:
    """The process of a worker. After a death Ray makes it again, without its envs and its memory."""

    def __init__(self, directory: str, threads: int, device: str, made: list[Any]) -> None:
        if os.path.isdir(directory):  # relative paths and modules mean the same as in the process that started it
            os.chdir(directory)
        torch.set_num_threads(threads)
        self._device = device
        self._made = made
        self._version = 0
        self._policy: VPTPolicy | None = None
        self._collector: Any = None

    def ready(self) -> None:
        """Returns when the process runs."""

    def collect(self, seed: int, broadcast: tuple[int, str, list[Any]], ticks: int) -> tuple[Any, list[Any], list[int]]:
        import ray

        version, precision, weights = broadcast
        if self._policy is None:
            config, make_collector = ray.get(self._made[0])
            self._policy = VPTPolicy(config).to(self._device).eval()
        if version != self._version:
            self._policy.load_state_dict(ray.get(weights[0]))
            self._policy.set_precision(precision)  # type: ignore[arg-type]
            self._version = version
        if self._collector is None:
            self._collector = make_collector(self._policy, seed)
        rollout = self._collector.collect(ticks)
        episodes, self._collector.episodes = self._collector.episodes, []
        return joined([rollout], torch.device("cpu")), episodes, list(self._collector.started)

    def close(self) -> None:
        envs = getattr(self._collector, "envs", None)
        if envs is not None:
            envs.close()
