"""The sizes of a MineCLIP network and of its videos. The defaults are those of the two published checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WINDOW = 16
"""Frames of a video, one per step of the environment: the length in MineCLIP's training (arXiv:2206.08853)."""

FRAME_SIZE = (160, 256)
"""(height, width) of the published checkpoints' frames in pixels."""

HEAD_WIDTH = 64
"""Width of an attention head in the image tower and in the temporal encoder, whatever their own width."""


@dataclass(frozen=True)
class MineCLIPConfig:
    """The sizes of a MineCLIP network.

    Attributes:
        resolution: (height, width) of a frame in pixels; multiples of ``patch``.
        patch: Side of a square patch in pixels.
        embed: Width of the features of images, texts and videos.
        image_width: Width of the image tower; it has ``image_width // 64`` heads.
        image_layers: Blocks of the image tower.
        text_width: Width of the text tower.
        text_heads: Attention heads of the text tower.
        text_layers: Blocks of the text tower.
        pooling: ``"attn"``: a transformer over the frames, then their mean; ``"avg"``: the mean alone.
        temporal_layers: Attention and feed-forward pairs of the temporal encoder.
        temporal_heads: Its attention heads, each 64 wide.
    """

    resolution: tuple[int, int] = FRAME_SIZE
    patch: int = 16
    embed: int = 512
    image_width: int = 768
    image_layers: int = 12
    text_width: int = 512
    text_heads: int = 8
    text_layers: int = 12
    pooling: Literal["attn", "avg"] = "attn"
    temporal_layers: int = 2
    temporal_heads: int = 8

    def __post_init__(self) -> None:
        height, width = self.resolution
        if height % self.patch or width % self.patch:
            raise ValueError(f"resolution={self.resolution} is (height, width), both multiples of patch={self.patch}")
        if self.image_width % HEAD_WIDTH or self.text_width % self.text_heads:
            raise ValueError(
                f"image_width={self.image_width} must be a multiple of {HEAD_WIDTH}, and text_width={self.text_width} "
                f"one of text_heads={self.text_heads}"
            )
        if self.pooling not in ("attn", "avg"):
            raise ValueError(f"pooling={self.pooling!r}; it must be 'attn' or 'avg'")
