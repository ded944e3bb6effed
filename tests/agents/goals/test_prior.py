"""The prior, against STEVE-1's own code, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.steve1_goldens import arrays, facts
from tests.support.vpt_goldens import procedural_state
from vpt_gym.agents import CheckpointMismatch, GoalPrior

EXACT = 1e-9


def golden_prior() -> GoalPrior:
    prior = GoalPrior()
    prior.load_state_dict(procedural_state(prior, facts("prior")))
    return prior


def given(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(seed).standard_normal((3, 512)).astype(np.float32)).double()


def test_outputs_and_loss_are_those_of_steve1() -> None:
    prior, data = golden_prior().double(), arrays("prior")
    text, visual, z, noise = (given(seed) for seed in (778, 779, 780, 781))
    with torch.no_grad():
        mean, log_variance = prior.posterior(visual, text)
        found = {
            "enc": torch.cat([mean, log_variance], -1),
            "dec_z": prior(text, z),
            "prior_det": prior(text),
            "posterior_pred": prior(text, mean + noise * (log_variance / 2).exp()),
        }
        loss = prior.loss(visual, text, noise)
        half = prior.loss(visual, text, noise, beta=0.5)
    found.update(kl=loss.kl, recon=loss.reconstruction, loss_beta1=loss.total)
    for name, value in found.items():
        np.testing.assert_allclose(value.numpy(), data[f"f64_{name}"], rtol=1e-12, atol=EXACT, err_msg=name)
    torch.testing.assert_close(half.total, 0.5 * half.kl + half.reconstruction)


def test_the_keys_are_the_published_ones() -> None:
    published = facts("prior")["shapes"]
    assert {key: list(value.shape) for key, value in GoalPrior().state_dict().items()} == published


def test_samples_are_drawn_from_the_generator() -> None:
    prior, text = golden_prior(), given(778).float()
    with torch.no_grad():
        sampled = prior.sample(text, torch.Generator().manual_seed(4))
        latent = torch.randn(3, 512, generator=torch.Generator().manual_seed(4))
        torch.testing.assert_close(sampled, prior(text, latent))


@pytest.mark.parametrize("sizes", [(512, 512, 512), (6, 10, 3)])
def test_a_file_of_any_size_is_loaded_with_a_report(tmp_path: Path, sizes: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    prior, path = GoalPrior(*sizes), tmp_path / "steve1_prior.pt"
    torch.save(prior.state_dict(), path)
    loaded = GoalPrior.from_pretrained(path)
    assert loaded.report.ok
    assert len(loaded.report.loaded) == 20
    assert (loaded.size, loaded.latent_size) == (sizes[0], sizes[2])
    text = torch.ones(1, sizes[0])
    torch.testing.assert_close(loaded(text), prior(text))


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    state = GoalPrior(6, 10, 3).state_dict()
    cases = {
        "policy": {"net.final_ln.weight": torch.ones(3)},  # as found in the wild under the name of the prior
        "part": {key: value for key, value in state.items() if key != "decoder.6.bias"},
        "more": {**state, "extra": torch.ones(1)},
        "shape": {**state, "decoder.3.weight": torch.ones(2, 2)},
        "huge": {**state, "encoder.0.weight": torch.ones(1 << 40, 0)},
        "empty": {**state, "decoder.0.weight": torch.ones(0, 0)},
        "scalar": {**state, "encoder.0.weight": torch.ones(())},
    }
    for name, weights in cases.items():
        torch.save(weights, tmp_path / name)
        with pytest.raises(CheckpointMismatch, match="does not hold the weights of a prior") as caught:
            GoalPrior.from_pretrained(tmp_path / name)
        assert not caught.value.report.ok
    torch.save({**state, "decoder.6.bias": torch.full((6,), torch.nan)}, tmp_path / "nan")
    with pytest.raises(ValueError, match="NaN or infinity"):
        GoalPrior.from_pretrained(tmp_path / "nan")
    for unknown in ("foundation-1x", "a" * 300):
        with pytest.raises(FileNotFoundError, match='the only published prior is "steve1"'):
            GoalPrior.from_pretrained(unknown)
