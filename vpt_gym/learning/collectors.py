"""Opens what plays the rollouts of a training run: envs in this process, or workers on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import gymnasium as gym

from vpt_gym.learning.rollout import RolloutCollector
from vpt_gym.learning.vector_env import SKIPPED, VectorKind, make_vector_env

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.collect.ray.options import RayArgs
    from vpt_gym.learning.ray_rollouts import RayRollouts

    AnyCollector: TypeAlias = RolloutCollector | RayRollouts


def episodes_begun(state: Mapping[str, Any] | None, num_envs: int) -> list[int]:
    """Returns how many episodes have begun in each environment of a training run, from what its checkpoint holds.

    Args:
        state: A mapping with these numbers as ``"started"``; None for a run that begins.
        num_envs: Number of environments.

    Raises:
        ValueError: The run has another number of environments. Their shares of the worlds would be others, too.
    """
    if state is None:
        return [0] * num_envs
    started: list[int] = list(state["started"])
    if len(started) != num_envs:
        raise ValueError(
            f"--num-envs is {num_envs}, but this run has {len(started)} environments, each with its own share of the "
            f"worlds: give --num-envs {len(started)}"
        )
    return started


@contextmanager
def open_collector(
    policy: VPTPolicy,
    make_env: Callable[[], gym.Env[Any, Any]],
    worlds: Sequence[int],
    *,
    num_envs: int,
    seed: int,
    kind: VectorKind = "auto",
    ray: RayArgs | None = None,
    state: dict[str, Any] | None = None,
) -> Iterator[AnyCollector]:
    """Makes a collector of rollouts, and closes its environments at the end of the block.

    The worlds are shared out: environment i plays ``worlds[i::num_envs]``, in this order. A resumed run
    continues after the worlds in ``state``.

    On the CPU the policy acts packed, in its own precision (``ActingEngine``). If its image network is frozen, the
    rollouts hold the features that it computed in acting.

    Args:
        policy: The policy that is trained.
        make_env: Makes an env that takes VPT codes and returns VPT frames. For processes and Ray it is pickled.
        worlds: Seeds of the worlds.
        num_envs: Number of environments.
        seed: Seed of the sampling.
        kind: How the environments of one process are stepped (``make_vector_env``).
        ray: With an address, workers on this cluster play, each with ``ray.envs`` environments.
        state: ``state_dict`` of the collector of an earlier process.

    Raises:
        ValueError: The environments cannot be shared out equally among the workers, or the state has another number
            of them.
        DependencyNotInstalled: Ray is not installed.
        ConnectionError: There is no cluster at the address.
    """
    started = episodes_begun(state, num_envs)
    # decided here: the copies of the policy in workers do not know what is trained
    frozen = not any(parameter.requires_grad for parameter in policy.net.img_process.parameters())
    make = partial(
        _make_collector,
        make_env=make_env,
        worlds=worlds,
        started=started,
        seed=seed,
        kind=kind,
        features=frozen,
    )
    collector: AnyCollector
    if ray is None or ray.address is None:
        collector = make(policy, 0, num_envs)
        try:
            if state is not None:
                collector.load_state_dict(state)
            yield collector
        finally:
            collector.envs.close()
        return
    from vpt_gym.collect.ray.connect import connected
    from vpt_gym.learning.ray_rollouts import RayRollouts

    workers = num_envs // ray.envs
    if workers * ray.envs != num_envs or ray.workers not in (None, workers):
        raise ValueError(
            f"{num_envs} envs cannot be shared out among {ray.workers or workers} workers with {ray.envs} each: "
            "change --num-envs, --ray-workers or --ray-envs"
        )
    in_worker = partial(make, count=ray.envs)
    with (
        connected(ray.address) as module,
        RayRollouts(module, policy, in_worker, ray, workers=workers, num_envs=ray.envs, seed=0) as collector,
    ):
        if state is not None:
            collector.load_state_dict(state)
        yield collector


def _make_collector(
    policy: VPTPolicy,
    first: int,
    count: int,
    *,
    make_env: Callable[[], gym.Env[Any, Any]],
    worlds: Sequence[int],
    started: list[int],
    seed: int,
    kind: VectorKind,
    features: bool,
) -> RolloutCollector:
    """Makes the collector of ``count`` environments from number ``first`` on.

    Numbers from ``len(started)`` on are those of a lost worker's environments: each number stands for the environment
    ``number % len(started)``, which leaves out ``number // len(started)`` times ``SKIPPED`` worlds. After its last
    world an environment begins with its first again.
    """
    total = len(started)
    places = [(number % total, number // total) for number in range(first, first + count)]
    next_worlds = [env + total * (started[env] + skips * SKIPPED) for env, skips in places]
    own = [_from(worlds[world % total :: total], world // total) for world in next_worlds]
    envs = make_vector_env(make_env, own, kind)
    on_cpu = next(policy.parameters()).device.type == "cpu"
    precision = policy.precision if on_cpu else None
    # the random numbers move on with the worlds: after a loss, and in a resumed run, none is drawn again
    return RolloutCollector(policy, envs, seed=seed + next_worlds[0], precision=precision, features=features)


def _from(worlds: Sequence[int], index: int) -> Sequence[int]:
    """Returns the worlds of an environment from a number on, counted round after round."""
    return worlds[index % max(1, len(worlds)) :]
