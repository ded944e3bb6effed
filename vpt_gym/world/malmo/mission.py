"""Reads Malmo's ``MissionInit``: the start of an episode, its rules, and what to report in it."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vpt_gym.world.catalog.biomes import BIRCH_FOREST, DESERT, FOREST, PLAINS, TAIGA
from vpt_gym.world.catalog.items import MAX_STACK, STACK_SIZE
from vpt_gym.world.core.state import MAX_FOOD, MAX_HEALTH, SLOTS
from vpt_gym.world.env import MAX_BREAK_SPEED, MAX_SIDE
from vpt_gym.world.malmo.items import AIR_NAME, item_id
from vpt_gym.world.render.renderer import MIN_SIDE

T = TypeVar("T", int, float)

RAIN = {"normal": 0.0, "clear": 0.0, "rain": 1.0, "thunder": 1.0}
"""Weather -> intensity of the rain, 0 to 1."""
WEATHERS = tuple(RAIN)
MAX_CELLS = 50_000
MAX_RAYS = 10_000
MAX_TIME = 2**53
"""The latest time of day, ticks."""
MAX_PLACE = 1e9
"""How far from the origin a place may be, blocks. The world is a torus, so that every place is in it."""


class MissionError(ValueError):
    """A mission that the embedded world does not support. The message names the element and what is supported."""


@dataclass(frozen=True)
class Grid:
    """A box of cells relative to the player's feet, from corner ``low`` to corner ``high`` (x, y, z), both included."""

    name: str
    low: tuple[int, int, int]
    high: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of cells along x, y and z."""
        nx, ny, nz = (high - low + 1 for low, high in zip(self.low, self.high, strict=True))
        return nx, ny, nz


@dataclass(frozen=True)
class Ray:
    """A ray of the lidar: ``pitch`` and ``yaw`` in radians relative to the view, ``distance`` in blocks."""

    pitch: float
    yaw: float
    distance: float


@dataclass(frozen=True)
class MissionItem:
    """An item stack in an inventory slot: ``quantity`` items of id ``item``."""

    slot: int
    item: int
    quantity: int


@dataclass(frozen=True)
class Placement:
    """Where the player starts: the middle of the feet, in blocks, and the view, in degrees."""

    x: float
    y: float
    z: float
    yaw: float
    pitch: float


@dataclass(frozen=True)
class Mission:
    """The settings of a mission.

    Attributes:
        height: Height of the frame, pixels.
        width: Width of the frame, pixels.
        seed: Text of the world's seed; empty = any world.
        break_speed: Multiplies the speed of digging.
        grid: The cells to report, or None.
        rays: The lidar rays to report.
        inventory: The items that the player starts with.
        placement: Where the player starts, or None if the world chooses.
        health: Health at the start, half hearts, (0, 20].
        food: Food at the start, half drumsticks, [0, 20].
        start_time: Time of day at the start, ticks.
        time_passes: Whether the time of day advances.
        weather: One of ``WEATHERS``.
        spawning: Whether animals and monsters spawn.
        land: Name of the terrain whose biome covers the world; empty = the server's level.
    """

    height: int
    width: int
    seed: str = ""
    break_speed: float = 1.0
    grid: Grid | None = None
    rays: tuple[Ray, ...] = ()
    inventory: tuple[MissionItem, ...] = ()
    placement: Placement | None = None
    health: float = MAX_HEALTH
    food: int = MAX_FOOD
    start_time: int = 0
    time_passes: bool = True
    weather: str = "normal"
    spawning: bool = True
    land: str = ""


_IMPOSSIBLE = {
    "FlatWorldGenerator": "the embedded world generates only hills and trees; use <DefaultWorldGenerator>",
    "FileWorldGenerator": "the embedded world cannot load Minecraft's worlds; use <DefaultWorldGenerator>",
    "DrawingDecorator": "the embedded world cannot draw structures; set blocks with the chat command /setblock",
    "VillageSpawnDecorator": "the embedded world has no villages",
}

_HONOURED_ELEMENTS = """
MissionInit Mission About Summary Description ModSettings MsPerTick ServerSection ServerInitialConditions Time
StartTime AllowPassageOfTime Weather AllowSpawning ServerHandlers DefaultWorldGenerator BiomeGenerator AgentSection
Name AgentStart LowLevelInputs BreakSpeedMultiplier StartingHealth StartingFood Inventory InventoryObject Placement
AgentHandlers FileBasedPerformanceProducer ObservationFromDamage PauseCommand VideoProducer Width Height
ObservationFromFullInventory ObservationFromFullStats ObservationFromGrid Grid min max ObservationFromRichLidar
RayOffset ChatCommands CameraCommands NearbySmeltCommands SimpleCraftCommands NearbyCraftCommands
HumanLevelCommands EquipCommands PlaceCommands InventoryCommands ExperimentUID ClientRole ClientAgentConnection
ClientIPAddress ClientMissionControlPort ClientCommandsPort AgentIPAddress AgentMissionControlPort AgentVideoPort
AgentDepthPort AgentLuminancePort AgentObservationsPort AgentRewardsPort AgentColourMapPort
"""
_HONOURED = frozenset(_HONOURED_ELEMENTS.split())


def _tag(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _find(root: ET.Element, *path: str) -> ET.Element | None:
    """Returns the element at a path of tag names, each the first descendant of the one before, or None."""
    found: ET.Element | None = root
    for name in path:
        found = next((e for e in found.iter() if _tag(e) == name), None) if found is not None else None
    return found


def _number(what: str, text: str | None, kind: Callable[[str], T], low: float, high: float) -> T:
    """Reads a number that must be in [low, high]."""
    try:
        number = kind((text or "").strip())
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        wanted = "an integer" if kind is int else "a number"
        raise MissionError(f"{what} is {text!r}; it must be {wanted} from {low:g} to {high:g}")
    return number


def _flag(what: str, text: str | None) -> bool:
    word = (text or "").strip()
    if word not in ("true", "false"):
        raise MissionError(f"{what} is {text!r}; it must be true or false")
    return word == "true"


def _required(root: ET.Element, *path: str) -> ET.Element:
    element = _find(root, *path)
    if element is None:
        raise MissionError(f"the mission has no <{'> <'.join(path)}>")
    return element


def _check_elements(root: ET.Element) -> None:
    for element in root.iter():
        tag = _tag(element)
        if tag in _IMPOSSIBLE:
            raise MissionError(f"<{tag}> is not possible: {_IMPOSSIBLE[tag]}")
        if tag not in _HONOURED:
            raise MissionError(
                f"<{tag}> is not possible: the embedded world serves the missions of minedojo 0.1, which have no such "
                "element"
            )
    mode = _required(root, "AgentSection").get("mode", "Survival")
    if mode != "Survival":
        raise MissionError(f"<AgentSection mode={mode!r}> is not possible: the embedded world has Survival only")
    depth = _required(root, "VideoProducer").get("want_depth", "false")
    if _flag("<VideoProducer want_depth>", depth):
        raise MissionError("<VideoProducer want_depth='true'> is not possible: the embedded world sends RGB only")
    inventory = _find(root, "ObservationFromFullInventory")
    if inventory is not None and _flag("<ObservationFromFullInventory flat>", inventory.get("flat", "false")):
        raise MissionError("<ObservationFromFullInventory flat='true'> is not possible; use flat='false'")


BIOMES: dict[int, str] = {
    PLAINS: "plains",
    FOREST: "forest",
    TAIGA: "taiga",
    BIRCH_FOREST: "birch_forest",
}
"""Minecraft's biome number -> name of the terrain that it covers. No terrain is all desert."""


