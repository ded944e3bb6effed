"""Notices that the weights of a network have changed since they were packed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_SAMPLES = 16
"""How many values of each parameter are compared."""


class WeightSnapshot:
    """The state of a network's float32 weights at one moment, cheap to compare with their state later.

    PyTorch counts changes in place for each tensor, but not those of a fused optimiser or through ``.data``. Therefore
    a few values of each parameter are compared as well. A change by hand of other single values through ``.data`` is
    not noticed.

    Args:
        network: The network; all parameters are float32 and on one device.
    """

    def __init__(self, network: nn.Module) -> None:
        modules = list(network.modules())
        self._children = [(m._modules, name, child) for m in modules for name, child in m._modules.items()]
        parameters = [(m._parameters, name, p) for m in modules for name, p in m._parameters.items() if p is not None]
        self._parameters = [(owner, name, p, _version(p), p.data_ptr()) for owner, name, p in parameters]
        values = [p.detach().reshape(-1) for _, _, p in parameters if p.numel()]
        self._samples = [value[:: max(1, len(value) // _SAMPLES)] for value in values]
        # the same memory: NumPy joins many short arrays several times as fast
        self._arrays = [sample.numpy() for sample in self._samples if sample.device.type == "cpu"]
        self._bits = self._sampled_bits()

    @property
    def changed(self) -> bool:
        """Whether a part or parameter was replaced, moved, or changed in place."""
        if any(modules.get(name) is not child for modules, name, child in self._children):
            return True
        for owner, name, parameter, version, address in self._parameters:
            now = owner.get(name)
            if now is not parameter or _version(now) != version or now.data_ptr() != address:
                return True
        return not torch.equal(self._sampled_bits(), self._bits)

    def _sampled_bits(self) -> Tensor:
        joined = torch.from_numpy(np.concatenate(self._arrays)) if self._arrays else torch.cat(self._samples)
        return joined.view(torch.int32)  # as integers, since NaN is not equal to itself


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version
