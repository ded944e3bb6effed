"""Reading one LeRobot dataset on this machine, episode by episode."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.demos.exchange.importing import SourceError, reading
from vpt_gym.demos.exchange.lerobot_layout import ACTION, DEMO_KEY, EPISODES, INFO, TASKS, require_pyarrow
from vpt_gym.demos.files.video import has_frame_at_every_tick, iter_lazy_frames, read_display_turn
from vpt_gym.frames import Frame
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import printable_name, shown
from vpt_gym.video_file import upright_command

_EPISODE_COLUMNS = ("episode_index", "length", "data/chunk_index", "data/file_index", "tasks", DEMO_KEY)
_PLACEHOLDER = re.compile(r"\{(?:chunk_index|file_index)(?::0?\d{1,2}d)?\}|\{video_key\}")

EPISODE = "episode_index"
"""The column that says which episode a tick is of."""


@dataclass(frozen=True)
class LeRobotEpisode:
    """One episode of T ticks.

    Attributes:
        index: Its number in the dataset.
        columns: The features except the frames, (T,) or (T, n).
        task: What it does, in words; empty if unknown.
        demo: The metadata of the demo that it was exported from, as JSON; None for an episode of another program.
    """

    index: int
    columns: dict[str, npt.NDArray[Any]]
    task: str
    demo: str | None

    def __len__(self) -> int:
        return len(self.columns[ACTION])


@dataclass(frozen=True)
class _Place:
    """Where the ticks and frames of an episode are, each as (chunk, file), and the number of its first frame there."""

    index: int
    length: int
    data: tuple[int, int]
    video: tuple[int, int]
    start: int
    task: str
    demo: str | None


class LeRobotReader:
    """The episodes of a dataset, whose columns and frames are read one episode at a time.

    Args:
        root: The directory of the dataset.
        frames_key: Feature of the frames; default: the only video.
        wanted: The columns to read, where the dataset has them and describes them so, for example with these ``names``.

    Attributes:
        fps: Frames per second.
        features: Description of each feature.
        frame_shape: (height, width) of the frames.

    Raises:
        FileNotFoundError: The directory is not a LeRobot dataset.
        SourceError: Its version is another one, its metadata are damaged, or the video is not clear.
    """

    def __init__(self, root: Path, frames_key: str | None, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        self._pa, self._pq = require_pyarrow()
        self._file: tuple[Path, Any] | None = None  # the data that were read last
        self._root = root
        if not (root / INFO).is_file():
            raise FileNotFoundError(f"{root} is not a LeRobot dataset: it has no {INFO}")
        with reading(root / INFO, "is damaged"):
            info = parse_json((root / INFO).read_bytes())
            version, fps = str(info["codebase_version"]), info["fps"]
            self.features: dict[str, dict[str, Any]] = {name: dict(one) for name, one in info["features"].items()}
            self._patterns = {"data": str(info["data_path"]), "video": str(info.get("video_path"))}
            if isinstance(fps, bool) or not isinstance(fps, int | float) or fps < 1 or fps != int(fps):
                raise ValueError(f"fps is {shown(fps)}; a demo has a whole number of frames a second")
            self.fps = int(fps)
        if not version.startswith("v3."):
            raise SourceError(
                f"{root} has format {shown(version)}; this vpt-gym reads v3.0. LeRobot converts older ones: "
                "python -m lerobot.datasets.v30.convert_dataset_v21_to_v30 --repo-id=ID"
            )
        if ACTION not in self.features:
            raise SourceError(f"{root} has no {ACTION}; it has {', '.join(map(shown, self.features))}")
        self._video_key = self._frames_key(frames_key)
        with reading(root / INFO, f"is damaged, the shape of {self._video_key} cannot be read"):
            height, width, _ = self.features[self._video_key]["shape"]
            self.frame_shape = (int(height), int(width))
        known = {name: self.features.get(name) for name in wanted}
        self._wanted = [
            ACTION,
            *(name for name, found in known.items() if found and wanted[name].items() <= found.items()),
        ]
        self._video = _Video(self.fps)
        self._places = self._read_places()
        self._tasks = self._read_tasks()

    def __iter__(self) -> Iterator[tuple[LeRobotEpisode, Iterator[Frame]]]:
        """Yields each episode and its frames, uint8 (H, W, 3). Read the frames before the next episode."""
        with closing(self._video):
            for place in self._places:
                yield self._read(place)

    def _frames_key(self, given: str | None) -> str:
        videos = [name for name, feature in self.features.items() if feature.get("dtype") == "video"]
        if given is None and len(videos) == 1:
            return videos[0]
        if given in videos:
            return str(given)
        found = f"its videos are {', '.join(map(shown, videos))}" if videos else "it has none"
        if given is None:
            raise SourceError(f"{self._root}: choose one video with --frames-key (frames_key=); {found}")
        raise SourceError(f"{self._root} has no video {shown(given)}; {found}")

    def _read_places(self) -> list[_Place]:
        """Returns the metadata of the episodes, in their order."""
        video = [f"videos/{self._video_key}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
        places: list[_Place] = []
        for path in sorted((self._root / EPISODES).glob("*/*.parquet")):
            with reading(path, "is damaged"):
                known = self._pq.read_schema(path).names
                columns = [name for name in (*_EPISODE_COLUMNS, *video) if name in known]
                places += [self._place(row, path) for row in self._table(path, columns).to_pylist()]
        if not places:
            raise SourceError(f"{self._root} has no episode in {EPISODES}; its recording was not finished")
        if len({place.index for place in places}) < len(places):
            raise SourceError(f"{self._root} is damaged, {EPISODES} has an episode twice; download it again")
        return sorted(places, key=lambda place: place.index)

    def _place(self, row: Mapping[str, Any], path: Path) -> _Place:
        video = f"videos/{self._video_key}"
        index, length = int(row["episode_index"]), int(row["length"])
        data = int(row["data/chunk_index"]), int(row["data/file_index"])
        frames = int(row[f"{video}/chunk_index"]), int(row[f"{video}/file_index"])
        seconds = float(row[f"{video}/from_timestamp"])
        if min(index, length, *data, *frames) < 0 or not seconds >= 0:
            raise SourceError(f"{path}: the metadata of episode {index} have a negative number")
        tasks, demo = row.get("tasks"), row.get(DEMO_KEY)
        task = str(tasks[0]) if isinstance(tasks, list) and tasks else ""
        start = round(seconds * self.fps)
        return _Place(index, length, data, frames, start, task, None if demo is None else str(demo))

    def _table(self, path: Path, columns: list[str] | None = None) -> Any:
        """Returns columns of a Parquet file; checksums of its pages are verified if it has them.

        In one thread, and without the data sets and the statistics of pyarrow: for some damaged files the former wait
        forever, and the latter end the process.
        """
        with self._pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read(columns=columns, use_threads=False)

    def _ticks(self, path: Path, columns: list[str], episode: int) -> Any:
        """Returns columns of the ticks of an episode; the file is kept for the next one."""
        if self._file is None or self._file[0] != path:
            self._file = path, self._table(path, list(dict.fromkeys([*columns, EPISODE])))
        table = self._file[1]
        return table.take(np.flatnonzero(table[EPISODE].to_numpy() == episode)).select(columns)

    def _read_tasks(self) -> dict[int, str]:
        path = self._root / TASKS
        if not path.is_file():
            return {}
        with reading(path, "is damaged"):
            table = self._table(path)
            (names,) = (name for name in table.column_names if name != "task_index")
            return {int(row["task_index"]): str(row[names]) for row in table.to_pylist()}

    def _read(self, place: _Place) -> tuple[LeRobotEpisode, Iterator[Frame]]:
        index, length = place.index, place.length
        path = self._path("data", place.data)
        times = ["timestamp"] if "timestamp" in self.features else []
        wanted = [*self._wanted, "frame_index", "task_index", *times]
        with reading(path, f"is damaged, episode {index} cannot be read"):
            table = self._ticks(path, wanted, index).sort_by("frame_index")
            numbers = table["frame_index"].to_pylist()
            if len(numbers) != length or numbers != list(range(length)) or not length:
                raise SourceError(f"{path}: episode {index} has {len(numbers)} ticks, not the {length} of its metadata")
            for name in times:  # a wrong rate would give the ticks the frames of others
                if not abs(table[name][-1].as_py() * self.fps - (length - 1)) < 0.5:
                    raise ValueError(f"its last {name} does not fit {length} ticks at {self.fps} a second")
            columns = {name: self._array(table[name], name) for name in self._wanted}
            task = self._tasks.get(table["task_index"][0].as_py(), place.task)
        return LeRobotEpisode(index, columns, task, place.demo), self._frames(place)

    def _array(self, column: Any, name: str) -> npt.NDArray[Any]:
        column = column.combine_chunks()
        if column.null_count:
            raise ValueError(f"{name} has {column.null_count} missing values")
        types = self._pa.types
        if not (types.is_fixed_size_list(column.type) or types.is_list(column.type)):
            array: npt.NDArray[Any] = column.to_numpy(zero_copy_only=False)
        else:
            if types.is_list(column.type) and len(set(np.diff(column.offsets.to_numpy()).tolist())) > 1:
                raise ValueError(f"{name} has rows of several lengths")
            values = column.flatten()
            if values.null_count:
                raise ValueError(f"{name} has {values.null_count} missing values")
            array = values.to_numpy(zero_copy_only=False).reshape(len(column), -1)
        if not np.issubdtype(array.dtype, np.number) and array.dtype != np.bool_:
            raise ValueError(f"{name} has values of type {array.dtype}; they must be numbers")
        return array

    def _frames(self, place: _Place) -> Iterator[Frame]:
        path = self._path("video", place.video)
        damaged = f"is damaged, the frames of episode {place.index} cannot be decoded"
        with reading(path, damaged):
            frames = self._video.frames(path, place.start)
        for tick in range(place.length):
            with reading(path, damaged):
                pixels = next(frames, None)
                frame = None if pixels is None else pixels()
            if frame is None:
                raise SourceError(f"{path} ends after {tick} of the {place.length} frames of episode {place.index}")
            if frame.shape[:2] != self.frame_shape:
                raise SourceError(f"{path}: frames are {frame.shape[:2]}, not {self.frame_shape}, as {INFO} says")
            yield frame

    def _path(self, kind: str, place: tuple[int, int]) -> Path:
        pattern = self._patterns[kind]
        with reading(self._root / INFO, f"is damaged, {kind}_path cannot be used"):
            if set("{}") & set(_PLACEHOLDER.sub("", pattern)):  # others could ask for a name of a gigabyte
                raise ValueError(f"it is {shown(pattern)}")
            name = pattern.format(chunk_index=place[0], file_index=place[1], video_key=self._video_key)
            if name != printable_name(name):
                raise ValueError(f"it names the file {shown(name)}")
            path = (self._root / name).resolve()
            if not path.is_relative_to(self._root.resolve()):
                raise SourceError(f"{self._root / INFO}: {kind}_path leads out of the dataset: {shown(name)}")
            found = path.is_file()
        if not found:
            raise SourceError(f"{path} is missing; download the dataset again")
        return path


class _Video:
    """The decoder of the last video, kept open, since consecutive episodes are consecutive in a file."""

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._path: Path | None = None
        self._position = 0
        self._source: Iterator[Callable[[], Frame]] = iter(())

    def frames(self, path: Path, start: int) -> Iterator[Callable[[], Frame]]:
        """Returns an iterator over the frames of a file from number ``start`` on.

        Raises:
            SourceError: Players turn the frames, or show them at other times than the ticks.
        """
        if path != self._path:
            if (turn := read_display_turn(path)) is not None:
                command = upright_command(path.name)
                raise SourceError(f"{path} {turn} when it is shown (its display matrix); convert it: {command}")
            if not has_frame_at_every_tick(path, self._fps):
                raise SourceError(
                    f"{path} does not have {self._fps} evenly spaced frames a second, so it is not known which ticks "
                    "they belong to; export or download it again"
                )
        if path != self._path or start < self._position:
            self.close()
            self._source = iter_lazy_frames(path)
            self._path, self._position = path, 0
        for _ in itertools.islice(self._source, start - self._position):
            self._position += 1
        return self._counted()

    def close(self) -> None:
        """Closes the file."""
        if hasattr(self._source, "close"):
            self._source.close()
        self._path, self._source = None, iter(())

    def _counted(self) -> Iterator[Callable[[], Frame]]:
        for pixels in self._source:
            self._position += 1
            yield pixels
