"""An environment that a command names: its module in the current folder, and its render mode."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from tests.support.paths import ROOT
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.world.ids import is_embedded

MODULE = """
import gymnasium as gym
import numpy as np

from vpt_gym import HumanActionWrapper
from vpt_gym.actions import human_action, human_action_space
from neighbour import SIDE


class Game(gym.Env):
    observation_space = gym.spaces.Box(0, 255, (36, SIDE, 3), np.uint8)
    action_space = human_action_space()

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.full((36, SIDE, 3), 200, np.uint8), {}

    def step(self, action):
        return np.full((36, SIDE, 3), 100, np.uint8), 0.0, False, False, {"success": True}


class Walker:
    def reset(self):
        pass

    def act(self, env):
        return human_action("forward")


gym.register("mine/Game-v0", lambda: HumanActionWrapper(Game()), max_episode_steps=5)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder_game.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "neighbour.py").write_text("SIDE = 64\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("num_envs", [1, 2])
def test_record_finds_the_env_and_the_expert_in_the_current_folder(folder: Path, num_envs: int) -> None:
    script = "import sys; del sys.path[0]; from vpt_gym.cli import main; sys.exit(main(sys.argv[1:]))"
    # the installed command, unlike `python -m`, does not have the current folder on sys.path
    command = [sys.executable, "-c", script, "record", "--env", "folder_game:mine/Game-v0", "--out", "demos"]
    command += ["--expert", "folder_game:Walker", "--episodes", "2", "--num-envs", str(num_envs)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 demos, 10 ticks" in done.stdout


def test_a_module_that_does_not_exist_is_named_with_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ModuleNotFoundError, match=r"no module 'no_such_game'.*current folder.*install it"):
        EnvArgs("no_such_game:mine/Game-v0").base()


def test_an_env_function_without_a_render_mode_is_made_without_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    env = EnvArgs("folder_game:mine/Game-v0").make(render=True)
    assert env.render_mode is None
    env.close()
    monkeypatch.delitem(gym.registry, "mine/Game-v0")
    for name in ("folder_game", "neighbour"):
        monkeypatch.delitem(sys.modules, name)


def test_an_env_with_a_render_mode_renders_only_if_that_is_asked_for() -> None:
    args = EnvArgs(kwargs='{"level": "easy", "image_size": [32, 64]}')
    for render, mode in ((True, "rgb_array"), (False, None)):
        env = args.base(render=render)
        assert env.render_mode == mode
        env.close()


@pytest.mark.parametrize(
    "kwargs", ["", "[]", "3", "{'a': 1}", '{"a": ' * 5000, '{"a": ' + "9" * 5000 + "}", "{" * 9999]
)
def test_arguments_that_are_no_object(kwargs: str) -> None:
    with pytest.raises(ValueError, match=r"^env kwargs .{,100} must be a JSON object such as"):
        EnvArgs(kwargs=kwargs)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("vpt_gym/harvest_1_dirt", "vpt_gym/Harvest1Dirt-v0"),
        ("harvest_1_dirt", "vpt_gym/Harvest1Dirt-v0"),
        ("vpt_combat_zombie_plains", "vpt_gym/CombatZombiePlains-v0"),
        ("vpt_gym/open-ended", "vpt_gym/OpenEnded-v0"),
        ("vpt_gym/Harvest1dirt-v0", "vpt_gym/Harvest1Dirt-v0"),
        ("vpt_gym/Harvest1Dirt-v1", "vpt_gym/Harvest1Dirt-v0"),
    ],
)
def test_the_name_of_a_task_leads_to_the_id(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match=rf"^there is no env {name}; did you mean {meant}\?$"):
        EnvArgs(name)


def test_an_unknown_id_leads_to_the_form_with_a_module() -> None:
    with pytest.raises(ValueError, match=r"^there is no env Zzz-v0; if a module registers it, give module:Zzz-v0$"):
        EnvArgs("Zzz-v0")
    with pytest.warns(UserWarning, match="latest versioned environment"):
        EnvArgs("vpt_gym/Harvest1Dirt").base().close()  # an id without its version, which Gymnasium adds


def test_an_example_reports_a_wrong_env_without_a_traceback() -> None:
    command = [sys.executable, str(ROOT / "examples" / "record.py"), "--env", "vpt_gym/harvest_1_dirt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no env vpt_gym/harvest_1_dirt; did you mean" in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("given", ["vpt_gym/Harvest1Log-v0", "vpt_gym:vpt_gym/Harvest1Log-v0", "vpt_gym/Harvest1Log"])
def test_the_name_has_no_module_and_a_version(given: str) -> None:
    env = EnvArgs(given)
    assert env.name == "vpt_gym/Harvest1Log-v0"
    assert env.arguments == {"level": "easy"}


def test_the_embedded_world_without_unread_observations_plays_the_same() -> None:
    args = EnvArgs(kwargs='{"level": "easy", "image_size": [36, 64], "dense_reward": true}')
    alone, whole = args.make(), args.make(complete=True)
    assert set(alone.unwrapped.observation_space.spaces) == {"rgb"}
    assert "inventory" in whole.unwrapped.observation_space.spaces
    (frame, info), (expected, told) = (env.reset(seed=4) for env in (alone, whole))
    for code in np.random.default_rng(0).integers((8641, 121), size=(20, 2)):
        np.testing.assert_array_equal(frame, expected)
        assert info == told
        (frame, *rest, info), (expected, *others, told) = (env.step(code) for env in (alone, whole))
        assert rest == others


def test_the_ids_of_the_embedded_world_are_those_that_make_it() -> None:
    ours = [name for name in gym.registry if name.startswith("vpt_gym/")]
    worlds = {name for name in ours if "vpt_gym.world." in str(gym.spec(name).entry_point)}
    assert {name for name in ours if is_embedded(name)} == worlds
    assert "vpt_gym/MineDojo-v0" in set(ours) - worlds


@pytest.mark.parametrize("kwargs", ['{"actions": "minedojo"}', '{"observations": ["rgb", "life_stats"]}'])
def test_observations_that_are_read_or_named_are_built(kwargs: str) -> None:
    assert "life_stats" in EnvArgs(kwargs=kwargs).make().unwrapped.observation_space.spaces
