"""Demos: recorded episodes on disk (``format``, ``writer``, ``checks``) and as sequences to learn from (``dataset``).

``DemoDataset`` and ``SequenceBatch`` are imported when first used: they need torch, the rest does not. Import and
export wait likewise.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from vpt_gym.demos.checks import Problem, check, repair
from vpt_gym.demos.demo import Demo, read_demo
from vpt_gym.demos.format import DemoError, list_demos
from vpt_gym.demos.stats import DemoStats, read_stats
from vpt_gym.demos.writer import DemoWriteError, DemoWriter, EpisodeSummary

if TYPE_CHECKING:
    from vpt_gym.demos.cache import FrameCache
    from vpt_gym.demos.dataset import DemoDataset, SequenceBatch
    from vpt_gym.demos.minari import export_minari, import_minari
    from vpt_gym.demos.npz import export_npz, import_npz

__all__ = [
    "Demo",
    "DemoDataset",
    "DemoError",
    "DemoStats",
    "DemoWriteError",
    "DemoWriter",
    "EpisodeSummary",
    "FrameCache",
    "Problem",
    "SequenceBatch",
    "check",
    "export_minari",
    "export_npz",
    "import_minari",
    "import_npz",
    "list_demos",
    "read_demo",
    "read_stats",
    "repair",
]

_LAZY = {
    "DemoDataset": "dataset",
    "SequenceBatch": "dataset",
    "FrameCache": "cache",
    "export_minari": "minari",
    "import_minari": "minari",
    "export_npz": "npz",
    "import_npz": "npz",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
