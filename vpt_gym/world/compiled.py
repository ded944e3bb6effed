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

from vpt_gym.world.cold_start import compile_once
from vpt_gym.world.pipelines import InnerCompiler, OuterCompiler

F = TypeVar("F", bound=Callable[..., Any])


def digest_of(folder: Path) -> str:
    """Returns a hash of all Python sources below a folder."""
    sources = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def drop_stale_code(folder: Path, digest: str) -> bool:
    """Deletes the machine code that numba keeps beside the sources below a folder, if any of these has changed.

    numba looks at a kernel's own file only; but the kernels and constants of other files are compiled into it too.
    Where the folder cannot be written its sources do not change either. Returns whether code was deleted.
    """
    cache = folder / "__pycache__"
    stamp = cache / "kernels.sha256"
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return False
        cache.mkdir(exist_ok=True)
        for code in folder.rglob("__pycache__/*.nb[ic]"):
            code.unlink(missing_ok=True)
        stamp.write_text(digest)
    except OSError:
        return False
    return True


_DIGEST = digest_of(Path(__file__).parent)
drop_stale_code(Path(__file__).parent, _DIGEST)


def _njit(function: Callable[..., Any], fastmath: bool) -> Any:
    """Compiles a function; in a folder that the user chose (``NUMBA_CACHE_DIR``), each version has one of its own."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    config: Any = numba.config
    chosen = config.CACHE_DIR
    if chosen:
        config.CACHE_DIR = os.path.join(chosen, f"vpt_gym-{_DIGEST[:16]}")
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
