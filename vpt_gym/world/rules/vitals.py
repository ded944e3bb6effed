"""Health: falls, breath, hunger, healing and eating, with the figures of Minecraft 1.11 at normal difficulty.

Left out: effects (rotten flesh and raw chicken only feed), armour, experience, and walking slowly while eating.
"""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import CACTUS, HEIGHT, MASK
from vpt_gym.world.catalog.items import BUCKET, FOOD, MILK_BUCKET, SATURATION
from vpt_gym.world.core.geometry import BODY_HEIGHT, HALF_WIDTH
from vpt_gym.world.core.motion import JUMP_DELAY
from vpt_gym.world.core.state import MAX_AIR, MAX_FOOD, MAX_HEALTH
from vpt_gym.world.kernels.compiled import kernel

FALL, CREATURE, DROWNING, STARVING, PRICKING = range(5)
"""Kinds of damage, see ``hurt``."""
SAFE_FALL = 3.0
"""The longest fall that does not hurt, blocks; the same for creatures."""
HURT_DELAY = 10
"""Ticks after an injury in which the player, or a creature, cannot be hurt again."""
DROWNING_AIR = -20
"""Air at which a drowning player is hurt; it is then reset to 0."""
DROWNING_DAMAGE = 2.0
EAT_TICKS = 32
EXHAUSTION_LIMIT = 4.0
"""Exhaustion above which a point of saturation or food is used up."""
SPRINT_EXHAUSTION, SWIM_EXHAUSTION = 0.1, 0.01
"""Exhaustion per block of distance."""
JUMP_EXHAUSTION, SPRINT_JUMP_EXHAUSTION = 0.05, 0.2
DIG_EXHAUSTION, ATTACK_EXHAUSTION, HURT_EXHAUSTION = 0.005, 0.1, 0.1
HEALING_EXHAUSTION = 6.0
"""Exhaustion per half heart of healing."""
HEALING_FOOD = 18
SLOW_TICKS, QUICK_TICKS = 80, 10
"""Ticks between two steps of healing: with food alone, and with saturation."""
LAST_HEALTH = 1.0
"""Health below which hunger does not hurt: at normal difficulty nobody starves to death."""
CACTUS_DAMAGE = 1.0
CACTUS_REACH = 0.01
"""Distance at which a cactus hurts, blocks. Minecraft's cactus is a little narrower than its cell; here it fills it."""


@kernel
def hurt(p: Any, amount: float, kind: int) -> bool:
    """Hurts the player, unless it was hurt in the last ``HURT_DELAY`` ticks.

    Simpler than Minecraft, where a harder second blow within the delay hurts by the difference.

    Args:
        p: The ``PLAYER`` record; changed.
        amount: Damage, half hearts.
        kind: ``FALL``, ``CREATURE``, ``DROWNING``, ``STARVING`` or ``PRICKING``.

    Returns:
        Whether the player was hurt.
    """
    if amount <= 0.0 or p.hurt_ticks > 0 or p.health <= 0.0:
        return False
    p.health = max(0.0, p.health - amount)
    p.hurt_ticks = HURT_DELAY
    if kind in (CREATURE, PRICKING):
        p.exhaustion += HURT_EXHAUSTION
    return True


@kernel
def touches_cactus(blocks: Any, p: Any) -> bool:
    """Returns whether the player touches a cactus."""
    side = HALF_WIDTH + CACTUS_REACH
    for x in range(math.floor(p.x - side), math.floor(p.x + side) + 1):
        for z in range(math.floor(p.z - side), math.floor(p.z + side) + 1):
            for y in range(math.floor(p.y - CACTUS_REACH), math.floor(p.y + BODY_HEIGHT) + 1):
                if 0 <= y < HEIGHT and blocks[x & MASK, z & MASK, y] == CACTUS:
                    return True
    return False


