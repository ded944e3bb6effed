"""The kinds of animals and monsters, and their measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOBODY, PIG, COW, SHEEP, CHICKEN, ZOMBIE, SPIDER = range(7)


@dataclass(frozen=True)
class Kind:
    """One kind of creature.

    Attributes:
        name: Minecraft 1.11's entity id.
        width: Of its box, blocks.
        height: Of its box, blocks.
        health: Half hearts at birth.
        speed: Walking speed, Minecraft's attribute.
        damage: Of its blow at normal difficulty, half hearts; 0 = it is peaceful.
        hostile: It hunts the player.
        burns: It burns in daylight.
    """

    name: str
    width: float
    height: float
    health: float
    speed: float
    damage: float = 0.0
    hostile: bool = False
    burns: bool = False


KINDS: tuple[Kind, ...] = (
    Kind("none", 0.0, 0.0, 0.0, 0.0),
    Kind("pig", 0.9, 0.9, 10.0, 0.25),
    Kind("cow", 0.9, 1.4, 10.0, 0.2),
    Kind("sheep", 0.9, 1.3, 8.0, 0.23),
    Kind("chicken", 0.4, 0.7, 4.0, 0.25),
    Kind("zombie", 0.6, 1.95, 20.0, 0.23, 3.0, True, True),
    Kind("spider", 1.4, 0.9, 16.0, 0.3, 2.0, True),
)
"""By kind id. Minecraft 1.11's figures."""

CREATURE_WIDTH = np.array([kind.width for kind in KINDS])
CREATURE_HEIGHT = np.array([kind.height for kind in KINDS])
CREATURE_HEALTH = np.array([kind.health for kind in KINDS])
CREATURE_SPEED = np.array([kind.speed for kind in KINDS])
CREATURE_DAMAGE = np.array([kind.damage for kind in KINDS])
IS_HOSTILE = np.array([kind.hostile for kind in KINDS])
BURNS_IN_DAYLIGHT = np.array([kind.burns for kind in KINDS])
