"""The kinds of animals and monsters: size, health, speed and damage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_CREATURE, PIG, COW, SHEEP, CHICKEN, ZOMBIE, SPIDER = range(7)

IDLE, WALKING, LOOKING_AROUND, LOOKING_AT_PLAYER, GRAZING, FLEEING, HUNTING = range(7)
"""Moods: what a creature is doing, values of ``CREATURE.mood``."""


@dataclass(frozen=True)
class Kind:
    """One kind of creature.

    Attributes:
        name: Minecraft 1.11's entity id.
        width: Of its box, blocks.
        height: Of its box, blocks.
        eye: Height of its eyes above its feet, blocks.
        health: Half hearts when it spawns.
        speed: Walking speed, Minecraft's attribute: each tick adds 0.98 times its square to the blocks per tick.
        wander: Factor of the speed while it wanders.
        flee: Factor of the speed while it flees.
        damage: Damage of its attack at normal difficulty, half hearts; 0 = it does not attack.
        sight: Distance at which it notices the player, blocks.
        hostile: Whether it hunts the player.
        burns: Whether it burns in daylight.
    """

    name: str
    width: float
    height: float
    eye: float
    health: float
    speed: float
    wander: float = 1.0
    flee: float = 1.25
    damage: float = 0.0
    sight: float = 0.0
    hostile: bool = False
    burns: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("none", 0.0, 0.0, 0.0, 0.0, 0.0),
    Kind("pig", 0.9, 0.9, 0.765, 10.0, 0.25),
    Kind("cow", 0.9, 1.4, 1.3, 10.0, 0.2, flee=2.0),
    Kind("sheep", 0.9, 1.3, 1.235, 8.0, 0.23),
    Kind("chicken", 0.4, 0.7, 0.7, 4.0, 0.25, flee=1.4),
    Kind("zombie", 0.6, 1.95, 1.74, 20.0, 0.23, damage=3.0, sight=35.0, hostile=True, burns=True),
    Kind("spider", 1.4, 0.9, 0.65, 16.0, 0.3, wander=0.8, damage=2.0, sight=16.0, hostile=True),
)
"""By kind id. Minecraft 1.11's figures."""

CREATURE_WIDTH = np.array([kind.width for kind in KINDS])
CREATURE_HEIGHT = np.array([kind.height for kind in KINDS])
CREATURE_EYE = np.array([kind.eye for kind in KINDS])
CREATURE_HEALTH = np.array([kind.health for kind in KINDS])
CREATURE_SPEED = np.array([kind.speed for kind in KINDS])
CREATURE_WANDER = np.array([kind.wander for kind in KINDS])
CREATURE_FLEE = np.array([kind.flee for kind in KINDS])
CREATURE_SIGHT = np.array([kind.sight for kind in KINDS])
CREATURE_DAMAGE = np.array([kind.damage for kind in KINDS])
IS_HOSTILE = np.array([kind.hostile for kind in KINDS])
BURNS_IN_DAYLIGHT = np.array([kind.burns for kind in KINDS])
