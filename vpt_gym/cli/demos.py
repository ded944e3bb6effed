"""``vpt-gym demos``: checks, repairs, counts and replays demos, exports, imports and downloads them."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from vpt_gym.cli.demos_exchange import Export, Import, run_export, run_import
from vpt_gym.cli.demos_fetch import Fetch, run_fetch
from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, NOT_DONE, failed
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.demos.library.stats import DemoStats


@dataclass
class Check:
    """Lists the damaged demos of a directory, with a remedy for each. Exit status 1 if there are any.

    Folders in it are not checked, but named.
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Directory of demos or contractor recordings."""
    quick: bool = False
    """Do not decode the videos; damage inside them is then not found."""
    quiet: Quiet = False
    json: Json = False


@dataclass
class Repair:
    """Repairs demos that a crash left incomplete, and cuts each demo to the ticks that its video and records share.

    Running recordings are not touched, and no video is encoded again. Exit status 1 if damage remains.
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Directory of demos or contractor recordings."""
    quiet: Quiet = False
    json: Json = False


@dataclass
class Stats:
    """Counts episodes, ticks, null ticks, buttons, camera movement and what VPT's bins lose of it, and successes."""

    directory: Annotated[Path, tyro.conf.Positional]
    """Directory of demos or contractor recordings."""
    picture: Annotated[Path | None, optional("FILE", "none")] = None
    """PNG file to draw the counts into; needs matplotlib."""
    quiet: Quiet = False
    json: Json = False
    compat: Annotated[Literal["openai"] | None, optional("openai", "none")] = None
    """openai: count the actions as the loader of openai/Video-Pre-Training reads them, with its faults."""
    recorder_version: Annotated[str | None, optional("VERSION", "the directory's name, if it is a version")] = None
    """Version of the contractors' recorder, such as 6.9."""


@dataclass
class Replay:
    """Plays a demo's episode again: same env, seed and actions; compares frames, records and the end.

    Exit status 0 if all are equal, 1 if something differs, 2 if the demo cannot be played again.
    """

    demo: Annotated[Path, tyro.conf.Positional]
    """One of the demo's files, or their common stem."""
    env: Annotated[str | None, optional("ID", "the demo's")] = None
    """Gymnasium id of its env, or module:id for an env that a module registers. A module may be in this folder."""
    env_key: Annotated[str | None, optional("KEY", "as recorded", aliases=("--key",))] = None
    """Key of the frame in the observation, such as view, or obs.image where dictionaries are nested."""
    tolerance: float = 0.0
    """Mean difference of two frames, in grey levels of 255, up to which they count as equal."""
    quiet: Quiet = False
    json: Json = False


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes)
@dataclass
class Args:
    """Checks, repairs, counts and replays demos, exchanges them with other formats, and downloads OpenAI's."""

    action: (
        Annotated[Check, tyro.conf.subcommand("check")]
        | Annotated[Repair, tyro.conf.subcommand("repair")]
        | Annotated[Stats, tyro.conf.subcommand("stats")]
        | Annotated[Replay, tyro.conf.subcommand("replay")]
        | Annotated[Export, tyro.conf.subcommand("export")]
        | Annotated[Import, tyro.conf.subcommand("import")]
        | Annotated[Fetch, tyro.conf.subcommand("fetch")]
    )


def run(args: Args) -> int:
    """Runs the action; returns the exit status: 1 for a finding, such as damage, 2 if it fails or finds no demo."""
    from gymnasium.error import DependencyNotInstalled

    from vpt_gym.system.transfer import DownloadError

    try:
        match args.action:
            case Check():
                return _check(args.action)
            case Repair():
                return _repair(args.action)
            case Replay():
                return _replay(args.action)
            case Export():
                return run_export(args.action)
            case Import():
                return run_import(args.action)
            case Fetch():
                return run_fetch(args.action)
            case Stats():
                return _stats(args.action)
    except (ValueError, OSError, DownloadError, DependencyNotInstalled) as error:
        return failed("demos", error, checks=True)


def _report_found(directory: Path, *, quiet: bool, count: bool = True) -> None:
    """Prints to stderr, if not quiet, how many demos a directory has, and where others lie.

    Raises:
        FileNotFoundError: There is no such directory.
        ValueError: It has no demo.
    """
    from vpt_gym.demos.files.folders import below_in_words, demos_below
    from vpt_gym.demos.files.names import existing_directory, find_demos

    found = len(find_demos(existing_directory(directory)))
    below = below_in_words(demos_below(directory))
    if not found:
        remedy = f"{below}; name one of these folders" if below else "record some with `vpt-gym record`"
        raise ValueError(f"{directory} has no demo; {remedy}")
    if count and not quiet:
        print_text(f"{counted(found, 'demo')} in {directory}", file=sys.stderr)
    if below and not quiet:
        print_text(below, file=sys.stderr)


