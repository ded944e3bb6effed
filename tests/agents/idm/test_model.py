"""The inverse dynamics network against the published one, its config, and its files."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.procedural_idm import procedural_model, published, published_config
from tests.support.published_files import SMALL_1X, write_model
from tests.support.vpt_goldens import arrays, facts, procedural_frames
from vpt_gym import VPTAgent
from vpt_gym.agents.checkpoints.errors import CheckpointMismatch, CorruptCheckpoint, WrongFile
from vpt_gym.agents.idm.agent import IDMAgent
from vpt_gym.agents.idm.config import IDMConfig
from vpt_gym.agents.idm.model import InverseDynamicsModel
from vpt_gym.agents.policy.policy import VPTPolicy

EXACT = 1e-9
TOLERANCE = 2e-3
"""Between two fp32 implementations."""


class TestParity:
    @pytest.mark.parametrize("use_last_layer", [False, True])
    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
    def test_log_probabilities_are_the_published_ones(self, dtype: torch.dtype, use_last_layer: bool) -> None:
        golden = arrays("proc_idm_tiny")
        name = ("f64_" if dtype == torch.float64 else "") + ("alt_lastlayer_active_" if use_last_layer else "")
        with torch.no_grad():
            pi = procedural_model(dtype, use_last_layer=use_last_layer)(procedural_frames("idm_tiny"))
        atol = EXACT if dtype == torch.float64 else TOLERANCE
        np.testing.assert_allclose(pi.buttons.numpy(), golden[f"{name}buttons"], rtol=0, atol=atol)
        np.testing.assert_allclose(pi.camera.numpy(), golden[f"{name}camera"], rtol=0, atol=atol)

    def test_the_published_behaviour_is_the_default(self) -> None:
        assert not published_config().use_last_layer
        assert not IDMConfig.named("4x").use_last_layer

    def test_most_probable_actions_and_their_probability_are_the_published_ones(self) -> None:
        golden = arrays("proc_idm_tiny")
        with torch.no_grad():
            pi = procedural_model(torch.float32)(procedural_frames("idm_tiny"))
            buttons, camera = pi.mode()
            log_prob = pi.log_prob(buttons, camera)
        assert np.array_equal(buttons, golden["act_buttons"])
        assert np.array_equal(camera, golden["act_camera"])
        np.testing.assert_allclose(log_prob, golden["log_prob"], atol=0.02)

    def test_the_convolution_over_time_is_the_published_one(self) -> None:
        golden = arrays("proc_idm_tiny")["conv3d_out_b0_t0_t1_ch_first2"]
        frames = procedural_frames("idm_tiny")[0, :4].float() / 255
        padded = torch.cat([torch.zeros(2, 128, 128, 3), frames])
        five = padded.unfold(0, 5, 1).flatten(-2)
        with torch.no_grad():
            images = procedural_model(torch.float32).net.conv3d_layer(five)
        assert images.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_allclose(images[:2, :2].transpose(0, 1), golden, atol=1e-5)

    @pytest.mark.parametrize(("name", "file"), [("tiny", "state_dict_idm_tiny"), ("4x", "state_dict_idm_4x")])
    def test_keys_and_shapes_are_the_published_ones(self, name: str, file: str) -> None:
        with torch.device("meta"):
            state = InverseDynamicsModel(IDMConfig.named(name)).state_dict()
        assert {key: list(value.shape) for key, value in state.items()} == facts(file)["shapes"]
        assert sum(value.numel() for value in state.values()) == facts(file)["n_params_total"]

    def test_a_frame_of_a_window_sees_all_others_but_none_of_another_window(self) -> None:
        model = procedural_model(torch.float64)
        frames = procedural_frames("idm_tiny")[:, :12]
        changed = frames.clone()
        changed[0, 11] = 255 - changed[0, 11]
        with torch.no_grad():
            before, after = model(frames).buttons, model(changed).buttons
        assert (before[0] != after[0]).any(-1).any(-1).all()
        assert torch.equal(before[1], after[1])

    def test_frames_given_as_neighbours_stand_for_those_of_a_longer_clip(self) -> None:
        model, frames = procedural_model(torch.float64), procedural_frames("idm_tiny")[:1]
        with torch.no_grad():
            whole = model.features(frames)
            part = model.features(frames[:, 5:14], before=2, after=3)
        np.testing.assert_allclose(part, whole[:, 7:11], atol=1e-12)

    def test_bf16_convolutions_stay_near(self) -> None:
        model, frames = procedural_model(torch.float32), procedural_frames("idm_tiny")[:1, :12]
        with torch.no_grad():
            exact = model(frames).buttons.exp()
            model.set_precision("bf16")
            near = model(frames).buttons.exp()
        assert model.precision == "bf16"
        assert 0 < (exact - near).abs().max() < 0.2

    def test_every_parameter_that_matters_learns(self) -> None:
        model = InverseDynamicsModel(replace(IDMConfig.named("tiny"), use_last_layer=True))
        pi = model(procedural_frames("idm_tiny")[:1, :12])
        pi.log_prob(*pi.mode()).sum().backward()
        idle = {name for name, value in model.named_parameters() if value.grad is None}
        assert {name.split("orc_block.")[1] for name in idle} == {"r_layer.weight", "r_layer.bias", "b_nd"}

    def test_frames_of_another_kind_are_refused(self) -> None:
        model = InverseDynamicsModel(IDMConfig.named("tiny"))
        for frames in (torch.zeros(1, 8, 128, 128, 3), torch.zeros(8, 128, 128, 3, dtype=torch.uint8)):
            with pytest.raises(ValueError, match="frames must be uint8"):
                model(frames)
        with pytest.raises(ValueError, match="leave none"):
            model.features(torch.zeros(1, 4, 128, 128, 3, dtype=torch.uint8), before=2, after=2)
        with pytest.raises(ValueError, match="precision must be"):
            model.set_precision("int8")  # type: ignore[arg-type]


class TestConfig:
    def test_the_published_descriptions_are_the_named_ones(self) -> None:
        assert published_config() == IDMConfig.named("tiny")
        config = published("idm_4x")
        assert IDMConfig.from_published(config["policy_kwargs"], config["pi_head_kwargs"]) == IDMConfig.named("4x")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"conv3d_params": None}, "policy.*VPTAgent"),
            ({"attention_mask_style": "clipped_causal"}, "attention_mask_style='clipped_causal' is not supported"),
            ({"attention_memory_size": 48}, "attention_memory_size=48"),
            ({"recurrence_type": "lstm"}, "recurrence_type='lstm'"),
            ({"img_shape": [128, 128, 3]}, "img_shape"),
            (
                {"conv3d_params": {"inchan": 3, "outchan": 8, "kernel_size": [3, 1, 1], "padding": [1, 0, 0]}},
                "conv3d_params",
            ),
        ],
    )
    def test_other_networks_are_refused(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            published_config(**changes)

    def test_tuples_are_as_good_as_lists(self) -> None:
        conv3d = {"inchan": 3, "outchan": 8, "kernel_size": (5, 1, 1), "padding": (2, 0, 0)}
        assert published_config(conv3d_params=conv3d, img_shape=(128, 128, 8)) == IDMConfig.named("tiny")

    @pytest.mark.parametrize(
        "values",
        [
            {"hidsize": 0},
            {"hidsize": 33},
            {"timesteps": 8},
            {"stem_pool": 3},
            {"impala_width": -1},
            {"impala_width": 0.01},
            {"impala_chans": (4, 4)},
            {"use_last_layer": 1},
        ],
    )
    def test_impossible_values_are_refused(self, values: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(values)) if "0.01" not in str(values) else "without channels"):
            replace(IDMConfig.named("tiny"), **values)

    def test_json_and_back(self) -> None:
        config = IDMConfig.named("nano")
        assert IDMConfig.from_json(config.to_json()) == config
        with pytest.raises(ValueError, match="unknown config fields: colour"):
            IDMConfig.from_json(json.dumps({"colour": 1}))
        with pytest.raises(ValueError, match="lacks attention_heads, hidsize, impala_width"):
            IDMConfig.from_json("{}")
        with pytest.raises(ValueError, match="JSON object"):
            IDMConfig.from_json("3")

    def test_the_error_of_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match="nano, tiny, 4x"):
            IDMConfig.named("1x")


def write_pair(folder: Path) -> tuple[Path, Path]:
    """A pair of files in the published layout."""
    config = published()
    content = {"model": {"args": {"net": {"args": config["policy_kwargs"]}, "pi_head_opts": config["pi_head_kwargs"]}}}
    torch.manual_seed(1)
    torch.save(InverseDynamicsModel(IDMConfig.named("tiny")).state_dict(), folder / "idm.weights")
    (folder / "idm.model").write_bytes(pickle.dumps(content))
    return folder / "idm.model", folder / "idm.weights"


class TestFiles:
    def test_a_published_pair_loads_completely(self, tmp_path: Path) -> None:
        agent = IDMAgent.from_pretrained(*write_pair(tmp_path))
        assert agent.report is not None
        assert agent.report.ok
        assert len(agent.report.loaded) == 100
        expected = torch.load(tmp_path / "idm.weights", weights_only=True)
        for key, value in agent.model.state_dict().items():
            assert torch.equal(value, expected[key])

    def test_a_saved_folder_comes_back(self, tmp_path: Path) -> None:
        agent = IDMAgent.from_config("nano", seed=3)
        agent.save_pretrained(tmp_path / "idm")
        again = IDMAgent.from_pretrained(tmp_path / "idm")
        assert again.model.config == agent.model.config
        for key, value in again.model.state_dict().items():
            assert torch.equal(value, agent.model.state_dict()[key])

    def test_a_seed_fixes_the_weights_and_leaves_the_global_state_alone(self) -> None:
        torch.manual_seed(0)
        expected = torch.rand(1)
        torch.manual_seed(0)
        one, other = (IDMAgent.from_config("tiny", seed=7).model.state_dict() for _ in range(2))
        assert torch.equal(torch.rand(1), expected)
        assert all(torch.equal(one[key], other[key]) for key in one)

    def test_the_weights_of_a_policy_are_refused_and_change_nothing(self, tmp_path: Path) -> None:
        torch.save(VPTPolicy(SMALL_1X).state_dict(), tmp_path / "policy.weights")
        agent = IDMAgent.from_config("tiny", seed=0)
        before = {key: value.clone() for key, value in agent.model.state_dict().items()}
        with pytest.raises(CheckpointMismatch, match="weights of a policy, not of an inverse dynamics model"):
            agent.load_weights(tmp_path / "policy.weights")
        assert all(torch.equal(value, before[key]) for key, value in agent.model.state_dict().items())
        assert agent.report is None

    def test_the_weights_of_an_idm_are_refused_by_a_policy(self, tmp_path: Path) -> None:
        _, weights = write_pair(tmp_path)
        with pytest.raises(CheckpointMismatch, match="inverse dynamics model"):
            VPTAgent.from_config(SMALL_1X).load_weights(weights)

    def test_a_policys_model_file_is_refused(self, tmp_path: Path) -> None:
        _, weights = write_pair(tmp_path)
        with pytest.raises(ValueError, match="describes a policy"):
            IDMAgent.from_pretrained(write_model(tmp_path / "1x.model", SMALL_1X), weights)

    def test_folders_of_the_other_kind_are_refused(self, tmp_path: Path) -> None:
        VPTAgent.from_config("nano", seed=0).save_pretrained(tmp_path / "policy")
        with pytest.raises(WrongFile, match=r"has the format .*, not .*VPTAgent"):
            IDMAgent.from_pretrained(tmp_path / "policy")
        IDMAgent.from_config("tiny", seed=0).save_pretrained(tmp_path / "idm")
        with pytest.raises(WrongFile, match="has the format 'vpt-gym-idm/1', not"):
            VPTAgent.from_pretrained(tmp_path / "idm")

    def test_each_damage_of_a_folder_has_its_own_error(self, tmp_path: Path) -> None:
        folder = tmp_path / "idm"
        IDMAgent.from_config("tiny", seed=0).save_pretrained(folder)
        text = (folder / "config.json").read_text()
        for damaged, message in (
            (text[:-9], "not readable JSON"),
            (text.replace("hidsize", "size"), "no usable config"),
        ):
            (folder / "config.json").write_text(damaged)
            with pytest.raises(CorruptCheckpoint, match=message):
                IDMAgent.from_pretrained(folder)
        (folder / "config.json").unlink()
        with pytest.raises(WrongFile, match=r"has no config\.json"):
            IDMAgent.from_pretrained(folder)

    def test_what_does_not_belong_together_is_refused(self, tmp_path: Path) -> None:
        model, weights = write_pair(tmp_path)
        with pytest.raises(ValueError, match="give its weights too"):
            IDMAgent.from_pretrained(model)
        with pytest.raises(ValueError, match="holds its own weights"):
            IDMAgent.from_pretrained(tmp_path, weights)
        with pytest.raises(FileNotFoundError, match="idm-4x"):
            IDMAgent.from_pretrained(tmp_path / "nothing.model")
        with pytest.raises(WrongFile, match="is a policy"):
            IDMAgent.from_pretrained("foundation-1x")

    def test_half_precision_is_not_saved(self, tmp_path: Path) -> None:
        agent = IDMAgent(InverseDynamicsModel(IDMConfig.named("tiny")).half())
        with pytest.raises(ValueError, match=r"torch\.float16.*model\.float\(\)"):
            agent.save_pretrained(tmp_path / "idm")
