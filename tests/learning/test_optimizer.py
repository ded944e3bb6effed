"""Adam with a schedule: the learning rate of each update, a stop where a loss is not finite, and going on."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vpt_gym.learning.non_finite import NonFiniteLossError
from vpt_gym.learning.optimizer import OptimizerArgs, ScheduledAdam, load_moments, load_weights


def steps(optimizer: ScheduledAdam, weight: nn.Parameter, count: int) -> list[float]:
    """Makes steps down a slope of 1, and returns how far each goes."""
    lengths = []
    for _ in range(count):
        before = weight.item()
        optimizer.step(weight.sum())
        lengths.append(before - weight.item())
    return lengths


def made(**options) -> tuple[ScheduledAdam, nn.Parameter]:
    weight = nn.Parameter(torch.zeros(1))
    return ScheduledAdam([weight], OptimizerArgs(**options)), weight


def test_the_first_steps_are_as_short_as_the_warm_up_says():
    optimizer, weight = made(lr=0.1, warmup=4)
    assert optimizer.lr == pytest.approx(0.025)
    # of a constant gradient Adam's step is the learning rate
    assert steps(optimizer, weight, 6) == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1], rel=1e-3)
    optimizer, weight = made(lr=0.1, warmup=0)
    assert steps(optimizer, weight, 2) == pytest.approx([0.1, 0.1], rel=1e-3)


def test_the_steps_are_those_of_adam_written_out():
    ours = [nn.Parameter(torch.linspace(-1.0, 1.0, n)) for n in (3, 50)]
    theirs = [nn.Parameter(p.detach().clone()) for p in ours]
    optimizer = ScheduledAdam(ours, OptimizerArgs(lr=0.01, warmup=0, weight_decay=0.1, max_grad_norm=1e9))
    plain = torch.optim.Adam(theirs, 0.01, eps=1e-5, weight_decay=0.1, foreach=False, fused=False)
    for step in range(5):
        optimizer.step(sum((p - step).pow(3).sum() for p in ours))
        plain.zero_grad()
        sum((p - step).pow(3).sum() for p in theirs).backward()
        plain.step()
    for mine, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-6)


def test_the_rate_falls_with_the_progress_or_stays():
    for schedule, expected in (("linear", 0.025), ("constant", 0.1)):
        optimizer, weight = made(lr=0.1, warmup=0, schedule=schedule)
        optimizer.progress = 0.75
        assert steps(optimizer, weight, 1) == pytest.approx([expected], rel=1e-3)
        assert optimizer.lr == pytest.approx(expected)


def test_a_resumed_training_does_not_warm_up_again():
    optimizer, weight = made(lr=0.1, warmup=4)
    steps(optimizer, weight, 3)
    state = optimizer.state_dict()
    rest = steps(optimizer, weight, 3)
    resumed, other = made(lr=0.1, warmup=4)
    resumed.load_state_dict(state)
    assert steps(resumed, other, 3) == pytest.approx(rest, rel=1e-5)
    assert resumed.updates == 6


def test_options_that_a_run_is_resumed_with_count():
    first, weight = made(lr=0.1, warmup=0)
    steps(first, weight, 1)
    resumed, other = made(lr=0.1, warmup=0, weight_decay=100.0)
    other.data.copy_(weight)
    resumed.load_state_dict(copy.deepcopy(first.state_dict()))
    assert steps(resumed, other, 1)[0] < 0 < steps(first, weight, 1)[0]  # the decay pulls the weight back to 0


def test_the_moments_go_to_another_kind_of_adam_and_never_to_other_parameters():
    weight = nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([weight])
    weight.sum().backward()
    adam.step()
    adamw = torch.optim.AdamW([weight], lr=0.5, weight_decay=0.25)
    load_moments(adamw, adam.state_dict())
    assert torch.equal(adamw.state[weight]["exp_avg"], adam.state[weight]["exp_avg"])
    (group,) = adamw.param_groups
    assert (group["lr"], group["weight_decay"], group["decoupled_weight_decay"]) == (0.5, 0.25, True)
    for others in ([weight, weight.detach().clone()], [torch.ones(4)]):
        with pytest.raises(ValueError, match=r"the state is of 1 parameters, and \d are trained now"):
            load_moments(torch.optim.Adam(others), adam.state_dict())


def test_a_loss_that_is_not_finite_changes_nothing():
    optimizer, weight = made()
    optimizer.step(weight.sum())
    before = weight.item()
    with pytest.raises(NonFiniteLossError, match="update 2: the loss is inf"):
        optimizer.step(weight.sum() + float("inf"))
    assert weight.item() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, r"lr is 0\.0; it must be positive"),
        ({"max_grad_norm": float("nan")}, "max_grad_norm is nan"),
        ({"warmup": -1}, "warmup is -1; it must not be negative"),
        ({"weight_decay": -0.1}, r"weight_decay is -0\.1"),
    ],
)
def test_an_option_out_of_range_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        OptimizerArgs(**options)


def test_weights_of_another_architecture_are_refused_and_nothing_is_loaded():
    network, other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match=r"another architecture \(1\.bias differs, of 2 in all\)"):
        load_weights(network, other.state_dict())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    same = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    load_weights(network, same.state_dict())
    assert torch.equal(network[1].weight, same[1].weight)