def _check(args: Check) -> int:
    from vpt_gym.demos.library.checks import check

    _report_found(args.directory, quiet=args.quiet)
    problems = check(args.directory, decode=not args.quick)
    lines = [
        f"{problem.id}\n  {problem.problem}\n  remedy: {problem.remedy.replace('DIR', str(args.directory))}"
        for problem in problems
    ]
    repairable = sum(problem.repairable for problem in problems)
    damaged = f"{len(problems)} damaged, of them {repairable} can be repaired"
    lines.append(damaged if problems else "all demos are complete")
    Output(args.quiet, args.json).result("\n".join(lines), [vars(problem) for problem in problems])
    return NOT_DONE if problems else DONE


def _repair(args: Repair) -> int:
    from vpt_gym.demos.library.checks import check, repair

    _report_found(args.directory, quiet=args.quiet)
    output, repaired = Output(args.quiet, args.json), repair(args.directory)
    if not args.json:  # now: the check reads every demo
        for done in repaired:
            print_text(done, flush=True)
    left = check(args.directory)
    lines = [f"not repaired: {problem}" for problem in left]
    still = counted(len(left), "demo is", many="demos are")
    lines.append(f"{still} still damaged" if left else "all demos are complete")
    output.result(
        "\n".join(lines), {"repaired": [vars(done) for done in repaired], "damaged": [vars(one) for one in left]}
    )
    return NOT_DONE if left else DONE


def _stats(args: Stats) -> int:
    from vpt_gym.demos.library.stats import read_stats
    from vpt_gym.system.output_file import check_output_file

    if args.picture is not None:  # now: reading the demos may take minutes
        check_output_file(args.picture)
    _report_found(args.directory, quiet=args.quiet, count=False)
    stats = read_stats(args.directory, compat=args.compat, recorder_version=args.recorder_version)
    if args.picture is not None:
        from vpt_gym.demos.library.stats_picture import draw_stats

        draw_stats(stats, args.picture, title=args.directory.name)
    if args.json:
        print_text(json.dumps(stats.as_json(), indent=1))
    else:
        _print(stats)
        if args.picture is not None:
            print_text(f"\npicture: {args.picture}")
    return DONE


def _replay(args: Replay) -> int:
    from vpt_gym.collect.replay import replay

    result = replay(args.demo, env=args.env, key=args.env_key, tolerance=args.tolerance)
    print_text(json.dumps(result.as_json(), indent=1) if args.json else str(result))
    return DONE if result.equal else NOT_DONE


def _print(stats: DemoStats) -> None:
    from vpt_gym.actions.camera import BIN_DEGREES

    if not stats.ticks:
        print_text("no complete demo")
    else:
        lengths = sorted(stats.lengths)
        middle = f"{statistics.median(lengths):,.1f}".removesuffix(".0")
        spread = f"{lengths[0]:,} to {counted(lengths[-1], 'tick')}, median {middle}"
        each = counted(lengths[0], "tick") if lengths[0] == lengths[-1] else spread
        unknown = stats.episodes - stats.successes - stats.failures
        rate = "unknown" if stats.success_rate is None else f"{100 * stats.success_rate:.1f} %"
        moving = max(stats.moving_ticks, 1)
        pitch, yaw = (100 * share for share in stats.camera_lost)
        rows = {
            "episodes": f"{stats.episodes:,} of {each}",
            "ticks": f"{stats.ticks:,}, {stats.minutes:.1f} minutes",
            "success rate": f"{rate} ({stats.successes} yes, {stats.failures} no, {unknown} unknown)",
            "null ticks": _percent(stats.null_ticks, stats.ticks),
            "buttons without a VPT code": f"{_percent(stats.unexpressed_ticks, stats.ticks)} of ticks",
            "camera moves": f"{_percent(stats.moving_ticks, stats.ticks)} of ticks",
            "  of these, coded as no motion": _percent(stats.zeroed_ticks, moving),
            "  of these, above 10 degrees": _percent(stats.clipped_ticks, moving),
            "  movement lost in VPT's bins": f"pitch {pitch:.1f} %, yaw {yaw:.1f} %",
        }
        for name, value in rows.items():
            print_text(f"{name:<32}{value}")
        print_text("\nbutton        % of ticks")
        for name, count in sorted(stats.held.items(), key=lambda item: -item[1]):
            if count:
                print_text(f"{name:<12}{100 * count / stats.ticks:>12.2f}")
        print_text("\ncamera: % of ticks by bin\ndegrees   " + "".join(f"{degrees:>8.2f}" for degrees in BIN_DEGREES))
        for name, axis in (("pitch", 1), ("yaw", 0)):
            print_text(f"{name:<10}" + "".join(f"{100 * n / stats.ticks:>8.2f}" for n in stats.camera.sum(axis=axis)))
    if stats.damaged:
        remedies = "`vpt-gym demos check DIR` lists the remedies"
        damaged = counted(len(stats.damaged), "damaged demo is", many="damaged demos are")
        print_text(f"\n{damaged} not counted; {remedies}")


def _percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %"
