"""Reading a demo: its actions, rewards and metadata, and its frames on request."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from vpt_gym.actions import codec
from vpt_gym.actions.human import HumanAction
from vpt_gym.demos.files.contractor import WINDOW_HEIGHT, Compat, check_compat, read_ticks, recorder_version_of
from vpt_gym.demos.files.cursor import CURSOR, CursorTrack, check_sprite
from vpt_gym.demos.files.names import (
    CONTRACTOR_FORMAT,
    EXPECTED_FILES,
    REMEDY_REPAIR,
    REMEDY_RESTORE,
    REMEDY_RESTORE_OR_MOVE,
    REMEDY_RESTORE_OR_REPAIR,
    DemoError,
    DemoFiles,
    files_of,
    is_metadata,
    partial,
    read_metadata,
    read_records,
)
from vpt_gym.demos.files.records import (
    EXTRA_KEY,
    Record,
    executed_action_of,
    human_action_of,
    is_intervention,
    is_menu_open,
    reward_of,
    stack_actions,
)
from vpt_gym.demos.files.video import (
    VideoHeader,
    iter_lazy_frames,
    iter_lazy_frames_opencv,
    read_display_turn,
    read_header,
)
from vpt_gym.frames import Frame
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.user_path import is_there
from vpt_gym.video_file import upright_command


@dataclass(frozen=True, repr=False)
class Demo:
    """One recorded episode of T ticks. Its frames are decoded on request.

    Attributes:
        files: Paths of its files.
        metadata: Content of ``<id>.json``. A contractor recording has none, so it gets ``format`` ("contractor"),
            ``ticks``, ``frame_size``, ``success`` (None) and ``recorder_version`` ("6.9", or None if unknown).
        actions: The human actions to learn, which are the labels if labels were stored: each of the 23 buttons (T,)
            int8 0/1, and ``camera`` (T, 2) float32, degrees per tick, (pitch, yaw); + is down, right. With
            ``compat="openai"`` the camera is int64, in whole degrees, and may exceed +-180.
        executed: The human actions that were executed, in the form of ``actions``.
        codes: (T, 2) int64, the canonical VPT codes of ``actions``.
        rewards: (T,) float64, of the step that each executed action took.
        null: (T,) bool, the ticks whose code is null: nothing is done. With ``compat="openai"``, the ticks that the
            public loader leaves out.
        menu: (T,) bool, the frames in which a menu is open, such as the inventory. False throughout where the
            environment does not report it (``info["is_gui_open"]``).
        intervention: (T,) bool, the ticks in which a person took over from an agent, or corrected it.
        cursor: The cursor that is drawn into the frames; None for none.
        compat: The value passed to ``read_demo``.
    """

    files: DemoFiles
    metadata: dict[str, Any]
    actions: dict[str, npt.NDArray[Any]]
    executed: dict[str, npt.NDArray[Any]]
    codes: npt.NDArray[np.int64]
    rewards: npt.NDArray[np.float64]
    null: npt.NDArray[np.bool_]
    menu: npt.NDArray[np.bool_]
    intervention: npt.NDArray[np.bool_]
    cursor: CursorTrack | None = None
    compat: Compat = None

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        height, width = self.frame_size
        return f"Demo({self.id!r}, ticks={len(self)}, frames={height}x{width}, success={self.success})"

    @property
    def id(self) -> str:
        """The demo's id."""
        return self.files.id

    @property
    def success(self) -> bool | None:
        """Whether the episode succeeded; None if unknown."""
        success: bool | None = self.metadata["success"]
        return success

    @property
    def frame_size(self) -> tuple[int, int]:
        """(height, width) of the recorded frames."""
        height, width = self.metadata["frame_size"]
        return height, width

    @property
    def decoding_digest(self) -> str:
        """A digest of what the frames depend on besides the video: the decoder and the cursor."""
        drawn = hashlib.sha256(self.compat.encode() if self.compat else b"")
        if self.cursor is not None:
            drawn.update(self.cursor.sprite.tobytes() + self.cursor.position.tobytes())
        return drawn.hexdigest()[:12]

    def frames(self, *, threads: int = 0, wanted: npt.NDArray[np.bool_] | None = None) -> Iterator[Frame]:
        """Yields the T frames in order, uint8 (H, W, 3); frame t was seen before action t.

        The video is H.264, so the pixels are close to the recorded ones, not equal. The cursor is drawn into contractor
        recordings while a menu is open.

        Args:
            threads: Threads of the decoder; 0 lets it choose. Ignored with ``compat="openai"``.
            wanted: (T,) bool, the frames to yield; default: all. The others are decoded, but not converted.

        Raises:
            DemoError: The video cannot be decoded, or does not have T frames.
        """
        count = 0
        try:
            video = self.files.video
            frames = (
                iter_lazy_frames_opencv(video)
                if self.compat
                else iter_lazy_frames(video, self.frame_size, threads=threads)
            )
            for pixels in frames:
                count += 1
                if count <= len(self) and (wanted is None or wanted[count - 1]):
                    yield pixels() if self.cursor is None else self.cursor.draw(pixels(), count - 1)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DemoError(
                f"{self.files.video}: cannot be decoded after frame {count} ({error})", REMEDY_RESTORE
            ) from error
        if self.compat and count < len(self) == read_header(self.files.video).frames:
            raise DemoError(
                f"{self.files.video}: OpenCV (compat='openai') stops after {count} of {len(self)} frames",
                "read the demo without compat, which also says what is damaged; if it is intact, convert the video: "
                f"ffmpeg -i {self.files.video.name} -fps_mode passthrough -c:v libx264 -bf 0 -crf 18 h264.mp4",
            )
        if count != len(self):
            header = read_header(self.files.video)
            if header.frames != len(self):
                raise wrong_length(self.files, header, len(self))
            raise DemoError(
                f"{self.files.video} holds {count} frames, but {self.files.records.name} holds {len(self)} ticks",
                REMEDY_RESTORE,
            )


