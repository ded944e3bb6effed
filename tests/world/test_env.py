"""The environment keeps Gymnasium's contract and MineDojo's observations; its interfaces agree."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import vpt_gym  # noqa: F401 (registers the environment)
from tests.support.flat_world import FLOOR, flat_state
from tests.support.paths import DATA
from vpt_gym.actions.human import BUTTONS, human_action, no_op
from vpt_gym.world.catalog.blocks import BIRCH_LOG, CRAFTING_TABLE, DIRT, FURNACE, OAK_LOG, SEA_LEVEL, STONE
from vpt_gym.world.catalog.items import STICK, STONE_PICKAXE
from vpt_gym.world.core.state import DERIVED
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.rules.crafting import MINEDOJO_NUMBERS
from vpt_gym.world.tasks import Task, holds

ENV_ID = "vpt_gym/Harvest1Log-v0"
LISTING = DATA / "world" / "minedojo_observation_space.json"
PLANKS = MINEDOJO_NUMBERS["planks"]
NATIVE_REST = {
    **dict.fromkeys(("attack", "back", "drop", "forward", "jump", "left", "right", "sneak", "sprint", "use"), 0),
    "camera": np.zeros(2),
    **dict.fromkeys(("craft", "craft_with_table", "smelt", "equip", "place"), "none"),
}


def small_env(**kwargs: Any) -> VoxelEnv:
    return VoxelEnv(**{"level": "easy", "image_size": (32, 32), **kwargs})


def put_into(env: VoxelEnv, blocks: dict[tuple[int, int, int], int]) -> None:
    """Replaces the world of an env by a flat one."""
    env.reset(seed=0)
    flat = flat_state(blocks)
    for name in ("blocks", "ground", *DERIVED, "player", "items", "inventory", "creatures"):
        getattr(env.state, name)[:] = getattr(flat, name)


def leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(tree, (dict, gym.spaces.Dict)):
        return {
            path: leaf for key in tree for path, leaf in leaves(tree[key], f"{prefix}.{key}" if prefix else key).items()
        }
    return {prefix: tree}


# -- the Gymnasium contract


@pytest.mark.parametrize("actions", ["human", "native", "minedojo"])
@pytest.mark.filterwarnings("ignore:.*(symmetric and normalized|infinity|not within the observation space).*")
def test_check_env(actions: str) -> None:
    env = gym.make(ENV_ID, level="easy", actions=actions, image_size=(48, 64), render_mode="rgb_array")
    check_env(env.unwrapped)


@pytest.mark.parametrize("actions", ["human", "native", "minedojo"])
def test_every_observation_is_in_the_space(actions: str) -> None:
    env = small_env(actions=actions, break_speed=30.0)
    env.action_space.seed(1)
    obs, _ = env.reset(seed=1)
    env.state.inventory[:3] = ((OAK_LOG, 0, 0), (BIRCH_LOG, 0, 0), (DIRT, 12, 0))
    for _ in range(150):
        assert env.observation_space.contains(obs)
        obs, reward, _, truncated, info = env.step(env.action_space.sample())
        assert isinstance(reward, float)
        assert not truncated
        assert type(info["success"]) is bool


def test_spec_round_trip_keeps_all_arguments() -> None:
    env = gym.make(ENV_ID, level="easy", actions="minedojo", image_size=(40, 56), cam_interval=7.5, break_speed=2.0)
    again = gym.make(env.spec)
    assert again.spec == env.spec
    assert again.action_space == env.action_space
    assert again.observation_space == env.observation_space
    assert gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json())).action_space == env.action_space


def test_episodes_are_truncated_after_600_steps() -> None:
    env = gym.make(ENV_ID, image_size=(32, 32))
    env.reset(seed=2)
    for step in range(600):
        *_, terminated, truncated, info = env.step(no_op())
        assert not terminated
        assert truncated == (step == 599)
    assert info["success"] is False
    assert env.unwrapped.elapsed_ticks == 600


def test_pickle_and_deepcopy_continue_the_same_episode() -> None:
    env = small_env()
    env.reset(seed=5)
    for _ in range(10):
        env.step(human_action("forward", "attack", camera=(1.0, 3.0)))
    twins = (env, pickle.loads(pickle.dumps(env)), copy.deepcopy(env))
    ends = []
    for twin in twins:
        for _ in range(10):
            obs, *_ = twin.step(human_action("forward", "jump", camera=(0.0, -2.0)))
        ends.append((twin.state.digest(), obs["rgb"].tobytes(), twin.reset()[1]["world_seed"]))
    assert len(set(ends)) == 1


@pytest.mark.parametrize("vector", [gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv])
def test_vector_envs_batch_everything(vector: Any) -> None:
    envs = vector([lambda: gym.make(ENV_ID, level="easy", image_size=(32, 32))] * 2)
    try:
        obs, _ = envs.reset(seed=[3, 4])
        alone = [small_env().reset(seed=seed)[0] for seed in (3, 4)]
        assert envs.observation_space.contains(obs)
        for n in range(2):
            np.testing.assert_array_equal(obs["rgb"][n], alone[n]["rgb"])
            np.testing.assert_array_equal(obs["voxels"]["block_name"][n], alone[n]["voxels"]["block_name"])
        obs, reward, *_ = envs.step(envs.action_space.sample())
        assert reward.shape == (2,)
        assert obs["inventory"]["name"].tolist() == [["air"] * 36] * 2
    finally:
        envs.close()


def test_step_before_reset_is_refused() -> None:
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        small_env().step(no_op())


def test_there_is_no_step_after_a_reset_that_failed() -> None:
    failing = False

    def measure(_: Any) -> float:
        if failing:  # as Ctrl+C may end a reset at any line
            raise InterruptedError
        return 0.0

    env = small_env(task=Task("chop", progress=measure))
    env.reset(seed=0)
    saved = env.get_state()
    for begin in (lambda: env.reset(seed=1), lambda: env.set_state(saved)):
        failing = True
        with pytest.raises(InterruptedError):
            begin()
        with pytest.raises(gym.error.ResetNeeded):
            env.step(no_op())
        failing = False
        begin()
        env.step(no_op())


def test_render_is_the_frame_of_the_observation() -> None:
    env = small_env(render_mode="rgb_array")
    assert env.render() is None
    obs, _ = env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), obs["rgb"].transpose(1, 2, 0))
    env.render()[:] = 0
    assert env.render().max() > 0
    for observation in (obs, env.step(no_op())[0], env.set_state(env.get_state())):
        picture = env.render()
        observation["rgb"][:] = 0  # as a careless user does
        assert picture.max() > 0
        np.testing.assert_array_equal(env.render(), picture)
    silent = small_env()
    silent.reset(seed=0)
    assert silent.render() is None
    assert env.metadata == {"render_modes": ["rgb_array"], "render_fps": 20}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"level": "hard"}, "level is 'hard'; the levels are"),
        ({"task": "harvest_1_cow"}, "task is 'harvest_1_cow'"),
        ({"actions": "mouse"}, "actions is 'mouse'; it must be 'human', 'minedojo' or 'native'"),
        ({"cam_interval": 15}, "cam_interval is 15, but the camera of 'human' actions is in degrees"),
        ({"image_size": (64, 31)}, "image_size is \\(64, 31\\)"),
        ({"image_size": (64,)}, "image_size is \\(64,\\)"),
        ({"render_mode": "human"}, "render_mode is 'human'"),
        ({"image_size": (100_000, 100_000)}, "image_size is .100000, 100000.; the world draws at most 4,096 pixels"),
        ({"image_size": (1 << 70, 64)}, "image_size is .* at most 4,096 pixels"),
        ({"image_size": ("a" * 10_000, 64)}, "image_size is .'aaaa.*two integers"),
        ({"level": None}, "level is None; it must be 'default' or one of"),
        ({"task": None}, "task is None; it must be a Task or one of harvest_1_log"),
        ({"break_speed": float("inf")}, "break_speed is inf; .* at most 1,000,000"),
        ({"break_speed": "fast"}, "break_speed is 'fast'; it must be a number"),
        ({"actions": "minedojo", "cam_interval": 1e-300}, "cam_interval is 1e-300"),
        ({"actions": "minedojo", "cam_interval": "wide"}, "cam_interval is 'wide'"),
        ({"break_speed": 0.0}, "break_speed is 0.0"),
        ({"break_speed": True}, "break_speed is True; it must be a number"),
        ({"actions": "minedojo", "cam_interval": True}, "cam_interval is True"),
        ({"actions": "minedojo", "cam_interval": 7}, "cam_interval is 7; .*use for example 0.15"),
        ({"actions": "minedojo", "cam_interval": 0}, "cam_interval is 0"),
        ({"actions": "minedojo", "cam_interval": 270.0}, "cam_interval is 270"),
    ],
)
def test_bad_arguments_are_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_env(**kwargs)


# -- determinism


def random_actions(n: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    actions = []
    while len(actions) < n:
        keys = [name for name in BUTTONS if name not in ("ESC", "inventory") and rng.random() < 0.3]
        actions += [human_action(*keys, camera=tuple(rng.normal(0, 4, 2)))] * int(rng.integers(1, 8))
    return actions[:n]


def test_the_same_seed_and_actions_give_the_same_states_and_frames() -> None:
    runs = []
    for _ in range(2):
        env = small_env(level="default")
        obs, info = env.reset(seed=77)
        trace = [(env.state.digest(), obs["rgb"].tobytes(), info["world_seed"])]
        for action in random_actions(120, 3):
            obs, *_ = env.step(action)
            trace.append((env.state.digest(), obs["rgb"].tobytes(), 0))
        runs.append(trace)
    assert runs[0] == runs[1]
    assert len({digest for digest, _, _ in runs[0]}) > 100


@pytest.mark.parametrize(("level", "digest"), [("default", "d5457eb0a83bb3ab"), ("easy", "563a3a29b81de860")])
def test_a_seed_gives_the_same_world_and_episode_on_every_machine(level: str, digest: str) -> None:
    # change this only with a deliberate change of the world or its physics
    env = small_env(level=level)
    env.reset(seed=123)
    for action in random_actions(60, 5):
        env.step(action)
    assert env.state.digest()[:16] == digest


def test_resets_without_a_seed_go_on_to_new_worlds_reproducibly() -> None:
    env = small_env()
    worlds = [env.reset(seed=9)[1]["world_seed"]] + [env.reset()[1]["world_seed"] for _ in range(3)]
    again = [env.reset(seed=9)[1]["world_seed"]] + [env.reset()[1]["world_seed"] for _ in range(3)]
    assert worlds == again
    assert len(set(worlds)) == 4
    assert env.reset(seed=10)[1]["world_seed"] != worlds[0]


def test_observations_share_no_arrays() -> None:
    env = small_env()
    first, _ = env.reset(seed=1)
    kept = copy.deepcopy(first)
    for array in leaves(env.step(no_op())[0]).values():
        if isinstance(array, np.ndarray) and array.dtype.kind != "U":
            array[...] = 0  # a careless user
    for path, array in leaves(first).items():
        np.testing.assert_array_equal(array, leaves(kept)[path], err_msg=path)
    assert env.step(no_op())[0]["life_stats"]["life"] == 20.0


# -- MineDojo's observations


def test_the_observation_space_is_minedojos() -> None:
    listing = json.loads(LISTING.read_text())
    height, width = listing["image_size"]
    env = VoxelEnv(image_size=(height, width))
    ours = leaves(env.observation_space)
    obs = leaves(env.reset(seed=0)[0])
    assert set(ours) == set(listing["spaces"]) == set(obs)
    for path, theirs in listing["spaces"].items():
        space = ours[path]
        assert list(space.shape) == theirs["shape"], path
        assert list(np.shape(obs[path])) == theirs["shape"], path
        if theirs["type"] == "Text":
            assert space.dtype.kind == obs[path].dtype.kind == "U", path
            continue
        assert space.dtype == obs[path].dtype == np.dtype(theirs["dtype"]), path
        if theirs["type"] == "Box":
            assert float(np.min(space.low)) == theirs["low"], path
            assert float(np.max(space.high)) == float(theirs["high"]), path
        elif theirs["type"] == "Discrete":
            assert space.n == theirs["n"], path
        else:
            assert (space.nvec == theirs["nvec"]).all(), path


def test_inventory_equipment_and_masks_follow_the_inventory() -> None:
    env = small_env()
    env.reset(seed=0)
    env.state.inventory[0] = (DIRT, 5, 0)
    env.state.inventory[9] = (BIRCH_LOG, 2, 0)
    obs, *_ = env.step(no_op())
    assert obs["inventory"]["name"][[0, 1, 9]].tolist() == ["dirt", "air", "log"]
    assert obs["inventory"]["quantity"][[0, 1, 9]].tolist() == [5, 0, 2]
    assert obs["inventory"]["variant"][[0, 9]].tolist() == [0, 2]
    assert (obs["inventory"]["cur_durability"] == -1).all()
    assert obs["equipment"]["name"].tolist() == ["dirt", "air", "air", "air", "air", "air"]
    masks = obs["masks"]
    assert masks["action_type"].tolist() == [True] * 8
    assert np.flatnonzero(masks["craft_smelt"]).tolist() == [PLANKS]
    assert np.flatnonzero(masks["equip"]).tolist() == [9]
    assert np.flatnonzero(masks["place"]).tolist() == np.flatnonzero(masks["destroy"]).tolist() == [0, 9]
    assert masks["action_arg"][:, 0].tolist() == [False] * 4 + [True] * 4
    obs, *_ = env.step(human_action("hotbar.3"))
    assert obs["equipment"]["name"][0] == "air"
    assert obs["masks"]["action_type"].tolist() == [True, True, False, True, True, True, True, True]
    env.state.inventory[9] = (STICK, 2, 0)
    masks = env.step(no_op())[0]["masks"]
    assert masks["action_type"].tolist() == [True, True, False, True, False, True, True, True]
    assert np.flatnonzero(masks["place"]).tolist() == [0]
    assert not masks["craft_smelt"].any()


def test_worn_tools_report_their_durability() -> None:
    env = small_env()
    env.reset(seed=0)
    env.state.inventory[0] = (STONE_PICKAXE, 1, 31)
    obs, *_ = env.step(no_op())
    for part in ("inventory", "equipment"):
        assert obs[part]["name"][0] == "stone pickaxe"
        assert (obs[part]["cur_durability"][0], obs[part]["max_durability"][0]) == (100.0, 131.0)


def test_life_place_and_tools_are_reported() -> None:
    env = small_env(task="vpt_combat_zombie_plains")
    put_into(env, {(64, FLOOR + 1, 66): CRAFTING_TABLE, (65, FLOOR + 1, 66): FURNACE})
    player = env.state.player[0]
    player.health, player.food, player.saturation, player.air = 12.5, 17, 2.5, 300
    obs, *_ = env.step(no_op())
    life, place = obs["life_stats"], obs["location_stats"]
    assert (life["life"], life["food"], life["saturation"], life["oxygen"]) == (12.5, 17.0, 2.5, 300.0)
    assert (place["light_level"], place["sky_light_level"], place["can_see_sky"]) == (4.0, 1.0, 1)
    assert place["sun_brightness"] == pytest.approx(0.29, abs=0.01)
    assert place["sea_level"] == SEA_LEVEL + 1
    assert obs["nearby_tools"]["table"]
    assert obs["nearby_tools"]["furnace"]
    obs, *_ = env.step(human_action(camera=(0.0, 180.0)))
    assert not obs["nearby_tools"]["table"]


def test_crafted_items_are_reported_apart() -> None:
    env = small_env(actions="native")
    env.reset(seed=0)
    env.state.inventory[0] = (OAK_LOG, 1, 0)
    env.step(NATIVE_REST)
    delta = env.step({**NATIVE_REST, "craft": "planks"})[0]["delta_inv"]
    assert (delta["inc_name_by_craft"].tolist(), delta["inc_quantity_by_craft"].tolist()) == (["planks"], [4.0])
    assert (delta["dec_name_by_craft"][0], delta["dec_quantity_by_craft"][0]) == ("log", 1.0)
    assert delta["inc_name_by_other"].tolist() == ["air"]


def test_delta_inventory_of_more_than_a_stack_is_in_the_space() -> None:
    env = small_env()
    env.reset(seed=0)
    for held in (4, 0):  # as a crafting screen can give four stacks of planks at once, and the cursor throw them away
        env.state.inventory[:4] = (OAK_LOG, 64, 0) if held else 0
        obs, *_ = env.step(no_op())
        assert env.observation_space.contains(obs)
        change = "inc" if held else "dec"
        assert obs["delta_inv"][f"{change}_name_by_other"][0] == "log"
        assert obs["delta_inv"][f"{change}_quantity_by_other"][0] == 64.0


def test_delta_inventory_reports_each_change_once() -> None:
    env = small_env()
    obs, _ = env.reset(seed=0)
    assert obs["delta_inv"]["inc_quantity_by_other"].tolist() == [0]
    env.state.inventory[0] = (OAK_LOG, 2, 0)
    changes = [env.step(no_op())[0]["delta_inv"] for _ in range(2)]
    assert (changes[0]["inc_name_by_other"].tolist(), changes[0]["inc_quantity_by_other"].tolist()) == (["log"], [2])
    assert (changes[1]["inc_name_by_other"].tolist(), changes[1]["inc_quantity_by_other"].tolist()) == (["air"], [0])
    gone = env.step(human_action("drop"))[0]["delta_inv"]
    assert (gone["dec_name_by_other"].tolist()[0], gone["dec_quantity_by_other"].tolist()[0]) == ("log", 1)
    assert gone["inc_name_by_craft"].tolist() == ["air"]


def test_voxels_and_location_describe_the_surroundings() -> None:
    env = small_env()
    put_into(env, {(65, FLOOR, 64): OAK_LOG, (64, FLOOR, 65): STONE})
    obs, *_ = env.step(human_action(camera=(90.0, 0.0)))
    voxels = obs["voxels"]
    assert (voxels["block_name"][:, 0, :] == "dirt").all()  # [x, y, z], y upwards
    assert voxels["block_name"][2, 1, 1] == "log"
    assert voxels["block_name"][1, 1, 2] == "stone"
    assert voxels["block_name"][1, 1, 1] == "air"
    assert voxels["can_burn"][2, 1, 1]
    assert not voxels["can_burn"][1, 1, 2]
    assert not voxels["is_tool_not_required"][1, 1, 2]
    assert voxels["is_tool_not_required"][2, 1, 1]
    np.testing.assert_array_equal(voxels["is_solid"], voxels["block_name"] != "air")
    assert voxels["cos_look_vec_angle"][1, 0, 1] == pytest.approx(1.0)  # straight down
    place = obs["location_stats"]
    np.testing.assert_allclose(place["pos"], (64.5, FLOOR, 64.5))
    assert place["pitch"] == 90.0
    assert place["yaw"] == 0.0
    assert place["can_see_sky"] == 1
    env.state.blocks[64, 64, FLOOR + 3] = STONE
    env.state.tops[64, 64] = FLOOR + 4
    assert env.step(no_op())[0]["location_stats"]["can_see_sky"] == 0


# -- reward and success


def test_a_collected_log_is_rewarded_and_ends_the_episode() -> None:
    env = small_env()
    put_into(env, {(64, FLOOR + 1, 65): OAK_LOG})
    total, steps, terminated = 0.0, 0, False
    while not terminated:
        keys = ("attack",) if steps < 60 else ("forward",)
        _, reward, terminated, _, info = env.step(human_action(*keys))
        assert info["success"] == terminated
        total, steps = total + reward, steps + 1
        assert steps < 120
    assert total == 1.0
    assert steps >= 69  # 60 to dig; with the last of them, 10 until it can be picked up
    assert env.state.inventory[0].tolist() == [OAK_LOG, 1, 0]


def test_reward_is_count_now_minus_count_before() -> None:
    env = small_env(task=Task("obtain log", holds("log"), 8, weight=0.5))
    env.reset(seed=0)
    found = []
    for oak, birch in ((3, 2), (3, 1), (7, 1)):
        env.state.inventory[:3] = ((OAK_LOG, oak, 0), (BIRCH_LOG, birch, 0), (DIRT, 9, 0))
        _, reward, terminated, _, _ = env.step(no_op())
        found.append((reward, terminated))
    assert found == [(2.5, False), (-0.5, False), (2.0, True)]


# -- three interfaces, one world


def minedojo_action(env: VoxelEnv, degrees: tuple[float, float] = (0.0, 0.0), **entries: int) -> np.ndarray:
    space = env.action_space
    assert isinstance(space, gym.spaces.MultiDiscrete)
    middle = (space.nvec[3] - 1) // 2
    interval = 180.0 / middle
    names = ("move", "strafe", "stance", "pitch", "yaw", "function", "craft", "slot")
    action = np.zeros(8, np.int64)
    action[3:5] = middle + np.round(np.array(degrees) / interval).astype(int)
    for name, value in entries.items():
        action[names.index(name)] = value
    return action


def test_every_interface_gives_the_same_trajectory() -> None:
    script: list[tuple[tuple[str, ...], tuple[float, float]]] = [
        (("forward",), (0.0, 7.5)),
        (("forward", "sprint"), (15.0, 0.0)),
        (("back", "left"), (0.0, -30.0)),
        (("right", "jump", "attack"), (0.0, 0.0)),
        (("sneak", "forward", "use"), (-7.5, 0.0)),
        (("attack",), (0.0, 0.0)),
    ]
    human, native, minedojo = (
        small_env(actions=actions, **bins)
        for actions, bins in (("human", {}), ("native", {}), ("minedojo", {"cam_interval": 7.5}))
    )
    for env in (human, native, minedojo):
        env.reset(seed=21)
        env.state.inventory[0] = (DIRT, 30, 0)
    for _ in range(5):
        for keys, camera in script:
            pressed = set(keys)
            human.step(human_action(*keys, camera=camera))
            native.step({**NATIVE_REST, **dict.fromkeys(keys, 1), "camera": np.array(camera)})
            entries = {
                "move": 1 if "forward" in pressed else 2 if "back" in pressed else 0,
                "strafe": 1 if "left" in pressed else 2 if "right" in pressed else 0,
                "stance": next((n for n, key in enumerate(("jump", "sneak", "sprint"), 1) if key in pressed), 0),
                "function": 3 if "attack" in pressed else 1 if "use" in pressed else 0,
            }
            minedojo.step(minedojo_action(minedojo, camera, **entries))
            assert human.state.digest() == native.state.digest() == minedojo.state.digest()


def test_no_ops_do_nothing() -> None:
    for actions, rest in (("human", no_op()), ("native", NATIVE_REST), ("minedojo", None)):
        env = small_env(actions=actions)
        env.reset(seed=0)
        before = env.state.player.copy()
        env.step(minedojo_action(env) if rest is None else rest)
        after = env.state.player.copy()
        for name in ("x", "y", "z", "yaw", "pitch", "slot"):
            assert before[name] == after[name]


def test_opposite_keys_cancel_and_other_keys_do_nothing() -> None:
    env = small_env()
    env.reset(seed=0)
    before = env.state.player.copy()
    for _ in range(5):
        env.step(human_action("forward", "back", "left", "right", "ESC", "pickItem", "swapHands"))
    assert (before["x"], before["z"]) == (env.state.player["x"], env.state.player["z"])


def test_human_actions_may_hold_numpy_values_and_leave_keys_out() -> None:
    env = small_env()
    env.reset(seed=0)
    env.step({"camera": np.array([0.5, -0.25], np.float32), "hotbar.4": np.array(1), "hotbar.6": True})
    env.step({**no_op(), "attack": np.array([1])})
    assert env.state.player["swing"][0] == 1
    assert env.state.player["pitch"][0] == 0.5
    assert env.state.player["slot"][0] == 5  # of several keys, the highest wins


@pytest.mark.parametrize(
    ("actions", "action", "message"),
    [
        ("human", np.zeros(8, np.int64), "takes a dict"),
        ("human", {**no_op(), "forward": 2}, "forward"),
        ("human", {**no_op(), "fly": 1}, "fly"),
        ("human", {**no_op(), "camera": np.array([0.0, np.nan])}, "camera"),
        ("human", {**no_op(), "camera": np.array([0.0, 200.0])}, "camera"),
        ("human", dict.fromkeys(BUTTONS, 0), "camera"),
        ("native", np.zeros(8, np.int64), "takes a dict"),
        ("native", {key: value for key, value in NATIVE_REST.items() if key != "smelt"}, "missing \\['smelt'\\]"),
        ("native", {**NATIVE_REST, "forward": 3}, "'forward' is 3"),
        ("native", {**NATIVE_REST, "attack": np.array([1])}, "'attack' is array.*must be 0 or 1"),
        ("native", {**NATIVE_REST, "attack": np.array([0, 1])}, "'attack' is array.*must be 0 or 1"),
        ("native", {**NATIVE_REST, "craft": "boat"}, "'craft' is 'boat'"),
        ("native", {**NATIVE_REST, "equip": "diamond"}, "'equip' is 'diamond'; it must be one of none, apple"),
        ("native", {**NATIVE_REST, "camera": np.zeros(3)}, "camera"),
        ("native", {**NATIVE_REST, "camera": None}, "camera"),
        ("minedojo", np.array([3, 0, 0, 1200, 1200, 0, 0, 0]), "8 integers"),
        ("minedojo", np.zeros(8), "8 integers"),
        ("minedojo", no_op(), "8 integers"),
    ],
)
def test_actions_outside_the_space_are_refused(actions: str, action: Any, message: str) -> None:
    env = small_env(actions=actions)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(action)


def test_minedojo_space_and_no_op() -> None:
    env = small_env(actions="minedojo", cam_interval=15)
    assert env.action_space.nvec.tolist() == [3, 3, 4, 25, 25, 8, 244, 36]
    assert small_env(actions="minedojo").action_space.nvec[3] == 2401
    env.reset(seed=0)
    yaw = env.state.player["yaw"][0]
    env.step(minedojo_action(env, (15.0, -30.0)))
    assert env.state.player["pitch"][0] == 15.0
    assert (env.state.player["yaw"][0] - yaw + 180) % 360 - 180 == pytest.approx(-30.0)


def test_minedojo_functional_actions_take_minedojos_ticks() -> None:
    env = small_env(actions="minedojo")
    put_into(env, {(64, FLOOR + 1, 66): STONE})
    env.state.inventory[0] = (DIRT, 9, 0)
    env.state.inventory[12] = (STONE, 3, 0)
    taken = {}
    for function in range(8):
        before = env.elapsed_ticks
        *_, info = env.step(minedojo_action(env, function=function, slot=12, craft=5))
        taken[function] = info["ticks"]
        assert env.elapsed_ticks - before == info["ticks"]
    assert taken == {0: 1, 1: 1, 2: 3, 3: 1, 4: 3, 5: 3, 6: 3, 7: 3}
    # use placed dirt, drop threw dirt, equip swapped, place put dirt (now in slot 12), destroy emptied it
    assert env.state.inventory[0, :2].tolist() == [STONE, 3]
    assert env.state.inventory[12, 1] == 0


def test_equip_and_place_take_the_first_slot_with_what_is_in_the_slot() -> None:
    env = small_env(actions="minedojo")
    put_into(env, {(64, FLOOR + 1, 67): STONE})
    for slot, (item, count) in {0: (DIRT, 2), 5: (OAK_LOG, 7), 9: (BIRCH_LOG, 8), 20: (DIRT, 4)}.items():
        env.state.inventory[slot] = (item, count, 0)
    env.step(minedojo_action(env, function=5, slot=9))
    assert env.state.inventory[[0, 5, 9], :2].tolist() == [[OAK_LOG, 7], [DIRT, 2], [BIRCH_LOG, 8]]
    env.step(minedojo_action(env, function=6, slot=20))
    assert env.state.blocks[64, 66, FLOOR + 1] == DIRT
    assert env.state.inventory[[5, 20], 1].tolist() == [1, 4]


def test_delta_inventory_goes_by_minedojos_rules() -> None:
    env = small_env(actions="native")
    put_into(env, {})
    env.state.inventory[0] = (OAK_LOG, 4, 0)
    env.step(NATIVE_REST)
    env.state.inventory[20:22] = ((STONE_PICKAXE, 1, 0), (CRAFTING_TABLE, 1, 0))
    delta = env.step({**NATIVE_REST, "craft": "planks"})[0]["delta_inv"]
    # of a crafting table, planks and a pickaxe only the first is reported: it was not crafted, but the log was used up
    assert (delta["inc_name_by_craft"][0], delta["inc_name_by_other"][0]) == ("air", "crafting_table")
    assert (delta["dec_name_by_craft"].tolist(), delta["dec_name_by_other"][0]) == (["log", *["air"] * 3], "air")
    env.state.inventory[:] = 0
    delta = env.step({**NATIVE_REST, "craft": "stick"})[0]["delta_inv"]  # there was wood for it, before it was taken
    assert delta["dec_name_by_craft"].tolist() == ["crafting_table", "log", "planks", "stone_pickaxe"]
    delta = env.step({**NATIVE_REST, "craft": "planks"})[0]["delta_inv"]
    assert all(values.sum() == 0.0 for name, values in delta.items() if "quantity" in name)


def test_no_reward_is_lost_in_extra_ticks() -> None:
    env = small_env(actions="minedojo")
    put_into(env, {})
    env.state.items[0].x, env.state.items[0].y, env.state.items[0].z = 64.5, FLOOR, 64.5
    env.state.items["item"][0], env.state.items["count"][0], env.state.items["delay"][0] = OAK_LOG, 1, 2
    _, reward, terminated, _, info = env.step(minedojo_action(env, function=4))
    assert (reward, terminated, info["ticks"]) == (1.0, True, 2)


def test_empty_slots_do_nothing() -> None:
    env = small_env(actions="minedojo")
    put_into(env, {(64, FLOOR + 1, 66): STONE})
    env.state.inventory[0] = (DIRT, 1, 0)
    blocks = env.state.blocks.copy()
    for function in (5, 6, 7):
        env.step(minedojo_action(env, function=function, slot=30))
    np.testing.assert_array_equal(env.state.blocks, blocks)
    assert env.state.inventory[0, :2].tolist() == [DIRT, 1]


def test_native_equip_and_place_by_name() -> None:
    env = small_env(actions="native")
    put_into(env, {(64, FLOOR + 1, 67): STONE})
    env.state.inventory[0] = (DIRT, 2, 0)
    env.state.inventory[30] = (OAK_LOG, 2, 0)
    env.step({**NATIVE_REST, "equip": "log"})
    assert env.state.inventory[[0, 30], :2].tolist() == [[OAK_LOG, 2], [DIRT, 2]]
    env.step({**NATIVE_REST, "place": "dirt"})
    assert env.state.blocks[64, 66, FLOOR + 1] == DIRT
    env.step({**NATIVE_REST, "place": "sand", "equip": "sand"})
    assert env.state.inventory[[0, 30], :2].tolist() == [[OAK_LOG, 2], [DIRT, 1]]
