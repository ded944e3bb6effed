"""Decides what a creature does: stand, wander, look, graze, flee, or hunt the player. Used by ``tick``."""

from __future__ import annotations

import math
from typing import Any

from vpt_gym.world.catalog.blocks import GRASS, MASK, SIDE
from vpt_gym.world.catalog.creatures import (
    CREATURE_EYE,
    CREATURE_FLEE,
    CREATURE_HEIGHT,
    CREATURE_SIGHT,
    CREATURE_SPEED,
    CREATURE_WANDER,
    CREATURE_WIDTH,
    FLEEING,
    GRAZING,
    HUNTING,
    IDLE,
    LOOKING_AROUND,
    LOOKING_AT_PLAYER,
    SHEEP,
    SPIDER,
    WALKING,
)
from vpt_gym.world.core.geometry import EYE_HEIGHT, sin_cos
from vpt_gym.world.creatures.paths import find_goal, heading, in_view, shortest, steer, step_to, turn_towards
from vpt_gym.world.kernels.compiled import kernel
from vpt_gym.world.kernels.hashing import uniform

DECIDE_PERIOD = 4
"""Ticks between the decisions of an idle creature. The chances per tick are multiplied by it."""
WANDER_CHANCE = 1.0 / 120.0
LOOK_CHANCE = 0.02
GRAZE_CHANCE = 1.0 / 1000.0
"""Chances per tick, as in Minecraft."""
WANDER_REACH = 10.0
FLEE_REACH = 5.0
NOTICE = 6.0
"""Distance within which an animal looks at the player, blocks."""
ACTIVE = 32.0
"""Creatures farther from the player than this do not start anything, blocks."""
ARRIVED = 0.5
GRAZE_TICKS = 40
FLEE_TICKS = 100
HUNT_PERIOD = 10
"""Ticks between two looks of a monster for the player."""
MEMORY_TICKS = 60
"""Ticks for which a monster hunts the player without seeing it."""
SNEAK_FACTOR = 0.8
FORGET_CHANCE = 0.1
"""Chance that a spider in the light gives up, each time that it looks."""
DECIDE, LINGER, DIRECTION, FORGET, LEAP = range(720, 725)
"""Keys of random streams."""
LEAP_CHANCE = 0.2
LEAP_NEAREST, LEAP_FARTHEST = 2.0, 4.0
HEAD_SPEED = 10.0
HEAD_PITCH_SPEED = 40.0
BODY_SPEED = 30.0
GRAZING_PITCH = 60.0
NECK = 50.0
"""Greatest angle between head and body, degrees; a standing body turns with the head."""


@kernel
def cells_high(kind: int) -> int:
    """Returns the number of free cells, one above the other, that a creature of this kind needs."""
    return 1 if CREATURE_HEIGHT[kind] <= 1.0 else 2


@kernel
def decide(blocks: Any, seed: int, c: Any, distance: float) -> None:
    """Gives an idle creature something to do, by chance."""
    u = uniform(seed, c.number, c.age, DECIDE) / DECIDE_PERIOD
    linger = uniform(seed, c.number, c.age, LINGER)
    if u < WANDER_CHANCE:
        way = find_goal(blocks, seed, c, WANDER_REACH, cells_high(c.kind))
        if way > 0.0:
            speed = CREATURE_SPEED[c.kind] * CREATURE_WANDER[c.kind]
            c.mood = WALKING
            c.mood_ticks = 20 + int(way / (speed * speed))  # about twice the time that it takes
        return
    u -= WANDER_CHANCE
    if u < LOOK_CHANCE:
        sine, cosine = sin_cos(uniform(seed, c.number, c.age, DIRECTION) * 360.0)
        c.mood = LOOKING_AROUND
        c.mood_ticks = 20 + int(20.0 * linger)
        c.goal_x = (c.x + 2.0 * sine) % SIDE
        c.goal_z = (c.z + 2.0 * cosine) % SIDE
        return
    u -= LOOK_CHANCE
    if u < LOOK_CHANCE:
        if distance < NOTICE:
            c.mood = LOOKING_AT_PLAYER
            c.mood_ticks = 40 + int(40.0 * linger)
        return
    u -= LOOK_CHANCE
    if c.kind == SHEEP and u < GRAZE_CHANCE:
        y = math.floor(c.y + 0.01)
        if y > 0 and blocks[math.floor(c.x) & MASK, math.floor(c.z) & MASK, y - 1] == GRASS:
            c.mood = GRAZING
            c.mood_ticks = GRAZE_TICKS


