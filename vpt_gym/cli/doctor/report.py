"""The doctor's report, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from vpt_gym.cli.doctor.check import Check

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "bold red")}


def can_run(sections: Mapping[str, Sequence[Check]]) -> bool:
    """Returns whether there is no problem."""
    return all(check.status != "problem" for checks in sections.values() for check in checks)


def print_text(sections: Mapping[str, Sequence[Check]], console: Console, *, only_verdict: bool = False) -> None:
    """Prints a line for each check and, below it, how to fix it; in colour on a terminal. The verdicts come last."""
    width = max(len(check.name) for checks in sections.values() for check in checks)
    for title, checks in () if only_verdict else sections.items():
        console.print(Text(f"\n{title}", style="bold"))
        for check in checks:
            mark, style = _MARKS[check.status]
            line = Text("  ").append(f"{mark:<8}", style=style).append(f" {check.name:<{width}}  {check.found}")
            console.print(line, soft_wrap=True)
            if check.fix:
                console.print(Text(f"{'':{width + 13}}-> {check.fix}"), soft_wrap=True)
    if not only_verdict:
        console.print()
    for title, checks in sections.items():
        verdict = "can run" if can_run({title: checks}) else "cannot run; fix what is marked PROBLEM"
        console.print(Text(f"{title}: {verdict}", style="bold"), soft_wrap=True)


def as_json(sections: Mapping[str, Sequence[Check]], *, ok: bool | None = None) -> str:
    """Returns ``{"ok": bool, "sections": {title: [{"name", "status", "found", "fix"}, ...]}}``.

    Args:
        sections: The checks of each section.
        ok: The verdict; None: whether none of them is a problem.
    """
    listed = {title: [asdict(check) for check in checks] for title, checks in sections.items()}
    return json.dumps({"ok": can_run(sections) if ok is None else ok, "sections": listed}, indent=2)
