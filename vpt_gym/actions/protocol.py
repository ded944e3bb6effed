"""The interface of translators, and how they report what they cannot express."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.actions.human import HumanAction


@dataclass(frozen=True)
class Coverage:
    """How many of VPT's 8,641 button codes and 121 camera codes a translator keeps, each sent alone after a reset.

    ``buttons_kept + buttons_changed + buttons_lost`` is 8,641, ``camera_kept + camera_changed`` is 121.
    """

    dialect: str
    """The kind of environment, e.g. ``"MineDojo MultiDiscrete"``."""
    buttons_kept: int
    """Button codes whose keys all reach the environment: ``encode(to_human(to_env(decode(code))))`` gives their
    canonical code back."""
    buttons_changed: int
    """Button codes that reach the environment in part, or by other means than these keys."""
    buttons_lost: int
    """Button codes that press something and reach the environment as a no-op."""
    buttons_slow: int
    """Button codes, kept or changed, that take the environment more than one tick."""
    camera_kept: int
    """Camera codes that the environment's rounding and bounds leave the same."""
    camera_changed: int
    """Camera codes that rounding or the environment's bounds change."""
    camera_error: float = 0.0
    """Largest distance between the requested and the actual view, degrees on each axis."""
    notes: tuple[str, ...] = ()
    """Sentences on what is changed or lost, and how."""
    remedy: str = ""
    """What to do about it; empty if nothing can or need be done."""

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
        # these are counted among the kept or the changed ones already
        slow = f"; of those kept or changed, {self.buttons_slow:,} take extra ticks" if self.buttons_slow else ""
        text = (
            f"{self.dialect} keeps {self.buttons_kept:,} of VPT's {N_BUTTONS:,} button codes "
            f"({self.buttons_changed:,} changed, {self.buttons_lost:,} lost{slow}) "
            f"and {self.camera_kept} of its {N_CAMERA} camera codes"
        )
        if self.camera_error:
            text += f"; the view is at most {self.camera_error:g}° off"
        for part in (*self.notes, self.remedy):
            text += f". {part}" if part else ""
        return text


class Translator(ABC):
    """Human action <-> env action for one kind of environment.

    A translator holds the state of one episode (the camera's rounding remainder, whether a sprint lasts); each
    environment needs its own. After a ``reset``, ``to_human(to_env(human))`` is ``human`` for everything that
    ``coverage`` counts as kept. To support another kind of environment, subclass this and pass an instance as
    ``translator=``.

    Attributes:
        action_space: The space of env actions.
        unexpressed: What the last ``to_env`` could not express; a new dict each time, empty if it was exact.
            ``"dropped"``: tuple of the held buttons that did not reach the environment.
            ``"camera_residual"``: (pitch, yaw), degrees by which the view lags behind the requested one; later ticks
            make up for it.
            ``"camera_lost"``: (pitch, yaw), degrees of the requested movement that the environment's bounds cut off;
            no later tick makes up for them.
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
        """Returns the human action of an env action; changes no state.

        Raises:
            ValueError: ``env_action`` is not an env action, or no key does the same (e.g. MineDojo's ``craft``).
        """

    @abstractmethod
    def coverage(self) -> Coverage:
        """Returns what this translator keeps, changes and loses."""

    def reset(self) -> None:
        """Forgets the episode so far. Called at every ``reset`` of the environment."""
        self.unexpressed = {}

    def observe(self, observation: Any) -> None:  # noqa: B027 (optional)
        """Reads an observation: called after every ``reset`` and ``step``.

        Args:
            observation: The wrapped environment's, in its own format. Unknown entries are ignored.
        """
