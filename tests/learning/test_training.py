"""What the examples build on, on the embedded world: env arguments, initialisation, precision, experts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vpt_gym import VPTAgent
from vpt_gym.actions.codec import code_space
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.experts import LOG_EXPERT, load_expert
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.precision import faster_precision

SHORT = EnvArgs(kwargs='{"level": "easy", "image_size": [72, 128]}').with_kwargs(max_episode_steps=6)


class TestEnvArgs:
    def test_the_env_is_in_vpt_format(self):
        env = SHORT.make()
        obs, _ = env.reset(seed=0)
        assert obs.shape == (128, 128, 3)
        assert env.action_space == code_space()
        env.close()

    def test_rendering_is_asked_for(self):
        env = SHORT.make(render=True)
        env.reset(seed=0)
        assert env.render().shape == (72, 128, 3)
        env.close()

    @pytest.mark.parametrize("kwargs", ["level=easy", "[1]", "{"])
    def test_kwargs_must_be_a_json_object(self, kwargs):
        with pytest.raises(ValueError, match="JSON object"):
            EnvArgs(kwargs=kwargs)


class TestMarginals:
    def test_the_policy_predicts_the_frequencies_apart_from_what_its_weights_add(self):
        policy = VPTAgent.from_config("nano", seed=0).policy
        codes = np.array([[4, 60]] * 6 + [[1, 55]] * 3 + [[0, 60]])
        init_action_heads(policy, codes)
        for head in (policy.pi_head.buttons, policy.pi_head.camera):
            torch.nn.init.zeros_(head.linear_layer.weight)
        frames = torch.randint(0, 255, (1, 2, 128, 128, 3), dtype=torch.uint8)
        pi = policy(frames, torch.tensor([[True, False]])).pi
        for head, code, share in (("buttons", 4, 0.6), ("buttons", 1, 0.3), ("camera", 60, 0.7), ("camera", 55, 0.3)):
            log_probs = getattr(pi, head)[0, :, code]
            # 8,641 pseudo-counts of a hundredth stand beside the ten codes
            total = 10 + (8641 if head == "buttons" else 121) * 0.01
            torch.testing.assert_close(log_probs.exp(), torch.full((2,), (share * 10 + 0.01) / total))

    def test_the_weights_stay_random_so_that_the_first_update_reaches_the_layers_below(self):
        policy = VPTAgent.from_config("nano", seed=0).policy
        before = [head.linear_layer.weight.clone() for head in (policy.pi_head.buttons, policy.pi_head.camera)]
        init_action_heads(policy, [[4, 60]] * 6 + [[1, 55]] * 4)
        after = [policy.pi_head.buttons.linear_layer.weight, policy.pi_head.camera.linear_layer.weight]
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        frames = torch.randint(0, 255, (1, 2, 128, 128, 3), dtype=torch.uint8)
        pi = policy(frames, torch.tensor([[True, False]])).pi
        assert 0.4 < float(pi.buttons[..., [1, 4]].exp().sum(-1).mean().detach()) / (10 / 96.4) < 2.5
        (-pi.log_prob(torch.tensor([[[4, 60], [1, 55]]])).mean()).backward()
        assert policy.net.img_process.linear.layer.weight.grad.abs().max() > 0

    def test_it_learns_from_what_it_sees(self):
        policy = VPTAgent.from_config("nano", seed=0).policy
        init_action_heads(policy, [[0, 60], [4, 60]])
        noise = torch.randint(
            0, 255, (1, 1, 128, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
        )
        stripes = torch.arange(128, dtype=torch.uint8).mul(16).view(1, 1, 128, 1, 1).expand(1, 1, 128, 128, 3)
        frames, first = torch.cat([noise, stripes]), torch.ones(2, 1, dtype=torch.bool)
        codes = torch.tensor([[[0, 60]], [[4, 60]]])
        optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
        for _ in range(20):
            optimizer.zero_grad()
            (-policy(frames, first).pi.log_prob(codes).mean()).backward()
            optimizer.step()
        assert policy(frames, first).pi.mode().tolist() == codes.tolist()

    def test_no_codes_is_an_error(self):
        with pytest.raises(ValueError, match="no codes"):
            init_action_heads(VPTAgent.from_config("nano", seed=0).policy, np.zeros((0, 2), int))


def test_the_choice_of_precision_leaves_the_policy_as_it_was():
    policy = VPTAgent.from_config("nano", seed=0).policy
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    frames, first = torch.zeros(1, 2, 128, 128, 3, dtype=torch.uint8), torch.tensor([[True, False]])
    assert faster_precision(policy, frames, first, trials=1) in ("fp32", "bf16")
    assert policy.precision == "fp32"
    for name, value in policy.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.grad is None for parameter in policy.parameters())


class TestExperts:
    def test_an_expert_is_found_by_its_name(self):
        assert load_expert(LOG_EXPERT)().__class__.__name__ == "LogExpert"

    @pytest.mark.parametrize("path", ["LogExpert", "no.such.module:X", "vpt_gym.world.experts:Lumberjack"])
    def test_a_wrong_name_is_answered_with_the_form(self, path):
        with pytest.raises(ValueError, match="module:attribute"):
            load_expert(path)
