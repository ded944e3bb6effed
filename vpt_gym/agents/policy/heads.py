"""The outputs of a policy: a distribution over actions, and a value with its running normalisation."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.agents.policy.layers import at_least_float32
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown

_DEBIAS_MIN = 1e-5
_VARIANCE_MIN = 1e-2
PUBLISHED_DECAY = 0.99999
"""Decay of the statistics of returns in the published code."""


LEAST_TEMPERATURE, MOST_TEMPERATURE = 1e-6, 1e6
"""Beyond these, log-probabilities in float32 become infinite, and what is drawn is not of the distribution."""


def check_temperature(name: str, value: Any, remedy: str) -> None:
    """Checks a temperature that divides log-probabilities.

    Args:
        name: Its name in the message.
        value: The temperature.
        remedy: What to do for the limit 0.

    Raises:
        ValueError: It is no number, or out of range.
    """
    if not is_real(value) or not LEAST_TEMPERATURE <= value <= MOST_TEMPERATURE:
        raise ValueError(
            f"{name} must be positive and finite, from {LEAST_TEMPERATURE:g} to {MOST_TEMPERATURE:g}, got "
            f"{shown(value)}; {remedy}"
        )


class Distribution:
    """A distribution over actions of k entries, which are independent of each other given the frame."""

    @property
    def log_probs(self) -> tuple[Tensor, ...]:
        """The log-probabilities of each entry, (..., n) for n alternatives."""
        raise NotImplementedError

    def at_time(self, t: int) -> Distribution:
        """Returns the distribution at step ``t`` of a distribution over chunks: shapes (B, T, ...) become (B, ...)."""
        raise NotImplementedError

    def clone(self) -> Distribution:
        """Returns a copy that shares no storage and has no graph of gradients."""
        raise NotImplementedError

    def log_prob(self, actions: Tensor) -> Tensor:
        """Returns the log-probability of actions.

        Args:
            actions: (..., k) int64; for VPT codes, (buttons, camera).

        Returns:
            (...) floats.

        Raises:
            ValueError: The actions are of another type or shape.
        """
        return _sum(self.entry_log_probs(actions))

    def entry_log_probs(self, actions: Tensor) -> tuple[Tensor, ...]:
        """Returns the log-probability of each entry of actions, k times (...); see :meth:`log_prob`.

        Raises:
            ValueError: As :meth:`log_prob`.
        """
        expected = (*self.log_probs[0].shape[:-1], len(self.log_probs))
        if actions.dtype != torch.int64 or actions.shape != expected:
            raise ValueError(f"actions must be int64 {expected}, got {actions.dtype} {tuple(actions.shape)}")
        return tuple(head.gather(-1, actions[..., k : k + 1]).squeeze(-1) for k, head in enumerate(self.log_probs))

    def entropy(self) -> Tensor:
        """Returns the entropy in nats, (...)."""
        return -_sum((head.exp() * head).sum(-1) for head in self.log_probs)

    def kl(self, other: Distribution) -> Tensor:
        """Returns KL(self || other) in nats, (...)."""
        return _sum((p.exp() * (p - q)).sum(-1) for p, q in zip(self.log_probs, other.log_probs, strict=True))

    def mode(self) -> Tensor:
        """Returns the most probable actions, int64 (..., k)."""
        return torch.stack([head.argmax(-1) for head in self.log_probs], -1)

    def sample(
        self, generator: torch.Generator | Sequence[torch.Generator] | None = None, *, temperature: float = 1.0
    ) -> Tensor:
        """Draws actions, int64 (..., k), by the Gumbel-max trick; the last entry is drawn first, like VPT's camera.

        Args:
            generator: Source of the noise; None is PyTorch's global one. A sequence has one generator for each
                row of the leading axis, so that a row's sample does not depend on the other rows.
            temperature: Divides the log-probabilities: below 1 sharper, above 1 flatter.

        Raises:
            ValueError: The temperature is not positive, or there is not one generator per row.
        """
        check_temperature("temperature", temperature, "for 0 use mode()")
        rows = self.log_probs[0].shape[0]
        if not (generator is None or isinstance(generator, torch.Generator)) and len(generator) != rows:
            raise ValueError(f"{len(generator)} generators for {rows} rows; each row needs one")
        heads = tuple(at_least_float32(head) for head in self.log_probs)
        if temperature != 1.0:
            heads = tuple(head / temperature for head in heads)
        drawn = [_gumbel_argmax(head, _noise(head, generator)) for head in reversed(heads)]
        return torch.stack(drawn[::-1], -1)


@dataclass(frozen=True)
class ActionDistribution(Distribution):
    """A distribution over VPT codes ``(buttons, camera)``; given the frame, the two are independent.

    Attributes:
        buttons: (..., 8641) log-probabilities.
        camera: (..., 121) log-probabilities.
    """

    buttons: Tensor
    camera: Tensor

    @property
    def log_probs(self) -> tuple[Tensor, ...]:
        """Of buttons and camera."""
        return self.buttons, self.camera

    def at_time(self, t: int) -> ActionDistribution:
        """Returns the step ``t`` of a chunk."""
        return ActionDistribution(self.buttons[:, t], self.camera[:, t])

    def clone(self) -> ActionDistribution:
        """Returns a detached copy."""
        return ActionDistribution(self.buttons.detach().clone(), self.camera.detach().clone())


@dataclass(frozen=True)
class ChoicesDistribution(Distribution):
    """A distribution over the actions of another action space (``VPTPolicy.with_action_space``).

    Attributes:
        choices: Log-probabilities (..., n) for each entry of an action.
    """

    choices: tuple[Tensor, ...]

    @property
    def log_probs(self) -> tuple[Tensor, ...]:
        """Of each entry of an action."""
        return self.choices

    def at_time(self, t: int) -> ChoicesDistribution:
        """Returns the step ``t`` of a chunk."""
        return ChoicesDistribution(tuple(choice[:, t] for choice in self.choices))

    def clone(self) -> ChoicesDistribution:
        """Returns a detached copy."""
        return ChoicesDistribution(tuple(choice.detach().clone() for choice in self.choices))


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return functools.reduce(torch.add, terms)


def _noise(like: Tensor, generator: torch.Generator | Sequence[torch.Generator] | None) -> Tensor:
    """Returns uniform noise of the shape and type of ``like``, which is not in half precision."""
    if generator is None or isinstance(generator, torch.Generator):
        return _uniform(like, like.shape, generator)
    return torch.stack([_uniform(like, like.shape[1:], one) for one in generator])


def _uniform(like: Tensor, shape: torch.Size, generator: torch.Generator | None) -> Tensor:
    device = like.device if generator is None else generator.device
    return torch.rand(shape, generator=generator, device=device, dtype=like.dtype).to(like.device)


def _gumbel_argmax(log_probs: Tensor, uniform: Tensor) -> Tensor:
    """Draws from ``log_probs``; the noise is overwritten."""
    return (log_probs - uniform.log_().neg_().log_()).argmax(-1)


class CategoricalHead(nn.Module):
    """A linear layer, under its published name, that outputs log-probabilities."""

    def __init__(self, width: int, choices: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.linear_layer = nn.Linear(width, choices)

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (..., D) to log-probabilities (..., choices); float32 also for a layer in half precision."""
        logits: Tensor = self.linear_layer(latent)
        return (at_least_float32(logits) / self.temperature).log_softmax(-1)


