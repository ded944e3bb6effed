"""What a policy loses when it plays without its memory, as in SB3 without ``RememberingVecEnv``.

Plays each agent in the same validation worlds twice: as it is, and with every frame as the first of an episode. The
figures of docs/jobs/other-trainers.md are in ``experiments/memoryless.json``.

They were made with ``--env-kwargs '{"level": "default"}' --episodes 50 --precision auto`` and

python -m experiments.memoryless --models runs/results/demo-0/agent runs/results/demo-1/agent
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tyro

from vpt_gym.agents.agent import ActingPrecision, VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.learning.evaluate import evaluate
from vpt_gym.system.machine import describe
from vpt_gym.system.source_version import git_commit

RESULT = Path(__file__).with_suffix(".json")


class MemorylessAgent(VPTAgent):
    """Forgets everything before each frame."""

    def act(
        self, obs: Any, *, first: npt.ArrayLike | None = None, deterministic: bool | None = None
    ) -> npt.NDArray[np.int64]:
        """Chooses the next actions as at the first frame of an episode."""
        return super().act(obs, first=np.ones(len(obs), np.bool_), deterministic=deterministic)


@dataclass
class Args:
    """Measures what memory is worth to agents."""

    models: tuple[str, ...]
    """Folders of saved agents, or published names."""
    env: EnvArgs = field(default_factory=EnvArgs)
    episodes: int = 100
    """Validation worlds that each agent plays, twice."""
    num_envs: int = 16
    """Episodes that run at once."""
    precision: ActingPrecision = "fp32"
    """Number type in which the agents act."""
    out: Path = RESULT
    """File of the figures."""


def main(args: Args) -> None:
    """Plays, prints and writes the figures."""
    seeds, rows = SEEDS["validation"][: args.episodes], []
    for model in args.models:
        row: dict[str, Any] = {"model": model}
        for name, kind in (("with memory", VPTAgent), ("without memory", MemorylessAgent)):
            agent = kind.from_pretrained(model, precision=args.precision)
            result = evaluate(agent, args.env.make, seeds, num_envs=args.num_envs)
            print(f"{model} {name}: {result}", flush=True)
            row[name] = {**result.summary(), "per_episode": result.per_episode()}
        rows.append(row)
    figures = {
        "env": args.env.name,
        "kwargs": args.env.arguments,
        "git": git_commit("."),
        "machine": describe("torch", "numba", "vpt-gym"),
        "agents": rows,
    }
    args.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Args))
