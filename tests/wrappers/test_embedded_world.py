"""The action wrappers on the embedded world: every dialect leads the player the same way."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpt_gym import HumanActionWrapper, VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.codec import canonical, encode
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.world.catalog.blocks import BLOCKS

pytestmark = pytest.mark.filterwarnings("ignore:(VPT|Human)ActionWrapper. MineDojo:UserWarning")


def make(wrapper: type[gym.Wrapper], actions: str, **options: Any) -> gym.Env:
    env = gym.make("vpt_gym/Harvest1Log-v0", actions=actions, disable_env_checker=True, **options)
    return wrapper(VPTObsWrapper(env))


def place(env: gym.Env) -> tuple[np.ndarray, float, float]:
    stats = env.get_wrapper_attr("source_observation")["location_stats"]
    return stats["pos"].astype(float), float(stats["pitch"][0]), float(stats["yaw"][0])


def run_and_look_around(ticks: int) -> list[HumanAction]:
    """Walks, sprints, jumps while sprinting, strafes, and swings the view, also past straight down."""
    actions = []
    for tick in range(ticks):
        keys = {"forward"} | ({"sprint"} if tick > 4 else set()) | ({"jump"} if tick % 9 > 5 else set())
        keys |= {"left"} if tick % 23 > 18 else set()
        camera = (7.3 * np.sin(tick / 6) + 1.5, 4.7 * np.cos(tick / 9))
        actions.append(human_action(*keys, camera=camera))
    return actions


@pytest.mark.parametrize("seed", [0, 3])
def test_same_way_through_every_dialect(seed: int) -> None:
    ways = {}
    for actions in ("human", "native", "minedojo"):
        env = make(HumanActionWrapper, actions, level="easy")
        env.reset(seed=seed)
        way = []
        for human in run_and_look_around(120):
            info = env.step(human)[4]
            assert "dropped" not in info.get("translation", {})
            way.append(place(env))
        ways[actions] = way
    start, length = ways["human"][0][0], np.linalg.norm(ways["human"][-1][0] - ways["human"][0][0])
    assert length > 10, start
    assert max(pitch for _, pitch, _ in ways["human"]) == 90
    for exact, native, nn in zip(*ways.values(), strict=True):
        assert np.array_equal(exact[0], native[0])
        assert exact[1:] == native[1:]
        assert abs(exact[1] - nn[1]) <= 0.075 + 1e-3
        assert abs((exact[2] - nn[2] + 180) % 360 - 180) <= 0.075 + 1e-3
        # half a bin is 1.3 mm per metre walked; sliding along a trunk or a step magnifies it
        assert np.linalg.norm(exact[0] - nn[0]) < 0.2


def test_stock_bins_keep_the_view_within_half_a_bin() -> None:
    exact, nn = make(HumanActionWrapper, "human"), make(HumanActionWrapper, "minedojo", cam_interval=15)
    exact.reset(seed=1)
    nn.reset(seed=1)
    for human in run_and_look_around(200):
        exact.step(human)
        nn.step(human)
        (_, pitch, yaw), (_, nn_pitch, nn_yaw) = place(exact), place(nn)
        assert abs(pitch - nn_pitch) <= 7.5 + 1e-3
        assert abs((yaw - nn_yaw + 180) % 360 - 180) <= 7.5 + 1e-3


def test_extra_ticks_are_reported() -> None:
    env = make(VPTActionWrapper, "minedojo")
    env.reset(seed=0)
    assert env.step(encode(human_action("drop")))[4]["ticks"] == 3
    assert env.step(encode(human_action("attack")))[4]["ticks"] == 1
    # nothing in the hotbar yet: the key is dropped, and no ticks are spent on it
    info = env.step(encode(human_action("hotbar.1")))[4]
    assert (info["ticks"], info["translation"]) == (1, {"dropped": ("hotbar.1",)})


@pytest.mark.parametrize(("actions", "ticks"), [("native", 1), ("minedojo", 3)])
def test_hotbar_key_brings_the_item_of_its_slot_into_the_hand(actions: str, ticks: int) -> None:
    env = make(VPTActionWrapper, actions)
    env.reset(seed=0)
    dirt = next(number for number, kind in enumerate(BLOCKS) if kind.name == "dirt")
    env.unwrapped.state.inventory[2] = (dirt, 5, 0)
    env.step((0, 60))  # the translator learns of items from the observation
    info = env.step(encode(human_action("hotbar.3")))[4]
    assert "translation" not in info
    assert info["ticks"] == ticks
    assert env.get_wrapper_attr("source_observation")["inventory"]["name"][[0, 2]].tolist() == ["dirt", "air"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8640), st.integers(0, 120)), min_size=1, max_size=10))
@pytest.mark.parametrize("actions", ["human", "native", "minedojo"])
def test_any_code_is_taken(actions: str, codes: list[tuple[int, int]]) -> None:
    env = make(VPTActionWrapper, actions, image_size=(36, 64))
    env.reset(seed=0)
    for code in codes:
        observation, reward, *_ = env.step(code)
        assert observation.shape == (128, 128, 3)
        assert reward in (0, 1)
    assert env.reverse_action(env.get_wrapper_attr("translator").to_env(human_action("jump"))).tolist() == [
        *canonical(encode(human_action("jump")))
    ]
