"""The example of DAgger as a user runs it: rounds, results, another agent as the expert, and going on after a kill."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from tests.support.programs import needs_program
from tests.support.python_processes import output_of, run, start
from tests.support.small_policy import SMALL
from tests.support.stand_in_device import STAND_IN, stand_in_device
from tests.support.virtual_screen import VirtualScreen, wait_for
from vpt_gym import VPTAgent
from vpt_gym.collect.envs import EnvArgs
from vpt_gym.collect.identity import weights_digest
from vpt_gym.collect.run import record
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.collect.session import Recording
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.learning.bc import TrainArgs, make_dataset
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.learning.initialise import init_action_heads
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs

ENV = '{"level": "easy", "image_size": [32, 32], "max_episode_steps": 12}'
"""Short episodes and small frames: what is tested is that all parts fit, not what is learnt."""
SMALL_RUN = (
    *("--episodes", "3", "--num-envs", "2", "--round-ticks", "10", "--validation-episodes", "3"),
    *("--train.steps", "30", "--train.seq-len", "4", "--train.batch-size", "2", "--checkpoint-every", "7"),
    *("--eval-episodes", "2", "--precision", "fp32", "--env-kwargs", ENV, "--no-tensorboard"),
)
SCRIPT = ROOT / "examples" / "dagger.py"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> tuple[object, ...]:
    folder = tmp_path_factory.mktemp("inputs")
    VPTAgent.from_config(SMALL, seed=0).save_pretrained(folder / "start")
    VPTAgent.from_config(SMALL, seed=1).save_pretrained(folder / "teacher")
    record(Recording(out=folder / "demos", env=EnvArgs(kwargs=ENV), episodes=2, keep="all"))
    return "--demos", folder / "demos", "--model", folder / "start"


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory) -> tuple[Path, float]:
    """A run that nothing interrupted, and its seconds."""
    out = tmp_path_factory.mktemp("runs") / "finished"
    output_of(SCRIPT, "--help")  # the first process waits for the template
    begin = time.perf_counter()
    output = output_of(SCRIPT, *inputs, *SMALL_RUN, "--out", out)
    assert "round 2, success in validation worlds" in output
    return out, time.perf_counter() - begin


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return VPTAgent.from_pretrained(folder).policy.state_dict()


def equal(one: Path, other: Path) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(one).values(), weights(other).values(), strict=True))


def actions(directory: Path) -> dict[int, list[list[int]]]:
    demos = [read_demo(path) for path in list_demos(directory)]
    assert len({demo.metadata["seed"] for demo in demos}) == len(demos)
    return {demo.metadata["seed"]: demo.codes.tolist() for demo in demos}


def test_it_leaves_rounds_results_and_the_best_agent(inputs, finished):
    out, _ = finished
    results = json.loads((out / "results.json").read_text())
    assert [figures["round"] for figures in results["rounds"]] == [0, 1, 2]
    for number, figures in enumerate(results["rounds"]):
        validation = figures["validation"]
        assert validation["wilson95"] == list(wilson_interval(validation["successes"], 3))
        assert validation["seeds"] == [SEEDS["validation"][0], SEEDS["validation"][2]]
        if number:
            assert (figures["demos"], figures["updates"]) == (2 + 3 * number, 30)
            assert (figures["rollout"]["episodes"], figures["rollout"]["beta"]) == (3, 0.0)
            assert set(actions(out / f"round_{number}")) == set(SEEDS["dagger"][3 * number - 3 : 3 * number])
    best = results["best_round"]
    scores = [(figures["validation"]["rate"], -figures["validation"]["mean_ticks"]) for figures in results["rounds"]]
    assert scores[best] == max(scores)
    assert equal(out / "agent", out / f"agent_{best}")
    assert not equal(out / "agent_1", out / "agent_2")
    assert all(seed in SEEDS["evaluation"] for seed in results["evaluation"]["seeds"])

    metrics = read_metrics(out / "metrics.jsonl")
    assert [entry["step"] for entry in metrics if "validation/success" in entry] == [0, 30, 60]
    assert [entry["step"] for entry in metrics if "train/loss" in entry] == [20, 30, 50, 60]
    recorded_by = read_demo(list_demos(out / "round_2")[0]).metadata["recorded_by"]
    assert (recorded_by["expert"], recorded_by["sampling_seed"]) == ("vpt_gym.world.experts:LogExpert", 2)


def test_killed_at_any_moment_it_ends_with_the_same_weights(inputs, finished, tmp_path):
    expected, seconds = finished
    out, moments = tmp_path / "killed", random.Random(0)
    words: tuple[object, ...] = (*inputs, *SMALL_RUN, "--out", out)
    begin, kills = words, 0
    while kills < int(os.environ.get("VPT_GYM_KILLS", "3")):
        process = start(SCRIPT, *words)
        try:
            process.wait(moments.uniform(0.2, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
            assert status in (-signal.SIGKILL, 0)
            kills += status != 0
        else:  # it was faster: once more, from the start, with less time
            shutil.rmtree(out)
            seconds *= 0.8
        words = ("--resume", out) if (out / "run.json").exists() else begin
    output_of(SCRIPT, *words, fresh=True)  # its sets have another order
    for number in (1, 2):
        assert actions(out / f"round_{number}") == actions(expected / f"round_{number}")
        assert equal(out / f"agent_{number}", expected / f"agent_{number}")
        assert not list((out / f"round_{number}").glob("*.partial"))
    theirs, ours = (json.loads((folder / "results.json").read_text()) for folder in (expected, out))
    assert [entry["loss"] for entry in ours["rounds"][1:]] == [entry["loss"] for entry in theirs["rounds"][1:]]
    assert ours["best_round"] == theirs["best_round"]
    steps = [entry["step"] for entry in read_metrics(out / "metrics.jsonl") if "train/loss" in entry]
    assert steps == [20, 30, 50, 60]


def test_a_round_of_a_changed_run_is_not_reused(inputs, finished, tmp_path):
    out = shutil.copytree(finished[0], tmp_path / "copy")
    shutil.rmtree(out / "checkpoints")
    changed = (*inputs, "--resume", out, "--temperature", "0.5")
    result = run(SCRIPT, *changed)
    assert result.returncode != 0
    assert "was recorded with {'temperature': 1.0}, this recording is {'temperature': 0.5}" in result.stderr


def test_the_worlds_of_finished_rounds_stay_the_same(inputs, finished, tmp_path):
    out = shutil.copytree(finished[0], tmp_path / "copy")
    changed = (*inputs, "--resume", out, "--episodes", "2")
    result = run(SCRIPT, *changed)
    assert result.returncode != 0
    assert "--episodes is 2; this run has 3 a round: give --episodes 3" in result.stderr


def test_another_agent_is_the_expert_and_acts_in_a_share_of_the_ticks(inputs, tmp_path):
    teacher = inputs[1].parent / "teacher"
    options = ("--expert", teacher, "--rounds", "1", "--out", tmp_path / "run", "--eval-episodes", "0")
    output_of(SCRIPT, *inputs, *SMALL_RUN, *options, "beta:exponential-beta", "--beta.decay", "0.5", fresh=True)
    demos = [read_demo(path) for path in list_demos(tmp_path / "run" / "round_1")]
    assert {demo.metadata["recorded_by"]["beta"] for demo in demos} == {0.5}
    assert all(set(demo.metadata["recorded_by"]["expert"]) >= {"weights", "precision"} for demo in demos)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert "evaluation" not in results
    assert [figures["round"] for figures in results["rounds"]] == [0, 1]


def test_several_environments_share_the_rounds_and_the_validations(inputs, tmp_path):
    out = tmp_path / "run"
    options = ("--rounds", "1", "--more-envs", "vpt_gym/Harvest1Dirt-v0", "vpt_gym/CombatPigPlainsBarehand-v0")
    output = output_of(SCRIPT, *inputs, *SMALL_RUN, *options, "--out", out, fresh=True)
    names = ("Harvest1Log-v0", "Harvest1Dirt-v0", "CombatPigPlainsBarehand-v0")
    for name in names:
        demos = [read_demo(path) for path in list_demos(out / "round_1" / name)]
        assert {demo.metadata["env_id"] for demo in demos} == {f"vpt_gym/{name}"}
        assert sorted(demo.metadata["seed"] for demo in demos) == list(SEEDS["dagger"][:3])
        assert f"  vpt_gym/{name}: " in output
    results = json.loads((out / "results.json").read_text())
    round_1 = results["rounds"][1]
    assert (round_1["demos"], round_1["rollout"]["episodes"], round_1["validation"]["episodes"]) == (2 + 9, 9, 9)
    assert results["evaluation"]["episodes"] == 6


def test_another_training_seed_plays_other_worlds(inputs, tmp_path):
    worlds = [
        set(load_example("dagger").DAgger.worlds(SimpleNamespace(args=SimpleNamespace(seed=seed, episodes=5)), 2))
        for seed in (0, 1)
    ]
    assert worlds[0] == set(SEEDS["dagger"][5:10])
    assert not worlds[0] & worlds[1]


@pytest.mark.parametrize("expert", ["scripted", "teacher"])
def test_it_moves_every_tensor_to_its_device(inputs, tmp_path, expert):
    example = load_example("dagger")
    args = example.Args(
        demos=(inputs[1],),
        model=str(inputs[3]),
        rounds=1,
        episodes=2,
        round_ticks=4,
        expert=expert if expert == "scripted" else str(inputs[1].parent / "teacher"),
        device=str(STAND_IN),
        train=TrainArgs(steps=2, seq_len=4, batch_size=2),
        env=EnvArgs(kwargs=ENV),
        validation_episodes=1,
        eval_episodes=1,
        checkpoint_every=1,
        run=RunArgs(out=tmp_path / "run", tensorboard=False),
    )
    with stand_in_device():
        example.main(args)
    assert not equal(tmp_path / "run" / "agent_0", tmp_path / "run" / "agent_1")


def test_fresh_weights_know_the_frequencies_of_the_labels_from_the_first_update_on(inputs):
    example = load_example("dagger")
    args = example.Args((inputs[1],), "nano", train=TrainArgs(steps=1, seq_len=2, batch_size=1, lr=1e-9))
    agent = VPTAgent.from_config("nano")
    expected = copy.deepcopy(agent.policy)
    dagger = SimpleNamespace(
        args=args, agent=agent, first=args.demos, cache=None, state={"rounds": [{}], "trainer": None}, console=None,
        demos=lambda number: [], run=SimpleNamespace(log=lambda step, metrics: None),
    )  # fmt: skip
    example.DAgger.train(dagger, 1)
    init_action_heads(expected, make_dataset(args.demos, args.train, seed=0).labels)
    for head in ("buttons", "camera"):
        name = f"pi_head.{head}.linear_layer.bias"
        torch.testing.assert_close(agent.policy.state_dict()[name], expected.state_dict()[name], atol=1e-4, rtol=0)


@needs_program("Xvfb")
def test_a_person_watches_the_learner_and_takes_over(inputs, tmp_path):
    """Two worlds in a window on a virtual screen; the person corrects the learner in the first one."""
    screen, out = VirtualScreen(), tmp_path / "run"
    options = ("--expert", "person", "--num-envs", "16", "--episodes", "2", "--rounds", "1")
    options = (*options, "--round-ticks", "100", "--out", out)
    printed = tmp_path / "printed.txt"

    def said(text: str, times: int = 1) -> bool:
        assert process.poll() is None, printed.read_text()
        return printed.read_text().count(text) >= times

    def begun() -> bool:
        screen.key("Return")
        time.sleep(0.5)
        return bool(list(out.glob("round_1/*.partial")))

    process = start(
        *(SCRIPT, *inputs, *SMALL_RUN, *options),
        stdout=printed.open("w"),
        stderr=subprocess.STDOUT,
        fresh=True,
        DISPLAY=screen.name,
    )
    try:
        wait_for(screen.windows, "no window", 180)
        screen.focus(True)
        wait_for(begun, "no episode")
        screen.key("F6")
        wait_for(lambda: said(": you play."), "the person does not get the controls")
        screen.key("s", down=True)
        (records,) = out.glob("round_1/*.jsonl.partial")
        ticks = records.read_bytes().count(b"\n")
        wait_for(lambda: records.read_bytes().count(b"\n") >= ticks + 28, "no ticks")  # 20 are written at once
        screen.key("s", down=False)
        screen.key("F9")
        wait_for(lambda: said("Recorded"), "no demo")
        time.sleep(0.5)
        screen.key("F9")  # the learner plays the second world; that is enough of it
        assert process.wait(180) == 0, printed.read_text()
    finally:
        process.kill()
        screen.close()
    first, second = (read_demo(path) for path in list_demos(out / "round_1"))
    assert [first.metadata["seed"], second.metadata["seed"]] == list(SEEDS["dagger"][:2])
    corrected = first.actions["back"].astype(bool)
    assert corrected.sum() >= 5
    assert first.intervention[corrected].all()
    assert not first.intervention[0]
    assert not second.intervention.any()
    assert first.metadata["learner"]["weights"] == weights_digest(VPTAgent.from_pretrained(out / "agent_0").policy)
    figures = json.loads((out / "results.json").read_text())["rounds"][1]
    assert figures["demos"] == 4
    assert figures["rollout"]["episodes"] == 2
    assert 0 < figures["rollout"]["intervention"] < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rounds", "0"), "rounds is 0; it must be at least 1"),
        (("--more-envs", "vpt_gym/Harvest1Log-v0"), "--env and more_envs name vpt_gym/Harvest1Log-v0 twice"),
        (("--more-envs", "vpt_gym/Nothing-v0"), "there is no env vpt_gym/Nothing-v0"),
        (("--expert", "no/such/agent"), "there is no file or folder no/such/agent"),
        (("--expert", "vpt_gym.world.experts:Nobody"), "no expert 'vpt_gym.world.experts:Nobody'"),
    ],
)
def test_a_wrong_option_is_named(inputs, tmp_path, words, message):
    options = (*inputs, *SMALL_RUN, "--out", tmp_path / "run", *words)
    result = run(SCRIPT, *options)
    assert result.returncode != 0
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--more-envs", "vpt_gym/Harvest1Dirt-v0"), "more_envs is ('vpt_gym/Harvest1Dirt-v0',); with"),
        (("--temperature", "0.5"), "temperature is 0.5; with"),
        (("--stretch", "10", "40"), "stretch is (10, 40); with"),
        (("--goal", "none"), "goal is 'none'; with"),
        (("--num-envs", "4"), "num_envs is 4; with"),
        (("beta:constant-beta", "--beta.value", "0.5"), "beta is 0.5; with"),
    ],
)
def test_an_option_that_a_person_does_not_use_is_named(capsys, words, message):
    example = load_example("dagger")
    required = ("--demos", "demos", "--model", "nano", "--expert", "person")
    assert example.parse(example.Args, required).expert == "person"
    with pytest.raises(SystemExit):
        example.parse(example.Args, [*required, *words])
    assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
