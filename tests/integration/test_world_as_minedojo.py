"""``VoxelEnv`` and the real MineDojo: the same spaces, and in the same state the same values.

The real one plays in the same world, behind its own client, simulator and wrappers. Where the two differ on purpose,
the reason stands beside the check.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from vpt_gym.minedojo import shims
from vpt_gym.minedojo.factory import make_legacy
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.rules.crafting import FIRST_IN_FURNACE, MINEDOJO_NUMBERS
from vpt_gym.world.tasks import TASKS, Task

SIZE = (64, 96)
MINEDOJOS = [task for task in TASKS if not task.startswith("vpt_")]
NO_OP, USE, DROP, ATTACK, CRAFT, EQUIP, PLACE, DESTROY = range(8)
COAL, PLANKS = MINEDOJO_NUMBERS["coal"], MINEDOJO_NUMBERS["planks"]
THINGS = {
    "log": 20,
    "planks": 40,
    "stick": 8,
    "crafting_table": 1,
    "furnace": 1,
    "coal": 5,
    "iron_ore": 4,
    "cobblestone": 20,
    "sapling": 3,
    "wooden_pickaxe": 1,
    "torch": 4,
    "dirt": 9,
    "iron_ingot": 9,
    "beef": 2,
    "string": 8,
}


def leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the ends of nested dicts or ``Dict`` spaces, of gym or Gymnasium, by their paths."""
    inner = getattr(tree, "spaces", tree)
    if not isinstance(inner, Mapping):
        return {prefix: tree}
    return {
        path: leaf for key in inner for path, leaf in leaves(inner[key], f"{prefix}.{key}" if prefix else key).items()
    }


def told(space: Any) -> tuple[Any, ...]:
    """Returns all that says what a space holds; of text there is only the shape, for MineDojo limits no lengths."""
    kind = type(space).__name__
    if kind in ("Text", "TextArray"):
        return "text", space.shape
    if kind == "Box":
        return kind, space.shape, space.dtype, space.low.tolist(), space.high.tolist()
    if kind == "MultiDiscrete":
        return kind, space.nvec.tolist()
    assert kind == "Discrete"
    return kind, int(space.n)


# -- the spaces


@pytest.mark.parametrize("task", MINEDOJOS)
def test_observations_have_the_keys_shapes_dtypes_and_bounds_of_minedojos(task: str) -> None:
    theirs, ours = (
        leaves(make_legacy(task, image_size=SIZE).observation_space),
        leaves(VoxelEnv(task, image_size=SIZE).observation_space),
    )
    if task == "open-ended":  # MineDojo's has no voxels unless it is asked for them; ours always has
        theirs |= {path: space for path, space in ours.items() if path.startswith("voxels.")}
    assert {path: told(space) for path, space in ours.items()} == {path: told(space) for path, space in theirs.items()}


@pytest.mark.parametrize("task", MINEDOJOS)
def test_the_task_is_put_into_the_same_words(task: str) -> None:
    theirs = make_legacy(task, image_size=SIZE)
    assert TASKS[task].prompt == (getattr(theirs, "task_prompt", None) or "")


@pytest.mark.parametrize("cam_interval", [15, 0.15])
def test_minedojo_actions_are_the_multi_discrete_of_minedojos_agent(cam_interval: float) -> None:
    theirs = make_legacy("harvest_1_log", image_size=SIZE, cam_interval=cam_interval).action_space
    ours = VoxelEnv(actions="minedojo", cam_interval=cam_interval).action_space
    assert told(ours) == told(theirs)
    assert ours.dtype == theirs.dtype


def test_native_actions_are_those_of_minedojos_simulator() -> None:
    shims.install()
    from minedojo.sim import MineDojoSim

    theirs = leaves(MineDojoSim(image_size=SIZE).action_space)
    ours = leaves(VoxelEnv(actions="native").action_space)
    assert set(ours) == set(theirs)
    for name, space in ours.items():
        if type(theirs[name]).__name__ == "Enum":  # of Minecraft's items this world has some
            assert set(space.values) <= set(theirs[name].values.tolist()), name
            assert space.values[0] == theirs[name].default == "none"
        else:
            assert told(space) == told(theirs[name]), name


