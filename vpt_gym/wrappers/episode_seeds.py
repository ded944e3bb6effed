"""Gives each episode of an environment the next seed of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from vpt_gym.system.number import is_whole
from vpt_gym.system.printable import shown
from vpt_gym.wrappers._wrapped_env import require_resets


class EpisodeSeeds(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Resets an environment with the next seed of a sequence, whenever ``reset`` is called without one.

    Vector environments reset their environments without seeds, so each world would depend on all worlds before it.
    With this wrapper the worlds of a training run are known, and a resumed run continues with those that
    it has not played: with N environments, give environment i the seeds ``band[i::N]``.

    Args:
        env: The environment to wrap.
        seeds: The seeds in their order, as a sequence or an array of whole numbers; after the last one it begins again.

    Attributes:
        started: How many episodes have begun.

    Raises:
        TypeError: ``seeds`` is not a sequence, such as a single number or a generator.
        ValueError: There are no seeds, one is not a whole number from 0, or ``Autoreset`` is inside.

    Example:
        >>> import gymnasium as gym
        >>> env = EpisodeSeeds(gym.make("vpt_gym/Harvest1Log-v0", level="easy"), range(7, 100))
        >>> worlds = [env.reset()[1]["world_seed"] for _ in range(2)]
        >>> worlds == [env.reset(seed=seed)[1]["world_seed"] for seed in (7, 8)]
        True
    """

    def __init__(self, env: gym.Env[Any, Any], seeds: Sequence[int] | npt.NDArray[np.integer[Any]]) -> None:
        _check(seeds)
        env = require_resets(env, "EpisodeSeeds")
        gym.utils.RecordConstructorArgs.__init__(self, seeds=seeds)
        super().__init__(env)
        self._seeds = seeds
        self.started = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment with ``seed``, or with the next seed of the sequence."""
        if seed is None:
            seed = int(self._seeds[self.started % len(self._seeds)])
            self.started += 1
        return self.env.reset(seed=seed, options=options)


def _check(seeds: Any) -> None:
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Sequence | np.ndarray):
        raise TypeError(f"seeds is {shown(seeds)}; it must be a sequence of whole numbers, such as range(100)")
    if not len(seeds):
        raise ValueError("seeds is empty; pass for example SEEDS['ppo'] of vpt_gym.collect.seeds")
    for seed in (seeds[0], seeds[-1]) if isinstance(seeds, range) else seeds:  # a range may be long
        if not is_whole(seed) or seed < 0:
            raise ValueError(f"seeds has {shown(seed)}; each must be a whole number from 0")
