"""The tables of docs/frame-costs.md follow from the benchmarks' results."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def costs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("frame_costs", ROOT / "docs" / "frame_costs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["frame_costs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 seconds"),
        (90, "1.5 minutes"),
        (86_399, "24 hours"),
        (86_400, "1.0 days"),
        (4e8, "13 years"),
        (4e12, "126,752 years"),
    ],
)
def test_times_are_in_readable_units(costs: ModuleType, seconds: float, words: str) -> None:
    assert costs.duration(seconds) == words


def test_every_job_is_computed_from_its_measurement(costs: ModuleType) -> None:
    measured = costs.read_results()
    jobs = {job.name: job for job in costs.jobs(measured)}
    rate = measured["ppo"]["ppo"]
    assert jobs["PPO with nano, image network frozen, world included"].rate == rate
    row = next(line for line in costs.time_table(measured).splitlines() if line.startswith("| PPO"))
    assert costs.duration(10**8 / rate) in row
    assert all(job.rate > 0 and job.source in measured for job in jobs.values())


def test_more_environments_are_compared_with_one(costs: ModuleType) -> None:
    rates = {"playing": {"1": 250.0, "16": 500.0}, "cloning": {"1": 1000.0, "2": 1500.0}}
    scaling = {
        "model": "nano-foundation, int8",
        "machine": {"cores": 2, "processor": "EPYC"},
        **{
            job: {
                n: {"frames_per_second": rate, "seconds_per_million_frames": round(1e6 / rate)}
                for n, rate in found.items()
            }
            for job, found in rates.items()
        },
    }
    table = costs.scaling_table({"scaling": scaling})
    assert "| play with nano-foundation, int8, world included | 16 environments | 500 | 2.00 | 33 minutes |" in table
    assert "| clone with nano, bf16 | 2 processes | 1,500 | 1.50 | 11 minutes |" in table
    assert "python -m benchmarks scaling" in costs.scaling_table({})


def test_the_page_shows_the_tables(costs: ModuleType) -> None:
    page = (ROOT / "docs" / "frame-costs.md").read_text(encoding="utf-8")
    measured = costs.read_results()
    shown = costs.insert_tables(page, measured)
    assert "<!--" not in shown
    assert costs.time_table(measured) in shown
    assert costs.space_table(measured) in shown
    assert costs.scaling_table(measured) in shown
