"""Policy frames equal pictures of 640 x 360 that are scaled as the published policies' training frames were."""

from __future__ import annotations

import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest

from tests.support.flat_world import FLOOR, flat_state
from vpt_gym import VPTObsWrapper
from vpt_gym.actions.human import human_action
from vpt_gym.frames import find_frame, to_size
from vpt_gym.world.catalog import blocks as b
from vpt_gym.world.catalog.blocks import COBBLESTONE, OAK_LOG
from vpt_gym.world.catalog.creatures import COW, SHEEP
from vpt_gym.world.catalog.items import IRON_PICKAXE
from vpt_gym.world.core.clock import NOON
from vpt_gym.world.core.state import WorldState
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.play_env import PlayEnv
from vpt_gym.world.player.screen_layout import FURNACE_SCREEN, INVENTORY_SCREEN
from vpt_gym.world.render.raster import mix_rows, policy_raster
from vpt_gym.world.render.renderer import PolicyRenderer, Renderer

ENV_ID = "vpt_gym/Harvest1Log-v0"


def meadow() -> WorldState:
    """Returns a state in which all that is drawn is in view: plants, water, a trunk, animals, an item, a torch."""
    pond = {(x, FLOOR - 1, z): b.WATER for x in range(60, 64) for z in range(67, 72)}
    plants = {(62 + n, FLOOR, 73): plant for n, plant in enumerate((b.POPPY, b.TALL_GRASS, b.TORCH, b.FERN))}
    state = flat_state(pond | plants | {(66, FLOOR + n, 70): OAK_LOG for n in range(5)})
    for creature, kind, x in zip(state.creatures, (SHEEP, COW), (64.2, 67.9), strict=False):
        creature.kind, creature.x, creature.y, creature.z, creature.coat = kind, x, FLOOR, 69.0, 1
    thing = state.items[0]
    thing.x, thing.y, thing.z, thing.item, thing.count = 64.6, FLOOR + 0.5, 66.5, COBBLESTONE, 20
    state.inventory[:3] = ((OAK_LOG, 34, 0), (IRON_PICKAXE, 1, 90), (COBBLESTONE, 3, 0))
    return state


def look(state: WorldState, **player: float) -> WorldState:
    for name, value in player.items():
        state.player[name] = value
    return state


def screen(kind: int, x: float, y: float) -> WorldState:
    state = meadow()
    state.screen["open"], state.screen["cursor_x"], state.screen["cursor_y"] = kind, x, y
    state.screen["carried_item"], state.screen["carried_count"] = OAK_LOG, 12
    return state


def at(time: int, **player: float) -> WorldState:
    state = look(meadow(), **player)
    state.clock["time"] = time
    return state


STATES = {
    "meadow": lambda: meadow(),
    "downwards, digging": lambda: look(meadow(), pitch=55.0, dug=0.6, slot=1, swing=2),
    "hurt, hungry, diving": lambda: look(meadow(), yaw=20.0, hurt_ticks=7, health=7.0, food=5, air=90, slot=2),
    "under water": lambda: look(meadow(), x=62.0, y=FLOOR - 1.6, z=69.0, pitch=10.0),
    "the sun": lambda: at(NOON, pitch=-80.0),
    "stars": lambda: at(18_000, pitch=-40.0, yaw=77.0),
    "dusk": lambda: at(12_500, yaw=95.0),
    "inventory": lambda: screen(INVENTORY_SCREEN, 260.0, 221.0),
    "furnace": lambda: screen(FURNACE_SCREEN, 41.5, 330.0),
}


@pytest.fixture(scope="module")
def renderers() -> tuple[Renderer, Renderer]:
    return PolicyRenderer(), Renderer(360, 640)


@pytest.mark.parametrize("name", STATES)
def test_a_policy_frame_is_the_scaled_picture(name: str, renderers: tuple[Renderer, Renderer]) -> None:
    policy, full = renderers
    state = STATES[name]()
    frame, picture = policy.draw(state), full.draw(state)
    expected = to_size(find_frame(picture)).transpose(2, 0, 1).astype(int)
    difference = np.abs(frame - expected)
    assert (frame.shape, frame.dtype, frame.flags.c_contiguous) == ((3, 128, 128), np.uint8, True)
    assert (difference.mean(), difference.max()) == (0, 0)
    assert frame.std() > 5


def test_rows_are_mixed_in_opencvs_arithmetic() -> None:
    raster, shares = policy_raster()
    picture = np.random.default_rng(0).integers(0, 256, (3, 360, 640), np.uint8)
    frame = np.empty((3, 128, 128), np.uint8)
    mix_rows(np.ascontiguousarray(picture[:, raster.rows][:, :, raster.columns]), shares, frame)
    np.testing.assert_array_equal(frame.transpose(1, 2, 0), to_size(find_frame(picture)))


def test_an_agent_sees_the_same_episode_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small, large = (
            VPTObsWrapper(gym.make(ENV_ID, level="easy", image_size=size, render_mode="rgb_array"), keep=["life_stats"])
            for size in ("policy", (360, 640))
        )
    assert small.observation_space == large.observation_space
    assert small.unwrapped.picture_size == large.unwrapped.picture_size == (360, 640)
    frames = [small.reset(seed=3)[0]["img"], large.reset(seed=3)[0]["img"]]
    for keys in (("forward", "sprint"), ("attack",), ("jump", "forward"), ("inventory",), ()):
        np.testing.assert_array_equal(*frames)
        action = human_action(*keys, camera=(6.0, -20.0))
        frames = [env.step(action)[0]["img"] for env in (small, large)]
    np.testing.assert_array_equal(*frames)
    np.testing.assert_array_equal(small.render(), frames[0])


def test_squares_without_such_a_picture_are_still_called_distorted() -> None:
    with pytest.warns(UserWarning, match="see these frames distorted"):
        VPTObsWrapper(VoxelEnv(image_size=(128, 128)))


def test_every_way_to_make_a_world_takes_policy_frames() -> None:
    envs = gym.make_vec(ENV_ID, 2, image_size="policy")
    assert envs.reset(seed=0)[0]["rgb"].shape == (2, 3, 128, 128)
    play = PlayEnv(image_size="policy")
    for seed in (3_000_000, 3_000_001):
        assert play.reset(seed=seed)[0]["rgb"].shape == play.observation_space["rgb"].shape == (3, 128, 128)
    state = meadow()
    again = pickle.loads(pickle.dumps(PolicyRenderer()))
    np.testing.assert_array_equal(again.draw(state), PolicyRenderer().draw(state))


@pytest.mark.parametrize("size", ["polcy", ""])
def test_another_name_is_refused(size: str) -> None:
    with pytest.raises(ValueError, match=rf"image_size is '{size}'; it must be two integers.*or 'policy'"):
        VoxelEnv(image_size=size)
