"""Demos to and from Minari, the Farama Foundation's format for offline reinforcement learning (extra ``[minari]``).

A Minari episode has T + 1 observations: that of the reset, and one after each step. A demo has the T frames that were
seen before the T actions, so an export repeats the last frame, and an import drops the last observation.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.protocol import Translator
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.action_spaces import ActionKind, ActionReader, action_at, space_of
from vpt_gym.demos.exchange.exporting import (
    DemoSelection,
    ExportResult,
    check_size,
    has_labels,
    sized_frames,
)
from vpt_gym.demos.exchange.importing import DemoImporter, ImportResult
from vpt_gym.demos.exchange.minari_dataset import (
    ABOUT,
    DEMO_KEY,
    dataset_metadata,
    datasets_directory,
    env_spec_of,
    path_of,
    publish,
    require_minari,
    write_episode,
)
from vpt_gym.demos.files.names import PARTIAL_SUFFIX, DemoError
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.frames import Frame, FrameSpec, Layout, find_frame, find_frame_space

_SUCCESS_KEYS = ("success", "is_success")


def export_minari(
    directory: str | os.PathLike[str],
    dataset_id: str,
    *,
    actions: ActionKind = "human",
    size: tuple[int, int] | None = None,
    jpeg: bool = False,
    keep: Callable[[Demo], bool | None] | None = None,
    overwrite: bool = False,
    **about: str,
) -> ExportResult:
    """Writes the whole demos of a directory as one Minari dataset, in Minari's directory (``MINARI_DATASETS_PATH``).

    Observations are the frames, ``Box(0, 255, (H, W, 3), uint8)``. The last step of an episode is terminated if the
    demo ended so, else truncated. ``infos["success"]`` is there where it is known; ``infos["executed"]`` where other
    actions were executed than those the demo is labelled with. The episodes' metadata have seed, success, ``env_id``,
    ``task``, ``ended`` and ``demo_id``. The environment can be recovered where all demos come from one that Gymnasium
    knows. One episode at a time is decoded, to a file; the dataset appears when it is whole.

    Args:
        directory: The directory of demos.
        dataset_id: Minari's id, ``"namespace/name-v0"``.
        actions: ``"human"``: 23 keys and exact degrees; ``"factored"``: 20 keys and camera bins; ``"codes"``: VPT's.
        size: (height, width) that frames are scaled to; default: as they were recorded.
        jpeg: Let Minari store the frames as JPEG: lossy, and about ten times smaller.
        keep: Called with each demo; it is left out if that returns False. Default: all.
        overwrite: Replace a dataset of this id.
        **about: ``author``, ``author_email``, ``algorithm_name``, ``code_permalink``, ``description`` for Minari.

    Raises:
        DependencyNotInstalled: Minari is not installed.
        DemoWriteError: The disk is full, or otherwise refuses; nothing of the dataset is kept.
        FileExistsError: There is a dataset of this id.
        FileNotFoundError: There is no such directory.
        ValueError: No whole demo, frames of several sizes and no ``size``, or an argument out of its range.
    """
    require_minari()
    from minari.dataset.minari_storage import MinariStorage

    unknown = sorted(set(about) - ABOUT)
    if unknown:
        raise ValueError(f"unknown arguments {unknown}; of a dataset can be told {', '.join(sorted(ABOUT))}")
    check_size(size)
    action_space = space_of(actions)
    final = path_of(dataset_id)
    if final.exists() and not overwrite:
        raise FileExistsError(
            f"{final} exists: there is a Minari dataset {dataset_id!r} already. Take another id or version, or replace "
            "it with --overwrite (overwrite=True)"
        )
    if final.exists() and not (final / "data").is_dir():
        raise FileExistsError(f"{final} is no Minari dataset, and is not overwritten; take another id")
    selection = DemoSelection(directory, keep)
    if size is None and len(selection.frame_sizes) > 1:
        found = ", ".join(f"{height}x{width}" for height, width in sorted(selection.frame_sizes))
        raise ValueError(f"the demos' frames have several sizes ({found}); scale them with --size (size=(128, 128))")
    height, width = size or next(iter(selection.frame_sizes))
    env_spec, notes = env_spec_of(selection.environments)

    stage = Path(tempfile.mkdtemp(prefix=f".{final.name}-", suffix=PARTIAL_SUFFIX, dir=datasets_directory()))
    dataset = stage / "dataset"  # the stage itself only its owner may read
    try:
        dataset.mkdir()
        storage = MinariStorage.new(
            dataset / "data",
            observation_space=spaces.Box(0, 255, (height, width, 3), np.uint8),
            action_space=action_space,
            env_spec=env_spec,
            data_format="hdf5",
            jpeg_encoding=jpeg,
        )
        episodes, ticks, labelled = 0, 0, 0
        scratch = stage / "frames.scratch"
        for demo in selection:
            try:
                # not named here: the next demo is spilled to the same file
                write_episode(
                    storage, episodes, demo, _checked_room(stage, _spill(scratch, demo, (height, width))), actions
                )
            except DemoError as error:
                selection.leave_out(demo, error)
                continue
            episodes, ticks, labelled = episodes + 1, ticks + len(demo), labelled + has_labels(demo)
        scratch.unlink(missing_ok=True)
        if not episodes:
            raise ValueError(f"there is no demo to export in {directory} (left out: {selection.left_out})")
        storage.update_metadata(dataset_metadata(dataset_id, actions, about))
        publish(dataset, final, dataset_id)
    except OSError as error:
        raise DemoWriteError(f"cannot write the Minari dataset {dataset_id!r} to {final}: {error}") from error
    finally:
        shutil.rmtree(stage)
    if labelled:
        notes = (
            *notes,
            f"{labelled} episodes are labelled otherwise than they were executed: infos['executed'] has that",
        )
    return ExportResult(final, episodes, ticks, selection.left_out, notes)


def import_minari(
    dataset_id: str,
    directory: str | os.PathLike[str],
    *,
    frames_key: str | None = None,
    layout: Layout | None = None,
    translator: Translator | None = None,
    cam_interval: float | None = None,
    drop_unsupported: bool = False,
    crf: int = 18,
    lossless: bool = False,
    overwrite: bool = False,
) -> ImportResult:
    """Writes the episodes of a local Minari dataset as demos: all of them, or none.

    Its observation must have an RGB frame, and its actions must be of ``ActionKind`` or of a space that
    ``vpt_gym.actions.translate.translator_for`` knows. One episode at a time is held in memory.

    Args:
        dataset_id: Minari's id. Datasets that are not here are not downloaded (``minari download ID`` does that).
        directory: Where the demos go.
        frames_key: Key of the frame in a ``Dict`` observation; default: the first known one (``img``, ``rgb``...).
        layout: ``"HWC"`` or ``"CHW"``; default: read from the shape.
        translator: Reads the dataset's actions, where they are of another space than those above.
        cam_interval: Degrees per camera bin of MineDojo's ``MultiDiscrete``; default: what the bins' number says.
        drop_unsupported: Leave out what no key says (MineDojo's craft, place...); otherwise it is an error.
        crf: x264's constant rate factor: lower is closer to the frames, and larger.
        lossless: Keep every pixel as it is, in larger videos; ``crf`` then says nothing.
        overwrite: Replace the demos that were imported from this dataset before.

    Raises:
        DependencyNotInstalled: Minari is not installed.
        FileExistsError: The directory has demos of this dataset already.
        FileNotFoundError: There is no such dataset here.
        ValueError: The dataset has no RGB frame or other actions than ours: its spaces are named; or an action or
            a reward cannot be said in a demo.
    """
    minari = require_minari()
    path = path_of(dataset_id)
    if not (path / "data").is_dir():
        raise FileNotFoundError(f"{path} is no Minari dataset; if it is a published one: minari download {dataset_id}")
    try:
        dataset = minari.load_dataset(dataset_id)
    except KeyError as error:
        raise ValueError(f"{path} is no whole Minari dataset: its metadata lacks {error}; write it again") from error
    found = f"the dataset has observations {dataset.observation_space} and actions {dataset.action_space}"
    try:
        where = find_frame_space(dataset.observation_space, frames_key, layout)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{dataset_id}: no RGB frame ({error}); {found}. --frames-key names the frame's key"
        ) from error
    try:
        reader = ActionReader(
            dataset.action_space, translator=translator, cam_interval=cam_interval, drop_unsupported=drop_unsupported
        )
    except ValueError as error:
        raise ValueError(f"{dataset_id}: actions that are none of ours ({error}); {found}") from error

    with DemoImporter(directory, format="minari", names=[dataset_id], overwrite=overwrite) as importer:
        for index in dataset.episode_indices.tolist():
            _import_episode(importer, dataset, index, where, reader, crf=crf, lossless=lossless)
    return ImportResult(importer.demos, importer.ticks, reader.dropped)


def _spill(scratch: Path, demo: Demo, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Decodes a demo into a file; returns its frames, the last one twice, as a view of that file."""
    frame: Frame | None = None
    with open(scratch, "wb") as file:  # written, not mapped: on a full disk that is an error, not a signal
        for frame in sized_frames(demo, size):
            file.write(np.ascontiguousarray(frame).data)
        if frame is not None:
            file.write(np.ascontiguousarray(frame).data)
    return np.memmap(scratch, np.uint8, "r", shape=(len(demo) + 1, *size, 3))


def _checked_room(directory: Path, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns the frames, or raises an ``OSError`` where an episode of them may not fit on the disk.

    HDF5 does not report a full disk: it kills the process (h5py issue 914).
    """
    needed, free = frames.nbytes * 3 // 2 + (1 << 20), shutil.disk_usage(directory).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"the next episode may need {needed / 1e6:.1f} MB and {free / 1e6:.1f} MB are free")
    return frames


def _import_episode(
    importer: DemoImporter,
    dataset: Any,
    index: int,
    where: FrameSpec,
    reader: ActionReader,
    *,
    crf: int,
    lossless: bool,
) -> None:
    """Writes one episode as a demo; what Minari read of it is free again when this returns."""
    (about,) = dataset.storage.get_episode_metadata([index])
    (episode,) = dataset.iterate_episodes([index])
    ticks = len(episode)
    observations = episode.observations if where.key is None else episode.observations[where.key]
    name = f"{dataset.id}, episode {index}"
    if not 0 < ticks <= len(observations):
        raise ValueError(f"{name} has {ticks} steps and {len(observations)} observations; each step needs one")
    infos = episode.infos or {}
    ours = DEMO_KEY in about
    executed = infos.get("executed") if ours else None
    importer.write(
        dataset.id,
        find_frame(observations[:ticks], layout=where.layout),
        _actions(reader, episode.actions, range(ticks), name),
        episode.rewards,
        # info t + 1 is that of step t
        executed=None if executed is None else _actions(reader, executed, range(1, ticks + 1), name),
        metadata=json.loads(about[DEMO_KEY]) if ours else _foreign_metadata(dataset, about),
        where={"episode": index},
        success=_success(about, infos),
        ended="terminated" if episode.terminations[-1] else "truncated",
        crf=crf,
        lossless=lossless,
    )


def _foreign_metadata(dataset: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a dataset of somebody else says of an episode, in the words of a demo's metadata."""
    spec = dataset.env_spec
    told: dict[str, Any] = {} if spec is None else {"env_id": spec.id, "env_kwargs": dict(spec.kwargs)}
    if about.get("seed") is not None:
        told["seed"] = int(about["seed"])
    return told


def _success(about: Mapping[str, Any], infos: Mapping[str, Any]) -> bool | None:
    for name in _SUCCESS_KEYS:
        if name in about:
            return bool(about[name])
        if name in infos:
            return bool(np.any(infos[name]))
    return None


def _actions(reader: ActionReader, actions: Any, ticks: range, name: str) -> Iterator[Any]:
    for tick in ticks:
        try:
            yield reader.read(action_at(actions, tick))
        except (ValueError, KeyError) as error:
            raise ValueError(f"{name}, step {tick}: {error}") from error
