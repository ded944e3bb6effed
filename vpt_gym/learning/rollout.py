"""Rollouts for policy-gradient methods: collection from a vector env, GAE, and minibatches with the right memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.agents.policy.transformer import Memory


def gae(
    reward: Tensor, value: Tensor, terminated: Tensor, ended: Tensor, *, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Returns generalised advantage estimates and value targets (Schulman et al. 2016, arXiv:1506.02438).

    Args:
        reward: float32 [N, T], the reward of the step at tick t.
        value: float32 [N, T + 1], the value of the observation at tick t. The one after an episode's last step is the
            value of its last observation, from which a truncated episode is bootstrapped.
        terminated: bool [N, T], whether the step at t reached a terminal state, whose value counts as 0.
        ended: bool [N, T], whether the step at t was the last of its episode, terminated or truncated.
        gamma: Discount per tick.
        gae_lambda: Decay of the sum over temporal-difference errors.

    Returns:
        Advantages [N, T] and targets (advantage + value) [N, T].
    """
    error = reward + gamma * value[:, 1:] * ~terminated - value[:, :-1]
    advantage = torch.zeros_like(reward)
    running = torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        running = error[:, t] + gamma * gae_lambda * running * ~ended[:, t]
        advantage[:, t] = running
    return advantage, advantage + value[:, :-1]


@dataclass(frozen=True)
class Rollout:
    """T ticks of N envs, batch first.

    Attributes:
        frames: uint8 [N, T, 128, 128, 3].
        first: bool [N, T], whether the frame is the first of its episode.
        codes: int64 [N, T, 2], the sampled codes.
        log_prob: float32 [N, T], their log-probabilities.
        advantage: float32 [N, T].
        value_target: float32 [N, T], in the units of the reward.
        weight: float32 [N, T], 0 where the step only reset its env and the code was ignored.
        memory: The policy's memory before the first tick.
    """

    frames: Tensor
    first: Tensor
    codes: Tensor
    log_prob: Tensor
    advantage: Tensor
    value_target: Tensor
    weight: Tensor
    memory: Memory

    def minibatches(self, count: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Rollout]]:
        """Yields ``count`` minibatches, each of all ticks of some envs in random order, with the indices of the envs.

        Sequences are never cut in time: each starts from the memory that the policy had before its first tick, and
        ``first`` separates the episodes inside it.

        Raises:
            ValueError: There are fewer envs than minibatches.
        """
        rows = len(self.frames)
        if not 1 <= count <= rows:
            raise ValueError(
                f"{count} minibatches of {rows} envs: a minibatch holds at least one env, so there can be 1 to {rows}"
            )
        for index in torch.randperm(rows, generator=generator).to(self.first.device).tensor_split(count):
            tensors = {field.name: getattr(self, field.name)[index] for field in fields(self) if field.name != "memory"}
            yield index, Rollout(**tensors, memory=self.memory.index(index))


@dataclass(frozen=True)
class FinishedEpisode:
    """An episode that ended while rollouts were collected.

    Attributes:
        success: ``info["success"]`` of its last step; None if the env does not report it.
        total_reward: Sum of its rewards.
        ticks: Its length in steps.
        truncated: Whether a limit ended it, not the task.
    """

    success: bool | None
    total_reward: float
    ticks: int
    truncated: bool


