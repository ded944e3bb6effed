"""Rewards for items, such as VPT's on the way to a diamond pickaxe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium as gym

from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown
from vpt_gym.wrappers._source_observation import source_observation
from vpt_gym.wrappers._wrapped_env import require_resets
from vpt_gym.wrappers.player_state import held_items


class ItemReward(NamedTuple):
    """What an item is worth."""

    each: float
    """Reward for each one."""
    most: float = math.inf
    """How many of them are rewarded in an episode; ``inf`` for all."""


DIAMOND_PICKAXE: Mapping[str, ItemReward] = {
    "log": ItemReward(1 / 8, 8),
    "planks": ItemReward(1 / 20, 20),
    "stick": ItemReward(1 / 16, 16),
    "crafting_table": ItemReward(1, 1),
    "wooden_pickaxe": ItemReward(1, 1),
    "cobblestone": ItemReward(1 / 11, 11),
    "stone_pickaxe": ItemReward(1, 1),
    "furnace": ItemReward(1, 1),
    "coal": ItemReward(2 / 5, 5),
    "torch": ItemReward(1 / 8, 16),
    "iron_ore": ItemReward(4 / 3, 3),
    "iron_ingot": ItemReward(4 / 3, 3),
    "iron_pickaxe": ItemReward(4, 1),
    "diamond": ItemReward(8 / 3),
    "diamond_pickaxe": ItemReward(8),
}
"""The rewards of VPT's reinforcement learning (Baker et al. 2022, arXiv:2206.11795, appendix G)."""

_KINDS = ("log", "planks")
"""Items that Minecraft 1.13 and later, thus MineRL 1.0, name by their wood: ``oak_log``, ``birch_planks``."""
_OLD_NAMES = {"log2": "log"}
"""Minecraft 1.11's second item for logs (acacia, dark oak), which MineDojo reports under its own name."""


def count_items(observation: Any) -> dict[str, int]:
    """Returns how many items of each name an observation's inventory holds.

    Args:
        observation: A mapping with ``"inventory"``, in one of the two forms of ``held_items`` (``player_state.py``).

    Returns:
        Quantities by name, with underscores: ``crafting_table``. All woods are ``log`` and ``planks``.

    Raises:
        ValueError: There is no inventory, or it has an unknown form.
    """
    if not isinstance(observation, Mapping) or not isinstance(observation.get("inventory"), Mapping):
        has = sorted(observation) if isinstance(observation, Mapping) else type(observation).__name__
        raise ValueError(f'the observation has no mapping "inventory" to count items in; it has {has}')
    counts: dict[str, int] = {}
    for name, quantity in held_items(observation["inventory"]):
        known = _item(name)
        counts[known] = counts.get(known, 0) + quantity
    return counts


def _item(name: str) -> str:
    name = name.replace(" ", "_")
    kind = next((kind for kind in _KINDS if name.endswith("_" + kind)), name)
    return _OLD_NAMES.get(kind, kind)


class ItemRewardWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Rewards items when the player holds more of them than ever before in the episode.

    An item pays for each unit by which its count in the inventory exceeds its highest count so far, which at first is
    the count at the start of the episode, and no more often than ``ItemReward.most``. So an item that is dropped and
    picked up again, or placed and dug up again, never pays twice. An item that was used up, such as logs made into
    planks, pays again only beyond the highest count. Items that lie in the crafting grid or under the cursor do not
    count.

    ``info["item_rewards"]`` has the rewards of the step by item; it is empty in most steps.

    The wrapper may be above ``VPTObsWrapper`` or below it.

    Args:
        env: The environment to wrap; its observations have an inventory (see ``count_items``).
        rewards: Rewards by name of an item, with underscores.
        keep_reward: Whether to add the rewards to those of the environment; they replace them otherwise.

    Raises:
        TypeError: ``env`` is not an environment, ``rewards`` is not a mapping, or a value in it is no ``ItemReward``.
        ValueError: ``rewards`` is empty, a number in it is not positive, or ``Autoreset`` is inside. From ``reset``:
            the observations have no inventory.

    Example:
        >>> import gymnasium as gym
        >>> env = ItemRewardWrapper(gym.make("vpt_gym/Harvest8Log-v0"), {"log": ItemReward(1 / 8, 8)})
        >>> _ = env.reset(seed=0)
        >>> env.step(env.action_space.sample())[1]
        0.0
    """

    @checks_flags
    def __init__(
        self,
        env: gym.Env[Any, Any],
        rewards: Mapping[str, ItemReward] = DIAMOND_PICKAXE,
        *,
        keep_reward: bool = False,
    ) -> None:
        env = require_resets(env, "ItemRewardWrapper")
        gym.utils.RecordConstructorArgs.__init__(self, rewards=rewards, keep_reward=keep_reward)
        super().__init__(env)
        if not isinstance(rewards, Mapping):
            raise TypeError(
                f"rewards is {shown(rewards)}; it must be a mapping, such as {{'log': ItemReward(1 / 8, 8)}}"
            )
        if not rewards:
            raise ValueError("rewards is empty; pass for example {'log': ItemReward(each=1 / 8, most=8)}")
        self._rewards = {name: _checked(name, reward) for name, reward in rewards.items()}
        for name, (each, most) in self._rewards.items():
            if not (0 < each < math.inf and most > 0):
                raise ValueError(f"the reward of {name!r} is {each} for at most {most}; both must be positive")
            if name != _item(name):
                raise ValueError(f"there is no item {name!r} here; it is counted as {_item(name)!r}")
        self._keep_reward = keep_reward
        self._start: dict[str, int] = {}
        self._highest: dict[str, int] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and the counts."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._start = count_items(source_observation(self.env, observation))
        self._highest = dict(self._start)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment; the reward is that of the items gained."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        paid = self._pay(count_items(source_observation(self.env, observation)))
        total = sum(paid.values(), float(reward) if self._keep_reward else 0.0)
        return observation, total, terminated, truncated, {**info, "item_rewards": paid}

    def _pay(self, counts: Mapping[str, int]) -> dict[str, float]:
        paid = {}
        for name, (each, most) in self._rewards.items():
            start, highest = self._start.get(name, 0), self._highest.get(name, 0)
            now = max(highest, counts.get(name, 0))
            if (units := min(now - start, most) - min(highest - start, most)) > 0:
                paid[name] = each * units
            self._highest[name] = now
        return paid


def _checked(name: Any, reward: Any) -> ItemReward:
    """Returns a reward, given as an ``ItemReward`` or as a tuple or list of its one or two numbers."""
    numbers = tuple(reward) if isinstance(reward, tuple | list) else ()
    right = isinstance(name, str) and len(numbers) in (1, 2)
    if not right or not all(map(is_real, numbers)):
        raise TypeError(
            f"the reward of {shown(name)} is {shown(reward)}; it must be an ItemReward with numbers, such as "
            "ItemReward(each=1 / 8, most=8)"
        )
    return ItemReward(*numbers)
