"""The goal of an agent on the command line: what is accepted, what each agent gets, and what refuses such policies."""

from __future__ import annotations

import pickle
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import tyro
from gymnasium.vector import AutoresetMode

from tests.support.counter_demos import write_counter_demo
from tests.support.example_scripts import load_example
from tests.support.small_policy import SMALL, small_policy
from vpt_gym import VPTAgent
from vpt_gym.agents import GoalPrior
from vpt_gym.cli import main
from vpt_gym.collect import EnvArgs
from vpt_gym.collect.goals import ChosenGoal, GoalArgs, GoalError, give_goal
from vpt_gym.collect.identity import agent_identity
from vpt_gym.collect.players import make_player
from vpt_gym.collect.ray.play import _copied
from vpt_gym.collect.session import Recording
from vpt_gym.demos import read_demo
from vpt_gym.learning.bc import BCTrainer, TrainArgs, make_dataset
from vpt_gym.learning.distillation import DemoReader, DistillationCollector
from vpt_gym.learning.load import load_agent
from vpt_gym.learning.rollout import RolloutCollector
from vpt_gym.view.predictions import Predictions, predict

SIZE = 6
EMBEDDING = np.linspace(-1.0, 1.0, SIZE, dtype=np.float32)


def goal_agent() -> VPTAgent:
    agent = VPTAgent.from_config(replace(SMALL, goal_size=SIZE), seed=0)
    with torch.no_grad():  # fresh heads are nearly uniform
        for parameter in agent.policy.pi_head.parameters():
            parameter.mul_(100.0)
    return agent


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the goal ``wood.npy`` and two agents: ``goals``, which takes them, and ``plain``."""
    folder = tmp_path_factory.mktemp("goals")
    np.save(folder / "wood.npy", EMBEDDING)
    goal_agent().save_pretrained(folder / "goals")
    VPTAgent(small_policy()).save_pretrained(folder / "plain")
    return folder


def chosen(*words: object) -> ChosenGoal | None:
    return tyro.cli(GoalArgs, args=[str(word) for word in words]).chosen()


def test_a_file_holds_an_embedding(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", EMBEDDING.astype(np.float64)[None])  # as MineCLIP's encode_video returns it
    goal = chosen("--goal", tmp_path / "a.npy")
    assert goal is not None
    assert np.array_equal(goal.embedding, EMBEDDING)
    assert goal.guidance == 7.0
    assert [chosen("--goal", tmp_path / "a.npy", "--guidance", s).guidance for s in ("0", "2.5")] == [None, 2.5]


def test_none_is_a_choice_and_nothing_is_not() -> None:
    assert chosen() is None
    goal = chosen("--goal", "none")
    assert (goal.embedding, goal.guidance, goal.provenance) == (None, None, {"name": "none"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"goal": "chop a tree"}, r"'chop a tree' is a text: give MineCLIP's weights too \(--mineclip attn.pth"),
        ({"goal": " "}, "--goal is empty"),
        ({"guidance": 6.0}, "--guidance and --mineclip go with --goal"),
        ({"mineclip": Path("attn.pth")}, "--guidance and --mineclip go with --goal"),
        ({"goal": "a.npy", "guidance": -1.0}, "--guidance is -1.0"),
        ({"goal": "a.npy", "guidance": float("nan")}, "--guidance is nan"),
        ({"goal": "none", "guidance": 6.0}, "--goal none has none"),
        ({"goal": "a.npy", "mineclip": Path("attn.pth")}, "--mineclip is for a goal in words"),
        ({"goal": __file__}, r"is a file, but not a \.npy file"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GoalArgs(**options)


def test_a_file_that_holds_no_goal_is_named_and_nothing_in_it_is_executed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.npy"):
        chosen("--goal", tmp_path / "absent.npy")
    np.save(tmp_path / "rows.npy", np.zeros((3, SIZE), np.float32))
    np.save(tmp_path / "whole.npy", np.zeros(SIZE, np.int64))
    np.save(tmp_path / "objects.npy", np.array([print], object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("chop a tree")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.savez(tmp_path / "archive.npz", EMBEDDING)
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    (tmp_path / "archive_cut.npy").write_bytes((tmp_path / "archive.npy").read_bytes()[:60])
    for name, shape in (("huge", f"({1 << 40},)"), ("deep", "(" * 300 + "1" + ",)" * 300), ("negative", "(-1,)")):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
        (tmp_path / f"{name}.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    damaged = ("empty", "archive", "archive_cut", "huge", "deep", "negative")
    for name in ("rows", "whole", "objects", "text", *damaged):
        with pytest.raises(GoalError, match=rf"{name}\.npy holds no goal: "):
            chosen("--goal", tmp_path / f"{name}.npy")
    torch.save(GoalPrior(8, 8, 8).state_dict(), tmp_path / "prior.pt")
    with pytest.raises(FileNotFoundError, match=r"attn\.pth"):  # MineCLIP's
        chosen("--goal", "wood", "--mineclip", tmp_path / "attn.pth", "--goal-prior", tmp_path / "prior.pt")


def test_an_agent_gets_the_goal_or_an_error(saved: Path) -> None:
    goal = chosen("--goal", saved / "wood.npy", "--guidance", "3")
    agent = load_agent(str(saved / "goals"), goal=goal)
    assert np.array_equal(agent.goal, EMBEDDING[None])
    assert agent.guidance == 3.0
    without = load_agent(str(saved / "goals"), goal=chosen("--goal", "none"))
    assert not without.goal.any()
    assert without.guidance is None
    for load in (load_agent, lambda name, **kwargs: make_player([name], **kwargs)):
        with pytest.raises(GoalError, match=r"acts on goals \(its config has goal_size 6\) and has none.*--goal"):
            load(str(saved / "goals"))
        with pytest.raises(GoalError, match=r"takes no goals .*: leave --goal .*wood\.npy' out"):
            load(str(saved / "plain"), goal=goal)
    with pytest.raises(GoalError, match=r"does not fit .*goals: a goal must have the shape \(6,\)"):
        give_goal(agent, ChosenGoal("x", np.zeros(5, np.float32), None), "goals")
    with pytest.raises(ValueError, match="is no agent; leave it out"):
        make_player(["vpt_gym.world.experts.play:LogExpert"], goal=goal)


def test_demos_and_results_name_the_goal(saved: Path) -> None:
    goal = chosen("--goal", saved / "wood.npy")
    recording = Recording(saved / "demos", expert=(str(saved / "goals"),), goal=goal, precision="fp32")
    provenance = recording.provenance["goal"]
    assert provenance["guidance"] == 7.0
    other = ChosenGoal(goal.name, EMBEDDING + 1.0, 7.0)
    assert replace(recording, goal=other).provenance["goal"]["embedding"] != provenance["embedding"]
    assert "goal" not in replace(recording, goal=None).provenance
    assert pickle.loads(pickle.dumps(recording)).provenance == recording.provenance  # sent to the workers

    agent = load_agent(str(saved / "goals"), goal=goal)
    identity = agent_identity(agent)
    agent.set_goal(EMBEDDING, guidance=2.0)
    assert identity["goal"] == agent_identity(agent)["goal"]
    assert (identity["guidance"], agent_identity(agent)["guidance"]) == (7.0, 2.0)
    assert "goal" not in agent_identity(VPTAgent(small_policy()))

    script = load_example("evaluate")
    args = script.Args(model=(str(saved / "goals"),), goal=GoalArgs(goal=str(saved / "wood.npy")))
    loaded = script.load(args, args.model[0], None, args.goal.chosen())
    settings = script.settings_of(args, loaded, args.model[0], EnvArgs(), goal)
    assert settings["goal"] == provenance
    assert np.array_equal(loaded.goal, EMBEDDING[None])


def test_an_agent_on_a_cluster_keeps_its_goal(saved: Path) -> None:
    agent = load_agent(str(saved / "goals"), goal=chosen("--goal", saved / "wood.npy"))
    copied = pickle.loads(pickle.dumps(_copied(agent, "cpu"))).make()
    assert np.array_equal(copied.goal, agent.goal)
    assert copied.guidance == 7.0


def test_the_viewer_compares_with_the_agent_and_its_goal(saved: Path, tmp_path: Path) -> None:
    demo = read_demo(write_counter_demo(tmp_path, ticks=5))
    agent = goal_agent()
    with pytest.raises(GoalError, match="acts on goals"):
        Predictions(agent.policy, "mine")
    goals = {"file": chosen("--goal", saved / "wood.npy"), "none": chosen("--goal", "none")}
    found = {}
    for name, goal in goals.items():
        viewer = Predictions(agent.policy, "mine", goal=goal)
        while isinstance(prediction := viewer.poll(demo, "unchanged"), int):
            time.sleep(0.01)
        viewer.close()
        found[name] = prediction
    plain = predict(agent.policy, demo)  # a goal of zeros
    np.testing.assert_allclose(found["none"].nll, plain.nll, rtol=1e-4)
    assert np.abs(found["file"].nll - plain.nll).max() > 1e-2


def test_what_gives_no_goals_refuses_a_policy_that_acts_on_them(tmp_path: Path) -> None:
    agent, plain = goal_agent(), VPTAgent(small_policy())
    path = write_counter_demo(tmp_path, ticks=20)
    options = TrainArgs(seq_len=4, batch_size=2, order="carried", mirror=False)
    dataset = make_dataset((path,), replace(options, batch_size=1), seed=0)

    class Envs(gym.vector.VectorEnv[Any, Any, Any]):
        num_envs, metadata = 1, {"autoreset_mode": AutoresetMode.NEXT_STEP}

    refusals = {
        "BCTrainer": lambda: BCTrainer(agent.policy, dataset, options),
        "RolloutCollector": lambda: RolloutCollector(agent.policy, Envs(), seed=0),
        r"distillation \(to the student\)": lambda: DistillationCollector(agent, plain, Envs(), chunk=4, seed=0),
        "distillation from demos": lambda: DemoReader(plain, agent, dataset),
    }
    for name, use in refusals.items():
        with pytest.raises(
            ValueError, match=rf"acts on goals \(its config has goal_size 6\), and {name} gives it none"
        ):
            use()


def test_commands_name_the_mistake(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_counter_demo(tmp_path, ticks=3)
    assert main(["view", str(tmp_path), "--agent", str(saved / "goals")]) == 1
    assert "acts on goals (its config has goal_size 6) and has none" in capsys.readouterr().err
    assert main(["view", str(tmp_path), "--goal", "none"]) == 1
    assert "--goal 'none' is for an agent, and there is none" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["play", "--agent", str(saved / "goals"), "--goal", "chop a tree"])
    assert "--mineclip attn.pth" in " ".join(capsys.readouterr().err.replace("│", " ").split())
