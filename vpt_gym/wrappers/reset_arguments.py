"""Environments of Gymnasium whose ``reset`` takes no seed or no options, as MineStudio's, which wrappers pass."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium as gym

_PASSED = ("seed", "options")


class _Reset:
    """The ``reset`` of an environment, with all the arguments that Gymnasium's wrappers pass.

    Args:
        reset: The environment's own.
        taken: Those of the arguments that it takes.
    """

    def __init__(self, reset: Callable[..., Any], taken: tuple[str, ...]) -> None:
        self._reset, self._taken = reset, taken

    def __call__(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        if seed is not None and "seed" not in self._taken:
            warnings.warn(
                f"the reset of this environment takes no seed, so that {seed} changes nothing: episodes cannot be "
                "repeated",
                stacklevel=2,
            )
        given = {"seed": seed, "options": options}
        return self._reset(**{name: given[name] for name in self._taken})


def accept_reset_arguments(env: gym.Env[Any, Any]) -> None:
    """Makes ``reset`` of the innermost environment take ``seed`` and ``options``, if it does not.

    Only this instance is changed. What it does not take is left out; a seed with a warning.
    """
    inner = env.unwrapped
    try:
        parameters = inspect.signature(inner.reset).parameters
    except (TypeError, ValueError):  # of compiled code, which says nothing
        return
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    taken = tuple(name for name in _PASSED if name in parameters)
    if taken != _PASSED:
        inner.reset = _Reset(inner.reset, taken)  # type: ignore[method-assign]
