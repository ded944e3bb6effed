"""How the world's kernels are compiled: one decorator for exact arithmetic and one for pixels.

Kernels are plain Python functions over NumPy arrays. numba compiles them and caches the machine code on disk. With
``NUMBA_DISABLE_JIT=1`` Python interprets them, with the same results.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from vpt_gym.world.kernels.code_cache import CodeCache, damaged_files, warn_of_no_folder
from vpt_gym.world.kernels.cold_start import compile_once

F = TypeVar("F", bound=Callable[..., Any])

TESTED_NUMBA = frozenset({"0.60", "0.61", "0.62", "0.63", "0.68"})
"""Versions of numba that ``pipelines`` was tested with. With any other, kernels compile in numba's standard way: with
the same results, but in more than twice the time. Add a version when the tests pass with it."""
STANDARD_COMPILATION = "VPT_GYM_STANDARD_COMPILATION"
"""An environment variable: 1 makes kernels compile in numba's standard way with any version."""


def _load_pipelines() -> Any:
    """Returns the module ``pipelines``, or None if it is switched off or does not fit the installed numba."""
    version = ".".join(numba.__version__.split(".")[:2])
    if version not in TESTED_NUMBA or os.environ.get(STANDARD_COMPILATION, "0") not in ("", "0"):
        return None
    try:
        return importlib.import_module("vpt_gym.world.kernels.pipelines")
    except (ImportError, AttributeError):  # an internal of numba is missing
        return None


_pipelines = _load_pipelines()
COMPILES_FAST = _pipelines is not None
"""Whether kernels are compiled by ``pipelines``, not in numba's standard way."""


def digest_of(folder: Path) -> str:
    """Returns a hash of all Python sources below a folder."""
    sources = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def cache_folder(sources: Path, digest: str) -> Path:
    """Returns the folder for the machine code of one version of the sources.

    numba checks only whether a kernel's own file has changed, but kernels and constants of other files are compiled
    into the kernel too. With a folder for each version nothing stale is loaded, and nothing has to be deleted.

    Args:
        sources: The folder of the sources.
        digest: Their hash, see ``digest_of``.

    Returns:
        A folder in ``$NUMBA_CACHE_DIR`` if that is set, else in the ``__pycache__`` of ``sources`` if that is writable,
        else in ``$XDG_CACHE_HOME/vpt-gym`` or ``~/.cache/vpt-gym``.
    """
    config: Any = numba.config
    chosen: str = config.CACHE_DIR
    name = f"vpt_gym-{digest[:16]}"
    if chosen:
        return Path(chosen) / name
    beside = sources / "__pycache__"
    if os.access(beside if beside.exists() else sources, os.W_OK) and can_be_written(beside / name):
        return beside / name
    base = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # Path.expanduser may raise
    return base / "vpt-gym" / name


def can_be_written(folder: Path) -> bool:
    """Makes a folder and returns whether files can be written to it, by writing one: permissions do not say all.

    Where they cannot, kernels must not be cached: numba would choose a folder itself, one for all versions.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


_SOURCES = Path(__file__).parents[1]
_CACHE = cache_folder(_SOURCES, digest_of(_SOURCES))
_COMPILES = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
_CACHES = _COMPILES and can_be_written(_CACHE)
if _COMPILES and not _CACHES:
    warn_of_no_folder(_CACHE, "it cannot be written")


def cache_state() -> tuple[Path, bool, list[Path]] | None:
    """Returns the folder of the kernels' machine code, whether code is kept there, and its damaged files.

    Returns None if kernels are interpreted.
    """
    return (_CACHE, _CACHES, damaged_files(_CACHE) if _CACHES else []) if _COMPILES else None


def _njit(function: Callable[..., Any], fastmath: bool) -> Any:
    """Makes numba compile a function on its first call, with its machine code in ``_CACHE``."""
    make = numba.njit if _pipelines is None else _pipelines.outer_kernel
    compiled = make(cache=False, nogil=True, error_model="numpy", fastmath=fastmath)(function)
    if compiled is function:  # it is interpreted
        return compiled
    if _CACHES:
        _keep_code(compiled)
    compile_once(compiled)
    return compiled


def _keep_code(compiled: Any) -> None:
    """Gives a kernel a cache for its machine code in ``_CACHE``; without one it stays in memory."""
    config: Any = numba.config
    chosen = config.CACHE_DIR
    config.CACHE_DIR = str(_CACHE)
    try:
        cache = CodeCache(compiled.py_func)
        if not Path(cache.cache_path).is_relative_to(_CACHE):  # numba chose a folder itself, one for all versions
            raise OSError("a folder in it cannot be written")
        compiled._cache = cache
    except (OSError, RuntimeError) as error:
        warn_of_no_folder(_CACHE, str(error))
    finally:
        config.CACHE_DIR = chosen


def kernel(function: F) -> F:
    """Compiles a function of the world's state: IEEE arithmetic in the written order, so that results are exact."""
    return cast(F, _njit(function, fastmath=False))


def pixel_kernel(function: F) -> F:
    """Compiles a function that only computes pixels: float operations may be reordered, which lets them vectorise."""
    return cast(F, _njit(function, fastmath=True))


LANES = 64
"""Rays that the renderer marches in lockstep: four AVX-512 registers of float32, or eight of AVX2 (measured as the
fastest on both)."""