class ActionHead(nn.Module):
    """The joint hierarchical action head of VPT: 8,641 button combinations, 121 camera movements."""

    def __init__(self, width: int, temperature: float) -> None:
        super().__init__()
        self.camera = CategoricalHead(width, N_CAMERA, temperature)
        self.buttons = CategoricalHead(width, N_BUTTONS, temperature)

    def forward(self, latent: Tensor) -> ActionDistribution:
        """Maps (..., D) to a distribution over codes of shape (..., 2)."""
        return ActionDistribution(buttons=self.buttons(latent), camera=self.camera(latent))


class ChoicesHead(nn.Module):
    """An action head for another action space, with k independent entries."""

    def __init__(self, width: int, sizes: Sequence[int], temperature: float) -> None:
        super().__init__()
        self.choices = nn.ModuleList(CategoricalHead(width, size, temperature) for size in sizes)

    def forward(self, latent: Tensor) -> ChoicesDistribution:
        """Maps (..., D) to a distribution over actions of shape (..., k)."""
        return ChoicesDistribution(tuple(choice(latent) for choice in self.choices))


class RunningNorm(nn.Module):
    """Mean and variance of the returns, as debiased exponential averages.

    Its three numbers are parameters without gradients, as in the published files.
    """

    def __init__(self) -> None:
        super().__init__()
        self.running_mean = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.running_mean_sq = nn.Parameter(torch.zeros(1), requires_grad=False)
        self.debiasing_term = nn.Parameter(torch.tensor(0.0), requires_grad=False)

    @property
    def empty(self) -> bool:
        """Whether no return has been seen yet."""
        return self.debiasing_term.item() == 0.0

    def mean_and_variance(self) -> tuple[Tensor, Tensor]:
        """Returns mean and variance, each (1,); the variance is at least 0.01."""
        debias = self.debiasing_term.clamp(min=_DEBIAS_MIN)
        mean = self.running_mean / debias
        return mean, (self.running_mean_sq / debias - mean**2).clamp(min=_VARIANCE_MIN)

    @torch.no_grad()
    def update(self, returns: Tensor, *, decay: float = PUBLISHED_DECAY) -> None:
        """Updates the averages with a batch of returns of any shape; each call is one step of the decay.

        Raises:
            ValueError: The decay is not in [0, 1).
        """
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay is {decay}; it must be in [0, 1), for example 0.99")
        self.running_mean.mul_(decay).add_((1.0 - decay) * returns.mean())
        self.running_mean_sq.mul_(decay).add_((1.0 - decay) * returns.square().mean())
        self.debiasing_term.mul_(decay).add_(1.0 - decay)


