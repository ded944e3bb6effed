"""Windows of executed actions, and the initial weights of an inverse dynamics model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import human_action
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.demos import Demo, DemoWriter, list_demos, read_demo
from vpt_gym.learning.idm.initialise import init_idm_heads, init_motion_filters
from vpt_gym.learning.idm.windows import ActionWindows


@pytest.fixture(scope="module")
def demos(tmp_path_factory) -> list[Demo]:
    """Two demos whose frames tell demo and tick, and whose labels are not what was executed."""
    folder: Path = tmp_path_factory.mktemp("demos")
    for number in range(2):
        with DemoWriter(folder) as writer:
            for tick in range(30 - 10 * number):
                frame = np.full((128, 128, 3), 8 * tick + 4, np.uint8)
                frame[:, :64, 0] = 100 * number + 20
                turned = human_action("left", camera=(0.0, 5.0)) if tick == 12 else human_action("attack")
                writer.append(frame, human_action("jump"), executed=turned)
    return [read_demo(path) for path in list_demos(folder)]


def ticks_of(frames: torch.Tensor) -> np.ndarray:
    return np.round((frames[..., 64, 64, 1].numpy().astype(float) - 4) / 8).astype(int)


class TestWindows:
    def test_windows_hold_what_was_executed_beside_its_frame(self, demos: list[Demo]) -> None:
        windows = ActionWindows(demos, seq_len=8, batch_size=4, colour=0.0, mirror=False)
        assert windows.n_ticks == 50
        for _ in range(20):
            frames, buttons, camera = windows.next_batch()
            assert frames.shape == (4, 8, 128, 128, 3)
            ticks = ticks_of(frames)
            assert (np.diff(ticks, axis=1) == 1).all()
            turn = torch.from_numpy(ticks == 12)
            assert torch.equal(buttons[..., VPT_BUTTONS.index("left")] == 1, turn)
            assert torch.equal(buttons[..., VPT_BUTTONS.index("attack")] == 1, ~turn)
            assert not buttons[..., VPT_BUTTONS.index("jump")].any()
            assert torch.equal(camera[..., 1] == 9, turn)

    def test_windows_in_which_something_happens_come_more_often(self, demos: list[Demo]) -> None:
        def share(still: float) -> float:
            windows = ActionWindows(demos, seq_len=5, batch_size=50, still=still, mirror=False)
            return float((windows.next_batch().camera != 5).any(2).any(1).float().mean())

        assert share(0.01) > 0.8
        assert 0.1 < share(1e6) < 0.5
        # a button changes in tick 13, in which the camera rests
        windows = ActionWindows(demos, seq_len=5, batch_size=100, still=1e-6, colour=0.0, mirror=False)
        assert set(ticks_of(windows.next_batch().frames)[:, 0]) == {8, 9, 10, 11, 12, 13}

    def test_the_mirror_flips_frames_and_actions_together(self, demos: list[Demo]) -> None:
        windows = ActionWindows(demos, seq_len=20, batch_size=16, colour=0.0)
        frames, buttons, camera = windows.next_batch()
        # the red half of a frame is on its left
        red = frames[:, :, :, 10, 0].float().mean((1, 2)) - frames[:, :, :, 10, 1].float().mean((1, 2))
        flipped = red.abs() < 3
        assert flipped.any()
        assert not flipped.all()
        right = buttons[..., VPT_BUTTONS.index("right")].any(1)
        left = buttons[..., VPT_BUTTONS.index("left")].any(1)
        assert torch.equal(right, flipped & (left | right))
        assert torch.equal((camera[..., 1] == 1).any(1), right)

    def test_a_window_in_which_a_menu_is_open_is_not_flipped(self, tmp_path: Path) -> None:
        with DemoWriter(tmp_path) as writer:
            for tick in range(24):
                state = {"isGuiOpen": 8 <= tick < 12}
                writer.append(np.full((128, 128, 3), 8 * tick + 4, np.uint8), human_action("left"), state=state)
        demos = [read_demo(path) for path in list_demos(tmp_path)]
        frames, buttons, _ = ActionWindows(demos, seq_len=4, batch_size=64, colour=0.0).next_batch()
        ticks = ticks_of(frames)
        menu = ((ticks >= 8) & (ticks < 12)).any(1)
        flipped = buttons[..., VPT_BUTTONS.index("right")].any(1).numpy()
        assert menu.any()
        assert not flipped[menu].any()
        assert flipped[~menu].any()

    def test_colours_vary_but_by_no_more_than_they_may(self, demos: list[Demo]) -> None:
        windows = ActionWindows(demos[:1], seq_len=30, batch_size=40, colour=0.2, mirror=False)
        middle = windows.next_batch().frames[:, 15, 64, 100].float()
        shown = ActionWindows(demos[:1], seq_len=30, batch_size=1, colour=0.0, mirror=False).next_batch().frames
        gains = middle / shown[0, 15, 64, 100].float()
        assert gains.min() > 0.8 * 0.93 - 0.01
        assert gains.max() < 1.2 * 1.07 + 0.01
        assert gains.mean(1).std() > 0.05
        assert (gains.amax(1) - gains.amin(1)).mean() > 0.01

    def test_a_seed_fixes_the_order(self, demos: list[Demo]) -> None:
        one, other = (ActionWindows(demos, seq_len=8, seed=4).next_batch() for _ in range(2))
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))

    def test_bad_arguments_are_refused(self, demos: list[Demo]) -> None:
        for arguments, message in (
            ({"seq_len": 25}, f"1 demos, the first of them {demos[1].id}, are shorter than a window of 25"),
            ({"seq_len": 0}, "at least 1"),
            ({"still": 0.0}, "must be positive"),
            ({"seq_len": 8, "colour": 1.0}, "colour is 1.0"),
        ):
            with pytest.raises(ValueError, match=message):
                ActionWindows(demos, **arguments)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="no demos"):
            ActionWindows([])


class TestStart:
    def test_the_first_filters_tell_which_way_a_picture_moves(self) -> None:
        torch.manual_seed(0)
        model = InverseDynamicsModel(IDMConfig.named("nano"))
        # waves of 16 pixels, 4 behind the pooling, that move by 4 pixels a frame, 1 behind it
        place = np.arange(128)

        def energy(direction: int, axis: int) -> torch.Tensor:
            waves = [127 + 100 * np.cos(2 * np.pi * (place - 4 * direction * t) / 16) for t in range(9)]
            clip = np.stack([np.broadcast_to(w if axis else w[:, None], (128, 128)) for w in waves]).astype(np.uint8)
            frames = torch.from_numpy(np.ascontiguousarray(np.broadcast_to(clip[..., None], (9, 128, 128, 3))))
            pixels = frames.view(9, 32, 4, 32, 4, 3).float().mean((2, 4)) / 255
            images = model.net.conv3d_layer(pixels.unfold(0, 5, 1).flatten(-2))
            first = model.net.img_process.cnn.stacks[0].firstconv
            return first(images)[:, :16, 8:-8, 8:-8].relu().mean((0, 2, 3))

        def selectivity() -> float:
            """How different the answers to opposite directions are, as a share of the answers, along the worse axis."""
            with torch.no_grad():
                pairs = [(energy(1, axis), energy(-1, axis)) for axis in (0, 1)]
            return min(float((one - other).abs().sum() / (one + other).sum()) for one, other in pairs)

        random = selectivity()
        init_motion_filters(model)
        assert selectivity() > 1.4 * random

    def test_too_few_channels_are_refused(self) -> None:
        with pytest.raises(ValueError, match="conv3d_channels is 8"):
            init_motion_filters(InverseDynamicsModel(IDMConfig.named("tiny")))

    def test_the_heads_know_the_frequencies_of_the_labels(self) -> None:
        model = InverseDynamicsModel(IDMConfig.named("tiny"))
        buttons, camera = np.zeros((98, 20), int), np.full((98, 2), 5)
        buttons[:24, 0] = 1
        camera[:49, 1] = 7
        weights = [head.linear_layer.weight.clone() for head in (model.pi_head.buttons, model.pi_head.camera)]
        init_idm_heads(model, buttons, camera)
        nothing = torch.zeros(1, 8, 32)  # the output of the layers below
        with torch.no_grad():
            held, moved = model.pi_head.buttons(nothing), model.pi_head.camera(nothing)
        torch.testing.assert_close(held[..., 0, 1].exp(), torch.full((1, 8), 0.25))
        torch.testing.assert_close(held[..., 1, 1].exp(), torch.full((1, 8), 0.01))
        torch.testing.assert_close(moved[..., 1, 7].exp(), torch.full((1, 8), 50 / 109))
        # with weights of zero the layers below would not learn at first
        assert torch.equal(model.pi_head.buttons.linear_layer.weight, weights[0])
        assert torch.equal(model.pi_head.camera.linear_layer.weight, weights[1])
