"""Exporting demos to LeRobot's dataset format v3.0 (Parquet and mp4), and importing them.

It needs the extra ``[lerobot]``, which is pyarrow; LeRobot itself is not needed. An episode has T observations, as a
demo has: frame t was seen before action t. Many episodes share a Parquet file and a video.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.actions.human import HumanAction
from vpt_gym.actions.protocol import Translator
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.exchange.action_spaces import ActionKind, ActionReader, space_of
from vpt_gym.demos.exchange.exporting import (
    DemoSelection,
    ExportResult,
    check_size,
    exported_metadata,
    has_labels,
    sized_frames,
)
from vpt_gym.demos.exchange.game_state import game_states
from vpt_gym.demos.exchange.importing import DemoImporter, GameState, ImportResult, SourceError, reading
from vpt_gym.demos.exchange.lerobot_layout import (
    ACTION,
    DEMO_KEY,
    DONE,
    DTYPES,
    EXECUTED,
    INFO,
    INTERVENTION,
    MENU,
    NAMES,
    REWARD,
    STATE,
    STATE_NAMES,
    SUCCESS,
    action_of,
    kind_of,
    require_pyarrow,
    vectors,
)
from vpt_gym.demos.exchange.lerobot_reader import LeRobotEpisode, LeRobotReader
from vpt_gym.demos.exchange.lerobot_writer import LeRobotWriter
from vpt_gym.demos.files.names import PARTIAL_SUFFIX, DemoError, checked_directory
from vpt_gym.demos.files.writer import DemoWriteError
from vpt_gym.system.durable import sync
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.plural import counted
from vpt_gym.system.printable import printable, shown
from vpt_gym.system.temporary import TemporaryDirectory

_COMMON = (EXECUTED, INTERVENTION, REWARD, SUCCESS, DONE)
"""Columns that are read of any dataset which has them."""

_LARGEST = float(np.finfo(np.float32).max)

UNKNOWN_TASK = "play Minecraft"
"""Task of a demo whose metadata name neither a task nor an environment."""


@checks_flags
def export_lerobot(
    directory: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    actions: ActionKind = "human",
    size: tuple[int, int] | None = None,
    task: str | None = None,
    crf: int = 18,
    data_mb: int = 100,
    video_mb: int = 200,
    keep: Callable[[Demo], bool | None] | None = None,
    overwrite: bool = False,
) -> ExportResult:
    """Writes the intact demos of a directory as one LeRobot dataset, which appears when it is complete.

    Its features are ``observation.images.pov``, ``action``, ``next.reward`` and ``next.done``; and, where all demos
    have them, ``observation.state`` (position and view), ``menu`` (one is open) and ``next.success``; and, where any
    demo has them,
    ``executed_action`` (other than the label) and ``intervention``. The metadata of each demo are in the column
    ``vpt_gym_demo`` of the episodes.

    Args:
        directory: The directory of demos.
        out: Directory of the dataset; it must not exist, or be empty.
        actions: Vectors of ``"human"`` actions (23 keys and exact degrees, float32), ``"factored"`` ones (20 keys and
            camera bins, int64) or ``"codes"``, VPT's (int64).
        size: (height, width) that frames are scaled to, both even; default: the recorded size.
        task: What the demos do, in words; default: their ``task``, or else their ``env_id``.
        crf: x264's constant rate factor of the videos, which are encoded again: lower is closer, and larger.
        data_mb: Begin a new Parquet file when one has so many megabytes.
        video_mb: The same for videos.
        keep: Called with each demo, which is left out if it returns False. Default: keep all.
        overwrite: Replace an existing LeRobot dataset.

    Raises:
        DependencyNotInstalled: pyarrow is not installed.
        DemoWriteError: The disk is full, or another error prevents writing; nothing of the dataset is kept.
        FileExistsError: ``out`` exists.
        FileNotFoundError: There is no such directory of demos.
        ValueError: There is no intact demo, their frames or frame rates differ, or an argument is out of range.
    """
    require_pyarrow()
    check_size(size)
    space_of(actions)  # rejects an unknown kind
    if not 0 <= crf <= 51 or min(data_mb, video_mb) < 1:
        raise ValueError(f"crf={crf}, data_mb={data_mb}, video_mb={video_mb}; crf is 0 to 51, the sizes are positive")
    final = checked_directory(out)
    _check_target(final, overwrite)
    content = _Content()
    selection = DemoSelection(directory, lambda demo: (keep is None or keep(demo)) and content.see(demo))
    height, width = size or _only(selection.frame_sizes, "frames have several sizes", "scale them with --size")
    if height % 2 or width % 2:
        raise ValueError(f"frames are {height}x{width}; LeRobot's videos need even sizes: scale them with --size")
    fps = _only(content.rates, "demos have several frame rates", "export each apart, with keep=")
    if fps != int(fps):
        raise ValueError(f"the demos have {fps} frames a second; LeRobot's data sets have a whole number")
    make_directory(final.parent)
    staging = TemporaryDirectory(f".{final.name}-", parent=final.parent, suffix=PARTIAL_SUFFIX)
    dataset = staging.path / "dataset"  # in a directory that only its owner may read
    try:
        dataset.mkdir()
        (dataset / "meta").mkdir()
        writer = LeRobotWriter(
            dataset,
            fps=int(fps),
            size=(height, width),
            features=content.features(actions),
            dtypes=content.dtypes(actions),
            crf=crf,
            data_mb=data_mb,
            video_mb=video_mb,
        )
        try:
            for demo in selection:
                try:
                    writer.write(
                        sized_frames(demo, (height, width)),
                        content.columns(demo, actions),
                        task=task or _task_of(demo),
                        more={DEMO_KEY: json.dumps(exported_metadata(demo))},
                    )
                except DemoError as error:
                    selection.leave_out(demo, error)
            if not writer.episodes:
                raise ValueError(f"there is no demo to export in {directory} (left out: {selection.left_out})")
            writer.finish()
        finally:
            writer.close()
        _check_target(final, overwrite)  # again: another export may have written it meanwhile
        _publish(dataset, final)
    except FileExistsError:
        raise
    except (OSError, av.FFmpegError) as error:
        raise DemoWriteError(f"cannot write the LeRobot dataset {final}: {error}") from error
    finally:
        staging.remove()
    return ExportResult(final, writer.episodes, writer.ticks, selection.left_out, content.notes())


@checks_flags
def import_lerobot(
    dataset: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    frames_key: str | None = None,
    translator: Translator | None = None,
    crf: int = 18,
    lossless: bool = False,
    overwrite: bool = False,
) -> ImportResult:
    """Writes the episodes of a LeRobot dataset on this machine as demos: all of them, or none.

    Its actions must have the names of one of ``export_lerobot``'s kinds. ``next.reward``, ``next.success``,
    ``executed_action``, ``intervention``, ``menu``, and ``observation.state`` with the names that ``export_lerobot``
    gives, are read where it has them. Other observations are not.

    Args:
        dataset: Directory of the dataset, of format v3.
        directory: Directory of the demos.
        frames_key: Feature of the frames, such as ``observation.images.pov``; default: the only video.
        translator: Converts the action vectors of other datasets (its ``to_human``).
        crf: x264's constant rate factor: lower is closer to the frames, and larger.
        lossless: Store the decoded frames without loss, in larger videos, and ignore ``crf``.
        overwrite: Replace the demos that were imported from a dataset of this name before.

    Raises:
        DependencyNotInstalled: pyarrow is not installed.
        FileExistsError: The directory already has demos from a dataset of this name.
        FileNotFoundError: The directory is not a LeRobot dataset.
        SourceError: The dataset is damaged or of another version, has several videos, or actions of unknown names (the
            message has them); or a demo cannot express an action or a reward. It is a ``ValueError``.
    """
    root = Path(dataset)
    own: dict[str, dict[str, Any]] = {STATE: {"names": list(STATE_NAMES)}, MENU: {"dtype": "bool"}}
    source = LeRobotReader(root, frames_key, own | {name: {} for name in _COMMON})
    names = source.features[ACTION].get("names")
    kind = None if translator is not None else kind_of(names)
    if kind is None and translator is None:
        raise SourceError(
            f"{root}: its actions have the names {shown(names)}, which are not those of a human action; in Python, "
            "import_lerobot(translator=...) converts them"
        )
    space = spaces.Box(-np.inf, np.inf, tuple(source.features[ACTION]["shape"])) if kind is None else space_of(kind)
    reader = ActionReader(space, translator=translator)
    name = root.resolve().name
    with DemoImporter(directory, format="lerobot", names=[name], overwrite=overwrite) as importer:
        for episode, frames in source:
            where = f"{root}, episode {episode.index}"
            executed = episode.columns.get(EXECUTED)
            done, success = _numbers(episode, DONE, where), _numbers(episode, SUCCESS, where)
            rewards = _numbers(episode, REWARD, where)
            importer.write(
                name,
                frames,
                _read_actions(reader, episode.columns[ACTION], kind, where),
                np.zeros(len(episode)) if rewards is None else rewards,
                executed=None if executed is None else _read_actions(reader, executed, kind, where),
                intervention=_numbers(episode, INTERVENTION, where),
                states=_states(episode, where),
                metadata=_metadata(episode, where, source.fps),
                where={"episode": episode.index},
                success=None if success is None else bool(success.any()),
                ended="terminated" if done is not None and bool(done[-1]) else "truncated",
                crf=crf,
                lossless=lossless,
            )
    return ImportResult(importer.demos, importer.ticks, reader.dropped)


class _Content:
    """What the demos of an export have, and so which features the dataset gets."""

    def __init__(self) -> None:
        self.rates: set[float] = set()
        self._demos = self._labelled = self._with_outcome = 0
        self._known = {STATE: 0, MENU: 0}
        self._intervention = False

    def see(self, demo: Demo) -> bool:
        """Looks at the next demo; returns True."""
        self.rates.add(demo.metadata.get("fps", 20))
        self._demos += 1
        self._labelled += has_labels(demo)
        for name, column in _game_of(demo).items():
            self._known[name] += column is not None
        self._with_outcome += demo.success is not None
        self._intervention |= bool(demo.intervention.any())
        return True

    def features(self, kind: ActionKind) -> dict[str, list[str] | None]:
        """Returns the names of the entries of each feature, or None for one number."""
        features: dict[str, list[str] | None] = {}
        if self._known[STATE] == self._demos:
            features[STATE] = list(STATE_NAMES)
        if self._known[MENU] == self._demos:
            features[MENU] = None
        features |= {ACTION: NAMES[kind], REWARD: None, DONE: None}
        if self._with_outcome == self._demos:
            features[SUCCESS] = None
        if self._labelled:
            features[EXECUTED] = NAMES[kind]
        if self._intervention:
            features[INTERVENTION] = None
        return features

    def dtypes(self, kind: ActionKind) -> dict[str, str]:
        """Returns the type of each feature."""
        flags = dict.fromkeys((DONE, SUCCESS, INTERVENTION, MENU), "bool")
        known = {STATE: "float32", ACTION: DTYPES[kind], EXECUTED: DTYPES[kind], REWARD: "float64", **flags}
        return {name: known[name] for name in self.features(kind)}

    def columns(self, demo: Demo, kind: ActionKind) -> dict[str, npt.NDArray[Any]]:
        """Returns the features of a demo.

        Raises:
            DemoError: The demo has changed since ``see``.
        """
        last = np.zeros(len(demo), np.bool_)
        last[-1] = True
        columns: dict[str, npt.NDArray[Any] | None] = {
            **_game_of(demo),
            ACTION: vectors(demo.actions, kind),
            EXECUTED: vectors(demo.executed, kind),
            REWARD: demo.rewards,
            DONE: last,
            SUCCESS: last & bool(demo.success),
            INTERVENTION: demo.intervention,
        }
        found = {}
        for name in self.features(kind):
            column = columns[name]
            if column is None:
                raise DemoError(f"{demo.files.records} has changed: it lacks {name}", "export again")
            found[name] = column
        return found

    def notes(self) -> tuple[str, ...]:
        """Returns what a user should know about the features."""
        notes = []
        if self._labelled:
            notes.append(
                f"in {counted(self._labelled, 'episode')} the labels differ from the executed actions, "
                f"which are in {EXECUTED}"
            )
        for what, count in (*self._known.items(), (SUCCESS, self._with_outcome)):
            if 0 < count < self._demos:
                notes.append(f"{self._demos - count} of {self._demos} demos do not have {what}, so it is left out")
        return tuple(notes)


def _game_of(demo: Demo) -> dict[str, npt.NDArray[Any] | None]:
    """Returns ``STATE`` (T, 5) and ``MENU`` (T,); None for one that is not known in every tick."""
    known = game_states(demo)
    places = [[state.get(key) for key in STATE_NAMES.values()] for state in known]
    menus = [state.get("isGuiOpen") for state in known]
    state = None
    numbers = [one for row in places for one in row if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) == len(STATE_NAMES) * len(places) and all(abs(one) <= _LARGEST for one in numbers):
        state = np.array(places, np.float32)
    return {
        STATE: state,
        MENU: np.array(menus, np.bool_) if all(isinstance(menu, bool) for menu in menus) else None,
    }


def _task_of(demo: Demo) -> str:
    task = demo.metadata.get("task") or demo.metadata.get("env_id") or UNKNOWN_TASK
    return printable(task) if isinstance(task, str) else json.dumps(task)


def _only(values: set[Any], problem: str, remedy: str) -> Any:
    if len(values) > 1:
        found = ", ".join(
            "x".join(map(str, value)) if isinstance(value, tuple) else f"{value}" for value in sorted(values)
        )
        raise ValueError(f"the {problem} ({found}); {remedy}")
    return next(iter(values))


def _check_target(final: Path, overwrite: bool) -> None:
    if not final.exists() or (final.is_dir() and not any(final.iterdir())):
        return
    if not (final / INFO).is_file():
        raise FileExistsError(f"{final} exists and is not a LeRobot dataset, so it is not replaced; choose another")
    if not overwrite:
        raise FileExistsError(
            f"{final} exists: it is a LeRobot dataset. Replace it with --overwrite (overwrite=True), or choose another"
        )


def _publish(dataset: Path, final: Path) -> None:
    """Renames a complete dataset to its final name; one that has this name is moved next to ``dataset``."""
    for path in dataset.rglob("*"):
        sync(path)
    former = dataset.with_name("replaced")
    existed = final.exists()
    if existed:
        os.replace(final, former)
    try:
        os.replace(dataset, final)
    except BaseException:
        if existed:
            os.replace(former, final)
        raise
    if os.name == "posix":
        sync(final.parent)


def _read_actions(
    reader: ActionReader, columns: npt.NDArray[Any], kind: ActionKind | None, where: str
) -> Iterator[HumanAction]:
    for tick, vector in enumerate(columns):
        try:
            yield reader.read(vector if kind is None else action_of(vector, kind))
        except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
            raise SourceError(f"{where}, tick {tick}: {error}") from error


def _numbers(episode: LeRobotEpisode, name: str, where: str) -> npt.NDArray[Any] | None:
    """Returns a feature of one number a tick, (T,); None if the dataset does not have it."""
    column = episode.columns.get(name)
    if column is not None and column.size != len(episode):
        raise SourceError(f"{where} has {len(episode)} ticks and {name} of shape {column.shape}; each tick needs one")
    if column is not None and not np.isfinite(column).all():
        raise SourceError(f"{where}: {name} has NaN or infinity; each tick needs a number")
    return None if column is None else column.ravel()


def _states(episode: LeRobotEpisode, where: str) -> list[GameState]:
    """Returns the state of the game in each tick, as far as the columns have it."""
    states: list[dict[str, Any]] = [{} for _ in range(len(episode))]
    places, menus = episode.columns.get(STATE), _numbers(episode, MENU, where)
    if places is not None:
        if places.shape != (len(episode), len(STATE_NAMES)):
            raise SourceError(f"{where}: {STATE} is of shape {places.shape}; it has {', '.join(STATE_NAMES)} each tick")
        for state, row in zip(states, places.tolist(), strict=True):
            state.update(zip(STATE_NAMES.values(), row, strict=True))
    if menus is not None:
        for state, menu in zip(states, menus.tolist(), strict=True):
            state["isGuiOpen"] = bool(menu)
    return list(states)


def _metadata(episode: LeRobotEpisode, where: str, fps: int) -> dict[str, Any]:
    if episode.demo is None:
        return {"fps": fps, **({"task": episode.task} if episode.task else {})}
    with reading(where, f"is damaged, {DEMO_KEY} cannot be read"):
        metadata = parse_json(episode.demo.encode())
    if not isinstance(metadata, dict):
        raise SourceError(f"{where}: {DEMO_KEY} is {shown(metadata)}; it must be a JSON object")
    return metadata
