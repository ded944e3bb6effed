"""An exponential moving average (EMA) of a network's weights, which often plays better than the last weights do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class WeightAverage:
    """The moving average of the weights of a network.

    In the first updates the decay is smaller, ``(1 + n) / (10 + n)`` after n updates, so that the average forgets the
    fresh weights soon (the rule of TensorFlow's ``ExponentialMovingAverage``).

    Args:
        network: The network; its current weights are the first average.
        decay: Share of the average that each update keeps, for example 0.999.

    Raises:
        ValueError: The decay is outside (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        if not 0.0 < decay < 1.0:
            raise ValueError(f"the decay of the average is {decay}; it must be in (0, 1), for example 0.999")
        self._decay = decay
        self._model = AveragedModel(network, avg_fn=self._mix)
        self._model.update_parameters(network)  # the first call copies

    def update(self, network: nn.Module) -> None:
        """Includes the weights of the network after an update."""
        self._model.update_parameters(network)

    def copy_to(self, network: nn.Module) -> None:
        """Copies the average into the network."""
        network.load_state_dict(self._model.module.state_dict())

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """Puts the average into the network, in place, and its own weights back at the end."""
        own = {name: value.clone() for name, value in network.state_dict().items()}
        self.copy_to(network)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """Returns the average and the number of updates."""
        return dict(self._model.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what ``state_dict`` returned."""
        self._model.load_state_dict(state)

    @torch.no_grad()
    def _mix(self, average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
        decay = min(self._decay, (1.0 + float(updates)) / (10.0 + float(updates)))
        return torch.lerp(average, current, 1.0 - decay)
