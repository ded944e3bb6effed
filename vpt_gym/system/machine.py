"""A description of the computer, to store with each measurement."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def describe(*packages: str) -> dict[str, Any]:
    """Returns processor, cores, load, Python, and the versions of the named packages, as JSON values."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_average": [round(load, 1) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: installed_version(name) for name in packages},
    }


@cache
def installed_version(package: str) -> str:
    """Returns the version of a package; ``"unknown"`` where it runs from a source tree without being installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def processor() -> str:
    """Returns the operating system's name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def usable_processors() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