@checks_flags
def read_demo(
    path: str | os.PathLike[str],
    *,
    compat: Compat = None,
    recorder_version: str | None = None,
    cursor: npt.NDArray[np.uint8] | None = None,
    count_frames: bool = True,
) -> Demo:
    """Reads a finished demo: its records and metadata now, its frames on request.

    The demo may be one of OpenAI's contractor recordings, which have only a video and records. The video's frames are
    counted, not decoded, so damage inside the video is found by ``Demo.frames``.

    Args:
        path: Any of the demo's files, or their common stem.
        compat: ``"openai"`` reads the demo like openai/Video-Pre-Training's public loader, with its faults
            (``vpt_gym.demos.files.contractor``): the same actions, the same null ticks, and frames that OpenCV decodes.
            None corrects the faults.
        recorder_version: Version of a contractor recording, such as "6.9"; default: the directory's name, if that is a
            version. Without a version, mouse movements in menus are not scaled.
        cursor: uint8 (h, w, 4) RGBA, drawn into contractors' frames while a menu is open; default: this package's own
            arrow. For exactly the pixels of the public loader pass the top left 16x16 of its
            ``mouse_cursor_white_16x16.png``, as RGBA.
        count_frames: False avoids reading the complete video; a video that is too short or too long is then found by
            ``Demo.frames``.

    Raises:
        DemoError: A file is missing or invalid, or the files disagree on the length or the frame size.
        ValueError: ``compat``, ``recorder_version`` or ``cursor`` is invalid.
    """
    check_compat(compat)
    sprite = CURSOR if cursor is None else check_sprite(cursor)
    files = files_of(path)
    version = recorder_version_of(files.directory, recorder_version)
    unfinished = any(is_there(partial(piece)) for piece in files.all)
    for file in (files.metadata, files.records, files.video):
        if not os.path.isfile(file) and unfinished and (file != files.metadata or is_there(partial(file))):
            raise DemoError(f"{file} is missing: the recording was not finished", REMEDY_REPAIR, repairable=True)
        if not os.path.isfile(file) and file != files.metadata:
            own = is_metadata(files.metadata)
            raise DemoError(f"{file} is missing ({EXPECTED_FILES})", REMEDY_RESTORE if own else REMEDY_RESTORE_OR_MOVE)
    metadata = read_metadata(files.metadata) if os.path.isfile(files.metadata) else None
    records = read_records(files.records)
    header = read_header(files.video, count=count_frames)
    if metadata is None:
        if EXTRA_KEY in records[0]:
            raise DemoError(
                f"{files.metadata} is missing, and the records are not a contractor's ({EXPECTED_FILES})",
                REMEDY_RESTORE,
            )
        contractor = True
        metadata = {
            "format": CONTRACTOR_FORMAT,
            "ticks": len(records),
            "frame_size": list(header.size),
            "success": None,
            "recorder_version": version,
        }
    else:
        contractor = False
        if len(records) != metadata["ticks"]:
            raise _not_equally_long(
                f"{files.records} has {len(records)} records, but {files.metadata.name} says {metadata['ticks']} ticks",
                files,
                header if count_frames else read_header(files.video),
                len(records),
            )
    if (count_frames or header.size == (0, 0)) and header.frames != len(records):
        raise wrong_length(files, header, len(records))
    if (turn := read_display_turn(files.video)) is not None:
        raise DemoError(
            f"{files.video} {turn} when it is shown (its display matrix), and the actions are for upright pictures",
            f"replace it by the output of `{upright_command(files.video.name)}`",
        )
    if not contractor:
        _check_size(files, header, metadata["frame_size"])
    try:
        track = None
        if contractor or compat:
            ticks = read_ticks(records, compat=compat, recorder_version=version)
            actions, executed = ticks.actions, ticks.actions
            if not np.isnan(ticks.cursor).all():
                track = CursorTrack(ticks.cursor, sprite, WINDOW_HEIGHT, clip=compat is None)
        else:
            actions, executed = _stored_actions(records)
        rewards, intervention = np.zeros(len(records)), np.zeros(len(records), np.bool_)
        if not contractor:
            rewards, intervention = _stored_rewards(records)
        menu = _menus(records)
    except ValueError as error:
        raise DemoError(f"{files.records}, {error}", REMEDY_RESTORE) from error
    codes = codec.encode(actions)
    null = ticks.skipped if compat else codec.is_null(codes)
    return Demo(files, metadata, actions, executed, codes, rewards, null, menu, intervention, track, compat)


