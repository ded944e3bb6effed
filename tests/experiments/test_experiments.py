"""The cells of docs/results.md and its tables."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.__main__ import RESULTS, course_of, ran_here, result_of, run, to_run
from experiments.cells import CELLS, CONTRASTS, QUICK_CELLS, Cell
from experiments.outcomes import bootstrap_interval, gains, interval_text
from experiments.tables import (
    TABLES,
    contrast_table,
    distil_table,
    few_demos_table,
    fresh_worlds_table,
    ppo_course_table,
    ppo_table,
    with_tables,
)
from experiments.targets import targets_table
from tests.support.example_scripts import load_example
from tests.support.paths import ROOT


def test_cells_run_in_an_order_in_which_what_they_need_is_done():
    done = set()
    for cell in (*CELLS, *QUICK_CELLS):
        assert cell.needs <= done, f"{cell.id} needs {cell.needs - done}"
        assert cell.id not in done
        done.add(cell.id)


def test_every_command_of_a_cell_is_a_script_of_the_repository():
    for cell in (*CELLS, *QUICK_CELLS):
        for command in cell.commands:
            assert (ROOT / command[0]).is_file(), command
            assert "--out" in command
            assert not any("$" in word for word in command), command


def test_the_scripts_know_every_option_of_a_cell(monkeypatch):
    """An option that was renamed would be found hours later, in the cell that uses it."""
    commands = [command for cell in (*CELLS, *QUICK_CELLS) for command in cell.commands]
    by_options = {(command[0], *(word for word in command if word.startswith("--"))): command for command in commands}
    for command in by_options.values():
        script = load_example(Path(command[0]).stem)
        if hasattr(script, "parse"):
            arguments = script.parse(script.Args, command[1:])
        else:
            monkeypatch.setattr(sys, "argv", command)
            arguments = script.read_command_line(script.Args)
        assert isinstance(arguments, script.Args)


@pytest.mark.parametrize("page", TABLES)
def test_the_tables_of_a_page_are_those_of_the_stored_results(page):
    results = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / RESULTS).glob("*.json"))}
    text = (ROOT / page).read_text()
    assert with_tables(page, text, results) == text, "run python -m experiments --tables"


def test_a_table_shows_each_seed_and_the_interval_over_all():
    def cell(seed: int, successes: list[bool]) -> dict:
        evaluation = {
            "successes": sum(successes),
            "episodes": len(successes),
            "rate": sum(successes) / len(successes),
            "per_episode": [{"success": success} for success in successes],
        }
        row = {"method": "BC", "demos": 50, "frames": 1000, "easy": evaluation}
        return {"cell": "demo", "seed": seed, "results": {"rows": [row]}}

    results = {"demo-0": cell(0, [True] * 10), "demo-1": cell(1, [True] * 5 + [False] * 5)}
    text = "before\n<!-- table demo -->\nold\n<!-- end -->\nafter"
    made = with_tables("README.md", text, results)
    assert "| BC | easy | 50 | 1,000 | 10/10, 5/10 | 75.0% |" in made
    assert made.startswith("before\n")
    assert made.endswith("\nafter")
    assert "old" not in made
    with pytest.raises(ValueError, match=r"README\.md has no <!-- table demo -->"):
        with_tables("README.md", "nothing", results)


def test_the_rise_by_ppo_is_counted_world_by_world():
    def evaluation(successes: list[bool]) -> dict:
        episodes = [{"success": success} for success in successes]
        return {"successes": sum(successes), "episodes": len(successes), "per_episode": episodes}

    def cell(name: str, after: list[bool]) -> dict:
        figures = {"start": evaluation([True, False] * 10), "ticks": 307_200, "train_seconds": 1500.0}
        return {"cell": name, "seed": 0, "results": {**figures, "after PPO": evaluation(after)}}

    lines = ppo_table({"ppo-0": cell("ppo", [True] * 20), "other": cell("ppo-without-kl", [True, False] * 10)})
    start, ppo, without = lines.split("\n")[2:]
    assert start.startswith("| start: BC on 5 demos | | | 10/20 |")
    assert ppo.startswith("| PPO | 307,200 | 25 | 20/20 | 84% to 100% | +50% |")
    assert without.endswith("| +0% | 0% to 0% |")  # in every world as before


def test_the_course_of_a_training_is_read_from_its_metrics(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = Cell("ppo-foundation", 0, ("examples/ppo.py --out $out",), course="rollout/success")
    cell.directory.mkdir(parents=True)
    entries = [{"step": step, "time/ticks": 2048.0 * step, "rollout/success": step / 200} for step in range(2, 151)]
    lines = [json.dumps(entry) + "\n" for entry in ({"step": 1, "time/ticks": 2048.0}, *entries)]
    (cell.directory / "metrics.jsonl").write_text("".join(lines))
    course = course_of(cell)
    assert course[0] == (20_480, 0.05)
    assert [ticks for ticks, _ in course] == [20_480 * k for k in range(1, 16)]
    table = ppo_course_table({"ppo-foundation-0": {"cell": "ppo-foundation", "course": course}})
    assert table.endswith("| PPO, from `nano-foundation` | 5% | 15% | 25% | 50% | 75% |")


def test_the_table_of_distillation_has_teacher_and_student():
    played = {"successes": 9, "episodes": 10}
    figures = {"teacher": played, "student": {**played, "successes": 8}}
    figures |= {"teacher_parameters": 4_600_000, "student_parameters": 1_900_000}
    figures |= {"acting_seconds": {"teacher": 0.003, "student": 0.0019}}
    lines = distil_table({"distil-1": {"cell": "distil", "seed": 1, "results": figures}}).split("\n")[2:]
    assert lines == [
        "| teacher | 4,600,000 | 3.0 ms | 9/10 | 60% to 98% |",
        "| student | 1,900,000 | 1.9 ms | 8/10 | 49% to 94% |",
    ]


def test_a_stored_result_is_of_a_known_cell_its_commands_and_a_commit():
    commands = {cell.id: cell.commands for cell in (*CELLS, *QUICK_CELLS)}
    for path in (ROOT / RESULTS).glob("*.json"):
        stored = json.loads(path.read_text())
        assert stored["commands"] == commands.get(path.stem), f"remove {path}, or run it again"
        assert not stored["git"]["changed"], f"{path} is of no commit: run it again without uncommitted changes"


def test_a_result_of_other_commands_does_not_count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell = CELLS[0]
    assert result_of(cell) is None
    RESULTS.mkdir(parents=True)
    (RESULTS / f"{cell.id}.json").write_text(json.dumps({"commands": cell.commands}))
    assert result_of(cell) is not None
    (RESULTS / f"{cell.id}.json").write_text(json.dumps({"commands": [["examples/other.py"]]}))
    assert result_of(cell) is None


@pytest.fixture
def two_cells(tmp_path, monkeypatch):
    """Two cells in an empty folder; the second uses the directory of the first. Each appends a line to a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "write.py").write_text(
        "import sys; from pathlib import Path; out = Path(sys.argv[2]); out.mkdir(parents=True, exist_ok=True)\n"
        "with (out / 'lines').open('a') as file: file.write('line\\n')\n"
    )
    first = Cell("first", 0, ("write.py --out $out",), results=None)
    return first, Cell("second", 0, ("write.py --out $out --with $(first)",), results=None)


