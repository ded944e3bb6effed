"""Writing one LeRobot dataset, episode by episode."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.demos.exchange.lerobot_layout import (
    DATA_PATH,
    EPISODES_PATH,
    FILES_IN_CHUNK,
    FRAME,
    INFO,
    STATS,
    TASKS,
    VERSION,
    VIDEO_PATH,
    place,
    require_pyarrow,
)
from vpt_gym.demos.exchange.lerobot_stats import PixelStats, Stats, combined, vector_stats
from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.frames import Frame

_EPISODES_IN_FILE = 10_000
_MEGABYTE = 1 << 20
_INDICES = ("timestamp", "frame_index", "episode_index", "index", "task_index")


class LeRobotWriter:
    """Writes one dataset. Many episodes share a file; one episode at a time is in memory.

    Args:
        root: The directory of the dataset; it must exist.
        fps: Frames per second.
        size: (height, width) of the frames, both even.
        features: The columns of an episode except the frames, with the names of their entries, or None for one number.
        dtypes: Type of each of these columns.
        crf: x264's constant rate factor.
        data_mb: Begin a new file of columns when one has so many megabytes.
        video_mb: The same for videos.

    Attributes:
        episodes: Number of episodes written.
        ticks: Number of ticks in them.
    """

    def __init__(
        self,
        root: Path,
        *,
        fps: int,
        size: tuple[int, int],
        features: Mapping[str, list[str] | None],
        dtypes: Mapping[str, str],
        crf: int,
        data_mb: int,
        video_mb: int,
    ) -> None:
        self._pa, self._pq = require_pyarrow()
        self._root, self._fps, self._size, self._crf = root, fps, size, crf
        self._limits = {"data_files_size_in_mb": data_mb, "video_files_size_in_mb": video_mb}
        names: dict[str, list[str] | None] = {**features, **dict.fromkeys(_INDICES)}
        types = {**dtypes, **dict.fromkeys(_INDICES, "int64"), "timestamp": "float32"}
        self._features = {
            name: {"dtype": types[name], "shape": [len(entries or [0])], "names": entries}
            for name, entries in names.items()
        }
        self._schema = self._pa.schema([(name, self._type(feature)) for name, feature in self._features.items()])
        self._data = _Numbered(root, DATA_PATH)
        self._videos = _Numbered(root, VIDEO_PATH.replace("{video_key}", FRAME))
        self._data_file: Any = None
        self._video: VideoWriter | None = None
        self._frames_in_video = 0
        self._tasks: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._stats: dict[str, Stats] = {}
        self.episodes = self.ticks = 0

    def write(
        self,
        frames: Iterable[Frame],
        columns: Mapping[str, npt.NDArray[Any]],
        *,
        task: str,
        more: Mapping[str, str],
    ) -> None:
        """Writes one episode. If the frames raise an error, it is not part of the dataset, and the next may follow.

        Args:
            frames: Its T frames.
            columns: Its features, (T,) or (T, n).
            task: What it does, in words.
            more: Further columns of the episode's metadata.
        """
        length = len(next(iter(columns.values())))
        first, video_stats = self._write_video(frames, length)
        ticks = np.arange(length)
        arrays = {
            **columns,
            "timestamp": (ticks / self._fps).astype(np.float32),
            "frame_index": ticks,
            "episode_index": np.full(length, self.episodes),
            "index": self.ticks + ticks,
            "task_index": np.full(length, self._tasks.setdefault(task, len(self._tasks))),
        }
        self._write_data(arrays)
        stats = {name: vector_stats(array) for name, array in arrays.items()} | {FRAME: video_stats}
        self._stats = combined(self._stats, stats) if self._stats else stats
        data, video, own = self._data.place, self._videos.place, place(self.episodes // _EPISODES_IN_FILE)
        self._rows.append(
            {
                "episode_index": self.episodes,
                "tasks": [task],
                "length": length,
                "data/chunk_index": data[0],
                "data/file_index": data[1],
                "dataset_from_index": self.ticks,
                "dataset_to_index": self.ticks + length,
                f"videos/{FRAME}/chunk_index": video[0],
                f"videos/{FRAME}/file_index": video[1],
                f"videos/{FRAME}/from_timestamp": first / self._fps,
                f"videos/{FRAME}/to_timestamp": (first + length) / self._fps,
                **{f"stats/{name}/{key}": value for name, one in stats.items() for key, value in _lists(one).items()},
                "meta/episodes/chunk_index": own[0],
                "meta/episodes/file_index": own[1],
                **more,
            }
        )
        self.episodes += 1
        self.ticks += length
        if len(self._rows) == _EPISODES_IN_FILE:
            self._write_rows()

    def finish(self) -> None:
        """Writes the metadata. Without it the dataset cannot be read."""
        self.close()
        self._write_rows()
        self._write_tasks()
        height, width = self._size
        video = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": self._fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
        info = {
            "codebase_version": VERSION,
            "robot_type": None,
            "total_episodes": self.episodes,
            "total_frames": self.ticks,
            "total_tasks": len(self._tasks),
            "chunks_size": FILES_IN_CHUNK,
            **self._limits,
            "fps": self._fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH,
            "features": {FRAME: video, **self._features},
        }
        (self._root / STATS).write_text(json.dumps({name: _lists(one) for name, one in self._stats.items()}, indent=1))
        (self._root / INFO).write_text(json.dumps(info, indent=1))

    def close(self) -> None:
        """Closes the open files."""
        data, video = self._data_file, self._video
        self._data_file = self._video = None
        if data is not None:
            data.close()
        if video is not None:
            video.close()

    def _type(self, feature: Mapping[str, Any]) -> Any:
        name = {"bool": "bool_"}.get(feature["dtype"], feature["dtype"])
        single = getattr(self._pa, name)()
        return single if feature["names"] is None else self._pa.list_(single, feature["shape"][0])

    def _write_video(self, frames: Iterable[Frame], length: int) -> tuple[int, Stats]:
        """Returns the number of frames before those of this episode in its file, and their statistics."""
        if self._video is not None and self._videos.is_full(self._limits["video_files_size_in_mb"]):
            self._video.close()
            self._video = None
        if self._video is None:
            # LeRobot's decoder needs the number of frames in the header, which a fragmented file lacks
            self._video = VideoWriter(self._videos.next(), self._size, fps=self._fps, crf=self._crf, fragmented=False)
            self._frames_in_video = 0
        first, stats = self._frames_in_video, PixelStats(length)
        for frame in frames:
            self._video.append(frame)
            self._frames_in_video += 1
            stats.add(frame)
        return first, stats.result()

    def _write_data(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        if self._data_file is not None and self._data.is_full(self._limits["data_files_size_in_mb"]):
            self._data_file.close()
            self._data_file = None
        if self._data_file is None:
            self._data_file = self._pq.ParquetWriter(self._data.next(), self._schema, write_page_checksum=True)
        columns = []
        for field in self._schema:
            array = arrays[field.name]
            flat = self._pa.array(np.ascontiguousarray(array).ravel())
            is_list = self._features[field.name]["names"] is not None
            columns.append(self._pa.FixedSizeListArray.from_arrays(flat, array.shape[1]) if is_list else flat)
        self._data_file.write_table(self._pa.table(columns, names=self._schema.names).cast(self._schema))

    def _write_rows(self) -> None:
        """Writes the metadata of the last episodes."""
        if self._rows:
            row = self._rows[0]
            path = self._root / EPISODES_PATH.format(
                chunk_index=row["meta/episodes/chunk_index"], file_index=row["meta/episodes/file_index"]
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            self._pq.write_table(self._pa.Table.from_pylist(self._rows), path, write_page_checksum=True)
            self._rows = []

    def _write_tasks(self) -> None:
        """Writes the tasks as pandas does, with the names as the index of the table; LeRobot looks for them there."""
        index = {
            "name": "task",
            "field_name": "task",
            "pandas_type": "unicode",
            "numpy_type": "object",
            "metadata": None,
        }
        number = {
            **index,
            "name": "task_index",
            "field_name": "task_index",
            "pandas_type": "int64",
            "numpy_type": "int64",
        }
        of_columns = {**index, "name": None, "field_name": None, "metadata": {"encoding": "UTF-8"}}
        pandas = {
            "index_columns": ["task"],
            "column_indexes": [of_columns],
            "columns": [number, index],
            "creator": {"library": "pyarrow", "version": self._pa.__version__},
            "pandas_version": "2.0.0",
        }
        table = self._pa.table(
            {"task_index": self._pa.array(self._tasks.values(), self._pa.int64()), "task": list(self._tasks)}
        )
        table = table.replace_schema_metadata({"pandas": json.dumps(pandas)})
        self._pq.write_table(table, self._root / TASKS, write_page_checksum=True)


class _Numbered:
    """The files of one kind, in chunks."""

    def __init__(self, root: Path, pattern: str) -> None:
        self._root, self._pattern, self._count = root, pattern, 0

    @property
    def place(self) -> tuple[int, int]:
        """Chunk and number of the last file."""
        return place(self._count - 1)

    @property
    def path(self) -> Path:
        """The last file."""
        chunk, file = self.place
        return self._root / self._pattern.format(chunk_index=chunk, file_index=file)

    def next(self) -> Path:
        """Returns the path of a new file, in an existing folder."""
        self._count += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path

    def is_full(self, megabytes: int) -> bool:
        """Whether the last file has reached a size."""
        return self.path.stat().st_size >= megabytes * _MEGABYTE


def _lists(stats: Stats) -> dict[str, Any]:
    return {name: [int(value[0])] if name == "count" else value.tolist() for name, value in stats.items()}
