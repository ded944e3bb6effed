"""The scripted player collects a log from any start, with actions that VPT codes express exactly."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environment)
from tests.support.flat_world import FLOOR, flat_state
from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.human import human_action
from vpt_gym.world.catalog.blocks import BEDROCK, BIRCH_LOG, DIRT, OAK_LEAVES, OAK_LOG, STONE
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts import LogExpert


def expert_env(level: str, **kwargs: Any) -> gym.Env[Any, Any]:
    return gym.make("vpt_gym/Harvest1Log-v0", level=level, image_size=(32, 32), **kwargs)


def play(env: gym.Env[Any, Any], expert: LogExpert) -> tuple[bool, list[dict[str, Any]]]:
    """Plays the started episode to its end; returns success and the actions."""
    actions = []
    while True:
        actions.append(expert.act(env))
        *_, terminated, truncated, info = env.step(actions[-1])
        if terminated or truncated:
            return info["success"], actions


@pytest.mark.parametrize("level", ["easy", "default"])
def test_it_succeeds_in_unseen_worlds(level: str) -> None:
    env, expert = expert_env(level), LogExpert()
    successes = 0
    for seed in range(424_000, 424_020):
        env.reset(seed=seed)
        expert.reset()
        successes += play(env, expert)[0]
    assert successes >= 19


def test_actions_are_in_the_space_and_on_vpts_camera_bins() -> None:
    env, expert = expert_env("default"), LogExpert()
    centres = BIN_DEGREES.astype(np.float32)
    for seed in range(3):
        env.reset(seed=seed)
        expert.reset()
        for action in play(env, expert)[1]:
            assert env.action_space.contains(action)
            assert np.isin(action["camera"], centres).all()


def test_it_is_deterministic_and_leaves_the_env_alone() -> None:
    env = expert_env("default")
    expert = LogExpert()
    runs = []
    for _ in range(2):
        env.reset(seed=11)
        expert.reset()
        runs.append(play(env, expert)[1])
    assert [str(action) for action in runs[0]] == [str(action) for action in runs[1]]
    env.reset(seed=12)
    before = env.unwrapped.state.digest()
    LogExpert().act(env)
    assert env.unwrapped.state.digest() == before


def test_the_view_accelerates_gently_and_rests_while_digging() -> None:
    env, expert = expert_env("easy"), LogExpert()
    for seed in range(4):
        env.reset(seed=seed)
        expert.reset()
        actions = play(env, expert)[1]
        bins = np.array([np.abs(BIN_DEGREES - action["camera"][1]).argmin() - 5 for action in actions])
        assert (np.diff(np.abs(bins)) <= 2).all()
        digging = [action["camera"] for action in actions if action["attack"]]
        assert np.mean([not camera.any() for camera in digging]) > 0.9


@pytest.mark.parametrize("level", ["easy", "default"])
def test_it_takes_over_from_any_state_that_another_policy_reaches(level: str) -> None:
    env = expert_env(level, max_episode_steps=900)
    expert = LogExpert()
    successes = 0
    for seed in range(10):
        env.reset(seed=seed)
        expert.reset()
        rng = np.random.default_rng(seed)
        learner = human_action()
        ended = False
        for tick in range(300):  # the expert labels, but another policy plays: it runs around and digs holes
            expert.act(env)
            if tick % 10 == 0:
                keys = [key for key in ("forward", "left", "right", "jump", "attack", "sprint") if rng.random() < 0.5]
                learner = human_action(*keys, camera=(rng.normal(1.0, 4.0), rng.normal(0.0, 6.0)))
            ended = env.step(learner)[2]
            if ended:
                break
        successes += ended or play(env, expert)[0]
    assert successes >= 9


def put_into(env: VoxelEnv, blocks: dict[tuple[int, int, int], int], yaw: float = 0.0) -> None:
    env.reset(seed=0)
    flat = flat_state(blocks, yaw)
    for name in ("blocks", "ground", "tops", "leaps", "player", "items", "inventory"):
        getattr(env.state, name)[:] = getattr(flat, name)


def trunk(x: int, z: int, base: int = FLOOR, logs: int = 5) -> dict[tuple[int, int, int], int]:
    return {(x, y, z): OAK_LOG for y in range(base, base + logs)}


def solve(blocks: dict[tuple[int, int, int], int], yaw: float = 0.0, limit: int = 600) -> int:
    """Returns the ticks that the expert needs in a flat world with these blocks."""
    env, expert = VoxelEnv(image_size=(32, 32)), LogExpert()
    put_into(env, blocks, yaw)
    for tick in range(limit):
        if env.step(expert.act(env))[2]:
            return tick + 1
    raise AssertionError(f"no log after {limit} ticks")


def test_a_trunk_ahead_takes_little_more_than_its_dig_time() -> None:
    assert solve(trunk(64, 70)) < 60 + 25 + 20


def test_it_prefers_the_tree_in_view() -> None:
    env, expert = VoxelEnv(image_size=(32, 32)), LogExpert()
    put_into(env, {**trunk(64, 70), **trunk(64, 59)})
    turned = 0.0
    for _ in range(40):
        action = expert.act(env)
        turned += abs(float(action["camera"][1]))
        env.step(action)
    assert turned < 5.0


def test_it_turns_around_for_a_tree_behind() -> None:
    assert solve(trunk(64, 58)) < 160


def test_it_climbs_steps_and_walks_around_walls() -> None:
    terrace = {(x, FLOOR, z): DIRT for x in range(50, 80) for z in range(68, 76)}
    assert solve({**terrace, **trunk(64, 72, FLOOR + 1)}) < 200
    wall = {(x, y, 67): STONE for x in range(58, 71) for y in range(FLOOR, FLOOR + 3)}
    assert solve({**wall, **trunk(64, 70)}) < 300


def test_it_cuts_leaves_that_hide_the_log() -> None:
    crown = {
        (64 + dx, y, 70 + dz): OAK_LEAVES
        for y, radius in ((FLOOR + 1, 2), (FLOOR + 2, 2), (FLOOR + 3, 1), (FLOOR + 4, 1))
        for dx in range(-radius, radius + 1)
        for dz in range(-radius, radius + 1)
    }
    assert solve({**crown, **trunk(64, 70, logs=4), (64, FLOOR, 70): BIRCH_LOG}) < 300


def test_it_digs_its_way_out_of_a_pit() -> None:
    env, expert = VoxelEnv(image_size=(32, 32)), LogExpert()
    put_into(env, trunk(64, 70))
    env.state.blocks[64, 64, 1:FLOOR] = 0
    env.state.blocks[64, 64, 0] = BEDROCK
    env.state.player[0].y = 1.0
    assert any(env.step(expert.act(env))[2] for _ in range(500))


def test_it_fetches_a_dropped_log_first() -> None:
    env, expert = VoxelEnv(image_size=(32, 32)), LogExpert()
    put_into(env, trunk(64, 68))
    item = env.state.items[0]
    item.x, item.y, item.z, item.item, item.count = 60.5, FLOOR, 64.5, OAK_LOG, 1
    assert any(env.step(expert.act(env))[2] for _ in range(40))


def test_without_a_tree_in_range_it_explores() -> None:
    env, expert = VoxelEnv(image_size=(32, 32)), LogExpert()
    put_into(env, {})
    start = env.state.player.copy()
    for _ in range(100):
        env.step(expert.act(env))
    assert abs(env.state.player["z"][0] - start["z"][0]) > 10


def test_it_gives_up_an_unreachable_target() -> None:
    cage = {
        (64 + dx, y, 69 + dz): BEDROCK
        for dx in (-1, 0, 1)
        for dz in (-1, 0, 1)
        for y in range(FLOOR, FLOOR + 5)
        if (dx, dz) != (0, 0)
    }
    cage[(64, FLOOR + 4, 69)] = BEDROCK
    assert solve({**cage, **trunk(64, 69, logs=4), **trunk(70, 60)}) < 300


def test_it_needs_the_embedded_world() -> None:
    with pytest.raises(TypeError, match="VoxelEnv"):
        LogExpert().act(gym.make("CartPole-v1"))
