"""Replaces methods of MineDojo's wrappers: a third of the time, and the same observations, rewards, ends and ``info``.

MineDojo spends most of a tick on deep copies, which protect it from changes to the arrays and dicts that it returns.
The copies here are as deep, but specialised. Entries that depend only on the inventory (masks, the inventory's change)
are computed by MineDojo when the inventory changes, and copied in all other ticks.

Methods are rebound on the instances of one environment. A method that is not exactly minedojo 0.1's own is left
unchanged.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from vpt_gym.minedojo.lean.observations import SCALARS, Raw, reader
from vpt_gym.minedojo.lean.originals import original_method
from vpt_gym.minedojo.parts import MineDojoParts


def install(parts: MineDojoParts) -> None:
    """Replaces the methods of one environment; a second call changes nothing.

    Warns with a ``UserWarning`` that names the methods that are left unchanged, because they are not MineDojo's own.
    """
    left = []
    for part, lean, names in (
        (parts.sim, LeanSim, ("step", "_process_raw_obs")),
        (parts.masks, LeanMasks, ("observation",)),
        (parts.delta, LeanDelta, ("observation",)),
    ):
        if part is None or all(_is_replaced(part, name) for name in names):
            continue
        if not all(original_method(part, name) for name in names):
            left.append(f"{type(part).__name__}.{' and '.join(names)}")
            continue
        replacement = lean(part)
        for name in names:
            setattr(part, name, getattr(replacement, name))
    if left:
        warnings.warn(
            f"{', '.join(left)}: not minedojo 0.1's own, and left unchanged. The environment is correct, but slower",
            stacklevel=2,
        )


def _is_replaced(part: Any, name: str) -> bool:
    return getattr(vars(part).get(name), "__module__", None) == __name__


class Info(dict[str, Any]):
    """The ``info`` of a tick: a dict whose deep copy is cheap. MineDojo's tasks make one in every tick."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Info:
        return Info(copy_json(dict(self)))


def copy_json(value: Any) -> Any:
    """Returns a deep copy of the result of a JSON parser; other objects in it are copied by ``copy.deepcopy``."""
    kind = type(value)
    if kind is dict:
        copied = value.copy()
        if not SCALARS.issuperset(map(type, value.values())):
            for key, item in value.items():
                if type(item) not in SCALARS:
                    copied[key] = copy_json(item)
        return copied
    if kind is list:
        return value.copy() if SCALARS.issuperset(map(type, value)) else [copy_json(item) for item in value]
    return value if kind in SCALARS else copy.deepcopy(value)


def copy_observation(value: Any) -> Any:
    """Returns a deep copy of an observation: dicts of arrays."""
    if type(value) is np.ndarray and not value.dtype.hasobject:
        return value.copy("K")
    if type(value) is dict:
        return {name: copy_observation(part) for name, part in value.items()}
    return copy.deepcopy(value)


class LeanSim:
    """Replacements for methods of one ``MineDojoSim``."""

    def __init__(self, sim: Any) -> None:
        self._sim = sim
        self._readers = {handler.to_string(): reader(handler) for handler in sim._sim_spec.observables}

    def step(self, action: dict[str, Any]) -> tuple[Any, int, bool, Any]:
        """Replaces ``MineDojoSim.step``."""
        sim = self._sim
        sim._prev_action = copy.deepcopy(action)
        result = sim._bridge_env.step([sim._action_obj_to_xml(action)])
        if not result.step_success:
            return sim._prev_obs, 0, True, sim._prev_info
        observation, info = self._process_raw_obs(result.raw_obs[0])
        sim._prev_obs, sim._prev_info = copy_observation(observation), copy.deepcopy(info)
        return observation, 0, sim.is_terminated, info

    def _process_raw_obs(self, raw_obs: Raw) -> tuple[dict[str, Any], Info]:
        """Replaces ``MineDojoSim._process_raw_obs``; the info owns the contents of ``raw_obs``, except the frame."""
        info = Info(raw_obs)
        info.pop("pov", None)
        return {name: read(raw_obs) for name, read in self._readers.items()}, info


class LeanMasks:
    """Replacement for the method of one ``ARMasksWrapper`` that computes the masks of actions."""

    def __init__(self, wrapper: Any) -> None:
        self._compute = wrapper.observation
        self._state: Any = None
        self._masks: dict[str, Any] = {}

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Replaces ``ARMasksWrapper.observation``: adds ``masks`` and removes ``full_stats``."""
        tools = observation["nearby_tools"]
        state = (_contents(observation["inventory"]), bool(tools["table"]), bool(tools["furnace"]))
        if state != self._state:
            self._masks = self._compute(observation)["masks"]
            self._state = state
        observation["masks"] = copy_observation(self._masks)
        observation.pop("full_stats", None)
        return observation


class LeanDelta:
    """Replacement for the method of one ``DeltaInventoryWrapper`` that compares the inventory with the last one."""

    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper
        self._compute = wrapper.observation
        self._unchanged: dict[str, Any] | None = None

    def observation(self, observation: dict[str, Any], action: Any) -> dict[str, Any]:
        """Replaces ``DeltaInventoryWrapper.observation``: adds ``delta_inv``."""
        wrapper = self._wrapper
        if action is None or _contents(observation["inventory"]) != _contents(wrapper._prev_inventory):
            return self._compute(observation, action)  # type: ignore[no-any-return]
        if self._unchanged is None:
            self._unchanged = copy_observation(self._compute(observation, action)["delta_inv"])
        observation["delta_inv"] = copy_observation(self._unchanged)
        return observation


def _contents(inventory: dict[str, Any]) -> tuple[bytes, ...]:
    """Returns a key that is equal for two inventories only if they are."""
    return inventory["name"].tobytes(), inventory["quantity"].tobytes()
