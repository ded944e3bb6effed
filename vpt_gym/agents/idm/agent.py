"""The inverse dynamics agent: labels a gameplay video with the player's action in each tick."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpt_gym.actions import factored
from vpt_gym.actions.human import HumanAction
from vpt_gym.agents.checkpoints.card import push_model, write_card
from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.checkpoints.policy import load_weights
from vpt_gym.agents.checkpoints.saved_folder import StoredAs
from vpt_gym.agents.device import checked_device
from vpt_gym.agents.idm.checkpoint import load_idm, save_idm
from vpt_gym.agents.idm.config import KERNEL, IDMConfig
from vpt_gym.agents.idm.gameplay_video import read_ticks, read_video_info
from vpt_gym.agents.idm.model import REACH, InverseDynamicsModel
from vpt_gym.agents.policy.fresh import seeded
from vpt_gym.frames import Frame, to_size
from vpt_gym.hub.card import About
from vpt_gym.system.flags import checks_flags

Video: TypeAlias = npt.NDArray[np.uint8] | str | os.PathLike[str]
"""Frames uint8 (T, H, W, 3) RGB, or the path of a video file."""


@dataclass(frozen=True)
class Labels:
    """The probabilities that an inverse dynamics model gives to the actions of T ticks.

    Attributes:
        buttons: (T, 20) float32, the probability that each button is held, in the order of ``VPT_BUTTONS``.
        camera: (T, 2, 11) float32, the probabilities of the camera bins, (pitch, yaw).
    """

    buttons: npt.NDArray[np.float32]
    camera: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.buttons)

    @property
    def actions(self) -> HumanAction:
        """The most probable human actions: each of the 23 buttons int8 (T,), ``camera`` float32 (T, 2) in degrees."""
        # held where that is the more probable of the two, as argmax chooses
        return factored.to_human(self.buttons > 0.5, self.camera.argmax(-1))


class IDMAgent:
    """Labels videos: infers the player's action in each tick from the frames before and after it.

    A video is processed in windows of ``config.timesteps`` frames that overlap by half. Only the middle half of each
    window is used, so every tick has at least a quarter of a window before and after it, and the borders of windows
    do not affect the labels. At the two ends of the video the first quarter of the first window and the last quarter
    of the last one are used as well. The convolution over time sees black before the first frame and after the last,
    as in training; the label of the last tick is a guess, since the video does not show its effect. Only the labels
    grow with the length of the video, not the working memory.

    Labels are the most probable ones, as published, and deterministic.

    Args:
        model: The network; it is moved to ``device`` and put in evaluation mode, not copied.
        device: Where the network runs.

    Attributes:
        model: The network.
        report: The report of the last loading of weights; None for a fresh network.

    Raises:
        ValueError: There is no such device.
    """

    def __init__(self, model: InverseDynamicsModel, *, device: torch.device | str = "cpu") -> None:
        self.model = model.to(checked_device(device)).eval()
        self.report: LoadReport | None = None

    @classmethod
    def from_config(cls, config: str | IDMConfig, *, seed: int | None = None, **kwargs: Any) -> IDMAgent:
        """Makes an agent with fresh weights.

        Args:
            config: A config, or a name: ``"nano"``, ``"4x"``.
            seed: Seed of the weights; the global random state is left alone. None draws from the global state.
            **kwargs: ``device``, as for the constructor.
        """
        config = config if isinstance(config, IDMConfig) else IDMConfig.named(config)
        with seeded(seed):
            return cls(InverseDynamicsModel(config), **kwargs)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        weights_path: str | Path | None = None,
        *,
        revision: str | None = None,
        **kwargs: Any,
    ) -> IDMAgent:
        """Makes an agent from a checkpoint.

        Args:
            source: The published ``4x_idm.model``; a folder written by :meth:`save_pretrained`; ``"nano-idm"``, which
                comes with this package; ``"idm-4x"``, which is downloaded unless it is in the cache; or an id of the
                Hugging Face Hub, ``"organisation/name"``.
            weights_path: The ``.weights`` file that belongs to a ``.model`` file.
            revision: Branch, tag or commit on the Hub.
            **kwargs: ``device``, as for the constructor.

        Raises:
            CheckpointError: A file is unsafe, damaged, of another kind or of another model.
            DownloadError: The published model is not on this machine and cannot be downloaded.
            FileNotFoundError: There is no such file, folder or name.
            ValueError: A ``.model`` file comes without its weights or describes a policy, or another source comes with
                weights.
        """
        model, report = load_idm(source, weights_path, revision=revision)
        agent = cls(model, **kwargs)
        agent.report = report
        return agent

    def load_weights(self, path: str | Path) -> LoadReport:
        """Loads a ``.weights`` or ``.safetensors`` file into the model, and keeps the report.

        Raises:
            CheckpointError: The file is unsafe, damaged, of another kind or of another model (for example of a policy).
                The model is then unchanged.
        """
        self.report = load_weights(self.model, path)
        return self.report

    def save_pretrained(
        self, folder: str | Path, stored_as: StoredAs = "fp32", *, card: About | str | None = None
    ) -> None:
        """Writes ``config.json`` and ``model.safetensors``; :meth:`from_pretrained` reads the folder.

        Args:
            folder: Where to write.
            stored_as: Number type of the weights in the file, as for ``VPTAgent.save_pretrained``.
            card: As for ``VPTAgent.save_pretrained``.

        Raises:
            ValueError: There is no such number type.
        """
        save_idm(self.model, folder, stored_as)
        if card is not None:
            write_card(folder, card, self.model, self.model.config)

    @checks_flags
    def push_to_hub(
        self,
        repo_id: str,
        *,
        card: About | str = About(),  # noqa: B008 (frozen)
        stored_as: StoredAs = "fp32",
        private: bool = False,
        revision: str | None = None,
        message: str = "",
    ) -> str:
        """Publishes the agent and its model card on the Hugging Face Hub, as ``VPTAgent.push_to_hub`` does."""

        def save(folder: Path, source: str) -> None:
            self.save_pretrained(folder, stored_as)
            write_card(folder, card, self.model, self.model.config, source=source)

        return push_model(save, repo_id, private=private, revision=revision, message=message)

    @checks_flags
    def label(self, video: Video, *, resample: bool = False, progress: bool = False) -> HumanAction:
        """Returns the action of each tick of a video; :meth:`predict` returns the probabilities.

        Args:
            video: Frames, uint8 (T, H, W, 3) RGB, which are scaled to 128×128 as for the policies; or the path of a
                video file with 20 frames a second, which is decoded step by step and may be larger than memory.
            resample: Select 20 frames a second from a faster video file, and label those.
            progress: Show a progress bar on stderr.

        Returns:
            Human actions of T ticks: each of the 23 buttons int8 (T,) 0/1, and ``camera`` float32 (T, 2), degrees per
            tick, (pitch, yaw); + is down, right. The model does not predict ESC, pickItem and swapHands: they are 0.

        Raises:
            TypeError: The frames are not uint8.
            ValueError: The video has another shape, fewer than 5 frames, or a frame rate that does not fit; or the
                file is damaged or not a video.
            FileNotFoundError: There is no such file.
            FloatingPointError: The network's output is not finite.
        """
        return self.predict(video, resample=resample, progress=progress).actions

    @checks_flags
    def predict(self, video: Video, *, resample: bool = False, progress: bool = False) -> Labels:
        """Returns the probabilities of the actions in each tick of a video. Arguments and errors as :meth:`label`."""
        frames, total = _frames_of(video, resample)
        with _bar(total, progress) as advance:
            parts = []
            for part in self.stream(frames):
                parts.append(part)
                advance(len(part))
        return Labels(np.concatenate([p.buttons for p in parts]), np.concatenate([p.camera for p in parts]))

    def stream(self, frames: Iterable[Frame]) -> Iterator[Labels]:
        """Labels frames as they arrive; holds at most two windows of them in memory.

        Args:
            frames: Frames in order, uint8 (H, W, 3) RGB each, one per tick.

        Yields:
            The labels of the next ticks, in order; one for each frame in total.

        Raises:
            TypeError: A frame is not uint8.
            ValueError: A frame has another shape, or there are fewer than 5.
            FloatingPointError: The network's output is not finite.
        """
        window = self.model.config.timesteps
        stride, margin = window // 2, window // 4
        labelled = seen = 0
        # features of the frames from `seen - len(held)` on; enough of them for the window that ends the video
        held: Tensor | None = None
        for block in self._features(frames, stride):
            held = block if held is None else torch.cat([held, block], 1)
            seen += block.shape[1]
            while seen >= labelled + window - (margin if labelled else 0):
                start = labelled - margin if labelled else 0
                at = start - (seen - held.shape[1])
                until = start + margin + stride
                yield self._interpreted(held[:, at : at + window], labelled - start, until - start)
                labelled = until
            held = held[:, -(window + stride) :]
        if held is None or seen < KERNEL:
            raise ValueError(
                f"the video has {seen} frames; an inverse dynamics model looks at {REACH} frames before and {REACH} "
                f"after a tick, so it needs at least {KERNEL}"
            )
        if labelled < seen:
            start = max(0, seen - window)
            yield self._interpreted(held[:, -window:], labelled - start, seen - start)

    def _features(self, frames: Iterable[Frame], count: int) -> Iterator[Tensor]:
        """Yields the features of all frames, (1, n, D), n = ``count`` except at the end, each computed once."""
        source = (self._checked(frame, index) for index, frame in enumerate(frames))
        before: list[Frame] = []
        ahead = list(itertools.islice(source, count))
        device = self.model.net.final_ln.weight.device
        while ahead:
            block, ahead = ahead, list(itertools.islice(source, count))
            after = ahead[:REACH]
            if len(after) < REACH:  # the video ends within reach: both blocks see black after it
                block, ahead, after = block + after, [], []
            clip = torch.from_numpy(np.stack([*before, *block, *after])[None]).to(device)
            with torch.inference_mode():
                yield self.model.features(clip, before=len(before), after=len(after))
            before = block[-REACH:]

    def _interpreted(self, features: Tensor, start: int, stop: int) -> Labels:
        """Returns the labels of the ticks from ``start`` to ``stop`` of a window's features (1, T, D)."""
        with torch.inference_mode():
            pi = self.model.interpret(features)
            buttons, camera = pi.buttons[0, start:stop, :, 1].exp(), pi.camera[0, start:stop].exp()
        if not (buttons.isfinite().all() and camera.isfinite().all()):
            raise FloatingPointError(
                "the model's output is not finite: its weights hold NaN or infinity, or overflow; training has "
                "diverged, or the file is damaged"
            )
        return Labels(buttons.float().cpu().numpy(), camera.float().cpu().numpy())

    @staticmethod
    def _checked(frame: Frame, index: int) -> Frame:
        try:
            return to_size(np.asarray(frame))
        except (TypeError, ValueError) as error:
            raise type(error)(f"frame {index} of the video: {error}") from error


def _frames_of(video: Video, resample: bool) -> tuple[Iterable[Frame], int]:
    """Returns the frames, and their approximate number (0: unknown)."""
    if isinstance(video, str | os.PathLike):
        info = read_video_info(video)
        share = 20.0 / info.rate if resample and not info.at_tick_rate else 1.0
        return read_ticks(video, resample=resample), round(info.frames * share)
    frames = np.asarray(video)
    if frames.dtype != np.uint8:
        raise TypeError(f"a video must be uint8 with values from 0 to 255, got {frames.dtype} {frames.shape}")
    if frames.ndim != 4 or frames.shape[-1] != 3:
        raise ValueError(f"a video must be (T, height, width, 3), got {frames.shape}")
    if resample:
        raise ValueError("resample=True needs a video file: an array has no frame rate. Select every n-th frame of it")
    return frames, len(frames)


@contextlib.contextmanager
def _bar(total: int, show: bool) -> Iterator[Any]:
    if not show:
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("labelling", total=total or None)
        yield lambda count: progress.advance(task, count)
