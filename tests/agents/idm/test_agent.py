"""Labelling: windows without visible borders, videos of any length, files, and errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.procedural_idm import procedural_model
from tests.support.videos import moving_texture, write_video
from tests.support.vpt_goldens import arrays, procedural_frames
from vpt_gym.actions.codec import VPT_BUTTONS
from vpt_gym.actions.human import BUTTONS
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.frames import to_size

WINDOW = 16
SMALL = replace(IDMConfig.named("tiny"), timesteps=WINDOW)


@pytest.fixture(scope="module")
def agent() -> IDMAgent:
    """A tiny model whose labels differ from frame to frame."""
    model = InverseDynamicsModel(SMALL)
    model.load_state_dict(procedural_model(torch.float32).state_dict())
    return IDMAgent(model)


@pytest.fixture(scope="module")
def video() -> np.ndarray:
    return moving_texture(77)


def by_windows(model: InverseDynamicsModel, video: np.ndarray, starts: list[int]) -> np.ndarray:
    """The probabilities of held buttons from each window alone, (windows, WINDOW, 20)."""
    clips = torch.from_numpy(np.stack([video[start : start + WINDOW] for start in starts]))
    with torch.no_grad():
        return model(clips).buttons[..., 1].exp().numpy()


class TestWindows:
    def test_a_video_of_one_window_gets_the_published_labels(self) -> None:
        golden = arrays("proc_idm_tiny")
        labeller = IDMAgent(procedural_model(torch.float32))
        for index, frames in enumerate(procedural_frames("idm_tiny").numpy()):
            action = labeller.label(frames)
            pressed = np.stack([action[name] for name in VPT_BUTTONS], -1)
            assert np.array_equal(pressed, golden["act_buttons"][index])
            labels = labeller.predict(frames)
            assert np.array_equal(labels.camera.argmax(-1), golden["act_camera"][index])
            np.testing.assert_allclose(labels.buttons, np.exp(golden["buttons"][index, :, :, 1]), atol=1e-3)

    @pytest.mark.parametrize("length", [5, 15, 16, 17, 18, 23, 24, 25, 31, 32, 33, 40, 57])
    def test_each_tick_is_labelled_by_the_window_in_whose_middle_it_is(
        self, agent: IDMAgent, video: np.ndarray, length: int
    ) -> None:
        found = agent.predict(video[:length]).buttons
        with torch.no_grad():
            features = agent.model.features(torch.from_numpy(video[None, :length]))
            expected = np.full_like(found, np.nan)
            last = max(0, length - WINDOW)
            for start in [*range(0, last, WINDOW // 2), last]:
                window = features[:, start : start + WINDOW]
                until = length if start == last else start + WINDOW * 3 // 4
                begun = 0 if start == 0 else int(np.isfinite(expected[:, 0]).sum())
                part = agent.model.interpret(window).buttons[0, :, :, 1].exp()
                expected[begun:until] = part[begun - start : until - start]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_no_border_of_a_window_shows(self, agent: IDMAgent, video: np.ndarray) -> None:
        """A tick gets the same label wherever the windows begin; with adjacent windows, as published, it does not."""
        whole = agent.predict(video).buttons
        moved = agent.predict(video[3:]).buttons
        inner = np.abs(whole[3:] - moved)[WINDOW // 4 : -WINDOW // 4]
        side_by_side = by_windows(agent.model, video, [0, 16, 32, 48]).reshape(-1, 20)
        also_moved = by_windows(agent.model, video, [3, 19, 35, 51]).reshape(-1, 20)
        outer = np.abs(side_by_side[3:64] - also_moved[:61])
        assert inner.max() < 0.5 * outer.max()
        assert inner.mean() < 0.5 * outer.mean()

    def test_labels_are_the_same_each_time(self, agent: IDMAgent, video: np.ndarray) -> None:
        one, other = agent.predict(video), agent.predict(video)
        assert np.array_equal(one.buttons, other.buttons)
        assert np.array_equal(one.camera, other.camera)

    def test_a_stream_gives_the_labels_of_the_complete_video_before_its_end(
        self, agent: IDMAgent, video: np.ndarray
    ) -> None:
        taken = 0

        def frames() -> Iterator[np.ndarray]:
            nonlocal taken
            for frame in video:
                taken += 1
                yield frame

        lag, parts = [], []
        for part in agent.stream(frames()):
            parts.append(part)
            lag.append(taken - sum(map(len, parts)))
        assert max(lag[:-1]) <= 2 * WINDOW
        assert lag[-1] == 0
        assert np.array_equal(np.concatenate([part.buttons for part in parts]), agent.predict(video).buttons)

    def test_frames_of_any_size_are_scaled_as_for_the_policies(self, agent: IDMAgent) -> None:
        video = moving_texture(12, (90, 160))
        scaled = np.stack([to_size(frame) for frame in video])
        assert np.array_equal(agent.predict(video).buttons, agent.predict(scaled).buttons)

    def test_the_labels_are_human_actions(self, agent: IDMAgent, video: np.ndarray) -> None:
        action = agent.label(video)
        assert set(action) == {*BUTTONS, "camera"}
        assert all(action[name].shape == (77,) and set(np.unique(action[name])) <= {0, 1} for name in BUTTONS)
        assert action["camera"].shape == (77, 2)
        assert action["camera"].dtype == np.float32
        labels = agent.predict(video)
        np.testing.assert_allclose(labels.camera.sum(-1), 1, atol=1e-5)
        assert np.array_equal(labels.buttons[:, 0] > 0.5, action["attack"] == 1)


class TestFiles:
    def test_a_file_gives_what_its_frames_give(self, agent: IDMAgent, tmp_path: Path) -> None:
        path = write_video(tmp_path / "game.mp4", moving_texture(40, (96, 160)), 20)
        from vpt_gym.agents.idm.gameplay_video import read_ticks

        decoded = np.stack(list(read_ticks(path)))
        assert len(decoded) == 40
        for video in (path, str(path)):
            assert np.array_equal(agent.predict(video).buttons, agent.predict(decoded).buttons)

    def test_the_bar_counts_to_the_end(self, agent: IDMAgent, tmp_path: Path, capsys) -> None:
        path = write_video(tmp_path / "game.mp4", moving_texture(40, (96, 160)), 20)
        agent.label(path, progress=True)
        captured = capsys.readouterr()
        assert "40/40" in captured.err
        assert captured.out == ""

    def test_other_frame_rates_are_refused_or_resampled(self, agent: IDMAgent, tmp_path: Path) -> None:
        path = write_video(tmp_path / "game.mp4", moving_texture(60, (96, 160)), 60)
        with pytest.raises(ValueError, match=r"60 frames a second.*resample=True.*--resample"):
            agent.label(path)
        assert len(agent.label(path, resample=True)["camera"]) == 20
        slow = write_video(tmp_path / "slow.mp4", moving_texture(20, (96, 160)), 10)
        with pytest.raises(ValueError, match=r"10 frames a second.*cannot be reconstructed"):
            agent.label(slow, resample=True)


class TestRefusals:
    @pytest.mark.parametrize("length", [0, 1, 4])
    def test_too_few_frames(self, agent: IDMAgent, video: np.ndarray, length: int) -> None:
        with pytest.raises(ValueError, match=rf"has {length} frames.*at least 5"):
            agent.label(video[:length])

    def test_frames_that_are_not_uint8(self, agent: IDMAgent, video: np.ndarray) -> None:
        with pytest.raises(TypeError, match=r"must be uint8.*float32"):
            agent.label(video.astype(np.float32) / 255)
        with pytest.raises(TypeError, match=r"frame 3 of the video.*float64"):
            list(agent.stream([*video[:3], video[3].astype(float)]))

    @pytest.mark.parametrize("shape", [(128, 128, 3), (8, 3, 128, 128), (8, 128, 128, 4)])
    def test_arrays_of_another_shape(self, agent: IDMAgent, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"must be \(T, height, width, 3\)"):
            agent.label(np.zeros(shape, np.uint8))

    def test_an_array_cannot_be_resampled(self, agent: IDMAgent, video: np.ndarray) -> None:
        with pytest.raises(ValueError, match="an array has no frame rate"):
            agent.label(video, resample=True)

    def test_a_model_that_has_diverged(self, video: np.ndarray) -> None:
        agent = IDMAgent.from_config(SMALL, seed=0)
        with torch.no_grad():
            agent.model.pi_head.camera.linear_layer.bias[0] = torch.nan
        with pytest.raises(FloatingPointError, match="not finite"):
            agent.label(video)
