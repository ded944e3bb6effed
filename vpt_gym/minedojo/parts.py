"""Finds the parts of an environment of ``minedojo.make``: a chain of wrappers around MineDojo's simulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PACKAGE = "minedojo"


@dataclass(frozen=True)
class MineDojoParts:
    """The parts of one MineDojo environment; None for those that it lacks.

    Attributes:
        outer: The environment itself.
        delta: ``DeltaInventoryWrapper``.
        masks: ``ARMasksWrapper``.
        nn: ``NNActionSpaceWrapper``, which converts ``MultiDiscrete`` actions to those of the simulator.
        task: The task (a ``MetaTaskBase``), which computes reward and success.
        fast: ``FastResetWrapper``.
        sim: ``MineDojoSim``.
        bridge: The simulator's ``BridgeEnv``, which talks to the game.
        foreign_wrappers: Wrappers in the chain that are not MineDojo's.
    """

    outer: Any
    delta: Any | None
    masks: Any | None
    nn: Any | None
    task: Any | None
    fast: Any | None
    sim: Any
    bridge: Any
    foreign_wrappers: tuple[Any, ...] = ()


def find_parts(env: Any) -> MineDojoParts | None:
    """Returns the parts of an environment, or None if MineDojo's simulator is not at its bottom.

    The parts are recognised by the names of their classes and packages; nothing is imported.
    """
    chain = list(_chain(env))
    sim = _of_kind(chain, "MineDojoSim")
    if sim is None:
        return None
    return MineDojoParts(
        outer=env,
        delta=_of_kind(chain, "DeltaInventoryWrapper"),
        masks=_of_kind(chain, "ARMasksWrapper"),
        nn=_of_kind(chain, "NNActionSpaceWrapper"),
        task=_of_kind(chain, "MetaTaskBase"),
        fast=_of_kind(chain, "FastResetWrapper"),
        sim=sim,
        bridge=sim._bridge_env,
        foreign_wrappers=tuple(part for part in chain if not _bases(part)),
    )


def _chain(env: Any) -> Iterator[Any]:
    while env is not None:
        yield env
        env = vars(env).get("env") if hasattr(env, "__dict__") else None


def _bases(part: Any) -> list[str]:
    """Returns the names of those base classes of ``part`` that are MineDojo's."""
    return [kind.__name__ for kind in type(part).__mro__ if kind.__module__.split(".")[0] == PACKAGE]


def _of_kind(chain: list[Any], name: str) -> Any | None:
    return next((part for part in chain if name in _bases(part)), None)
