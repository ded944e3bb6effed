"""Each example runs by itself, as a user runs it, for a few steps and leaves what it promises."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import imageio.v3 as iio
import pytest
import torch

from tests.support.paths import ROOT
from tests.support.python_processes import output_of, run
from vpt_gym import VPTAgent
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.learning.logging import read_metrics

SMALL = '{"level": "easy", "image_size": [72, 128], "max_episode_steps": 12}'
"""Short episodes and small frames: what is tested is that all parts fit, not what is learnt."""

NO_EPISODES = ("--rollout-episodes", "0", "--eval-episodes", "0")


def example(script: str, *arguments: str, fresh: bool = False) -> str:
    return output_of(ROOT / "examples" / script, *arguments, fresh=fresh)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def demos(runs) -> Path:
    output = example("record.py", "--out", str(runs / "demos"), "--episodes", "2", fresh=True)
    assert "2 demos" in output
    return runs / "demos"


@pytest.fixture(scope="module")
def cloned(runs, demos) -> Path:
    arguments = ("--demos", str(demos), "--out", str(runs / "bc"), "--train.steps", "25", "--train.seq-len", "4")
    episodes = ("--rollout-episodes", "2", "--eval-episodes", "2", "--env-kwargs", SMALL)
    example("bc.py", *arguments, "--train.batch-size", "2", *episodes, fresh=True)
    return runs / "bc" / "agent"


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "examples").glob("*.py")))
def test_each_example_runs_without_the_others(tmp_path, script):
    shutil.copy(ROOT / "examples" / script, tmp_path)
    result = run(script, "--help", cwd=tmp_path, fresh=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_record_keeps_successes_and_can_be_continued(demos):
    paths = list_demos(demos)
    assert all(read_demo(path).success for path in paths)
    example("record.py", "--out", str(demos), "--episodes", "2")
    assert list_demos(demos) == paths


def test_bc_leaves_an_agent_and_metrics(cloned):
    assert VPTAgent.from_pretrained(cloned).policy.config.stem_pool == 2
    metrics = read_metrics(cloned.parent / "metrics.jsonl")
    assert [entry["step"] for entry in metrics if "train/loss" in entry] == [1, 20, 25]
    results = json.loads((cloned.parent / "results.json").read_text())
    assert (results["kept"]["update"], results["evaluation"]["episodes"]) == (25, 2)


def test_bc_continues_a_saved_agent_with_carried_memory(runs, demos, cloned):
    arguments = ("--demos", str(demos), "--out", str(runs / "carried"), "--model", str(cloned))
    options = ("--train.steps", "3", "--train.seq-len", "4", "--train.batch-size", "2", "--train.order", "carried")
    example("bc.py", *arguments, *options, *NO_EPISODES)
    assert (runs / "carried" / "agent" / "model.safetensors").exists()


def test_bc_learns_from_the_features_of_a_frozen_image_network(runs, demos, cloned):
    arguments = ("--demos", str(demos), "--out", str(runs / "frozen"), "--model", str(cloned), "--train.no-mirror")
    options = ("--train.steps", "3", "--train.seq-len", "4", "--train.batch-size", "2")
    frozen = ("--freeze", "net.img_process.*", "--features", str(runs / "features"), "--train.gradient-checkpointing")
    output = example("bc.py", *arguments, *options, *frozen, *NO_EPISODES)
    assert "parameters are trained" in output
    assert len(list((runs / "features").glob("*.npy"))) == len(list_demos(demos))
    before, after = (VPTAgent.from_pretrained(path).policy for path in (cloned, runs / "frozen" / "agent"))
    for (name, one), other in zip(before.named_parameters(), after.parameters(), strict=True):
        if name.startswith("net.img_process."):
            assert torch.equal(one, other), name
    assert not torch.equal(before.net.final_ln.weight, after.net.final_ln.weight)


def test_ppo_improves_an_agent_and_logs_how(runs, demos, cloned):
    arguments = ("--model", str(cloned), "--out", str(runs / "ppo"), "--iterations", "3", "--num-envs", "2")
    options = ("--ticks", "8", "--minibatches", "2", "--warmup-iterations", "1", "--eval-episodes", "2")
    more = ("--demos", str(demos), "--sleep-cycles", "1", "--validate-every", "2", "--validation-episodes", "2")
    output = example("ppo.py", *arguments, *options, *more, "--env-kwargs", SMALL, fresh=True)
    assert "after PPO, 48 ticks: " in output
    results = json.loads((runs / "ppo" / "results.json").read_text())
    assert (results["start"]["episodes"], results["after PPO"]["episodes"]) == (2, 2)
    assert (runs / "ppo" / "agent" / "model.safetensors").exists()
    warm_up, second, third = read_metrics(runs / "ppo" / "metrics.jsonl")
    assert "loss/policy" not in warm_up  # only the value head learns
    assert third["loss/kl_to_start"] > second["loss/kl_to_start"] >= 0
    names = {"loss/policy", "loss/value", "loss/entropy", "loss/kl_to_start", "loss/approx_kl", "loss/clip_fraction"}
    names |= {"loss/bc", "loss/sleep_kl", "rollout/return", "rollout/success", "rollout/length", "train/learning_rate"}
    assert names | {"time/ticks_per_second", "time/ticks"} <= set(third)
    assert "validation/success" in second
    assert (runs / "ppo" / "best" / "config.json").exists()
    assert third["time/ticks"] == 3 * 2 * 8


def test_evaluate_counts_and_films(runs, cloned):
    arguments = ("--model", str(cloned), "--out", str(runs / "evaluate"), "--episodes", "3", "--video-episodes", "1")
    output = example("evaluate.py", *arguments, "--env-kwargs", SMALL, fresh=True)
    assert re.search(r"[0-3]/3 = ", output)
    (evaluation,) = json.loads((runs / "evaluate" / "results.json").read_text())["evaluations"].values()
    assert evaluation["episodes"] == 3
    assert (evaluation["env"], evaluation["env_kwargs"]) == ("vpt_gym/Harvest1Log-v0", json.loads(SMALL))
    assert (evaluation["agent"], evaluation["sampling_temperature"]) == (str(cloned), 1.0)
    assert [episode["seed"] for episode in evaluation["results"]] == [9_000_000, 9_000_001, 9_000_002]
    (path,) = (runs / "evaluate").glob("*.mp4")
    video = iio.imread(path, plugin="pyav")
    assert video.shape[1:] == (404, 720, 3)
    assert 12 <= len(video) <= 33


def test_the_snippet_of_the_readme_runs(tmp_path):
    snippet = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    assert "VPTActionWrapper(VPTObsWrapper(RecorderWrapper(" in snippet
    output_of("-c", snippet, cwd=tmp_path, fresh=True)
    (path,) = list_demos(tmp_path / "demos" / "first_try")
    demo = read_demo(path)
    assert 0 < len(demo) <= 600
    assert sum(1 for _ in demo.frames()) == len(demo)


def test_record_does_not_mix_two_envs_in_one_directory(demos):
    other = ("--out", demos, "--episodes", "3", "--env-kwargs", '{"level": "default"}')
    result = run(ROOT / "examples" / "record.py", *other)
    assert result.returncode != 0
    assert "record into another directory" in result.stderr


@pytest.mark.parametrize("name", ["runs/bc/agnet", "1y"])
def test_a_model_that_does_not_exist_is_named(demos, tmp_path, name):
    result = run(ROOT / "examples" / "evaluate.py", "--model", name, "--out", tmp_path / "run")
    assert result.returncode != 0
    assert f"there is no file or folder {name}" in result.stderr


@pytest.mark.parametrize("arguments", [["end_to_end.py"]])
def test_without_matplotlib_nothing_is_begun(tmp_path, arguments):
    script, *words = arguments
    code = (
        "import runpy, sys; sys.modules['matplotlib'] = None\n"
        f"sys.argv = {[script, *words, '--out', str(tmp_path)]!r}\n"
        f"runpy.run_path({str(ROOT / 'examples' / script)!r}, run_name='__main__')"
    )
    result = run("-c", code, fresh=True)
    assert result.returncode != 0
    assert 'pip install "vpt-gym[train]"' in result.stderr
    assert tmp_path.is_dir()
    assert not list(tmp_path.iterdir())


def test_bc_warns_about_another_env_and_skips_damaged_demos(demos, tmp_path):
    mine = shutil.copytree(demos, tmp_path / "demos")
    sorted(mine.glob("*.json"))[0].write_text("{")
    arguments = ("--demos", str(mine), "--out", str(tmp_path / "bc"), "--train.steps", "1", "--validation", "0")
    episodes = ("--rollout-episodes", "0", "--eval-episodes", "1")
    kwargs = json.dumps({"image_size": [32, 32], "max_episode_steps": 3})
    output = example("bc.py", *arguments, *episodes, "--env", "vpt_gym/Harvest1Dirt-v0", "--env-kwargs", kwargs)
    assert "the demos are of vpt_gym/Harvest1Log-v0" in output
    assert "vpt_gym/Harvest1Dirt-v0: --env" in output
