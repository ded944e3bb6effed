"""Validation against sums over each demo alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gymnasium.spaces import MultiDiscrete

from tests.support.numbered_demos import write_episodes
from tests.support.small_policy import small_policy
from vpt_gym.actions.minedojo import MineDojoTranslator
from vpt_gym.demos import FrameCache, list_demos, read_demo
from vpt_gym.demos.dataset.native import NativeLabels
from vpt_gym.learning.validation import Validation


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> list[Path]:
    return list_demos(write_episodes(tmp_path_factory.mktemp("demos"), (70, 9, 23)))


def test_every_tick_counts_once_with_the_memory_of_its_episode(demos):
    policy, cache = small_policy().eval(), FrameCache()
    result = Validation(demos, cache=cache, drop_null="mask").measure(policy)
    sums, right, ticks = torch.zeros(2), torch.zeros(2), 0
    for path in demos:
        demo = read_demo(path)
        codes = torch.from_numpy(demo.codes)[None]
        first = torch.zeros(1, len(demo), dtype=torch.bool)
        first[:, 0] = True
        with torch.no_grad():
            pi = policy(torch.from_numpy(cache.frames(demo).copy())[None], first).pi
        for tick in range(len(demo)):
            if not demo.null[tick]:
                for entry, head in enumerate((pi.buttons, pi.camera)):
                    sums[entry] -= head[0, tick, codes[0, tick, entry]]
                    right[entry] += head[0, tick].argmax() == codes[0, tick, entry]
                ticks += 1
    assert result.ticks == ticks
    assert [*result.losses] == ["buttons", "camera"]
    assert list(result.losses.values()) == pytest.approx((sums / ticks).tolist(), rel=1e-5)
    assert list(result.accuracies.values()) == pytest.approx((right / ticks).tolist())
    assert result.loss == pytest.approx((sums / ticks).sum().item(), rel=1e-5)
    assert result.metrics["validation/loss_camera"] == result.losses["camera"]


def test_the_actions_of_an_environment_count_once_too_under_their_names(demos):
    space = MultiDiscrete([3, 3, 4, 25, 25, 8, 244, 36])
    names = ("move", "strafe", "jump", "pitch", "yaw", "function", "craft", "slot")
    labels = NativeLabels(lambda: MineDojoTranslator(space))
    validation = Validation(demos, drop_null=False, labels=labels, names=names)
    result = validation.measure(small_policy().with_action_space(space).eval())
    assert result.ticks == len(validation.labels) == labels.loss.ticks - labels.loss.unknown
    assert validation.labels.shape[1] == len(names)
    assert [*result.losses] == [*result.accuracies] == [*names]


def test_equal_weights_give_equal_figures(demos):
    validation, policy = Validation(demos), small_policy().eval()
    assert validation.measure(policy) == validation.measure(policy)


def test_without_demos_it_is_an_error():
    with pytest.raises(ValueError, match="no demos"):
        Validation([])
