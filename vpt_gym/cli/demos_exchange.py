"""``vpt-gym demos export`` and ``import``: datasets of Minari and LeRobot, and npz files of MineDojo's actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output
from vpt_gym.cli.status import DONE
from vpt_gym.system.command_line import optional
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.demos.demo import Demo
    from vpt_gym.demos.exchange.exporting import ExportResult

_MINARI, _LEROBOT = "minari:", "lerobot:"
_ABOUT = ("author", "author_email", "algorithm_name", "code_permalink", "description")
_OPTIONS = {
    "minari": ("id", "actions", "jpeg", *_ABOUT),
    "lerobot": ("out", "actions", "task", "crf"),
    "npz": ("out", "cam_interval", "layout", "compress"),
}
"""The options that have a meaning for only some formats."""


@dataclass
class Export:
    """Writes the complete demos of a directory as a Minari or LeRobot dataset, or as npz files of MineDojo's actions.

    Unfinished recordings, damaged demos and rejected demos are skipped and counted.
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Directory of demos or contractor recordings."""
    to: Literal["minari", "lerobot", "npz"]
    """minari: one dataset in Minari's own directory. lerobot: one dataset of LeRobot's format v3.0. npz: one file per
    episode, with MineDojo's actions."""
    id: Annotated[str | None, optional("ID", "none")] = None
    """minari: id of the dataset, such as vpt/harvest-1-log-v0; required."""
    out: Annotated[Path | None, optional("DIR", "none", aliases=("-o",))] = None
    """lerobot, npz: directory of the dataset or of the files; required."""
    size: Annotated[tuple[int, int] | None, optional("HEIGHT WIDTH", "as recorded")] = None
    """Size that frames are scaled to; 128 128 is what VPT takes."""
    successes_only: bool = False
    """Skip demos that are not known to have succeeded."""
    overwrite: bool = False
    """Replace an existing dataset or existing files."""
    actions: Literal["human", "factored", "codes"] = "human"
    """minari, lerobot: human: 23 keys and exact degrees. factored: VPT's 20 keys and 11 camera bins. codes: VPT's."""
    jpeg: bool = False
    """minari: store the frames as JPEG: lossy, a tenth of the space."""
    author: Annotated[str | None, optional("NAME", "none")] = None
    """minari: author of the dataset."""
    author_email: Annotated[str | None, optional("ADDRESS", "none")] = None
    """minari: e-mail address of the author."""
    algorithm_name: Annotated[str | None, optional("NAME", "none")] = None
    """minari: player of the demos, for example "human" or "scripted expert"."""
    code_permalink: Annotated[str | None, optional("URL", "none")] = None
    """minari: address of the code that made the dataset."""
    description: Annotated[str | None, optional("TEXT", "none")] = None
    """minari: description of the dataset."""
    task: Annotated[str | None, optional("TEXT", "the demo's task or environment")] = None
    """lerobot: what the demos do, in words."""
    crf: int = 18
    """lerobot: constant rate factor of x264: a lower value gives better and larger videos."""
    cam_interval: float = 15.0
    """npz: degrees per camera bin; MineDojo's default is 15, and 0.15 loses almost nothing."""
    layout: Literal["chw", "hwc"] = "chw"
    """npz: order of the axes of a frame; MineDojo's is chw."""
    compress: bool = False
    """npz: compress the files."""
    quiet: Quiet = False
    json: Json = False


@dataclass
class Import:
    """Writes datasets of Minari or LeRobot, or npz files of MineDojo's actions, as demos.

    If one episode of a dataset fails, or one of the named npz files, none of them is written. Other demos in the
    directory are not touched.
    """

    sources: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE [SOURCE ...]", help_behavior_hint="")
    ]
    """minari:ID of a dataset on this machine, lerobot:DIRECTORY (or DIRECTORY) of one, or npz files."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Directory of the demos; it may hold other demos."""
    overwrite: bool = False
    """Replace demos that were imported from the same sources before."""
    frames_key: Annotated[str | None, optional("KEY", "the usual names")] = None
    """Key of the RGB frame in the observation, name of LeRobot's video, or name of the frames in the file."""
    layout: Annotated[Literal["chw", "hwc"] | None, optional("chw|hwc", "from the shape")] = None
    """Order of the axes of a frame, for a shape that fits both."""
    cam_interval: Annotated[float | None, optional("DEGREES", "from the source")] = None
    """Degrees per camera bin of MineDojo's actions, for a source that does not state it; MineDojo's default is 15."""
    drop_unsupported: bool = False
    """Skip and count actions that have no key: MineDojo's craft, place, destroy, and equip from outside the hotbar.
    Without this option, such an action is an error."""
    crf: int = 18
    """Constant rate factor of x264: a lower value gives better and larger videos."""
    lossless: bool = False
    """Keep every pixel unchanged; the videos are larger."""
    quiet: Quiet = False
    json: Json = False


