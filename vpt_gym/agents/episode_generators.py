"""The random numbers of sampling: a generator for each environment, seeded at the start of each episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


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
            generator.manual_seed(seed if episode == 0 else mixed_seed(seed, episode))
        return generator

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all rows but these; each environment that remains draws as before, under its new row."""
        self._environments = [self._environment(row) for row in rows]

    def restore_rows(self) -> None:
        """Makes row i environment i again, as before :meth:`keep`."""
        self._environments = None

    def _environment(self, row: int) -> int:
        return row if self._environments is None else self._environments[row]


def mixed_seed(seed: int, number: int) -> int:
    """Returns a seed that two integers determine, in [0, 2^63); negative ones count modulo 2^64."""
    entropy = (seed % 2**64, number % 2**64)
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
