"""STEVE-1's prior: from the embedding of a text to that of a video which the text could describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vpt_gym.agents.checkpoints.errors import CheckpointMismatch
from vpt_gym.agents.checkpoints.load_report import LoadReport, compare
from vpt_gym.agents.checkpoints.policy import check_weights
from vpt_gym.agents.checkpoints.pretrained import check_source
from vpt_gym.agents.checkpoints.sources.download import download
from vpt_gym.agents.checkpoints.sources.published import find_published
from vpt_gym.agents.checkpoints.weights_file import read_weights
from vpt_gym.agents.policy.architecture import MOST
from vpt_gym.system.user_path import is_there, user_path

_PUBLISHED = 512, 512, 512
"""Size, hidden and latent size of STEVE-1's prior."""


@dataclass(frozen=True)
class PriorLoss:
    """The loss of a prior on a batch.

    Attributes:
        total: ``beta * kl + reconstruction``.
        kl: KL(posterior || N(0, I)) in nats, summed over the batch and the values of the latent.
        reconstruction: Mean of the squared errors, over the batch and the values of the embedding.
    """

    total: Tensor
    kl: Tensor
    reconstruction: Tensor


class GoalPrior(nn.Module):
    """A conditional variational autoencoder of visual embeddings, given the embedding of a text.

    The names of the parameters are the published ones, the default sizes those of STEVE-1.

    Args:
        size: Number of values G of both embeddings.
        hidden: Width of the hidden layers.
        latent: Number of values of the latent.

    Attributes:
        report: The report of the last loading of weights; None for a fresh network.
    """

    def __init__(self, size: int = 512, hidden: int = 512, latent: int = 512) -> None:
        super().__init__()
        self.size, self.latent_size = size, latent
        self.encoder = _mlp(2 * size, hidden, 2 * latent)
        self.decoder = _mlp(latent + size, hidden, size)
        self.report: LoadReport | None = None

    @classmethod
    def from_pretrained(cls, source: str | Path) -> GoalPrior:
        """Loads a prior; its sizes are those of the weights.

        Args:
            source: A file of weights, as STEVE-1 publishes it (``steve1_prior.pt``) or ``torch.save`` writes the state
                dict; or the published name ``"steve1"``, which is read from the cache or downloaded.

        Raises:
            CheckpointError: The file is unsafe, damaged, or not of a prior.
            DownloadError: The prior is not on this machine and cannot be downloaded.
            FileNotFoundError: There is no such file or name.
        """
        check_source(source)
        path = user_path(source)
        if not is_there(path):
            published = find_published(str(source))
            if published is None or published.prior is None:
                raise FileNotFoundError(f'there is no file {path}, and the only published prior is "steve1"')
            path = download(published.name).prior or path
        return cls.from_weights(read_weights(path), str(path))

    @classmethod
    def from_weights(cls, weights: Mapping[str, Tensor], source: str) -> GoalPrior:
        """Makes a prior from weights, which it then shares; its sizes are theirs.

        Args:
            weights: The tensors.
            source: Their name in an error.

        Raises:
            CheckpointError: They are not those of a prior.
        """
        with torch.device("meta"):
            prior = cls(*_sizes(weights))
        report = compare(prior.state_dict(), weights, source)
        if not report.ok:
            raise CheckpointMismatch(
                f"{source} does not hold the weights of a prior (steve1_prior.pt)\n{report}", report
            )
        check_weights(weights, report)
        prior.load_state_dict({key: value.float() for key, value in weights.items()}, assign=True)
        prior.report = report
        return prior.eval()

    def forward(self, text: Tensor, latent: Tensor | None = None) -> Tensor:
        """Returns visual embeddings of texts.

        Args:
            text: (N, G), embeddings of texts.
            latent: (N, latent); None is zeros, the centre of the distribution. See :meth:`sample`.

        Returns:
            (N, G).
        """
        latent = text.new_zeros(len(text), self.latent_size) if latent is None else latent
        visual: Tensor = self.decoder(torch.cat([latent, text], -1))
        return visual

    def sample(self, text: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns visual embeddings of texts (N, G), each with a latent drawn from N(0, I), as STEVE-1 does.

        Args:
            text: (N, G), embeddings of texts.
            generator: Source of the latents, on the CPU; None is PyTorch's global one.
        """
        latent = torch.randn(len(text), self.latent_size, generator=generator, dtype=text.dtype)
        return self.forward(text, latent.to(text.device))

    def posterior(self, visual: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and logarithm of the variance of the latents of pairs of embeddings (N, G), each (N, latent)."""
        mean, log_variance = self.encoder(torch.cat([visual, text], -1)).chunk(2, -1)
        return mean, log_variance

    def loss(self, visual: Tensor, text: Tensor, noise: Tensor | None = None, *, beta: float = 1.0) -> PriorLoss:
        """Returns the loss of training, as STEVE-1's: the KL is a sum, the reconstruction a mean.

        STEVE-1 trained with AdamW, learning rate 1e-4, batches of 256, beta 1.

        Args:
            visual: (N, G), embeddings of videos.
            text: (N, G), embeddings of the texts that describe them.
            noise: (N, latent) from N(0, 1), with which the latents are drawn; None draws it.
            beta: Weight of the KL.
        """
        mean, log_variance = self.posterior(visual, text)
        noise = torch.randn_like(mean) if noise is None else noise
        kl = -0.5 * (1.0 + log_variance - mean.square() - log_variance.exp()).sum()
        reconstruction = F.mse_loss(self.forward(text, mean + noise * (0.5 * log_variance).exp()), visual)
        return PriorLoss(beta * kl + reconstruction, kl, reconstruction)


def _mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.LayerNorm(hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.LayerNorm(hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs),
    )


def _sizes(weights: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """Returns size, hidden and latent size by the shapes of weights; those of STEVE-1 where the keys are others."""
    encoder, decoder = (weights.get(f"{part}.0.weight") for part in ("encoder", "decoder"))
    if encoder is None or decoder is None or encoder.dim() != 2 or decoder.dim() != 2:
        return _PUBLISHED
    size = encoder.shape[1] // 2
    sizes = size, encoder.shape[0], decoder.shape[1] - size
    return sizes if all(0 < one <= MOST["goal_size"] for one in sizes) else _PUBLISHED
