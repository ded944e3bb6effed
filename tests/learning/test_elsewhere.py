"""The warning about demos that were recorded in another environment than that in which the agent plays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.support.contractor_files import golden_records, write_recording
from tests.support.frame_counter_env import counter_frame
from vpt_gym.actions.human import human_action
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.demos import DemoWriter
from vpt_gym.learning.elsewhere import warn_if_elsewhere

LOG, PIG = "vpt_gym/Harvest1Log-v0", "vpt_gym/CombatPigPlainsBarehand-v0"
REMEDY = ": --env and --env-kwargs choose where it plays\n"


def write_demo(folder: Path, **metadata: Any) -> Path:
    with DemoWriter(folder, metadata=metadata) as writer:
        writer.append(counter_frame(0), human_action("attack"))
    return folder


def warning(folder: Path, *envs: EnvArgs) -> str:
    printed = io.StringIO()
    warn_if_elsewhere([folder], envs or (EnvArgs(),), Console(file=printed, width=1000))
    return printed.getvalue()


def log(**kwargs: Any) -> dict[str, Any]:
    return {"env_id": LOG, "env_kwargs": {"task": "harvest_1_log", **kwargs}}


def test_both_environments_and_the_remedy_are_named(tmp_path):
    write_demo(tmp_path, env_id=PIG, env_kwargs={"task": "combat_pig_plains_barehand"})
    assert warning(tmp_path) == f"the demos are of {PIG}, but the agent plays in {LOG}{REMEDY}"
    assert warning(tmp_path, EnvArgs(PIG)) == ""
    assert warning(tmp_path, EnvArgs(PIG), EnvArgs()).count("\n") == 1


@pytest.mark.parametrize("recorded", [{"level": "default"}, {}], ids=["stated", "by default"])
def test_other_worlds_of_the_same_environment_are_named_too(tmp_path, recorded):
    write_demo(tmp_path, **log(**recorded))
    there, here = (f'{LOG} with level "{level}"' for level in ("default", "easy"))
    assert warning(tmp_path) == f"the demos are of {there}, but the agent plays in {here}{REMEDY}"
    assert warning(tmp_path, EnvArgs(kwargs="{}")) == ""
    write_demo(tmp_path, **log(level="easy"))
    assert warning(tmp_path) == ""


def test_what_does_not_change_the_task_does_not_matter(tmp_path):
    write_demo(tmp_path, **log(level="easy", image_size=[32, 32], actions="minedojo", cam_interval=5))
    assert warning(tmp_path, EnvArgs(kwargs='{"level": "easy", "dense_reward": true, "max_episode_steps": 9}')) == ""
    assert "with break_speed 3" in warning(tmp_path, EnvArgs(kwargs='{"level": "easy", "break_speed": 3}'))


def test_an_environment_that_is_not_registered_yet_is_compared_by_what_both_state(tmp_path):
    write_demo(tmp_path, env_id="Walk-v0", env_kwargs={"speed": 2, "wind": 1})
    assert warning(tmp_path, EnvArgs("walking:Walk-v0", kwargs='{"speed": 2, "rain": 1}')) == ""
    assert "Walk-v0 with speed 2, but" in warning(tmp_path, EnvArgs("walking:Walk-v0", kwargs='{"speed": 3}'))


def test_nothing_is_said_of_demos_whose_environment_is_unknown(tmp_path):
    write_demo(tmp_path)
    write_recording(tmp_path / "Player1-abc-20211003-100000", golden_records())
    (tmp_path / "damaged.json").write_text("{")
    assert warning(tmp_path) == ""
    write_demo(tmp_path, **log(level="default"))
    assert "with level" in warning(tmp_path)


def test_a_long_list_is_cut(tmp_path):
    for task in ("Harvest1Dirt", "Harvest8Dirt", "Survival", "Playground", "OpenEnded"):
        write_demo(tmp_path, env_id=f"vpt_gym/{task}-v0", env_kwargs={})
    assert "vpt_gym/OpenEnded-v0 and 2 more, but" in warning(tmp_path)
