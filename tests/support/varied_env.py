"""An environment with observations, rewards and infos of all kinds, and a comparison of what vectors of it return."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

from vpt_gym.spaces import TextArray


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """Compares what vector environments return: types, dtypes, shapes and values of all leaves."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert list(a) == list(b), where
        for name in a:
            assert_same(a[name], b[name], f"{where}.{name}")
    elif isinstance(a, (tuple, list)) or (isinstance(a, np.ndarray) and a.dtype == object):
        assert len(a) == len(b), where
        for k, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{k}]")
    else:
        assert np.asarray(a).dtype == np.asarray(b).dtype, where
        assert np.array_equal(a, b), where


def step_both(ours: VectorEnv, theirs: VectorEnv, steps: int) -> tuple[int, Any]:
    """Steps two vector environments with the same random actions, and compares all that they return.

    Without autoreset, those whose episode is over are reset, after a check that ``ours`` takes no step before that.

    Returns:
        How many episodes ended, and what the last step of ``ours`` returned.
    """
    disabled, ends, found = theirs.metadata["autoreset_mode"] == AutoresetMode.DISABLED, 0, None
    for _ in range(steps):
        actions = ours.action_space.sample()
        found, expected = ours.step(actions), theirs.step(actions)
        assert_same(found, expected)
        over = found[2] | found[3]
        ends += int(over.sum())
        if disabled and over.any():
            with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
                ours.step(actions)
            assert_same(ours.reset(options={"reset_mask": over}), theirs.reset(options={"reset_mask": over}))
    return ends, found


class Told(gym.Env[Any, Any]):
    """Has observations, rewards and infos of all kinds, and episodes of different lengths."""

    def __init__(self, number: int, space: gym.Space[Any]) -> None:
        self.observation_space = space
        self.action_space = gym.spaces.Dict({"push": gym.spaces.Discrete(3), "turn": gym.spaces.Box(-1, 1, (2,))})
        self.number = number
        self.left = 0

    def observe(self) -> tuple[Any, dict[str, Any]]:
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        info: dict[str, Any] = {"left": self.left, "at": self.np_random.random(3), "deep": {"half": self.left / 2}}
        if self.left % 3 == self.number % 3:
            info["sometimes"] = "rarely"
        return self.observation_space.sample(), info

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(2, 9))
        obs, info = self.observe()
        return obs, {**info, "new": True}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.left -= 1
        obs, info = self.observe()
        over = self.left == 0
        reward = np.float32(self.np_random.random() + action["push"] + action["turn"][0])
        return obs, reward, over and self.number % 2 == 0, over and self.number % 2 == 1, info


ARRAYS = gym.spaces.Dict(
    {
        "box": gym.spaces.Box(-1, 1, (2, 3), np.float32),
        "one": gym.spaces.Box(0, 9, (), np.int64),
        "few": gym.spaces.Discrete(5, start=-2),
        "in": gym.spaces.Dict({"bits": gym.spaces.MultiBinary((2, 2)), "words": TextArray((2,), 8)}),
        "many": gym.spaces.MultiDiscrete([3, 4]),
    }
)
SPACES = {
    "arrays": ARRAYS,
    "box": ARRAYS["box"],
    "text": gym.spaces.Dict({"name": gym.spaces.Text(8), "box": ARRAYS["box"]}),
    "tuple": gym.spaces.Tuple((ARRAYS["box"], ARRAYS["few"])),
    "nothing": gym.spaces.Dict({"none": gym.spaces.Dict({}), "box": ARRAYS["box"]}),
}
