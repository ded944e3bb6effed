"""Imitation without training: the agent repeats what a demo did in the most similar state.

    python examples/nearest_neighbour.py --model nano-foundation --demos demos/harvest_1_log
    python examples/nearest_neighbour.py --model runs/bc/log/agent --demos demos/harvest_1_log --follow 16

The network of a policy turns each frame, with its memory of those before, into a latent; its action head is not used.
The agent searches the demos for the nearest latent and repeats the actions from there on. It searches again when the
demo ends, after ``--follow`` ticks, or when its own latents have drifted away from the demo's (``--drift``).

After Malato et al. 2024, "Zero-Shot Imitation Policy via Search in Demonstration Dataset" (arXiv:2401.16398), who
searched among the latents of VPT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from vpt_gym.agents.policy.policy import VPTPolicy
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos.dataset.dataset import DemoDataset
from vpt_gym.learning.elsewhere import warn_if_elsewhere
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.runs.args import RunArgs, check_counts, check_ranges, parse
from vpt_gym.learning.runs.run import Run

CHUNK = 64
"""Ticks of a demo in a forward pass; the latents do not depend on it, up to rounding."""


@dataclass
class Args:
    """Plays by the nearest neighbour in demos, and reports the success."""

    model: str
    """Policy whose latents are compared: folder of a saved agent, .model file, a name such as nano-foundation, or a
    size (nano, 1x, 2x, 3x) for fresh weights."""
    demos: tuple[Path, ...]
    """Directories of demos."""
    weights: Path | None = None
    """The .weights file that belongs to the .model file."""
    follow: int = 32
    """Ticks after which the agent searches again."""
    drift: float = 2.0
    """The agent also searches again when its distance from the demo is more than this many times the distance at the
    search."""
    env: EnvArgs = field(default_factory=EnvArgs)
    worlds: Literal["evaluation", "validation"] = "evaluation"
    """Worlds to play in: evaluation for final figures, validation to choose options."""
    episodes: int = 50
    """Episodes, each in a different world."""
    device: str = "cpu"
    """Device of the policy, for example cuda."""
    seed: int = 0
    """Seed of fresh weights."""
    run: RunArgs = field(default_factory=lambda: RunArgs(tensorboard=False))

    def __post_init__(self) -> None:
        check_counts(self, "follow", "episodes")
        check_ranges(self, not_negative=("seed",))
        if not self.drift >= 1.0:
            raise ValueError(f"drift is {self.drift}; it must be at least 1")


@dataclass(frozen=True)
class Library:
    """The M ticks of some demos that have a label, one demo after the other."""

    latents: Tensor
    """float32 (M, D)."""
    codes: Tensor
    """int64 (M, 2), the VPT codes that the demos teach."""
    last: Tensor
    """bool (M,), True in the last tick of a demo, and in the last one before a tick without a label."""
    demos: int
    """Number of demos."""

    @classmethod
    @torch.inference_mode()
    def read(cls, policy: VPTPolicy, demos: Sequence[Path]) -> Library:
        """Passes the demos through a policy, each from an empty memory.

        Raises:
            ValueError: No tick has a label.
        """
        device = policy.device
        dataset = DemoDataset(list(demos), seq_len=CHUNK, batch_size=1, order="carried", drop_null=False)
        memory, latents, codes, first, weight = None, [], [], [], []
        for batch in track(dataset, "reading demos", total=-(-dataset.n_ticks // CHUNK)):
            output = policy(batch.frames.to(device), batch.first.to(device), memory)
            memory = output.memory
            latents.append(output.latent[0])
            codes.append(batch.codes[0])
            first.append(batch.first[0])
            weight.append(batch.weight[0])
        ticks = slice(dataset.n_ticks)  # the last batch goes on into the next epoch
        labelled = torch.cat(weight)[ticks] > 0
        if not labelled.any():
            raise ValueError("no tick of the demos has a label: an agent played them all, and nobody corrected it")
        last = (torch.cat(first)[ticks] | ~labelled).roll(-1)
        rows = labelled.nonzero()[:, 0]
        latent = torch.cat(latents)[ticks][rows.to(device)]
        return cls(latent, torch.cat(codes)[ticks][rows], last[rows], dataset.n_episodes)


class NearestNeighbour:
    """An agent that repeats what a demo did. It plays N environments at once, as ``VPTAgent`` does.

    Args:
        policy: Its network gives the latents.
        library: The demos, read with the same policy.
        follow: Ticks after which it searches again.
        drift: Multiple of the distance at the search at which it does so too.

    Attributes:
        searches: How often it has searched.
    """

    precision = "fp32"

    def __init__(self, policy: VPTPolicy, library: Library, *, follow: int, drift: float) -> None:
        self._policy, self._library, self._follow, self._drift = policy, library, follow, drift
        self.searches = 0
        self.reset()

    def reset(self, mask: npt.NDArray[np.bool_] | None = None, seed: Sequence[int | None] | None = None) -> None:
        """Forgets all environments. With a mask nothing is to be done: ``first`` marks new episodes in ``act``."""
        if mask is None:
            self._memory: Memory | None = None
            self._place = torch.empty(0, dtype=torch.int64)  # (N,) the tick of the demo that each environment is at
            self._followed = torch.empty(0, dtype=torch.int64)  # (N,) ticks since its search
            self._limit = torch.empty(0)  # (N,) the distance at which it searches again

    def keep(self, rows: Sequence[int]) -> None:
        """Drops all environments except ``rows``."""
        index = torch.as_tensor(rows)
        self._memory = None if self._memory is None else self._memory.index(index)
        self._place, self._followed, self._limit = (x[index] for x in (self._place, self._followed, self._limit))

    @torch.inference_mode()
    def act(self, obs: npt.NDArray[np.uint8], *, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Returns the codes (N, 2) for frames (N, 128, 128, 3); ``first`` (N,) marks first frames of episodes."""
        device, library = self._library.latents.device, self._library
        begins = torch.from_numpy(np.asarray(first))
        output = self._policy(torch.from_numpy(obs)[:, None].to(device), begins[:, None].to(device), self._memory)
        self._memory, latents = output.memory, output.latent[:, 0]
        if len(self._place) != len(begins):
            self._place, self._followed = (torch.zeros(len(begins), dtype=torch.int64) for _ in range(2))
            self._limit = torch.zeros(len(begins))
        away = torch.linalg.vector_norm(latents - library.latents[self._place], dim=1).cpu()
        searching = begins | (self._followed >= self._follow) | (away > self._limit)
        rows = searching.nonzero()[:, 0]
        if len(rows):
            nearest = torch.cdist(latents[rows], library.latents).min(1)
            self._place[rows], self._followed[rows] = nearest.indices.cpu(), 0
            self._limit[rows] = self._drift * nearest.values.cpu()
            self.searches += len(rows)
        codes: npt.NDArray[np.int64] = library.codes[self._place].numpy()
        ended = library.last[self._place]
        self._place = torch.where(ended, self._place, self._place + 1)
        self._followed = torch.where(ended, self._follow, self._followed + 1)
        return codes


def main(args: Args) -> None:
    """Reads the demos, plays, and writes the results to the directory of the run."""
    console = Console()
    policy = load_agent(args.model, args.weights, seed=args.seed, device=args.device).policy.eval()
    with Run("nearest_neighbour", args) as run:
        warn_if_elsewhere(args.demos, (args.env,), console)
        library = Library.read(policy, args.demos)
        agent = NearestNeighbour(policy, library, follow=args.follow, drift=args.drift)
        played = evaluate(agent, args.env.make, SEEDS[args.worlds][: args.episodes])
        ticks = sum(episode.ticks for episode in played.episodes)
        console.print(f"{len(library.last):,} ticks of {library.demos} demos; {played}")
        console.print(f"one search in {ticks / agent.searches:.1f} ticks; results: {run.directory}")
        figures = {"demos": library.demos, "demo_ticks": len(library.last), "searches": agent.searches}
        run.write_results({**figures, **played.summary(), "per_episode": played.per_episode()})


if __name__ == "__main__":
    main(parse(Args))