def _stored_actions(records: list[Record]) -> tuple[dict[str, npt.NDArray[Any]], dict[str, npt.NDArray[Any]]]:
    """Returns the labels and the executed actions of records that this package wrote."""
    actions: list[HumanAction] = []
    executed: list[HumanAction] = []
    for line, record in enumerate(records, start=1):
        try:
            actions.append(human_action_of(record))
            executed.append(executed_action_of(record) or actions[-1])
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"line {line}: {error}") from error
    return stack_actions(actions), stack_actions(executed)


def _stored_rewards(records: list[Record]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Returns the rewards and the interventions of records that this package wrote."""
    rewards, intervention = np.zeros(len(records)), np.zeros(len(records), np.bool_)
    for tick, record in enumerate(records):
        try:
            rewards[tick], intervention[tick] = reward_of(record), is_intervention(record)
        except ValueError as error:
            raise ValueError(f"line {tick + 1}: {error}") from error
    return rewards, intervention


def _menus(records: list[Record]) -> npt.NDArray[np.bool_]:
    menu = np.zeros(len(records), np.bool_)
    for tick, record in enumerate(records):
        try:
            menu[tick] = is_menu_open(record)
        except ValueError as error:
            raise ValueError(f"line {tick + 1}: {error}") from error
    return menu


def _check_size(files: DemoFiles, header: VideoHeader, frame_size: list[int]) -> None:
    padded = tuple(side + side % 2 for side in frame_size)
    if header.size != padded:
        raise DemoError(
            f"{files.video} is {header.size[0]}x{header.size[1]}, but {files.metadata.name} says "
            f"{frame_size[0]}x{frame_size[1]}",
            REMEDY_RESTORE,
        )


def wrong_length(files: DemoFiles, header: VideoHeader, ticks: int) -> DemoError:
    """Returns the error of a demo whose video does not have one frame for each of its ``ticks`` records."""
    problem = f"{files.video} holds {header.frames} frames, but {files.records.name} holds {ticks} ticks: "
    if header.lacks_ticks_of(ticks):
        problem += "an edit list hides the frames before these, so it is not known which ticks belong to them"
    else:
        problem += f"the {'jsonl' if header.frames > ticks else 'video'} is cut off"
    return _not_equally_long(problem, files, header, ticks)


def _not_equally_long(problem: str, files: DemoFiles, header: VideoHeader, ticks: int) -> DemoError:
    if header.frames == 0 or header.lacks_ticks_of(ticks):
        return DemoError(problem, REMEDY_RESTORE)
    if header.needs_encoding(ticks):
        command = (
            f"ffmpeg -i {files.video.name} -frames:v {min(header.frames, ticks)} -c:v libx264 -bf 0 -crf 18 cut.mp4"
        )
        return DemoError(problem, f"restore the file from a copy, or replace it by the output of `{command}`")
    return DemoError(problem, REMEDY_RESTORE_OR_REPAIR, repairable=True)
