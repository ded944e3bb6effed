"""One tick of play: what happens in the world, and on the screen that is open."""

from __future__ import annotations

from vpt_gym.world.core.state import World
from vpt_gym.world.player.controls import INVENTORY_KEY, Controls
from vpt_gym.world.player.screen_layout import CLOSED
from vpt_gym.world.player.screens import open_inventory, operate, pressed_keys
from vpt_gym.world.player.tick import advance
from vpt_gym.world.rules.crafting import make
from vpt_gym.world.rules.smelting import advance_furnaces

_REST = Controls()


def play(world: World, dig_speed: float, controls: Controls) -> None:
    """Advances a world by one tick.

    While a screen is open the player stands still, and the controls go to the screen; the world goes on.

    Args:
        world: The world; changed.
        dig_speed: Multiplies the speed of digging.
        controls: What the player does.
    """
    opens = bool(controls.inventory) and not world.player["keys"][0] & INVENTORY_KEY
    if world.screen["open"][0] == CLOSED and not opens:
        if controls.craft >= 0:
            make(world, controls.craft)
        advance(world, dig_speed, *controls)
    else:
        if world.screen["open"][0] == CLOSED:
            open_inventory(world)
        else:
            operate(world, controls)
        advance(world, dig_speed, *_REST)
        world.player["keys"][0] = pressed_keys(controls)
    if world.furnaces["used"][0]:
        advance_furnaces(world)
