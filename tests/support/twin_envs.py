"""Makes stock and lean environments of the real MineDojo on the embedded world, and compares them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from vpt_gym.minedojo import shims
from vpt_gym.minedojo.bridge import Bridge
from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.minedojo.game import embedded_command
from vpt_gym.minedojo.lean import replacements
from vpt_gym.minedojo.lean.info import InfoParser
from vpt_gym.minedojo.parts import MineDojoParts, find_parts

SIZE = (32, 48)
DROP, CRAFT, EQUIP, PLACE, DESTROY = 2, 4, 5, 6, 7
PLANKS = 29
MakeParts = Callable[..., MineDojoParts]


@pytest.fixture
def make_parts() -> Iterator[MakeParts]:
    """Makes MineDojo's own environment on the embedded world: only its connection to the game is rebound."""
    shims.install()
    bridges: list[Bridge] = []

    def make(task_id: str = "harvest_1_log", *, is_lean: bool, env: Any = None, **kwargs: Any) -> MineDojoParts:
        parts = find_parts(make_legacy(task_id, image_size=SIZE, **kwargs) if env is None else env)
        assert parts is not None
        bridges.append(
            Bridge(
                parts.bridge,
                SIZE[0] * SIZE[1] * 3,
                lambda _: embedded_command("easy", 7),
                step_timeout=60.0,
                reset_timeout=60.0,
                **({"parse": InfoParser()} if is_lean else {}),
            )
        )
        if is_lean:
            replacements.install(parts)
        return parts

    yield make
    for bridge in bridges:
        bridge.close()


def assert_same(stock: Any, other: Any, path: str = "") -> None:
    """Compares values, dtypes, shapes and the order of keys."""
    if isinstance(stock, dict):
        assert list(stock) == list(other), path
        for name in stock:
            assert_same(stock[name], other[name], f"{path}/{name}")
    elif isinstance(stock, list):
        assert len(stock) == len(other), path
        for k, (mine, its) in enumerate(zip(stock, other, strict=True)):
            assert_same(mine, its, f"{path}/{k}")
    else:
        assert type(stock) is type(other), path
        if isinstance(stock, np.ndarray):
            assert (stock.dtype, stock.shape) == (other.dtype, other.shape), path
            assert stock.flags.writeable == other.flags.writeable, path
        assert np.array_equal(stock, other), path


def assert_same_state(stock: MineDojoParts, other: MineDojoParts) -> None:
    for name in ("prev_obs", "prev_info", "prev_action"):
        assert_same(getattr(stock.outer, name), getattr(other.outer, name), name)


def random_action(rng: np.random.Generator, masks: Any) -> Any:
    """Returns an action of MineDojo's MultiDiscrete; half of them functional, with arguments that the masks allow."""
    function = int(rng.integers(8)) if rng.random() < 0.5 else 3
    item = slot = 0
    if function == CRAFT:
        item = int(rng.choice(np.flatnonzero(masks["craft_smelt"]))) if masks["craft_smelt"].any() else PLANKS
    allowed = {EQUIP: "equip", PLACE: "place", DESTROY: "destroy"}.get(function)
    if allowed is not None:
        slots = np.flatnonzero(masks[allowed])
        function, slot = (function, int(rng.choice(slots))) if len(slots) else (0, 0)
    move = [int(rng.integers(n)) for n in (3, 3, 4)]
    return np.array([*move, *rng.integers(10, 15, 2), function, item, slot])


def items(*names: str) -> list[Any]:
    from minedojo.sim import InventoryItem

    return [InventoryItem(slot=slot, name=name, quantity=20) for slot, name in enumerate(names)]


def with_crafting(parts: MineDojoParts) -> None:
    """Turns logs into planks and adds nearby tools in the game's data, independently of the embedded world."""
    play, made, ticks = parts.bridge.step, [0], itertools.count()

    def step(commands: list[str]) -> Any:
        lines = commands[0].split("\n")
        made[0] += "craft planks" in lines
        result = play(["\n".join(line for line in lines if not line.startswith("craft "))])
        raw, tick = result.raw_obs[0], next(ticks)
        raw.update(nearby_crafting_table=tick % 40 < 20, nearby_furnace=tick % 70 < 30)
        slots = raw["inventory"]
        logs = next((slot for slot in slots if slot["name"] == "log"), None)
        if made[0] and logs is not None and logs["quantity"] > made[0]:
            logs["quantity"] -= made[0]
            slots[20].update(name="planks", quantity=4 * made[0])
        return result

    parts.bridge.step = step


def any_craft(observation: Any, name: str) -> bool:
    return bool((observation["delta_inv"][name] != "air").any())


def full_reset(parts: MineDojoParts) -> Any:
    parts.fast._server_start = False
    parts.fast._info_prev_reset = None
    return parts.outer.reset()
