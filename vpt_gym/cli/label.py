"""``vpt-gym label``: gameplay videos become demos."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

if TYPE_CHECKING:
    from vpt_gym.agents.idm.agent import IDMAgent


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Labels gameplay videos with an inverse dynamics model, and writes each as a demo to learn from.

    A video is decoded twice and never held in memory. Its frames keep their size. Videos of which the folder already
    has a demo are refused, before any work is done.
    """

    videos: tyro.conf.Positional[tuple[Path, ...]]
    """Video files of gameplay, 20 frames a second, without anything drawn over the game."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("demos/labelled")
    """Folder of the demos."""
    model: str = "idm-4x"
    """The inverse dynamics model: a .model file, a folder of a saved one (examples/idm.py trains one), or idm-4x,
    OpenAI's published one, which is downloaded (1.9 GB) unless it is here."""
    weights: Path | None = None
    """The .weights file that goes with a .model file."""
    resample: bool = False
    """Take 20 frames a second of faster videos. Without it, other frame rates are refused."""
    device: str = "cpu"
    """Where the model runs, for example cuda."""


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
    """Raises an error if a video cannot be labelled, before time is spent on those before it."""
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
                f"{demo} is a demo of a video named {video.name} already, and nothing is overwritten: delete that "
                "demo, or choose another folder with -o"
            )


def _sources(folder: Path) -> dict[str, Path]:
    """Returns the demos of a folder that were made of videos, by the names of these."""
    from vpt_gym.demos.files.names import list_demos, read_metadata

    if not folder.is_dir():
        return {}
    # contractor recordings, which may stand there too, have no metadata
    metadata = {path: read_metadata(path) for path in list_demos(folder) if path.suffix == ".json"}
    return {content["source"]["name"]: path for path, content in metadata.items() if "source" in content}


def _label(agent: IDMAgent, video: Path, args: Args) -> str:
    """Writes the demo of one video; returns what was done, in a line."""
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
        for frame in read_ticks(video, resample=args.resample):  # the same ones that were labelled
            if writer.ticks < ticks:
                writer.append(frame, _tick(actions, writer.ticks))
            else:
                raise ValueError(f"{video} has grown while it was labelled; label it when it is finished")
    except BaseException:
        writer.abort()
        raise
    return f"{ticks:,} ticks: {writer.close()}"


def _tick(actions: dict[str, Any], tick: int) -> dict[str, Any]:
    return {name: value[tick] if name == "camera" else int(value[tick]) for name, value in actions.items()}