@kernel
def watch_for_player(blocks: Any, seed: int, c: Any, p: Any, distance: float, bright: bool) -> None:
    """Lets a monster notice the player or lose sight of it. ``bright``: spiders are peaceful in this light."""
    sight = CREATURE_SIGHT[c.kind]
    if p.sneaking:
        sight *= SNEAK_FACTOR
    peaceful = c.kind == SPIDER and bright
    if c.mood == HUNTING:
        if peaceful and uniform(seed, c.number, c.age, FORGET) < FORGET_CHANCE:
            c.mood = IDLE
            return
    elif peaceful:
        return
    if distance > sight or p.health <= 0.0:
        return
    eye = c.y + CREATURE_EYE[c.kind]
    if in_view(blocks, c.x, eye, c.z, shortest(p.x - c.x), p.y + EYE_HEIGHT - eye, shortest(p.z - c.z)):
        c.mood = HUNTING
        c.mood_ticks = MEMORY_TICKS


@kernel
def leap(seed: int, c: Any, dx: float, dz: float, distance: float) -> None:
    """Lets a spider near the player jump at it, by chance."""
    if not (LEAP_NEAREST <= distance <= LEAP_FARTHEST) or c.on_ground == 0:
        return
    if uniform(seed, c.number, c.age, LEAP) < LEAP_CHANCE:
        c.vx = dx * 0.4 + c.vx * 0.2
        c.vz = dz * 0.4 + c.vz * 0.2
        c.vy = 0.4


@kernel
def desired_velocity(blocks: Any, seed: int, c: Any, p: Any) -> tuple[float, float]:
    """Returns the velocity (x, z) at which a creature wants to move, or (0, 0). It may change the creature's mood."""
    speed = CREATURE_SPEED[c.kind]
    tall = cells_high(c.kind)
    hunts = c.mood == HUNTING
    if hunts:
        dx = shortest(p.x - c.x)
        dz = shortest(p.z - c.z)
    else:
        dx = shortest(c.goal_x - c.x)
        dz = shortest(c.goal_z - c.z)
        speed *= CREATURE_FLEE[c.kind] if c.mood == FLEEING else CREATURE_WANDER[c.kind]
    way = math.sqrt(dx * dx + dz * dz)
    if hunts:
        if way < ARRIVED:
            return 0.0, 0.0
        dx /= way
        dz /= way
        if c.kind == SPIDER:
            dy = p.y - c.y
            leap(seed, c, dx, dz, math.sqrt(way * way + dy * dy))
            return dx * speed, dz * speed  # it climbs obstacles
        if c.on_ground:
            dx, dz = steer(blocks, c, dx, dz, 0.8, tall, True)
        return dx * speed, dz * speed
    blocked = False
    if way >= ARRIVED:
        dx /= way
        dz /= way
        if c.on_ground:
            x = math.floor(c.x)
            z = math.floor(c.z)
            ahead = 0.3 + 0.5 * CREATURE_WIDTH[c.kind]
            nx = math.floor(c.x + dx * ahead)
            nz = math.floor(c.z + dz * ahead)
            if nx != x or nz != z:
                blocked = step_to(blocks, x, math.floor(c.y + 0.01), z, nx, nz, tall, c.in_water != 0) < 0
    if way >= ARRIVED and not blocked:
        return dx * speed, dz * speed
    if c.mood == WALKING:
        c.mood = IDLE
    elif c.on_ground or c.in_water:  # it flees, so it needs another goal
        find_goal(blocks, seed, c, FLEE_REACH, tall)
    return 0.0, 0.0


@kernel
def turn_body(c: Any, p: Any, walk_x: float, walk_z: float) -> None:
    """Turns body and head to where the creature walks or looks."""
    walks = walk_x != 0.0 or walk_z != 0.0
    look_x = walk_x
    look_z = walk_z
    pitch = 0.0
    if c.mood == LOOKING_AT_PLAYER or c.mood == HUNTING:
        look_x = shortest(p.x - c.x)
        look_z = shortest(p.z - c.z)
        rise = p.y + EYE_HEIGHT - c.y - CREATURE_EYE[c.kind]
        pitch = heading(rise, math.sqrt(look_x * look_x + look_z * look_z))  # + is down
    elif c.mood == LOOKING_AROUND:
        look_x = shortest(c.goal_x - c.x)
        look_z = shortest(c.goal_z - c.z)
    elif c.mood == GRAZING:
        pitch = GRAZING_PITCH
    c.head_pitch += min(HEAD_PITCH_SPEED, max(-HEAD_PITCH_SPEED, pitch - c.head_pitch))
    if walks:
        c.yaw = turn_towards(c.yaw, heading(walk_x, walk_z), BODY_SPEED)
    if look_x != 0.0 or look_z != 0.0:
        c.head_yaw = turn_towards(c.head_yaw, heading(look_x, look_z), HEAD_SPEED)
    aside = (c.head_yaw - c.yaw + 180.0) % 360.0 - 180.0
    if abs(aside) > NECK:
        if walks:
            c.head_yaw = turn_towards(c.yaw, c.head_yaw, NECK)
        else:
            c.yaw = turn_towards(c.head_yaw, c.yaw, NECK)
