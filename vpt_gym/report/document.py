"""The page of a report: one HTML file that loads nothing, with its style, its script and its data inside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from vpt_gym._version import __version__
from vpt_gym.report.curves import chart_data
from vpt_gym.report.media import Medium, embed, relative_url
from vpt_gym.report.record import RunRecord
from vpt_gym.report.results import SuccessRate, rows_of
from vpt_gym.system.output_file import check_output_file

GENERATOR = '<meta name="generator" content="vpt-gym report">'
"""A line of every report, by which a file is known to be one."""

COLOURS = 8
"""Number of line colours in the style sheet. Later runs repeat them with dashed lines."""


def write_report(runs: Sequence[RunRecord], page: Path, *, media_bytes: int) -> None:
    """Writes the page.

    Args:
        runs: The runs, in the order of their columns.
        page: The file. An existing report is replaced.
        media_bytes: Maximum bytes of pictures and videos to embed for each run. The others are linked.

    Raises:
        FileExistsError: There is a file of this name that is no report.
        OSError: The file cannot be written.
    """
    check_output_file(page)
    if page.exists() and GENERATOR not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise FileExistsError(f"{page} exists and is not a report; remove it, or write another (--out FILE)")
    partial = page.with_name(page.name + ".partial")
    # names of folders, and texts of JSON, may hold surrogates, which no UTF-8 has
    partial.write_text(_document(runs, page, media_bytes), encoding="utf-8", errors="backslashreplace")
    partial.replace(page)


def _document(runs: Sequence[RunRecord], page: Path, media_bytes: int) -> str:
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; media-src data:; "
        "form-action 'none'; base-uri 'none'"
    )
    title = runs[0].label if len(runs) == 1 else f"{len(runs)} runs"
    written = datetime.now().astimezone().isoformat(" ", "minutes")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
{GENERATOR}
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>{escape(title)} - vpt-gym report</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header><h1>vpt-gym report</h1><p>{escape(title)}, written {written} by vpt-gym {escape(__version__)}</p></header>
<main>
{_runs(runs, page)}
{_results(runs)}
{_curves(runs)}
{_media(runs, page, media_bytes)}
{_settings(runs)}
</main>
<script type="application/json" id="data">{_json({"colours": COLOURS, **chart_data(runs)})}</script>
<script>{script}</script>
</body>
</html>
"""


