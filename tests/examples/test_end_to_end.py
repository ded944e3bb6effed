"""The end-to-end example with seconds of training: every step runs, every promised file is there."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import imageio.v3 as iio
import pytest

from tests.support.example_scripts import load_example
from tests.support.paths import ROOT
from tests.support.python_processes import output_of, start
from vpt_gym import VPTAgent
from vpt_gym.collect.seeds import SEEDS
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.learning.logging import read_metrics
from vpt_gym.learning.runs.args import RunArgs
from vpt_gym.learning.runs.directory import RunError
from vpt_gym.learning.runs.run import Run

SCRIPT = ROOT / "examples" / "end_to_end.py"


def test_it_leaves_a_table_a_video_curves_demos_and_checkpoints(tmp_path):
    out = tmp_path / "demo"
    (out / "precious").mkdir(parents=True)
    printed = output_of(SCRIPT, "--preset", "smoke", "--out", out, fresh=True)
    assert "harvest_1_log in unseen worlds" in printed
    assert "DAgger 1" in printed

    results = json.loads((out / "results.json").read_text())
    assert [row["method"] for row in results["rows"]] == ["before", "BC", "DAgger 1"]
    for row in results["rows"]:
        for level in ("easy", "default"):
            cell = row[level]
            assert cell["wilson95"] == list(wilson_interval(cell["successes"], cell["episodes"]))
            assert all(seed in SEEDS["evaluation"] for seed in cell["seeds"])
    assert [row["frames"] > 0 for row in results["rows"]] == [False, True, True]
    assert results["rows"][2]["frames"] > results["rows"][1]["frames"]
    assert results["evaluation"]["default"]["successes"] == results["rows"][2]["default"]["successes"]
    assert results["demos"]["trained"] == results["rows"][2]["demos"]
    assert results["frames"] == results["rows"][2]["frames"]

    recorded = [list_demos(out / f"demos_{level}") for level in ("easy", "default")]
    assert sum(map(len, recorded)) == results["settings"]["demos"]
    assert min(map(len, recorded)) > 0
    rounds = [list_demos(out / f"round_1_{level}") for level in ("easy", "default")]
    assert sum(map(len, rounds)) == results["settings"]["dagger_episodes"]
    for name in ("agent_before", "agent_bc", "agent_1", "agent"):
        VPTAgent.from_pretrained(out / name)
    for picture in ("results.png", "curves.png"):
        assert iio.imread(out / picture).std() > 10
    assert iio.imread(out / "results.png").shape != iio.imread(out / "curves.png").shape, "one replaced the other"
    assert iio.imread(out / "agent.mp4", plugin="pyav").shape[1:] == (144, 256, 3)

    (aside,) = (path for path in tmp_path.iterdir() if path != out)
    assert (aside / "precious").is_dir(), "an earlier run is moved aside, not deleted"


def test_a_second_process_leaves_the_run_of_the_first_alone(tmp_path):
    script = load_example("end_to_end")
    args = script.Args(model="no/such/agent", run=RunArgs(out=tmp_path / "demo", tensorboard=False))
    first = Run("end_to_end", args)
    with pytest.raises(RunError, match="another process is writing"):
        script.main(args)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    first.close("interrupted")


def written(out: Path) -> dict[str, int]:
    """When the video of each demo was written, by the demo's id."""
    demos = [read_demo(path) for level in ("easy", "default") for path in list_demos(out / f"demos_{level}")]
    return {demo.id: demo.files.video.stat().st_mtime_ns for demo in demos}


def test_after_a_kill_it_continues_with_the_next_step(tmp_path):
    out = tmp_path / "demo"
    process = start(SCRIPT, "--preset", "smoke", "--out", out)
    while not (out / "round_1_easy").exists():  # cloning is done
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    recorded = written(out)
    assert len(recorded) == 2
    printed = output_of(SCRIPT, "--resume", out)
    assert "recording" not in printed
    assert written(out) == recorded
    rows = json.loads((out / "results.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["before", "BC", "DAgger 1"]
    steps = [entry["step"] for entry in read_metrics(out / "metrics.jsonl")]
    assert steps == sorted(set(steps))
    assert steps[-1] == rows[-1]["updates"]
