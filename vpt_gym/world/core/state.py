"""The state of one world: blocks, player, creatures and items. An episode's future depends on nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from vpt_gym.world.catalog.blocks import HEIGHT, SIDE
from vpt_gym.world.core.motion import DRAG, GRAVITY

Array = np.ndarray[Any, Any]


def _record(**fields: str) -> np.dtype[Any]:
    """Returns a record type; ``fields`` maps each type to the names of its fields, separated by spaces."""
    return np.dtype((np.record, [(name, kind) for kind, names in fields.items() for name in names.split()]))


PLAYER = _record(
    f8="x y z vx vy vz yaw pitch dug fallen health saturation exhaustion",
    i8=(
        "on_ground bumped sprinting sneaking slot swing jump_delay dig_delay use_delay aims aim_x aim_y aim_z aim_face "
        "aim_creature ticks food air hurt_ticks food_ticks eat_ticks since_attack in_water eye_in_water deaths "
        "keys smelt_ticks"
    ),
)
"""The player, one record.

``x, y, z``: the middle of the feet, blocks; x and z in [0, SIDE). ``vx, vy, vz``: blocks per tick. ``yaw``: degrees in
[-180, 180), 0 = +z, 90 = -x, growing to the right. ``pitch``: degrees in [-90, 90], + is down. ``dug``: how much of
the aimed block is dug, [0, 1). ``fallen``: blocks fallen since it last stood. ``health``: half hearts, 0 to 20.
``saturation, exhaustion, food``: as Minecraft's, food 0 to 20. ``on_ground``, ``bumped`` (hit something sideways in
the last tick), ``sprinting``, ``sneaking``, ``aims`` (a block is within reach in the cross-hairs), ``in_water``,
``eye_in_water``: 0 or 1. ``slot``: selected hotbar slot, 0 to 8. ``swing``: phase of the arm, 0 to 5. ``jump_delay,
dig_delay, use_delay``: ticks until the key works again. ``aim_x, aim_y, aim_z, aim_face``: the aimed block and the
side in the cross-hairs (0 -x, 1 +x, 2 -y, 3 +y, 4 -z, 5 +z). ``aim_creature``: index of the creature in the
cross-hairs and nearer than the block, or -1. ``ticks``: ticks since the start. ``air``: ticks of breath left, 300 when
the head is out of the water. ``hurt_ticks``: ticks until it can be hurt again. ``food_ticks``: phase of healing and
starving. ``eat_ticks``: ticks spent eating. ``since_attack``: ticks since the last attack. ``deaths``: number of
deaths in this episode. ``keys``: of the keys that act when they go down, those held in the last tick, see
``controls``. ``smelt_ticks``: ticks left over from fuel that MineDojo's smelt action has burnt.
"""

ITEM = _record(f8="x y z vx vy vz", i8="item count wear age delay")
"""A stack of items on the ground: the middle of its bottom, its velocity, item id (0 = none), count, wear, its age in
ticks, and ticks until it can be picked up."""

CREATURE = _record(
    f8="x y z vx vy vz yaw head_pitch head_yaw health stride goal_x goal_z fallen",
    i8="kind age on_ground in_water hurt_ticks attack_delay mood mood_ticks coat variant fire death_ticks number",
)
"""An animal or a monster: the middle of its feet, its velocity, the directions of body and head (degrees;
``head_yaw`` is an absolute angle), health in half hearts, ``stride`` (phase of the legs, blocks walked), the goal
that it walks to or looks at, and blocks fallen since it last stood. ``kind``: see ``catalog.creatures`` (0 = none).
``mood``: what it is doing, see ``catalog.creatures``; ``mood_ticks``: ticks left of that. ``coat``: 1 if a sheep has
its wool. ``fire``: ticks left to burn. ``death_ticks``: ticks since it died (it falls over, then it is removed).
``number``: unique in the episode."""

SCREEN = _record(f8="cursor_x cursor_y", i8="open x y z carried_item carried_count carried_wear")
"""The inventory screen. ``open``: 0 closed, 1 inventory, 2 crafting table, 3 furnace. ``cursor_x, cursor_y``: pixels of
a 640 x 360 window. ``x, y, z``: the table or furnace. ``carried_*``: the stack on the cursor."""

FURNACE_STATE = _record(
    i8=(
        "used x y z input input_count input_wear fuel fuel_count fuel_wear output output_count output_wear "
        "burn_ticks burn_total cook_ticks"
    )
)
"""A placed furnace: its position, its three slots, ticks left of the fire and ticks of the piece of fuel, and ticks for
which the present item has been smelted."""

CLOCK = _record(i8="seed time first_time frozen next_number monsters", f8="rain")
"""The world's ``seed``, its time of day in ticks (0 = 6 in the morning, 6,000 = noon, 13,000 = night, 24,000 a day),
the time at the start, whether time is frozen, the number of the next creature, the most monsters that may spawn by
themselves (0 = none), and the rain, 0 to 1."""

MAX_ITEMS = 48
"""Largest number of stacks on the ground; further drops are lost."""
MAX_CREATURES = 32
MAX_FURNACES = 8
MAX_KINDS = 16
"""Length of ``World.kills``."""
SLOTS = 36
"""Inventory slots; the first ``HOTBAR_SLOTS`` are the hotbar."""
HOTBAR_SLOTS = 9
GRID = 9
"""Slots of the crafting grid, 3 x 3; the inventory screen uses its 2 x 2 part: 0, 1, 3, 4."""
RESTING = -GRAVITY * DRAG
"""Vertical speed of a player who stands: one tick of gravity, which the ground stops."""
MAX_HEALTH = 20.0
MAX_FOOD = 20
MAX_AIR = 300
START_SATURATION = 5.0
SWING_TICKS = 6
"""Phases of ``PLAYER.swing``."""


class World(NamedTuple):
    """The arrays of a world, in the form that kernels take.

    Attributes:
        blocks: (SIDE, SIDE, HEIGHT) uint8, block ids, indexed [x, z, y].
        ground: (SIDE, SIDE) int64, topmost ground block of each column as generated.
        biomes: (SIDE, SIDE) uint8, Minecraft's biome ids.
        tops: (SIDE, SIDE) uint8, height above which each column contains only air.
        leaps: (4, SIDE, SIDE, HEIGHT) uint16, see ``fields``.
        light: (SIDE, SIDE, HEIGHT) uint8, 16 * light of the sky + light of blocks, each 0 to 15, see ``light``.
        player: (1,) of ``PLAYER``.
        items: (MAX_ITEMS,) of ``ITEM``.
        inventory: (SLOTS, 3) int64, (item id, quantity, wear); id and wear have no meaning where the quantity is 0.
        creatures: (MAX_CREATURES,) of ``CREATURE``.
        screen: (1,) of ``SCREEN``.
        grid: (GRID, 3) int64, the crafting grid, like ``inventory``.
        furnaces: (MAX_FURNACES,) of ``FURNACE_STATE``.
        clock: (1,) of ``CLOCK``.
        kills: (MAX_KINDS,) int64, number of creatures that the player killed in this episode, by kind.
    """

    blocks: Array
    ground: Array
    biomes: Array
    tops: Array
    leaps: Array
    light: Array
    player: Array
    items: Array
    inventory: Array
    creatures: Array
    screen: Array
    grid: Array
    furnaces: Array
    clock: Array
    kills: Array


DERIVED = ("tops", "leaps", "light")
"""Arrays of ``World`` that follow from ``blocks``."""


def empty_world() -> World:
    """Returns a world of air."""
    return World(
        blocks=np.zeros((SIDE, SIDE, HEIGHT), np.uint8),
        ground=np.zeros((SIDE, SIDE), np.int64),
        biomes=np.zeros((SIDE, SIDE), np.uint8),
        tops=np.zeros((SIDE, SIDE), np.uint8),
        leaps=np.zeros((4, SIDE, SIDE, HEIGHT), np.uint16),
        light=np.zeros((SIDE, SIDE, HEIGHT), np.uint8),
        player=np.zeros(1, PLAYER),
        items=np.zeros(MAX_ITEMS, ITEM),
        inventory=np.zeros((SLOTS, 3), np.int64),
        creatures=np.zeros(MAX_CREATURES, CREATURE),
        screen=np.zeros(1, SCREEN),
        grid=np.zeros((GRID, 3), np.int64),
        furnaces=np.zeros(MAX_FURNACES, FURNACE_STATE),
        clock=np.zeros(1, CLOCK),
        kills=np.zeros(MAX_KINDS, np.int64),
    )


@dataclass
class WorldState:
    """A world whose arrays are attributes. Code outside a tick should only read them.

    Attributes:
        world: The arrays; each is also an attribute of this object (``state.blocks``).
    """

    world: World

    def __init__(self) -> None:
        self.world = empty_world()

    def __getattr__(self, name: str) -> Array:
        if name != "world" and name in World._fields:
            array: Array = getattr(self.world, name)
            return array
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def place_player(self, x: float, y: float, z: float, yaw: float) -> None:
        """Puts a new, healthy player without items at a position, and removes all items and creatures."""
        for name in ("items", "creatures", "screen", "furnaces", "player"):
            array = getattr(self.world, name)
            array[:] = np.zeros(1, array.dtype)
        self.world.inventory[:] = 0
        self.world.grid[:] = 0
        self.world.kills[:] = 0
        player = self.world.player[0]
        player.x, player.y, player.z, player.yaw = x, y, z, yaw
        player.on_ground, player.vy = 1, RESTING
        player.health, player.food, player.air = MAX_HEALTH, MAX_FOOD, MAX_AIR
        player.saturation, player.aim_creature = START_SATURATION, -1

    def digest(self) -> str:
        """Returns a hash of the state: equal digests mean equal futures."""
        sha = hashlib.sha256()
        for name, array in zip(World._fields, self.world, strict=True):
            if name not in DERIVED:
                sha.update(array.tobytes())
        return sha.hexdigest()

    def copy(self) -> dict[str, Array]:
        """Returns copies of the arrays that are not ``DERIVED``, by name."""
        return {
            name: array.copy() for name, array in zip(World._fields, self.world, strict=True) if name not in DERIVED
        }
