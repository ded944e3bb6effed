"""``vpt-gym report``: compares runs in one HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE, failed
from vpt_gym.system.plural import counted


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Compares runs in one HTML page: results, curves, pictures, videos, and the arguments that differ.

    The page is a single file that loads nothing from the network. Runs may be unfinished or damaged: the page says
    what is missing.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")]
    """Directories of runs, for example runs/bc/*."""
    out: Annotated[Path, tyro.conf.arg(aliases=("-o",))] = Path("report.html")
    """File to write. An earlier report is replaced."""
    media_mb: float = 20.0
    """Megabytes of pictures and videos to embed for each run. Larger ones are linked."""
    browser: bool = False
    """Also open the page in the browser of this machine."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Writes the page; returns the exit status."""
    from vpt_gym.report.document import write_report
    from vpt_gym.report.record import read_runs

    try:
        runs = read_runs(args.runs)
        write_report(runs, args.out, media_bytes=int(args.media_mb * 1e6))
    except (ValueError, OSError) as error:
        return failed("report", error)
    output = Output(args.quiet, args.json)
    for record in runs:
        for note in record.notes:
            output.remark(f"{record.label}: {note}")
    size = args.out.stat().st_size
    output.result(
        f"{args.out}  {counted(len(runs), 'run')}, {counted(size, 'byte')}",
        {"file": str(args.out), "bytes": size, "runs": {record.label: list(record.notes) for record in runs}},
    )
    if args.browser:
        import webbrowser

        webbrowser.open(args.out.resolve().as_uri())
    return DONE
