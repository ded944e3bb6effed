"""The network against the outputs of the original, in float64 and float32, and the published keys."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.mineclip_goldens import arrays, facts, frames, published_layout, small_network
from vpt_gym.mineclip import MineCLIPConfig
from vpt_gym.mineclip.network import MineCLIPNetwork

TOLERANCE = {torch.float64: 1e-9, torch.float32: 3e-5}
"""float32: the original itself differs by 1.4e-5 between its float32 and its float64."""


@pytest.mark.parametrize("pooling", ["attn", "avg"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_outputs_are_those_of_the_original(pooling: str, dtype: torch.dtype) -> None:
    golden = arrays("mineclip_small_f64" if dtype == torch.float64 else "mineclip_small_f32")
    network = small_network(pooling, dtype)
    with torch.inference_mode():
        images = network.image_features(torch.from_numpy(frames()).flatten(0, 1)).unflatten(0, (2, 16))
        texts = network.text_features(torch.from_numpy(golden["tokens"]))
        videos = network.video_features(images)
        logits = network.logits(videos, texts)
        found = {
            "image_features": images,
            "text_features": texts,
            f"video_features_{pooling}": videos,
            f"logits_per_video_{pooling}": logits,
            f"probs_{pooling}": logits.softmax(dim=-1),
            "logit_scale_exp": network.clip_model.logit_scale.exp(),
        }
        if pooling == "attn":
            found["adapted_video_attn"] = network.reward_head(videos)
    for name, value in found.items():
        assert value.dtype == dtype
        np.testing.assert_allclose(value.numpy(), golden[name], rtol=0, atol=TOLERANCE[dtype], err_msg=name)


@pytest.mark.parametrize("length", [1, 2, 16, 32])
def test_videos_of_other_lengths_are_encoded_as_in_the_original(length: int) -> None:
    golden = arrays("mineclip_small_f64")
    network = small_network(dtype=torch.float64)
    features = np.random.RandomState(2025).standard_normal((2, 32, 64)).astype(np.float32).astype(np.float64)
    with torch.inference_mode():
        videos = network.video_features(torch.from_numpy(features[:, :length]))
        logits = network.logits(videos, torch.from_numpy(golden["text_features"]))
    np.testing.assert_allclose(videos.numpy(), golden[f"rand_video_attn_L{length}"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(logits.numpy(), golden[f"rand_logits_attn_L{length}"], rtol=0, atol=1e-9)


def test_more_frames_than_the_position_table_has_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 32 frames, got 33"):
        small_network().video_features(torch.zeros(1, 33, 64))


@pytest.mark.parametrize("pooling", ["attn", "avg"])
def test_the_keys_and_shapes_are_the_published_ones(pooling: str) -> None:
    with torch.device("meta"):
        network = MineCLIPNetwork(MineCLIPConfig(pooling=pooling))
    layout = facts("state_dict_mineclip")
    expected = dict(layout["shapes_attn"])
    if pooling == "avg":
        expected = {key: shape for key, shape in expected.items() if key not in layout["only_in_attn"]}
    found = {key: list(value.shape) for key, value in published_layout(network.state_dict()).items()}
    assert found == {f"model.{key}": shape for key, shape in expected.items()}
    assert len(found) == layout["n_keys"][pooling]
    assert sum(value.numel() for value in network.state_dict().values()) == layout["unique_params"][pooling]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"resolution": (100, 256)}, "multiples of patch=16"),
        ({"image_width": 100}, "multiple of 64"),
        ({"pooling": "mean"}, "'attn' or 'avg'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        MineCLIPConfig(**changes)
