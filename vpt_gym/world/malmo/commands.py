"""Reads the body of a ``StepClient`` message: one command per line, ``verb arguments``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.actions.human import HOTBAR, selected_slot
from vpt_gym.world.catalog.items import ITEMS
from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.rules.crafting import CRAFT_INDEX

Array = np.ndarray[Any, Any]

KEYS = (
    "forward",
    "back",
    "left",
    "right",
    "jump",
    "sneak",
    "sprint",
    "use",
    "attack",
    "drop",
    "pickItem",
    *HOTBAR,
)
CRAFTS = {"craft": "craft", "craftNearby": "craft_with_table", "smeltNearby": "smelt"}
"""Malmo's verb -> MineDojo's name of the same command."""
NONE = "none"
MALMO_SLOTS = 41
"""Slots of Malmo's inventory: 36, and five for armour and off hand, which are always empty in this world."""


class CommandError(ValueError):
    """A command that is unknown, or that the embedded world cannot carry out. The message names it."""


@dataclass
class Commands:
    """The commands of one tick.

    Attributes:
        chat: Chat commands, with their slash.
        pitch: Degrees to turn the view down.
        yaw: Degrees to turn the view right.
        swap: Two slots whose contents are swapped.
        equip: Item to take into the hand, such as ``log`` or, for one kind, ``log#2``; ``NONE`` for nothing.
        place: Item to place, in the same form.
        craft: Item to craft, an index into ``crafting.CRAFTS``, or -1. The last command counts.
        unknown_crafts: ``verb item`` of each command to craft an item that this world does not have.
    """

    chat: list[str]
    pitch: float = 0.0
    yaw: float = 0.0
    swap: tuple[int, int] | None = None
    equip: str = NONE
    place: str = NONE
    craft: int = -1
    unknown_crafts: tuple[str, ...] = ()


def _camera(text: str) -> tuple[float, float]:
    try:
        pitch, yaw = (float(number) for number in text.split())
    except ValueError:  # not two numbers
        pitch = yaw = math.nan
    if not (math.isfinite(pitch) and math.isfinite(yaw)):
        raise CommandError(f"'camera {text}' is not possible; the camera takes two finite numbers, pitch and yaw")
    return pitch, yaw


def _swap(text: str) -> tuple[int, int]:
    try:
        a, b = (int(number) for number in text.split())
    except ValueError:  # not two integers
        a = b = -1
    if not (0 <= a < MALMO_SLOTS and 0 <= b < MALMO_SLOTS):
        raise CommandError(f"'swapInventoryItems {text}' is not possible; it takes two slots from 0 to 40")
    return a, b


def slot_with(wanted: str, inventory: Array) -> int:
    """Returns the first slot of an inventory that holds an item, or -1.

    Args:
        wanted: ``name``, or ``name#metadata`` for one variant.
        inventory: (SLOTS, 3) int64, (item id, quantity, wear).
    """
    name, _, metadata = wanted.partition("#")
    for slot in range(SLOTS):
        if inventory[slot, 1] == 0:
            continue
        kind = ITEMS[int(inventory[slot, 0])]
        if kind.name == name and metadata in ("", "?", str(kind.variant)):
            return slot
    return -1


class Keyboard:
    """Reads commands, and keeps the keys: a key stays down until a command releases it, as in Malmo."""

    def __init__(self) -> None:
        self._down = dict.fromkeys(KEYS, 0)

    def read(self, body: str) -> Commands:
        """Presses and releases keys, and returns the other commands of a body.

        Raises:
            CommandError: A verb is unknown, or its arguments are wrong.
        """
        commands = Commands([])
        keys = self._down
        for line in body.split("\n"):
            verb, _, rest = line.partition(" ")
            if verb in keys:
                if rest not in ("0", "1"):
                    raise CommandError(f"{line!r} is not possible; a key is 0 (up) or 1 (down)")
                keys[verb] = 1 if rest == "1" else 0
            elif verb == "camera":
                pitch, yaw = _camera(rest)
                commands.pitch += pitch
                commands.yaw += yaw
            elif verb in CRAFTS:
                known_craft = CRAFT_INDEX.get((CRAFTS[verb], rest), -1)
                if known_craft >= 0:
                    commands.craft = known_craft
                elif rest != NONE:
                    commands.unknown_crafts += (line,)
            elif verb == "equip":
                commands.equip = rest
            elif verb == "place":
                commands.place = rest
            elif verb == "swapInventoryItems":
                commands.swap = _swap(rest)
            elif verb == "chat":
                commands.chat.append(rest)
            elif line:
                known = ("camera", "chat", "equip", "place", "swapInventoryItems", *CRAFTS, *KEYS)
                raise CommandError(f"unknown command {line!r}; the embedded world knows {', '.join(known)}")
        if not (math.isfinite(commands.pitch) and math.isfinite(commands.yaw)):
            raise CommandError("the camera commands of one tick add up to more than a number can hold")
        return commands

    def controls(self, commands: Commands, inventory: Array) -> Controls:
        """Returns what the player does in a tick: the keys that are down, and the commands.

        Opposite keys cancel; of several hotbar keys one counts (``selected_slot``); ``pickItem`` does nothing, and so
        do ``equip`` and ``place`` of what is not in the inventory.
        """
        keys = self._down
        return Controls(
            forward=keys["forward"] - keys["back"],
            strafe=keys["left"] - keys["right"],
            jump=keys["jump"],
            sneak=keys["sneak"],
            sprint=keys["sprint"],
            attack=keys["attack"],
            use=keys["use"],
            drop=keys["drop"],
            slot=selected_slot(keys),
            equip=-1 if commands.equip == NONE else slot_with(commands.equip, inventory),
            place=-1 if commands.place == NONE else slot_with(commands.place, inventory),
            pitch=commands.pitch,
            yaw=commands.yaw,
            craft=commands.craft,
            opens=0,
        )
