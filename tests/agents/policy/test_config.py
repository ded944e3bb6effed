from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import pytest

from tests.support.published_files import SMALL_1X, published_kwargs
from vpt_gym.agents.policy.config import NAMED, VPTConfig


def test_named_architectures() -> None:
    assert VPTConfig.named("2x").channels == (128, 256, 256)
    assert VPTConfig.named("3x").head_size == 128
    assert (VPTConfig.named("1x").context, VPTConfig.named("1x").memory_length) == (128, 127)
    assert VPTConfig.named("nano").context == 16
    with pytest.raises(ValueError, match=r"'4x'; there are nano, 1x, 2x, 3x"):
        VPTConfig.named("4x")


def test_config_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        NAMED["1x"].hidsize = 3  # type: ignore[misc]


@pytest.mark.parametrize("config", [*NAMED.values(), SMALL_1X], ids=[*NAMED, "other"])
def test_json_round_trip(config: VPTConfig) -> None:
    assert VPTConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidsize": 0}, "hidsize must be a positive integer, got 0"),
        ({"hidsize": 64.0}, "hidsize must be a positive integer, got 64.0"),
        ({"n_recurrence_layers": True}, "n_recurrence_layers must be a positive integer"),
        ({"attention_heads": 7}, "1024 is not a multiple of attention_heads 7"),
        ({"impala_width": -1}, "impala_width must be a positive number"),
        ({"impala_width": 0.01}, "leaves a stack without channels"),
        ({"impala_chans": (16, 32)}, "three integers"),
        ({"pi_head_temperature": float("nan")}, "pi_head_temperature must be a positive number"),
        ({"timesteps": 256}, "must exceed timesteps"),
        ({"stem_pool": 3}, "1, 2, 4 or 8, got 3"),
        ({"stem_pool": True}, "positive integer, got True"),
        ({"hidsize": 600_000_000}, "hidsize must be at most 65,536, got 600000000"),
        ({"hidsize": 1 << 40}, "hidsize must be at most 65,536"),
        ({"hidsize": 1 << 300}, "hidsize must be at most 65,536, got an integer of 301 bits"),
        ({"n_recurrence_layers": 1_000_000}, "n_recurrence_layers must be at most 256"),
        ({"attention_memory_size": 1 << 62}, "attention_memory_size must be at most 1,048,576"),
        ({"pointwise_ratio": 1 << 40}, "pointwise_ratio must be at most 64"),
        ({"impala_width": 1e308}, "impala_width must be at most 4,096, got 1e[+]308"),
        ({"impala_width": 10**400}, "impala_width must be at most 4,096, got an integer of"),
        ({"impala_width": 4000}, "gives a stack more than 8,192 channels"),
        ({"impala_chans": (16, 32, 1 << 40)}, "gives a stack more than 8,192 channels"),
        ({"impala_chans": (16, 32, "a")}, "three integers, got .16, 32, 'a'."),
        ({"impala_chans": 16}, "three integers, got 16"),
        ({"pi_head_temperature": 1e9}, "pi_head_temperature must be at most 1,000,000"),
        ({"action_sizes": (2, 1 << 40)}, "action_sizes must be at most 1,048,576 together"),
        ({"action_sizes": (1,) * 2_000_000}, "action_sizes must be at most 1,048,576 together"),
        ({"action_sizes": 7}, "action_sizes must be positive integers, got 7"),
    ],
)
def test_bad_values_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(NAMED["1x"], **change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "JSON object"),
        ('{"hidsize": 4, "width": 3}', "unknown config fields: width"),
        ("{}", "lacks attention_heads"),
    ],
)
def test_bad_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VPTConfig.from_json(text)


def test_temperature_may_be_an_integer_or_absent() -> None:
    kwargs = published_kwargs(NAMED["2x"])
    assert VPTConfig.from_published(kwargs, {"temperature": 2}) == NAMED["2x"]
    assert VPTConfig.from_published(kwargs, {}).pi_head_temperature == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attention_mask_style": "none"}, "attention_mask_style='none' is not supported"),
        ({"recurrence_type": "lstm"}, "recurrence_type='lstm'"),
        ({"img_shape": (64, 64, 3)}, "img_shape"),
        ({"conv3d_params": {"inchan": 3}}, "inverse dynamics model"),
        ({"hidsize": [[[[[[[[[["deep"]]]]]]]]]]}, r"hidsize must be a positive integer, got \[\[\[\[\.\.\.\]\]\]\]"),
        ({"recurrence_type": "x" * 10_000}, r"recurrence_type='x{1,40}\.\.\.x{1,40}' is not supported"),
        ({"recurrence_type": "\x1b[31mred"}, r"recurrence_type='.x1b\[31mred'"),
    ],
)
def test_other_architectures_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VPTConfig.from_published({**published_kwargs(NAMED["1x"]), **change}, {"temperature": 2.0})
    with pytest.raises(ValueError, match="lacks hidsize"):
        VPTConfig.from_published({"attention_heads": 2, "impala_width": 1}, {})


@pytest.mark.parametrize("temperature", ["hot", [2.0], None, 10**400, {}])
def test_a_temperature_that_is_no_number_is_refused(temperature: object) -> None:
    with pytest.raises(ValueError, match=r"temperature must be a (positive )?number"):
        VPTConfig.from_published(published_kwargs(NAMED["1x"]), {"temperature": temperature})


def test_the_config_and_the_package_of_agents_load_without_torch() -> None:
    code = (
        "import sys, vpt_gym.agents, vpt_gym.agents.policy.config; "
        "print('torch' in sys.modules, 'VPTAgent' in dir(vpt_gym.agents))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.split() == ["False", "True"]


def test_every_exported_name_exists() -> None:
    import vpt_gym.agents

    assert all(getattr(vpt_gym.agents, name).__name__ == name for name in vpt_gym.agents.__all__)
    with pytest.raises(AttributeError, match="VPTAgnt"):
        vpt_gym.agents.VPTAgnt  # noqa: B018
    assert json.loads(NAMED["nano"].to_json())["stem_pool"] == 2
