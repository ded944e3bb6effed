"""The check that pygame-ce is installed, to run before ``window`` and ``hud`` import it."""

from __future__ import annotations

import os

from vpt_gym.system.require import MissingPackageError, require


def require_pygame() -> None:
    """Imports pygame-ce, without its greeting on the standard output.

    Raises:
        DependencyNotInstalled: pygame-ce is not installed, or the original pygame is.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    pygame = require("pygame", "play", purpose="the window")
    if not getattr(pygame, "IS_CE", False):
        raise MissingPackageError(
            "the window needs pygame-ce, but the original pygame is installed: pip uninstall pygame && "
            'pip install "vpt-gym[play]"'
        )
