"""Exporting demos to Minari, the Farama Foundation's format for offline reinforcement learning, and importing them.

It needs the extra ``[minari]``. A Minari episode has T + 1 observations: one of the reset and one after each step. A
demo has the T frames that were seen before the T actions. So an export repeats the last frame, and an import drops the
last observation.
"""

from __future__ import annotations

import errno
import os
import shutil
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
from vpt_gym.demos.exchange.game_state import read_state_texts
from vpt_gym.demos.exchange.goals import goals_of
from vpt_gym.demos.exchange.importing import DemoImporter, ImportResult, SourceError, reading
from vpt_gym.demos.exchange.minari_dataset import (
    ABOUT,
    DEMO_KEY,
    check_dataset_files,
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
from vpt_gym.frames import Frame, FrameKey, FrameSpec, Layout, find_frame, find_frame_space
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.plural import counted
from vpt_gym.system.printable import shown
from vpt_gym.system.temporary import TemporaryDirectory

_SUCCESS_KEYS = ("success", "is_success")


@checks_flags
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
    """Writes the intact demos of a directory as one Minari dataset, in Minari's directory (``MINARI_DATASETS_PATH``).

    Observations are the frames, ``Box(0, 255, (H, W, 3), uint8)``. The last step of an episode is terminated if the
    demo ended so, else truncated. ``infos["success"]`` is present if it is known, ``infos["executed"]`` if the
    executed actions differ from the labels, ``infos["intervention"]`` if a person took over from an agent, and
    ``infos["state"]``, a JSON text for each observation, if the records say anything about the game. The metadata of an
    episode has seed, success, ``env_id``, ``task``, ``ended`` and ``demo_id``. Minari can recover the environment if
    all demos come from one that Gymnasium has registered. Episodes are decoded one by one, to a file, and the dataset
    appears when it is complete.

    Args:
        directory: The directory of demos.
        dataset_id: Minari's id, ``"namespace/name-v0"``.
        actions: ``"human"``: 23 keys and exact degrees; ``"factored"``: 20 keys and camera bins; ``"codes"``: VPT's.
        size: (height, width) that frames are scaled to; default: the recorded size.
        jpeg: Let Minari store the frames as JPEG: lossy, and about ten times smaller.
        keep: Called with each demo, which is left out if it returns False. Default: keep all.
        overwrite: Replace a dataset with this id.
        **about: ``author``, ``author_email``, ``algorithm_name``, ``code_permalink``, ``description`` for Minari.

    Raises:
        DependencyNotInstalled: Minari is not installed.
        DemoWriteError: The disk is full, or another error prevents writing; nothing of the dataset is kept.
        FileExistsError: A dataset with this id exists.
        FileNotFoundError: There is no such directory.
        ValueError: There is no intact demo, the frames have several sizes and ``size`` is None, or an argument is out
            of range.
    """
    require_minari()
    from minari.dataset.minari_storage import MinariStorage

    unknown = sorted(set(about) - ABOUT)
    if unknown:
        raise ValueError(f"unknown arguments {unknown}; the known ones are {', '.join(sorted(ABOUT))}")
    check_size(size)
    action_space = space_of(actions)
    final = path_of(dataset_id)
    _check_target(final, dataset_id, overwrite)
    selection = DemoSelection(directory, keep)
    if size is None and len(selection.frame_sizes) > 1:
        found = ", ".join(f"{height}x{width}" for height, width in sorted(selection.frame_sizes))
        raise ValueError(f"the demos' frames have several sizes ({found}); scale them with --size (size=(128, 128))")
    height, width = size or next(iter(selection.frame_sizes))
    env_spec, notes = env_spec_of(
        selection.environments, selection.step_limits, selection.frame_keys, (height, width), actions
    )

    staging = TemporaryDirectory(f".{final.name}-", parent=datasets_directory(), suffix=PARTIAL_SUFFIX)
    dataset = staging.path / "dataset"  # in a directory that only its owner may read
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
        scratch = staging.path / "frames.scratch"
        for demo in selection:
            try:
                # the frames get no name, since the next demo is written to the same file
                write_episode(
                    storage,
                    episodes,
                    demo,
                    _check_free_space(staging.path, _decode_to_file(scratch, demo, (height, width))),
                    actions,
                )
            except DemoError as error:
                selection.leave_out(demo, error)
                continue
            episodes, ticks, labelled = episodes + 1, ticks + len(demo), labelled + has_labels(demo)
        scratch.unlink(missing_ok=True)
        if not episodes:
            raise ValueError(f"there is no demo to export in {directory} (left out: {selection.left_out})")
        storage.update_metadata(dataset_metadata(dataset_id, actions, about))
        _check_target(final, dataset_id, overwrite)  # again: another export may have written it meanwhile
        publish(dataset, final, dataset_id)
    except FileExistsError:
        raise
    except OSError as error:
        raise DemoWriteError(f"cannot write the Minari dataset {dataset_id!r} to {final}: {error}") from error
    finally:
        staging.remove()
    if labelled:
        notes = (
            *notes,
            f"in {counted(labelled, 'episode')} the labels differ from the executed actions, "
            "which are in infos['executed']",
        )
    return ExportResult(final, episodes, ticks, selection.left_out, notes)


@checks_flags
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

    A goal that is an entry of the observations and the same in a whole episode, such as the text ``mission`` or the
    numbers ``desired_goal``, becomes ``observed_goal`` in the demo's metadata, and a text its ``task``.

    Its observations must contain an RGB frame, and its actions must be of ``ActionKind`` or of a space that
    ``vpt_gym.actions.translate.translator_for`` knows. One episode at a time is held in memory.

    Args:
        dataset_id: Minari's id. The dataset must be on this machine (``minari download ID`` downloads it).
        directory: Directory of the demos.
        frames_key: Key of the frame in a ``Dict`` observation; default: the first known one (``img``, ``rgb``...).
        layout: ``"HWC"`` or ``"CHW"``; default: inferred from the shape.
        translator: Converts the dataset's actions, if they are of another space than those above.
        cam_interval: Degrees per camera bin of MineDojo's ``MultiDiscrete``; default: inferred from the number of bins.
        drop_unsupported: Leave out what no key does (MineDojo's craft, place...); by default that is an error.
        crf: x264's constant rate factor: lower is closer to the frames, and larger.
        lossless: Store the frames without loss, in larger videos, and ignore ``crf``.
        overwrite: Replace the demos that were imported from this dataset before.

    Raises:
        DependencyNotInstalled: Minari is not installed.
        FileExistsError: The directory already has demos of this dataset.
        FileNotFoundError: The dataset is not on this machine.
        SourceError: The dataset is damaged, has no RGB frame, or actions of an unknown space (the message has its
            spaces); or a demo cannot express an action or a reward. It is a ``ValueError``.
    """
    minari = require_minari()
    path = path_of(dataset_id)
    if not (path / "data").is_dir():
        raise FileNotFoundError(f"{path} is not a Minari dataset; if it is published: minari download {dataset_id}")
    check_dataset_files(path)
    try:
        with reading(path, "is damaged, the dataset cannot be read"):
            dataset = minari.load_dataset(dataset_id)
            indices = [int(index) for index in dataset.episode_indices]
    except SourceError as error:
        if isinstance(error.__cause__, KeyError):
            raise SourceError(
                f"{path} is not a complete Minari dataset: its metadata lacks {error.__cause__}; write it again"
            ) from error
        raise
    spaces_found = f"the dataset has observations {dataset.observation_space} and actions {dataset.action_space}"
    try:
        where = find_frame_space(dataset.observation_space, frames_key, layout)
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"{dataset_id}: no RGB frame ({error}); {spaces_found}. Choose the key with --frames-key"
        ) from error
    try:
        reader = ActionReader(
            dataset.action_space, translator=translator, cam_interval=cam_interval, drop_unsupported=drop_unsupported
        )
    except ValueError as error:
        raise SourceError(f"{dataset_id}: its actions cannot be read ({error}); {spaces_found}") from error

    with DemoImporter(directory, format="minari", names=[dataset_id], overwrite=overwrite) as importer:
        for index in indices:
            _import_episode(importer, dataset, index, where, reader, crf=crf, lossless=lossless)
    return ImportResult(importer.demos, importer.ticks, reader.dropped)


def _check_target(final: Path, dataset_id: str, overwrite: bool) -> None:
    if final.exists() and not overwrite:
        raise FileExistsError(
            f"{final} exists: it is the Minari dataset {dataset_id!r}. Choose another id or version, or replace "
            "it with --overwrite (overwrite=True)"
        )
    if final.exists() and not (final / "data").is_dir():
        raise FileExistsError(f"{final} is not a Minari dataset, so it is not overwritten; choose another id")


def _decode_to_file(scratch: Path, demo: Demo, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Decodes a demo into a file and returns its frames, the last one twice, as a memory map of that file."""
    frame: Frame | None = None
    with open(scratch, "wb") as file:  # not mapped, since a full disk would then kill the process
        for frame in sized_frames(demo, size):
            file.write(np.ascontiguousarray(frame).data)
        if frame is not None:
            file.write(np.ascontiguousarray(frame).data)
    return np.memmap(scratch, np.uint8, "r", shape=(len(demo) + 1, *size, 3))


def _check_free_space(directory: Path, frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns the frames, or raises an ``OSError`` if an episode of them may not fit on the disk.

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
    """Writes one episode as a demo, and releases the memory of the episode when it returns."""
    name = f"{dataset.id}, episode {index}"
    with reading(name, "is damaged and cannot be read"):
        (about,) = dataset.storage.get_episode_metadata([index])
        (episode,) = dataset.iterate_episodes([index])
        ticks = len(episode)
        observations = _entry(episode.observations, where.key)
        rewards = np.asarray(episode.rewards, np.float64)
        terminated = bool(episode.terminations[-1]) if ticks else False
        infos = dict(episode.infos or {})
        success = _success(about, infos)
        goals = {} if DEMO_KEY in about else goals_of(episode.observations, ticks)
    if not 0 < ticks <= len(observations):
        raise SourceError(f"{name} has {ticks} steps and {len(observations)} observations; each step needs one")
    if rewards.shape != (ticks,):
        raise SourceError(f"{name} has {ticks} steps and rewards of shape {rewards.shape}; each step needs one")
    try:
        frames = find_frame(observations[:ticks], layout=where.layout)
    except (TypeError, ValueError) as error:
        raise SourceError(f"{name}: {error}") from error
    if frames.ndim != 4:
        raise SourceError(f"{name}: its observations are {observations.shape}; frames are (T, H, W, 3) or (T, 3, H, W)")
    exported_by_us = DEMO_KEY in about
    executed = infos.get("executed") if exported_by_us else None
    intervention = _own_info(infos, "intervention", ticks, name) if exported_by_us else None
    states = _own_info(infos, "state", ticks, name) if exported_by_us else None
    importer.write(
        dataset.id,
        frames,
        _actions(reader, episode.actions, range(ticks), name),
        rewards,
        # info t + 1 belongs to step t
        executed=None if executed is None else _actions(reader, executed, range(1, ticks + 1), name),
        intervention=None if intervention is None else intervention[1:].astype(np.bool_),
        states=None if states is None else read_state_texts(states[:ticks], name),
        metadata=(_own_metadata if exported_by_us else _metadata_from_minari)(dataset, about, name) | goals,
        where={"episode": index},
        success=success,
        ended="terminated" if terminated else "truncated",
        crf=crf,
        lossless=lossless,
    )


def _entry(observations: Any, key: FrameKey | None) -> npt.NDArray[Any]:
    for part in () if key is None else (key,) if isinstance(key, str) else key:
        observations = observations[part]
    return np.asarray(observations)


def _own_info(infos: Mapping[str, Any], key: str, ticks: int, name: str) -> npt.NDArray[Any] | None:
    """Returns an info that ``write_episode`` wrote, (T + 1,), or None."""
    if key not in infos:
        return None
    info = np.asarray(infos[key])
    texts = info.dtype.hasobject and all(isinstance(text, str | bytes) for text in info.ravel().tolist())
    if info.shape != (ticks + 1,) or not (texts if key == "state" else info.dtype == np.bool_):
        raise SourceError(f"{name}: infos[{key!r}] is {info.dtype} {info.shape}; it needs one for each observation")
    return info


def _own_metadata(dataset: Any, about: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the metadata of the demo that an episode was exported from."""
    with reading(name, f"is damaged, {DEMO_KEY} cannot be read"):
        text = about[DEMO_KEY]
        metadata = parse_json(text if isinstance(text, bytes) else str(text).encode())
    if not isinstance(metadata, dict):
        raise SourceError(f"{name}: {DEMO_KEY} is {shown(metadata)}; it must be a JSON object")
    return metadata


def _metadata_from_minari(dataset: Any, about: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the metadata of an episode of another package's dataset, with the keys of a demo's metadata."""
    with reading(name, "is damaged, its environment or its seed cannot be read"):
        spec = dataset.env_spec
        metadata: dict[str, Any] = {} if spec is None else {"env_id": spec.id, "env_kwargs": dict(spec.kwargs)}
        if about.get("seed") is not None:
            metadata["seed"] = int(about["seed"])
        return metadata


def _success(about: Mapping[str, Any], infos: Mapping[str, Any]) -> bool | None:
    """Returns whether an episode succeeded, by its metadata or in any step; None if neither says so with numbers."""
    for name in _SUCCESS_KEYS:
        for source in (about, infos):
            values = np.asarray(source.get(name, ()))
            if values.dtype.kind in "biuf" and (known := values[np.isfinite(values)]).size:
                return bool(known.any())
    return None


def _actions(reader: ActionReader, actions: Any, ticks: range, name: str) -> Iterator[Any]:
    for tick in ticks:
        try:
            yield reader.read(action_at(actions, tick))
        except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
            raise SourceError(f"{name}, step {tick}: {error}") from error