def test_what_a_cell_needs_runs_again_where_its_directory_is_missing(two_cells):
    first, second = two_cells
    assert to_run(two_cells, {"second-0"}) == [first, second]
    run(first)
    assert ran_here(first)
    assert to_run(two_cells, {"second-0"}) == [second]
    shutil.rmtree(first.directory)  # its result is stored, as in a fresh clone
    assert to_run(two_cells, {"first-0"}) == []
    assert to_run(two_cells, {"first-0", "second-0"}) == [first, second]
    run(first)
    run(second)
    assert to_run(two_cells, {"first-0", "second-0"}) == []
    assert to_run(two_cells, {"second-0"}, again=True) == []


def test_a_directory_of_other_commands_is_not_continued(two_cells):
    first, _ = two_cells
    run(first)
    changed = Cell("first", 0, ("write.py --out $out --more",), results=None)
    assert not ran_here(changed)
    with pytest.raises(SystemExit, match="other commands: move it away"):
        run(changed)
    assert (first.directory / "lines").read_text() == "line\n"


def test_the_interval_is_that_of_a_normal_mean_where_worlds_are_many():
    outcomes = np.random.default_rng(1).random((1, 400)) < 0.3
    low, high = bootstrap_interval(outcomes.tolist())
    mean = outcomes.mean()
    error = 1.96 * (mean * (1 - mean) / 400) ** 0.5
    assert low == pytest.approx(mean - error, abs=0.01)
    assert high == pytest.approx(mean + error, abs=0.01)


