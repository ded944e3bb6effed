"""The agent that a training run or an evaluation starts from, as the command line names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vpt_gym.agents.policy.config import NAMED
from vpt_gym.collect.goals import ChosenGoal, give_goal

if TYPE_CHECKING:
    import torch

    from vpt_gym.agents.agent import ActingPrecision, VPTAgent


def load_agent(
    model: str,
    weights: str | Path | None = None,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    device: torch.device | str = "cpu",
    precision: ActingPrecision = "auto",
    goal: ChosenGoal | None = None,
) -> VPTAgent:
    """Makes an agent from a size, or loads a saved or published one.

    Args:
        model: A size (``"nano"``, ``"1x"``, ``"2x"``, ``"3x"``) for fresh weights; a folder of a saved agent; a
            ``.model`` file; or a published name.
        weights: The ``.weights`` file that belongs to the ``.model`` file, or that replaces fresh weights.
        seed: Seed of fresh weights.
        temperature: Sampling temperature of the agent.
        device: Where the agent runs.
        precision: Number type in which it acts, as for ``VPTAgent``; training its policy is not affected.
        goal: What an agent acts towards whose policy acts on goals.

    Raises:
        CheckpointError: A file is unsafe, damaged, or of another model.
        FileNotFoundError: There is no such file, folder or name.
        GoalError: The policy acts on goals and there is none, or it takes none and there is one; a ``ValueError``.
        ValueError: A ``.model`` file comes without its weights, or something else with weights.
    """
    from vpt_gym.agents.agent import VPTAgent
    from vpt_gym.agents.sampling import Sampling

    sampling = Sampling(temperature=temperature)
    if model not in NAMED:
        agent = VPTAgent.from_pretrained(model, weights, sampling=sampling, device=device, precision=precision)
        give_goal(agent, goal, model)
        return agent
    agent = VPTAgent.from_config(model, seed=seed, sampling=sampling, device=device, precision=precision)
    if weights is not None:
        agent.load_weights(weights)
    give_goal(agent, goal, model)
    return agent
