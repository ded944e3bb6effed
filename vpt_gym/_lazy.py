"""Lazy imports: a package's public names are imported when they are first used."""

from __future__ import annotations

from collections.abc import Callable

import lazy_loader

Attached = tuple[Callable[[str], object], Callable[[], list[str]], list[str]]


def attach(package: str, file: str, *defined: str) -> Attached:
    """Returns a package's ``__getattr__``, ``__dir__`` and ``__all__``, from the stub (``.pyi``) next to its file.

    Args:
        package: Its ``__name__``.
        file: Its ``__file__``.
        *defined: Public names that the package defines itself.
    """
    resolve, _, names = lazy_loader.attach_stub(package, file)
    offered = sorted({*names, *defined})

    def __getattr__(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(offered)}")
        return resolve(name)

    return __getattr__, lambda: list(offered), offered
