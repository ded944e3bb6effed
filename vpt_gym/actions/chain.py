"""Wrappers that translate actions, one above the other: what reaches the game is what all of them keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym

from vpt_gym.actions.codec import code_space, decode, encode
from vpt_gym.actions.coverage import Coverage, count_coverage
from vpt_gym.actions.human import HumanAction
from vpt_gym.actions.protocol import Translator


def through_wrappers(translator: Translator, env: gym.Env[Any, Any]) -> Translator:
    """Returns ``translator``, with the coverage of the translators in the wrappers of ``env`` combined with its own.

    Args:
        translator: A translator for the actions of ``env``.
        env: An environment. Translators are found in ``HumanActionWrapper`` and ``VPTActionWrapper``, at any depth, and
            in those that ``ResilientEnv`` runs in another process.
    """
    below: list[tuple[Translator, bool]] = []
    while isinstance(env, gym.Wrapper):
        found = vars(env).get("translator")
        if isinstance(found, ChainedTranslator):
            found = found.first
        if isinstance(found, Translator):
            below.append((found, env.action_space == code_space()))
        env = env.env
    if getattr(env, "stands_for_wrappers", False) and env.has_wrapper_attr("translator"):
        found = env.get_wrapper_attr("translator")  # a copy of the topmost one there
        if isinstance(found, Translator):
            first = found.first if isinstance(found, ChainedTranslator) else found
            below.append((first, env.action_space == code_space()))
            below += found.below if isinstance(found, ChainedTranslator) else ()
    return ChainedTranslator(translator, below) if below else translator


class ChainedTranslator(Translator):
    """A translator whose actions other translators below translate again: only its coverage differs from its own.

    Args:
        first: The translator.
        below: Those below it, from the top, each with whether it takes VPT codes rather than human actions.
    """

    def __init__(self, first: Translator, below: Sequence[tuple[Translator, bool]]) -> None:
        self.first, self.below = first, tuple(below)
        self.action_space = first.action_space

    @property
    def unexpressed(self) -> dict[str, Any]:  # type: ignore[override] # the attribute of ``first``
        """What the last ``to_env`` could not express."""
        return self.first.unexpressed

    def to_env(self, human: HumanAction) -> Any:
        """Returns the action of the wrapper below: see ``Translator.to_env``."""
        return self.first.to_env(human)

    def to_human(self, env_action: Any) -> HumanAction:
        """Returns the human action of an action of the wrapper below."""
        return self.first.to_human(env_action)

    def reset(self) -> None:
        """Forgets the episode so far."""
        self.first.reset()

    def observe(self, observation: Any) -> None:
        """Reads an observation."""
        self.first.observe(observation)

    def coverage(self) -> Coverage:
        """Returns what reaches the game through all translators; the wrappers below keep their episodes."""
        whole = self.first.coverage()
        last, _ = self.below[-1]
        lowest = last.coverage()
        if whole.complete and all(translator.coverage().complete for translator, _ in self.below[:-1]):
            return lowest
        if self._counted is None:
            through = " through ".join(part.dialect for part in (whole, lowest))
            both = _Through(self.first, self.below)
            self._counted = count_coverage(both, through, notes=lowest.notes, remedy=lowest.remedy)
        return self._counted


class _Through:
    """The translators as one, from the human action to the action of the game."""

    def __init__(self, first: Translator, below: Sequence[tuple[Translator, bool]]) -> None:
        self._first, self._below = first, below
        self.unexpressed: dict[str, Any] = {}

    def reset(self) -> None:
        for translator in (self._first, *(part for part, _ in self._below)):
            translator.reset()

    def to_env(self, human: HumanAction) -> Any:
        action = self._first.to_env(human)
        for translator, takes_codes in self._below:
            action = translator.to_env(decode(action) if takes_codes else action)
            self.unexpressed = translator.unexpressed
        return action

    def to_human(self, env_action: Any) -> HumanAction:
        for translator, takes_codes in reversed(self._below):
            human = translator.to_human(env_action)
            env_action = encode(human) if takes_codes else human
        return self._first.to_human(env_action)

    def by_other_means(self, env_action: Any) -> bool:
        return self._below[-1][0].by_other_means(env_action)

    def ticks(self, env_action: Any) -> int:
        return self._below[-1][0].ticks(env_action)
