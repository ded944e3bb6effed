"""A translator that a wrapper was given: it must fit the environment, and belongs to one wrapper only."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym

from vpt_gym.actions.protocol import Translator


def own_translator(translator: Translator, env: gym.Env[Any, Any]) -> Translator:
    """Returns a translator for one wrapper of an environment: the one given, or a copy where another wrapper has it.

    A translator holds the state of an episode. Environments that ``gymnasium.make`` makes from one spec get the same
    one, and each would continue with the remainder of the camera and the hotbar of the others.

    Raises:
        ValueError: It is for another action space.
    """
    if translator.action_space != env.action_space:
        raise ValueError(
            f"the translator is for the action space {translator.action_space}, the environment has {env.action_space}"
        )
    own = copy.deepcopy(translator) if translator.in_use else translator
    own.in_use = True
    return own
