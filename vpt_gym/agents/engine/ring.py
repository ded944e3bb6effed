"""The memory of an engine: a ring of M slots, of which each tick overwrites the oldest."""

from __future__ import annotations

import torch
from torch import Tensor

from vpt_gym.agents.config import VPTConfig
from vpt_gym.agents.memory import Memory


class Ring:
    """Keys and values of the last M frames of B streams, in every block, at addresses that never change.

    The frame of a tick takes the slot of the frame M ticks ago, which it cannot see. So the slots are always what a
    frame sees, though not in order: attention needs no order, only the distance of each slot.

    Attributes:
        keys: (L, B, M, D).
        values: (L, B, M, D).
        slot: (1,) int64, where the newest frame is.
        mask: (B, 1, M), what to add to the logits of this tick: 0, or -inf where a slot is of no running episode.
        slots_by_distance... 
    """

    def __init__(self, config: VPTConfig, batch_size: int, device: torch.device) -> None:
        shape = (config.n_recurrence_layers, batch_size, config.context, config.hidsize)
        self.keys = torch.zeros(shape, device=device)
        self.values = torch.zeros(shape, device=device)
        self.mask = torch.full((batch_size, 1, config.context), -torch.inf, device=device)
        self.slot = torch.zeros(1, dtype=torch.int64, device=device)
        self._places = torch.arange(config.context, device=device)

    @property
    def batch_size(self) -> int:
        """B."""
        return self.mask.shape[0]

    def advance(self, first: Tensor) -> None:
        """Begins a tick: ``first`` (B,) bool is True where a new episode begins."""
        self.slot.add_(1).remainder_(len(self._places))
        self.mask.masked_fill_(first[:, None, None], -torch.inf).index_fill_(2, self.slot, 0.0)

    def distances(self) -> Tensor:
        """Returns how many ticks ago each slot was written, (M,) int64."""
        return (self.slot - self._places).remainder_(len(self._places))

    def write(self, block: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Puts this tick's key and value (B, D) into a block's slots, and returns all of them, (B, M, D)."""
        keys, values = self.keys[block], self.values[block]
        keys.index_copy_(1, self.slot, key[:, None])
        values.index_copy_(1, self.slot, value[:, None])
        return keys, values

    def reset(self, marked: Tensor) -> None:
        """Makes the streams where ``marked`` (B,) bool is True remember nothing."""
        self.mask.masked_fill_(marked[:, None, None], -torch.inf)
        # Not seen, yet not left either: NaN or infinity times a weight of 0 would be NaN.
        self.keys.masked_fill_(marked[None, :, None, None], 0.0)
        self.values.masked_fill_(marked[None, :, None, None], 0.0)

    def read(self) -> Memory:
        """Returns a copy of the last M - 1 frames."""
        order = (self.slot + 2 + self._places[:-1]).remainder_(len(self._places))
        return Memory(
            keys=self.keys.index_select(2, order).transpose(0, 1).contiguous(),
            values=self.values.index_select(2, order).transpose(0, 1).contiguous(),
            valid=self.mask[:, 0].index_select(1, order) == 0.0,
        )

    def fill(self, memory: Memory) -> None:
        """Takes over a memory of B streams."""
        past = len(self._places) - 1
        self.keys[:, :, :past] = memory.keys.transpose(0, 1)
        self.values[:, :, :past] = memory.values.transpose(0, 1)
        self.mask.fill_(-torch.inf)
        self.mask[:, 0, :past].masked_fill_(memory.valid, 0.0)
        self.slot.fill_(past - 1)