class RolloutCollector:
    """Plays a policy in a vector env and returns rollouts; episodes continue from one rollout to the next.

    The vector env must use Gymnasium's ``AutoresetMode.NEXT_STEP``. The policy then sees the last observation of an
    episode with the memory that led to it, from which a truncated episode is bootstrapped, and the next step only
    resets the env. A step in which a game failed (``info["env_error"]``) gets weight 0, and its episode is not counted
    as finished.

    Args:
        policy: The policy; its actions are sampled and its memory is carried.
        envs: Takes VPT codes and returns frames, uint8 [N, 128, 128, 3].
        seed: Seed of the sampling and of the envs.

    Raises:
        ValueError: The vector env has another autoreset mode.
    """

    def __init__(self, policy: VPTPolicy, envs: gym.vector.VectorEnv[Any, Any, Any], *, seed: int) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"autoreset_mode is {mode}; build the vector env with AutoresetMode.NEXT_STEP")
        self.policy = policy
        self.envs = envs
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator().manual_seed(seed)
        self.episodes: list[FinishedEpisode] = []
        """The finished episodes, oldest first; the caller may clear it."""
        self._obs, _ = envs.reset(seed=seed)
        self._first = np.ones(envs.num_envs, bool)
        self._ended = np.zeros(envs.num_envs, bool)
        self._return = np.zeros(envs.num_envs)
        self._ticks = np.zeros(envs.num_envs, np.int64)
        self._memory = policy.initial_memory(envs.num_envs)

    @torch.no_grad()
    def collect(self, ticks: int, *, gamma: float, gae_lambda: float) -> Rollout:
        """Plays ``ticks`` ticks in each env."""
        start = self._memory
        rows: dict[str, list[Tensor]] = {
            name: []
            for name in ("frames", "first", "codes", "log_prob", "value", "reward", "terminated", "ended", "weight")
        }
        for _ in range(ticks):
            frames, first = self._current()
            output = self.policy(frames[:, None], first[:, None], self._memory)
            codes = output.pi.sample(self.generator)
            self._memory = output.memory
            resetting = self._ended
            self._obs, reward, terminated, truncated, info = self.envs.step(codes[:, 0].cpu().numpy())
            broken = np.asarray(info.get("_env_error", np.zeros_like(resetting)), bool)
            if rows["ended"]:
                # a step in which the game failed has no meaning: the episode is truncated at the step before
                rows["ended"][-1] |= torch.from_numpy(broken).to(self.device)
            weight = torch.from_numpy(~(resetting | broken)).float()
            self._ended = terminated | truncated
            self._return = np.where(resetting, 0.0, self._return + reward)
            self._ticks = np.where(resetting, 0, self._ticks + 1)
            self._first = resetting.copy()
            self._finish(np.flatnonzero(self._ended & ~broken), info, truncated)
            step = {
                "frames": frames,
                "first": first,
                "codes": codes[:, 0],
                "log_prob": output.pi.log_prob(codes)[:, 0],
                "value": self.policy.value_head.denormalise(output.value)[:, 0],
                "reward": torch.as_tensor(reward, dtype=torch.float32),
                "terminated": torch.from_numpy(terminated),
                # a step that only resets belongs to no episode: no advantage may pass through it
                "ended": torch.from_numpy(self._ended | resetting),
                "weight": weight,
            }
            for name, value in step.items():
                rows[name].append(value.to(self.device))
        output = self.policy(torch.from_numpy(self._obs)[:, None], torch.from_numpy(self._first)[:, None], self._memory)
        rows["value"].append(self.policy.value_head.denormalise(output.value)[:, 0])
        data = {name: torch.stack(values, dim=1) for name, values in rows.items()}
        advantage, target = gae(
            data["reward"], data["value"], data["terminated"], data["ended"], gamma=gamma, gae_lambda=gae_lambda
        )
        return Rollout(
            data["frames"],
            data["first"],
            data["codes"],
            data["log_prob"],
            advantage,
            target,
            data["weight"],
            memory=start,
        )

    def _current(self) -> tuple[Tensor, Tensor]:
        """Returns the current frames, and whether each is the first of its episode, on the policy's device."""
        return torch.from_numpy(self._obs).to(self.device), torch.from_numpy(self._first).to(self.device)

    def _finish(self, ended: npt.NDArray[np.int64], info: dict[str, Any], truncated: npt.NDArray[np.bool_]) -> None:
        for row in ended:
            success = bool(info["success"][row]) if "success" in info else None
            total, ticks = float(self._return[row]), int(self._ticks[row])
            self.episodes.append(FinishedEpisode(success, total, ticks, bool(truncated[row])))
