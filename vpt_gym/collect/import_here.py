"""Imports a module that a command names, also one in the current folder."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType


def import_here(name: str) -> ModuleType:
    """Imports a module by its name and searches the current folder first, as ``python -m`` does.

    The folder stays on ``sys.path``, so that the module, and processes that are started later, can import from it.

    Args:
        name: Name of the module, with dots for one in a package.

    Raises:
        ModuleNotFoundError: There is no such module, or it imports one that does not exist.
    """
    package, here = name.partition(".")[0], os.getcwd()
    if package not in sys.modules and here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ModuleNotFoundError(
            f"there is no module {name!r}, neither in the current folder, {here}, nor among the installed packages. "
            "Run the command in the module's folder, or install it",
            name=error.name,
        ) from None
