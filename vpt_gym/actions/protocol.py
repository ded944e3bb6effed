"""What a translator is, and how it tells what it cannot say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.actions.human import HumanAction


@dataclass(frozen=True)
class Coverage:
    """What a translator keeps of the 8,641 button codes and 121 camera codes of VPT, each sent alone after a reset.

    ``buttons_kept + buttons_changed + buttons_lost`` is 8,641, ``camera_kept + camera_changed`` is 121.
    """

    dialect: str
    """The kind of environment, e.g. ``"MineDojo MultiDiscrete"``."""
    buttons_kept: int
    """Button codes whose keys all reach the environment: ``encode(to_human(to_env(decode(code))))`` gives their
    canonical code back."""
    buttons_changed: int
    """Button codes of which a part reaches the environment, or the whole by other means than these keys."""
    buttons_lost: int
    """Button codes that press something, of which nothing can be said: the environment sees a no-op."""
    buttons_slow: int
    """Button codes, kept or changed, that take the environment more than one tick."""
    camera_kept: int
    """Camera codes that come back as themselves after the environment's rounding."""
    camera_changed: int
    """Camera codes that come back as others; what rounding leaves is carried to the next tick."""
    camera_error: float = 0.0
    """Largest distance between the view that was asked for and the one that is had, degrees on each axis."""
    notes: tuple[str, ...] = ()
    """What is changed or lost, and how, in words."""
    remedy: str = ""
    """What to do about it; empty if nothing can be done or need be."""

    def __post_init__(self) -> None:
        if self.buttons_kept + self.buttons_changed + self.buttons_lost != N_BUTTONS:
            raise ValueError(f"the button codes must add up to {N_BUTTONS}: {self!r}")
        if self.camera_kept + self.camera_changed != N_CAMERA:
            raise ValueError(f"the camera codes must add up to {N_CAMERA}: {self!r}")

    @property
    def complete(self) -> bool:
        """Whether every code is kept."""
        return self.buttons_kept == N_BUTTONS and self.camera_kept == N_CAMERA

    def __str__(self) -> str:
        text = (
            f"{self.dialect} keeps {self.buttons_kept:,} of VPT's {N_BUTTONS:,} button codes "
            f"({self.buttons_changed:,} changed, {self.buttons_lost:,} lost, {self.buttons_slow:,} take extra ticks) "
            f"and {self.camera_kept} of its {N_CAMERA} camera codes"
        )
        if self.camera_error:
            text += f"; the view is at most {self.camera_error:g}° off"
        for part in (*self.notes, self.remedy):
            text += f". {part}" if part else ""
        return text


class Translator(ABC):
    """Human action <-> env action for one kind of environment.

    A translator holds the state of one episode (what rounding left of the camera, which keys last); each environment
    needs its own. From a fresh ``reset``, ``to_human(to_env(human))`` is ``human`` for all that ``coverage`` calls
    kept. To support another kind of environment, subclass this and pass an instance as ``translator=``.

    Attributes:
        action_space: The space of env actions.
        unexpressed: What the last ``to_env`` could not express; a new dict each time, empty if it was exact.
            ``"dropped"``: tuple of the buttons that were held and did not reach the environment.
            ``"camera_residual"``: (pitch, yaw) degrees by which the view stays behind the one asked for, to be made
            up in later ticks.
    """

    action_space: spaces.Space[Any]
    unexpressed: dict[str, Any]

    @abstractmethod
    def to_env(self, human: HumanAction) -> Any:
        """Returns the env action that is nearest to a human action, and sets ``unexpressed``.

        Raises:
            ValueError: ``human`` is not a human action.
        """

    @abstractmethod
    def to_human(self, env_action: Any) -> HumanAction:
        """Returns the human action that an env action stands for; changes no state.

        Raises:
            ValueError: ``env_action`` is not one, or no key of a keyboard says it (e.g. MineDojo's ``craft``).
        """

    @abstractmethod
    def coverage(self) -> Coverage:
        """Returns what this translator keeps, changes and cannot say."""

    def reset(self) -> None:
        """Forgets the episode so far. Called at every ``reset`` of the environment."""
        self.unexpressed = {}

    def observe(self, observation: Any) -> None:  # noqa: B027 (a translator without memory need not look)
        """Looks at what the environment gave: called after ``reset`` and after every ``step``.

        Args:
            observation: Of the wrapped environment, in its own format; a translator uses what it knows of it.
        """
