"""``vpt-gym demos fetch``: downloads OpenAI's contractor recordings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, INTERRUPTED, NOT_DONE
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.demos.exchange.contractor_fetch import FetchResult, Watch

_LISTED = 10


@dataclass
class Fetch:
    """Downloads the contractor recordings that an index file of OpenAI names.

    Each becomes OUT/<path>.mp4 and OUT/<path>.jsonl when both are complete. The same command again continues where it
    stopped. Exit status 0 if all are complete, 1 if the server lacks some or some failed.
    """

    index: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="INDEX", help_behavior_hint="")]
    """Index file, or its http(s) address: {"basedir": ADDRESS, "relpaths": [PATH, ...]}."""
    out: Annotated[Path, tyro.conf.Positional]
    """Directory for the recordings. A complete index of OpenAI takes 0.8 to 3.8 TB."""
    versions: Annotated[tuple[str, ...], tyro.conf.arg(metavar="[VERSION ...]", help_behavior_hint="")] = ()
    """Only recordings of these recorder versions: 6.9, or 6 for all of 6.x."""
    limit: Annotated[int | None, optional("N", "all")] = None
    """At most so many recordings, of up to five minutes each. Rejected ones do not count: others take their place."""
    seed: Annotated[int | None, optional("SEED", "the first of the index")] = None
    """Take a random sample of --limit recordings."""
    actions: Annotated[tuple[str, ...], tyro.conf.arg(metavar="[BUTTON ...]", help_behavior_hint="")] = ()
    """Of these, only recordings in which each of these buttons is pressed, such as attack. Others' videos are not
    downloaded."""
    max_menu: Annotated[float | None, optional("SHARE", "any")] = None
    """Of these, only recordings in which a menu is open in at most this share of the ticks, 0 to 1."""
    workers: int = 4
    """Recordings that are downloaded at once, 1 to 32."""
    quiet: Quiet = False
    json: Json = False


def run_fetch(args: Fetch) -> int:
    """Downloads the recordings, and prints what is complete and what is not; returns the exit status."""
    from vpt_gym.demos.exchange.contractor_fetch import fetch_contractor

    try:
        with nullcontext() if args.quiet else _progress() as watch:
            done = fetch_contractor(
                args.index,
                args.out,
                versions=args.versions,
                limit=args.limit,
                seed=args.seed,
                actions=args.actions,
                max_menu=args.max_menu,
                workers=args.workers,
                watch=watch,
            )
    except KeyboardInterrupt:
        print_text("vpt-gym demos: stopped; run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    Output(args.quiet, args.json).result(_in_words(done), done.as_json())
    return DONE if done.complete + done.filtered == done.segments else NOT_DONE


def _in_words(done: FetchResult) -> str:
    wanted = counted(done.segments, "recording is", many="recordings are")
    received = f"{done.received / 1e6:,.1f} MB received"
    lines = [f"{done.complete:,} of {wanted} complete, {done.new:,} of them new ({received})"]
    lines += [f"  {folder}: {count:,}" for folder, count in done.folders.items()]
    if done.filtered:
        lines.append(f"not wanted, by their actions or menus: {done.filtered:,}")
    if done.rejected:
        lines.append(f"rejected, and not downloaded again: {done.rejected:,}")
    for what, problems in (("not on the server", done.missing), ("failed", done.failed)):
        if problems:
            lines.append(f"{what}: {len(problems):,}")
        lines += [f"  {path}: {problem}" for path, problem in problems[:_LISTED]]
        if len(problems) > _LISTED:
            lines.append(f"  and {len(problems) - _LISTED:,} more; --json lists all")
    if done.untried:
        lines.append(f"not tried, since several in a row had failed: {done.untried:,}")
    if done.failed or done.untried:
        lines.append("run the same command again to continue")
    return "\n".join(lines)


@contextmanager
def _progress() -> Iterator[Watch | None]:
    """Shows a progress bar on stderr if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("", total=None)

        def watch(done: int, total: int, received: int) -> None:
            bars.update(task, completed=done, total=total, description=f"{received / 1e6:,.1f} MB")

        yield watch
