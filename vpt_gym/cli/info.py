"""``vpt-gym info``: describes a checkpoint and checks whether it loads."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE, NOT_DONE, WRONG_COMMAND
from vpt_gym.system.plural import counted
from vpt_gym.system.printable import printable_name
from vpt_gym.system.user_path import is_there

if TYPE_CHECKING:
    from vpt_gym.agents.describe import Description


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Describes checkpoints: architecture, parameters, heads, temperature, and for each key whether it would be loaded.

    They may be of policies, inverse dynamics models, STEVE-1's prior and MineCLIP.

    Nothing in a file is executed. Weights are compared with the .model file named before them, else with the published
    .model file in the same folder, else with the architecture that their shapes imply.

    Exit status: 0 if everything can be loaded, 1 if not, 2 if there is no such file, folder or name.
    """

    files: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE [FILE ...]", help_behavior_hint="")
    ]
    """Files (.model, .weights, .pth, .safetensors), folders of saved models, or names of downloaded checkpoints."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Prints the descriptions and returns the exit status."""
    from vpt_gym.agents.checkpoints.sources.bundled import find_bundled
    from vpt_gym.agents.checkpoints.sources.published import find_published
    from vpt_gym.agents.describe import describe
    from vpt_gym.mineclip.describe import describe_mineclip

    if not args.files:
        print("vpt-gym info: name a file, a folder or a downloaded checkpoint", file=sys.stderr)
        return WRONG_COMMAND
    described = describe(args.files, others=(describe_mineclip,))
    if args.json:
        Output(json=True).result("", [one.to_dict() for one in described])
    else:
        _print(described, only_verdict=args.quiet)
    if any(not (is_there(name) or find_bundled(name) or find_published(name)) for name in args.files):
        return WRONG_COMMAND
    return DONE if all(one.ok for one in described) else NOT_DONE


def _print(described: Iterable[Description], *, only_verdict: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for index, one in enumerate(described):
        if only_verdict:
            verdict = f"PROBLEM: {one.problem}" if one.problem else "can be loaded"
            console.print(Text(printable_name(f"{one.source}: {verdict}")), soft_wrap=True)
            continue
        if index:
            console.print()
        console.print(Text(printable_name(one.source), style="bold"), soft_wrap=True)
        if not console.is_terminal:
            for name, value in _rows(one):
                console.print(Text(printable_name(f"  {name:<15}{value}")), soft_wrap=True)
            continue
        table = Table(show_header=False, box=None, padding=(0, 0, 0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in _rows(one):
            table.add_row(name, Text(printable_name(value), style="bold red" if name == "PROBLEM" else ""))
        console.print(table)


def _rows(one: Description) -> Iterable[tuple[str, str]]:
    from vpt_gym.agents.checkpoints.load_report import examples

    if one.kind:
        kind = f"{'an' if one.kind[0] in 'aeiou' else 'a'} {one.kind}"
        held = {"description": f"description of {kind}", "weights": f"weights of {kind}", "both": f"a saved {one.kind}"}
        yield "what", held[one.holds]
        if one.heads or one.architecture:
            yield "architecture", one.architecture or "none of the named ones"
        yield "config", ", ".join(f"{name} {value}" for name, value in one.config.items() if value is not None)
        if one.heads:
            yield "action head", one.heads
    if one.temperature is not None:
        yield "temperature", f"{one.temperature:g}"
    if one.parameters:
        parts = ", ".join(f"{name} {n:,}" for name, n in one.parameters.items() if name != "total")
        yield "parameters", f"{one.parameters['total']:,} ({parts})"
    if one.compared_with:
        yield "compared with", one.compared_with
    if (report := one.report) is not None:
        yield "would load", counted(len(report.loaded), "key")
        for name in ("missing", "unexpected", "mismatched", "ignored", "converted"):
            keys = list(getattr(report, name))
            if keys:
                yield name, f"{counted(len(keys), 'key')}{examples(keys)}"
    if one.loaded_by:
        yield "loaded by", one.loaded_by
    if one.problem:
        yield "PROBLEM", one.problem
    else:
        yield "verdict", "can be loaded"
