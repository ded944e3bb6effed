"""The network with goals, against STEVE-1's own code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.small_policy import SMALL
from tests.support.steve1_goldens import arrays, facts, frames, goals, small_config, small_policy
from tests.support.vpt_goldens import config_of
from vpt_gym.agents.policy.config import NAMED, VPTConfig
from vpt_gym.agents.policy.policy import PolicyOutput, VPTPolicy

EXACT = 1e-9


def goals_of_streams() -> torch.Tensor:
    """Stream 0 has goal 0 for six frames and then goal 1; stream 1 has goal 2."""
    first, second, third = goals()
    return torch.stack([torch.stack([first] * 6 + [second] * 6), torch.stack([third] * 12)])


def run(cuts: list[int], starts: tuple[int, ...] = (0,)) -> tuple[dict[str, np.ndarray], list[PolicyOutput]]:
    policy, memory, outputs = small_policy(torch.float64), None, []
    first = torch.zeros(2, 12, dtype=torch.bool)
    first[:, list(starts)] = True
    parts = zip(frames().split(cuts, 1), first.split(cuts, 1), goals_of_streams().split(cuts, 1), strict=True)
    with torch.no_grad():
        for images, begins, goal in parts:
            outputs.append(policy(images, begins, memory, goal))
            memory = outputs[-1].memory
    joined = {
        "buttons": torch.cat([out.pi.buttons for out in outputs], 1).transpose(0, 1).numpy(),
        "camera": torch.cat([out.pi.camera for out in outputs], 1).transpose(0, 1).numpy(),
        "v": torch.cat([out.value for out in outputs], 1).transpose(0, 1).numpy(),
    }
    return joined, outputs


@pytest.mark.parametrize(
    ("golden", "cuts", "starts"),
    [
        ("chunk_one", [12], (0,)),
        ("chunk_5_7", [5, 7], (0,)),
        ("chunk_first7_cut", [7, 5], (0, 7)),
        ("chunk_first7_step", [1] * 12, (0, 7)),
        ("chunk_first7_step", [12], (0, 7)),  # where the published code would ignore the second start
    ],
)
def test_chunks_are_those_of_steve1(golden: str, cuts: list[int], starts: tuple[int, ...]) -> None:
    data, (out, _) = arrays(), run(cuts, starts)
    np.testing.assert_allclose(out["camera"], data[f"{golden}_camera"], rtol=0, atol=EXACT)
    if f"{golden}_buttons_sel" in data:
        np.testing.assert_allclose(
            out["buttons"][..., data["sel_buttons"]], data[f"{golden}_buttons_sel"], rtol=0, atol=EXACT
        )
        assert np.array_equal(out["buttons"].argmax(-1), data[f"{golden}_buttons_argmax"])
    if f"{golden}_v" in data:
        np.testing.assert_allclose(out["v"], data[f"{golden}_v"], rtol=0, atol=EXACT)


def test_the_loss_of_training_is_that_of_steve1() -> None:
    data, (_, (output,)) = arrays(), run([12])
    codes = torch.from_numpy(np.stack([data["train_buttons"], data["train_camera"]], -1))
    per_stream = output.pi.log_prob(codes).sum(1)  # STEVE-1 sums over time
    np.testing.assert_allclose(per_stream.numpy(), data["train_logprob"], rtol=0, atol=EXACT)
    assert -per_stream.mean().item() == pytest.approx(float(data["train_loss"]), abs=EXACT)


def test_the_goal_is_added_to_the_features_and_none_leaves_the_bias() -> None:
    policy, data = small_policy(torch.float64), arrays()
    layer = policy.net.mineclip_embed_linear
    with torch.no_grad():
        features = policy.encode(frames()[0])
        projected = layer(goals().double())
        first = torch.zeros(1, 12, dtype=torch.bool)
        without = policy(frames()[:1], first)
        zeros = policy(frames()[:1], first, None, torch.zeros(1, 512))
    np.testing.assert_allclose(features, data["int_img_latent"], rtol=0, atol=EXACT)
    np.testing.assert_allclose(projected, data["int_goal_proj"], rtol=0, atol=EXACT)
    np.testing.assert_allclose(features + projected[0], data["int_sum"], rtol=0, atol=EXACT)
    np.testing.assert_allclose(layer.bias.detach(), data["int_goal_proj_zero"], rtol=0, atol=EXACT)
    for out in (without, zeros):
        np.testing.assert_allclose(out.pi.camera[0], data["uncond_camera"][:, 0], rtol=0, atol=EXACT)


def test_features_and_one_goal_a_stream_do_as_well() -> None:
    policy = small_policy()
    first = torch.zeros(2, 3, dtype=torch.bool)
    images, goal = frames()[:, :3], goals()[:2]
    with torch.no_grad():
        features = policy.encode(images.flatten(0, 1)).unflatten(0, (2, 3))
        one = policy(images, first, None, goal).pi.camera
        other = policy(features, first, None, goal[:, None].expand(2, 3, 512)).pi.camera
    torch.testing.assert_close(one, other)


def test_the_2x_policy_has_the_published_keys_in_the_published_order() -> None:
    published = facts("state_dict_steve1_2x")
    config = config_of(published["config"])
    assert config == replace(NAMED["2x"], goal_size=512)
    with torch.device("meta"):
        state = VPTPolicy(config).state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == published["shapes"]
    keys = list(state)
    assert keys.index("net.mineclip_embed_linear.weight") == keys.index("net.final_ln.bias") + 1
    assert sum(value.numel() for value in state.values()) == published["n_params_total"]


def test_wrong_goals_are_refused() -> None:
    first, images = torch.zeros(2, 3, dtype=torch.bool), torch.zeros(2, 3, 128, 128, 3, dtype=torch.uint8)
    policy = VPTPolicy(replace(SMALL, goal_size=5))
    for goal in (torch.zeros(2, 4), torch.zeros(1, 5), torch.zeros(2, 2, 5), torch.zeros(2, 5, dtype=torch.int64)):
        with pytest.raises(ValueError, match=r"goal must be floats \(2, 3, 5\), or \(2, 5\)"):
            policy(images, first, None, goal)
    with pytest.raises(ValueError, match="no layer for goals"):
        VPTPolicy(SMALL)(images, first, None, torch.zeros(2, 5))


@pytest.mark.parametrize("size", [0, -1, True, 5.0, "512", 1 << 17])
def test_a_wrong_size_of_goals_is_refused(size: object) -> None:
    with pytest.raises(ValueError, match="goal_size must be a positive integer"):
        replace(SMALL, goal_size=size)


def test_the_config_with_goals_is_saved_and_read() -> None:
    config = small_config()
    assert config.goal_size == 512
    assert VPTConfig.from_json(config.to_json()) == config


def test_a_head_for_another_action_space_keeps_the_goals() -> None:
    import gymnasium as gym

    policy = VPTPolicy(replace(SMALL, goal_size=5)).with_action_space(gym.spaces.MultiDiscrete([3, 2]))
    images, first = torch.zeros(1, 1, 128, 128, 3, dtype=torch.uint8), torch.zeros(1, 1, dtype=torch.bool)
    plain = policy(images, first).pi.log_probs[0]
    assert not torch.equal(plain, policy(images, first, None, torch.ones(1, 5)).pi.log_probs[0])
