"""The player's attacks on creatures, and the use of items on them; figures of Minecraft 1.11.

Simpler than Minecraft: a sword has no sweep attack, and there is no blocking.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vpt_gym.world.catalog.blocks import AXE, IRON_TIER, PICKAXE, SHEARS, SHOVEL, SWORD
from vpt_gym.world.catalog.items import DAMAGE, DURABILITY, ITEM_COUNT, ITEM_TIER, ITEM_TOOL, NO_ITEM
from vpt_gym.world.core.geometry import sin_cos, wrapped
from vpt_gym.world.creatures.tick import strike, use_on
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.rules.digging import held_item
from vpt_gym.world.rules.inventory import wear_out
from vpt_gym.world.rules.placing import exchange
from vpt_gym.world.rules.vitals import ATTACK_EXHAUSTION

Array = np.ndarray[Any, Any]

CREATURE_REACH = 3.0
FULL_CHARGE = 0.9
"""Charge above which an attack can be critical, and an attack while sprinting knocks the creature further back."""
CRITICAL = 1.5
SPRINT_KNOCK = 0.5
AFTER_SPRINT_BLOW = 0.6
SWORD_WEAR, TOOL_WEAR = 1, 2


def _charge_ticks() -> Array:
    """Returns the ticks that an attack takes to charge, by item id: 20 / (attacks per second)."""
    per_second = {PICKAXE: 1.2, SHOVEL: 1.0, SWORD: 1.6, AXE: 0.8}
    rates = np.full(ITEM_COUNT, 4.0)
    for item in range(ITEM_COUNT):
        rates[item] = per_second.get(int(ITEM_TOOL[item]), 4.0)
    rates[(ITEM_TOOL == AXE) & (ITEM_TIER == IRON_TIER)] = 0.9
    charge: Array = 20.0 / rates
    return charge


CHARGE_TICKS = _charge_ticks()


@kernel
def attack_charge(p: Any, item: int) -> float:
    """Returns the charge of the next attack, 0 to 1."""
    return float(min(1.0, (p.since_attack + 0.5) / CHARGE_TICKS[item]))


@kernel
def hit(w: Any, index: int) -> None:
    """Hits a creature with the item in the hand; an attack with less charge does less damage."""
    p = w.player[0]
    c = w.creatures[index]
    item = held_item(w.inventory, p.slot)
    charge = attack_charge(p, item)
    p.since_attack = 0
    damage = DAMAGE[item] if item != NO_ITEM else 1.0
    damage *= 0.2 + 0.8 * charge * charge
    if charge > FULL_CHARGE and p.fallen > 0.0 and not p.on_ground and not p.in_water and not p.sprinting:
        damage *= CRITICAL
    if not strike(w, index, damage, wrapped(c.x - p.x), wrapped(c.z - p.z)):
        return
    p.exhaustion += ATTACK_EXHAUSTION
    if p.sprinting and charge > FULL_CHARGE:
        sine, cosine = sin_cos(p.yaw)
        c.vx = 0.5 * c.vx - SPRINT_KNOCK * sine
        c.vz = 0.5 * c.vz + SPRINT_KNOCK * cosine
        p.vx *= AFTER_SPRINT_BLOW
        p.vz *= AFTER_SPRINT_BLOW
        p.sprinting = 0
    tool = ITEM_TOOL[item]
    if DURABILITY[item] > 0 and tool != SHEARS:
        wear_out(w.inventory, p.slot, SWORD_WEAR if tool == SWORD else TOOL_WEAR, DURABILITY[item])


@kernel
def use_on_creature(w: Any, index: int) -> bool:
    """Uses the item in the hand on a creature; returns False if it has no effect."""
    p = w.player[0]
    item = held_item(w.inventory, p.slot)
    result = use_on(w, index, item)
    if result < 0:
        return False
    if result != item:
        exchange(w.inventory, w.items, w.player, p.slot, result)
    elif DURABILITY[item] > 0:
        wear_out(w.inventory, p.slot, 1, DURABILITY[item])
    return True
