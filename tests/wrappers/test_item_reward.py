"""Rewards for items: how they are counted, that none pays twice, and in which inventories."""

from __future__ import annotations

import re

import gymnasium as gym
import numpy as np
import pytest

from vpt_gym import VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.human import no_op
from vpt_gym.world.tasks import ITEM_IDS
from vpt_gym.wrappers import DIAMOND_PICKAXE, ItemReward, ItemRewardWrapper, count_items


class InventoryEnv(gym.Env):
    """Holds what its actions say; the inventory is that of MineRL: quantities by name."""

    observation_space = action_space = gym.spaces.Dict()

    def reset(self, *, seed=None, options=None):
        return {"inventory": dict(options or {})}, {}

    def step(self, action):
        return {"inventory": action}, 5.0, False, False, {"of": "the env"}


def rewards_of(env: gym.Env, *inventories: dict[str, int]) -> list[float]:
    return [env.step(inventory)[1] for inventory in inventories]


def test_a_log_pays_an_eighth_at_most_eight_times():
    env = ItemRewardWrapper(InventoryEnv())
    env.reset()
    assert rewards_of(env, *({"log": n} for n in range(1, 11))) == [1 / 8] * 8 + [0.0] * 2
    env.reset()
    assert rewards_of(env, {"log": 64}) == [1.0]


def test_what_is_dropped_and_picked_up_again_does_not_pay_twice():
    env = ItemRewardWrapper(InventoryEnv())
    env.reset()
    assert rewards_of(env, {"log": 3}, {"log": 1}, {}, {"log": 3}, {"log": 4}) == [3 / 8, 0, 0, 0, 1 / 8]


def test_what_was_used_up_pays_beyond_the_highest_count():
    env = ItemRewardWrapper(InventoryEnv())
    env.reset()
    assert rewards_of(env, {"log": 2}, {"log": 1, "planks": 4}, {"log": 3, "planks": 4}) == [2 / 8, 4 / 20, 1 / 8]


def test_diamonds_have_no_limit():
    env = ItemRewardWrapper(InventoryEnv())
    env.reset()
    assert rewards_of(env, {"diamond": 30})[0] == pytest.approx(30 * 8 / 3)


def test_items_at_the_start_do_not_pay_and_each_episode_counts_again():
    env = ItemRewardWrapper(InventoryEnv())
    env.reset(options={"wooden_pickaxe": 1, "log": 2})
    assert rewards_of(env, {"wooden_pickaxe": 2, "log": 3}) == [1 + 1 / 8]
    env.reset()
    assert rewards_of(env, {"log": 1}) == [1 / 8]


def test_the_reward_of_the_env_is_replaced_or_kept():
    for keep, expected in ((False, 1 / 8), (True, 5 + 1 / 8)):
        env = ItemRewardWrapper(InventoryEnv(), keep_reward=keep)
        env.reset()
        *_, info = env.step({"log": 1})
        assert info == {"of": "the env", "item_rewards": {"log": 1 / 8}}
        env.reset()
        assert env.step({"log": 1})[1] == expected


@pytest.mark.parametrize(
    ("inventory", "expected"),
    [
        ({"oak_log": 2, "dark_oak_log": 1, "birch_planks": 3, "air": 9, "dirt": 0}, {"log": 3, "planks": 3}),
        (
            {"name": np.array(["log", "log2", "crafting table", "air"]), "quantity": np.array([1.0, 2.0, 1.0, 1.0])},
            {"log": 3, "crafting_table": 1},
        ),
        ({"stick": np.array(4), "diamond": np.int64(1)}, {"stick": 4, "diamond": 1}),
    ],
)
def test_items_are_counted_in_each_kind_of_inventory(inventory, expected):
    assert count_items({"inventory": inventory}) == expected


def test_the_embedded_world_pays_for_logs_below_the_wrapper_that_hides_the_inventory():
    world = gym.make("vpt_gym/Harvest8Log-v0", image_size=(72, 128))
    env = VPTActionWrapper(ItemRewardWrapper(VPTObsWrapper(world)))
    env.reset(seed=0)
    code = env.reverse_action(no_op())
    inventory = world.unwrapped.state.inventory
    paid = []
    for quantity in (0, 1, 3, 0, 3, 12):
        inventory[4] = (ITEM_IDS["log"][0], quantity, 0)
        paid.append(env.step(code)[1])
    assert paid == [0.0, 1 / 8, 2 / 8, 0.0, 0.0, 5 / 8]


def test_an_observation_without_inventory_is_named():
    env = ItemRewardWrapper(gym.wrappers.TransformObservation(InventoryEnv(), lambda _: {"rgb": 0}, None))
    with pytest.raises(ValueError, match=r'no mapping "inventory" to count items in; it has \[\'rgb\'\]'):
        env.reset()


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ({}, "rewards is empty"),
        ({"log": ItemReward(0.0, 8)}, "the reward of 'log' is 0.0 for at most 8"),
        ({"log": ItemReward(1.0, 0)}, "both must be positive"),
        ({"oak_log": ItemReward(1.0)}, "counted as 'log'"),
        ({"crafting table": ItemReward(1.0)}, "counted as 'crafting_table'"),
    ],
)
def test_rewards_that_cannot_be_paid_are_errors(rewards, message):
    with pytest.raises(ValueError, match=message):
        ItemRewardWrapper(InventoryEnv(), rewards)


@pytest.mark.parametrize("rewards", [{"log": 0.125}, {"log": ("a", 1)}, {"log": "1"}, {"log": (True, 1)}, {7: (1.0,)}])
def test_a_reward_that_is_no_item_reward_is_named(rewards):
    name, reward = next(iter(rewards.items()))
    with pytest.raises(TypeError, match=re.escape(f"the reward of {name!r} is {reward!r}; it must be an ItemReward")):
        ItemRewardWrapper(InventoryEnv(), rewards)


def test_rewards_are_a_mapping():
    with pytest.raises(TypeError, match=r"rewards is \['log'\]; it must be a mapping"):
        ItemRewardWrapper(InventoryEnv(), ["log"])


def test_the_way_to_a_diamond_pickaxe_is_worth_what_the_paper_says():
    most = {name: reward.each * reward.most for name, reward in DIAMOND_PICKAXE.items()}
    once = ("log", "planks", "stick", "crafting_table", "wooden_pickaxe", "cobblestone", "stone_pickaxe", "furnace")
    assert [most[name] for name in once] == pytest.approx([1.0] * 8)
    assert [most[name] for name in ("coal", "torch", "iron_ore", "iron_ingot", "iron_pickaxe")] == pytest.approx(
        [2.0, 2.0, 4.0, 4.0, 4.0]
    )
