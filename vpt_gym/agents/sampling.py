"""Sampling: how an agent draws an action from the policy's distribution."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.keyed import pressed_by_code
from vpt_gym.agents.policy.heads import ActionDistribution, ChoicesDistribution, Distribution, check_temperature
from vpt_gym.agents.policy.layers import at_least_float32
from vpt_gym.system.flags import checks_flags
from vpt_gym.system.number import is_real
from vpt_gym.system.printable import shown


@checks_flags
@dataclass(frozen=True)
class Sampling:
    """How an agent draws actions.

    Attributes:
        temperature: Divides the log-probabilities, 1e-6 to 1e6; 1 samples from the policy itself; less favours likely
            actions.
        top_p: Of each head, keep only the most probable choices that together have at least this probability
            (nucleus sampling, Holtzman et al. 2020); 1 keeps all. Applied after the temperature.
        forbid: Buttons that are never pressed, such as ``("inventory", "drop")``; the codes that press them get
            probability 0, and the others are rescaled.
        deterministic: Take the most probable allowed choice of each head instead of sampling. VPT's policies are
            meant to be sampled; without noise they tend to stand still.

    Raises:
        ValueError: The temperature is out of range, ``top_p`` is not in (0, 1], or ``forbid`` names
            something that is not one of VPT's buttons.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    forbid: Sequence[str] = ()
    deterministic: bool = False

    def __post_init__(self) -> None:
        check_temperature("Sampling.temperature", self.temperature, "for the limit 0 use deterministic=True")
        if not is_real(self.top_p) or not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"Sampling.top_p must be in (0, 1], got {shown(self.top_p)}; 1 keeps every choice")
        if isinstance(self.forbid, str):
            raise ValueError(f"Sampling.forbid={self.forbid!r} is one string; pass a tuple, ({self.forbid!r},)")
        if not isinstance(self.forbid, Iterable):
            raise ValueError(f"Sampling.forbid must be a tuple of buttons, got {shown(self.forbid)}")
        object.__setattr__(self, "forbid", tuple(self.forbid))  # first: a generator gives its names only once
        unknown = [name for name in self.forbid if name not in VPT_BUTTONS]
        if unknown:
            raise ValueError(f"Sampling.forbid names {unknown}; VPT's buttons are {', '.join(VPT_BUTTONS)}")

    @checks_flags
    def draw(
        self,
        pi: Distribution,
        generators: Sequence[torch.Generator],
        *,
        deterministic: bool | None = None,
    ) -> Tensor:
        """Returns an action for each row, int64 (..., k); for a VPT head, codes (..., 2), (buttons, camera).

        Args:
            pi: The policy's distribution.
            generators: One for each row of the leading axis.
            deterministic: Overrides the attribute.

        Raises:
            ValueError: Buttons are forbidden and the actions are not VPT codes.
        """
        if self.forbid:
            if not isinstance(pi, ActionDistribution):
                raise ValueError(f"Sampling.forbid={self.forbid!r} needs a policy whose actions are VPT codes")
            pi = ActionDistribution(_without(pi.buttons, tuple(self.forbid)), pi.camera)
        if self.deterministic if deterministic is None else deterministic:
            return pi.mode()
        if self.top_p < 1.0:
            kept = tuple(_nucleus(at_least_float32(head) / self.temperature, self.top_p) for head in pi.log_probs)
            return ChoicesDistribution(kept).sample(generators)
        return pi.sample(generators, temperature=self.temperature)


def _without(buttons: Tensor, forbid: tuple[str, ...]) -> Tensor:
    """Returns log-probabilities (..., 8641) in which no code presses a forbidden button."""
    return at_least_float32(buttons).masked_fill(_presses(forbid).to(buttons.device), -torch.inf).log_softmax(-1)


@functools.cache
def _presses(names: tuple[str, ...]) -> Tensor:
    """Returns (8641,) bool: which button codes press one of the named buttons."""
    pressed = pressed_by_code()
    return torch.stack([torch.from_numpy(pressed[name]) for name in names]).any(0)


def _nucleus(logits: Tensor, top_p: float) -> Tensor:
    """Returns log-probabilities of the most probable choices that together reach ``top_p``, and -inf for the rest."""
    log_probs = logits.log_softmax(-1)
    ordered, order = log_probs.sort(stable=True, dim=-1, descending=True)
    before = ordered.exp().cumsum(-1) - ordered.exp()  # total probability of the choices before it
    dropped = torch.zeros_like(log_probs, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return log_probs.masked_fill(dropped, -torch.inf).log_softmax(-1)
