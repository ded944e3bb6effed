"""Loading checkpoints in the published layout: what is reported, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.support import malicious_pickles as evil
from tests.support.mineclip_goldens import (
    SMALL,
    arrays,
    facts,
    frames,
    prompts,
    published_layout,
    save_published,
    small_weights,
)
from vpt_gym.agents import CheckpointMismatch, CorruptCheckpoint, UnsafeCheckpoint, WrongFile
from vpt_gym.mineclip import MineCLIP


@pytest.mark.parametrize("pooling", ["attn", "avg"])
def test_a_file_of_the_published_layout_is_loaded_and_gives_the_original_logits(tmp_path: Path, pooling: str) -> None:
    scorer = MineCLIP.from_pretrained(save_published(tmp_path / "published.pth", pooling), config=SMALL)
    logits = scorer(frames(), prompts())
    np.testing.assert_allclose(logits, arrays("mineclip_small_f32")[f"logits_per_video_{pooling}"], rtol=0, atol=3e-5)
    report = scorer.report
    assert report is not None
    assert report.ok
    assert report.stripped == "model."
    assert len(report.loaded) + len(report.ignored) == facts("mineclip_small")[f"n_keys_{pooling}"]
    assert report.ignored["image_encoder.cls_token"] == "copy of clip_model.vision_model.cls_token"
    assert set(report.loaded) == set(small_weights(pooling))
    assert scorer.network.config.pooling == pooling
    assert not any(parameter.requires_grad for parameter in scorer.network.parameters())


@pytest.mark.parametrize("kind", ["bare", "safetensors", "half", "copies only"])
def test_other_files_with_the_same_weights_are_loaded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mineclip.pth"
    weights = small_weights()
    if kind == "bare":
        torch.save(weights, path)
    elif kind == "safetensors":
        path = path.with_suffix(".safetensors")
        save_file({f"model.{key}": value for key, value in weights.items()}, path)
    elif kind == "half":
        torch.save({"state_dict": {key: value.half() for key, value in published_layout(weights).items()}}, path)
    else:
        kept = {key: value for key, value in published_layout(weights).items() if "model.clip_model." not in key}
        torch.save({"state_dict": {key: value.clone() for key, value in kept.items()}}, path)
    scorer = MineCLIP.from_pretrained(path, config=SMALL)
    assert scorer.report is not None
    assert scorer.report.ok
    assert set(scorer.report.converted.values()) == ({"torch.float16"} if kind == "half" else set())
    tolerance = 0.5 if kind == "half" else 3e-5
    golden = arrays("mineclip_small_f32")["logits_per_video_attn"]
    np.testing.assert_allclose(scorer(frames(), prompts()), golden, rtol=0, atol=tolerance)


def refused(path: Path, error: type[Exception], problem: str) -> Exception:
    with pytest.raises(error, match=problem) as caught:
        MineCLIP.from_pretrained(path, config=SMALL)
    return caught.value


def test_every_key_must_fit(tmp_path: Path) -> None:
    path = tmp_path / "attn.pth"
    weights = published_layout(small_weights())

    def save(**changes: torch.Tensor | None) -> Path:
        changed = weights | {f"model.{key.replace('__', '.')}": value for key, value in changes.items()}
        torch.save({"state_dict": {key: value for key, value in changed.items() if value is not None}}, path)
        return path

    error = refused(save(reward_head__video_adapter__3__bias=None), CheckpointMismatch, "is the file incomplete")
    assert error.report.missing == ("reward_head.video_adapter.3.bias",)
    error = refused(save(image_adapter__0__bias=torch.zeros(64)), CheckpointMismatch, "another variant of MineCLIP")
    assert error.report.unexpected == ("image_adapter.0.bias",)
    error = refused(save(clip_model__logit_scale=torch.zeros(2)), CheckpointMismatch, "other sizes than the file")
    assert error.report.mismatched == {"clip_model.logit_scale": ((2,), ())}
    refused(save(image_encoder__cls_token=torch.zeros(128)), CheckpointMismatch, "differ, and are one weight")
    refused(save(image_encoder__cls_token=torch.zeros(1)), CheckpointMismatch, "differ, and are one weight")
    refused(save(reward_head__video_residual_weight=torch.tensor(np.nan)), CorruptCheckpoint, "NaN or infinity")
    refused(save(reward_head__video_residual_weight=torch.tensor(4)), CheckpointMismatch, "is torch.int64")


def test_the_published_size_is_the_default(tmp_path: Path) -> None:
    with pytest.raises(CheckpointMismatch, match="other sizes than the file"):
        MineCLIP.from_pretrained(save_published(tmp_path / "attn.pth"))


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("visual.conv1.weight", "OpenAI's CLIP, not of MineCLIP"),
        ("net.img_process.linear.layer.weight", "a VPT policy, not of MineCLIP"),
        ("conv.weight", "the keys are not those of MineCLIP"),
    ],
)
def test_other_models_are_named(tmp_path: Path, key: str, problem: str) -> None:
    torch.save({key: torch.zeros(2)}, tmp_path / "other.pth")
    refused(tmp_path / "other.pth", CheckpointMismatch, problem)


def test_a_file_without_a_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": 3, "epoch": 2}, tmp_path / "other.pth")
    refused(tmp_path / "other.pth", WrongFile, "not a dictionary of tensors by name")
    with pytest.raises(FileNotFoundError):
        MineCLIP.from_pretrained(tmp_path / "none.pth")


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    body = evil.whole(evil.call(evil.SYSTEM, evil.text(f"touch {canary}")))
    for name, form in evil.FORMS.items():
        path = tmp_path / f"{name}.pth"
        form(path, body)
        refused(path, (UnsafeCheckpoint, CorruptCheckpoint, WrongFile), str(path))
    assert not canary.exists()


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*attn\.pth; download .*github.com/MineDojo/MineCLIP"):
        MineCLIP.from_pretrained(tmp_path / "attn.pth")


def test_a_truncated_file_is_recognised(tmp_path: Path) -> None:
    path = save_published(tmp_path / "attn.pth")
    path.write_bytes(path.read_bytes()[:-1000])
    refused(path, CorruptCheckpoint, "truncated or damaged")