def test_a_training_that_differs_by_seed_widens_the_interval():
    alike = bootstrap_interval([[1, 0] * 50] * 3)
    different = bootstrap_interval([[1] * 100, [1, 0] * 50, [0] * 100])
    assert different[0] < alike[0] < 0.5 < alike[1] < different[1]
    assert bootstrap_interval([[1] * 10] * 3) == (1.0, 1.0)


def test_an_interval_that_begins_just_below_0_has_no_minus():
    assert interval_text([[0.0] * 100 + [-0.001]]) == "0% to 0%"


@pytest.mark.parametrize("outcomes", [[], [[]], [[1, 0], [1]]])
def test_outcomes_that_are_no_table_are_refused(outcomes):
    with pytest.raises(ValueError, match="the same worlds"):
        bootstrap_interval(outcomes)


def stored(name: str, successes: list[bool], seed: int = 0, script: str = "bc") -> dict:
    """A result as the script stores it."""
    episodes = [{"success": success} for success in successes]
    played = {"successes": sum(successes), "episodes": len(successes), "rate": sum(successes) / len(successes)}
    if script == "evaluate":
        figures = {"worlds": "evaluation", "evaluations": {"Harvest1Log-v0": {**played, "results": episodes}}}
    else:
        played["per_episode"] = episodes
        figures = {"evaluation": played} if script == "bc" else played
    return {"cell": name, "seed": seed, "results": figures}


def test_success_by_number_of_demos_has_a_row_for_each_learner():
    cells = {
        "zero-shot-0": stored("zero-shot", [True, False], script="evaluate"),
        "bc-5-foundation-0": stored("bc-5-foundation", [True, True]),
        "bc-5-foundation-1": stored("bc-5-foundation", [False, False], seed=1),
        "bc-5-foundation-2": stored("bc-5-foundation", [True, False], seed=2),
        "bc-5-scratch-0": stored("bc-5-scratch", [False, True]),
        "bc-20-scratch-0": stored("bc-20-scratch", [False, False]),
        "nearest-20-0": stored("nearest-20", [True, True], script="nearest_neighbour"),
    }
    assert few_demos_table(cells).split("\n") == [
        "| demos | 0 | 5 | 20 |",
        "|---|---:|---:|---:|",
        "| BC of fresh weights, 1,500 updates |  | 50% (9% to 91%, 1 of 3 seeds) | 0% (0% to 66%, 1 of 3 seeds) |",
        "| BC of `nano-foundation`, 600 updates | 50% (9% to 91%, 1 of 3 seeds) | 50% (0% to 100%) |  |",
        "| nearest neighbour in its latents, no training |  |  | 100% (34% to 100%, 1 of 3 seeds) |",
        "| 600 updates of `nano-foundation` less as it is | | +50% (0% to 100%, 1 of 3 seeds) |  |",
        "| 600 updates of `nano-foundation` less 1,500 of fresh weights | | +50% (0% to 100%, 1 of 3 seeds) |  |",
    ]


