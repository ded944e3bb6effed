"""The processes that train together, started by torchrun: who they are, and what they exchange."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn

from vpt_gym.agents.device import checked_device

T = TypeVar("T")

TIMEOUT = timedelta(hours=2)
"""How long a process waits for the others, which may still be playing episodes."""


@dataclass(frozen=True)
class Processes:
    """The processes of one training run; by default this one alone.

    All of its methods must be called by all processes, in the same order.

    Attributes:
        rank: Index of this process, from 0. Only process 0 writes files.
        count: Number of processes.
        device: Device of this process.
    """

    rank: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Returns the sum of a tensor over all processes, on the device of this one."""
        if self.count > 1:
            values = values.to(self.device)
            dist.all_reduce(values)
        return values

    def gather(self, value: T) -> list[T]:
        """Returns the values of all processes, in the order of their ranks, in each of them."""
        if self.count == 1:
            return [value]
        values: list[T] = [value] * self.count
        dist.all_gather_object(values, value)
        return values

    def share(self, value: T) -> T:
        """Returns the value of process 0 in each process."""
        return self.gather(value)[0]

    def require_same(self, value: object, what: str) -> None:
        """Checks that a value is the same in all processes, which may be on machines with files of their own.

        Raises:
            ValueError: It is not; in each process.
        """
        values = self.gather(value)
        if any(other != values[0] for other in values):
            raise ValueError(
                f"{what} must be the same in all processes, and of ranks 0 to {self.count - 1} they are "
                f"{', '.join(map(str, values))}: put the same files on each machine"
            )

    def mine(self, items: Sequence[T]) -> Sequence[T]:
        """Returns this process's part of some items, every ``count``-th."""
        return items[self.rank :: self.count]

    def parallel(self, network: nn.Module) -> nn.Module:
        """Returns a module whose gradients are the averages over all processes, with the weights of process 0."""
        if self.count == 1:
            return network
        devices = [self.device] if self.device.type == "cuda" else None
        # parameters without a gradient, such as those of the value head in cloning, are found in each update
        return nn.parallel.DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)


@contextmanager
def processes(device: str = "cpu") -> Iterator[Processes]:
    """Joins the processes that torchrun has started; without torchrun, this process is alone.

    Args:
        device: Device of the policy. Of several processes on ``"cuda"``, each takes the GPU of its local rank, and they
            exchange gradients through NCCL; otherwise through gloo.

    Raises:
        ValueError: There is no such device.
    """
    where = checked_device(device)
    if "WORLD_SIZE" not in os.environ:
        yield Processes(device=where)
        return
    if where.type == "cuda":
        where = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(where)
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield Processes(dist.get_rank(), dist.get_world_size(), where)
    finally:
        dist.destroy_process_group()
