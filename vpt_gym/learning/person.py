"""DAgger with a person as the expert: the learner plays in a window, and the person takes over when it goes wrong.

Source: Kelly et al. 2019, "HG-DAgger: Interactive Imitation Learning with Human Experts" (arXiv:1810.02890).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.finished import seeds_with_demos
from vpt_gym.collect.identity import agent_identity
from vpt_gym.collect.provenance import check_same_recording
from vpt_gym.demos.demo import read_demo
from vpt_gym.demos.files.names import list_demos

if TYPE_CHECKING:
    from vpt_gym.agents.agent import VPTAgent

PERSON = "person"
"""Names a person as the expert."""


def check_person_options(unused: Mapping[str, tuple[object, object]]) -> None:
    """Checks that no option was chosen that rounds with a person do not use.

    In them the learner acts, as it was saved and in one window, until the person takes over.

    Args:
        unused: The options that do not apply: name, and value and default.

    Raises:
        ValueError: A value is not the default.
    """
    chosen = {name: value for name, (value, default) in unused.items() if value != default}
    if chosen:
        values = ", ".join(f"{name} is {value!r}" for name, value in chosen.items())
        raise ValueError(
            f"{values}; with --expert person the learner plays in one window until the person takes over: leave out "
            + ", ".join(chosen)
        )


def play_with_person(
    agent: VPTAgent, saved: Path, env: EnvArgs, worlds: Sequence[int], directory: Path, *, device: str, precision: str
) -> set[int]:
    """Opens a window (``vpt-gym play``) in which an agent plays and a person can take over, and waits for its end.

    The demos go to ``directory``. What the agent did itself is no label there: these ticks have no weight in a
    training. A round that was broken off continues with the worlds that have no demo, kept or rejected; no window is
    opened if there are none.

    Args:
        agent: The learner.
        saved: The folder that it is saved in.
        env: The environment.
        worlds: Seeds of the worlds of this round, consecutive.
        directory: Directory of this round alone.
        device: Device of the learner in the window.
        precision: Number type in which it acts there, as for ``VPTAgent``.

    Returns:
        The worlds that have no demo yet; empty when the round is finished.

    Raises:
        ValueError: The directory holds demos of another learner.
        subprocess.CalledProcessError: The window ended with an error, which it has printed.
    """
    check_same_recording(directory, agent_identity(agent), required=True, key="learner")
    if not set(worlds) <= seeds_with_demos(directory):
        options = window_options(saved, env, worlds, directory, device=device, precision=precision)
        subprocess.run([sys.executable, "-m", "vpt_gym", "play", *options], check=True)
    return set(worlds) - seeds_with_demos(directory)


def window_options(
    saved: Path, env: EnvArgs, worlds: Sequence[int], directory: Path, *, device: str, precision: str
) -> list[str]:
    """Returns the options of ``vpt-gym play`` for the window; arguments as for :func:`play_with_person`."""
    options = ["--env", env.id]
    options += [] if env.kwargs is None else ["--env-kwargs", env.kwargs]
    options += [] if env.key is None else ["--env-key", env.key]
    options += ["--agent", str(saved), "--agent-first", "--precision", precision, "--device", device]
    return [*options, "--out", str(directory), "--seed", str(worlds[0]), "--episodes", str(len(worlds))]


def interventions(directory: Path) -> dict[str, float]:
    """Returns what a person did in a round.

    Returns:
        ``"episodes"``, the number of demos, and ``"intervention"``, the share of their ticks in which the person acted.

    Raises:
        ValueError: There are no demos.
    """
    demos = [read_demo(path) for path in list_demos(directory)]
    if not demos:
        raise ValueError(f"{directory} has no demo, only rejected ones: delete it to play the round again")
    corrected = sum(int(demo.intervention.sum()) for demo in demos)
    return {"episodes": len(demos), "intervention": corrected / sum(map(len, demos))}
