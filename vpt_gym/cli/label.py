"""``vpt-gym label``: turns gameplay videos into demos."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from vpt_gym.cli.options import optional

if TYPE_CHECKING:
    from vpt_gym.agents.idm.agent import IDMAgent


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Labels gameplay videos with an inverse dynamics model and writes each as a demo.

    A video is decoded twice and is never completely in memory. Frames keep their size. If the folder already has a demo
    of one of the videos, nothing is done.
    """

    videos: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO [VIDEO ...]", help_behavior_hint="")
    ]
    """Gameplay videos, 20 frames per second, with nothing drawn over the game."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demos/labelled")
    """Folder of the demos."""
    model: str = "idm-4x"
    """The inverse dynamics model: a .model file, the folder of a saved model (examples/idm.py trains one), or idm-4x.
    OpenAI's idm-4x is downloaded if it is not on this machine (1.9 GB)."""
    weights: Annotated[Path | None, optional("FILE", "none")] = None
    """The .weights file that belongs to a .model file."""
    resample: bool = False
    """Take 20 frames per second, by the time stamps, from videos that are faster or uneven. Without this option, such
    videos are an error."""
    device: str = "cpu"
    """Device of the model, for example cuda."""


def run(args: Args) -> int:
    """Labels all videos; returns the exit status."""
    from vpt_gym.agents.checkpoints.errors import DownloadError
    from vpt_gym.agents.idm.agent import IDMAgent
    from vpt_gym.demos import DemoWriteError

    try:
        _check(args)
        agent = IDMAgent.from_pretrained(args.model, args.weights, device=args.device)
        for number, video in enumerate(args.videos, start=1):
            print(f"{video} ({number} of {len(args.videos)})", flush=True)
            print(f"  {_label(agent, video, args)}")
    except (ValueError, TypeError, FloatingPointError, FileNotFoundError, DownloadError, DemoWriteError) as error:
        print(f"vpt-gym label: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("vpt-gym label: stopped; finished demos stay", file=sys.stderr)
        return 130
    return 0


def _check(args: Args) -> None:
    """Checks all videos and the folder before any video is labelled."""
    from vpt_gym.agents.idm.gameplay_video import read_ticks

    if not args.videos:
        raise ValueError("name at least one video")
    names = [video.name for video in args.videos]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"a video is named twice: {', '.join(sorted(twice))}")
    there = _sources(args.out)
    for video in args.videos:
        read_ticks(video, resample=args.resample)
        if (demo := there.get(video.name)) is not None:
            raise ValueError(
                f"{demo} is already a demo of a video named {video.name}, and demos are not overwritten: delete that "
                "demo, or choose another folder with -o"
            )


def _sources(folder: Path) -> dict[str, Path]:
    """Returns the demos in a folder that were made from videos, by the names of the videos."""
    from vpt_gym.demos.files.names import DemoError, list_metadata, read_metadata

    found = {}
    for path in list_metadata(folder):
        try:
            source = read_metadata(path).get("source")
        except DemoError:  # a damaged demo, which `vpt-gym demos check` reports
            continue
        if isinstance(source, dict) and isinstance(source.get("name"), str):
            found[source["name"]] = path
    return found


def _label(agent: IDMAgent, video: Path, args: Args) -> str:
    """Writes the demo of one video; returns one line about it."""
    from vpt_gym.agents.idm.gameplay_video import read_ticks, read_video_info
    from vpt_gym.demos import DemoWriter

    info = read_video_info(video)
    actions = agent.label(video, resample=args.resample, progress=sys.stderr.isatty())
    metadata = {
        "labelled_by": {
            "kind": "inverse dynamics model",
            "model": args.model,
            "weights": None if args.weights is None else str(args.weights),
            "config": json.loads(agent.model.config.to_json()),
        },
        "source": {"name": video.name, "frames_per_second": info.rate, "resampled": not info.at_tick_rate},
    }
    writer = DemoWriter(args.out, metadata=metadata)
    ticks = len(actions["camera"])
    try:
        for frame in read_ticks(video, resample=args.resample):  # the frames that were labelled
            if writer.ticks < ticks:
                writer.append(frame, _tick(actions, writer.ticks))
            else:
                raise ValueError(f"{video} grew while it was labelled; label it when it is finished")
    except BaseException:
        writer.abort()
        raise
    return f"{ticks:,} ticks: {writer.close()}"


def _tick(actions: dict[str, Any], tick: int) -> dict[str, Any]:
    return {name: value[tick] if name == "camera" else int(value[tick]) for name, value in actions.items()}