def run_export(args: Export) -> int:
    """Writes the demos in another format, and prints what was written and skipped; returns the exit status."""
    from vpt_gym.demos.exchange.npz import NpzExportResult

    others = dict.fromkeys(name for options in _OPTIONS.values() for name in options if name not in _OPTIONS[args.to])
    wrong = [name for name in others if getattr(args, name) != getattr(Export, name)]
    if wrong:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
        raise ValueError(f"{options} has no meaning with --to {args.to}; remove it")
    keep: Callable[[Demo], bool] | None = (lambda demo: demo.success is True) if args.successes_only else None
    done = {"minari": _to_minari, "lerobot": _to_lerobot, "npz": _to_npz}[args.to](args, keep)
    output = Output(args.quiet, args.json)
    lost = str(done.loss) if isinstance(done, NpzExportResult) else None
    if lost is not None:
        output.remark(lost)
    output.result(
        f"{counted(done.episodes, 'episode')}, {counted(done.ticks, 'tick')}: {done.target}",
        {
            "target": str(done.target),
            "episodes": done.episodes,
            "ticks": done.ticks,
            "left_out": asdict(done.left_out),
            "notes": [*done.notes, *([] if lost is None else [lost])],
        },
    )
    if done.left_out:
        output.remark(f"left out: {done.left_out}")
    for demo_id, problem in done.left_out.damaged:
        output.remark(f"  {demo_id}: {problem}")
    for note in done.notes:
        output.remark(f"note: {note}")
    return DONE


def run_import(args: Import) -> int:
    """Writes the sources as demos, and prints what was written; returns the exit status."""
    from vpt_gym.demos.exchange.lerobot import import_lerobot
    from vpt_gym.demos.exchange.lerobot_layout import INFO
    from vpt_gym.demos.exchange.minari import import_minari
    from vpt_gym.demos.exchange.npz import import_npz

    if not args.sources:
        raise ValueError("name what to import: minari:ID, lerobot:DIRECTORY, or npz files")
    video: dict[str, Any] = {
        "frames_key": args.frames_key,
        "crf": args.crf,
        "lossless": args.lossless,
        "overwrite": args.overwrite,
    }
    actions: dict[str, Any] = {
        "layout": None if args.layout is None else args.layout.upper(),
        "cam_interval": args.cam_interval,
        "drop_unsupported": args.drop_unsupported,
    }
    datasets = [source for source in args.sources if source.startswith(_LEROBOT) or (Path(source) / INFO).is_file()]
    files = [source for source in args.sources if source not in datasets and not source.startswith(_MINARI)]
    if datasets:
        wrong = [name for name, value in actions.items() if value != getattr(Import, name)]
        if wrong:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
            raise ValueError(f"{options} has no meaning for a LeRobot dataset; remove it")
    done = []
    for source in args.sources:
        if source.startswith(_MINARI):
            done.append(import_minari(source.removeprefix(_MINARI), args.out, **video, **actions))
        elif source in datasets:
            done.append(import_lerobot(source.removeprefix(_LEROBOT), args.out, **video))
    if files:
        done.append(import_npz(files, args.out, **video, **actions))
    episodes, ticks = sum(len(part.demos) for part in done), sum(part.ticks for part in done)
    dropped = sum(part.dropped for part in done)
    output = Output(args.quiet, args.json)
    output.result(
        f"{counted(episodes, 'episode')}, {counted(ticks, 'tick')}: {args.out}",
        {
            "directory": str(args.out),
            "demos": [str(path) for part in done for path in part.demos],
            "ticks": ticks,
            "ticks_with_dropped_actions": dropped,
        },
    )
    if dropped:
        output.remark(f"left out: the craft, place, destroy or equip of {counted(dropped, 'tick')}")
    return DONE


def _to_minari(args: Export, keep: Callable[[Demo], bool] | None) -> ExportResult:
    from vpt_gym.demos.exchange.minari import export_minari

    if args.id is None:
        raise ValueError("a Minari dataset needs an id, for example --id vpt/harvest-1-log-v0")
    about = {name: getattr(args, name) for name in _ABOUT if getattr(args, name) is not None}
    return export_minari(
        args.directory,
        args.id,
        actions=args.actions,
        size=args.size,
        jpeg=args.jpeg,
        keep=keep,
        overwrite=args.overwrite,
        **about,
    )


def _to_lerobot(args: Export, keep: Callable[[Demo], bool] | None) -> ExportResult:
    from vpt_gym.demos.exchange.lerobot import export_lerobot

    if args.out is None:
        raise ValueError("a LeRobot dataset needs a directory: --out DIRECTORY")
    return export_lerobot(
        args.directory,
        args.out,
        actions=args.actions,
        size=args.size,
        task=args.task,
        crf=args.crf,
        keep=keep,
        overwrite=args.overwrite,
    )


def _to_npz(args: Export, keep: Callable[[Demo], bool] | None) -> ExportResult:
    from vpt_gym.demos.exchange.npz import export_npz

    if args.out is None:
        raise ValueError("npz files need a directory: --out DIRECTORY")
    return export_npz(
        args.directory,
        args.out,
        cam_interval=args.cam_interval,
        size=args.size,
        layout="HWC" if args.layout == "hwc" else "CHW",
        compress=args.compress,
        keep=keep,
        overwrite=args.overwrite,
    )
