"""Marks tests that run a program which pip does not install."""

from __future__ import annotations

import os
import shutil

import pytest

_NAMES = {"chromium": ("chromium", "google-chrome", "chromium-browser"), "Xvfb": ("Xvfb",), "java": ("java",)}


def find_program(name: str) -> str | None:
    """Returns the path of a program, or None if this machine lacks it."""
    return next(filter(None, map(shutil.which, _NAMES[name])), None)


def needs_program(name: str) -> pytest.MarkDecorator:
    """Marks a test that needs a program: without it the test is skipped, and fails in CI (``CI=true``)."""
    assert name in _NAMES, f"{name} is not one of {', '.join(_NAMES)}, which tests/install_programs.sh installs"
    return pytest.mark.needs_program(name)


def skip_or_fail(item: pytest.Item) -> None:
    """Skips a test whose program is missing, or fails it in CI."""
    for mark in item.iter_markers("needs_program"):
        if find_program(mark.args[0]) is None:
            message = f"this machine has no {mark.args[0]}; `sudo tests/install_programs.sh` installs it"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
