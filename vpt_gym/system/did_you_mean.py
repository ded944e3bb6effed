"""The name that was meant by one with a typing error, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Returns ``" (did you mean 'harvest_1_log'?)"`` if one of ``names`` is similar to ``name``, else an empty text."""
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""
