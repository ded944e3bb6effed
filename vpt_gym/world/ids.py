"""The Gymnasium ids of the world's tasks and their step limits. This module imports nothing of the package."""

from __future__ import annotations

STEP_LIMITS: dict[str, int | None] = {
    "harvest_1_log": 600,
    "harvest_8_log": 2400,
    "harvest_1_log_plains": 1200,
    "harvest_1_log_forest": 600,
    "harvest_1_log_taiga": 600,
    "harvest_1_dirt": 300,
    "harvest_8_dirt": 900,
    "harvest_1_cobblestone_with_wooden_pickaxe": 1200,
    "harvest_1_cobblestone": 3600,
    "harvest_1_coal_with_stone_pickaxe": 3600,
    "harvest_wool_with_shears_and_sheep": 1200,
    "harvest_milk_with_empty_bucket_and_cow": 1200,
    "combat_pig_plains_barehand": 1200,
    "combat_cow_plains_barehand": 1200,
    "combat_sheep_plains_barehand": 1200,
    "survival": None,
    "open-ended": None,
    "vpt_combat_zombie_plains": 1200,
    "vpt_playground": None,
}
"""Steps after which an episode is truncated, by task; None for no limit. MineDojo has no limits."""

ANY_TASK = "vpt_gym/World-v0"
"""The id of an env whose task is an argument: ``gymnasium.make(ANY_TASK, task=...)``."""

PLAY = "vpt_gym/Play-v0"
"""The id of the env for open-ended play, in which each episode starts in another way (``PlayEnv``)."""
PLAY_STEPS = 2400
"""Steps after which an episode of open-ended play is truncated."""


def env_id(task: str) -> str:
    """Returns the Gymnasium id of a task: ``"vpt_gym/Harvest1Log-v0"`` for ``"harvest_1_log"``."""
    words = task.removeprefix("vpt_").replace("-", "_").split("_")
    return "vpt_gym/" + "".join(word.capitalize() for word in words) + "-v0"


def is_embedded(name: str) -> bool:
    """Returns whether a Gymnasium id, with its version, is of the embedded world; ``vpt_gym/MineDojo-v0`` is not."""
    return name in (ANY_TASK, PLAY, *map(env_id, STEP_LIMITS))
