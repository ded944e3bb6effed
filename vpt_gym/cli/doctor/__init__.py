"""``vpt-gym doctor``: checks what this machine can run, and how to fix what it cannot."""

from __future__ import annotations

from dataclasses import dataclass

import tyro
from rich.console import Console

from vpt_gym.cli.doctor import embedded, minecraft, minedojo_package
from vpt_gym.cli.doctor.check import Check
from vpt_gym.cli.doctor.probe import SystemInfo, examine
from vpt_gym.cli.doctor.report import as_json, can_run, print_text
from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.status import DONE, NOT_DONE

EMBEDDED = "vpt-gym on the embedded world"
MINEDOJO = "MineDojo"


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Checks whether this machine can run the embedded world and MineDojo, and prints how to fix each problem.

    Exit status: 0 if the embedded world can run (with --minedojo: if MineDojo with Java can run too), 1 if not.
    """

    embedded: bool = False
    """Check only what the embedded world needs, without Java and MineDojo."""
    minedojo: bool = False
    """Count problems of MineDojo, too: exit status 1 if it cannot run."""
    quiet: Quiet = False
    json: Json = False

    def __post_init__(self) -> None:
        if self.embedded and self.minedojo:
            raise ValueError("--embedded leaves out what --minedojo asks for; give one of them")


def diagnose(info: SystemInfo, *, only_embedded: bool = False) -> dict[str, list[Check]]:
    """Returns the checks of each section.

    Args:
        info: The properties of the machine.
        only_embedded: Skip MineDojo.
    """
    sections = {EMBEDDED: embedded.checks(info)}
    if not only_embedded:
        sections[MINEDOJO] = minedojo_package.checks(info) + minecraft.checks(info)
    return sections


def run(args: Args) -> int:
    """Prints the report and returns the exit status."""
    sections = diagnose(examine(), only_embedded=args.embedded)
    needed = sections if args.minedojo else {EMBEDDED: sections[EMBEDDED]}
    if args.json:
        print(as_json(sections, ok=can_run(needed)))
    else:
        print_text(sections, Console(highlight=False), only_verdict=args.quiet)
    return DONE if can_run(needed) else NOT_DONE
