"""The random numbers of sampling: a generator for each environment, seeded at the start of each episode."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from vpt_gym.system.printable import shown


class EpisodeGenerators:
    """Random number generators of N environments, one for each row of a batch.

    They are on the CPU whatever the policy's device, so that a seed means the same on every device. An episode's
    numbers do not depend on how many were drawn before it: with Gymnasium's next-step autoreset an agent also acts on
    the last observation of an episode, and that action is never executed.

    Args:
        seed: Environment i is seeded with ``seed + i``; None leaves the generators unseeded.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._base = seed
        self._environments: list[int] | None = None  # which environment each row is, after keep()
        self._seeds: dict[int, int] = {}
        self._episodes: dict[int, int] = {}
        self._generators: dict[int, torch.Generator] = {}

    def seed(self, row: int, seed: int) -> None:
        """Seeds one environment, from its next episode on."""
        environment = self._environment(row)
        self._seeds[environment] = seed
        self._episodes.pop(environment, None)
        self._generators.pop(environment, None)

    def generator(self, row: int, begins: bool) -> torch.Generator:
        """Returns the generator of an environment, which ``begins`` an episode or continues one."""
        environment = self._environment(row)
        generator = self._generators.get(environment)
        if environment not in self._seeds and self._base is not None:
            self._seeds[environment] = self._base + environment
        seed = self._seeds.get(environment)
        if generator is None:
            generator = self._generators[environment] = torch.Generator()
            if seed is None:
                generator.seed()
        if seed is not None and (begins or environment not in self._episodes):
            episode = self._episodes[environment] = self._episodes.get(environment, -1) + 1
            # seed + i of the last environments may exceed 64 bits
            generator.manual_seed(mixed_seed(seed, episode) if episode else seed if seed < 2**64 else seed - 2**64)
        return generator

    def __getstate__(self) -> dict[str, Any]:
        """Returns the state for a copy, also a shallow one; PyTorch's generators are copied by their own state."""
        states = {environment: generator.get_state() for environment, generator in self._generators.items()}
        own = {"_seeds": dict(self._seeds), "_episodes": dict(self._episodes), "_generators": states}
        return {**self.__dict__, **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores the state of a copy."""
        self.__dict__.update(state)
        self._generators = {}
        for environment, numbers in state["_generators"].items():
            self._generators[environment] = torch.Generator()
            self._generators[environment].set_state(numbers)

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these; each environment that remains draws as before, under its new row."""
        self._environments = [self._environment(row) for row in rows]

    def restore_rows(self) -> None:
        """Makes row i environment i again, as before :meth:`keep`."""
        self._environments = None

    def _environment(self, row: int) -> int:
        return row if self._environments is None else self._environments[row]


def checked_seed(seed: Any) -> int | list[int | None] | None:
    """Returns a seed, or one for each environment, as Python's integers.

    Raises:
        TypeError: A seed is no integer.
        ValueError: A seed is out of the range of PyTorch's generators.
    """
    if seed is None:
        return None
    if getattr(seed, "ndim", None) == 1 or (isinstance(seed, Sequence) and not isinstance(seed, str)):
        return [None if own is None else _integer(own) for own in seed]
    return _integer(seed)


def _integer(seed: Any) -> int:
    try:
        number = operator.index(seed)
    except TypeError as error:
        raise TypeError(
            f"a seed must be an integer, or a sequence of one for each environment; got {shown(seed)}"
        ) from error
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"a seed must be in [-2**63, 2**64), got {shown(number)}")
    return number


def mixed_seed(seed: int, number: int) -> int:
    """Returns a seed that two integers determine, in [0, 2^63); negative ones count modulo 2^64."""
    entropy = (seed % 2**64, number % 2**64)
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
