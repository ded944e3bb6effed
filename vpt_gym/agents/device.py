"""Checks the device that a network is to run on."""

from __future__ import annotations

import torch

from vpt_gym.system.printable import shown


def checked_device(device: torch.device | str) -> torch.device:
    """Returns a device that this machine has.

    Raises:
        ValueError: There is no such device; the message names those that there are.
    """
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"device is {shown(device)}; {_present()}") from error
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device is {shown(str(wanted))}, which PyTorch does not find; {_present()}")
    if wanted.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device is 'mps', which PyTorch does not find; {_present()}")
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # another kind, which this build lacks
        raise ValueError(f"device is {shown(str(wanted))}, which PyTorch cannot use here; {_present()}") from error
    return wanted


def _present() -> str:
    found = ["'cpu'", *(f"'cuda:{index}'" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        found.append("'mps'")
    return f"this machine has {', '.join(found)}" + ("" if len(found) > 1 else " and no GPU that PyTorch can use")
