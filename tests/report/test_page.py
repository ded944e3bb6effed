"""The page of a report in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from tests.support.headless_chromium import Chromium
from tests.support.programs import needs_program
from tests.support.written_run import write_run
from vpt_gym.cli import main
from vpt_gym.demos.files.video import VideoWriter

pytestmark = needs_program("chromium")

ATTACK = "<script>window.attacked = 1</script><img src=x onerror='window.attacked = 2'>"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a finished run with media, a run whose every text is an attack, and an unfinished run."""
    root = tmp_path_factory.mktemp("report")
    first = write_run(root / "first", entries=40)
    iio.imwrite(first / "curves.png", np.zeros((40, 60, 3), np.uint8))
    video = VideoWriter(first / "agent.mp4", (36, 64))
    for shade in range(40):
        video.append(np.full((36, 64, 3), 6 * shade, np.uint8))
    video.close()
    args = {"train": {"lr": 0.1, ATTACK: ATTACK}}
    second = write_run(root / "<b>second", args=args, script=ATTACK, results={ATTACK: ATTACK}, git={"commit": ATTACK})
    with (second / "metrics.jsonl").open("a") as file:
        file.write('{"step": 99, "</script><script>window.attacked = 3</script>/x": 1}\n')
    third = write_run(root / "third", entries=20, state="running", results=None)
    assert main(["report", str(first), str(second), str(third), "--out", str(root / "report.html")]) == 0
    return root / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Chromium, report: Path) -> Chromium:
    browser.open("about:blank")
    browser.open(report.as_uri())
    browser.wait("document.querySelector('.chart polyline')")
    return browser


def lines_of(page: Chromium, chart: str) -> int:
    count: int = page.run(f"document.querySelectorAll('svg[aria-label=\"{chart}\"] polyline').length")
    return count


def set_control(page: Chromium, name: str, value: str) -> None:
    page.run(
        f"(form => {{ form.elements[{name!r}].value = {value!r}; form.dispatchEvent(new Event('input')); }})"
        "(document.getElementById('controls'))"
    )


def test_every_text_is_shown_and_none_is_executed(page: Chromium) -> None:
    shown = page.run("document.body.innerText")
    assert ATTACK in shown
    assert "<b>second" in shown
    assert "</script><script>window.attacked = 3</script>" in shown
    assert page.run("window.attacked") is None
    assert page.run("document.querySelectorAll('script').length") == 2


def test_the_page_loads_nothing_and_may_run_no_other_script(page: Chromium) -> None:
    loaded = page.run("performance.getEntriesByType('resource').map(entry => entry.name.slice(0, 5))")
    assert set(loaded) <= {"data:"}
    page.run("document.body.append(Object.assign(document.createElement('script'), {text: 'window.attacked = 4'}))")
    assert page.run("window.attacked") is None
    assert page.run("fetch('https://example.org').then(() => 'loaded', () => 'refused')") == "refused"


def test_results_settings_and_notes_are_there(page: Chromium) -> None:
    shown = page.run("document.body.innerText")
    for text in ("34/40 = 85%", "71 to 93 %", "The run has not finished", "train.lr", "0123456789"):
        assert text in shown
    different = page.run("document.querySelector('section:last-of-type table').innerText")
    assert "train.steps" in different
    assert "machine.cores" not in different


def test_pictures_and_videos_play(page: Chromium) -> None:
    page.wait("document.querySelector('img').complete && document.querySelector('video').readyState >= 2")
    assert page.run("document.querySelector('img').naturalWidth") == 60
    page.run("document.querySelector('video').play()")
    page.wait("document.querySelector('video').currentTime > 0.2")


def test_hover_shows_the_value_of_each_run(page: Chromium) -> None:
    page.run(
        "(svg => { svg.scrollIntoView(); const r = svg.getBoundingClientRect(); svg.dispatchEvent(new PointerEvent("
        "'pointermove', {clientX: r.right - 8, clientY: r.top + 50})); })"
        "(document.querySelector('svg[aria-label=\"train/lr\"]'))"
    )
    shown = page.run("document.querySelector('.values:not([hidden])').innerText").split("\n")
    assert shown[0] == "step 50"
    assert shown[1::2] == ["first at 40", "<b>second", "third at 20"]
    assert shown[2::2] == ["0.001"] * 3


def test_a_run_can_be_hidden(page: Chromium) -> None:
    assert lines_of(page, "train/loss") == 3
    page.click("[data-run='1']")
    assert lines_of(page, "train/loss") == 2
    page.click("[data-run='1']")
    assert lines_of(page, "train/loss") == 3


def test_curves_are_smoothed_and_drawn_over_seconds(page: Chromium) -> None:
    selector = "document.querySelector('svg[aria-label=\"train/loss\"]')"
    before = page.run(f"{selector}.querySelector('polyline').getAttribute('points')")
    set_control(page, "smoothing", "0.9")
    assert lines_of(page, "train/loss") == 6
    assert page.run(f"{selector}.querySelector('polyline.raw').getAttribute('points')") == before
    assert page.run(f"{selector}.querySelector('polyline:not(.raw)').getAttribute('points')") != before
    last_step = page.run(f"[...{selector}.querySelectorAll('text')].pop().textContent")
    set_control(page, "x", "seconds")
    last_second = page.run(f"[...{selector}.querySelectorAll('text')].pop().textContent")
    assert (last_step, last_second) == ("40", "20")


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_screen_in_both_colour_schemes(page: Chromium, width: int, scheme: str) -> None:
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    page.wait(f"innerWidth === {width} && document.querySelector('.chart svg').clientWidth < {width}")
    assert page.run("document.documentElement.scrollWidth") <= width
    back, text = page.run("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    assert back != text
