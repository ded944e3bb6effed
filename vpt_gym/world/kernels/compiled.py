"""How the world's kernels are compiled: one decorator for exact arithmetic, one for pixels, and the lane count.

Kernels are plain Python functions over NumPy arrays, compiled by numba and cached on disk. Under
``NUMBA_DISABLE_JIT=1`` they run interpreted, with the same results.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import types

from vpt_gym.world.kernels.cold_start import compile_once
from vpt_gym.world.kernels.pipelines import InnerCompiler, OuterCompiler

F = TypeVar("F", bound=Callable[..., Any])


def digest_of(folder: Path) -> str:
    """Returns a hash of all Python sources below a folder."""
    sources = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def cache_folder(sources: Path, digest: str) -> Path:
    """Returns the folder for the machine code of one version of the sources.

    numba looks at a kernel's own file only, but the kernels and constants of other files are compiled into it too. So
    each version has a folder of its own: nothing stale can be loaded, and nothing has to be deleted.

    Args:
        sources: The folder of the sources.
        digest: Their hash, see ``digest_of``.

    Returns:
        A folder in ``$NUMBA_CACHE_DIR``, else in the ``__pycache__`` of ``sources``, else (where that cannot be
        written) in ``$XDG_CACHE_HOME/vpt-gym`` or ``~/.cache/vpt-gym``.
    """
    config: Any = numba.config
    chosen: str = config.CACHE_DIR
    base = Path(chosen) if chosen else sources / "__pycache__"
    if not chosen and not os.access(base if base.exists() else sources, os.W_OK):
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vpt-gym"
    return base / f"vpt_gym-{digest[:16]}"


_SOURCES = Path(__file__).parents[1]
_CACHE = cache_folder(_SOURCES, digest_of(_SOURCES))


def _njit(function: Callable[..., Any], fastmath: bool) -> Any:
    """Compiles a function, and keeps its machine code in ``_CACHE``."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    config: Any = numba.config
    chosen = config.CACHE_DIR
    config.CACHE_DIR = str(_CACHE)
    try:
        outer = numba.njit(cache=True, pipeline_class=OuterCompiler, **options)(function)
    finally:
        config.CACHE_DIR = chosen
    if hasattr(outer, "get_call_template"):  # else it is interpreted
        compile_once(outer)
        _link(outer, numba.njit(pipeline_class=InnerCompiler, **options)(function))
    return outer


def _link(outer: Any, inner: Any) -> None:
    """Lets kernels that call a kernel take the code of ``inner`` into their own; Python calls ``outer``.

    All calls with a constant share one code: numba would make one for each, and for the kernels called in turn.
    """
    template = inner.get_call_template
    without_constant: Any = types.unliteral

    def get_call_template(args: Any, kws: Any) -> Any:
        kws = {name: without_constant(kind) for name, kind in kws.items()}
        return template(tuple(without_constant(kind) for kind in args), kws)

    outer.get_call_template = get_call_template
    outer.get_overload = inner.get_overload


def kernel(function: F) -> F:
    """Compiles a function of the world's state: IEEE arithmetic in the written order, so that results are exact."""
    return cast(F, _njit(function, fastmath=False))


def pixel_kernel(function: F) -> F:
    """Compiles a function that only makes pixels: float operations may be reordered, so that they vectorise."""
    return cast(F, _njit(function, fastmath=True))


LANES = 64
"""Rays that the renderer marches in lockstep: four AVX-512 registers of float32, or eight of AVX2 (measured best on
both)."""
