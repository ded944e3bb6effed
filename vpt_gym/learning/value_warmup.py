"""The start of a training run from reward: only the value head learns, until its values are good enough for advantages.

Cloning trains a policy but no values. Advantages computed with an untrained value head would make the policy worse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from vpt_gym.learning.losses import explained_variance, weighted_mean
from vpt_gym.learning.runs.args import check_ranges

if TYPE_CHECKING:
    from vpt_gym.agents.policy.heads import ValueHead
    from vpt_gym.learning.rollout import Rollout

_STEPS, _EVERY, _LR = 200, 20, 1e-3
"""Steps of Adam for each rollout, after how many of them the returns are computed again, and the learning rate."""
_DECAY = 0.99
"""Weight of the earlier statistics of returns against those of a rollout."""


@dataclass(kw_only=True)
class ValueArgs:
    """Options of a value head: how it starts, and how its unit follows the returns.

    Raises:
        ValueError: One is out of range.
    """

    value_head: Literal["auto", "zero", "keep"] = "auto"
    """Start of the value head; auto: zero if it has never been trained, as after cloning, else as it is."""
    popart: bool = True
    """Move the statistics of returns by 1 % a rollout and rescale the head with them. Otherwise by 0.001 %, as VPT."""
    warmup_variance: float = 0.5
    """First only the value head learns, until it explains this share of the variance of returns..."""
    warmup_iterations: int = 8
    """... or at most for this number of rollouts; 0 for none."""

    def __post_init__(self) -> None:
        check_ranges(self, not_negative=("warmup_iterations",))


class ValueWarmUp:
    """Starts a value head: fits it alone to the returns of all rollouts so far, which one policy has played.

    Checkpoints do not hold these rollouts, which may be large. A training that continues during the warm-up goes on
    with the head as it was, and collects them anew.

    Args:
        head: The head. Its layer is set to zero if the options say so.
        gae: Returns advantages and value targets, float32 [N, T] each, of rewards [N, T], values [N, T + 1], and
            ``terminated`` and ``ended``, bool [N, T]. With a lambda of 1 the targets are the returns, and values count
            only where an episode is cut off.
        args: The options.

    Attributes:
        done: Whether the warm-up is over.
    """

    def __init__(
        self,
        head: ValueHead,
        gae: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]],
        args: ValueArgs,
    ) -> None:
        self.done = args.warmup_iterations == 0
        self._head, self._gae, self._args = head, gae, args
        self._rollouts: list[Rollout] = []  # with latents in place of frames
        if args.value_head == "zero" or (args.value_head == "auto" and head.normalizer.empty):
            nn.init.zeros_(head.linear.weight)
            nn.init.zeros_(head.linear.bias)

    def move_statistics(self, returns: Tensor, *, decay: float = _DECAY) -> None:
        """Updates the statistics of the returns in the head, once for each rollout; see ``popart``.

        Args:
            returns: Returns of a rollout, of any shape; of none, the statistics stay.
            decay: Weight of the earlier statistics, in [0, 1); without ``popart`` it is the published one.
        """
        if not returns.numel():
            return
        if self._args.popart:
            self._head.adapt(returns, decay=decay)
        else:
            self._head.update(returns)

    def fit(self, rollout: Rollout, latent: Tensor) -> dict[str, float]:
        """Fits the head to all rollouts with one more.

        Args:
            rollout: The new rollout.
            latent: The policy's latent of its ticks, float32 [N, T, D].

        Returns:
            ``loss/value``, normalised, and ``value/explained_variance`` of the new rollout before the fit, unless its
            returns do not vary.
        """
        head = self._head
        self._rollouts.append(replace(rollout, frames=latent, features=None))
        names = ("frames", "weight", "reward", "terminated", "ended", "first")
        latent, weight, *steps = (torch.cat([getattr(r, name) for r in self._rollouts], 1) for name in names)
        reward, terminated, ended, first = steps
        # an episode is cut off between two rollouts if the first step of the second one begins another, since a Ray
        # worker was lost, or has no weight, since the game failed in it
        cut = ~ended[:, :-1] & (first[:, 1:] | (weight[:, 1:] == 0))
        ended[:, :-1] |= cut
        played_value = torch.cat([r.value[:, 1:] for r in self._rollouts], 1)
        optimizer = torch.optim.Adam(head.linear.parameters(), _LR)
        for step in range(_STEPS):
            if step % _EVERY == 0:
                with torch.no_grad():
                    value = torch.cat([head.denormalise(head(latent)), rollout.value[:, -1:]], 1)
                    value[:, 1:-1] = torch.where(cut, played_value[:, :-1], value[:, 1:-1])
                _, target = self._gae(reward, value, terminated, ended)
            if step == 0:
                new = slice(-rollout.reward.shape[1], None)
                variance = explained_variance(rollout.value[:, :-1], target[:, new], weight[:, new])
                self.move_statistics(target[weight > 0], decay=0.0)
            loss = weighted_mean((head(latent) - head.normalise(target)).square(), weight)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        self.done = (variance or 0.0) >= self._args.warmup_variance
        self.done |= len(self._rollouts) >= self._args.warmup_iterations
        if self.done:
            self._rollouts.clear()
        return {"loss/value": loss.item()} | ({} if variance is None else {"value/explained_variance": variance})
