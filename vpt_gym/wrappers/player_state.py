"""What an observation says about the player: the items held, and the place, as MineDojo or MineRL writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_PLACE = ("xpos", "ypos", "zpos")
_VIEW = ("yaw", "pitch")


def held_items(inventory: Any) -> list[tuple[str, int]]:
    """Returns the name and the quantity of each entry of an inventory that is not empty.

    Args:
        inventory: A mapping with the arrays ``name`` and ``quantity``, one entry a slot (MineDojo and the embedded
            world), or a mapping of quantities by name (MineRL).

    Returns:
        Names as the game has them, with underscores: ``crafting_table``. A name may occur several times.

    Raises:
        ValueError: The inventory has another form.
    """
    try:
        if "name" in inventory and "quantity" in inventory:
            names, quantities = (np.asarray(inventory[key]).tolist() for key in ("name", "quantity"))
        else:
            names, quantities = list(inventory), [np.asarray(one).item() for one in inventory.values()]
        entries = [
            (str(name).replace(" ", "_"), int(quantity)) for name, quantity in zip(names, quantities, strict=True)
        ]
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"the inventory has an unknown form ({error}); it must be a mapping with the arrays name and quantity, "
            "or one of quantities by name"
        ) from error
    return [(name, quantity) for name, quantity in entries if quantity > 0 and name != "air"]


def recorded_state(observation: Any) -> dict[str, Any]:
    """Returns what an observation says about the player, by the contractors' names (``records.STATE_KEYS``).

    It is additional information in a demo, so what has an unknown form is left out.

    Args:
        observation: A mapping with ``location_stats`` (``pos`` as in MineDojo, or ``xpos``, ``ypos`` and ``zpos`` as in
            MineRL, and ``yaw`` and ``pitch``, degrees) and ``inventory`` (``held_items``), as far as there are any.
    """
    if not isinstance(observation, Mapping):
        return {}
    state: dict[str, Any] = {}
    place = observation.get("location_stats")
    if isinstance(place, Mapping):
        state |= _numbers(place["pos"], _PLACE) if "pos" in place else _each(place, _PLACE)
        state |= _each(place, _VIEW)
    if "inventory" in observation:
        try:
            held = held_items(observation["inventory"])
        except ValueError:
            return state
        state["inventory"] = [{"type": name, "quantity": quantity} for name, quantity in held]
    return state


def _each(place: Mapping[Any, Any], names: tuple[str, ...]) -> dict[str, float]:
    return {key: value for name in names if name in place for key, value in _numbers(place[name], (name,)).items()}


def _numbers(value: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Returns the numbers of an array by their names; empty if it does not have as many, or has something else."""
    try:
        numbers = np.asarray(value, np.float64).ravel().tolist()
    except (TypeError, ValueError):
        return {}
    return dict(zip(names, numbers, strict=True)) if len(numbers) == len(names) else {}
