"""Draws the contact sheets of ``docs/images``: twelve views of the embedded world, and what a policy sees of them.

Run it with ``python docs/world_pictures.py`` in the repository's root; it needs Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from vpt_gym.frames import Frame, to_size
from vpt_gym.world.catalog import blocks as b
from vpt_gym.world.catalog import items as it
from vpt_gym.world.catalog.creatures import CHICKEN, COW, PIG, SHEEP, SPIDER, ZOMBIE
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.fields import fill_all, set_block
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.creatures import spawning
from vpt_gym.world.player.controls import Controls
from vpt_gym.world.player.tick import tick
from vpt_gym.world.render.renderer import Renderer
from vpt_gym.world.terrain.generate import TERRAINS, choose_start, generate

FOLDER = Path(__file__).parent / "images"
COLUMNS = 3
KIT = (
    (it.IRON_PICKAXE, 1, 90),
    (it.STONE_AXE, 1, 20),
    (it.WOODEN_SWORD, 1, 0),
    (b.OAK_LOG, 12, 0),
    (b.COBBLESTONE, 64, 0),
    (b.TORCH, 23, 0),
    (it.COOKED_BEEF, 5, 0),
    (it.SHEARS_ITEM, 1, 0),
    (it.BUCKET, 1, 0),
)


def world(terrain: str, seed: int, time: int = NOON, slot: int = 0) -> WorldState:
    """Returns a world with a player who stands at a start, with tools."""
    state = WorldState()
    generate(seed, TERRAINS[terrain], state.world)
    fill_all(state.world)
    state.place_player(*choose_start(np.random.default_rng(seed), TERRAINS[terrain], state.world))
    state.inventory[:9] = KIT
    state.player["slot"] = slot
    state.clock["time"], state.clock["seed"] = time, seed
    return state


def look(state: WorldState, turn: float, pitch: float) -> WorldState:
    """Turns the player and plays a tick, so that the aimed block is updated."""
    tick(state.world, 1.0, Controls(yaw=turn, pitch=pitch - float(state.player["pitch"][0])))
    return state


def ahead(state: WorldState, away: float, aside: float) -> tuple[int, int, int]:
    """Returns the place on the ground at a distance ahead of the player and to the right."""
    p = state.player[0]
    yaw = math.radians(p.yaw)
    x = math.floor(p.x - away * math.sin(yaw) - aside * math.cos(yaw)) % b.SIDE
    z = math.floor(p.z + away * math.cos(yaw) - aside * math.sin(yaw)) % b.SIDE
    y = int(state.tops[x, z])
    while y > 0 and not b.SOLID[state.blocks[x, z, y - 1]]:
        y -= 1
    return x, y, z


def put(state: WorldState, kind: int, away: float, aside: float, yaw: float) -> None:
    """Puts a creature there, which looks ``yaw`` degrees off the player's direction."""
    x, y, z = ahead(state, away, aside)
    creature = state.creatures[spawning.spawn(state.world, kind, x + 0.5, float(y), z + 0.5)]
    creature.yaw = creature.head_yaw = float(state.player["yaw"][0]) + yaw
    creature.vx, creature.stride, creature.coat = 0.06, 0.4, 1


def meadow() -> WorldState:
    """Animals on a plain."""
    state = look(world("plains", 3, slot=7), 0.0, 6.0)
    for kind, away, aside, yaw in ((COW, 6, -3, 120), (PIG, 5, 1, 200), (SHEEP, 8, 3, 60), (CHICKEN, 4, -1, 150)):
        put(state, kind, away, aside, yaw)
    return state


def night() -> WorldState:
    """Monsters, stars and a torch."""
    state = look(world("plains", 5, time=15500, slot=2), 20.0, 4.0)
    set_block(state.world, *ahead(state, 4, -2), b.TORCH)
    for kind, away, aside, yaw in ((ZOMBIE, 6, 1, 170), (SPIDER, 7, -3, 200), (ZOMBIE, 9, 4, 190)):
        put(state, kind, away, aside, yaw)
    return state


