"""Rewards for how well the last frames fit a text, for all environments of a vector at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorWrapper

from vpt_gym.frames import Frame, FrameKey, declared_frame, find_declared_frame
from vpt_gym.system.flags import checks_flags
from vpt_gym.wrappers.mineclip_reward import check_size, scaled
from vpt_gym.wrappers.score_modes import Mask, Mode, ScoreThreshold
from vpt_gym.wrappers.vector.episode_starts import EpisodeStarts
from vpt_gym.wrappers.video_scores import Fill, FrameScorer, VideoScorer, VideoScores


class MineCLIPReward(VectorWrapper):
    """Rewards how well the last 16 frames of each environment fit a text; the twin of ``wrappers.MineCLIPReward``.

    The videos of all environments are scored in one batch. Each autoreset mode is handled: a video never contains
    frames of two episodes, the last reward of an episode belongs to its last frame, and a step that only resets an
    environment (``NEXT_STEP``), or in which its game failed (``info["env_error"]``), is rewarded with 0.

    Args:
        env: The vector environment.
        prompt: The task as a text.
        mode: The formula.
        scorer: As in ``wrappers.MineCLIPReward``.
        negatives: Texts of other tasks, which compete with the prompt.
        threshold: Constants of the mode ``"threshold"``.
        fill: What is before the first frame of an episode: ``"first"``, that frame again; ``"black"``.
        scale: Factor of the reward.
        keep_reward: Whether to add the reward to that of the environment; it replaces it otherwise.
        key: Key of the frame in a ``Dict`` observation; needed only if it is an unknown one.

    Raises:
        TypeError: ``env`` is not a vector environment, its frames are not uint8, or the scorer is not callable.
        ValueError: As in ``wrappers.MineCLIPReward``; or ``metadata["autoreset_mode"]`` is missing.

    Warns:
        UserWarning: The frames are much smaller than those that the scorer takes. From ``reset``: they are black, as
            those are whose pixels were scaled to 0..1.

    Change log: v0.1.0 - added.
    """

    @checks_flags
    def __init__(
        self,
        env: gym.vector.VectorEnv[Any, Any, Any],
        prompt: str,
        mode: Mode = "direct",
        *,
        scorer: VideoScorer | FrameScorer,
        negatives: Sequence[str] = (),
        threshold: ScoreThreshold = ScoreThreshold(),  # noqa: B008 (immutable)
        fill: Fill = "first",
        scale: float = 1.0,
        keep_reward: bool = False,
        key: FrameKey | None = None,
    ) -> None:
        if not isinstance(env, gym.vector.VectorEnv):
            raise TypeError(
                f"this MineCLIPReward needs a gymnasium.vector.VectorEnv, got {type(env).__name__}; the one for one "
                "environment is vpt_gym.wrappers.MineCLIPReward"
            )
        self._starts = EpisodeStarts(env)
        super().__init__(self._starts)
        self._scores = VideoScores(env.num_envs, prompt, mode, scorer, negatives, threshold, fill, scale)
        self._where, self._named = declared_frame(env.single_observation_space, key), key is not None
        check_size(self._where, self._scores.frame_size)
        self._mode = env.metadata["autoreset_mode"]
        self._keep_reward = keep_reward

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Resets all environments, or those where ``options["reset_mask"]`` is True, and begins their videos."""
        mask = (options or {}).get("reset_mask")  # before Gymnasium removes it from options
        which = np.ones(self.num_envs, np.bool_) if mask is None else np.array(mask, np.bool_)
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type] # lists are allowed
        self._scores.restart(which, self._frames(observations, which))
        return observations, infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps all environments."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        played = self._starts.played
        ended = np.asarray(terminated | truncated, np.bool_)
        final = ended if self._mode is AutoresetMode.SAME_STEP else np.zeros_like(ended)
        frames = np.empty((self.num_envs, *self._scores.frame_size, 3), np.uint8)
        frames[~final] = self._frames(observations, ~final)
        for row in np.flatnonzero(final):
            frames[row] = self._frame(infos["final_obs"][row])
        paid, scores = np.zeros(self.num_envs), np.zeros(self.num_envs)
        paid[played], scores[played] = self._scores.step(played, frames[played])
        for reported in (infos, infos.get("final_info", {})):
            paid[np.asarray(reported.get("_env_error", np.zeros_like(ended)), np.bool_)] = 0.0
        started = final | ~played
        frames[final] = self._frames(observations, final)
        self._scores.restart(started, frames[started])
        total = paid + (np.asarray(rewards, np.float64) if self._keep_reward else 0.0)
        infos = {**infos, "mineclip_score": scores, "_mineclip_score": played.copy()}
        return observations, total, terminated, truncated, infos

    def _frames(self, observations: Any, which: Mask) -> Frame:
        """Returns the frames of some environments, scaled: uint8 (which.sum(), H, W, 3)."""
        size = self._scores.frame_size
        if not which.any():
            return np.zeros((0, *size, 3), np.uint8)
        every = find_declared_frame(observations, self._where, named=self._named)
        return np.stack([scaled(every[row], size) for row in np.flatnonzero(which)])

    def _frame(self, observation: Any) -> Frame:
        return scaled(find_declared_frame(observation, self._where, named=self._named), self._scores.frame_size)
