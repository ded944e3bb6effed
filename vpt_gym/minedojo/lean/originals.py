"""Finds out which methods of an object are exactly those of minedojo 0.1.

Forks of MineDojo keep its names and its version number, so methods are recognised by their source.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any

_METHODS = {
    "f06eb4d02b4dd178": "MineDojoSim.step",
    "6febffcf7a7632e7": "MineDojoSim._process_raw_obs",
    "d9ba12475940afb8": "ARMasksWrapper.observation",
    "3117631442b85904": "DeltaInventoryWrapper.observation",
    "dfca6b35547525e9": "TranslationHandlerGroup.from_hero",
    "3c53551d0945c796": "KeymapTranslationHandler.walk_dict",
    "ad493a5fdd6da98b": "KeymapTranslationHandler.from_hero",
    "de36af4a4cba2ea5": "LifeStatsObservation.from_hero",  # the same text in 19 classes
    "6135f8dd5fc50696": "POVObservation.from_hero",
    "f898c2a206d92b99": "TrueFlatInventoryObservation.from_hero",
    "d05fdadc5d5f178d": "TrueFlatInventoryObservation._name_preprocess",
    "80659e8bf847865c": "NearbyToolsObservation.from_hero",
    "7d5229d213e9da43": "VoxelObservation.from_hero",
    "17c934322e83cd6c": "RichLidarObservation.from_hero",
}
"""SHA-256 of a method's source, 16 digits -> the method of minedojo 0.1, from PyPI and GitHub."""


def original_method(part: Any, name: str) -> str | None:
    """Returns which method of minedojo 0.1 ``part.name`` is, such as ``"MineDojoSim.step"``.

    None for any other method: a fork's, a subclass's, or one that was rebound on the object.
    """
    if name in vars(part):
        return None
    return _method(getattr(type(part), name, None))


def inherited_original(part: Any, name: str) -> str | None:
    """Returns which method of minedojo 0.1 ``super().name`` is, when called in ``part.name``; else None."""
    owners = [owner for owner in type(part).__mro__ if name in vars(owner)]
    return _method(vars(owners[1])[name]) if len(owners) > 1 else None


@functools.cache
def _method(function: Callable[..., Any] | None) -> str | None:
    if not inspect.isfunction(function):
        return None
    try:
        source = inspect.getsource(function)
    except OSError:  # without a source the method is unknown
        return None
    return _METHODS.get(hashlib.sha256(source.encode()).hexdigest()[:16])
