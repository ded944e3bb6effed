"""Plays a policy in a vector environment for policy-gradient methods: rollouts with the memory they started from."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from vpt_gym.agents.goals.refusal import refuse_goals
from vpt_gym.system.flags import checks_flags
from vpt_gym.wrappers.success import RunningSuccess

if TYPE_CHECKING:
    from vpt_gym.agents.engine import ActingEngine, EnginePrecision
    from vpt_gym.agents.policy.heads import Distribution
    from vpt_gym.agents.policy.policy import VPTPolicy
    from vpt_gym.agents.policy.transformer import Memory


@dataclass(frozen=True)
class Rollout:
    """T ticks of N envs, batch first, on the policy's device.

    Attributes:
        frames: uint8 [N, T, 128, 128, 3].
        first: bool [N, T], whether the frame is the first of its episode.
        codes: int64 [N, T, 2], the sampled codes.
        log_prob: float32 [N, T], their log-probabilities.
        value: float32 [N, T + 1], the value of the frame at tick t, in the units of the reward. The one after an
            episode's last step is that of its last observation, from which a truncated episode is bootstrapped.
        reward: float32 [N, T], the reward of the step at tick t.
        terminated: bool [N, T], whether that step reached a terminal state.
        ended: bool [N, T], whether nothing flows back over that step: it was the last of its episode, terminated or
            truncated, or it only reset its env.
        weight: float32 [N, T], 0 where the step only reset its env and the code was ignored, or the game failed.
        memory: The policy's memory before the first tick.
        features: float32 [N, T, D], what the image network made of the frames (``VPTPolicy.encode``); None unless the
            collector was asked to keep them.
    """

    frames: Tensor
    first: Tensor
    codes: Tensor
    log_prob: Tensor
    value: Tensor
    reward: Tensor
    terminated: Tensor
    ended: Tensor
    weight: Tensor
    memory: Memory
    features: Tensor | None = None


@dataclass(frozen=True)
class FinishedEpisode:
    """An episode that ended while rollouts were collected.

    Attributes:
        success: Whether any of its steps reported success (``vpt_gym.wrappers.success``); None if the env does not
            report it.
        total_reward: Sum of its rewards.
        ticks: Its length in steps.
        truncated: Whether a limit ended it, not the task.
    """

    success: bool | None
    total_reward: float
    ticks: int
    truncated: bool


def episode_metrics(episodes: list[FinishedEpisode], last: int = 100) -> dict[str, float]:
    """Returns means over the last episodes, and removes those before them from the list.

    Returns:
        ``rollout/return``, ``rollout/length`` (ticks) and, if the env reports it, ``rollout/success``; empty before
        the first episode has ended.
    """
    del episodes[:-last]
    count = len(episodes)
    if not count:
        return {}
    successes = [episode.success for episode in episodes if episode.success is not None]
    return {
        "rollout/return": sum(episode.total_reward for episode in episodes) / count,
        "rollout/length": sum(episode.ticks for episode in episodes) / count,
        **({"rollout/success": sum(successes) / len(successes)} if successes else {}),
    }


class RolloutCollector:
    """Plays a policy in a vector env and returns rollouts; episodes continue from one rollout to the next.

    The vector env must use Gymnasium's ``AutoresetMode.NEXT_STEP``. The policy then sees the last observation of an
    episode with the memory that led to it, from which a truncated episode is bootstrapped, and the next step only
    resets the env. A step in which a game failed (``info["env_error"]``) gets weight 0, and its episode is not counted
    as finished.

    Args:
        policy: The policy; its actions are sampled and its memory is carried.
        envs: Takes VPT codes and returns frames, uint8 [N, 128, 128, 3]. It is reset without a seed: give its
            environments theirs with ``EpisodeSeeds``.
        seed: Seed of the sampling.
        precision: Acts with the policy packed in this precision (``ActingEngine``), which is faster; the weights are
            packed again for each rollout. Its log-probabilities differ from the policy's by the engine's rounding.
            None acts with the policy itself.
        features: Keep the features of the image network, as a training run with a frozen one needs them. They have the
            rounding of ``precision``.

    Attributes:
        episodes: The finished episodes, oldest first; the caller may clear it.
        started: How many episodes have begun in each env; the seeds after these are left.

    Raises:
        ValueError: The vector env has another autoreset mode, the precision is not supported, or the policy acts on
            goals.
    """

    @checks_flags
    def __init__(
        self,
        policy: VPTPolicy,
        envs: gym.vector.VectorEnv[Any, Any, Any],
        *,
        seed: int,
        precision: EnginePrecision | None = None,
        features: bool = False,
    ) -> None:
        mode = envs.metadata.get("autoreset_mode")
        if mode != AutoresetMode.NEXT_STEP:
            raise ValueError(f"autoreset_mode is {mode}; build the vector env with AutoresetMode.NEXT_STEP")
        refuse_goals(policy, "RolloutCollector")
        self.policy = policy
        self.envs = envs
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator().manual_seed(seed)
        self.episodes: list[FinishedEpisode] = []
        self._precision = precision
        self._keep_features = features
        self._engine: ActingEngine | None = None
        self._obs, _ = envs.reset()
        self.started: list[int] = [1] * envs.num_envs
        self._first = np.ones(envs.num_envs, bool)
        self._ended = np.zeros(envs.num_envs, bool)
        self._return = np.zeros(envs.num_envs)
        self._ticks = np.zeros(envs.num_envs, np.int64)
        self._success = RunningSuccess(envs.num_envs)
        self._memory = policy.initial_memory(envs.num_envs)

    @torch.no_grad()
    def collect(self, ticks: int) -> Rollout:
        """Plays ``ticks`` ticks in each env.

        Raises:
            FloatingPointError: The policy's output or a reward is not finite.
        """
        start = self._pack()
        rows: dict[str, list[Tensor]] = {
            name: []
            for name in ("frames", "first", "codes", "log_prob", "value", "reward", "terminated", "ended", "weight")
        }
        for _ in range(ticks):
            frames, first = self._current()
            pi, value, features = self._act(frames, first)
            codes = pi.sample(self.generator)
            log_prob = pi.log_prob(codes)
            if not (log_prob.isfinite().all() and value.isfinite().all()):
                raise FloatingPointError(
                    "the policy's output is not finite: training has diverged. Continue from the last checkpoint with "
                    "a lower learning rate"
                )
            resetting = self._ended
            self._obs, reward, terminated, truncated, info = self.envs.step(codes.cpu().numpy())
            self._check_rewards(reward)
            broken = np.asarray(info.get("_env_error", np.zeros_like(resetting)), bool)
            if rows["ended"]:
                # a step in which the game failed has no meaning: the episode is truncated at the step before
                rows["ended"][-1] |= torch.from_numpy(broken).to(self.device)
            weight = torch.from_numpy(~(resetting | broken)).float()
            self._ended = terminated | truncated
            self._return = np.where(resetting, 0.0, self._return + reward)
            self._ticks = np.where(resetting, 0, self._ticks + 1)
            self._success.update(info, resetting)
            self._first = resetting.copy()
            self.started = [count + bool(reset) for count, reset in zip(self.started, resetting, strict=True)]
            self._finish(np.flatnonzero(self._ended & ~broken), truncated)
            step = {
                "frames": frames,
                "first": first,
                "codes": codes,
                "log_prob": log_prob,
                "value": value,
                "reward": torch.as_tensor(reward, dtype=torch.float32),
                "terminated": torch.from_numpy(terminated),
                # a step that only resets belongs to no episode: no advantage may pass through it
                "ended": torch.from_numpy(self._ended | resetting),
                "weight": weight,
            }
            if features is not None:
                step["features"] = features
            for name, column in step.items():
                rows.setdefault(name, []).append(column.to(self.device))
        # the value of the frames after the last tick; the memory does not advance, since they are played next
        before = self._memory if self._engine is None else self._engine.memory
        rows["value"].append(self._act(*self._current())[1])
        self._memory = before
        return Rollout(**{name: torch.stack(columns, dim=1) for name, columns in rows.items()}, memory=start)

    def state_dict(self) -> dict[str, Any]:
        """Returns what a later collector needs to continue, but for the running episodes, which are lost."""
        return {
            "generator": self.generator.get_state(),
            "started": self.started,
            "episodes": [list(astuple(episode)) for episode in self.episodes],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from a ``state_dict``, also of ``RayRollouts``.

        The env's seeds must continue after those that ``state["started"]`` used.
        """
        if "generator" in state:  # workers on a cluster had random numbers of their own, which moved on with the worlds
            self.generator.set_state(state["generator"])
        self.started = [before + now for before, now in zip(state["started"], self.started, strict=True)]
        self.episodes = [FinishedEpisode(*episode) for episode in state["episodes"]]

    def _check_rewards(self, reward: npt.NDArray[Any]) -> None:
        with np.errstate(over="ignore"):
            bad = np.flatnonzero(~np.isfinite(np.asarray(reward, np.float32)))
        if bad.size:
            row = int(bad[0])
            raise FloatingPointError(
                f"the reward of environment {row} is {reward[row]} in tick {self._ticks[row]} of its episode; it must "
                "be finite, and fit float32. Correct the environment or the wrapper that computes it"
            )

    def _pack(self) -> Memory:
        """Packs the current weights if an engine acts, and returns the memory before the next tick."""
        if self._precision is not None:
            from vpt_gym.agents.engine import ActingEngine

            self._engine = ActingEngine(self.policy, self.envs.num_envs, precision=self._precision)
            self._engine.memory = self._memory
        return self._memory

    def _act(self, frames: Tensor, first: Tensor) -> tuple[Distribution, Tensor, Tensor | None]:
        """Returns the distribution over codes, shapes beginning with (N,), the value (N,), and the features (N, D).

        The memory advances.
        """
        head = self.policy.value_head
        if self._engine is not None:
            packed = self._engine.step(frames, first, value=True, features=self._keep_features)
            assert packed.value is not None
            return packed.pi, head.denormalise(packed.value), packed.features
        features = self.policy.encode(frames) if self._keep_features else None
        inputs = frames if features is None else features
        output = self.policy(inputs[:, None], first[:, None], self._memory)
        self._memory = output.memory
        return output.pi.at_time(0), head.denormalise(output.value)[:, 0], features

    def _current(self) -> tuple[Tensor, Tensor]:
        """Returns the current frames, and whether each is the first of its episode, on the policy's device."""
        return torch.from_numpy(self._obs).to(self.device), torch.from_numpy(self._first).to(self.device)

    def _finish(self, ended: npt.NDArray[np.int64], truncated: npt.NDArray[np.bool_]) -> None:
        for row in ended:
            total, ticks = float(self._return[row]), int(self._ticks[row])
            self.episodes.append(FinishedEpisode(self._success.so_far[row], total, ticks, bool(truncated[row])))
