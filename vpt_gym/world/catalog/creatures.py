"""The kinds of animals and monsters, and their measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_CREATURE, PIG, COW, SHEEP, CHICKEN, ZOMBIE, SPIDER = range(7)

IDLE, WALKING, LOOKING_AROUND, LOOKING_AT_PLAYER, GRAZING, FLEEING, HUNTING = range(7)
"""Moods."""


@dataclass(frozen=True)
class Kind:
    """One kind of creature.

    Attributes:
        name: Minecraft 1.11's entity id.
        width: Of its box, blocks.
        height: Of its box, blocks.
        eye: Height of its eyes above its feet, blocks.
        health: Half hearts at birth.
        speed: Walking speed, Minecraft's attribute: each tick adds 0.98 times its square to the blocks per tick.
        wander: What the speed is multiplied by when it wanders.
        flee: The same when it flees.
        damage: Of its blow at normal difficulty, half hearts; 0 = it is peaceful.
        sight: How far it notices the player, blocks.
        hostile: It hunts the player.
        burns: It burns in daylight.
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
