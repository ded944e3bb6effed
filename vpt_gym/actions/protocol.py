"""The interface of translators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from gymnasium import spaces

from vpt_gym.actions.coverage import Coverage, count_coverage
from vpt_gym.actions.human import HumanAction


class Translator(ABC):
    """Human action <-> env action for one kind of environment.

    A translator holds the state of one episode (the camera's rounding remainder, whether a sprint lasts); each
    environment needs its own. After a ``reset``, ``to_human(to_env(human))`` is ``human`` for everything that
    ``coverage`` counts as kept. To support another kind of environment, pass a ``KeyedTranslator`` as ``translator=``,
    or subclass this: ``to_env`` and ``to_human`` are enough.

    Attributes:
        action_space: The space of env actions.
        dialect: Name of the kind of environment, for messages; default: the name of the class.
        unexpressed: What the last ``to_env`` could not express; a new dict each time, empty if it was exact.
            ``"dropped"``: tuple of the held buttons that did not reach the environment.
            ``"camera_residual"``: (pitch, yaw), degrees by which the view lags behind the requested one; later ticks
            make up for it.
            ``"camera_lost"``: (pitch, yaw), degrees of the requested movement that the environment's bounds cut off;
            no later tick makes up for them.
        in_use: Whether a wrapper has it; another one that gets it takes a copy.
    """

    action_space: spaces.Space[Any]
    unexpressed: dict[str, Any]
    dialect: str = ""
    in_use: bool = False
    _counted: Coverage | None = None

    @abstractmethod
    def to_env(self, human: HumanAction) -> Any:
        """Returns the env action that is nearest to a human action, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """

    @abstractmethod
    def to_human(self, env_action: Any) -> HumanAction:
        """Returns the human action of an env action; changes no state.

        Raises:
            ValueError: ``env_action`` is not an env action, or no key does the same (e.g. MineDojo's ``craft``).
        """

    def coverage(self) -> Coverage:
        """Returns what this translator keeps, changes and loses: counted by trying every code (half a second)."""
        if self._counted is None:
            self._counted = count_coverage(self, self.dialect or type(self).__name__)
        return self._counted

    def by_other_means(self, env_action: Any) -> bool:
        """Returns whether an env action does the same as a key without pressing it, as MineDojo's ``equip`` does.

        ``coverage`` counts such codes as changed.
        """
        return False

    def ticks(self, env_action: Any) -> int:
        """Returns how many ticks the environment spends on an env action, for ``coverage``."""
        return 1

    def reset(self) -> None:
        """Forgets the episode so far. Called at every ``reset`` of the environment."""
        self.unexpressed = {}

    def observe(self, observation: Any) -> None:  # noqa: B027 (optional)
        """Reads an observation: called after every ``reset`` and ``step``.

        Args:
            observation: The wrapped environment's, in its own format. Unknown entries are ignored.
        """