def _land(root: ET.Element) -> str:
    generator = _find(root, "BiomeGenerator")
    if generator is None:
        return ""
    biome = _number("<BiomeGenerator biome>", generator.get("biome"), int, 0, 255)
    if biome not in BIOMES:
        known = ", ".join(f"{number} ({land})" for number, land in BIOMES.items())
        problem = f"<BiomeGenerator biome='{biome}'> is not possible"
        if biome == DESERT:
            problem += ": the embedded world has no land that is all desert (level 'desert_edge' borders one)"
        raise MissionError(f"{problem}; it has {known}")
    return BIOMES[biome]


def _seed(root: ET.Element) -> str:
    generator = _find(root, "DefaultWorldGenerator")
    if generator is None:
        generator = _find(root, "BiomeGenerator")
        return "" if generator is None else generator.get("seed", "").strip()
    options = generator.get("generatorOptions", "").strip()
    if options not in ("", "{}"):
        raise MissionError(f"<DefaultWorldGenerator generatorOptions={options!r}> is not possible; use '{{}}'")
    return generator.get("seed", "").strip()


def _grid(root: ET.Element) -> Grid | None:
    grids = [element for element in root.iter() if _tag(element) == "Grid"]
    if not grids:
        return None
    if len(grids) > 1:
        raise MissionError(f"there are {len(grids)} <Grid> elements; the embedded world reports one")
    element = grids[0]
    for attribute in ("absoluteCoords", "projectDown", "atSpawn"):
        if _flag(f"<Grid {attribute}>", element.get(attribute, "false")):
            raise MissionError(f"<Grid {attribute}='true'> is not possible; grids are relative to the player")
    corners = {
        end: tuple(
            _number(f"<Grid> <{end} {axis}>", _required(element, end).get(axis), int, -10_000, 10_000) for axis in "xyz"
        )
        for end in ("min", "max")
    }
    (x0, y0, z0), (x1, y1, z1) = corners["min"], corners["max"]
    grid = Grid(element.get("name", "voxels"), (x0, y0, z0), (x1, y1, z1))
    cells = math.prod(max(n, 0) for n in grid.shape)
    if not 0 < cells <= MAX_CELLS:
        raise MissionError(f"<Grid> from {grid.low} to {grid.high} has {cells} cells; it must have 1 to {MAX_CELLS}")
    return grid


