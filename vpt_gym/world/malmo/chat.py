"""``Chat``: carries out those chat commands of Minecraft's operators that MineDojo sends and this world supports."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vpt_gym.system.printable import shown
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.malmo import world_edits
from vpt_gym.world.malmo.commands import CommandError
from vpt_gym.world.malmo.items import named_block, named_creature
from vpt_gym.world.malmo.mission import MAX_PLACE, MAX_TIME, RAIN, WEATHERS, Placement, mission_item

PLAYERS = ("@p", "@a", "@r")
"""Selectors of the only player of this world."""
DAY_TIMES = {"day": 1000, "night": 13000}
_ARMOUR = {"feet": 36, "legs": 37, "chest": 38, "head": 39}
_ITEM_SELECTOR = re.compile(r"@e\[type=(minecraft:)?item\]", re.IGNORECASE)


@dataclass
class Chat:
    """Carries out chat commands.

    Attributes:
        state: The world.
        start: Where the player respawns after a death.
        rng: Draws the places of ``/spreadplayers``.
    """

    state: WorldState
    start: Placement
    rng: np.random.Generator

    def run(self, command: str) -> bool:
        """Carries out one command.

        Args:
            command: The command with its slash, for example ``/tp 10 12 10 0 0``.

        Returns:
            Whether it killed the player.

        Raises:
            CommandError: The command is unknown or cannot be carried out. The message names it and the reason.
        """
        name, *arguments = command.split() or [""]
        verbs: dict[str, Callable[[list[str]], None]] = {
            "/clear": self._clear,
            "/kill": self._kill,
            "/replaceitem": self._replaceitem,
            "/setblock": self._setblock,
            "/spreadplayers": self._spreadplayers,
            "/summon": self._summon,
            "/time": self._time,
            "/tp": self._tp,
            "/weather": self._weather,
        }
        if name not in verbs:
            raise CommandError(f"the embedded world cannot do {command!r}; its commands are {', '.join(verbs)}")
        try:
            verbs[name](arguments)
        except ValueError as error:
            raise CommandError(f"the embedded world cannot do {command!r}: {error}") from error
        return name == "/kill" and not _is_item_selector(arguments)

    def _clear(self, arguments: list[str]) -> None:
        _require(arguments in ([], ["@p"]), "/clear takes no arguments (or @p): it empties the inventory")
        self.state.inventory[:] = 0

    def _kill(self, arguments: list[str]) -> None:
        if _is_item_selector(arguments):
            world_edits.clear_items(self.state)
            return
        _require(arguments in ([], *([player] for player in PLAYERS)), "use '/kill' or '/kill @e[type=item]'")
        start = self.start
        world_edits.respawn(self.state, start.x, start.y, start.z, start.yaw, start.pitch)

    def _replaceitem(self, arguments: list[str]) -> None:
        form = "/replaceitem entity @p SLOT ITEM [QUANTITY [METADATA]]"
        _require(4 <= len(arguments) <= 6 and arguments[0] == "entity" and arguments[1] in PLAYERS, f"use {form}")
        quantity, metadata = ([int(text) for text in arguments[4:]] + [1, 0][len(arguments) - 4 :])[:2]
        slot = self._slot(arguments[2])
        _require(quantity > 0, f"the quantity is {quantity}; it must be 1 or more (an empty slot is minecraft:air)")
        filled = mission_item(slot, arguments[3].removeprefix("minecraft:"), quantity, metadata)
        if filled.slot < len(self.state.inventory):
            self.state.inventory[filled.slot] = (filled.item, filled.quantity, 0)

    def _slot(self, text: str) -> int:
        kind, _, which = text.removeprefix("slot.").partition(".")
        if (kind, which) == ("weapon", "mainhand") or (kind, which) == ("weapon", ""):
            return int(self.state.player["slot"][0])
        if (kind, which) == ("weapon", "offhand"):
            return 40
        if kind == "armor" and which in _ARMOUR:
            return _ARMOUR[which]
        if kind == "hotbar" and which in map(str, range(9)):
            return int(which)
        if kind == "inventory" and which in map(str, range(27)):
            return 9 + int(which)
        raise ValueError(
            f"there is no slot {text!r}; use slot.weapon.mainhand, slot.weapon.offhand, "
            "slot.armor.feet|legs|chest|head, slot.hotbar.0 to 8 or slot.inventory.0 to 26"
        )

    def _setblock(self, arguments: list[str]) -> None:
        _require(4 <= len(arguments) <= 5, "use /setblock X Y Z BLOCK [METADATA]")
        x, y, z = self._place(arguments[:3])
        metadata = int(arguments[4]) if len(arguments) > 4 else 0
        block = named_block(arguments[3].removeprefix("minecraft:"), metadata)
        world_edits.set_block(self.state, math.floor(x), math.floor(y), math.floor(z), block)

    def _spreadplayers(self, arguments: list[str]) -> None:
        form = "use /spreadplayers X Z 0 RANGE false @p"
        _require(len(arguments) == 6 and arguments[5] in PLAYERS and arguments[4] in ("true", "false"), form)
        player = self.state.player[0]
        x, z = _relative(arguments[0], float(player.x)), _relative(arguments[1], float(player.z))
        _require(float(arguments[2]) >= 0, form)  # the least distance between players; there is only one
        world_edits.spread(self.state, self.rng, x, z, float(arguments[3]))

    def _summon(self, arguments: list[str]) -> None:
        _require(len(arguments) in (1, 4), "use /summon CREATURE X Y Z")
        kind = named_creature(arguments[0].removeprefix("minecraft:"))
        x, y, z = self._place(arguments[1:] or ["~", "~", "~"])
        world_edits.summon(self.state, kind, x, y, z)

    def _time(self, arguments: list[str]) -> None:
        _require(
            len(arguments) == 2 and arguments[0] in ("set", "add"), "use /time set TICKS|day|night or /time add TICKS"
        )
        how, text = arguments
        ticks = DAY_TIMES[text] if how == "set" and text in DAY_TIMES else int(text)
        _require(0 <= ticks <= MAX_TIME, f"the time is {shown(ticks)}; it must be from 0 to {MAX_TIME:,}")
        clock = self.state.clock[0]
        time = ticks + (int(clock.time) if how == "add" else 0)
        _require(time <= MAX_TIME, f"the time would be {time:,}; it must be at most {MAX_TIME:,}")
        clock.time = time

    def _tp(self, arguments: list[str]) -> None:
        if arguments and arguments[0] in PLAYERS:
            arguments = arguments[1:]
        _require(len(arguments) in (3, 5), "use /tp X Y Z [YAW PITCH]")
        player = self.state.player[0]
        yaw, pitch = float(player.yaw), float(player.pitch)
        if len(arguments) == 5:
            yaw, pitch = _relative(arguments[3], yaw), _relative(arguments[4], pitch)
        world_edits.teleport(self.state, *self._place(arguments[:3]), yaw, pitch)

    def _weather(self, arguments: list[str]) -> None:
        _require(len(arguments) == 1 and arguments[0] in WEATHERS, f"use /weather {'|'.join(WEATHERS)}")
        self.state.clock["rain"] = RAIN[arguments[0]]

    def _place(self, coordinates: list[str]) -> tuple[float, float, float]:
        player: Any = self.state.player[0]
        x, y, z = (
            _relative(text, float(origin), MAX_PLACE)
            for text, origin in zip(coordinates, (player.x, player.y, player.z), strict=True)
        )
        return x, y, z


def _require(fits: bool, remedy: str) -> None:
    if not fits:
        raise ValueError(remedy)


def _is_item_selector(arguments: list[str]) -> bool:
    return len(arguments) == 1 and _ITEM_SELECTOR.fullmatch(arguments[0]) is not None


def _relative(text: str, origin: float, limit: float = math.inf) -> float:
    """Reads a coordinate; ``~`` and ``~3`` are relative to an origin."""
    number = (origin + float(text[1:] or "0")) if text.startswith("~") else float(text)
    if not (math.isfinite(number) and abs(number) <= limit):
        most = f"; it must be a number from {-limit:,.0f} to its opposite" if math.isfinite(limit) else ""
        raise ValueError(f"{shown(text)} is not a coordinate{most}")
    return number
