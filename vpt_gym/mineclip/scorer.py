"""MineCLIP as a scorer of videos, and its text encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vpt_gym.agents.checkpoints.load_report import LoadReport
from vpt_gym.agents.device import checked_device
from vpt_gym.frames import Frame, find_frame
from vpt_gym.mineclip.checkpoint import load_network
from vpt_gym.mineclip.config import WINDOW, MineCLIPConfig
from vpt_gym.mineclip.network import MineCLIPNetwork
from vpt_gym.mineclip.tokenizer import checked_texts, tokenize
from vpt_gym.system.user_path import is_there, user_path

_AT_ONCE = 64
"""Frames, or texts, in one pass of a tower; this bounds its memory."""

_TEXTS_KEPT = 4096


class MineCLIP:
    """Scores how well videos fit texts.

    A scorer has no initial weights of its own: it cannot be used without a checkpoint by mistake. Frames are uint8 RGB
    and have exactly the size of the network, so that neither swapped axes nor values in 0..1 pass unnoticed.

    Args:
        network: The network, with its weights; it is set to evaluation mode.
        report: What was loaded.
        device: Where to run.

    Attributes:
        network: The network.
        report: What was loaded for each key; None if the network came without a file.
        frame_size: (height, width) of the frames in pixels: (160, 256) for the published checkpoints.

    Raises:
        ValueError: This machine does not have the device.

    Example:
        Load a published checkpoint, ``attn.pth`` or ``avg.pth``, and score 16 frames::

            scorer = MineCLIP.from_pretrained("attn.pth", device="cuda")
            logits = scorer(videos, ["chop a tree", "milk a cow"])  # uint8 (N, 16, 160, 256, 3) -> float32 (N, 2)

    Change log: v0.1.0 - added.
    """

    def __init__(
        self, network: MineCLIPNetwork, report: LoadReport | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self.network = network.eval().to(checked_device(device))
        self.report = report
        self.frame_size: tuple[int, int] = network.config.resolution
        self._texts: dict[str, Tensor] = {}

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        config: MineCLIPConfig = MineCLIPConfig(),  # noqa: B008 (immutable)
        device: torch.device | str = "cpu",
    ) -> MineCLIP:
        """Makes a scorer from a published checkpoint. Nothing in the file is executed.

        Args:
            path: ``attn.pth`` or ``avg.pth``; the pooling is recognised by the keys.
            config: The sizes of the network, if they are not those of the published ones.
            device: Where to run.

        Raises:
            CheckpointMismatch: A key is missing or unknown, has another shape, or is repeated with other values.
            CheckpointError: The file is unsafe, damaged or something else.
            FileNotFoundError: There is no such file.
            ValueError: This machine does not have the device.
        """
        device = checked_device(device)
        path = user_path(path)
        if not is_there(path):
            raise FileNotFoundError(
                f"there is no file {path}; download attn.pth or avg.pth by hand, see https://github.com/MineDojo/MineCLIP"
            )
        network, report = load_network(path, config)
        return cls(network, report, device)

    def __call__(self, videos: npt.NDArray[np.uint8], prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Scores videos.

        Args:
            videos: uint8 (N, 16, H, W, 3) or (N, 16, 3, H, W), RGB, of ``frame_size``; consecutive frames, oldest
                first.
            prompts: The P texts.

        Returns:
            float32 (N, P): logits, the cosines times the learned scale (at most 100).

        Raises:
            DependencyNotInstalled: The extra ``mineclip`` is not installed.
            TypeError: The frames are not uint8, or a prompt is not a string.
            ValueError: The videos have another size or length, or there are no prompts.
        """
        frames = self._checked(videos)
        if frames.ndim != 5:
            raise ValueError(f"videos are (N, {WINDOW}, H, W, 3), got shape {frames.shape}")
        features = self.encode_frames(frames.reshape(-1, *frames.shape[2:]))
        return self.score(features.reshape(*frames.shape[:2], -1), prompts)

    def __deepcopy__(self, memo: dict[int, Any]) -> MineCLIP:
        # Gymnasium copies the arguments of wrappers into specs; the weights never change, and take 600 MB.
        return self

    def encode_frames(self, frames: Frame) -> npt.NDArray[np.float32]:
        """Encodes frames, each by itself, for :meth:`score`: so each frame of an episode is encoded once.

        Args:
            frames: uint8 (N, H, W, 3) or (N, 3, H, W), RGB, of ``frame_size``.

        Returns:
            float32 (N, 512).

        Raises:
            TypeError: The frames are not uint8.
            ValueError: The frames have another size.
        """
        frames = self._checked(frames)
        if frames.ndim != 4:
            raise ValueError(f"frames are (N, H, W, 3), got shape {frames.shape}")
        planes = torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames, -1, 1)))
        with torch.inference_mode():
            return _numpy(torch.cat([self.network.image_features(some) for some in torch.split(planes, _AT_ONCE)]))

    def encode_video(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Encodes videos: what STEVE-1 takes as a visual goal.

        Args:
            features: float32 (N, 16, 512): those of consecutive frames, oldest first.

        Returns:
            float32 (N, 512), neither normalised nor adapted.

        Raises:
            ValueError: The features have another shape, or are not of 16 frames.
        """
        with torch.inference_mode():
            return _numpy(self._video(features))

    def score(self, features: npt.NDArray[np.float32], prompts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Scores videos whose frames are encoded.

        Args:
            features: float32 (N, 16, 512): those of consecutive frames, oldest first.
            prompts: The P texts.

        Returns:
            float32 (N, P): logits, as those of a call.

        Raises:
            DependencyNotInstalled: The extra ``mineclip`` is not installed.
            TypeError: A prompt is not a string.
            ValueError: The features have another shape, or are not of 16 frames, or there are no prompts.
        """
        with torch.inference_mode():
            return _numpy(self.network.logits(self._video(features), self._text(prompts)))

    def encode_text(self, text: str) -> npt.NDArray[np.float32]:
        """Encodes a text; this bound method is a text encoder for STEVE-1.

        Args:
            text: Any text; at most 75 tokens of it are read.

        Returns:
            float32 (512,), not normalised.

        Raises:
            DependencyNotInstalled: The extra ``mineclip`` is not installed.
            TypeError: ``text`` is not a string.
        """
        return _numpy(self._text([text])[0])

    def _video(self, features: npt.NDArray[np.float32]) -> Tensor:
        embed = self.network.config.embed
        if features.ndim != 3 or features.shape[1:] != (WINDOW, embed):
            hint = "; repeat the first frame until the window is full" if features.shape[-1:] == (embed,) else ""
            raise ValueError(
                f"the features of a video are (N, {WINDOW}, {embed}), got shape {features.shape}: MineCLIP was trained "
                f"on {WINDOW} frames{hint}"
            )
        return self.network.video_features(torch.from_numpy(np.ascontiguousarray(features)).to(self._like))

    def _text(self, texts: Sequence[str]) -> Tensor:
        """Returns the features of texts; each is encoded once."""
        texts = checked_texts(texts)
        if not texts:
            raise ValueError("there are no prompts to score")
        if new := [text for text in dict.fromkeys(texts) if text not in self._texts]:
            if len(self._texts) + len(new) > _TEXTS_KEPT:
                self._texts.clear()
                new = list(dict.fromkeys(texts))
            with torch.inference_mode():
                batches = torch.split(torch.from_numpy(tokenize(new)).to(self._like.device), _AT_ONCE)
                features = torch.cat([self.network.text_features(batch) for batch in batches])
            self._texts.update(zip(new, features, strict=True))
        return torch.stack([self._texts[text] for text in texts])

    @property
    def _like(self) -> Tensor:
        return self.network.clip_model.logit_scale

    def _checked(self, frames: Frame) -> Frame:
        found = find_frame(frames)
        size, wanted = found.shape[-3:-1], self.frame_size
        if size != wanted:
            what = f"frames are {wanted} (height, width), got {size}"
            if size == wanted[::-1]:
                raise ValueError(f"{what}: height and width are swapped. cv2.resize takes (width, height)")
            raise ValueError(f"{what}; scale each with vpt_gym.frames.to_size(frame, {wanted})")
        return found


def _numpy(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
