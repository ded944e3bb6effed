"""Episodes of missions without a server, on a world that the test builds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.support.flat_world import FLOOR, flat_state
from vpt_gym.world.core.state import DERIVED
from vpt_gym.world.malmo.episode import Episode
from vpt_gym.world.malmo.mission import Mission

START = (64.5, float(FLOOR), 64.5)


def episode_of(warnings: list[str] | None = None, full: bool = True, level: str = "easy", **mission: Any) -> Episode:
    mission = {"height": 32, "width": 32, "seed": "1", **mission}
    warn = (lambda text: None) if warnings is None else warnings.append
    return Episode(Mission(**mission), level, np.random.default_rng(0), full, warn)


def flat_episode(blocks: dict[tuple[int, int, int], int] | None = None, **mission: Any) -> Episode:
    """Returns an episode on flat ground; the player stands at ``START`` and looks along +z."""
    episode = episode_of(**mission)
    flat = flat_state(blocks)
    health, food = (episode.state.player[name][0] for name in ("health", "food"))
    for name in ("blocks", "ground", *DERIVED, "player", "items", "inventory", "creatures"):
        getattr(episode.state, name)[:] = getattr(flat, name)
    episode.state.player["health"], episode.state.player["food"] = health, food
    episode.state.clock["monsters"] = 0
    episode.step("chat /time set 0")  # a chat command makes the statistics ignore the new blocks
    return episode


def info_of(episode: Episode) -> dict[str, Any]:
    return json.loads(episode.info())


def position(episode: Episode) -> tuple[float, float, float]:
    player = episode.state.player[0]
    return float(player.x), float(player.y), float(player.z)
