"""``vpt-gym download``: downloads published checkpoints."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, INTERRUPTED, failed
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Downloads checkpoints that OpenAI published with VPT, and STEVE-1. Without a name, lists them.

    An interrupted transfer is resumed, by this command or the next. Sizes are always checked, and hashes if they are
    known. Complete files are only verified. Afterwards VPTAgent.from_pretrained(NAME) needs no network.
    """

    names: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]", help_behavior_hint="")
    ] = ()
    """Names of checkpoints, such as foundation-1x."""
    to: Annotated[
        str | None, optional("DIR", "$VPT_GYM_CACHE, else $XDG_CACHE_HOME/vpt-gym, else ~/.cache/vpt-gym")
    ] = None
    """Folder for the files."""
    mirror: Annotated[str | None, optional("URL", "$VPT_GYM_MIRROR, else OpenAI's server")] = None
    """Address of a folder with the files, instead of OpenAI's server."""
    offline: bool = False
    """Use no network; only verify the files on this machine."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Downloads or lists checkpoints; returns the exit status."""
    from vpt_gym.agents.checkpoints.errors import DownloadError
    from vpt_gym.agents.checkpoints.sources.download import download
    from vpt_gym.agents.checkpoints.sources.published import find_published, suggestion

    output = Output(args.quiet, args.json)
    if not args.names:
        _list(output)
        return DONE
    for name in args.names:
        if find_published(name) is None:
            unknown = f"no published checkpoint is called {name!r}; {suggestion(name)}"
            return failed("download", FileNotFoundError(unknown))
    downloaded: list[dict[str, Any]] = []
    for name in args.names:
        try:
            files = download(
                name, to=args.to, mirror=args.mirror, offline=args.offline, verify=True, show=not args.quiet
            )
        except (ValueError, DownloadError) as error:
            return failed("download", error)
        except KeyboardInterrupt:
            print_text("vpt-gym download: stopped; run the same command again to continue", file=sys.stderr)
            return INTERRUPTED
        for file in filter(None, files):
            size = file.stat().st_size
            downloaded.append({"name": name, "file": str(file), "bytes": size})
            if not args.json:  # now: the next one may take an hour
                print_text(f"{file}  {counted(size, 'byte')}", flush=True)
    for terms in dict.fromkeys(checkpoint.terms for name in args.names if (checkpoint := find_published(name))):
        output.remark(terms)
    if args.json:
        output.result("", downloaded)
    return DONE


def _list(output: Output) -> None:
    from rich.console import Console
    from rich.table import Table

    from vpt_gym.agents.checkpoints.sources.bundled import NAMES
    from vpt_gym.agents.checkpoints.sources.download import cache_folder
    from vpt_gym.agents.checkpoints.sources.published import LICENCE, PUBLISHED, STEVE_1

    folder = cache_folder()
    found: list[dict[str, Any]] = [
        {
            "name": checkpoint.name,
            "bytes": checkpoint.weights.size or None,
            "parameters": checkpoint.parameters,
            "here": all(os.path.isfile(folder / file.name) for file in checkpoint.files),
            "description": checkpoint.about,
        }
        for checkpoint in (*PUBLISHED.values(), STEVE_1)
    ]
    if output.json:
        output.result("", found)
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    table = Table(box=None, pad_edge=False)
    for column in ("name", "MB", "here", "description"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for row in found:
        size = f"{row['bytes'] / 1e6:,.0f}" if row["bytes"] else f"~{row['parameters'] * 4 / 1e6:,.0f}"
        table.add_row(row["name"], size, "yes" if row["here"] else "", row["description"])
    console.print(table)
    if not output.quiet:
        console.print(f"\n{' and '.join(NAMES)} come with this package.")
        console.print(f"Licence: {LICENCE}; of steve1 none is stated. Files are in {folder}", soft_wrap=True)
