"""Options that more than one command has, and how the help shows an option without a fixed default."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import tyro

Quiet: TypeAlias = Annotated[
    bool, tyro.conf.arg(aliases=["-q"], help="Show no progress and no remarks, only the result.")
]
"""The type of ``--quiet``, which every command with a result has."""

Json: TypeAlias = Annotated[bool, tyro.conf.arg(help="Print the result as JSON, and all else to standard error.")]
"""The type of ``--json``, which every command with a result has."""


def optional(metavar: str, default: str, *, aliases: tuple[str, ...] = ()) -> Any:
    """Returns the tyro annotation of an option whose default is None.

    Args:
        metavar: The word that stands for the value in the help, for example ``"DIR"``.
        default: What happens without the option, in words; the help shows it instead of "None".
        aliases: Other spellings, for example ``("-o",)``.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})", aliases=aliases)
