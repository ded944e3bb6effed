"""The stand-in for a GPU computes what the CPU computes, and refuses what CUDA refuses."""

from __future__ import annotations

import pytest
import torch

from tests.support.countdown_env import CountdownEnv
from tests.support.small_policy import small_policy
from tests.support.stand_in_device import STAND_IN, DeviceMismatch, on_stand_in, stand_in_device
from vpt_gym import VPTAgent
from vpt_gym.learning.evaluate import evaluate


def test_it_holds_values():
    with stand_in_device():
        tensor = torch.arange(3.0, device=STAND_IN)
        assert on_stand_in(tensor + 1)
        assert (tensor * 2).tolist() == [0.0, 2.0, 4.0]
        assert torch.tensor([1, 2], device=STAND_IN).sum().item() == 3
        assert tensor.new_tensor([5.0]).item() == 5.0
        assert tensor[[2, 0]].cpu().tolist() == [2.0, 0.0]
        tensor[torch.tensor([True, False, False])] = 7.0
        assert tensor.add_(1).cpu().tolist() == [8.0, 2.0, 3.0]
        assert on_stand_in(torch.ones(2).to(STAND_IN))
        assert not on_stand_in(torch.ones(2))


def test_it_refuses_to_mix_devices_as_a_gpu_does():
    with stand_in_device():
        here, there = torch.ones(3), torch.ones(3, device=STAND_IN)
        for mix in (
            lambda: there + here,
            lambda: torch.cat([here, there]),
            lambda: torch.where(here > 0, there, there),
        ):
            with pytest.raises(DeviceMismatch, match="same device"):
                mix()
        assert (there + torch.tensor(1.0)).tolist() == [2.0] * 3  # a scalar may come from the CPU
        with pytest.raises(TypeError, match="cpu"):
            there.numpy()


def test_a_network_computes_and_learns_there_as_on_the_cpu():
    torch.manual_seed(0)
    here = torch.nn.Linear(4, 2)
    with stand_in_device():
        there = torch.nn.Linear(4, 2)
        there.load_state_dict(here.state_dict())
        there.to(STAND_IN)
        x = torch.randn(5, 4)
        for network, device in ((here, "cpu"), (there, STAND_IN)):
            optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
            network(x.to(device)).square().sum().backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        torch.testing.assert_close(there.weight.cpu(), here.weight)
        assert on_stand_in(there.weight)


def test_an_agent_plays_there_as_on_the_cpu():
    with stand_in_device():
        here, there = (VPTAgent(small_policy(), device=device) for device in ("cpu", STAND_IN))
        one, other = (evaluate(agent, CountdownEnv, range(5), num_envs=2) for agent in (here, there))
        assert one.episodes == other.episodes
        assert on_stand_in(next(there.policy.parameters()))
