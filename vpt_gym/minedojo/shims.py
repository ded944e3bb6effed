"""Makes MineDojo 0.1 run with current libraries: the only process-wide changes that this package makes.

``install`` makes them, not the import, and a second call changes nothing. Nothing on disk is changed.
Facts: minedojo 0.1 from PyPI, which was written for gym 0.21, numpy below 1.24 and omegaconf below 2.4.
"""

from __future__ import annotations

import importlib
import os
import warnings
from typing import Any

import numpy as np

INSTALL = 'pip install "vpt-gym[minedojo]" && pip install --no-deps minedojo==0.1'
"""The commands that work with a current pip on Python 3.10 to 3.13."""

_REMOVED_FROM_NUMPY = {"unicode_": "str_", "string_": "bytes_", "unicode": "str_"}
_OMEGACONF_LIMIT = "OMEGACONF_MAX_YAML_EXPANDED_NODES"


def install() -> Any:
    """Makes MineDojo usable in this process, and returns the module ``minedojo``.

    * numpy 1.24 and 2.0 removed names that MineDojo's spaces use. They are set again.
    * omegaconf 2.4 refuses MineDojo's list of tasks as too large. Its limit is removed for this process, unless the
      environment variable is already set.
    * From gym 0.22, ``"equip" in space.keys()`` tests the space itself and not its keys. MineDojo's ``Dict.keys`` is
      replaced by one that returns the keys of its mapping.
    * From gym 0.22, MineDojo's ``MultiDiscrete.sample`` calls a method that was removed. It is replaced by one that
      samples from ``np_random``.

    Raises:
        ImportError: MineDojo or one of its dependencies is missing; the message has the command that installs it.
    """
    for old, new in _REMOVED_FROM_NUMPY.items():
        if old not in vars(np):
            setattr(np, old, getattr(np, new))
    os.environ.setdefault(_OMEGACONF_LIMIT, "none")
    try:
        minedojo = importlib.import_module("minedojo")
        spaces = importlib.import_module("minedojo.sim.spaces")
    except ImportError as error:
        raise ImportError(f"cannot import MineDojo ({error}). Install it with: {INSTALL}") from error
    # in gym 0.21 keys() is the mapping's own, in later versions that of collections.abc.Mapping
    if "keys" not in vars(spaces.Dict):
        spaces.Dict.keys = _keys
    if not _samples(spaces.MultiDiscrete):
        spaces.MultiDiscrete.sample = _sample
    return minedojo


def _keys(space: Any) -> Any:
    return space.spaces.keys()


def _samples(multi_discrete: Any) -> bool:
    with warnings.catch_warnings():  # gym warns of names that it will remove
        warnings.simplefilter("ignore")
        try:
            multi_discrete([2]).sample()
        except (AttributeError, TypeError):
            return False
        return True


def _sample(space: Any, bs: int | None = None) -> Any:
    size = () if bs is None else (bs,)
    generator = space.np_random
    draw = generator.integers if hasattr(generator, "integers") else generator.randint
    return np.asarray(draw(np.zeros_like(space.nvec), space.nvec, (*size, *space.nvec.shape)), space.dtype)
