"""One game: a world, its player and its frames. The environment and the Malmo server both use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vpt_gym.system.did_you_mean import did_you_mean
from vpt_gym.world.catalog.creatures import KINDS
from vpt_gym.world.catalog.items import ITEMS, STACK_SIZE
from vpt_gym.world.core import fields
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.state import SLOTS, WorldState
from vpt_gym.world.creatures.spawning import populate, spawn_near
from vpt_gym.world.kernels.cold_start import announce_compilation, compile_in_background
from vpt_gym.world.kernels.compiled import COMPILES_FAST
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.player.tick import advance, tick
from vpt_gym.world.render.raycast import draw_world
from vpt_gym.world.render.renderer import Renderer
from vpt_gym.world.terrain import generate
from vpt_gym.world.terrain.generate import TERRAINS, Terrain, choose_start

Array = np.ndarray[Any, Any]


class ItemStack(NamedTuple):
    """The content of an inventory slot at the start: slot 0 to 35, item id, quantity."""

    slot: int
    item: int
    quantity: int = 1


class Spawn(NamedTuple):
    """Creatures around the player at the start: kind (see ``catalog.creatures``), number, and range in blocks."""

    kind: int
    number: int = 1
    nearest: float = 4.0
    farthest: float = 10.0


class Start(NamedTuple):
    """How an episode starts.

    Attributes:
        inventory: The player's items.
        spawns: Creatures around the player.
        animals: Whether the biomes have their animals.
        monsters: Largest number of monsters that spawn by themselves in the dark; 0 = none.
        time: Time of day, ticks: 0 = 6 in the morning, 6,000 = noon, 13,000 = night.
        frozen: Whether the time of day stands still.
    """

    inventory: Sequence[ItemStack] = ()
    spawns: Sequence[Spawn] = ()
    animals: bool = False
    monsters: int = 0
    time: int = NOON
    frozen: bool = False


DEFAULT_START = Start()


def check_start(start: Start) -> None:
    """Raises ValueError if an episode cannot start in this way; the message says why."""
    for slot, item, quantity in start.inventory:
        if not 0 <= slot < SLOTS:
            raise ValueError(f"the inventory slot is {slot!r}; it must be from 0 to {SLOTS - 1}")
        if item not in ITEMS:
            raise ValueError(f"the item is {item!r}; it must be an item id of vpt_gym.world.catalog.items")
        if not 1 <= quantity <= STACK_SIZE[item]:
            raise ValueError(
                f"the quantity of {ITEMS[item].name} is {quantity!r}; one slot takes 1 to {STACK_SIZE[item]}"
            )
    for kind, number, nearest, farthest in start.spawns:
        if not 0 < kind < len(KINDS):
            raise ValueError(f"the creature is {kind!r}; it must be from 1 to {len(KINDS) - 1}, see creatures")
        if number < 1 or not 0 <= nearest <= farthest:
            raise ValueError(
                f"{KINDS[kind].name}: number {number!r}, nearest {nearest!r} and farthest {farthest!r} must be 1 or "
                "more, and 0 <= nearest <= farthest"
            )
    if start.time < 0:
        raise ValueError(f"the time is {start.time!r}; it must not be negative")


class Game:
    """Begins episodes, advances them tick by tick, and draws them.

    Args:
        terrain: A name of ``TERRAINS``, or a ``Terrain``.
        height: Height of the frames, pixels, at least 32.
        width: Width of the frames, pixels, at least 32.
        break_speed: Multiplies the speed of digging; 1 is Minecraft's.
        start: How episodes start.
        renderer: Draws the frames; None: a ``Renderer`` of ``height`` and ``width``.

    Raises:
        ValueError: An argument is out of its range; the message names the possible values.

    Attributes:
        state: The state of the world; the same object for all episodes.
        renderer: Draws ``state``.
        ticks: Ticks since the episode began.
        world_seed: Seed of the episode's world, 0 to 2**32 - 1.
    """

    def __init__(
        self,
        terrain: str | Terrain,
        height: int,
        width: int,
        break_speed: float = 1.0,
        start: Start = DEFAULT_START,
        renderer: Renderer | None = None,
    ) -> None:
        if isinstance(terrain, str):
            if terrain not in TERRAINS:
                near = did_you_mean(terrain, TERRAINS)
                raise ValueError(f"level is {terrain!r}{near}; the levels are {', '.join(TERRAINS)}")
            terrain = TERRAINS[terrain]
        if not break_speed > 0:
            raise ValueError(f"break_speed is {break_speed!r}; it must be greater than 0 (1 is Minecraft's)")
        check_start(start)
        self.state = WorldState()
        self.renderer = Renderer(height, width) if renderer is None else renderer
        self.ticks = 0
        self.world_seed = 0
        self._terrain = terrain
        self._start = start
        self._break_speed = float(break_speed)
        announce_compilation("world", 20 if COMPILES_FAST else 50, advance, draw_world)
        compile_in_background("vpt_gym.world.first_tick", advance)

    def begin(self, rng: np.random.Generator) -> None:
        """Makes a new world and puts the player into it; both depend only on the state of ``rng``."""
        self.world_seed = int(rng.integers(2**32))
        state, start = self.state, self._start
        world = state.world
        generate.generate(self.world_seed, self._terrain, world)
        fields.fill_all(world)
        state.place_player(*choose_start(rng, self._terrain, world))
        clock = world.clock[0]
        clock.seed = self.world_seed
        clock.time = clock.first_time = start.time
        clock.frozen, clock.next_number, clock.monsters, clock.rain = int(start.frozen), 1, start.monsters, 0.0
        for slot, item, quantity in start.inventory:
            world.inventory[slot] = (item, quantity, 0)
        if start.animals:
            populate(world)
        for purpose, (kind, number, nearest, farthest) in enumerate(start.spawns):
            spawn_near(world, kind, number, float(nearest), float(farthest), purpose)
        self.ticks = 0

    def tick(self, controls: Controls) -> None:
        """Advances the world by one tick."""
        tick(self.state.world, self._break_speed, controls)
        self.ticks += 1

    def draw(self) -> Array:
        """Returns the player's view, RGB: a new array (3, height, width) uint8."""
        return self.renderer.draw(self.state)