# -- the values


def pair(make_env: Any, things: Mapping[str, int], **options: Any) -> tuple[Any, VoxelEnv]:
    """Returns the real MineDojo and a ``VoxelEnv``, to be played with the same seeds and actions."""
    shims.install()
    from minedojo.sim import InventoryItem

    cells = {f"{axis}{end}": sign for axis in "xyz" for end, sign in (("min", -1), ("max", 1))}
    theirs = make_env(
        "open-ended",
        level="easy",
        actions="minedojo",
        lean=False,
        image_size=SIZE,
        cam_interval=15,
        break_speed_multiplier=30.0,
        use_voxel=True,
        voxel_size=cells,
        initial_inventory=[InventoryItem(slot, name, 0, n) for slot, (name, n) in enumerate(things.items())],
        **options,
    )
    task: Task = dataclasses.replace(TASKS["open-ended"], inventory=things)
    ours = VoxelEnv(task, "easy", "minedojo", image_size=SIZE, cam_interval=15, break_speed=30.0)
    return theirs, ours


def check_masks(theirs: Mapping[str, Any], ours: Mapping[str, Any], names: np.ndarray) -> None:
    """Ours tell what can be done in this world, MineDojo's what could be in Minecraft.

    - This world lacks some of the items that MineDojo can make, and its saplings cannot be planted.
    - MineDojo's crafts look at the first recipe alone, and at no fuel: coal comes from logs only, and smelting needs
      none.
    """
    for name in ("action_arg", "equip", "destroy"):
        np.testing.assert_array_equal(ours[name], theirs[name], name)
    np.testing.assert_array_equal(ours["place"], theirs["place"] & (names != "sapling"))
    known = np.array(sorted(MINEDOJO_NUMBERS.values()))
    made, smelted = known[known < FIRST_IN_FURNACE], known[(known >= FIRST_IN_FURNACE) & (known != COAL)]
    np.testing.assert_array_equal(ours["craft_smelt"][made], theirs["craft_smelt"][made])
    assert (ours["craft_smelt"] <= theirs["craft_smelt"])[smelted].all()
    assert not np.delete(ours["craft_smelt"], known).any()
    types = theirs["action_type"].copy()
    types[CRAFT] = ours["craft_smelt"].any() and (names == "air").any()
    types[PLACE] = ours["place"].any()
    np.testing.assert_array_equal(ours["action_type"], types)


def check_observation(theirs: Any, ours: Any, where: str) -> None:
    their_leaves, our_leaves = leaves(theirs), leaves(ours)
    assert set(their_leaves) == set(our_leaves)
    for path, value in their_leaves.items():
        value, other = np.asarray(value), np.asarray(our_leaves[path])
        assert (value.shape, value.dtype.kind) == (other.shape, other.dtype.kind), path
        if value.dtype.kind != "U":  # how long the longest name is says nothing
            assert value.dtype == other.dtype, path
        if not path.startswith("masks."):
            np.testing.assert_array_equal(other, value, f"{where}: {path}")
    check_masks(theirs["masks"], ours["masks"], theirs["inventory"]["name"])