def _runs(runs: Sequence[RunRecord], page: Path) -> str:
    rows = []
    for number, run in enumerate(runs):
        commit = run.settings.get("git.commit", "")[:10] + (
            " + changes" if run.settings.get("git.changed") == "true" else ""
        )
        state = run.said("state").partition(":")[0] or "unknown"
        cells = [
            f'<label>{_swatch(number)}<input type="checkbox" data-run="{number}" checked> {escape(run.label)}</label>',
            escape(run.said("script")),
            f'<span class="state {"good" if state == "finished" else "bad"}">{escape(state)}</span>',
            escape(run.said("started")[:16].replace("T", " ")),
            escape(_duration(run.seconds)),
            escape(commit),
            f'<a href="{relative_url(run.directory, page)}/">files</a>',
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        if run.notes:
            notes = "".join(f"<li>{escape(note)}</li>" for note in run.notes)
            rows.append(f'<tr class="notes"><td colspan="{len(cells)}"><ul>{notes}</ul></td></tr>')
    head = ["run", "script", "state", "started", "time", "git commit", ""]
    return _section("Runs", _table(head, rows, "runs"))


def _results(runs: Sequence[RunRecord]) -> str:
    columns = [dict(rows_of(run.results)) for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    if not names:
        return ""
    rows = [_row(name, [_result(column.get(name), number) for number, column in enumerate(columns)]) for name in names]
    note = "<p>Bars are Wilson 95 % intervals of the success rate, on a scale from 0 to 100 %.</p>"
    rated = any(isinstance(value, SuccessRate) for column in columns for value in column.values())
    return _section("Results", (note if rated else "") + _table(["", *_headings(runs)], rows, "results"))


def _result(value: SuccessRate | str | None, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return escape(value)
    low, high = (100 * bound for bound in value.interval)
    text = f"{value.successes}/{value.episodes} = {value.rate:.0%}"
    interval = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="6" y2="6"/><circle cx="{100 * value.rate:.1f}" cy="6" r="4"/>'
    return (
        f"<b>{text}</b> <small>{low:.0f} to {high:.0f} %</small>"
        f'<svg class="interval run{number % COLOURS}" viewBox="-4 0 108 12" aria-hidden="true">'
        f'<line class="axis" x1="0" x2="100" y1="6" y2="6"/>{interval}</svg>'
    )


def _curves(runs: Sequence[RunRecord]) -> str:
    if not any(run.curves for run in runs):
        return ""
    controls = """<form id="controls">
<fieldset><legend>x axis</legend>
<label><input type="radio" name="x" value="step" checked> step</label>
<label><input type="radio" name="x" value="seconds"> seconds</label></fieldset>
<label>smoothing <input type="range" name="smoothing" min="0" max="0.99" step="0.01" value="0">
<output>0</output></label>
</form>
<div id="charts"></div>
<noscript><p>The curves need JavaScript.</p></noscript>"""
    return _section("Curves", controls)


def _media(runs: Sequence[RunRecord], page: Path, media_bytes: int) -> str:
    parts = []
    for number, run in enumerate(runs):
        figures = [_figure(medium, page) for medium in embed(run.media, media_bytes)]
        if figures:
            parts.append(f'<h3>{_swatch(number)}{escape(run.label)}</h3><div class="media">{"".join(figures)}</div>')
    return _section("Pictures and videos", "".join(parts)) if parts else ""


def _figure(medium: Medium, page: Path) -> str:
    name = escape(medium.path.name)
    link = f'<a href="{relative_url(medium.path, page)}">{name}</a>'
    if medium.source is None:
        return f"<figure><figcaption>{link}, {medium.size / 1e6:.1f} MB, not embedded</figcaption></figure>"
    shown = (
        f'<video controls muted loop playsinline preload="auto" src="{medium.source}"></video>'
        if medium.is_video
        else f'<img alt="{name}" src="{medium.source}">'
    )
    return f"<figure>{shown}<figcaption>{link}</figcaption></figure>"


def _settings(runs: Sequence[RunRecord]) -> str:
    columns = [run.settings for run in runs]
    names = list(dict.fromkeys(name for column in columns for name in column))
    different = [
        name for name in names if name != "machine.load_average" and len({column.get(name) for column in columns}) > 1
    ]

    def table(chosen: Iterable[str]) -> str:
        rows = [_row(name, [escape(column.get(name, "")) for column in columns]) for name in chosen]
        return _table(["", *_headings(runs)], rows, "settings")

    everything = f"<details><summary>All arguments and machines</summary>{table(names)}</details>"
    if len(runs) == 1:
        return _section("Arguments and machine", table(names))
    note = table(different) if different else "<p>The runs have the same arguments, commit and machine.</p>"
    return _section("Arguments, commits and machines that differ", note + everything)


def _headings(runs: Sequence[RunRecord]) -> list[str]:
    return [f"{_swatch(number)}{escape(run.label)}" for number, run in enumerate(runs)]


def _swatch(number: int) -> str:
    return f'<i class="swatch run{number % COLOURS}"></i>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _table(head: Sequence[str], rows: Sequence[str], name: str) -> str:
    columns = "".join(f"<th>{cell}</th>" for cell in head)
    return (
        f'<div class="scroll" tabindex="0"><table class="{name}"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, cells: Sequence[str]) -> str:
    return f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _json(value: Any) -> str:
    """Returns JSON that can stand in a ``<script>``: a ``<`` would otherwise end it."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _asset(name: str) -> str:
    return package_files("vpt_gym.report").joinpath("page", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """Returns the source expression of the Content Security Policy that allows exactly this inline element."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
