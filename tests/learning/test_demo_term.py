"""The imitation term: its value, and going on at the same demos."""

from __future__ import annotations

import pytest
import torch

from tests.support.numbered_demos import write_episodes
from tests.support.small_policy import small_policy
from vpt_gym.demos import DemoDataset
from vpt_gym.learning.demo_term import DemoTerm
from vpt_gym.learning.losses import bc_loss


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return write_episodes(tmp_path_factory.mktemp("term") / "demos", (40, 25))


def test_it_is_the_loss_of_independent_chunks_and_has_a_gradient(demos):
    policy, term = small_policy(), DemoTerm([demos], seed=3)
    dataset = DemoDataset([demos], seq_len=16, batch_size=8, order="random", seed=3)
    for frames, codes, first, weight in (dataset.next_batch(), dataset.next_batch()):
        with torch.no_grad():
            expected = bc_loss(policy(frames, first).pi, codes, weight)
        loss = term.loss(policy)
        torch.testing.assert_close(loss.detach(), expected)
    loss.backward()
    assert policy.net.final_ln.weight.grad.abs().sum() > 0


@torch.no_grad()
def test_it_continues_with_the_batch_after_a_checkpoint(demos):
    policy, term = small_policy(), DemoTerm([demos], seed=3)
    term.loss(policy)
    state = term.state_dict()
    rest = [term.loss(policy) for _ in range(3)]
    resumed = DemoTerm([demos], seed=4)
    resumed.load_state_dict(state)
    assert [resumed.loss(policy) for _ in range(3)] == rest