def test_the_same_actions_lead_to_the_same_observations(make_env: Any) -> None:
    theirs, ours = pair(make_env, THINGS)
    rng = np.random.default_rng(0)
    seen: dict[str, set[Any]] = {}
    for seed in (3, 4):
        observation, other = theirs.reset(seed=seed)[0], ours.reset(seed=seed)[0]
        check_observation(observation, other, f"seed {seed}, reset")
        for step in range(150):
            function = int(rng.choice((NO_OP, USE, DROP, ATTACK, CRAFT, CRAFT, EQUIP, PLACE, PLACE, DESTROY)))
            possible = np.flatnonzero(other["masks"]["craft_smelt"])
            craft = int(rng.choice(possible)) if len(possible) and rng.random() < 0.8 else int(rng.integers(244))
            full = np.flatnonzero(other["inventory"]["quantity"])
            slot = int(rng.choice(full)) if len(full) else 0
            if (function == DESTROY and rng.random() < 0.7) or (not len(full) and function > CRAFT):
                function = ATTACK  # lest too little is left to make things of
            camera = rng.integers(11, 14, 2) if step > 3 else (13, 12)  # first down to the ground
            action = np.array((*rng.integers(3, size=2), rng.integers(4), *camera, function, craft, slot))
            observation, reward, terminated, _, _ = theirs.step(action)
            other, our_reward, our_end, _, _ = ours.step(action)
            check_observation(observation, other, f"seed {seed}, step {step}, action {action.tolist()}")
            assert (our_reward, our_end) == (reward, terminated) == (0.0, False)
            for path, value in leaves(other).items():
                seen.setdefault(path, set()).add(np.asarray(value).tobytes())
    for path in (
        "equipment.name",
        "location_stats.pos",
        "location_stats.pitch",
        "location_stats.yaw",
        "nearby_tools.table",
        "nearby_tools.furnace",
        "voxels.block_name",
        "voxels.cos_look_vec_angle",
        "life_stats.saturation",
        "masks.craft_smelt",
        "delta_inv.inc_name_by_craft",
        "delta_inv.inc_name_by_other",
        "delta_inv.dec_name_by_craft",
        "delta_inv.dec_name_by_other",
    ):
        assert len(seen[path]) > 1, f"{path} has always been the same: nothing was compared"


def act(function: int, craft: int = 0, slot: int = 0, pitch: int = 12) -> np.ndarray:
    return np.array((0, 0, 0, pitch, 12, function, craft, slot))


def test_life_runs_out_alike(make_env: Any) -> None:
    theirs, ours = pair(make_env, {}, start_position={"x": 20.5, "y": 40.0, "z": 30.5, "yaw": 0.0, "pitch": 0.0})
    theirs.reset(seed=3)
    ours.reset(seed=3)
    ours.state.place_player(20.5, 40.0, 30.5, 0.0)
    lives = []
    for step in range(40):
        observation, _, terminated, _, _ = theirs.step(act(NO_OP))
        other, _, our_end, _, _ = ours.step(act(NO_OP))
        assert our_end == terminated, step
        for name in ("life_stats", "damage_source", "location_stats"):
            for path, value in leaves(observation[name]).items():
                np.testing.assert_array_equal(leaves(other[name])[path], value, f"step {step}: {name}.{path}")
        lives.append(float(other["life_stats"]["life"][0]))
    assert lives[0] == 20.0
    assert lives[-1] < 20.0


def test_where_this_world_reports_more_than_minedojos_wrappers(make_env: Any) -> None:
    theirs, ours = pair(make_env, {"coal_ore": 2, "furnace": 1, "planks": 1, "sapling": 1})
    theirs.reset(seed=3)
    ours.reset(seed=3)

    def step(action: np.ndarray) -> tuple[Any, Any]:
        return theirs.step(action)[0], ours.step(action)[0]

    for _ in range(4):
        step(act(NO_OP, pitch=13))
    observation, other = step(act(PLACE, slot=1))
    assert observation["nearby_tools"]["furnace"]
    assert (bool(observation["masks"]["craft_smelt"][COAL]), bool(other["masks"]["craft_smelt"][COAL])) == (False, True)
    assert (bool(observation["masks"]["place"][3]), bool(other["masks"]["place"][3])) == (True, False)
    observation, other = step(act(CRAFT, COAL))  # of ore, which is not MineDojo's first recipe for coal
    gone = [["coal_ore", "planks", "air", "air"], ["air"] * 4]
    assert [other["delta_inv"][f"dec_name_by_{cause}"].tolist() for cause in ("craft", "other")] == gone
    assert [observation["delta_inv"][f"dec_name_by_{cause}"].tolist() for cause in ("other", "craft")] == gone
    for observed in (observation, other):
        assert observed["inventory"]["name"][[0, 1]].tolist() == ["coal ore", "coal"]
