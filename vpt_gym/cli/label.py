"""``vpt-gym label``: turns gameplay videos into demos."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from vpt_gym.cli.options import Json, Quiet
from vpt_gym.cli.output import Output, print_text
from vpt_gym.cli.status import DONE, INTERRUPTED, NOT_DONE, failed
from vpt_gym.system.command_line import optional
from vpt_gym.system.output_directory import check_not_a_file
from vpt_gym.system.plural import counted

if TYPE_CHECKING:
    from vpt_gym.agents.idm.agent import IDMAgent
    from vpt_gym.collect.labelled_videos import VideoIdentity


VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".webm", ".avi")
"""Endings of the files that are taken from a folder of videos."""


@tyro.conf.configure(tyro.conf.FlagCreatePairsOff)
@dataclass
class Args:
    """Labels gameplay videos with an inverse dynamics model and writes each as a demo.

    A video is decoded twice and is never completely in memory. Frames keep their size. If the folder already has a demo
    of a named video, nothing is done. Of a folder of videos, those without a demo are labelled: run the same command
    again to continue. A video is known by its content, whatever its name is. A directory takes the demos of one model.
    """

    videos: Annotated[
        tuple[Path, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="VIDEO|DIR [VIDEO|DIR ...]", help_behavior_hint=""),
    ]
    """Gameplay videos, 20 frames per second, with nothing drawn over the game, or folders of such videos."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")] = Path("demos/labelled")
    """Directory of the demos."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "idm-4x"
    """The inverse dynamics model: OpenAI's idm-4x, which is downloaded once (1.9 GB); nano-idm, which comes with this
    package, for videos of the embedded world; a .model file; or the folder of a saved model (examples/idm.py trains
    one)."""
    weights: Annotated[Path | None, optional("FILE", "none")] = None
    """The .weights file that belongs to a .model file."""
    resample: bool = False
    """Take 20 frames per second, by the time stamps, from videos that are faster or uneven. Without this option, such
    videos are an error."""
    device: str = "cpu"
    """Device of the model, for example cuda."""
    quiet: Quiet = False
    json: Json = False


def run(args: Args) -> int:
    """Labels all videos; returns the exit status."""
    from vpt_gym.agents.checkpoints.errors import DownloadError
    from vpt_gym.agents.idm.agent import IDMAgent
    from vpt_gym.collect.directory import clear_up, locked
    from vpt_gym.collect.provenance import LABELLED_BY, check_same_recording
    from vpt_gym.demos import DemoWriteError

    output = Output(args.quiet, args.json)
    written: list[dict[str, Any]] = []
    try:
        _to_label(args, check=True)  # an unusable video is reported before a model is downloaded
        agent = IDMAgent.from_pretrained(args.model, args.weights, device=args.device)
        with locked(args.out):
            model = _model_of(agent, args)
            clear_up(args.out, LABELLED_BY, lambda: check_same_recording(args.out, model, key=LABELLED_BY))
            videos, done = _to_label(args, check=False)  # again: another run may have labelled some until now
            if done:
                output.remark(f"{done} of {counted(done + len(videos), 'video')} are demos in {args.out} already")
            for number, (video, identity) in enumerate(videos.items(), start=1):
                output.remark(f"{video} ({number} of {len(videos)})")
                path, ticks = _label(agent, video, identity, args, model)
                output.remark(f"  {counted(ticks, 'tick')}: {path}")
                written.append({"video": str(video), "demo": str(path), "ticks": ticks})
    except BlockingIOError:
        print_text(f"vpt-gym label: another run is writing into {args.out}; wait for it, or choose -o", file=sys.stderr)
        return NOT_DONE
    except (ValueError, TypeError, FloatingPointError, OSError, DownloadError, DemoWriteError) as error:
        return failed("label", error)
    except KeyboardInterrupt:
        print_text("vpt-gym label: stopped; finished demos stay", file=sys.stderr)
        return INTERRUPTED
    total = sum(one["ticks"] for one in written)
    output.result(
        f"{counted(len(written), 'demo')}, {counted(total, 'tick')} in {args.out}",
        {"directory": str(args.out), "demos": written, "ticks": total, "already_demos": done},
    )
    return DONE


def _to_label(args: Args, *, check: bool) -> tuple[dict[Path, VideoIdentity], int]:
    """Returns the videos to label, and the number of those that are demos already.

    A named video that is a demo already is an error. Of a folder, the rest is labelled.

    Args:
        args: The options.
        check: Whether to check that the videos can be labelled, for which each is read once.
    """
    from vpt_gym.agents.idm.gameplay_video import read_ticks
    from vpt_gym.collect.labelled_videos import LabelledVideos, VideoIdentity

    if not args.videos:
        raise ValueError("name at least one video, or a folder of videos")
    check_not_a_file(args.out)
    for folder in {given if os.path.isdir(given) else given.parent for given in args.videos}:
        if folder.resolve() == args.out.resolve():
            raise ValueError(
                f"the videos are in {args.out} themselves, where each would count as a demo beside the one that is "
                "made of it: choose another folder with -o"
            )
    there = LabelledVideos.of(args.out)
    chosen: dict[VideoIdentity, Path] = {}
    done = 0
    for given in args.videos:
        is_folder = os.path.isdir(given)
        for video in _videos_in(given) if is_folder else [given]:
            if check and not is_folder:
                read_ticks(video, resample=args.resample)
            identity = VideoIdentity.of(video)
            demo = there.demo_of(video, identity)
            if is_folder and (demo is not None or identity in chosen):
                done += 1
            elif demo is not None:
                raise ValueError(
                    f"{demo} is already a demo of a video named {video.name}, and demos are neither overwritten nor, "
                    "if they were rejected, made again: delete that demo, or choose another folder with -o"
                )
            elif identity in chosen:
                raise ValueError(f"a video is named twice: {chosen[identity]} and {video}")
            else:
                if check and is_folder:
                    read_ticks(video, resample=args.resample)
                chosen[identity] = video
    return {video: identity for identity, video in chosen.items()}, done


def _videos_in(folder: Path) -> list[Path]:
    videos = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEO_SUFFIXES]
    videos = [path for path in videos if not path.name.startswith(".")]
    if not videos:
        raise ValueError(f"there is no video in {folder}; a video ends in {', '.join(VIDEO_SUFFIXES)}")
    return videos


def _model_of(agent: IDMAgent, args: Args) -> dict[str, Any]:
    """Returns what demos say of the model that labelled them; equal in all demos of a directory."""
    from vpt_gym.collect.identity import weights_digest

    return {
        "kind": "inverse dynamics model",
        "model": args.model,
        "weights": None if args.weights is None else str(args.weights),
        "config": json.loads(agent.model.config.to_json()),
        "weights_digest": weights_digest(agent.model),
    }


def _label(
    agent: IDMAgent, video: Path, identity: VideoIdentity, args: Args, model: dict[str, Any]
) -> tuple[Path, int]:
    """Writes the demo of one video; returns its ``<id>.json`` and its ticks."""
    from vpt_gym.agents.idm.gameplay_video import read_ticks, read_video_info
    from vpt_gym.collect.labelled_videos import SOURCE_KEY
    from vpt_gym.collect.provenance import LABELLED_BY
    from vpt_gym.demos import DemoWriter

    info = read_video_info(video)
    actions = agent.label(video, resample=args.resample, progress=sys.stderr.isatty() and not args.quiet)
    metadata = {
        LABELLED_BY: model,
        SOURCE_KEY: {
            "name": video.name,
            **asdict(identity),
            "frames_per_second": info.rate,
            "resampled": not info.at_tick_rate,
        },
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
    path = writer.close()
    assert path is not None  # it is None for a demo without a tick, and the model refuses such videos
    return path, ticks


def _tick(actions: dict[str, Any], tick: int) -> dict[str, Any]:
    return {name: value[tick] if name == "camera" else int(value[tick]) for name, value in actions.items()}
