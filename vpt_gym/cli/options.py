"""Options that more than one command has."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import tyro

Quiet: TypeAlias = Annotated[
    bool, tyro.conf.arg(aliases=["-q"], help="Show no progress and no remarks, only the result.")
]
"""The type of ``--quiet``, which every command with a result has."""

Json: TypeAlias = Annotated[bool, tyro.conf.arg(help="Print the result as JSON, and all else to standard error.")]
"""The type of ``--json``, which every command with a result has."""
