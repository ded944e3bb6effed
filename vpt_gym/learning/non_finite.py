"""Stops a training run whose loss or gradient is not finite, before the optimizer spoils the weights with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from torch import Tensor

from vpt_gym.system.pickled_error import PickledError


class NonFiniteLossError(PickledError, ArithmeticError):
    """A loss or its gradient is NaN or infinite. The weights are those before the update.

    Args:
        update: Number of the update, from 1.
        what: The value, such as ``"the loss is nan"``.
        sources: Where the ticks of the batch came from; may be empty.

    Attributes:
        update: As above.
    """

    def __init__(self, update: int, what: str, sources: Iterable[object]) -> None:
        self.update = update
        lines = [f"\n  {source}" for source in sources]
        where = f", or look at what was in this batch:{''.join(lines)}" if lines else ""
        super().__init__(
            f"update {update}: {what}, so the training stops; the weights are those before this update. Lower the "
            f"learning rate, or train in fp32{where}"
        )


def check_finite(update: int, loss: Tensor, norm: Tensor, sources: Callable[[], Iterable[object]] = tuple) -> None:
    """Raises an error if an update cannot be made. Call it after the backward pass, before the optimizer's step.

    Several processes that average their gradients all raise it: one value that is not finite makes the average so.

    Args:
        update: Number of the update, from 1.
        loss: The loss, a scalar.
        norm: The norm of the gradient, a scalar.
        sources: Returns where the ticks of the batch came from; called only for the error.

    Raises:
        NonFiniteLossError: The loss or the norm is NaN or infinite.
    """
    for name, value in (("loss", loss.item()), ("norm of the gradient", norm.item())):
        if not math.isfinite(value):
            raise NonFiniteLossError(update, f"the {name} is {value}", sources())