def test_each_agent_in_fresh_worlds_has_a_row_and_what_rounds_gain_is_counted_world_by_world():
    def played(agent, level, successes):
        results = [{"success": world < successes} for world in range(4)]
        return {
            "agent": f"runs/results/{agent}", "env_kwargs": {"level": level}, "successes": successes,
            "episodes": 4, "rate": successes / 4, "results": results,
        }  # fmt: skip

    agents = ["demo-0/agent_bc", "bc-100-foundation-0/agent", "demo-0/agent_2", "more-rounds-0/agent"]
    default = dict(zip(agents, (0, 1, 4, 3), strict=True))
    evaluations = {
        f"{agent} {level}": played(agent, level, 4 if level == "easy" else default[agent])
        for agent in agents
        for level in ("easy", "default")
    }
    cells = {"fresh-worlds-0": {"cell": "fresh-worlds", "seed": 0, "results": {"evaluations": evaluations}}}
    rows = fresh_worlds_table(cells).split("\n")[2:]
    perfect, none = "4/4 | 100.0% | 51% to 100%", "0/4 | 0.0% | 0% to 49%"
    assert rows[0] == f"| BC, 50 demos of both levels, 600 updates | {perfect} | {none} |"
    assert [row.split(" | ")[-3] for row in rows[:4]] == ["0/4", "1/4", "4/4", "3/4"]
    assert "| +100% (100% to 100%, 1 of 3 seeds) | | |" in rows[4]
    assert "| -25% (-75% to 0%, 1 of 3 seeds) | | |" in rows[5]


def test_only_evaluations_of_the_same_worlds_are_compared():
    ours, theirs = ({"per_episode": [{"seed": seed, "success": True}]} for seed in (0, 50))
    assert gains(ours, ours) == [0.0]
    with pytest.raises(ValueError, match=r"other worlds: \[0\].*\[50\]"):
        gains(ours, theirs)


def test_a_contrast_is_shown_where_the_interval_of_the_difference_is_above_0():
    results = {}
    for contrast in CONTRASTS:
        results[f"{contrast.pretrained}-0"] = stored(contrast.pretrained, [True] * 30 + [False] * 20)
        results[f"{contrast.fresh}-0"] = stored(contrast.fresh, [False] * 50)
    results[f"{CONTRASTS[2].fresh}-0"] = stored(CONTRASTS[2].fresh, [True] * 29 + [False] * 21)
    rows = contrast_table(results).split("\n")[2:]
    assert rows[1].startswith("| 10 demos, 300 updates | 30/50 | 0/50 | +60% |")
    assert [row.endswith("| yes |") for row in rows] == [True, True, False]


def test_a_target_is_reached_by_its_figure_and_a_difference_only_above_0():
    stored_text = {path.stem: path.read_text() for path in RESULTS.glob("*.json")}
    perfect = {
        name: json.loads(text.replace('"success": false', '"success": true')) for name, text in stored_text.items()
    }
    failed = {
        name: json.loads(text.replace('"success": true', '"success": false')) for name, text in stored_text.items()
    }
    rows = [targets_table(results).split("\n")[2:] for results in (perfect, failed)]
    assert [row.split(" | ")[-1] for row in rows[0]] == [
        f"{word} |" for word in ("yes", "yes", "no", "no", "yes", "yes")
    ]
    assert {row.split(" | ")[-1] for row in rows[1][:-1]} == {"no |"}
    assert "100% | 100% to 100%" in rows[0][0]
    assert "+0% | 0% to 0%" in rows[0][2]


def test_every_contrast_is_between_cells_of_the_quick_run():
    names = {cell.name for cell in QUICK_CELLS}
    for contrast in CONTRASTS:
        assert {contrast.pretrained, contrast.fresh} <= names
