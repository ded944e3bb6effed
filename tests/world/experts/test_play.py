"""The player without a task does all sorts of things, never stands about for long, and repeats itself exactly."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import vpt_gym  # noqa: F401 (registers the environments)
from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.collect.players import SCRIPTED, make_player, resolve
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.world.catalog.blocks import AIR, TORCH, WATER
from vpt_gym.world.env import VoxelEnv
from vpt_gym.world.experts import PlayExpert
from vpt_gym.world.experts.aims import AIMS
from vpt_gym.world.experts.play import LEAST_SKILL
from vpt_gym.world.ids import PLAY
from vpt_gym.world.play_env import INVENTORIES
from vpt_gym.world.tasks import Task, nothing

SEED = SEEDS["play"].stop - 100
CENTRES = BIN_DEGREES.astype(np.float32)
STONE = {"inventory": INVENTORIES["stone"]}

WITH_TOOLS = ("dig down", "dig ahead", "mine", "pillar", "wall", "path", "light", "craft", "smelt", "tidy")
WHERE: dict[str, dict[str, Any]] = {
    **{aim: {} for aim in ("wander", "look", "dig", "idle")},
    **dict.fromkeys(WITH_TOOLS, STONE),
    "chop": {"terrain": "forest"},
    "make": {"terrain": "forest", "inventory": {"log": 3}},
    "pluck": {"terrain": "plains"},
    "swim": {"terrain": "mixed"},
    "chase": {"terrain": "plains", "creatures": {"sheep": 1, "pig": 1}},
    "fight": {"terrain": "plains", "creatures": {"zombie": 1}, "time": 14_000, **STONE},
    "survive": {"time": 13_000, **STONE},
}
"""Worlds in which an aim can be pursued."""


class Events:
    """Counts what happens in an episode."""

    def __init__(self, env: VoxelEnv) -> None:
        self.env, self.counts = env, Counter[str]()
        self._before = self._look()
        self._start = env.state.blocks.copy()

    def _look(self) -> dict[str, Any]:
        state = self.env.state
        player = state.player[0]
        items = np.bincount(state.inventory[:, 0], np.maximum(state.inventory[:, 1], 0), 128)
        return {
            "place": np.array((player.x, player.z)),
            "view": np.array((player.pitch, player.yaw)),
            "items": items,
            "slots": state.inventory.copy(),
            "hurt": int((state.creatures["hurt_ticks"] > 8).sum()),
            "screen": int(state.screen["open"][0]),
            "cursor": (float(state.screen["cursor_x"][0]), float(state.screen["cursor_y"][0])),
            "output": int(state.furnaces["output_count"].sum()),
        }

    def count(self, action: dict[str, Any]) -> None:
        """Counts the events of the last tick."""
        before, now = self._before, self._look()
        self._before = now
        moved = np.linalg.norm((now["place"] - before["place"] + 64.0) % 128.0 - 64.0)
        gained = now["items"] > before["items"]
        self.counts += Counter(
            ticks=1,
            moved=float(moved),
            turned=float(np.abs(now["view"] - before["view"]).sum() > 0.1),
            water=int(self.env.state.player["in_water"][0]),
            hits=max(0, now["hurt"] - before["hurt"]),
            screen=int(now["screen"] > 0),
            cursor=int(now["cursor"] != before["cursor"]),
            gained=int(gained.any() and not now["screen"]),
            crafted=int(gained.any() and now["screen"] in (1, 2)),
            smelted=max(0, now["output"] - before["output"]),
            tidied=int(now["screen"] == 1 and (now["slots"] != before["slots"]).any()),
            idle=int(not action["camera"].any() and not any(v for k, v in action.items() if k != "camera")),
        )

    def finish(self) -> Counter[str]:
        """Counts the blocks that differ from the start, and returns all counts."""
        start, now = self._start, self.env.state.blocks
        changed = start != now
        self.counts["dug"] = int((changed & (now == AIR)).sum())
        self.counts["placed"] = int((changed & (now != AIR) & (now != WATER) & (now != TORCH)).sum())
        self.counts["torches"] = int((changed & (now == TORCH)).sum())
        return self.counts


def played(env: gym.Env[Any, Any], expert: PlayExpert, seed: int, ticks: int) -> tuple[Counter[str], list[Any]]:
    """Plays an episode of at most some ticks; returns its events and (aim, action) of each tick."""
    env.reset(seed=seed)
    expert.reset()
    events, log = Events(env.unwrapped), []  # type: ignore[arg-type]
    for _ in range(ticks):
        action = expert.act(env)
        *_, terminated, truncated, _ = env.step(action)
        events.count(action)
        log.append((expert.aim, action))
        if terminated or truncated:
            break
    return events.finish(), log


EXPECTED: dict[str, dict[str, int]] = {
    "wander": {"moved": 20, "turned": 100},
    "look": {"turned": 150},
    "chop": {"dug": 2, "gained": 1},
    "dig": {"dug": 5, "gained": 4},
    "dig down": {"dug": 4},
    "dig ahead": {"dug": 4},
    "mine": {"dug": 5},
    "pluck": {"dug": 5},
    "pillar": {"placed": 2},
    "wall": {"placed": 2},
    "path": {"placed": 3, "moved": 8},
    "light": {"torches": 2, "moved": 8},
    "swim": {"water": 50},
    "chase": {"hits": 2, "moved": 10},
    "fight": {"hits": 2},
    "make": {"crafted": 3, "screen": 60, "cursor": 30},
    "craft": {"crafted": 1, "cursor": 15},
    "tidy": {"tidied": 2, "cursor": 15},
    "smelt": {"smelted": 1, "screen": 150},
    "survive": {"dug": 2},
    "idle": {"idle": 200},
}


@pytest.mark.parametrize("aim", AIMS)
def test_each_aim_really_happens(aim: str) -> None:
    task = Task("", nothing, math.inf, **{"terrain": "default", "time": 3000, **WHERE[aim]})
    env, expert = VoxelEnv(task, image_size=(32, 32)), PlayExpert(skill=1.0, aims=[aim])
    total: Counter[str] = Counter()
    for seed in (SEED, SEED + 1):
        total += played(env, expert, seed, 320)[0]
    for event, least in EXPECTED[aim].items():
        assert total[event] >= least, (event, dict(total))


@pytest.fixture(scope="module")
def episodes() -> list[tuple[float, Counter[str], list[Any]]]:
    """Skill, events and log of two dozen short episodes."""
    env, expert = gym.make(PLAY, image_size=(32, 32)), PlayExpert()
    found = []
    for seed in range(SEED, SEED + 24):
        events, log = played(env, expert, seed, 500)
        found.append((expert.skill, events, log))
    return found


def test_episodes_differ_in_skill_and_aims(episodes) -> None:
    skills = [skill for skill, *_ in episodes]
    assert len(set(skills)) == len(skills)
    assert min(skills) >= LEAST_SKILL
    assert max(skills) <= 1.0
    assert max(skills) - min(skills) > 0.4
    begun = Counter(aim for *_, log in episodes for aim in {aim for aim, _ in log})
    assert len(set(begun) & set(AIMS)) >= 14
    assert max(count for aim, count in begun.items() if aim) <= len(episodes) * 0.8


def test_all_sorts_of_things_happen(episodes) -> None:
    total = sum((events for _, events, _ in episodes), Counter[str]())
    for event in ("dug", "placed", "gained", "crafted", "water", "hits", "screen", "cursor", "idle"):
        assert total[event] > 0, (event, dict(total))
    assert 0.02 < total["idle"] / total["ticks"] < 0.35
    pressed = {
        name
        for *_, log in episodes
        for _, action in log
        for name, value in action.items()
        if name != "camera" and value
    }
    assert pressed >= {"attack", "back", "forward", "inventory", "jump", "left", "right", "sneak", "sprint", "use"}


def test_who_has_nothing_gathers_wood_first() -> None:
    def aims(inventory: dict[str, int], seed: int) -> list[str]:
        env = VoxelEnv(Task("", nothing, math.inf, terrain="forest", inventory=inventory), image_size=(32, 32))
        log = played(env, PlayExpert(skill=1.0), seed, 400)[1]
        return list(dict.fromkeys(aim for aim, _ in log if aim))

    for seed in range(SEED, SEED + 3):
        assert aims({}, seed)[0] == "chop"
    assert {aims({"log": 1}, seed)[0] for seed in range(SEED, SEED + 3)} != {"chop"}


def test_it_never_stands_about_for_long(episodes) -> None:
    for *_, log in episodes:
        still, longest = 0, 0
        for aim, action in log:
            acts = action["camera"].any() or any(value for name, value in action.items() if name != "camera")
            still = 0 if acts or (aim in AIMS and AIMS[aim].rests) else still + 1
            longest = max(longest, still)
        assert longest <= 120


def test_its_camera_moves_by_vpts_bins(episodes) -> None:
    cameras = np.array([action["camera"] for *_, log in episodes for _, action in log])
    assert np.isin(cameras, CENTRES).all()


def test_the_same_seed_gives_the_same_play() -> None:
    runs = []
    for _ in range(2):
        env, expert = gym.make(PLAY, image_size=(32, 32)), PlayExpert()
        played(env, expert, SEED + 7, 40)  # what was played before does not matter
        log = played(env, expert, SEED + 3, 400)[1]
        runs.append(([(aim, str(action)) for aim, action in log], env.unwrapped.state.digest()))
    assert runs[0] == runs[1]


def test_another_seed_of_the_player_plays_another_way() -> None:
    env = gym.make(PLAY, image_size=(32, 32))
    logs = [played(env, PlayExpert(seed=seed), SEED, 100)[1] for seed in (0, 1)]
    assert str(logs[0]) != str(logs[1])


def test_a_chosen_skill_is_kept() -> None:
    env, expert = gym.make(PLAY, image_size=(32, 32)), PlayExpert(skill=0.5)
    played(env, expert, SEED, 3)
    assert expert.skill == 0.5


def test_it_is_the_scripted_player_of_its_env() -> None:
    assert resolve((SCRIPTED,), PLAY) == ("vpt_gym.world.experts:PlayExpert",)
    env = gym.make(PLAY, image_size=(32, 32))
    observation, _ = env.reset(seed=SEED)
    player = make_player(resolve((SCRIPTED,), PLAY), skill=0.7)
    player.reset(SEED)
    assert env.action_space.contains(player.act(env, observation))


@pytest.mark.parametrize("aims", [(), ("fly",), ("dig", "fly")])
def test_an_unknown_aim_is_reported(aims: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one or more of wander"):
        PlayExpert(aims=aims)
