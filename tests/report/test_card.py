"""What the run that trained an agent says about it on the agent's card."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.written_run import write_run
from vpt_gym.hub import SuccessRate
from vpt_gym.report.card import about_of_run

EASY = 'vpt_gym/Harvest1Log-v0 {"level": "easy"}'


@pytest.mark.parametrize(
    ("args", "environment", "shown"),
    [
        ({"env": {"id": "vpt_gym/Harvest1Log-v0", "kwargs": None}}, EASY, f"`{EASY}`"),
        (
            {"env": {"id": "vpt_gym/Harvest1Log-v0", "kwargs": None}, "more_envs": ["vpt_gym/Harvest1Dirt-v0"]},
            f"{EASY}, vpt_gym/Harvest1Dirt-v0",
            f"`{EASY}` and `vpt_gym/Harvest1Dirt-v0`",
        ),
        ({"env": {"id": "Mine-v3", "kwargs": '{"size": 2}'}}, 'Mine-v3 {"size": 2}', '`Mine-v3 {"size": 2}`'),
    ],
)
def test_a_success_rate_names_all_environments_and_their_arguments(
    tmp_path: Path, args: dict[str, object], environment: str, shown: str
) -> None:
    run = write_run(tmp_path / "run", results={"evaluation": {"successes": 34, "episodes": 40}}, args=args)
    (run / "agent").mkdir()
    about = about_of_run(run / "agent")
    assert about.success == SuccessRate(34, 40, environment)
    assert f"95 % interval 71% to 93%) in {shown}." in about.figures


def test_figures_are_those_of_the_agent_not_of_moments_in_the_training(tmp_path: Path) -> None:
    rate = {"successes": 34, "episodes": 40}
    before = [{"method": "before", "easy": {"successes": 7, "episodes": 40}}]
    results = {"rows": before, "evaluation": {"easy": rate, "default": {**rate, "successes": 33}}}
    run = write_run(tmp_path / "run", results=results, args={"env": {"id": "vpt_gym/Harvest1Log-v0", "kwargs": None}})
    (run / "agent").mkdir()
    about = about_of_run(run / "agent")
    assert about.figures.startswith("evaluation · easy: success in 34 of 40 episodes (85%, ")
    assert "evaluation · default: success in 33 of 40" in about.figures
    assert "7 of 40" not in about.figures
    assert about.success is None  # the Hub shows one rate


def test_rates_that_are_named_otherwise_are_all_given(tmp_path: Path) -> None:
    rate = {"successes": 34, "episodes": 40}
    run = write_run(tmp_path / "run", results={"start": {**rate, "successes": 7}, "after PPO": rate})
    (run / "agent").mkdir()
    assert "start: success in 7 of 40" in about_of_run(run / "agent").figures
    assert "after PPO: success in 34 of 40" in about_of_run(run / "agent").figures


def test_results_of_a_run_that_goes_on_are_not_those_of_its_agent(tmp_path: Path) -> None:
    results = {"evaluation": {"successes": 34, "episodes": 40}, "frames": 512}
    run = write_run(tmp_path / "run", results=results, args={"env": {"id": "vpt_gym/Harvest1Log-v0"}}, state="running")
    (run / "agent").mkdir()
    about = about_of_run(run / "agent")
    assert (about.success, about.figures, about.data) == (None, "", "")
    assert "examples/bc.py" in about.recipe
