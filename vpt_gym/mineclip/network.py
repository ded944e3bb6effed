"""MineCLIP's network: CLIP's towers, an encoder over the frames of a video, and the head that compares with texts."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.mineclip.clip import CLIP
from vpt_gym.mineclip.config import HEAD_WIDTH, MineCLIPConfig

MOST_FRAMES = 32
"""Rows of the published position table of the temporal encoder."""


class MineCLIPNetwork(nn.Module):
    """The complete network. Its state dict has the published keys, each once and without their prefix ``model.``.

    Args:
        config: The sizes.
    """

    def __init__(self, config: MineCLIPConfig) -> None:
        super().__init__()
        self.config = config
        if config.pooling == "attn":
            self.temporal_encoder = nn.ModuleDict({"attn": nn.ModuleDict({"model": TemporalEncoder(config)})})
        self.reward_head = RewardHead(config.embed)
        self.clip_model = CLIP(config)

    def image_features(self, frames: Tensor) -> Tensor:
        """Maps uint8 (N, 3, height, width) RGB to (N, embed), not normalised."""
        out: Tensor = self.clip_model.vision_model(frames)
        return out

    def text_features(self, tokens: Tensor) -> Tensor:
        """Maps int64 (N, 77) to (N, embed), not normalised."""
        out: Tensor = self.clip_model.text_model(tokens)
        return out

    def video_features(self, features: Tensor) -> Tensor:
        """Maps the features of 1 to 32 consecutive frames, (N, T, embed), to (N, embed), not normalised or adapted.

        Raises:
            ValueError: There are more than 32 frames, and the pooling is ``"attn"``.
        """
        if self.config.pooling == "avg":
            return features.mean(dim=1)
        out: Tensor = self.temporal_encoder["attn"]["model"](features)  # type: ignore[index] # a ModuleDict
        return out

    def logits(self, video: Tensor, text: Tensor) -> Tensor:
        """Maps video features (N, embed) and text features (P, embed) to (N, P): similarities from -scale to scale."""
        adapted = F.normalize(self.reward_head(video), dim=-1)
        return self.clip_model.logit_scale.exp() * adapted @ F.normalize(text, dim=-1).T


class RewardHead(nn.Module):
    """Mixes video features with those of an adapter, by a learned weight."""

    def __init__(self, embed: int) -> None:
        super().__init__()
        self.video_residual_weight = nn.Parameter(torch.tensor(4.0))
        # the published indices are 0 and 3: a place for a norm lies between
        self.video_adapter = nn.Sequential(nn.Linear(embed, embed), nn.Identity(), nn.ReLU(), nn.Linear(embed, embed))

    def forward(self, video: Tensor) -> Tensor:
        """Maps (N, embed) to the same."""
        keep = torch.sigmoid(self.video_residual_weight)
        out: Tensor = keep * video + (1 - keep) * self.video_adapter(video)
        return out


class TemporalEncoder(nn.Module):
    """A transformer over the features of frames, without mask, then their mean."""

    def __init__(self, config: MineCLIPConfig) -> None:
        super().__init__()
        width = config.embed
        self.pos_emb = nn.ModuleDict({"emb": nn.Embedding(MOST_FRAMES, width)})
        self.attn_layers = nn.ModuleDict({"layers": nn.ModuleList()})
        for _ in range(config.temporal_layers):
            for branch in (_Attention(width, config.temporal_heads), _GatedMLP(width)):
                self._layers.append(_Residual([nn.ModuleList([nn.LayerNorm(width)]), branch]))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor) -> Tensor:
        """Maps (N, T, width) to (N, width)."""
        frames, width = features.shape[1:]
        if frames > MOST_FRAMES:
            raise ValueError(f"a video has at most {MOST_FRAMES} frames, got {frames}")
        x = features + self._positions.weight[:frames] * width**-0.5
        for layer in self._layers:
            x = layer(x)
        out: Tensor = self.norm(x).mean(dim=1)
        return out

    # the published keys name modules inside of modules
    @property
    def _layers(self) -> nn.ModuleList:
        return cast(nn.ModuleList, self.attn_layers["layers"])

    @property
    def _positions(self) -> nn.Embedding:
        return cast(nn.Embedding, self.pos_emb["emb"])


class _Residual(nn.ModuleList):
    """A list of one norm, and a branch: ``x + branch(norm(x))``."""

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, T, width) to the same."""
        (norm,), branch = cast("tuple[list[nn.Module], nn.Module]", tuple(self))
        out: Tensor = x + branch(norm(x))
        return out


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = heads * HEAD_WIDTH
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_k = nn.Linear(width, inner, bias=False)
        self.to_v = nn.Linear(width, inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, T, width) to the same."""
        heads = (to(x).unflatten(-1, (-1, HEAD_WIDTH)).transpose(1, 2) for to in (self.to_q, self.to_k, self.to_v))
        attended = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        out: Tensor = self.to_out(attended)
        return out


class _GatedMLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        project = nn.ModuleDict({"proj": nn.Linear(width, 8 * width)})
        self.net = nn.ModuleDict({"0": project, "3": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, T, width) to the same."""
        value, gate = self.net["0"]["proj"](x).chunk(2, dim=-1)  # type: ignore[index] # a ModuleDict
        out: Tensor = self.net["3"](value * F.silu(gate))
        return out
