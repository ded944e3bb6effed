"""The scorer: the mistakes that users report are errors, and its encoders fit together."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.mineclip_goldens import arrays, frames, prompts, small_network
from vpt_gym.mineclip import MineCLIP


@pytest.fixture(scope="module")
def scorer() -> MineCLIP:
    return MineCLIP(small_network())


def test_both_layouts_of_frames_give_the_logits_of_the_original(scorer: MineCLIP) -> None:
    golden = arrays("mineclip_small_f32")
    for videos in (frames(), np.moveaxis(frames(), 2, -1), np.ascontiguousarray(np.moveaxis(frames(), 2, -1))):
        logits = scorer(videos, prompts())
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, golden["logits_per_video_attn"], rtol=0, atol=3e-5)


def test_frames_videos_and_texts_are_encoded_by_themselves(scorer: MineCLIP) -> None:
    golden = arrays("mineclip_small_f32")
    features = np.stack([scorer.encode_frames(video) for video in frames()])
    np.testing.assert_allclose(features, golden["image_features"], rtol=0, atol=3e-5)
    np.testing.assert_allclose(scorer.encode_video(features), golden["video_features_attn"], rtol=0, atol=3e-5)
    np.testing.assert_array_equal(scorer.score(features, prompts()), scorer(frames(), prompts()))
    text = scorer.encode_text(prompts()[1])
    assert (text.shape, text.dtype) == ((64,), np.float32)
    np.testing.assert_allclose(text, golden["text_features"][1], rtol=0, atol=3e-5)


def test_frames_are_encoded_independently_of_how_many_there_are(scorer: MineCLIP) -> None:
    many = np.concatenate([frames().reshape(32, 3, 48, 80)] * 3)  # more than one pass
    features = scorer.encode_frames(many)
    np.testing.assert_allclose(features[64:], features[:32], rtol=0, atol=1e-5)


def test_a_prompt_is_scored_by_itself(scorer: MineCLIP) -> None:
    """Its logit depends neither on the other prompts, nor on their order, nor on what was scored before."""
    first, second = "chop a tree", "milk a cow"
    both = scorer(frames(), [first, second])
    np.testing.assert_allclose(scorer(frames(), [second, first])[:, ::-1], both, rtol=0, atol=1e-5)
    np.testing.assert_allclose(scorer(frames(), (first,))[:, 0], both[:, 0], rtol=0, atol=1e-5)
    assert scorer(frames(), [first, first]).shape == (2, 2)


def test_swapped_height_and_width_are_an_error(scorer: MineCLIP) -> None:
    swapped = np.ascontiguousarray(frames().swapaxes(-1, -2))
    with pytest.raises(ValueError, match=r"got \(80, 48\): height and width are swapped\. cv2\.resize takes"):
        scorer(swapped, prompts())


def test_frames_in_another_range_than_0_to_255_are_an_error(scorer: MineCLIP) -> None:
    for wrong in (frames() / np.float32(255), frames().astype(np.float64), frames().astype(np.int64)):
        with pytest.raises(TypeError, match=r"a frame is uint8 in 0\.\.255"):
            scorer(wrong, prompts())


def test_a_window_that_is_not_full_is_an_error(scorer: MineCLIP) -> None:
    with pytest.raises(ValueError, match="trained on 16 frames; repeat the first frame until the window is full"):
        scorer(frames()[:, :5], prompts())
    with pytest.raises(ValueError, match=r"\(N, 16, 64\), got shape \(16, 64\)"):
        scorer.encode_video(np.zeros((16, 64), np.float32))


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ((1, 16, 160, 256, 3), r"scale each with vpt_gym\.frames\.to_size\(frame, \(48, 80\)\)"),
        ((16, 48, 80, 3), r"videos are \(N, 16, H, W, 3\)"),
        ((1, 16, 48, 80), "neither"),
    ],
)
def test_other_shapes_are_errors(scorer: MineCLIP, shape: tuple[int, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        scorer(np.zeros(shape, np.uint8), prompts())


def test_frames_are_not_videos(scorer: MineCLIP) -> None:
    with pytest.raises(ValueError, match=r"frames are \(N, H, W, 3\)"):
        scorer.encode_frames(np.zeros((48, 80, 3), np.uint8))


def test_texts_that_are_none_are_errors(scorer: MineCLIP) -> None:
    for wrong in (["chop a tree", 3], [None], [["chop a tree"]]):
        with pytest.raises(TypeError, match="a text is a string"):
            scorer(frames(), wrong)
    with pytest.raises(TypeError, match="pass a sequence"):
        scorer(frames(), "chop a tree")
    with pytest.raises(ValueError, match="no prompts"):
        scorer(frames(), [])
    with pytest.raises(TypeError, match="a text is a string"):
        scorer.encode_text(["chop a tree"])


def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="which PyTorch does not find"):
        MineCLIP(small_network(), device="cuda:99")
