"""An imitation loss on demos, as a term of another loss: the policy does not forget what it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from torch import Tensor

from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.learning.losses import bc_loss
from vpt_gym.learning.runs.args import check_ranges
from vpt_gym.system.command_line import optional

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy

_SEQ_LEN, _BATCH_SIZE = 16, 8


@dataclass(kw_only=True)
class DemoTermArgs:
    """Options of an imitation term beside another loss.

    Raises:
        ValueError: One is out of range.
    """

    demos: Annotated[tuple[Path, ...], optional("DIR ...", "none")] = ()
    """Directories of demos for an imitation term, so that the policy does not forget what it was shown."""
    bc_coefficient: float = 0.1
    """Weight of the imitation term at first."""
    bc_half_life: float = 0.2
    """Share of the run in which that weight halves."""

    def __post_init__(self) -> None:
        check_ranges(self, positive=("bc_half_life",), not_negative=("bc_coefficient",))


class DemoTerm:
    """The behavioural cloning loss of 8 independent chunks of 16 ticks from demos, each of which starts without memory.

    Args:
        demos: Directories of demos, or single demos.
        seed: Seed of the draws.

    Raises:
        ValueError: There is no demo.
    """

    def __init__(self, demos: Sequence[Path], *, seed: int) -> None:
        # random: of a carried order, one iteration of the training would see consecutive ticks of 8 episodes only
        self._dataset = DemoDataset(list(demos), seq_len=_SEQ_LEN, batch_size=_BATCH_SIZE, order="random", seed=seed)

    def loss(self, policy: VPTPolicy) -> Tensor:
        """Returns the negative log-likelihood of the actions in the next chunks, nats per tick, a scalar."""
        device = policy.device
        frames, codes, first, weight = (tensor.to(device) for tensor in self._dataset.next_batch())
        return bc_loss(policy(frames, first).pi, codes, weight)

    def state_dict(self) -> dict[str, Any]:
        """Returns what the next draws depend on."""
        return self._dataset.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``, with the batch after it.

        Raises:
            ValueError: The state is of other demos.
        """
        self._dataset.load_state_dict(state)
