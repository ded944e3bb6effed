"""The command-line options of a Ray cluster, and what a worker on it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from vpt_gym.system.command_line import optional
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.printable import shown

DEFAULT_ADDRESS = "auto"
"""Address if ``--ray`` is given without one: the cluster that this machine belongs to."""


def _address(words: Sequence[str]) -> str:
    if len(words) > 1:
        raise ValueError(f"--ray takes one address, not {len(words)}")
    return words[0] if words else DEFAULT_ADDRESS


_OPTIONAL_ADDRESS = PrimitiveConstructorSpec(
    nargs="*",
    metavar="[ADDRESS]",
    instance_from_str=_address,
    is_instance=lambda value: isinstance(value, str),
    str_from_instance=lambda value: [value],
)


@dataclass(frozen=True)
class RayArgs:
    """Where episodes are played: in this process, or by workers on a Ray cluster.

    A worker is a process (a Ray actor) with its own envs and its own copy of the agent.

    Raises:
        ValueError: An option is out of range, or ``resources`` is not a JSON object.
    """

    address: Annotated[
        Annotated[str, _OPTIONAL_ADDRESS] | None, optional("[ADDRESS]", "play in this process", name="ray")
    ] = None
    """Play on a Ray cluster. auto, or no address: the cluster that this machine belongs to. local: a new one on this
    machine alone. HOST:PORT: that cluster. Install vpt-gym[ray]."""
    workers: Annotated[int | None, optional("INT", "as many as the cluster has room for", name="ray-workers")] = None
    """Number of workers; with --ray-envs, in place of --num-envs. More than there is room for wait for nodes."""
    cpus: Annotated[float, tyro.conf.arg(name="ray-cpus", prefix_name=False)] = 1.0
    """Processors that Ray reserves for a worker; also its threads."""
    gpus: Annotated[float, tyro.conf.arg(name="ray-gpus", prefix_name=False)] = 0.0
    """Share of a GPU that Ray reserves for a worker. Above 0, the worker's agent runs on it."""
    envs: Annotated[int, tyro.conf.arg(name="ray-envs", prefix_name=False)] = 1
    """Episodes that a worker plays side by side. 1: the same episodes as one env in one process, bit for bit."""
    resources: Annotated[str, tyro.conf.arg(name="ray-resources", prefix_name=False, metavar="JSON")] = "{}"
    """Resources of your own that a worker needs, a JSON object such as '{"rollout": 1}', to choose its nodes."""

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("cpus", 0), ("gpus", 0), ("envs", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"--ray-{name} is {value}; it must be at least {least}")
        own = self.own_resources  # checked even if it does not matter
        if self.gpus == self.cpus == 0 and not own:
            raise ValueError("a worker that needs nothing has no limit: set --ray-cpus, --ray-gpus or --ray-resources")

    @property
    def device(self) -> str:
        """The device of a worker's agent."""
        return "cuda" if self.gpus > 0 else "cpu"

    @property
    def threads(self) -> int:
        """The number of threads in which a worker's agent computes."""
        return max(1, int(self.cpus))

    @property
    def own_resources(self) -> dict[str, float]:
        """The resources besides processors and GPUs that a worker needs."""
        try:
            resources = parse_json(self.resources)
        except ValueError:
            resources = None
        if not isinstance(resources, dict):
            raise ValueError(
                f"--ray-resources {shown(self.resources)} must be a JSON object such as " + '{"rollout": 1}'
            )
        return resources

    @property
    def needs(self) -> dict[str, float]:
        """All that a worker needs, by Ray's names."""
        return {"CPU": self.cpus, "GPU": self.gpus, **self.own_resources}