def _rays(root: ET.Element) -> tuple[Ray, ...]:
    rays = tuple(
        Ray(
            _number("<RayOffset pitch>", element.get("pitch"), float, -1e6, 1e6),
            _number("<RayOffset yaw>", element.get("yaw"), float, -1e6, 1e6),
            _number("<RayOffset distance>", element.get("distance"), float, 0.0, 1000.0),
        )
        for element in root.iter()
        if _tag(element) == "RayOffset"
    )
    if len(rays) > MAX_RAYS:
        raise MissionError(f"there are {len(rays)} <RayOffset>; the embedded world reports at most {MAX_RAYS}")
    return rays


def mission_item(slot: int, name: str, quantity: int, metadata: int) -> MissionItem:
    """Returns the contents of a slot. Air, or a quantity of 0, empties it.

    Args:
        slot: 0 to 8 hotbar, 9 to 35 main inventory, 36 to 40 armour and off hand.
        name: Minecraft's id of the item, without ``minecraft:``.
        quantity: 0 to 64.
        metadata: Minecraft's metadata, which distinguishes oak (0) from birch (2).

    Raises:
        ValueError: This world has no such item, the quantity is out of range, or the slot cannot hold items.
    """
    if name == AIR_NAME or quantity == 0:
        return MissionItem(slot, 0, 0)
    item = item_id(name, metadata)
    if not 0 <= slot < SLOTS:
        raise ValueError(f"slot {slot} cannot hold {name}: the embedded world has no armour and no off hand")
    if not 0 < quantity <= STACK_SIZE[item]:
        raise ValueError(f"the quantity of {name} is {quantity}; it must be 1 to {STACK_SIZE[item]}")
    return MissionItem(slot, item, quantity)


