"""Reads the docstrings of the package for the site (an extension of griffe, which mkdocstrings uses).

The docstrings follow Google's style with a few habits of Sphinx: ``Example:`` for doctests, ``:class:`` roles, and
``::`` before a block. This turns them into what Markdown and mkdocstrings understand.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class DocstringStyle(griffe.Extension):
    """Rewrites each docstring when it is loaded."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites the docstring of one object, if it has one."""
        if obj.docstring is not None:
            text = re.sub(r"^(\s*)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
            text = re.sub(r":[a-z]+:`~?([^`]+)`", r"`\1`", text)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)
