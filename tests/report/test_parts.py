"""The parts of a report: rows of results, thinned curves, embedded media."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.written_run import write_run
from vpt_gym.learning.evaluate import wilson_interval
from vpt_gym.report.curves import chart_data, thin_out
from vpt_gym.report.media import embed, relative_url
from vpt_gym.report.record import Point, read_runs
from vpt_gym.report.results import SuccessRate, rows_of


def test_summaries_become_rates_and_other_leaves_rows() -> None:
    results = {
        "after BC": {"easy": {"successes": 3, "episodes": 4, "rate": 0.75, "results": [{"seed": 1}]}},
        "best": {"step": 12345, "loss": 0.123456},
        "note": "x" * 300,
        "machine": {"cores": 2},
        "episodes": [1, 2],
        "stopped": True,
        "nothing": None,
    }
    rows = dict(rows_of(results))
    rate = rows["after BC · easy"]
    assert isinstance(rate, SuccessRate)
    assert (rate.rate, rate.interval) == (0.75, wilson_interval(3, 4))
    assert (rows["best · step"], rows["best · loss"], rows["stopped"]) == ("12,345", "0.1235", "true")
    assert len(str(rows["note"])) == 201
    assert not {"episodes", "nothing", "machine · cores"} & set(rows)


def test_the_rates_in_a_list_are_rows_named_by_number_and_text() -> None:
    rate = {"successes": 1, "episodes": 2}
    rounds = [{"round": 1, "loss": 0.5, "validation": rate}, {"method": "DAgger", "easy": rate}, rate, 5]
    assert [name for name, _ in rows_of({"rounds": rounds})] == [
        "rounds · 1 · validation",
        "rounds · 2 DAgger · easy",
        "rounds · 3",
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"successes": 5, "episodes": 4},
        {"successes": 0, "episodes": 0},
        {"successes": "1"},
        {"successes": 10**400, "episodes": 10**400},
    ],
)
def test_impossible_counts_are_shown_as_they_are(value: dict[str, object]) -> None:
    assert not any(isinstance(row, SuccessRate) for _, row in rows_of({"a": value}))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(4, 60))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(values: list[float], limit: int) -> None:
    points = [Point(float(k), None, value) for k, value in enumerate(values)]
    kept = thin_out(points, limit)
    assert len(kept) <= limit
    assert kept == sorted(set(kept))
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert {min(values), max(values)} <= {point.value for point in kept}
    if len(points) <= limit:
        assert kept == points


def test_charts_are_sorted_by_group_and_have_the_curves_of_all_runs(tmp_path: Path) -> None:
    runs = read_runs([write_run(tmp_path / "a", entries=5), write_run(tmp_path / "b", entries=10)])
    charts = chart_data(runs)["charts"]
    assert [chart["name"] for chart in charts] == ["train/loss", "train/lr", "validation/loss"]
    assert [curve["run"] for curve in charts[0]["curves"]] == [0, 1]
    assert charts[2]["curves"] == [{"run": 1, "step": [10.0], "seconds": [5.0], "value": [2.21096]}]


def test_a_thinned_curve_is_smoothed_by_the_means_of_all_values(tmp_path: Path) -> None:
    values = [100.0 if k % 50 == 7 else 0.0 for k in range(5000)]  # 2 on average; the extremes are 0 and 100
    lines = [json.dumps({"step": k, "a": value}) + "\n" for k, value in enumerate(values)]
    (write_run(tmp_path / "run", entries=1) / "metrics.jsonl").write_text("".join(lines))
    (chart,) = chart_data(read_runs([tmp_path / "run"]))["charts"]
    (curve,) = chart["curves"]
    lengths = np.diff([-1, *curve["step"]])  # of the values of each mean
    assert lengths.sum() == 5000
    assert np.average(curve["mean"], weights=lengths) == pytest.approx(2.0, rel=1e-3)
    assert np.mean(curve["value"]) > 10


def test_the_smallest_files_are_embedded_and_a_gif_of_an_embedded_video_is_left_out(tmp_path: Path) -> None:
    sizes = {"a.gif": 10, "a.mp4": 500, "b.gif": 30, "b.mp4": 2000, "c.png": 100, "empty.png": 0}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    shown = {medium.path.name: medium.source for medium in embed(sorted(tmp_path.iterdir()), 700)}
    assert list(shown) == ["a.mp4", "b.gif", "b.mp4", "c.png", "empty.png"]
    assert [name for name, source in shown.items() if source is None] == ["b.mp4", "empty.png"]
    assert str(shown["a.mp4"]).startswith("data:video/mp4;base64,eHh4")


def test_an_address_is_a_relative_path_whatever_the_name(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "report.html"
    assert relative_url(tmp_path / "runs" / "a b", page) == "../runs/a%20b"
    assert relative_url(page.parent / 'javascript:alert(1)"<', page) == "javascript%3Aalert%281%29%22%3C"
