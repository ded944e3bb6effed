"""Adam with a schedule of its learning rate and a limit for the gradient, and how a training continues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vpt_gym.learning.non_finite import check_finite
from vpt_gym.learning.runs.args import check_ranges
from vpt_gym.learning.schedule import linear_warmup

_EPSILON = 1e-5
"""Large, as in the PPO of OpenAI baselines. The gradients of actions that are hardly ever sampled are noise, which Adam
would scale up."""


@dataclass(kw_only=True)
class OptimizerArgs:
    """Options of the optimizer.

    Raises:
        ValueError: One is out of range.
    """

    lr: float = 1e-4
    """Learning rate at the start."""
    warmup: int = 20
    """Updates of the policy over which the learning rate rises linearly to it; 0 for none. Without, Adam's first steps
    go too far, since its moments are empty."""
    schedule: Literal["constant", "linear"] = "linear"
    """Course of the learning rate: constant, or falling to 0."""
    weight_decay: float = 0.0
    """L2 penalty inside Adam."""
    max_grad_norm: float = 5.0
    """Maximum norm of the gradient."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("lr", "max_grad_norm"), not_negative=("warmup", "weight_decay"))


def load_moments(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Continues with the moments in an optimizer's ``state_dict``; the options stay those of this optimizer.

    PyTorch's ``load_state_dict`` also takes the options of the earlier one, so that a weight decay that a run is
    resumed with would have no effect.

    Args:
        optimizer: Adam or AdamW, as a new run would make it.
        state: ``state_dict`` of an Adam or AdamW of the same parameters.

    Raises:
        ValueError: It is of other parameters.
    """
    own = optimizer.state_dict()["param_groups"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    moments = {number: values["exp_avg"] for number, values in state["state"].items()}
    if len(numbers) != len(parameters) or any(
        moments[number].shape != parameter.shape
        for number, parameter in zip(numbers, parameters, strict=True)
        if number in moments
    ):
        raise ValueError(
            f"the state is of {len(numbers)} parameters, and {len(parameters)} are trained now, or shapes differ: "
            "continue with the same policy and the same frozen parameters"
        )
    optimizer.load_state_dict({"state": state["state"], "param_groups": own})


def load_weights(network: nn.Module, state: Mapping[str, Any]) -> None:
    """Loads the weights of an earlier training.

    Raises:
        ValueError: They are of another architecture.
    """
    own = {name: value.shape for name, value in network.state_dict().items()}
    theirs = {name: value.shape for name, value in state.items()}
    if own != theirs:
        differing = sorted(name for name in own.keys() | theirs.keys() if own.get(name) != theirs.get(name))
        raise ValueError(
            f"the state is of a network of another architecture ({differing[0]} differs, of {len(differing)} in all): "
            "continue with the model that the run began with (--model, --goals), or begin a new run"
        )
    network.load_state_dict(state)


class ScheduledAdam:
    """Adam as :class:`OptimizerArgs` describe it.

    Args:
        parameters: What is trained.
        args: The options.

    Attributes:
        updates: Number of steps so far.
        progress: The share of the run that is over, in [0, 1]; set it, for the schedule.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], args: OptimizerArgs) -> None:
        self.updates, self.progress = 0, 0.0
        self._args, self._parameters = args, list(parameters)
        fused = all(parameter.device.type in ("cpu", "cuda") for parameter in self._parameters)
        self._adam = torch.optim.Adam(
            self._parameters, args.lr, eps=_EPSILON, weight_decay=args.weight_decay, fused=fused
        )

    @property
    def lr(self) -> float:
        """The learning rate of the last step; before the first one, that of the first."""
        rate = self._args.lr * linear_warmup(max(self.updates, 1), self._args.warmup)
        return rate if self._args.schedule == "constant" else rate * (1.0 - self.progress)

    def step(self, loss: Tensor) -> None:
        """Makes a step down the gradient of a loss, a scalar.

        Raises:
            NonFiniteLossError: The loss or its gradient is NaN or infinite; the parameters are unchanged.
        """
        self._adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.updates += 1
        for group in self._adam.param_groups:
            group["lr"] = self.lr
        check_finite(self.updates, loss, nn.utils.clip_grad_norm_(self._parameters, self._args.max_grad_norm))
        self._adam.step()

    def state_dict(self) -> dict[str, Any]:
        """Returns what the next steps depend on besides parameters and ``progress``."""
        return {"adam": self._adam.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``, with the options of this optimizer."""
        load_moments(self._adam, state["adam"])
        self.updates = state["updates"]
