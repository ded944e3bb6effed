"""``Episode``: plays one mission in the embedded world. It takes ``StepClient`` bodies, and returns bytes to send."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.utils import seeding

from vpt_gym.world.core.state import SLOTS
from vpt_gym.world.creatures.spawning import MOST_MONSTERS
from vpt_gym.world.game import Game, Start
from vpt_gym.world.malmo import world_edits
from vpt_gym.world.malmo.chat import Chat
from vpt_gym.world.malmo.commands import Commands, Keyboard
from vpt_gym.world.malmo.mission import RAIN, Mission, MissionError, Placement
from vpt_gym.world.malmo.report.info import InfoWriter
from vpt_gym.world.malmo.report.statistics import Statistics

Array = np.ndarray[Any, Any]

_INTEGER = re.compile(r"\+?([0-9]{1,100})(\.0*)?")
SPREAD = 1
"""Key of the random stream of ``/spreadplayers``, next to the world's seed."""


def seed_of(text: str) -> int:
    """Returns the seed for the text of a mission's seed.

    Args:
        text: A non-negative integer, also in the form ``7.0``, is used as it is. Any other text is hashed, with the
            same result on every machine.
    """
    number = _INTEGER.fullmatch(text)
    if number is not None:
        return int(number[1])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class Episode:
    """A running mission.

    Args:
        mission: The mission.
        level: The terrain, one of ``generate.TERRAINS``, for a mission that does not choose a biome.
        rng: Draws the world of a mission that has no seed.
        full_statistics: Report all of Minecraft's statistics, or only those that observations read.
        warn: Called with a message for each command that has no effect, such as crafting an item that this world does
            not have.

    Raises:
        MissionError: This world does not support the start of the mission.
    """

    def __init__(
        self,
        mission: Mission,
        level: str,
        rng: np.random.Generator,
        full_statistics: bool,
        warn: Callable[[str], None],
    ) -> None:
        try:
            start = Start(
                animals=mission.spawning,
                monsters=MOST_MONSTERS if mission.spawning else 0,
                time=mission.start_time,
                frozen=not mission.time_passes,
            )
            self._game = Game(mission.land or level, mission.height, mission.width, mission.break_speed, start)
        except ValueError as error:
            raise MissionError(str(error)) from error
        if mission.seed:
            rng, _ = seeding.np_random(seed_of(mission.seed))
        self._game.begin(rng)
        self.state = self._game.state
        self._begin_player(mission)
        self._keyboard = Keyboard()
        self._chat = Chat(
            self.state,
            self._start(),
            np.random.default_rng((self._game.world_seed, SPREAD)),
        )
        self._statistics = Statistics(full_statistics, self.state)
        self._info = InfoWriter(mission)
        self._warn = warn
        self._flipped = np.empty((mission.height, mission.width, 3), np.uint8)

    @property
    def world_seed(self) -> int:
        """Seed of the world."""
        return self._game.world_seed

    def step(self, body: str) -> None:
        """Plays one tick: first the chat commands, then the keys and other commands of the body.

        Args:
            body: One command per line; see ``commands``.

        Raises:
            CommandError: A command is unknown or cannot be carried out. No tick was played.
        """
        commands = self._keyboard.read(body)
        for text in commands.chat:
            if self._chat.run(text):
                self._statistics.count_death()
        self._swap(commands)
        for craft in commands.unknown_crafts:
            self._warn(f"{craft!r} does nothing: the embedded world cannot make that")
        if commands.chat:
            self._statistics.resync(self.state)
        self._game.tick(self._keyboard.controls(commands, self.state.inventory))
        self._statistics.tick(self.state)
        if self.state.player["health"][0] <= 0.0:
            self._chat.run("/kill")
            self._statistics.count_death()
            self._statistics.resync(self.state)

    def frame_bytes(self) -> memoryview:
        """Returns the frame: height * width * 3 bytes, RGB, bottom row first. It is valid until the next call."""
        frame = self._game.draw()
        for channel in range(3):
            self._flipped[..., channel] = frame[channel, ::-1]
        return self._flipped.reshape(-1).data

    def info(self) -> bytes:
        """Returns the info of this tick, UTF-8 JSON."""
        return self._info.write(self.state, self._game.ticks, self._statistics)

    def _begin_player(self, mission: Mission) -> None:
        player, place = self.state.player[0], mission.placement
        player.health, player.food = mission.health, mission.food
        self.state.clock["rain"] = RAIN[mission.weather]
        if place is not None:
            try:
                world_edits.teleport(self.state, place.x, place.y, place.z, place.yaw, place.pitch)
            except ValueError as error:
                raise MissionError(f"<Placement>: {error}") from error
        for stack in mission.inventory:
            if stack.slot < SLOTS:
                self.state.inventory[stack.slot] = (stack.item, stack.quantity, 0)

    def _start(self) -> Placement:
        player = self.state.player[0]
        return Placement(*(float(player[name]) for name in ("x", "y", "z", "yaw", "pitch")))

    def _swap(self, commands: Commands) -> None:
        if commands.swap is None:
            return
        a, b = sorted(commands.swap)
        inventory = self.state.inventory
        if b < SLOTS:
            inventory[[a, b]] = inventory[[b, a]]
        elif a < SLOTS and inventory[a, 1] > 0:
            self._warn(f"swapping slot {a} with slot {b} does nothing: this world has no armour and no off hand")
