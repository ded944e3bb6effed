"""Computes from stored measurements what large numbers of frames cost; ``docs/frame-costs.md`` shows the tables.

python docs/frame_costs.py
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
COUNTS = (10**6, 10**8, 10**10)
"""Numbers of frames."""
WEEK = 7 * 24 * 3600
"""Seconds of a week."""
UNITS = (("years", 365.25 * 24 * 3600), ("days", 24 * 3600), ("hours", 3600), ("minutes", 60), ("seconds", 1))

Measured = Mapping[str, Any]
"""The content of each file of results, by its name without the suffix."""


@dataclass(frozen=True)
class Job:
    """Something that is done with frames.

    Attributes:
        name: What is done.
        rate: Frames a second on the measured machine, with all its cores.
        source: The file of the measurement.
    """

    name: str
    rate: float
    source: str


def read_results() -> dict[str, Any]:
    """Returns the content of all files of benchmarks."""
    paths = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def jobs(measured: Measured) -> list[Job]:
    """Returns the jobs with their measured speed."""
    recording, agent, training = measured["recording"], measured["agent"]["cpu"], measured["training"]["1x"]
    nano = measured["training"]["nano"]["nano, 8 x T=16, bf16"]
    cores = recording["machine"]["cores"]
    # one process on each core: a tick of the world and the expert, then the recorder's share
    tick_ms = recording["step_ms"]["median"] + recording["recorded"]["overhead_processor_ms"]["median"]
    rows = [Job("record a scripted expert, 160x256", cores * 1000 / tick_ms, "recording")]
    for name, streams, precision in (("nano", 1, "bf16"), ("1x", 8, "int8"), ("2x", 1, "int8"), ("3x", 1, "int8")):
        speed = agent[f"{name}, {streams} stream{'s' * (streams > 1)}"][precision]["frames_per_second"]
        rows.append(Job(f"play with {name}, {precision}, world not included", speed, "agent"))
    rows += [
        Job("clone with nano, bf16", nano["frames_per_second"]["median"], "training"),
        Job("clone with 1x, bf16", training["T=64, bf16"]["frames_per_second"]["median"], "training"),
        Job(
            "clone with 1x, image network frozen",
            training["8 x T=64, image network frozen, its features cached"]["frames_per_second"]["median"],
            "training",
        ),
        Job("PPO with nano, image network frozen, world included", measured["ppo"]["ppo"], "ppo"),
    ]
    return rows


def duration(seconds: float) -> str:
    """Returns a time in the largest unit of which there is at least one, with two digits."""
    name, size = next((unit for unit in UNITS if seconds >= unit[1]), UNITS[-1])
    return f"{_two_digits(seconds / size)} {name}"


def _two_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def time_table(measured: Measured) -> str:
    """Returns the table of times, as Markdown."""
    cores = measured["recording"]["machine"]["cores"]
    head = " | ".join(f"{count:,} frames" for count in COUNTS)
    lines = [
        f"On one machine with {cores} cores of an {measured['recording']['machine']['processor']}:",
        "",
        f"| job | frames/s | {head} | machines for a week | measured in |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for job in jobs(measured):
        times = " | ".join(duration(count / job.rate) for count in COUNTS)
        machines = max(1, -(-COUNTS[-1] // int(job.rate * WEEK)))
        lines.append(f"| {job.name} | {_two_digits(job.rate)} | {times} | {machines:,} | `{job.source}.json` |")
    return "\n".join(lines)


def space_table(measured: Measured) -> str:
    """Returns the table of sizes on the disk, as Markdown."""
    recording = measured["recording"]
    kinds = (("160x256", "recorded"), ("128x128", "recorded_128"), ("160x256, lossless", "recorded_lossless"))
    lines = [
        f"Demos on the disk, videos and records (`recording.json`):\n\n| video | bytes a frame "
        f"| {' | '.join(f'{count:,} frames' for count in COUNTS)} |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, key in kinds:
        size = recording[key]["video_bytes_per_frame"] + recording["jsonl_bytes_per_tick"]
        sizes = " | ".join(f"{_two_digits(size * count / 1e9)} GB" for count in COUNTS)
        lines.append(f"| {name} | {size:,.0f} | {sizes} |")
    return "\n".join(lines)


def scaling_table(measured: Measured) -> str:
    """Returns what more environments and a second process gain, as Markdown."""
    scaling = measured.get("scaling")
    if scaling is None:
        return "Not measured yet: `python -m benchmarks scaling` writes `scaling.json`."
    machine = scaling["machine"]
    lines = [
        f"On one machine with {machine['cores']} cores of an {machine['processor']} (`scaling.json`):",
        "",
        f"| job | together | frames/s | times one | {COUNTS[0]:,} frames |",
        "|---|---:|---:|---:|---:|",
    ]
    for key, job, unit in (
        ("playing", f"play with {scaling['model']}, world included", "environment"),
        ("cloning", "clone with nano, bf16", "process"),
    ):
        for n, found in scaling[key].items():
            rate = found["frames_per_second"]
            times = rate / scaling[key]["1"]["frames_per_second"]
            many = {"1": unit}.get(n, f"{unit}{'es' if unit.endswith('s') else 's'}")
            cost = duration(found["seconds_per_million_frames"])
            lines.append(f"| {job} | {n} {many} | {_two_digits(rate)} | {times:.2f} | {cost} |")
    return "\n".join(lines)


def insert_tables(markdown: str, measured: Measured) -> str:
    """Returns a page with its tables in place of the comments that name them."""
    for name, table in (("time", time_table), ("space", space_table), ("scaling", scaling_table)):
        comment = f"<!-- frame costs: {name} -->"
        if comment in markdown:
            markdown = markdown.replace(comment, table(measured))
    return markdown


if __name__ == "__main__":
    print(*(table(read_results()) for table in (time_table, space_table, scaling_table)), sep="\n\n")
