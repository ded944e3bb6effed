"""Sampling: temperature, nucleus, forbidden buttons, and reproducibility."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vpt_gym.actions.codec import N_BUTTONS, N_CAMERA, decode
from vpt_gym.agents.policy.heads import ActionDistribution, ChoicesDistribution
from vpt_gym.agents.sampling import Sampling


def distribution(rows: int = 1, seed: int = 0, sharpness: float = 3.0) -> ActionDistribution:
    generator = torch.Generator().manual_seed(seed)
    heads = [torch.randn(rows, n, generator=generator) * sharpness for n in (N_BUTTONS, N_CAMERA)]
    return ActionDistribution(*(head.log_softmax(-1) for head in heads))


def draw(sampling: Sampling, pi: ActionDistribution, count: int, seed: int = 0) -> np.ndarray:
    generators = [torch.Generator().manual_seed(seed + row) for row in range(len(pi.buttons))]
    return np.stack([sampling.draw(pi, generators).numpy() for _ in range(count)], 1)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_a_draw_is_the_maximum_of_log_probabilities_and_gumbel_noise(temperature: float) -> None:
    pi = distribution(rows=2)
    ours, noise = ([torch.Generator().manual_seed(row) for row in range(2)] for _ in range(2))
    for _ in range(5):
        drawn = pi.sample(ours, temperature=temperature)
        for entry, head in ((1, pi.camera), (0, pi.buttons)):  # the camera is drawn first
            uniform = torch.stack([torch.rand(head.shape[1], generator=generator) for generator in noise])
            expected = (head / temperature - torch.log(-torch.log(uniform))).argmax(-1)
            assert torch.equal(drawn[:, entry], expected)


def test_forbidden_buttons_are_never_pressed_and_the_rest_keeps_its_proportions() -> None:
    pi = distribution()
    sampling = Sampling(forbid=("inventory", "drop", "attack"))
    human = decode(draw(sampling, pi, 2000)[0])
    assert not any(human[name].any() for name in sampling.forbid)
    assert human["forward"].any()
    allowed = decode(np.stack([np.arange(N_BUTTONS), np.zeros(N_BUTTONS, np.int64)], -1))
    mask = ~np.any([allowed[name] == 1 for name in sampling.forbid], axis=0)
    probability = pi.buttons[0].exp().numpy() * mask
    counts = np.bincount(draw(sampling, pi, 4000, seed=1)[0, :, 0], minlength=N_BUTTONS)
    top = probability.argsort()[-5:]
    expected = probability[top] / probability.sum()
    assert np.abs(counts[top] / 4000 - expected).max() < 4 * np.sqrt(0.25 / 4000)
    assert mask[sampling.draw(pi, [torch.Generator()], deterministic=True)[0, 0]]


def test_when_only_forbidden_codes_are_likely_the_others_are_drawn() -> None:
    pi = distribution()
    pressed = decode(np.stack([np.arange(N_BUTTONS), np.zeros(N_BUTTONS, np.int64)], -1))["use"] == 1
    buttons = torch.where(torch.from_numpy(pressed), 0.0, -80.0)[None].log_softmax(-1)
    codes = draw(Sampling(forbid=("use",)), ActionDistribution(buttons, pi.camera), 50)
    assert not decode(codes[0])["use"].any()


def test_the_nucleus_holds_the_most_probable_choices_and_no_more() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.15, 0.05]])
    for top_p, kept in (
        (0.4, {0}),
        (0.49, {0}),
        (0.51, {0, 1}),
        (0.79, {0, 1}),
        (0.81, {0, 1, 2}),
        (1.0, {0, 1, 2, 3}),
    ):
        pi = ChoicesDistribution((probabilities.log(),))
        generator = torch.Generator().manual_seed(0)
        drawn = {int(Sampling(top_p=top_p).draw(pi, [generator])) for _ in range(400)}
        assert drawn == kept, top_p


def test_the_nucleus_is_taken_after_the_temperature() -> None:
    pi = ChoicesDistribution((torch.tensor([[0.6, 0.4]]).log(),))
    generator = torch.Generator().manual_seed(0)
    assert {int(Sampling(top_p=0.7, temperature=0.1).draw(pi, [generator])) for _ in range(200)} == {0}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(top_p=0.99), Sampling(forbid=("drop",))])
def test_half_precision_draws_what_float32_would(dtype: torch.dtype, sampling: Sampling) -> None:
    probabilities = torch.full((1, N_BUTTONS), 0.5 / (N_BUTTONS - 1))
    probabilities[0, 0] = 0.5
    exact = ActionDistribution(probabilities.log(), torch.zeros(1, N_CAMERA).log_softmax(-1))
    half = ActionDistribution(exact.buttons.to(dtype), exact.camera.to(dtype))
    drawn, expected = (draw(sampling, pi, 400)[0, :, 0] for pi in (half, exact))
    assert np.mean(expected == 0) < 0.8
    assert np.mean(drawn == 0) == pytest.approx(np.mean(expected == 0), abs=0.02)


def test_two_runs_with_the_same_seeds_are_equal_and_rows_independent() -> None:
    pi = distribution(rows=3)
    sampling = Sampling(temperature=1.3, top_p=0.95, forbid=("drop",))
    first = draw(sampling, pi, 20)
    assert np.array_equal(first, draw(sampling, pi, 20))
    alone = draw(sampling, ActionDistribution(pi.buttons[1:2], pi.camera[1:2]), 20, seed=1)
    assert np.array_equal(first[1], alone[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "deterministic=True"),
        ({"temperature": float("nan")}, "positive and finite"),
        ({"top_p": 0.0}, r"top_p must be in \(0, 1\]"),
        ({"top_p": 1.5}, "top_p"),
        ({"forbid": ("fly",)}, r"\['fly'\]; VPT's buttons are"),
        ({"forbid": "drop"}, r"one string; pass a tuple, \('drop',\)"),
        ({"forbid": ("ESC",)}, "ESC"),
    ],
)
def test_bad_options_are_refused_in_the_constructor(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**options)


@pytest.mark.parametrize("once", [lambda names: (name for name in names), lambda names: map(str, names), iter])
def test_names_that_are_given_only_once_are_kept(once) -> None:
    assert Sampling(forbid=once(["inventory", "drop"])) == Sampling(forbid=("inventory", "drop"))
    with pytest.raises(ValueError, match=r"\['fly'\]; VPT's buttons are"):
        Sampling(forbid=once(["drop", "fly"]))


def test_sampling_is_frozen_and_comparable() -> None:
    assert Sampling(forbid=["drop"]) == Sampling(forbid=("drop",))
    with pytest.raises(AttributeError):
        Sampling().temperature = 2.0  # type: ignore[misc]


def test_forbidden_buttons_need_vpt_codes() -> None:
    with pytest.raises(ValueError, match="actions are VPT codes"):
        Sampling(forbid=("drop",)).draw(ChoicesDistribution((torch.zeros(1, 3),)), [torch.Generator()])
