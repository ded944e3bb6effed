"""Splits demos into those to train on and those to validate on, by complete episodes."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from pathlib import Path

from vpt_gym.demos.dataset.sessions import session_name
from vpt_gym.demos.files.names import files_of


def split_by_episode(
    paths: Sequence[Path], validation: float, *, seed: int = 0, join_segments: bool = False
) -> tuple[list[Path], list[Path]]:
    """Returns the demos to train on and those to validate on, both in the order of ``paths``.

    An episode is never in both, not even if a copy of it is in another directory: copies have the same id, and an id is
    in one part. Which ids are held out depends on the ids and the seed, not on directories or the order of the paths.

    Args:
        paths: One file of each demo, from ``vpt_gym.demos.dataset.loading.find_paths``.
        validation: Share of the episodes if it is below 1 (rounded, at least one), else their number; 0 holds none out.
        seed: Chooses other episodes.
        join_segments: Count all segments of a contractor's session as one episode, so that none of them is held out of
            the session that the others are trained on as one.

    Raises:
        ValueError: ``validation`` is negative, no whole number, or leaves nothing to train on.
    """
    if not 0 <= validation < math.inf or (validation >= 1 and validation != int(validation)):
        raise ValueError(f"validation is {validation}; it must be a share below 1, or a whole number of episodes")
    ids = {path: (join_segments and session_name(path)) or files_of(path).id for path in paths}
    drawn = sorted(set(ids.values()), key=lambda name: hashlib.sha256(os.fsencode(f"{seed} {name}")).digest())
    count = int(validation) if validation >= 1 else max(round(validation * len(drawn)), int(validation > 0))
    if count and count >= len(drawn):
        raise ValueError(
            f"{len(drawn)} episodes, of which validation={validation:g} holds out {count}, leave nothing to train on: "
            "record more, or train without validation (0)"
        )
    held_out = set(drawn[:count])
    return [p for p in paths if ids[p] not in held_out], [p for p in paths if ids[p] in held_out]
