"""``PlayEnv``: worlds for open-ended play, each episode in another land, at another time, with other items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from vpt_gym.world.core.clock import MORNING, NIGHT, TICKS_PER_DAY
from vpt_gym.world.env import VoxelEnv, start_of
from vpt_gym.world.game import Game
from vpt_gym.world.interface.actions import CAM_INTERVAL
from vpt_gym.world.interface.observation_space import observation_space
from vpt_gym.world.render.renderer import Renderer
from vpt_gym.world.tasks import TASKS, Task, nothing
from vpt_gym.world.terrain.generate import TERRAINS

LANDS = tuple(TERRAINS)
TIMES: dict[str, tuple[float, tuple[int, int]]] = {
    "day": (0.6, (MORNING, 10_500)),
    "dusk": (0.2, (10_500, 13_000)),
    "night": (0.2, (NIGHT - 1_000, 22_500)),
}
"""Share and range of the time at the start, ticks, by name."""
SIZES: dict[tuple[int, int], float] = {(144, 256): 0.65, (180, 320): 0.3, (360, 640): 0.05}
"""Shares of the frame sizes, (height, width) pixels, all 16:9. 360 x 640, the size of VPT's window, is rare: its
ticks cost three times as much."""
INVENTORIES: dict[str, Mapping[str, int]] = {
    "empty": {},
    "wooden": {
        "wooden_pickaxe": 1,
        "wooden_axe": 1,
        "wooden_shovel": 1,
        "wooden_sword": 1,
        "log": 3,
        "planks": 8,
        "apple": 3,
    },
    "stone": {
        "stone_pickaxe": 1,
        "stone_axe": 1,
        "stone_shovel": 1,
        "stone_sword": 1,
        "furnace": 1,
        "crafting_table": 1,
        "coal": 6,
        "beef": 4,
        "cobblestone": 24,
        "stick": 6,
        "log": 4,
        "torch": 12,
        "shears": 1,
        "bucket": 1,
    },
    "playground": TASKS["vpt_playground"].inventory,
}
"""What the player has at the start, by name."""
INVENTORY_SHARES = {"empty": 0.4, "wooden": 0.2, "stone": 0.2, "playground": 0.2}
"""Share of the episodes by inventory. Most play that people show starts with nothing."""
ANIMALS = ("pig", "cow", "sheep", "chicken")
MONSTERS = ("zombie", "spider")
NEAR_SHARE = 0.5
"""Share of the episodes in which animals stand near the start, and of the nights in which a monster does."""


def draw_task(rng: np.random.Generator) -> Task:
    """Draws how an episode of play starts."""
    land = LANDS[int(rng.integers(len(LANDS)))]
    time = tuple(TIMES)[int(rng.choice(len(TIMES), p=[share for share, _ in TIMES.values()]))]
    inventory = tuple(INVENTORY_SHARES)[int(rng.choice(len(INVENTORY_SHARES), p=list(INVENTORY_SHARES.values())))]
    items = list(INVENTORIES[inventory].items())
    creatures: dict[str, int] = {}
    if rng.random() < NEAR_SHARE:
        creatures = {name: int(rng.integers(1, 3)) for name in ANIMALS if rng.random() < 0.6}
    if rng.random() < NEAR_SHARE and time == "night":
        creatures[MONSTERS[int(rng.integers(len(MONSTERS)))]] = 1
    return Task(
        "",
        nothing,
        math.inf,
        terrain=land,
        inventory={items[n][0]: items[n][1] for n in rng.permutation(len(items)).tolist()},
        creatures=creatures,
        creature_range=(6.0, 16.0),
        time=int(rng.integers(*TIMES[time][1])) % TICKS_PER_DAY,
    )


class PlayEnv(VoxelEnv):
    """The embedded world without a task: the seed of an episode also draws its start (``draw_task``).

    Registered as ``vpt_gym/Play-v0``, with 2,400 steps (two minutes) an episode. Without ``image_size``, the seed also
    draws the size of the frames (``SIZES``), and ``observation_space`` is that of the present episode. Wrap it in
    ``VPTObsWrapper``, or choose a size, for an observation space that stays the same.

    Args:
        actions: See ``VoxelEnv``.
        image_size: (height, width) of all frames, pixels, or ``"policy"``, see ``VoxelEnv``; None: drawn for each
            episode.
        cam_interval: See ``VoxelEnv``.
        render_mode: None or ``"rgb_array"``.
        observations: See ``VoxelEnv``.

    Raises:
        ValueError: An argument is out of its range; the message names the possible values.

    Example:
        >>> import gymnasium as gym, vpt_gym
        >>> env = gym.make("vpt_gym/Play-v0")
        >>> [env.reset(seed=seed)[0]["rgb"].shape for seed in range(3_000_000, 3_000_003)]
        [(3, 144, 256), (3, 360, 640), (3, 144, 256)]
    """

    def __init__(
        self,
        actions: str = "human",
        image_size: Sequence[int] | Literal["policy"] | None = None,
        cam_interval: float = CAM_INTERVAL,
        render_mode: str | None = None,
        observations: Sequence[str] | None = None,
    ) -> None:
        self._draws_size = image_size is None
        size = next(iter(SIZES)) if image_size is None else image_size
        super().__init__(
            "open-ended", "default", actions, size, cam_interval, render_mode=render_mode, observations=observations
        )

    def _prepare(self, rng: np.random.Generator) -> None:
        size = tuple(SIZES)[int(rng.choice(len(SIZES), p=list(SIZES.values())))]
        renderer = self._game.renderer
        if self._draws_size:  # the start is the same, whether the size is drawn or chosen
            renderer = Renderer(*size)
            self.observation_space = observation_space(*size, self._parts)
        self.task = draw_task(rng)
        start = start_of(self.task)
        self._game = Game(self.task.terrain, renderer.height, renderer.width, start=start, renderer=renderer)
        self.state = self._game.state
