"""The scripted expert cuts its log through the real MineDojo, which determines the success."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from vpt_gym import HumanActionWrapper
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.world.experts import LogExpert

EPISODES, TICKS = 50, 600


def test_the_expert_succeeds_in_nine_of_ten_episodes(make_env: Any) -> None:
    env = HumanActionWrapper(make_env(level="easy", image_size=(32, 57)))
    # the expert looks at the state of a world: of this one, which is kept in step with the one behind the socket
    twin = gym.make("vpt_gym/Harvest1Log-v0", level="easy", image_size=(32, 57)).unwrapped
    expert = LogExpert()
    successes = 0
    for seed in SEEDS["validation"][:EPISODES]:
        env.reset(seed=seed)
        twin.reset(seed=seed)
        expert.reset()
        total = 0.0
        for _ in range(TICKS):
            action = expert.act(twin)
            observation, reward, terminated, truncated, info = env.step(action)
            assert not truncated
            total += reward
            twin.step(action)
            if terminated:
                break
        assert info["success"] is terminated is (total == 1.0)
        assert ("log" in observation["inventory"]["name"]) is terminated
        successes += terminated
    assert successes >= 0.9 * EPISODES, successes
