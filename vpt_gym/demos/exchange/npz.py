"""Exporting demos to ``.npz`` files, one per episode, with MineDojo's frames and actions, and importing them.

======================  ===================================================================================
``rgb``                 uint8 (T, 3, H, W), as ``obs["rgb"]``; frame t was seen before action t
``action``              int64 (T, 8), of ``MultiDiscrete([3, 3, 4, P, Y, 8, 244, 36])``
``reward``              float64 (T,)
``cam_interval``        float64 (), degrees per camera bin; 15 unless the environment uses another
``executed_action``     int64 (T, 8), if the executed actions differ from the labels
``intervention``        bool (T,), true where a person took over from an agent, if anywhere
``state``               bytes (T,), a JSON object for each tick, what the records say about the game before the action
                        (menu, position, inventory, cursor), if anything
``metadata``            str (), JSON: seed, success, environment, task
======================  ===================================================================================
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.actions.human import HumanAction
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.action_spaces import ActionReader
from vpt_gym.demos.exchange.exporting import (
    DemoSelection,
    ExportResult,
    check_size,
    exported_metadata,
    has_labels,
    sized_frames,
)
from vpt_gym.demos.exchange.game_state import state_texts
from vpt_gym.demos.exchange.importing import DemoImporter, ImportResult, SourceError
from vpt_gym.demos.exchange.minedojo_actions import CAM_INTERVAL, MineDojoLoss, minedojo_space, to_minedojo
from vpt_gym.demos.exchange.npz_episode import NpzEpisode, write_npz
from vpt_gym.demos.files.names import PARTIAL_SUFFIX, DemoError, checked_directory, short_name
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.frames import Layout
from vpt_gym.system.durable import sync
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.output_directory import check_not_a_file, make_directory
from vpt_gym.system.temporary import TemporaryDirectory


@dataclass(frozen=True)
class NpzExportResult(ExportResult):
    """The result of ``export_npz``.

    Attributes:
        loss: What the conversion to MineDojo's actions lost.
    """

    loss: MineDojoLoss = field(default_factory=lambda: MineDojoLoss(CAM_INTERVAL))


@checks_flags
def export_npz(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    cam_interval: float = CAM_INTERVAL,
    size: tuple[int, int] | None = None,
    layout: Layout = "CHW",
    compress: bool = False,
    keep: Callable[[Demo], bool | None] | None = None,
    overwrite: bool = False,
) -> NpzExportResult:
    """Writes each intact demo of a directory as ``<id>.npz``, frame by frame. A file appears when it is complete.

    An id that is too long for such a name is replaced by a digest of it; the metadata in the file have the id.

    Args:
        directory: The directory of demos.
        out: Directory of the files; it is created if absent.
        cam_interval: Degrees per camera bin; it must divide 180. 0.15 is fine enough for all of VPT's bins.
        size: (height, width) that frames are scaled to; default: the recorded size.
        layout: ``"CHW"``, as in MineDojo's observations, or ``"HWC"``.
        compress: Compress the files, as ``numpy.savez_compressed`` does.
        keep: Called with each demo, which is left out if it returns False. Default: keep all.
        overwrite: Replace existing files.

    Raises:
        DemoWriteError: The disk is full, or another error prevents writing; the files before it are complete.
        FileExistsError: A file exists; nothing is written.
        FileNotFoundError: There is no such directory.
        ValueError: There is no intact demo, or an argument is out of range.
    """
    check_size(size)
    if layout not in ("CHW", "HWC"):
        raise ValueError(f"layout={layout!r}; it must be 'CHW' or 'HWC'")
    MineDojoTranslator(minedojo_space(cam_interval), cam_interval)  # rejects unusable bins before anything is written
    loss = MineDojoLoss(cam_interval)
    selection = DemoSelection(directory, keep)
    folder = checked_directory(out)
    check_not_a_file(folder)
    taken = [name for name in map(_file_name, selection.ids) if (folder / name).exists()]
    if taken and not overwrite:
        raise FileExistsError(
            f"{folder / taken[0]} exists, and {len(taken) - 1} others that would be written; replace them with "
            "--overwrite (overwrite=True), or choose another directory"
        )
    episodes, ticks = 0, 0
    staging: Path | None = None  # a directory of this export alone: another may write the same files
    with ExitStack() as stack:
        for demo in selection:
            path = folder / _file_name(demo.id)
            try:
                arrays, demo_loss = _arrays_of(demo, cam_interval)
                if staging is None:
                    make_directory(folder)
                    unfinished = TemporaryDirectory(".export-", parent=folder, suffix=PARTIAL_SUFFIX)
                    staging = stack.enter_context(unfinished)
                scratch = staging / path.name
                frames = sized_frames(demo, size)
                write_npz(scratch, arrays, frames, (len(demo), *(size or demo.frame_size)), layout, compress)
                sync(scratch)
                os.replace(scratch, path)
            except DemoError as error:
                selection.leave_out(demo, error)
                continue
            except OSError as error:
                raise DemoWriteError(
                    f"cannot write {path}: {error}. Free disk space or choose another directory; the {episodes} files "
                    "before it are complete"
                ) from error
            episodes, ticks, loss = episodes + 1, ticks + len(demo), loss + demo_loss
    if not episodes:
        raise ValueError(f"there is no demo to export in {directory} (left out: {selection.left_out})")
    return NpzExportResult(folder, episodes, ticks, selection.left_out, loss=loss)


@checks_flags
def import_npz(
    files: Iterable[str | os.PathLike[str]],
    directory: str | os.PathLike[str],
    *,
    frames_key: str | None = None,
    layout: Layout | None = None,
    cam_interval: float | None = None,
    drop_unsupported: bool = False,
    crf: int = 18,
    lossless: bool = False,
    overwrite: bool = False,
) -> ImportResult:
    """Writes episodes of frames and MineDojo's actions as demos: all of them, or none. Reads the frames one by one.

    A file must have frames, uint8 (T, 3, H, W) or (T, H, W, 3), under ``rgb``, another common name, or ``frames_key``;
    and actions, integers (T, 8), under ``action`` or ``actions``. Rewards (T,), under ``reward`` or ``rewards``, are
    optional, as is all else that ``export_npz`` writes. An additional last frame, after the last action, is left out.

    Args:
        files: The ``.npz`` files.
        directory: Directory of the demos.
        frames_key: Name of the frames in the file.
        layout: ``"HWC"`` or ``"CHW"``; default: inferred from the shape.
        cam_interval: Degrees per camera bin; required if the file does not contain ``cam_interval``.
        drop_unsupported: Leave out what no key does (craft, place, destroy, equip from outside the hotbar); by default
            that is an error.
        crf: x264's constant rate factor: lower is closer to the frames, and larger.
        lossless: Store the frames without loss, in larger videos, and ignore ``crf``.
        overwrite: Replace the demos that were imported from files of the same names before.

    Raises:
        FileExistsError: The directory already has demos imported from a file of this name.
        FileNotFoundError: There is no such file.
        SourceError: A file lacks something, is damaged, or has other content than described above; a ``ValueError``.
    """
    paths = [Path(file) for file in files]
    names = Counter(path.name for path in paths)
    if max(names.values(), default=0) != 1:
        raise ValueError(f"files {[str(path) for path in paths]}: give at least one, and no two with the same name")
    dropped = 0
    with DemoImporter(directory, format="npz", names=names, overwrite=overwrite) as importer:
        for path in paths:
            with NpzEpisode(path, frames_key, layout, cam_interval) as episode:
                try:
                    reader, executed_reader = (
                        ActionReader(
                            episode.space, cam_interval=episode.cam_interval, drop_unsupported=drop_unsupported
                        )
                        for _ in range(2)
                    )
                except ValueError as error:
                    raise SourceError(f"{path}: {error}") from error
                importer.write(
                    path.name,
                    episode.frames(),
                    _read(reader, episode.actions, path),
                    episode.rewards,
                    executed=None if episode.executed is None else _read(executed_reader, episode.executed, path),
                    intervention=episode.intervention,
                    states=episode.states,
                    metadata=episode.metadata,
                    where={"cam_interval": episode.cam_interval},
                    crf=crf,
                    lossless=lossless,
                )
                dropped += reader.dropped
    return ImportResult(importer.demos, importer.ticks, dropped)


def _file_name(demo_id: str) -> str:
    return f"{short_name(demo_id, 255 - len('.npz' + PARTIAL_SUFFIX))}.npz"


def _arrays_of(demo: Demo, cam_interval: float) -> tuple[dict[str, npt.NDArray[Any]], MineDojoLoss]:
    """Returns the arrays of a demo's file except the frames, and what the conversion lost."""
    actions, loss = to_minedojo(demo.actions, cam_interval)
    arrays: dict[str, npt.NDArray[Any]] = {
        "action": actions,
        "reward": demo.rewards,
        "cam_interval": np.array(cam_interval, np.float64),
        "metadata": np.array(json.dumps(exported_metadata(demo))),
    }
    if has_labels(demo):
        arrays["executed_action"] = to_minedojo(demo.executed, cam_interval)[0]
    if demo.intervention.any():
        arrays["intervention"] = demo.intervention
    if (states := state_texts(demo)) is not None:
        arrays["state"] = np.array([text.encode() for text in states])
    return arrays, loss


def _read(reader: ActionReader, actions: npt.NDArray[np.int64], path: Path) -> Iterator[HumanAction]:
    for tick, action in enumerate(actions):
        try:
            yield reader.read(action)
        except ValueError as error:
            raise SourceError(
                f"{path}, tick {tick}: {error}. --drop-unsupported (drop_unsupported=True) leaves out what no key does"
            ) from error