@kernel
def add_exhaustion(p: Any, distance: float, level_distance: float) -> None:
    """Adds the exhaustion of a tick's movement.

    Args:
        p: The ``PLAYER`` record, after the movement; changed.
        distance: Distance moved, blocks.
        level_distance: Its horizontal part, blocks.
    """
    if p.eye_in_water:
        p.exhaustion += SWIM_EXHAUSTION * distance
    elif p.in_water:
        p.exhaustion += SWIM_EXHAUSTION * level_distance
    elif p.on_ground and p.sprinting:
        p.exhaustion += SPRINT_EXHAUSTION * level_distance
    if p.jump_delay == JUMP_DELAY:  # a jump began in this tick
        p.exhaustion += SPRINT_JUMP_EXHAUSTION if p.sprinting else JUMP_EXHAUSTION


@kernel
def hurt_by_fall(p: Any) -> None:
    """Hurts the player after a fall."""
    if p.on_ground and p.fallen > 0.0:
        hurt(p, float(math.ceil(p.fallen - SAFE_FALL)), FALL)
        p.fallen = 0.0


@kernel
def breathe(p: Any) -> None:
    """Uses up air under water, and hurts a player who has none left."""
    if not p.eye_in_water:
        p.air = MAX_AIR
        return
    p.air -= 1
    if p.air <= DROWNING_AIR:
        p.air = 0
        hurt(p, DROWNING_DAMAGE, DROWNING)


@kernel
def digest_food(p: Any) -> None:
    """Turns exhaustion into hunger, heals a fed player and hurts a starving one."""
    if p.exhaustion > EXHAUSTION_LIMIT:
        p.exhaustion -= EXHAUSTION_LIMIT
        if p.saturation > 0.0:
            p.saturation = max(0.0, p.saturation - 1.0)
        else:
            p.food = max(0, p.food - 1)
    wounded = 0.0 < p.health < MAX_HEALTH
    if wounded and p.saturation > 0.0 and p.food >= MAX_FOOD:
        p.food_ticks += 1
        if p.food_ticks >= QUICK_TICKS:
            spent = min(p.saturation, HEALING_EXHAUSTION)
            p.health = min(MAX_HEALTH, p.health + spent / HEALING_EXHAUSTION)
            p.exhaustion += spent
            p.food_ticks = 0
    elif wounded and p.food >= HEALING_FOOD:
        p.food_ticks += 1
        if p.food_ticks >= SLOW_TICKS:
            p.health = min(MAX_HEALTH, p.health + 1.0)
            p.exhaustion += HEALING_EXHAUSTION
            p.food_ticks = 0
    elif p.food <= 0:
        p.food_ticks += 1
        if p.food_ticks >= SLOW_TICKS:
            if p.health > LAST_HEALTH:
                hurt(p, 1.0, STARVING)
            p.food_ticks = 0
    else:
        p.food_ticks = 0


@kernel
def update_vitals(blocks: Any, p: Any) -> None:
    """Advances health, breath and hunger by one tick, after the movement."""
    if p.hurt_ticks > 0:
        p.hurt_ticks -= 1
    hurt_by_fall(p)
    breathe(p)
    if touches_cactus(blocks, p):
        hurt(p, CACTUS_DAMAGE, PRICKING)
    digest_food(p)


@kernel
def can_eat(p: Any, item: int) -> bool:
    """Returns whether the player can begin to eat or drink an item."""
    return item == MILK_BUCKET or (FOOD[item] > 0 and p.food < MAX_FOOD)


@kernel
def eat(inventory: Any, p: Any) -> None:
    """Eats or drinks the item in the hand for one tick; the last tick uses it up."""
    p.eat_ticks += 1
    if p.eat_ticks < EAT_TICKS:
        return
    p.eat_ticks = 0
    item = inventory[p.slot, 0]
    if item == MILK_BUCKET:
        inventory[p.slot, 0] = BUCKET
        return
    inventory[p.slot, 1] -= 1
    p.food = min(MAX_FOOD, p.food + FOOD[item])
    p.saturation = min(float(p.food), p.saturation + SATURATION[item])
