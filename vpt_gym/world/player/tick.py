"""One tick of the world: ``tick`` is the only place where its state changes by itself.

Every action interface ends here, so that the same controls give the same trajectory through each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import CRAFTING_TABLE, FURNACE
from vpt_gym.world.catalog.items import BUCKET, NO_ITEM, WATER_BUCKET
from vpt_gym.world.core.fields import set_block
from vpt_gym.world.core.geometry import EYE_HEIGHT, REACH, SNEAKING_EYE_HEIGHT, look, wrapped
from vpt_gym.world.core.motion import move_player
from vpt_gym.world.core.picking import pick
from vpt_gym.world.core.state import SWING_TICKS, World
from vpt_gym.world.creatures.tick import advance_creatures, creature_in_sight
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.player.combat import CREATURE_REACH, hit, use_on_creature
from vpt_gym.world.player.controls import ATTACK_KEY, DROP_KEY, INVENTORY_KEY, NO_INPUT, USE_KEY, Controls
from vpt_gym.world.player.screen_layout import CLOSED, FURNACE_SCREEN, TABLE_SCREEN
from vpt_gym.world.player.screens import open_inventory, open_screen, operate, pressed_keys
from vpt_gym.world.rules.crafting import make
from vpt_gym.world.rules.digging import MOST_CHANGES, dig, held_item
from vpt_gym.world.rules.inventory import swap_slots
from vpt_gym.world.rules.loot import move_items, throw_from
from vpt_gym.world.rules.placing import put, use_bucket
from vpt_gym.world.rules.smelting import advance_furnaces
from vpt_gym.world.rules.vitals import add_exhaustion, can_eat, eat, update_vitals

USE_DELAY = 4
"""Ticks between two uses while the key is held; a new press acts at once."""


@kernel
def aim(w: Any) -> bool:
    """Finds the block or creature in the cross-hairs; returns whether the block is that of the tick before.

    A creature that is nearer than the block hides it, even if the creature is too far away to be hit.
    """
    p = w.player[0]
    cell = np.zeros(4, np.int64)
    dx, dy, dz = look(p.yaw, p.pitch)
    eye = p.y + (SNEAKING_EYE_HEIGHT if p.sneaking else EYE_HEIGHT)
    block_distance = pick(w.blocks, p.x, eye, p.z, dx, dy, dz, REACH, cell)
    limit = block_distance if block_distance >= 0.0 else REACH
    creature, distance = creature_in_sight(w, p.x, eye, p.z, dx, dy, dz, limit)
    p.aim_creature = creature if creature >= 0 and distance <= CREATURE_REACH else -1
    aims = block_distance >= 0.0 and creature < 0
    same = aims and p.aims != 0 and cell[0] == p.aim_x and cell[1] == p.aim_y and cell[2] == p.aim_z
    p.aims = 1 if aims else 0
    p.aim_x = cell[0]
    p.aim_y = cell[1]
    p.aim_z = cell[2]
    p.aim_face = cell[3]
    return same


@kernel
def use_hand(w: Any, changes: Any, opens: int) -> None:
    """Applies the use key: on a creature, on a table or furnace, or with the item in the hand."""
    p = w.player[0]
    if p.aim_creature >= 0 and use_on_creature(w, p.aim_creature):
        return
    item = held_item(w.inventory, p.slot)
    if p.aims and opens and not (p.sneaking and item != NO_ITEM):
        block = w.blocks[p.aim_x, p.aim_z, p.aim_y]
        if block in (CRAFTING_TABLE, FURNACE):
            open_screen(
                w.screen, TABLE_SCREEN if block == CRAFTING_TABLE else FURNACE_SCREEN, p.aim_x, p.aim_y, p.aim_z
            )
            return
    if item in (BUCKET, WATER_BUCKET):
        use_bucket(w, changes)
    elif item != NO_ITEM and can_eat(p, item):
        p.eat_ticks = 1
    else:
        put(w.blocks, w.inventory, w.creatures, p, changes, p.slot)


@kernel
def select(inventory: Any, p: Any, slot: int, equip: int) -> None:
    """Changes the item in the hand; if the item differs, digging, eating and the charge of an attack start over."""
    before = held_item(inventory, p.slot)
    if slot >= 0:
        p.slot = slot
    if equip >= 0:
        swap_slots(inventory, p.slot, equip)
    if held_item(inventory, p.slot) != before:
        p.since_attack = 0
        p.eat_ticks = 0
        p.dug = 0.0


@kernel
def act(w: Any, dig_speed: float, controls: Any, same: bool) -> None:
    """Applies the keys of the player's hand: use, attack, drop and place.

    Args:
        w: The ``World``; changed.
        dig_speed: Multiplies the speed of digging.
        controls: The ``Controls``.
        same: The aimed block is that of the tick before.
    """
    p = w.player[0]
    pressed = controls.attack != 0 and p.keys & ATTACK_KEY == 0
    changes = np.empty((MOST_CHANGES + 1, 4), np.int64)
    changes[0, 0] = 0
    if p.use_delay > 0:
        p.use_delay -= 1
    if p.eat_ticks > 0:
        if controls.use:
            eat(w.inventory, p)
        else:
            p.eat_ticks = 0
    elif controls.use and (p.use_delay == 0 or not p.keys & USE_KEY):
        p.use_delay = USE_DELAY
        use_hand(w, changes, controls.opens)
    if controls.attack and p.eat_ticks == 0 and p.aim_creature < 0:
        dig(w, changes, pressed, same, dig_speed)
    else:
        p.dug = 0.0
        if p.dig_delay > 0:
            p.dig_delay -= 1
    if pressed and p.eat_ticks == 0:
        if p.aim_creature >= 0:
            hit(w, p.aim_creature)
        elif not p.aims:
            p.since_attack = 0
    if controls.attack or p.swing > 0:
        p.swing = (p.swing + 1) % SWING_TICKS
    if controls.drop and not p.keys & DROP_KEY:
        throw_from(w.items, w.player, w.inventory, p.slot)
    for step in range(2):  # a block placed by use may be in the way of one placed by `place`
        if step == 1 and controls.place >= 0:
            put(w.blocks, w.inventory, w.creatures, p, changes, controls.place)
        for k in range(1, changes[0, 0] + 1):
            set_block(w, changes[k, 0], changes[k, 1], changes[k, 2], changes[k, 3])
        changes[0, 0] = 0


@kernel
def advance(w: Any, dig_speed: float, controls: Controls) -> None:
    """Advances everything but screens, crafting and furnaces by one tick.

    The view turns, the player moves, then acts on what it now aims at; a dead player does nothing. The controls
    ``inventory``, ``escape`` and ``craft`` have no effect here, see ``tick``.

    Args:
        w: The ``World``; changed.
        dig_speed: Multiplies the speed of digging.
        controls: What the player does, from ``Controls.with_exact_types``.
    """
    p = w.player[0]
    clock = w.clock[0]
    p.ticks += 1
    p.since_attack += 1
    if not clock.frozen:
        clock.time += 1
    alive = p.health > 0.0
    if alive:
        p.yaw = (p.yaw + controls.yaw + 180.0) % 360.0 - 180.0
        p.pitch = min(90.0, max(-90.0, p.pitch + controls.pitch))
        select(w.inventory, p, controls.slot, controls.equip)
        if controls.destroy >= 0:
            w.inventory[controls.destroy, 1] = 0
        x = p.x
        y = p.y
        z = p.z
        move_player(w, p, controls)
        dx = wrapped(p.x - x)
        dz = wrapped(p.z - z)
        level = dx * dx + dz * dz
        add_exhaustion(p, np.sqrt(level + (p.y - y) * (p.y - y)), np.sqrt(level))
        update_vitals(w.blocks, p)
        same = aim(w)
        act(w, dig_speed, controls, same)
        p.keys = (
            controls.attack * ATTACK_KEY
            + controls.use * USE_KEY
            + controls.drop * DROP_KEY
            + controls.inventory * INVENTORY_KEY
        )
    advance_creatures(w)
    move_items(w.blocks, w.items, w.inventory, p)
    aim(w)  # the block may be gone, or a new one in the way


def tick(world: World, dig_speed: float, controls: Controls) -> None:
    """Advances a world by one tick (1/20 s): the player, or the open screen, and everything else.

    While a screen is open the player stands still and the controls go to the screen; the world goes on.

    Args:
        world: The world; changed.
        dig_speed: Multiplies the speed of digging.
        controls: What the player does.
    """
    controls = controls.with_exact_types()
    opens = bool(controls.inventory) and not world.player["keys"][0] & INVENTORY_KEY
    if world.screen["open"][0] == CLOSED and not opens:
        if controls.craft >= 0:
            make(world, controls.craft)
        advance(world, dig_speed, controls)
    else:
        if world.screen["open"][0] == CLOSED:
            open_inventory(world)
        else:
            operate(world, controls)
        advance(world, dig_speed, NO_INPUT)
        world.player["keys"][0] = pressed_keys(controls)
    if world.furnaces["used"][0]:
        advance_furnaces(world)
