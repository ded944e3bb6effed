"""``vpt-gym demos export`` and ``import``: Minari datasets, and npz files of MineDojo's actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from vpt_gym.demos.demo import Demo
    from vpt_gym.demos.exchange.exporting import ExportResult

_MINARI = "minari:"
_ABOUT = ("author", "author_email", "algorithm_name", "code_permalink", "description")
_FOR_MINARI = ("id", "actions", "jpeg", *_ABOUT)
_FOR_NPZ = ("out", "cam_interval", "layout", "compress")


@dataclass
class Export:
    """Writes the whole demos of a directory as a Minari dataset, or as npz files of MineDojo's actions.

    Recordings that are not finished, damaged demos and rejected ones are left out, and counted.
    """

    directory: Annotated[Path, tyro.conf.Positional]
    """Directory of demos; contractor recordings too."""
    to: Literal["minari", "npz"]
    """minari: one dataset in Minari's own directory. npz: one file an episode, with what MineDojo's users have."""
    id: str | None = None
    """minari: the dataset's id, such as vpt/harvest-1-log-v0."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """npz: directory of the files."""
    size: tuple[int, int] | None = None
    """Height and width that frames are scaled to (128 128 is what VPT takes); default: as they were recorded."""
    successes_only: bool = False
    """Leave out the demos of which it is not known that they succeeded."""
    overwrite: bool = False
    """Replace what is there already."""
    actions: Literal["human", "factored", "codes"] = "human"
    """minari: 23 keys and exact degrees; VPT's 20 keys and 11 camera bins; or VPT's codes."""
    jpeg: bool = False
    """minari: store the frames as JPEG, with loss, in about a tenth of the space."""
    author: str | None = None
    """minari: who made the dataset."""
    author_email: str | None = None
    """minari: where to reach them."""
    algorithm_name: str | None = None
    """minari: what played, for example "human" or "scripted expert"."""
    code_permalink: str | None = None
    """minari: address of the code that made it."""
    description: str | None = None
    """minari: what the dataset is."""
    cam_interval: float = 15.0
    """npz: degrees per camera bin; MineDojo's default is 15, and 0.15 loses next to nothing."""
    layout: Literal["chw", "hwc"] = "chw"
    """npz: order of the axes of a frame; MineDojo's is chw."""
    compress: bool = False
    """npz: compress the files."""


@dataclass
class Import:
    """Writes Minari datasets, or npz files of MineDojo's actions, as demos.

    The episodes of a dataset, and npz files that are named together, appear together, or not at all. Other demos of
    the directory are not touched.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """minari:ID of a dataset that is on this machine, or npz files."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Directory of the demos; it may hold others."""
    overwrite: bool = False
    """Replace the demos that came from these sources before."""
    frames_key: str | None = None
    """Key of the RGB frame in the observation, or name of the frames in the file; default: the usual ones."""
    layout: Literal["chw", "hwc"] | None = None
    """Order of the axes of a frame, where its shape leaves a doubt."""
    cam_interval: float | None = None
    """Degrees per camera bin of MineDojo's actions, where the source does not say it; MineDojo's default is 15."""
    drop_unsupported: bool = False
    """Leave out what no key of a keyboard says (MineDojo's craft, place, destroy, equip from outside the hotbar), and
    count it. Without it, such an action is an error."""
    crf: int = 18
    """Quality of the videos, x264's constant rate factor: lower is closer to the frames, and larger."""
    lossless: bool = False
    """Keep every pixel as it is, in larger videos."""


def run_export(args: Export) -> int:
    """Writes the demos elsewhere, and says what was written and what was not; returns the exit status."""
    others = _FOR_NPZ if args.to == "minari" else _FOR_MINARI
    wrong = [name for name in others if getattr(args, name) != getattr(Export, name)]
    if wrong:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
        raise ValueError(f"{options} says nothing for --to {args.to}; leave it out")
    keep: Callable[[Demo], bool] | None = (lambda demo: demo.success is True) if args.successes_only else None
    done = _to_minari(args, keep) if args.to == "minari" else _to_npz(args, keep)
    print(f"{done.episodes:,} episodes, {done.ticks:,} ticks: {done.target}")
    if done.left_out:
        print(f"left out: {done.left_out}")
    for demo_id, problem in done.left_out.damaged:
        print(f"  {demo_id}: {problem}")
    for note in done.notes:
        print(f"note: {note}")
    return 0


def run_import(args: Import) -> int:
    """Writes the sources as demos, and says what was written; returns the exit status."""
    from vpt_gym.demos.exchange.minari import import_minari
    from vpt_gym.demos.exchange.npz import import_npz

    if not args.sources:
        raise ValueError("name what to import: minari:ID, or npz files")
    how: dict[str, Any] = {
        "frames_key": args.frames_key,
        "layout": None if args.layout is None else args.layout.upper(),
        "cam_interval": args.cam_interval,
        "drop_unsupported": args.drop_unsupported,
        "crf": args.crf,
        "lossless": args.lossless,
        "overwrite": args.overwrite,
    }
    datasets = [source.removeprefix(_MINARI) for source in args.sources if source.startswith(_MINARI)]
    files = [source for source in args.sources if not source.startswith(_MINARI)]
    done = [import_minari(dataset_id, args.out, **how) for dataset_id in datasets]
    if files:
        done.append(import_npz(files, args.out, **how))
    episodes, ticks = sum(len(part.demos) for part in done), sum(part.ticks for part in done)
    print(f"{episodes:,} episodes, {ticks:,} ticks: {args.out}")
    dropped = sum(part.dropped for part in done)
    if dropped:
        print(f"left out: the craft, place, destroy or equip of {dropped:,} ticks")
    return 0


def _to_minari(args: Export, keep: Callable[[Demo], bool] | None) -> ExportResult:
    from vpt_gym.demos.exchange.minari import export_minari

    if args.id is None:
        raise ValueError("a Minari dataset needs an id: --id vpt/harvest-1-log-v0, say")
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


def _to_npz(args: Export, keep: Callable[[Demo], bool] | None) -> ExportResult:
    from vpt_gym.demos.exchange.npz import export_npz

    if args.out is None:
        raise ValueError("say where the npz files go: --out DIRECTORY")
    done = export_npz(
        args.directory,
        args.out,
        cam_interval=args.cam_interval,
        size=args.size,
        layout="HWC" if args.layout == "hwc" else "CHW",
        compress=args.compress,
        keep=keep,
        overwrite=args.overwrite,
    )
    print(done.loss)
    return done
