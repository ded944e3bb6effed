"""Options that more than one command has, and how the help shows an option without a fixed default."""

from __future__ import annotations

from typing import Any

import tyro


def optional(metavar: str, default: str, *, aliases: tuple[str, ...] = ()) -> Any:
    """Returns the tyro annotation of an option whose default is None.

    Args:
        metavar: The word that stands for the value in the help, for example ``"DIR"``.
        default: What happens without the option, in words; the help shows it instead of "None".
        aliases: Other spellings, for example ``("-o",)``.
    """
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})", aliases=aliases)
