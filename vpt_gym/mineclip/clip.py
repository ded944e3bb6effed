"""CLIP's towers for images and texts (Radford et al. 2021, arXiv:2103.00020), with the published state-dict keys."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vpt_gym.mineclip.config import HEAD_WIDTH, MineCLIPConfig
from vpt_gym.mineclip.tokenizer import CONTEXT, VOCABULARY

PIXEL_MEAN = (0.3331, 0.3245, 0.3051)
PIXEL_STD = (0.2439, 0.2493, 0.2873)
"""Of MineCLIP's training videos, for red, green and blue in 0..1 (MineDojo/MineCLIP); not CLIP's own."""


class CLIP(nn.Module):
    """An image tower, a text tower, and the scale of their similarities."""

    def __init__(self, config: MineCLIPConfig) -> None:
        super().__init__()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.vision_model = ImageTower(config)
        self.text_model = TextTower(config)


class ImageTower(nn.Module):
    """A vision transformer: the class token's output, projected."""

    def __init__(self, config: MineCLIPConfig) -> None:
        super().__init__()
        width, patch = config.image_width, config.patch
        patches = (config.resolution[0] // patch) * (config.resolution[1] // patch)
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.cls_token = nn.Parameter(torch.zeros(width))
        self.pos_embed = nn.Parameter(torch.zeros(patches + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, width // HEAD_WIDTH) for _ in range(config.image_layers))
        self.ln_post = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.zeros(width, config.embed))

    def forward(self, frames: Tensor) -> Tensor:
        """Maps uint8 (N, 3, height, width) RGB to (N, embed), not normalised."""
        dtype, device = self.projection.dtype, self.projection.device
        mean, std = (torch.tensor(v, dtype=dtype, device=device).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
        pixels = (frames.to(device=device, dtype=dtype) / 255 - mean) / std
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(patches), 1, -1), patches], dim=1)
        x = self.ln_pre(x + self.pos_embed)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.ln_post(x[:, 0]) @ self.projection
        return out


class TextTower(nn.Module):
    """A causal transformer: its output at the end of the text, projected."""

    def __init__(self, config: MineCLIPConfig) -> None:
        super().__init__()
        width = config.text_width
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.pos_embed = nn.Parameter(torch.zeros(CONTEXT, width))
        self.blocks = nn.ModuleList(Block(width, config.text_heads) for _ in range(config.text_layers))
        self.ln_final = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.zeros(width, config.embed))

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps int64 (N, 77), as ``tokenize`` returns them, to (N, embed), not normalised."""
        x = self.token_embedding(tokens) + self.pos_embed
        mask = torch.full((CONTEXT, CONTEXT), -torch.inf, dtype=x.dtype, device=x.device).triu(1)
        for block in self.blocks:
            x = block(x, mask)
        end = tokens.argmax(dim=-1)  # the end of the text has the highest id; of several the first
        out: Tensor = self.ln_final(x[torch.arange(len(x), device=x.device), end]) @ self.projection
        return out


class Block(nn.Module):
    """A transformer block that normalises before attention and before its MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Maps (N, T, width) to the same; ``mask`` (T, T) is added to the attention's logits."""
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        hidden = self.mlp["c_fc"](self.ln_2(x))
        # CLIP's approximation of GELU
        out: Tensor = x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))
        return out