class ValueHead(nn.Module):
    """A linear value whose output is normalised: the return minus its mean, over its standard deviation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.normalizer = RunningNorm()

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (..., D) to the normalised value (...)."""
        out: Tensor = self.linear(latent).squeeze(-1)
        return out

    def normalise(self, returns: Tensor) -> Tensor:
        """Normalises returns; the result is the target of a value loss."""
        mean, variance = self.normalizer.mean_and_variance()
        return (returns - mean) / variance.sqrt()

    def denormalise(self, value: Tensor) -> Tensor:
        """Converts normalised values to returns."""
        mean, variance = self.normalizer.mean_and_variance()
        return value * variance.sqrt() + mean

    def update(self, returns: Tensor) -> None:
        """Updates the statistics as the published code does. In training, call it before :meth:`normalise`.

        With the published decay the statistics of a published policy hardly move, and every move shifts the values
        that the head predicts. :meth:`adapt` has neither fault.
        """
        self.normalizer.update(returns)

    @torch.no_grad()
    def adapt(self, returns: Tensor, *, decay: float) -> None:
        """Updates the statistics, and rescales the layer so that the denormalised values stay what they are.

        This is PopArt (van Hasselt et al. 2016, arXiv:1602.07714). The first statistics of a head are an exception:
        its output had no unit before, so the layer stays as it is.

        Args:
            returns: A batch of returns, of any shape.
            decay: Weight of the earlier statistics, in [0, 1).

        Raises:
            ValueError: The decay is out of its range.
        """
        first = self.normalizer.empty
        old_mean, old_variance = self.normalizer.mean_and_variance()
        self.normalizer.update(returns, decay=decay)
        if first:
            return
        mean, variance = self.normalizer.mean_and_variance()
        self.linear.weight.mul_((old_variance / variance).sqrt())
        self.linear.bias.mul_((old_variance / variance).sqrt()).add_((old_mean - mean) / variance.sqrt())
