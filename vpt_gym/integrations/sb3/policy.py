"""VPT as a policy of SB3, with or without its trunk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from vpt_gym.actions.choices import action_sizes
from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA
from vpt_gym.agents.policy.heads import ActionHead, ChoicesHead, ValueHead
from vpt_gym.agents.policy.policy import VPTPolicy as Network
from vpt_gym.integrations.sb3.features import VPTFeatures
from vpt_gym.integrations.sb3.network import Model, is_fresh, make_network
from vpt_gym.system.flags import checks_flags


class VPTPolicy(ActorCriticPolicy):
    """A VPT network as a policy of PPO or A2C, with the distribution of VPT: its entries are independent of each other.

    What it holds depends on the observations. Over the latents of :class:`RememberingVecEnv` it is the heads alone,
    and plays as ``VPTAgent`` does. Over frames it is the complete network, which sees each frame alone, without memory.

    The action head is that of the model if the actions are VPT codes, or those that the model was trained for.
    Otherwise, as for MineDojo's ``MultiDiscrete``, it is fresh. The value is that of the model if its value head has
    been trained, else 0 at first.

    Args:
        observation_space: Latents (D,) of the model, or frames as for :class:`VPTFeatures`.
        action_space: VPT codes, or ``Discrete``, ``MultiDiscrete`` or ``MultiBinary``.
        lr_schedule: Learning rate by the remaining share of the training; PPO passes it.
        model: Folder of a saved agent, a published name, or a network, which is copied; a config or a size for fresh
            weights. Over latents the same as for ``RememberingVecEnv``. ``PPO.load`` makes the policy again and needs
            the model again, unless it is told
            ``custom_objects={"policy_kwargs": {"model": VPTConfig.named("1x")}}``: the weights are in its own file.
        train_trunk: Over frames: whether to train the complete network; otherwise only its heads.
        use_sde: Must be False; PPO passes it.
        optimizer_class: Class of the optimizer.
        optimizer_kwargs: Its arguments, except the learning rate.

    Attributes:
        config: The architecture of the network, with this action head.

    Raises:
        CheckpointError: A file is unsafe, damaged, or of another model.
        FileNotFoundError: There is no such file, folder or name.
        TypeError: ``model`` is of another type.
        ValueError: The observations are neither latents of the model nor frames, there is no head for the actions, the
            model is for other actions, or an argument does not apply.
    """

    @checks_flags
    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        model: Model,
        train_trunk: bool = False,
        use_sde: bool = False,
        optimizer_class: type[torch.optim.Optimizer] = torch.optim.Adam,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if use_sde:
            raise ValueError("use_sde=True is for continuous actions; VPT's are discrete")
        network = _for_actions(make_network(model), action_space)
        latents = isinstance(observation_space, spaces.Box) and len(observation_space.shape) == 1
        if latents and observation_space.shape != (network.config.hidsize,):
            raise ValueError(
                f"the observations are {observation_space}; the latents of the model have (D,) = "
                f"({network.config.hidsize},): is it the model of RememberingVecEnv?"
            )
        if latents and train_trunk:
            raise ValueError("train_trunk=True is for frames; the trunk of RememberingVecEnv is frozen")
        trunk = {} if latents else {"model": network, "divided": False, "train": train_trunk}
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            ortho_init=False,
            features_extractor_class=FlattenExtractor if latents else VPTFeatures,
            features_extractor_kwargs=trunk,
            normalize_images=False,
            optimizer_class=optimizer_class,
            optimizer_kwargs=optimizer_kwargs,
        )
        trunk.clear()  # SB3 keeps it, and in it a second copy of the network
        self.config = network.config
        self._latents = latents
        self._train_trunk = train_trunk
        self._model = model if latents else None
        # In place of the layers that SB3 has made. Its methods call these, so that they need no change.
        self.action_net = _Logits(network.pi_head, action_space)
        self.value_net = _Return(network.value_head)
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = self.optimizer_class(trained, lr=lr_schedule(1), **self.optimizer_kwargs)

    def to_network(self, trunk: Model | None = None) -> Network:
        """Returns a copy of the network, for ``VPTAgent``: the trained heads on their trunk.

        Args:
            trunk: Over latents, the model of the trunk; by default the one that this policy was made from.

        Raises:
            ValueError: The policy is over latents and was made from a config, or the trunk is of another architecture.
        """
        source = self._model if trunk is None else trunk
        if self._latents and (source is None or is_fresh(source)):
            raise ValueError("this policy has heads alone: pass the model of its trunk, to_network(trunk=...)")
        network = Network(self.config)
        if self._latents:
            assert source is not None
            base = make_network(source)
            if replace(base.config, action_sizes=self.config.action_sizes) != self.config:
                raise ValueError(f"the trunk has {base.config}, the heads are for {self.config}")
            network.net.load_state_dict(base.net.state_dict())
        else:
            network.net.load_state_dict(self.features_extractor.network.net.state_dict())
        network.pi_head.load_state_dict(self.action_net.head.state_dict())
        network.value_head.load_state_dict(self.value_net.head.state_dict())
        return network

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {
            "observation_space": self.observation_space,
            "action_space": self.action_space,
            "lr_schedule": self._dummy_schedule,
            "model": self.config,  # the weights are saved too
            "train_trunk": self._train_trunk,
            "optimizer_class": self.optimizer_class,
            "optimizer_kwargs": self.optimizer_kwargs,
        }


class _Logits(nn.Module):
    """An action head whose output SB3's distributions take."""

    def __init__(self, head: ActionHead | ChoicesHead, space: spaces.Space[Any]) -> None:
        super().__init__()
        self.head = head
        self._binary = isinstance(space, spaces.MultiBinary)

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (N, D) to the logits of all entries, one after the other; for ``MultiBinary``, those of 1."""
        log_probs = self.head(latent).log_probs
        if self._binary:
            return torch.stack([entry[:, 1] - entry[:, 0] for entry in log_probs], 1)
        return torch.cat(log_probs, 1)


class _Return(nn.Module):
    """A value head whose output is the expected return, as SB3 computes with."""

    def __init__(self, head: ValueHead) -> None:
        super().__init__()
        self.head = head
        if head.normalizer.empty:  # never trained: start at 0, in units of the reward
            with torch.no_grad():
                nn.init.zeros_(head.linear.weight)
                nn.init.zeros_(head.linear.bias)
                head.normalizer.running_mean_sq.fill_(1.0)
                head.normalizer.debiasing_term.fill_(1.0)

    def forward(self, latent: Tensor) -> Tensor:
        """Maps (N, D) to (N, 1)."""
        return self.head.denormalise(self.head(latent)).unsqueeze(1)


def _for_actions(network: Network, space: spaces.Space[Any]) -> Network:
    sizes, own = action_sizes(space), network.config.action_sizes
    if sizes == own or (own is None and sizes == (N_BUTTONS, N_CAMERA)):
        return network
    if own is not None:
        raise ValueError(f"the model is for actions with {own} alternatives, the environment has {space}")
    return network.with_action_space(space)
