"""Goals for training: each stretch of an episode is labelled with what it reached (hindsight relabelling)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.agents.goals.video import video_goals
from vpt_gym.agents.policy.trainable import freeze
from vpt_gym.demos.dataset.cache import FrameCache
from vpt_gym.demos.demo import read_demo
from vpt_gym.demos.files.names import files_of
from vpt_gym.learning.features import FeatureCache

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.demos.dataset.dataset import Source


def hindsight_ticks(
    length: int, rng: np.random.Generator, *, shortest: int = 15, longest: int = 200
) -> npt.NDArray[np.int64]:
    """Returns for each tick of an episode the later tick whose state is its goal, as STEVE-1 chooses them.

    The goals are ``shortest`` to ``longest - 1`` ticks apart; the last one is the episode's last tick. A goal is that
    of the ticks after the goal before it, up to and with the tick after its own.

    Args:
        length: Number of ticks n of the episode.
        rng: Source of the distances.
        shortest: Least number of ticks between two goals; the last may be nearer or farther.
        longest: The distances are less than this.

    Returns:
        (n,) int64, the tick of the goal.

    Raises:
        ValueError: The episode has less than two ticks, or the distances are not 1 <= shortest < longest.
    """
    if length < 2:
        raise ValueError(f"an episode of {length} tick(s) reaches no goal; it needs at least 2")
    if not 1 <= shortest < longest:
        raise ValueError(f"shortest is {shortest} and longest {longest}; they must be 1 <= shortest < longest")
    goals = [0]
    while goals[-1] < length - 1:
        tick = goals[-1] + int(rng.integers(shortest, longest))
        goals.append(length - 1 if length - tick < shortest else tick)
    ahead = np.array(goals[1:])
    # Tick i has the first goal that is at least i - 1: the tick after a goal still has it.
    return ahead[np.searchsorted(ahead, np.arange(length) - 1)]


def hindsight_goals(
    embeddings: npt.NDArray[np.float32],
    rng: np.random.Generator,
    *,
    start: int = 0,
    stop: int | None = None,
    shortest: int = 15,
    longest: int = 200,
    unconditional: float = 0.1,
) -> npt.NDArray[np.float32]:
    """Returns the goals of a sequence of an episode, with which a policy learns from it.

    The episode is labelled as a whole (:func:`hindsight_ticks`), and then cut. With the probability
    ``unconditional`` the sequence has no goal (zeros), from which the policy learns to act without one; classifier-free
    guidance needs that.

    Args:
        embeddings: (n, G) float32, the embedding at each tick of what happened up to it. STEVE-1's are of the last 16
            frames, so its first 15 are undefined: with ``shortest=15`` they are not used.
        rng: Source of the goals.
        start: First tick of the sequence.
        stop: The tick after the last; None is n.
        shortest: As for :func:`hindsight_ticks`.
        longest: As for :func:`hindsight_ticks`.
        unconditional: Probability of no goal; 0.1 in STEVE-1.

    Returns:
        (stop - start, G) float32.

    Raises:
        ValueError: The embeddings are not (n, G), or a number is out of its range.
    """
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must be (n, G), one for each tick of the episode; got {embeddings.shape}")
    length = len(embeddings)
    stop = length if stop is None else stop
    if not 0 <= start < stop <= length:
        raise ValueError(f"start {start} and stop {stop} must be 0 <= start < stop <= {length}")
    if not 0.0 <= unconditional <= 1.0:
        raise ValueError(f"unconditional must be a probability, got {unconditional}")
    ticks = hindsight_ticks(length, rng, shortest=shortest, longest=longest)[start:stop]
    goals = embeddings[ticks].astype(np.float32)
    return np.zeros_like(goals) if rng.random() < unconditional else goals


class HindsightGoals:
    """Goals for the batches of a :class:`DemoDataset`: what the episode shows 15 to 199 ticks later.

    Equal arguments give equal goals, so that a training run which continues gets those of an uninterrupted one.

    Args:
        policy: The pretrained policy that makes the goals (:func:`vpt_gym.agents.goals.video.video_goals`), not the one
            that is trained. It is frozen.
        cache: That of the training, in which frames or features are found that both need.
        seed: Seed of the goals.
        unconditional: Probability that a sequence has no goal; 0.1 in STEVE-1.

    Attributes:
        size: G, floats of a goal.

    Raises:
        ValueError: The policy acts on goals itself.
    """

    def __init__(
        self,
        policy: VPTPolicy,
        *,
        cache: FrameCache | FeatureCache | None = None,
        seed: int = 0,
        unconditional: float = 0.1,
    ) -> None:
        if policy.config.goal_size is not None:
            raise ValueError("hindsight goals are made by a policy that takes none itself, such as nano-foundation")
        freeze(policy, "*")
        self.size, self._policy = policy.config.hidsize, policy.eval()
        self._cache: FrameCache | FeatureCache
        if isinstance(cache, FeatureCache):  # one of its own, since training may change the precision of that policy
            self._cache = FeatureCache(policy, directory=cache.directory)
        else:
            self._cache = FrameCache() if cache is None else cache
        self._seed, self._unconditional = seed, unconditional
        self._goals: dict[Path, npt.NDArray[np.float32]] = {}

    def of_batch(
        self, sources: Sequence[Source], shape: tuple[int, ...], number: int | None = None, *, rank: int = 0
    ) -> torch.Tensor:
        """Returns the goals of a batch.

        Args:
            sources: Where its ticks come from, ``DemoDataset.sources``; without ``drop_null="cut"``.
            shape: (B, T).
            number: Number of the batch; each has other goals. None: an episode has the same ones whenever it comes, in
                whatever parts and process, as for a validation.
            rank: Of this process, where several train together.

        Returns:
            (B, T, G) float32; zeros where there is no goal or no tick.
        """
        rng = np.random.default_rng([self._seed, rank, number or 0])
        goals = np.zeros((*shape, self.size), np.float32)
        filled = [0] * shape[0]
        for source in sources:
            episode, start = self._of_episode(source.path), filled[source.row]
            length = source.last_tick - source.first_tick + 1
            filled[source.row] += length
            if number is None:
                rng = np.random.default_rng([self._seed, zlib.crc32(os.fsencode(files_of(source.path).id))])
            if len(episode) > 1:
                goals[source.row, start : start + length] = hindsight_goals(
                    episode, rng, start=source.first_tick, stop=source.last_tick + 1, unconditional=self._unconditional
                )
        return torch.from_numpy(goals)

    def _of_episode(self, path: Path) -> npt.NDArray[np.float32]:
        """Returns the goal of each tick of an episode."""
        if path not in self._goals:
            self._goals[path] = video_goals(self._policy, self._cache.frames(read_demo(path, count_frames=False)))
        return self._goals[path]