def _inventory(root: ET.Element) -> tuple[MissionItem, ...]:
    stacks = []
    for element in root.iter():
        if _tag(element) != "InventoryObject":
            continue
        slot = _number("<InventoryObject slot>", element.get("slot"), int, 0, 40)
        quantity = _number("<InventoryObject quantity>", element.get("quantity", "1"), int, 0, MAX_STACK)
        metadata = _number("<InventoryObject metadata>", element.get("metadata", "0"), int, 0, 32_767)
        name = element.get("type", "").removeprefix("minecraft:")
        try:
            stacks.append(mission_item(slot, name, quantity, metadata))
        except ValueError as error:
            raise MissionError(f"<InventoryObject>: {error}") from error
    return tuple(stacks)


def _placement(root: ET.Element) -> Placement | None:
    element = _find(root, "Placement")
    if element is None:
        return None
    numbers = {
        name: _number(f"<Placement {name}>", element.get(name, default), float, -bound, bound)
        for name, default, bound in (
            ("x", None, MAX_PLACE),
            ("y", None, MAX_PLACE),
            ("z", None, MAX_PLACE),
            ("yaw", "0", 1e9),
            ("pitch", "0", 90.0),
        )
    }
    return Placement(**numbers)


def _health(root: ET.Element) -> float:
    element = _find(root, "StartingHealth")
    if element is None:
        return MAX_HEALTH
    _number("<StartingHealth maxHealth>", element.get("maxHealth", "20"), float, MAX_HEALTH, MAX_HEALTH)
    return _number("<StartingHealth health>", element.get("health", "20"), float, 1e-6, MAX_HEALTH)


def _weather(root: ET.Element) -> str:
    element = _find(root, "Weather")
    weather = (element.text or "").strip() if element is not None else "normal"
    if weather not in WEATHERS:
        raise MissionError(f"<Weather> is {weather!r}; it must be one of {', '.join(WEATHERS)}")
    return weather


def read_mission(xml: bytes) -> Mission:
    """Reads a ``MissionInit`` document.

    Args:
        xml: UTF-8.

    Raises:
        MissionError: It is not XML, or needs something that the embedded world does not support.
    """
    try:
        text = xml.decode("utf-8")  # not as the document says: in UTF-16 a declaration would not be found
        if "\0" in text:  # the parser would take it for UTF-16
            raise MissionError("the mission is not well-formed XML: it is not UTF-8")
        if re.search("<!(DOCTYPE|ENTITY)", text):
            raise MissionError("the mission has a document type declaration, which is not allowed")
        root = ET.fromstring(text)
    except MissionError:
        raise
    except (ET.ParseError, ValueError) as error:
        raise MissionError(f"the mission is not well-formed XML: {error}") from error
    _check_elements(root)

    def content(*path: str, default: str) -> str | None:
        element = _find(root, *path)
        return default if element is None else element.text

    food = _find(root, "StartingFood")
    return Mission(
        height=_number("<Height>", _required(root, "VideoProducer", "Height").text, int, MIN_SIDE, MAX_SIDE),
        width=_number("<Width>", _required(root, "VideoProducer", "Width").text, int, MIN_SIDE, MAX_SIDE),
        seed=_seed(root),
        break_speed=_number(
            "<BreakSpeedMultiplier>", content("BreakSpeedMultiplier", default="1"), float, 1e-6, MAX_BREAK_SPEED
        ),
        grid=_grid(root),
        rays=_rays(root),
        inventory=_inventory(root),
        placement=_placement(root),
        health=_health(root),
        food=MAX_FOOD if food is None else _number("<StartingFood food>", food.get("food", "20"), int, 0, MAX_FOOD),
        start_time=_number("<StartTime>", content("Time", "StartTime", default="0"), int, 0, MAX_TIME),
        time_passes=_flag("<AllowPassageOfTime>", content("Time", "AllowPassageOfTime", default="true")),
        weather=_weather(root),
        spawning=_flag("<AllowSpawning>", content("AllowSpawning", default="true")),
        land=_land(root),
    )
