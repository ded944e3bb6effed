"""A vector environment whose observations are VPT's latents, with VPT's memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from torch import Tensor

from vpt_gym.agents.agent import ActingPrecision, engine_precision_of
from vpt_gym.agents.device import checked_device
from vpt_gym.agents.engine import ActingEngine
from vpt_gym.agents.policy.config import FRAME_SIZE
from vpt_gym.agents.policy.policy import VPTPolicy as Network
from vpt_gym.agents.policy.transformer import Memory
from vpt_gym.frames import Frame, find_frame, find_frame_space
from vpt_gym.integrations.sb3.network import Model, is_fresh, make_network


class RememberingVecEnv(VecEnvWrapper):
    """Replaces the frames of a vector environment by VPT's latents, in which VPT remembers the frames before.

    SB3's PPO has no place for VPT's memory. Here a frozen trunk carries it, one for each environment, and SB3 trains
    what reads the latents: :class:`VPTPolicy`, which starts as VPT's own heads, or SB3's ``MlpPolicy``.

    SB3 begins the next episode within the step that ends one. So the observation of such a step is a first frame, which
    remembers nothing, and ``info["terminal_observation"]`` is the latent of the last frame of the old episode.

    Args:
        venv: Environments with frames of 128 × 128 pixels, as of ``VPTObsWrapper``.
        model: Folder of a saved agent, a published name, or a network, which is copied.
        device: Where the trunk runs.
        precision: Number type in which it runs, as for ``VPTAgent``. ``"auto"`` is up to three times as fast and
            rounds. It must be the same in training and afterwards.

    Raises:
        CheckpointError: A file is unsafe, damaged, or of another model.
        FileNotFoundError: There is no such file, folder or name.
        TypeError: ``venv`` is no vector environment of SB3, the frames are not uint8, or ``model`` is of another type.
        ValueError: The frames have another size, the model has fresh weights, or the machine lacks the device or the
            precision.
    """

    def __init__(
        self,
        venv: VecEnv,
        model: Model,
        *,
        device: torch.device | str = "cpu",
        precision: ActingPrecision | None = "fp32",
    ) -> None:
        if not isinstance(venv, VecEnv):
            raise TypeError(
                f"venv is a {type(venv).__name__}, not a vector environment of SB3: make one with DummyVecEnv or "
                "SubprocVecEnv"
            )
        self._where = find_frame_space(venv.observation_space)
        if self._where.size != (FRAME_SIZE, FRAME_SIZE):
            raise ValueError(
                f"the frames have {self._where.size} (height, width); VPT takes {(FRAME_SIZE, FRAME_SIZE)}: wrap each "
                "environment in VPTObsWrapper"
            )
        if is_fresh(model):
            raise ValueError(
                f"model={model!r} has fresh weights, and this trunk is never trained: name a trained one, or pass a "
                "network"
            )
        self._trunk = _Trunk(make_network(model), venv.num_envs, checked_device(device), precision)
        space = spaces.Box(-np.inf, np.inf, (self._trunk.width,), np.float32)
        super().__init__(venv, observation_space=space)

    def reset(self) -> npt.NDArray[np.float32]:
        """Begins an episode in every environment; returns the latents (N, D) of their first frames."""
        return self._trunk.step(self._frames(self.venv.reset()), np.ones(self.num_envs, np.bool_))

    def step_wait(
        self,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Returns the latents (N, D) after the step, the rewards, which episodes have ended, and the infos."""
        observations, rewards, dones, infos = self.venv.step_wait()
        ended = [int(i) for i in np.flatnonzero(dones) if infos[i].get("terminal_observation") is not None]
        if ended:
            last = np.concatenate([self._frames(infos[i]["terminal_observation"]) for i in ended])
            for i, latent in zip(ended, self._trunk.peek(last, ended), strict=True):
                infos[i]["terminal_observation"] = latent
        return self._trunk.step(self._frames(observations), np.asarray(dones, np.bool_)), rewards, dones, infos

    def _frames(self, observations: Any) -> Frame:
        """Returns one frame or more as (N, 128, 128, 3)."""
        frames = find_frame(observations, self._where.key, self._where.layout)
        return np.ascontiguousarray(frames.reshape(-1, *frames.shape[-3:]))


class _Trunk:
    """A frozen trunk and its memory of N streams."""

    def __init__(self, network: Network, streams: int, device: torch.device, precision: ActingPrecision | None) -> None:
        self._network = network.to(device).eval().requires_grad_(False)
        self._device = device
        self._memory: Memory | None = None
        packed = engine_precision_of(precision, device)
        self._engine = None if packed is None else ActingEngine(self._network, streams, precision=packed)
        self.width = network.config.hidsize

    @torch.inference_mode()
    def step(self, frames: Frame, first: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        """Returns the latents (N, D) of the next frame of each stream."""
        shown, starts = torch.from_numpy(frames), torch.from_numpy(first)
        if self._engine is not None:
            return _array(self._engine.step(shown, starts).latent)
        output = self._network(shown[:, None].to(self._device), starts[:, None].to(self._device), self._memory)
        self._memory = output.memory
        return _array(output.latent[:, 0])

    @torch.inference_mode()
    def peek(self, frames: Frame, rows: list[int]) -> npt.NDArray[np.float32]:
        """Returns the latents that frames would have as the next ones of some streams, whose memory stays as it is."""
        memory = self._memory if self._engine is None else self._engine.memory
        assert memory is not None, "the vector environment was stepped before reset()"
        first = torch.zeros(len(rows), 1, dtype=torch.bool, device=self._device)
        output = self._network(torch.from_numpy(frames)[:, None].to(self._device), first, memory.index(rows))
        return _array(output.latent[:, 0])


def _array(latent: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = latent.cpu().numpy()
    return array
