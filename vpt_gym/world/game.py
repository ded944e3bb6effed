"""One game: a world, its player, and the picture of it. What the environment and the Malmo server have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world import fields, generate
from vpt_gym.world.compiled import announce_compilation
from vpt_gym.world.generate import LEVELS, choose_start
from vpt_gym.world.raycast import draw_world
from vpt_gym.world.render import Renderer
from vpt_gym.world.state import WorldState
from vpt_gym.world.tick import Controls, advance

Array = np.ndarray[Any, Any]


class Game:
    """Begins episodes, advances them tick by tick, and draws them.

    Args:
        level: One of ``LEVELS``.
        height: Of the frames, pixels, at least 32.
        width: Of the frames, pixels, at least 32.
        break_speed: Multiplies the speed of digging; 1 is Minecraft's.

    Raises:
        ValueError: An argument out of its range; the message says what is possible.

    Attributes:
        state: The state of the world; the same object for all episodes.
        renderer: Draws ``state``.
        ticks: Ticks since the episode began.
        world_seed: Seed of the episode's world, 0 to 2**32 - 1.
    """

    def __init__(self, level: str, height: int, width: int, break_speed: float = 1.0) -> None:
        if level not in LEVELS:
            raise ValueError(f"level is {level!r}; the levels are {', '.join(LEVELS)}")
        if not break_speed > 0:
            raise ValueError(f"break_speed is {break_speed!r}; it must be greater than 0 (1 is Minecraft's)")
        self.state = WorldState()
        self.renderer = Renderer(height, width)
        self.ticks = 0
        self.world_seed = 0
        self._level = LEVELS[level]
        self._break_speed = float(break_speed)
        announce_compilation("world", 20, generate.grow_ground, advance, draw_world)

    def begin(self, rng: np.random.Generator) -> None:
        """Makes a new world and puts the player into it; both depend on the generator's state only."""
        self.world_seed = int(rng.integers(2**32))
        state = self.state
        generate.generate(self.world_seed, self._level, state.blocks, state.ground)
        fields.fill_tops(state.blocks, state.tops)
        fields.fill_squares(state.blocks, state.tops, state.squares)
        state.place_player(*choose_start(rng, self._level, state.blocks, state.ground, state.tops))
        self.ticks = 0

    def tick(self, controls: Controls) -> None:
        """Advances the world by one tick."""
        state = self.state
        advance(
            state.blocks,
            state.tops,
            state.squares,
            state.player,
            state.items,
            state.inventory,
            self._break_speed,
            *controls,
        )
        self.ticks += 1

    def draw(self) -> Array:
        """Returns what the player sees: a fresh (3, height, width) uint8 array, RGB."""
        return self.renderer.draw(self.state)
