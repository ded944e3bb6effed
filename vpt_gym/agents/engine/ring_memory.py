"""The memory of an engine: a ring of M slots, of which each tick overwrites the oldest."""

from __future__ import annotations

import torch
from torch import Tensor

from vpt_gym.agents.policy.config import VPTConfig
from vpt_gym.agents.policy.transformer import Memory


class RingMemory:
    """Keys and values of the last M frames of B streams, in every block, at addresses that never change.

    The frame of a tick replaces the frame M ticks before it, which it cannot see. So the slots hold exactly the frames
    that it sees, although not in order; attention needs no order, only the distance of each slot.

    Attributes:
        keys: (L, B, H, M, e).
        values: (L, B, H, M, e).
        slot: (1,) int64: the slot of the newest frame. It is a tensor, so that a recorded CUDA graph can advance it.
        mask: (B, 1, M): added to the logits of this tick; 0, or -inf where a slot is not of the current episode.
    """

    def __init__(self, config: VPTConfig, batch_size: int, device: torch.device) -> None:
        heads, context = config.attention_heads, config.context
        shape = (config.n_recurrence_layers, batch_size, heads, context, config.head_size)
        self.keys = torch.zeros(shape, device=device)
        self.values = torch.zeros(shape, device=device)
        self.mask = torch.full((batch_size, 1, context), -torch.inf, device=device)
        self.slot = torch.zeros(1, dtype=torch.int64, device=device)
        self._slots = torch.arange(context, device=device)

    def advance(self, first: Tensor) -> None:
        """Starts a tick; ``first`` (B,) bool is True where a new episode begins."""
        self.slot.add_(1).remainder_(len(self._slots))
        self.mask.masked_fill_(first[:, None, None], -torch.inf).index_fill_(2, self.slot, 0.0)

    def distances(self) -> Tensor:
        """Returns how many ticks ago each slot was written, (M,) int64."""
        return (self.slot - self._slots).remainder_(len(self._slots))

    def write(self, block: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Stores a block's key and value of this tick, (B, H, e); returns those of all slots, (B, H, M, e)."""
        keys, values = self.keys[block], self.values[block]
        keys.index_copy_(2, self.slot, key[:, :, None])
        values.index_copy_(2, self.slot, value[:, :, None])
        return keys, values

    def reset(self, marked: Tensor) -> None:
        """Clears the streams where ``marked`` (B,) bool is True."""
        self.mask.masked_fill_(marked[:, None, None], -torch.inf)
        # Masked slots have weight zero, but zero times infinity is NaN.
        self.keys.masked_fill_(marked[None, :, None, None, None], 0.0)
        self.values.masked_fill_(marked[None, :, None, None, None], 0.0)

    def moment(self) -> tuple[Tensor, Tensor]:
        """Returns what ``return_to`` needs to take the next tick back."""
        return self.slot.clone(), self.mask.clone()

    def return_to(self, moment: tuple[Tensor, Tensor]) -> None:
        """Takes back a tick that began after a moment. The frame that it overwrote is seen by no later tick."""
        self.slot.copy_(moment[0])
        self.mask.copy_(moment[1])

    def keep(self, rows: list[int]) -> None:
        """Drops all streams but these. The tensors are new ones, which a recorded CUDA graph does not use."""
        self.keys, self.values, self.mask = self.keys[:, rows], self.values[:, rows], self.mask[rows]

    def read(self) -> Memory:
        """Returns a copy of the last M - 1 frames, in order."""
        order = (self.slot + 2 + self._slots[:-1]).remainder_(len(self._slots))
        keys, values = (
            x.index_select(3, order).permute(1, 0, 3, 2, 4).flatten(-2).contiguous() for x in (self.keys, self.values)
        )
        return Memory(keys, values, self.mask[:, 0].index_select(1, order) == 0.0)

    def fill(self, memory: Memory) -> None:
        """Replaces the content by a memory of B streams."""
        past = len(self._slots) - 1
        for mine, theirs in ((self.keys, memory.keys), (self.values, memory.values)):
            mine[:, :, :, :past] = torch.unflatten(theirs, -1, (mine.shape[2], mine.shape[4])).permute(1, 0, 3, 2, 4)
        self.mask.fill_(-torch.inf)
        self.mask[:, 0, :past].masked_fill_(memory.valid, 0.0)
        self.slot.fill_(max(past - 1, 0))
