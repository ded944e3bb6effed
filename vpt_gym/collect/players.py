"""The players of recorded episodes: scripted experts and agents."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym

from vpt_gym.actions.codec import decode
from vpt_gym.actions.human import HumanAction
from vpt_gym.collect.experts import LOG_EXPERT, PLAY_EXPERT, TASK_EXPERT, Expert, load_expert
from vpt_gym.collect.goals import ChosenGoal, give_goal
from vpt_gym.frames import find_frame, to_size
from vpt_gym.world.ids import ANY_TASK, PLAY, STEP_LIMITS, env_id

if TYPE_CHECKING:
    from vpt_gym.agents.agent import ActingPrecision, VPTAgent

SCRIPTED = "scripted"
"""Names the scripted expert of an env, if it has one."""
EXPERTS: Mapping[str, str] = MappingProxyType(
    {
        **{env_id(task): TASK_EXPERT for task in STEP_LIMITS},
        env_id("harvest_1_log"): LOG_EXPERT,
        ANY_TASK: TASK_EXPERT,
        PLAY: PLAY_EXPERT,
    }
)
"""The scripted expert of each env id."""


class Player(Protocol):
    """Plays episodes, one after the other."""

    def reset(self, seed: int) -> None:
        """Prepares for a new episode. Random choices in it depend on ``seed`` alone."""

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        """Returns the human action to take. ``observation`` is the latest one that ``env`` returned."""


class _ExpertPlayer:
    def __init__(self, expert: Expert) -> None:
        self._expert = expert

    def reset(self, seed: int) -> None:
        self._expert.reset()

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        return self._expert.act(env)


class AgentPlayer:
    """An agent as a player.

    Attributes:
        agent: The agent.
    """

    def __init__(self, agent: VPTAgent) -> None:
        self.agent = agent

    def reset(self, seed: int) -> None:
        """Prepares for a new episode; its actions are sampled from ``seed``."""
        self.agent.reset(seed=seed)

    def act(self, env: gym.Env[Any, Any], observation: Any) -> HumanAction:
        """Returns the agent's action for the frame in ``observation``."""
        action: HumanAction = decode(self.agent.act(to_size(find_frame(observation))))
        return action


def resolve(expert: Sequence[str], env_id: str) -> tuple[str, ...]:
    """Returns the name of a player, with ``SCRIPTED`` replaced by the scripted expert of the env.

    Args:
        expert: ``("scripted",)``, ``("module:attribute",)``, or the arguments of ``VPTAgent.from_pretrained``: a
            folder or a name, or a ``.model`` and a ``.weights`` file.
        env_id: The env to play in; also ``module:id``.

    Raises:
        ValueError: The env has no scripted expert, or ``expert`` has no words, or more than two.
    """
    if not 1 <= len(expert) <= 2:
        raise ValueError(f"an expert is one name, or a .model and a .weights file; got {len(expert)} words")
    if tuple(expert) != (SCRIPTED,):
        return tuple(expert)
    name = env_id.rpartition(":")[2]
    if name not in EXPERTS:
        raise ValueError(
            f"there is no scripted expert for {env_id}, only for {', '.join(EXPERTS)}. Name an agent (the folder of a "
            "saved one, or a .model and its .weights file), or an expert of your own (module:attribute)"
        )
    return (EXPERTS[name],)


def is_agent(expert: Sequence[str]) -> bool:
    """Returns whether :func:`resolve` returned the name of an agent, not of a scripted expert."""
    module, colon, attribute = expert[0].partition(":")
    return len(expert) > 1 or not (colon and all(part.isidentifier() for part in [*module.split("."), attribute]))


def make_player(
    expert: Sequence[str],
    *,
    device: str = "cpu",
    precision: ActingPrecision = "auto",
    skill: float = 1.0,
    goal: ChosenGoal | None = None,
) -> Player:
    """Makes a player from its name.

    An agent computes in one thread. Rounding, and so its actions, then do not depend on how many agents run.

    Args:
        expert: The name, from :func:`resolve`.
        device: Device of an agent.
        precision: Number type in which an agent acts, as for ``VPTAgent``.
        skill: Skill of a scripted expert, in (0, 1], where 1 is its best. A value below 1 is passed to the expert's
            factory as ``skill=``.
        goal: The goal of an agent whose policy acts on goals.

    Raises:
        ValueError: There is no such expert, the checkpoint cannot be used, the skill is out of range or the player
            has no skill to choose, or the player lacks a goal or takes none.
        RuntimeError: A published checkpoint could not be downloaded.
    """
    if not is_agent(expert):
        if goal is not None:
            raise ValueError(f"--goal is {goal.name!r}, but {expert[0]} is no agent; leave it out")
        make: Callable[..., Expert] = load_expert(expert[0])
        if skill == 1.0:
            return _ExpertPlayer(make())
        if "skill" not in inspect.signature(make).parameters:
            raise ValueError(f"skill is {skill}, but {expert[0]} takes no argument of that name; leave it out")
        return _ExpertPlayer(make(skill=skill))
    if skill != 1.0:
        raise ValueError(f"skill is {skill}, but an agent has none; leave it out")
    import torch

    from vpt_gym.agents.agent import VPTAgent

    torch.set_num_threads(1)
    agent = VPTAgent.from_pretrained(*expert, device=device, precision=precision)
    give_goal(agent, goal, expert[0])
    return AgentPlayer(agent)
