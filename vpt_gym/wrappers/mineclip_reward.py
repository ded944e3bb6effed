"""Rewards for how well the last frames fit a text, by MineCLIP or any other scorer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from vpt_gym.frames import Frame, FrameKey, FrameSpec, declared_frame, find_declared_frame, to_size
from vpt_gym.system.flags import checks_flags
from vpt_gym.wrappers._wrapped_env import require_resets
from vpt_gym.wrappers.score_modes import Mode, ScoreThreshold
from vpt_gym.wrappers.video_scores import Fill, FrameScorer, VideoScorer, VideoScores


class MineCLIPReward(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Rewards how well the last 16 frames fit a text.

    Each step adds one frame. It is found as by ``VPTObsWrapper`` and scaled to 160x256 with OpenCV's ``INTER_LINEAR``.
    z are the logits of the video for P texts, the prompt first; p is the prompt's share of softmax(z).

    * ``"direct"``: ``max(p - 1 / P, 0)``. It needs negatives. MineDojo's paper names it DIRECT; the formula is that of
      PKU-RL/COPL and DeckardAgent/deckard. COPL uses 31 negatives.
    * ``"delta"``: the change of p since the last step; without negatives the change of the logit. In the first step
      the change since the episode's first frame, so that the rewards of an episode add up to the whole change.
      (Public code begins with 0 instead: then the first reward is the score itself, whatever the action.)
    * ``"threshold"``: the mean m of the last 50 logits; ``s = max(m - 21, 0) / (23 - 21)``; whenever s exceeds its
      highest value so far in the episode the reward is ``0.01 * s``. No negatives. The formula and its constants
      (``threshold``) are those of DeckardAgent/deckard.

    ``info["mineclip_score"]`` has p, or the logit where there are no negatives. A step in which the game failed
    (``info["env_error"]``) is rewarded with 0.

    The window is always full: before an episode's first frame are copies of it (or black frames, as in COPL).

    Put the wrapper below ``VPTObsWrapper``, which makes the frames smaller. For vector environments there is
    ``vpt_gym.wrappers.vector.MineCLIPReward``, which scores all of them at once.

    Args:
        env: The environment to wrap.
        prompt: The task as a text.
        mode: The formula.
        scorer: ``vpt_gym.mineclip.MineCLIP``, or any callable ``(videos uint8 (N, 16, H, W, 3), texts) -> logits
            (N, P)`` (``VideoScorer``). One that can encode frames by themselves (``FrameScorer``), as MineCLIP can,
            encodes each frame only once.
        negatives: Texts of other tasks, which compete with the prompt.
        threshold: Constants of the mode ``"threshold"``.
        fill: What is before the first frame of an episode: ``"first"``, that frame again; ``"black"``.
        scale: Factor of the reward.
        keep_reward: Whether to add the reward to that of the environment; it replaces it otherwise.
        key: Key of the frame in a ``Dict`` observation; needed only if it is an unknown one.

    Raises:
        TypeError: ``env`` is not an environment, its frames are not uint8, or the scorer is not callable.
        ValueError: There is no frame, or it is higher than wide; the texts do not fit the mode; an argument is unknown;
            or ``Autoreset`` is inside. From ``step``: the scorer returns something else than finite logits (N, P).

    Warns:
        UserWarning: The frames are much smaller than those that the scorer takes. From ``reset``: they are black, as
            those are whose pixels were scaled to 0..1.

    Example:
        Any callable scores; here the brightness of the picture:

        >>> import gymnasium as gym
        >>> import vpt_gym
        >>> from vpt_gym.actions import human_action
        >>> from vpt_gym.wrappers import MineCLIPReward
        >>> def brightness(videos, texts):
        ...     return videos.mean(axis=(1, 2, 3, 4))[:, None] / 255
        >>> env = gym.make("vpt_gym/Harvest1Log-v0", level="easy")
        >>> env = MineCLIPReward(env, "look at the sky", mode="delta", scorer=brightness)
        >>> _ = env.reset(seed=0)
        >>> env.step(human_action(camera=(-10, 0)))[1] > 0
        True

    Change log: v0.1.0 - added.
    """

    @checks_flags
    def __init__(
        self,
        env: gym.Env[Any, Any],
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
        vector: object = env
        if isinstance(vector, gym.vector.VectorEnv):
            raise TypeError(
                f"MineCLIPReward wraps one environment, got a vector of {vector.num_envs}: use "
                "vpt_gym.wrappers.vector.MineCLIPReward, which scores all of them at once"
            )
        env = require_resets(env, "MineCLIPReward")
        gym.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,  # the scorer may have a gigabyte of weights
            prompt=prompt,
            mode=mode,
            scorer=scorer,
            negatives=negatives,
            threshold=threshold,
            fill=fill,
            scale=scale,
            keep_reward=keep_reward,
            key=key,
        )
        super().__init__(env)
        self._scores = VideoScores(1, prompt, mode, scorer, negatives, threshold, fill, scale)
        self._where, self._named = declared_frame(env.observation_space, key), key is not None
        check_size(self._where, self._scores.frame_size)
        self._keep_reward = keep_reward

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Resets the environment and begins a new video."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._scores.restart(np.ones(1, np.bool_), self._frame(observation))
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Steps the environment; the reward is that of the video that ends with the new observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        rewards, scores = self._scores.step(np.ones(1, np.bool_), self._frame(observation))
        paid = 0.0 if "env_error" in info else float(rewards[0])
        total = paid + (float(reward) if self._keep_reward else 0.0)
        return observation, total, terminated, truncated, {**info, "mineclip_score": float(scores[0])}

    def _frame(self, observation: Any) -> Any:
        frame = find_declared_frame(observation, self._where, named=self._named)
        return scaled(frame, self._scores.frame_size)[None]


def scaled(frame: Frame, wanted: tuple[int, int]) -> Frame:
    """Returns a frame (H, W, 3) in the size that the scorer takes.

    Raises:
        ValueError: It is higher than wide, and the size is not, or the other way round: it need not be as declared.
    """
    _check_sides(frame.shape[:2], wanted)
    return to_size(frame, wanted)


def check_size(declared: FrameSpec, wanted: tuple[int, int]) -> None:
    """Checks that an environment's frames can be scaled to a size without much loss.

    Raises:
        ValueError: They are higher than wide, and the size is not, or the other way round.

    Warns:
        UserWarning: They are smaller than three quarters of the size.
    """
    _check_sides(declared.size, wanted)
    (height, width), (wanted_height, wanted_width) = declared.size, wanted
    if height < 0.75 * wanted_height or width < 0.75 * wanted_width:
        warnings.warn(
            f"the environment's frames are {width}x{height} (width x height) and must be enlarged to "
            f"{wanted_width}x{wanted_height}, which MineCLIP was not trained on. Put MineCLIPReward below "
            f"VPTObsWrapper, or make the environment with image_size={wanted}",
            stacklevel=4,
        )


def _check_sides(size: tuple[int, ...], wanted: tuple[int, int]) -> None:
    (height, width), (wanted_height, wanted_width) = size, wanted
    if (height > width) != (wanted_height > wanted_width) and height != width and wanted_height != wanted_width:
        raise ValueError(
            f"the environment's frames are {height} high and {width} wide, the scorer takes {wanted_height} high and "
            f"{wanted_width} wide: are height and width swapped? image_size is (height, width), cv2.resize takes "
            "(width, height)"
        )
