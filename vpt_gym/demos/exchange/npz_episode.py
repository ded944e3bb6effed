"""Writing and reading one episode as an ``.npz`` file, frame by frame. ``npz`` describes the content."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vpt_gym.demos.exchange.game_state import read_state_texts
from vpt_gym.demos.exchange.importing import GameState, SourceError, reading
from vpt_gym.demos.exchange.minedojo_actions import CAM_INTERVAL, minedojo_space
from vpt_gym.frames import KEYS, Frame, Layout, find_frame, find_frame_space
from vpt_gym.system.json_text import parse_json

_FRAME_KEYS = (*KEYS, "frames", "observations", "obs")
_ACTION_KEYS = ("action", "actions")
_REWARD_KEYS = ("reward", "rewards")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_COMPRESSED = 1032
"""The most that deflate shrinks anything: a member that claims more is damaged, or made to fill the memory."""


def write_npz(
    path: Path,
    arrays: Mapping[str, npt.NDArray[Any]],
    frames: Iterator[Frame],
    shape: tuple[int, int, int],
    layout: Layout,
    compress: bool,
) -> None:
    """Writes the same file as ``numpy.savez``, with only one frame in memory."""
    ticks, height, width = shape
    whole = (ticks, 3, height, width) if layout == "CHW" else (ticks, height, width, 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": whole}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
        with archive.open("rgb.npy", "w", force_zip64=True) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for frame in frames:
                file.write((np.moveaxis(frame, -1, 0) if layout == "CHW" else frame).tobytes())


class NpzEpisode:
    """An open ``.npz`` file, whose frames are read one by one.

    Raises:
        FileNotFoundError: There is no such file.
        SourceError: The file lacks something, is damaged, or has invalid content.
    """

    def __init__(self, path: Path, frames_key: str | None, layout: Layout | None, cam_interval: float | None) -> None:
        if path.is_dir():
            raise FileNotFoundError(f"{path} is a folder and not an .npz file; name the files in it, as {path}/*.npz")
        if path.suffix != ".npz":
            raise FileNotFoundError(f"{path} is not an .npz file")
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        self._path = path
        with reading(path, "is not an .npz file, or is damaged"):
            self._archive = zipfile.ZipFile(path)
        self._members = {
            info.filename.removesuffix(".npy"): info
            for info in self._archive.infolist()
            if info.filename.endswith(".npy")
        }
        try:
            self._frames_key = self._key("frames", _FRAME_KEYS if frames_key is None else (frames_key,))
            self._shape = self._frames_shape()
            try:
                row = spaces.Box(0, 255, self._shape[1:], np.uint8)
                self._where = find_frame_space(row, layout=layout)
            except ValueError as error:
                raise SourceError(f"{path}: {self._frames_key} does not contain RGB frames ({error})") from error
            self.actions = self._ints(self._key("actions", _ACTION_KEYS))
            ticks = len(self.actions)
            if not ticks or self._shape[0] not in (ticks, ticks + 1):
                raise SourceError(f"{path} has {self._shape[0]} frames and {ticks} actions; it needs one for each")
            self.executed = self._ints("executed_action") if "executed_action" in self._members else None
            self.rewards = np.zeros(ticks)
            if any(name in self._members for name in _REWARD_KEYS):
                self.rewards = self._numbers(self._key("rewards", _REWARD_KEYS))
            self.intervention = self._flags("intervention") if "intervention" in self._members else None
            self.states = self._states() if "state" in self._members else None
            for what, array in (
                ("rewards", self.rewards),
                ("executed actions", self.executed),
                ("interventions", self.intervention),
                ("states", self.states),
            ):
                if array is not None and len(array) != ticks:
                    raise SourceError(f"{path} has {len(array)} {what} and {ticks} actions; it needs one for each")
            self.cam_interval = self._cam_interval(cam_interval)
            try:
                self.space = minedojo_space(self.cam_interval)
            except ValueError as error:
                raise SourceError(f"{path}: {error}") from error
            self.metadata = self._metadata()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> NpzEpisode:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def frames(self) -> Iterator[Frame]:
        """Yields one frame for each action, uint8 (H, W, 3).

        Raises:
            SourceError: The file is damaged.
        """
        size = math.prod(self._shape[1:])
        with self._open(self._frames_key) as file:
            for _ in range(len(self.actions)):
                with _reading(self._path, self._frames_key):
                    row = np.frombuffer(file.read(size), np.uint8).reshape(self._shape[1:])
                yield find_frame(row, layout=self._where.layout)

    def _close(self) -> None:
        self._archive.close()

    def _key(self, what: str, names: tuple[str, ...]) -> str:
        found = next((name for name in names if name in self._members), None)
        if found is None:
            option = "; --frames-key names them" if what == "frames" else ""
            raise SourceError(
                f"{self._path} has no {what}: it contains {sorted(self._members)}; the names searched for are "
                f"{list(names)}{option}"
            )
        return found

    @contextmanager
    def _open(self, name: str) -> Iterator[Any]:
        """Opens an array, after its header."""
        with _reading(self._path, name):
            file = self._archive.open(self._members[name])
        with file:
            with _reading(self._path, name):
                _read_header(file)
            yield file

    def _header(self, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
        """Returns shape, order and type of an array, whose bytes are in the file."""
        info = self._members[name]
        with _reading(self._path, name), self._archive.open(info) as file:
            shape, fortran_order, dtype = _read_header(file)
            begin = file.tell()
        if dtype.hasobject or any(side < 0 for side in shape):
            raise SourceError(f"{self._path}: {name} cannot be read: it is {dtype} {shape}, not numbers or text")
        size, compressed = math.prod(shape) * dtype.itemsize, info.compress_size
        most = compressed if info.compress_type == zipfile.ZIP_STORED else _MOST_COMPRESSED * compressed
        if info.compress_type not in _METHODS or info.file_size > most or size > info.file_size - begin:
            raise SourceError(
                f"{self._path}: {name} is damaged: it would be {dtype} {shape}, {size:,} bytes, and the file has "
                f"{compressed:,} bytes of it; export it again"
            )
        return shape, fortran_order, dtype

    def _array(self, name: str) -> npt.NDArray[Any]:
        shape, fortran_order, dtype = self._header(name)
        with self._open(name) as file, _reading(self._path, name):
            content = file.read(math.prod(shape) * dtype.itemsize)
            return np.frombuffer(content, dtype, math.prod(shape)).reshape(shape, order="F" if fortran_order else "C")

    def _numbers(self, name: str) -> npt.NDArray[np.float64]:
        array = self._array(name)
        if array.dtype.kind not in "biuf" or array.ndim != 1:
            raise SourceError(f"{self._path}: {name} is {array.dtype} {array.shape}; rewards are numbers (T,)")
        return array.astype(np.float64)

    def _flags(self, name: str) -> npt.NDArray[np.bool_]:
        array = self._array(name)
        if array.dtype != np.bool_ or array.ndim != 1:
            raise SourceError(f"{self._path}: {name} is {array.dtype} {array.shape}; it must be bool (T,)")
        return array

    def _states(self) -> list[GameState]:
        array = self._array("state")
        if array.dtype.kind != "S" or array.ndim != 1:
            raise SourceError(f"{self._path}: state is {array.dtype} {array.shape}; it must be bytes (T,)")
        return read_state_texts(array.tolist(), str(self._path))

    def _ints(self, name: str) -> npt.NDArray[np.int64]:
        array = self._array(name)
        if array.dtype.kind not in "iu" or array.ndim != 2 or array.shape[1] != 8:
            raise SourceError(
                f"{self._path}: {name} is {array.dtype} {array.shape}; MineDojo's actions are integers (T, 8)"
            )
        return array.astype(np.int64)

    def _frames_shape(self) -> tuple[int, ...]:
        shape, fortran_order, dtype = self._header(self._frames_key)
        if dtype != np.uint8 or len(shape) != 4 or fortran_order:
            order = ", in Fortran order" if fortran_order else ""
            raise SourceError(
                f"{self._path}: {self._frames_key} is {dtype} {shape}{order}; frames are uint8 (T, 3, H, W) or "
                "(T, H, W, 3), in C order"
            )
        return shape

    def _cam_interval(self, given: float | None) -> float:
        if "cam_interval" in self._members:
            array = self._array("cam_interval")
            if array.dtype.kind not in "iuf" or array.size != 1:
                raise SourceError(f"{self._path}: cam_interval is {array.dtype} {array.shape}; it must be one number")
            stored = float(array.reshape(()))
            if given is not None and given != stored:
                raise SourceError(f"{self._path} has cam_interval {stored:g}, not {given:g}")
            return stored
        if given is None:
            raise SourceError(
                f"{self._path} does not contain the degrees per camera bin: pass them with --cam-interval "
                f"(cam_interval=...); MineDojo's default is {CAM_INTERVAL:g}"
            )
        return given

    def _metadata(self) -> dict[str, Any]:
        if "metadata" not in self._members:
            return {}
        text = self._array("metadata")
        try:
            metadata = parse_json(str(text).encode()) if text.dtype.kind == "U" and text.ndim == 0 else None
        except ValueError:
            metadata = None
        if not isinstance(metadata, dict):
            raise SourceError(f"{self._path}: metadata is not a string with a JSON object")
        return metadata


def _reading(path: Path, name: str) -> AbstractContextManager[None]:
    return reading(path, f"is damaged, {name} cannot be read")


def _read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if np.lib.format.read_magic(file) == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
