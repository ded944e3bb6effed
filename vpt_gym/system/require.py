"""Importing optional packages, with an error that says how to install them."""

from __future__ import annotations

import importlib
from typing import Any

from gymnasium.error import DependencyNotInstalled


class MissingPackageError(DependencyNotInstalled, ImportError):
    """A package of an extra is not installed, or broken. The message has the exact ``pip install`` line."""


def require(package: str, extra: str, *, purpose: str = "this", note: str = "") -> Any:
    """Imports a package that an extra of vpt-gym installs.

    Args:
        package: The module to import, for example ``"matplotlib.figure"``.
        extra: The extra that installs it, for example ``"plot"``.
        purpose: What needs the package, for the message.
        note: A condition of the installation, added to the message in parentheses.

    Returns:
        The module.

    Raises:
        DependencyNotInstalled: The package, or one that it needs, is not installed, or is installed and cannot be
            imported: then the message has the reason. The error is also an ``ImportError``.

    Example:
        >>> require("json", "plot").__name__
        'json'
        >>> require("absent", "plot", purpose="the picture")
        Traceback (most recent call last):
        ...
        vpt_gym.system.require.MissingPackageError: the picture needs absent: pip install "vpt-gym[plot]"
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        missing = (error.name or package).partition(".")[0]
        # for example a shared library that the system lacks
        reason = "" if isinstance(error, ModuleNotFoundError) else f", which cannot be imported ({error})"
        note = f" ({note})" if note else ""
        raise MissingPackageError(f'{purpose} needs {missing}{reason}: pip install "vpt-gym[{extra}]"{note}') from error