def cave() -> WorldState:
    """A room in the rock, with ores, a torch, a table and a furnace."""
    state = world("forest", 8, slot=5)
    p = state.player[0]
    x, z = int(p.x), int(p.z)
    for dx in range(-3, 4):
        for dz in range(-2, 9):
            for y in range(3, 7):
                set_block(state.world, (x + dx) % b.SIDE, y, (z + dz) % b.SIDE, b.AIR)
            set_block(state.world, (x + dx) % b.SIDE, 2, (z + dz) % b.SIDE, b.STONE)
    for dx, y, dz, block in (
        (4, 4, 4, b.COAL_ORE),
        (4, 5, 5, b.COAL_ORE),
        (-4, 4, 5, b.IRON_ORE),
        (1, 4, 9, b.IRON_ORE),
    ):
        set_block(state.world, (x + dx) % b.SIDE, y, (z + dz) % b.SIDE, block)
    set_block(state.world, (x - 2) % b.SIDE, 3, (z + 6) % b.SIDE, b.TORCH)
    set_block(state.world, (x + 2) % b.SIDE, 3, (z + 4) % b.SIDE, b.FURNACE)
    set_block(state.world, (x + 1) % b.SIDE, 3, (z + 4) % b.SIDE, b.CRAFTING_TABLE)
    p.x, p.y, p.z, p.yaw = x + 0.5, 3.0, z + 0.5, 0.0
    return look(state, 4.0, 8.0)


def shore(under: bool) -> WorldState:
    """Stands at the water's edge, or in the water."""
    state = world("mixed", 12, slot=8)
    wet = np.argwhere(state.blocks[:, :, b.SEA_LEVEL] == b.WATER)
    depth = [(state.blocks[x, z] == b.WATER).sum() for x, z in wet]
    x, z = wet[int(np.argmax(depth))]
    p = state.player[0]
    p.x, p.z, p.y = x + 0.5, z + 0.5, float(b.SEA_LEVEL - 2.0 if under else b.SEA_LEVEL + 1.0)
    return look(state, 30.0, 12.0 if under else 20.0)


def digging() -> WorldState:
    """A stone that is half dug."""
    state = world("birch_forest", 4)
    set_block(state.world, *ahead(state, 2, 0), b.STONE)
    look(state, 0.0, 35.0)
    state.player["dug"], state.player["swing"] = 0.6, 2
    return state


def crafting() -> WorldState:
    """The crafting table's screen, with a pickaxe laid out."""
    state = look(world("forest", 2), 0.0, 5.0)
    state.inventory[9:14] = [(it.COAL, 9, 0), (it.IRON_INGOT, 3, 0), (it.APPLE, 2, 0), (b.SAND, 31, 0), (b.WOOL, 4, 0)]
    state.grid[0] = state.grid[1] = state.grid[2] = (b.OAK_PLANKS, 3, 0)
    state.grid[4] = state.grid[7] = (it.STICK, 2, 0)
    screen = state.screen[0]
    screen.open, screen.cursor_x, screen.cursor_y = 2, 395.0, 150.0
    screen.carried_item, screen.carried_count = b.OAK_PLANKS, 5
    return state


VIEWS: tuple[Callable[[], WorldState], ...] = (
    meadow,
    lambda: look(world("forest", 11, slot=1), 0.0, 2.0),
    digging,
    lambda: look(world("taiga", 6, slot=3), 40.0, 4.0),
    lambda: look(world("desert_edge", 9, slot=8), 0.0, 6.0),
    lambda: shore(under=False),
    lambda: shore(under=True),
    cave,
    lambda: look(world("birch_forest", 7, time=12600, slot=6), 90.0, 0.0),
    night,
    lambda: look(world("mixed", 21, slot=4), -60.0, 10.0),
    crafting,
)


def sheet(frames: list[Frame]) -> Image.Image:
    """Puts frames side by side, in rows."""
    rows = [np.concatenate(frames[k : k + COLUMNS], axis=1) for k in range(0, len(frames), COLUMNS)]
    return Image.fromarray(np.concatenate(rows))


def main() -> None:
    """Writes the two sheets."""
    renderer = Renderer(360, 640)
    frames = [renderer.draw(make()).transpose(1, 2, 0).copy() for make in VIEWS]
    FOLDER.mkdir(exist_ok=True)
    views = sheet(frames)
    views.reduce(2).save(FOLDER / "world_640x360.jpg", quality=90, subsampling=0)
    sheet([to_size(frame) for frame in frames]).save(FOLDER / "world_128x128.png", optimize=True)


if __name__ == "__main__":
    main()
