"""Metrics on disk and the pictures drawn from them."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import imageio.v3 as iio
import matplotlib
import pytest

from vpt_gym.learning.curves import plot_curves, plot_metrics
from vpt_gym.learning.logging import MetricLogger, read_metrics


def test_entries_come_back_and_a_file_is_continued(tmp_path):
    path = tmp_path / "deep" / "metrics.jsonl"
    with MetricLogger(path) as logger:
        logger.log(step=1, loss=0.5)
    with MetricLogger(path, resume=True) as logger:
        logger.log(step=2, loss=0.25, phase="b")
    assert read_metrics(path) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25, "phase": "b"}]
    with pytest.raises(FileExistsError, match="another run"):
        MetricLogger(path)
    assert len(read_metrics(path)) == 2


def test_what_json_cannot_say_is_refused(tmp_path):
    with MetricLogger(tmp_path / "metrics.jsonl") as logger, pytest.raises(ValueError, match="not JSON compliant"):
        logger.log(success=float("nan"))


def test_what_was_logged_before_a_kill_is_there(tmp_path):
    path = tmp_path / "metrics.jsonl"
    code = f"""
        import os, signal
        from vpt_gym.learning.logging import MetricLogger
        logger = MetricLogger({str(path)!r})
        logger.log(step=1)
        logger.log(step=2)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert [entry["step"] for entry in read_metrics(path)] == [1, 2]
    with path.open("a") as file:
        file.write('{"step": 3, "lo')
    assert [entry["step"] for entry in read_metrics(path)] == [1, 2]


def test_curves_and_bars_become_a_picture(tmp_path):
    path = tmp_path / "curves.png"
    plot_curves(
        path,
        {"loss": {"bc": [(0, 3.0), (10, 1.0)], "empty": []}},
        labels={"loss": ("frames", "nats")},
        bars=[("BC", 25, 50, (0.36, 0.64)), ("DAgger", 50, 50, (0.93, 1.0))],
    )
    picture = iio.imread(path)
    assert picture.shape[0] > 300
    assert picture.shape[1] > 2 * picture.shape[0]
    assert picture.std() > 10


def test_each_bar_is_labelled_with_its_successes_and_episodes(tmp_path):
    path = tmp_path / "curves.svg"
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot_curves(path, {}, labels={}, bars=[("BC", 0, 50, (0.0, 0.07)), ("DAgger", 36, 50, (0.58, 0.83))])
    assert {">0/50<", ">36/50<"} <= set(re.findall(r">[^<>]+<", path.read_text()))


def test_large_numbers_of_steps_do_not_overlap(tmp_path):
    path = tmp_path / "curves.svg"
    points = [(x, 1.0) for x in range(0, 150_001, 10_000)]
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot_curves(path, {"loss": {"BC": points}}, labels={"loss": ("frames", "nats")})
    ticks = [text for text in re.findall(r">([^<>]+)<", path.read_text()) if re.fullmatch(r"[\d.]+k", text)]
    assert ticks == ["40k", "80k", "120k"]


def test_each_metric_of_a_run_has_a_panel(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricLogger(path) as logger:
        for step in range(1, 6):
            logger.log(step=step, seconds=0.5 * step, **{f"train/{name}": step for name in "abcde"})
        logger.log(step=6, seconds=3.0, **{"validation/loss": 1.0})
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot_metrics(path, tmp_path / "curves.svg")
    titles = re.findall(r">(\w+/\w+)<", (tmp_path / "curves.svg").read_text())
    assert titles == ["train/a", "train/b", "train/c", "train/d", "train/e", "validation/loss"]
    path.write_text("")
    with pytest.raises(ValueError, match="no metrics to draw"):
        plot_metrics(path, tmp_path / "none.png")


def test_without_matplotlib_the_install_line_is_given(tmp_path):
    code = """
        import sys
        sys.modules["matplotlib"] = None
        from vpt_gym.learning.curves import plot_curves
        plot_curves("never.png", {}, labels={})
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert 'pip install "vpt-gym[plot]"' in result.stderr


def test_metrics_need_no_matplotlib_and_no_torch(tmp_path):
    code = "import vpt_gym.learning.logging, sys; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("damage", ["{not json}\n", "[" * 5000 + "\n", "9" * 5000 + "\n", "null\n"])
def test_a_damaged_line_inside_is_an_error(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_text(damage + '{"step": 1}\n')
    with pytest.raises(ValueError, match=r"metrics.jsonl, line 1 is damaged \(.*delete the line"):
        read_metrics(path)
