"""Recorders inside vector environments record what recorders of single environments do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import TimeLimit

from tests.support.frame_counter_env import FrameCounterEnv, read_counter
from vpt_gym import EpisodeStarts, HumanActionWrapper, RecorderWrapper, VPTActionWrapper, VPTObsWrapper
from vpt_gym.actions.human import HumanAction, human_action
from vpt_gym.demos import Demo, check, list_demos, read_demo
from vpt_gym.frames import find_frame

LENGTHS = (1, 4, 7)
SEED = 40
EPISODES = 4
"""Episodes that each part plays at least."""


class GrowingCounter(FrameCounterEnv):
    """Each episode is two ticks longer than the one before; every second one is cut off by its time limit."""

    def __init__(self, length: int) -> None:
        super().__init__(length=length, success=True)
        self.shortest = length

    def _observe(self) -> Any:
        return {"rgb": super()._observe()["rgb"].copy()}  # else Gymnasium's final_obs shows the next episode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        result = super().reset(seed=seed, options=options)
        self.length = self.shortest + 2 * self._episode
        return result

    def step(self, action: Any) -> Any:
        observation, reward, over, _, info = super().step(action)
        return observation, reward, over and self._episode % 2 == 0, over and self._episode % 2 == 1, info


def part(directory: Path, length: int) -> gym.Env[Any, Any]:
    return RecorderWrapper(TimeLimit(GrowingCounter(length), 100), directory, metadata={"length": length})


def chosen(tick: int, episode: int) -> HumanAction:
    return human_action(*["forward"] * (tick % 2), *["attack"] * (episode % 2), camera=(tick / 10, episode / 10))


def shown(observation: Any, row: int) -> tuple[int, int]:
    return read_counter(find_frame({"rgb": observation["rgb"][row]}))


def play_single(directory: Path) -> None:
    for row, length in enumerate(LENGTHS):
        env = part(directory, length)
        for number in range(EPISODES):
            observation, _ = env.reset(seed=SEED + row if number == 0 else None)
            over = False
            while not over:
                action = chosen(*read_counter(find_frame(observation)))
                observation, _, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
        env.close()


def play_vector(envs: VectorEnv[Any, Any, Any], mode: AutoresetMode) -> None:
    """Plays until each part has ended enough episodes; what an action is, is said by the frame that is shown."""
    observations, _ = envs.reset(seed=SEED)
    ended: Counter[int] = Counter()
    over = np.zeros(len(LENGTHS), np.bool_)
    while min(ended[row] for row in range(len(LENGTHS))) < EPISODES:
        seen = [shown(observations, row) for row in range(len(LENGTHS))]
        actions = [chosen(*there) for there in seen]
        batch = {name: np.stack([action[name] for action in actions]) for name in actions[0]}
        observations, _, terminated, truncated, infos = envs.step(batch)
        over = terminated | truncated
        for row in np.flatnonzero(over):
            ended[int(row)] += 1
            if mode is AutoresetMode.SAME_STEP:  # the last frame passes through beside the next episode's first
                last = read_counter(find_frame(infos["final_obs"][row]))
                assert last == (seen[row][0] + 1, seen[row][1])
                assert shown(observations, row) == (0, seen[row][1] + 1)
        if mode is AutoresetMode.DISABLED and over.any():
            observations, _ = envs.reset(options={"reset_mask": over})
    envs.close()


def episodes(directory: Path) -> dict[tuple[int, int], Demo]:
    """The demos that were played to their end, by the part that made them and the episode that they show."""
    assert check(directory) == []
    demos = [read_demo(path) for path in list_demos(directory)]
    whole = [demo for demo in demos if demo.metadata["ended"] in ("terminated", "truncated")]
    return {(demo.metadata["length"], read_counter(next(demo.frames()))[1]): demo for demo in whole}


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, int], Demo]:
    directory = tmp_path_factory.mktemp("single")
    play_single(directory)
    demos = episodes(directory)
    assert {key: len(demo) for key, demo in demos.items()} == {
        (length, episode): length + 2 * episode for length in LENGTHS for episode in range(EPISODES)
    }
    return demos


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_each_env_of_a_vector_records_as_it_would_alone(
    tmp_path: Path, single: dict[tuple[int, int], Demo], kind: Any, mode: AutoresetMode
) -> None:
    envs = kind([lambda length=length: part(tmp_path, length) for length in LENGTHS], autoreset_mode=mode)
    play_vector(EpisodeStarts(envs), mode)
    recorded = episodes(tmp_path)
    for key, demo in single.items():
        other = recorded[key]
        assert other.files.records.read_bytes() == demo.files.records.read_bytes(), key
        assert other.files.video.read_bytes() == demo.files.video.read_bytes(), key
        for name in ("return", "success", "ended", "last_seed", "resets_since_seed", "env_id"):
            assert other.metadata[name] == demo.metadata[name], (key, name)
        seeded = demo.metadata["resets_since_seed"] == 0
        assert other.metadata["seed"] == (demo.metadata["last_seed"] if seeded else None)
        assert demo.metadata["resets_since_seed"] == key[1]


def test_the_complete_stack_in_vectors_of_make_vec(tmp_path: Path) -> None:
    """``gymnasium.make_vec`` with vpt-gym's wrappers, a recorder lowest of them."""
    gym.register("GrowingCounter-v0", GrowingCounter, kwargs={"length": 5})
    try:
        wrappers = [lambda env: RecorderWrapper(env, tmp_path, size=(128, 128)), VPTObsWrapper, VPTActionWrapper]
        envs = gym.make_vec("GrowingCounter-v0", num_envs=2, vectorization_mode="sync", wrappers=wrappers)
        starts = EpisodeStarts(envs)
        starts.reset(seed=1)
        starts.action_space.seed(1)
        for _ in range(14):
            starts.step(starts.action_space.sample())
        starts.close()
    finally:
        del gym.registry["GrowingCounter-v0"]
    assert check(tmp_path) == []
    demos = [read_demo(path) for path in list_demos(tmp_path)]
    # a step in NEXT_STEP mode that only resets is no tick: 5 + 1 + 7 + 1
    assert sorted(len(demo) for demo in demos) == [5, 5, 7, 7]
    assert {demo.frame_size for demo in demos} == {(128, 128)}
    assert {demo.metadata["env_id"] for demo in demos} == {"GrowingCounter-v0"}


@pytest.mark.parametrize("vector", [SyncVectorEnv, lambda parts: EpisodeStarts(SyncVectorEnv(parts))])
def test_around_a_vector_the_error_names_the_right_place(tmp_path: Path, vector: Any) -> None:
    envs = vector([FrameCounterEnv] * 2)
    with pytest.raises(TypeError, match=r"RecorderWrapper wraps one environment, got a vector of 2.*Wrap each"):
        RecorderWrapper(envs, tmp_path)
    envs.close()
    assert list(tmp_path.iterdir()) == []


def test_a_human_action_wrapper_above_it_passes_labels(tmp_path: Path) -> None:
    envs = SyncVectorEnv([lambda: HumanActionWrapper(RecorderWrapper(FrameCounterEnv(length=3), tmp_path))] * 2)
    envs.reset(seed=0)
    for tick in range(3):
        envs.call("label", human_action("use", camera=(0.0, tick)))
        envs.step({name: np.stack([value, value]) for name, value in human_action("jump").items()})
    envs.close()
    demos = [read_demo(path) for path in list_demos(tmp_path)]
    assert [demo.actions["use"].tolist() for demo in demos] == [[1, 1, 1]] * 2
    assert [demo.executed["jump"].tolist() for demo in demos] == [[1, 1, 1]] * 2
