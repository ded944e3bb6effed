"""The page in a real browser: click, seek, step, play, filter, mark, compare."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.contractor_files import record, write_recording
from tests.support.counter_demos import counter_action, write_counter_demo
from tests.support.frame_counter_env import counter_frame
from tests.support.headless_chromium import Chromium
from tests.support.programs import needs_program
from tests.support.running_view import running_view
from tests.support.videos import write_video
from vpt_gym.agents import VPTConfig, VPTPolicy
from vpt_gym.demos import list_demos, read_demo
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.predictions import Predictions

pytestmark = needs_program("chromium")

TICKS = 50
# The number that counter_demos drew into the frame that is on the screen now.
SHOWN = """(() => {
  const video = document.querySelector("video"), canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d"), block = canvas.width / 12;
  pen.drawImage(video, 0, 0);
  let tick = 0;
  for (let digit = 0; digit < 12; digit++) {
    const [r, g, b] = pen.getImageData(Math.floor((digit + 0.5) * block), Math.floor(canvas.height / 4), 1, 1).data;
    tick += ((r + g + b) / 3 > 127) << digit;
  }
  return tick;
})()"""

FOCUSED = (
    "(data => data.filter ?? data.column)((document.activeElement.closest('th') ?? document.activeElement).dataset)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    browser = Chromium(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def demos(tmp_path: Path) -> list[Path]:
    return [
        write_counter_demo(tmp_path, ticks=TICKS),
        write_counter_demo(tmp_path, ticks=40, success=False, task="fail <b>bold</b>"),
        write_counter_demo(tmp_path, ticks=30, disturbed=12, size=(45, 81)),
    ]


@pytest.fixture
def page(browser: Chromium, demos: list[Path]) -> Iterator[Chromium]:
    """The page with the first demo open and its video loaded."""
    torch.manual_seed(0)
    predictions = Predictions(VPTPolicy(VPTConfig.named("nano")), "my agent")
    with running_view(DemoLibrary(demos[0].parent), predictions) as server:
        browser.open(server.url)
        await_tick(browser, 0)
        yield browser
        browser.open("about:blank")


def await_tick(page: Chromium, tick: int) -> None:
    """Waits until the number, the video's time and the frame all show this tick."""
    page.wait(
        f"document.querySelector('#tick')?.textContent === '{tick}' && !document.querySelector('video').seeking "
        f"&& document.querySelector('video').readyState >= 2 && {SHOWN} === {tick}"
    )


def text(page: Chromium, selector: str) -> str:
    found: str = page.run(f"document.querySelector({selector!r}).innerText")
    return found


def listed(page: Chromium) -> list[str]:
    found: list[str] = page.run("[...document.querySelectorAll('#episodes tr')].map(row => row.dataset.id)")
    return found


def ids(demos: list[Path]) -> list[str]:
    return [path.stem for path in demos]


def test_the_list_shows_the_episodes(page: Chromium, demos: list[Path]) -> None:
    assert listed(page) == ids(demos)
    rows = [text(page, f"#episodes tr:nth-child({n})").split() for n in (1, 2, 3)]
    assert rows[0][-4:] == ["count", "✓", "50", "2"]
    assert rows[1][-5:] == ["fail", "<b>bold</b>", "✗", "40", "2"]
    assert text(page, "#directory") == str(demos[0].parent)
    assert text(page, "#agent-name") == "agent: my agent"
    assert "seed 7" in text(page, "#facts")
    assert page.run("document.querySelector('video').error") is None


def test_the_page_does_not_move_when_a_video_arrives(page: Chromium, demos: list[Path]) -> None:
    places = "['#mark', '#timeline', '#legend'].map(name => document.querySelector(name).getBoundingClientRect().top)"
    for demo in (demos[0], demos[2]):  # of two shapes
        page.click(f"[data-id='{demo.stem}']")
        page.wait(f"document.querySelector('#title').textContent === '{demo.stem}'")
        await_tick(page, 0)
        with_video = page.run(places)
        page.run("(video => { video.removeAttribute('src'); video.load(); })(document.querySelector('video'))")
        page.wait("document.querySelector('video').readyState === 0")
        assert page.run(places) == with_video


def test_an_empty_page_says_so_and_opens_the_first_demo_when_it_is_recorded(browser: Chromium, tmp_path: Path) -> None:
    with running_view(DemoLibrary(tmp_path)) as server:
        browser.open(server.url)
        browser.wait("document.querySelector('#problem')?.hidden === false")
        assert text(browser, "#problem").startswith(f"{tmp_path} has no demo yet.")
        demo = write_counter_demo(tmp_path, ticks=4)
        await_tick(browser, 0)
        assert listed(browser) == [demo.stem]
        browser.press("a")  # there is no agent
        assert "--agent" in text(browser, "#toast")
        browser.open("about:blank")


def test_steps_are_kept_though_an_earlier_frame_is_displayed_only_then(page: Chromium) -> None:
    # a slow browser reports the frame of one step after the next step; here that report is made by hand
    page.run("HTMLVideoElement.prototype.requestVideoFrameCallback = function (report) { late = report; }, 0")
    page.press("ArrowRight")
    await_tick(page, 1)
    page.wait("typeof late === 'function'")
    page.press("End")
    await_tick(page, TICKS - 1)
    page.run("late(0, { mediaTime: 0.05 }), 0")
    await_tick(page, TICKS - 1)


def test_arrows_step_by_exactly_one_tick(page: Chromium) -> None:
    for tick in range(1, 24):
        page.press("ArrowRight")
        await_tick(page, tick)
        action = counter_action(tick)
        keys = " ".join(name for name in ("attack", "forward") if action[name]) or "none"
        assert text(page, "#label-keys") == keys
        assert text(page, "#label-yaw") == f"+{tick / 10:.2f}°"
    page.press("ArrowLeft")
    await_tick(page, 22)
    page.press("ArrowRight", shift=True)
    await_tick(page, 42)
    page.press("End")
    await_tick(page, TICKS - 1)
    assert text(page, "#reward") == "reward 2 · return so far 2"
    page.press("ArrowRight")
    await_tick(page, TICKS - 1)
    page.press("Home")
    page.press("ArrowLeft")
    await_tick(page, 0)


def test_a_tick_shows_its_own_frame_whatever_the_pace_of_the_video(browser: Chromium, tmp_path: Path) -> None:
    frames = np.stack([counter_frame(tick, (48, 80)) for tick in range(30)])
    path = write_recording(tmp_path / "recording", [record(tick) for tick in range(30)], frames[:1])
    # it begins late, at 30 frames a second, and pauses in the middle
    write_video(path.with_suffix(".mp4"), frames, 30, [0.3 + tick / 30 + 0.5 * (tick > 15) for tick in range(30)])
    with running_view(DemoLibrary(path)) as server:
        browser.open(server.url)
        for tick in (0, 1, 2):
            await_tick(browser, tick)
            browser.press("ArrowRight")
        for key, tick in (("ArrowRight", 23), ("ArrowLeft", 3)):
            browser.press(key, shift=True)
            await_tick(browser, tick)
        browser.press(" ")
        browser.wait("Number(document.querySelector('#tick').textContent) >= 20")
        browser.press(" ")
        browser.wait("document.querySelector('video').paused")
        browser.wait(f"{SHOWN} === Number(document.querySelector('#tick').textContent)")
        browser.press("End")
        await_tick(browser, 29)
        browser.open("about:blank")


def x_of(page: Chromium, tick: int, ticks: int = TICKS) -> float:
    gutter, width = page.run("(c => [Number(c.dataset.gutter), c.clientWidth])(document.querySelector('#timeline'))")
    return float(gutter + (tick + 0.5) / ticks * (width - gutter - 6))


def test_a_click_on_the_timeline_seeks(page: Chromium) -> None:
    for tick in (30, 7, 49, 0):
        page.click("#timeline", at=(x_of(page, tick), 60))
        await_tick(page, tick)


def test_the_timeline_shows_when_a_key_is_held(page: Chromium) -> None:
    def colour(tick: int, y: int) -> list[int]:
        pixel: list[int] = page.run(
            "[...document.querySelector('#timeline').getContext('2d')"
            f".getImageData(Math.round({x_of(page, tick)}), {y}, 1, 1).data].slice(0, 3)"
        )
        return pixel

    lanes = {"attack": 33, "forward": 52}  # the middles of the first two lanes
    for tick in (2, 12, 17, 25, 35, 40, 45):
        for name, y in lanes.items():
            lit = colour(tick, y) == [0x5A, 0xA9, 0xE6]
            assert lit == bool(counter_action(tick)[name]), (tick, name)


def test_a_long_demo_is_drawn_with_about_as_many_strokes_as_pixels_and_loses_no_tick(page: Chromium) -> None:
    drawn = page.run(
        """(async () => {
          const { Timeline } = await import("./timeline.js"), ticks = 100000;
          const tap = Array.from({ length: ticks / 4 }, (_, k) => [4 * k, 4 * k + 1]);
          const buttons = { jump: tap, use: [[77777, 77778]] };
          const label = { buttons, pitch: Array(ticks).fill(0), yaw: Array(ticks).fill(0) };
          label.pitch[77777] = 8.25;
          label.yaw[77777] = -0.5;
          const rewards = Array(ticks).fill(0);
          rewards[77777] = 1;
          rewards[77776] = -1;
          const timeline = new Timeline(document.querySelector("#timeline"), () => {}), pen = timeline.pen;
          let strokes = 0;
          for (const name of ["lineTo", "fillRect"]) {
            pen[name] = (...at) => { strokes++; CanvasRenderingContext2D.prototype[name].apply(pen, at); };
          }
          const texts = [];
          pen.fillText = (...at) => texts.push(at[0]);
          timeline.show({ ticks, label, executed: null, rewards, null: Array(ticks).fill(false) });
          const lanes = Object.fromEntries(timeline.lanes.map((lane) => [lane.name, lane]));
          const x = Math.floor(timeline.x(77777));
          // a bar between two pixels lights each by half
          const bright = (at, y) => Math.max(...pen.getImageData(at, y, 1, 1).data.slice(0, 3));
          const lit = (y) => [-1, 0, 1].some((dx) => bright(x + dx, y) > 90);
          const at = (name, share) => lit(Math.round(lanes[name].top + share * (lanes[name].bottom - lanes[name].top)));
          return {
            strokes: strokes / timeline.width, use: at("use", 0.5), down: at("pitch", 0.8), up: at("pitch", 0.2),
            won: at("reward", 0.2), lost: at("reward", 0.8), texts,
          };
        })()"""
    )
    assert drawn["strokes"] < 12
    assert (drawn["use"], drawn["down"], drawn["up"], drawn["won"], drawn["lost"]) == (True, True, False, True, True)
    assert "down 8.25°" in drawn["texts"]


def test_zooming_keeps_the_tick_below_the_playhead(page: Chromium) -> None:
    page.click("#timeline", at=(x_of(page, 25), 60))
    await_tick(page, 25)
    page.press("+")
    x = x_of(page, 25)
    page.click("#timeline", at=(x, 60))
    await_tick(page, 25)
    page.click("#timeline", at=(x_of(page, 35), 60))  # ten ticks away at the former scale, five now
    await_tick(page, 30)
    page.press("0")
    page.click("#timeline", at=(x_of(page, 40), 60))
    await_tick(page, 40)


def test_space_plays_and_the_timeline_follows_the_picture(browser: Chromium, tmp_path: Path) -> None:
    ticks = 1200  # a minute: a slow machine pauses it before it ends
    write_counter_demo(tmp_path, ticks=ticks)
    with running_view(DemoLibrary(tmp_path)) as server:
        browser.open(server.url)
        await_tick(browser, 0)
        browser.press("ArrowRight", shift=True)
        await_tick(browser, 20)
        browser.press(" ")
        browser.wait("Number(document.querySelector('#tick').textContent) >= 25")
        browser.press(" ")
        browser.wait("document.querySelector('video').paused && document.querySelector('#play').innerText === 'Play'")
        # the last frame may follow the pause
        browser.wait(f"{SHOWN} === Number(document.querySelector('#tick').textContent)")
        tick = int(text(browser, "#tick"))
        browser.press("ArrowRight")
        await_tick(browser, tick + 1)
        browser.press("End")
        browser.press("ArrowLeft", shift=True)
        await_tick(browser, ticks - 21)
        browser.press(" ")
        await_tick(browser, ticks - 1)
        browser.wait("document.querySelector('video').paused")
        browser.press(" ")  # from the end, again from the start
        browser.wait("Number(document.querySelector('#tick').textContent) < 1000")
        assert not browser.run("document.querySelector('video').paused")
        browser.open("about:blank")


def test_the_list_is_filtered_and_sorted(page: Chromium, demos: list[Path]) -> None:
    one, two, three = ids(demos)
    for name, expected in (("success", [one, three]), ("failure", [two]), ("unknown", []), ("rejected", [])):
        page.click(f"[data-filter={name}]")
        assert listed(page) == expected
        assert text(page, f"[data-filter={name}]").endswith(f" {len(expected)}")
    page.click("[data-filter=all]")
    page.click("#columns th:nth-child(4)")
    assert listed(page) == [three, two, one]
    page.click("#columns th:nth-child(4)")
    assert listed(page) == [one, two, three]


def test_unknown_returns_come_last_in_both_orders(browser: Chromium, demos: list[Path]) -> None:
    one, two, three = ids(demos)
    for path, episode_return in zip(demos, (3.0, None, 1.0), strict=True):
        path.write_text(json.dumps({**json.loads(path.read_text()), "return": episode_return}))
    with running_view(DemoLibrary(demos[0].parent)) as server:
        browser.open(server.url)
        await_tick(browser, 0)
        for expected, order in (([three, one, two], "ascending"), ([one, three, two], "descending")):
            browser.click("[data-column=return] button")
            assert listed(browser) == expected
            assert browser.run("document.querySelector('[data-column=return]').ariaSort") == order
        browser.open("about:blank")


@pytest.mark.parametrize("address", ["#%", "#gone", "#%FF"])
def test_an_address_without_its_episode_opens_the_first(browser: Chromium, demos: list[Path], address: str) -> None:
    with running_view(DemoLibrary(demos[0].parent)) as server:
        browser.open(server.url + address)
        await_tick(browser, 0)
        assert text(browser, "#title") == demos[0].stem
        browser.open("about:blank")


@pytest.mark.parametrize("name", [b"a b#c?d&e%2F<b>'(!*)\"\xc3\xa9", b"%FF\xff\xc3.\xf0\x9f\x8c\xb2"])
@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow only names in Unicode")
def test_an_episode_of_any_name_is_opened_and_marked(browser: Chromium, demos: list[Path], name: bytes) -> None:
    odd = os.fsdecode(name)
    for suffix in (".mp4", ".jsonl", ".json"):
        demos[2].with_suffix(suffix).rename(demos[2].with_name(odd + suffix))
    with running_view(DemoLibrary(demos[2].with_name(odd + ".json"))) as server:
        browser.open(server.url)
        await_tick(browser, 0)
        assert text(browser, "#ticks") == "30"
        assert browser.run("location.hash") == server.url[server.url.index("#") :]
        browser.press("x")
        browser.wait("document.querySelector('#title').textContent.startsWith('20')")
        assert list_demos(demos[2].parent / "rejected") == [demos[2].parent / "rejected" / f"{odd}.json"]
        browser.open("about:blank")


def test_another_episode_is_opened_by_click_or_key(page: Chromium, demos: list[Path]) -> None:
    page.click(f"[data-id='{demos[1].stem}']")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    await_tick(page, 0)
    assert text(page, "#ticks") == "40"
    assert text(page, "#facts").startswith("fail <b>bold</b> · failure")
    page.press("ArrowDown")
    page.wait(f"document.querySelector('#title').textContent === '{demos[2].stem}'")
    for _ in range(12):
        page.press("ArrowRight")
    await_tick(page, 12)
    assert text(page, "#executed-keys") == "back"
    assert page.run("document.querySelector('#executed-keys').classList.contains('differs')")
    page.run("row = document.querySelector('#episodes tr'), 0")
    page.press("ArrowUp")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    assert page.run("row.isConnected")  # thousands of rows take long to make
    chosen = page.run("[...document.querySelectorAll('.chosen')].map(row => [row.dataset.id, row.ariaCurrent])")
    assert chosen == [[demos[1].stem, "true"]]
    assert page.run("getComputedStyle(document.querySelector('#executed-keys')).display") == "none"


def test_a_bad_episode_is_marked_and_brought_back(page: Chromium, demos: list[Path]) -> None:
    folder = demos[0].parent
    page.click("#mark")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    assert list_demos(folder) == demos[1:]
    assert list_demos(folder / "rejected") == [folder / "rejected" / demos[0].name]
    assert listed(page) == ids(demos[1:])
    page.press("u")
    page.wait(f"document.querySelector('#title').textContent === '{demos[0].stem}'")
    assert list_demos(folder) == demos
    page.press("x")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    page.click("[data-filter=rejected]")
    page.click(f"[data-id='{demos[0].stem}']")
    page.wait(f"document.querySelector('#title').textContent === '{demos[0].stem}'")
    await_tick(page, 0)
    assert text(page, "#mark") == "Restore"
    page.press("x")
    page.wait("document.querySelectorAll('#episodes tr').length === 0")
    assert list_demos(folder) == demos


def test_a_rejected_episode_is_told_from_another_of_its_name(page: Chromium, demos: list[Path]) -> None:
    rejected = demos[0].parent / "rejected"
    rejected.mkdir()
    for suffix in (".mp4", ".jsonl", ".json"):
        shutil.copy(demos[2].with_suffix(suffix), rejected / f"{demos[0].stem}{suffix}")
    page.send("Page.reload")
    page.wait("document.querySelector('[data-filter=rejected]')?.innerText === 'Rejected 1'")
    await_tick(page, 0)
    page.click("[data-filter=rejected]")
    page.click("#episodes tr")
    page.wait("document.querySelector('#ticks').textContent === '30'")
    await_tick(page, 0)
    page.press("End")
    await_tick(page, 29)
    page.press("x")
    page.wait("document.querySelector('#toast').textContent")
    assert "exists already" in text(page, "#toast")
    assert len(read_demo(demos[0])) == TICKS


def test_a_key_that_is_held_marks_one_episode(page: Chromium, demos: list[Path]) -> None:
    for repeats in (False, True, True, True):
        page.send("Input.dispatchKeyEvent", type="keyDown", key="x", text="x", autoRepeat=repeats)
        page.run("new Promise(done => setTimeout(done, 100))")
    page.send("Input.dispatchKeyEvent", type="keyUp", key="x")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    assert list_demos(demos[0].parent) == demos[1:]


def test_a_mark_is_undone_though_the_shown_episode_is_gone(page: Chromium, demos: list[Path]) -> None:
    page.press("x")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    for suffix in (".mp4", ".jsonl", ".json"):
        demos[1].with_suffix(suffix).unlink()
    page.press("u")
    page.wait(f"document.querySelector('#title').textContent === '{demos[0].stem}'")
    assert listed(page) == ids([demos[0], demos[2]])


def test_the_page_is_used_with_the_keyboard_alone(page: Chromium, demos: list[Path]) -> None:
    page.run("document.querySelector('[data-filter=failure]').focus()")
    page.press(" ")
    page.wait(f"document.querySelectorAll('#episodes tr').length === 1 && {FOCUSED} === 'failure'")
    assert page.run("document.querySelector('video').paused")
    page.run("document.querySelector('[data-filter=all]').focus()")
    page.press(" ")
    page.run("document.querySelector('[data-column=ticks] button').focus()")
    page.press(" ")
    page.wait(f"{FOCUSED} === 'ticks'")
    assert listed(page) == ids(demos)[::-1]
    page.press("X")  # with Caps Lock
    page.wait("document.querySelectorAll('#episodes tr').length === 2")
    assert list_demos(demos[0].parent) == demos[1:]


@pytest.mark.parametrize("width", [360, 700, 1000])
def test_nothing_is_cut_off_in_a_narrow_window(page: Chromium, demos: list[Path], width: int) -> None:
    demos[0].write_text(json.dumps({**json.loads(demos[0].read_text()), "task": "task_without_a_space_" * 9}))
    page.send("Emulation.setDeviceMetricsOverride", width=width, height=700, deviceScaleFactor=1, mobile=False)
    try:
        page.send("Page.reload")
        page.wait("document.querySelector('#facts')?.textContent.startsWith('task_without')")
        await_tick(page, 0)
        for part in ("html", "main", "#list", "header"):
            wide, seen = page.run(f"(p => [p.scrollWidth, p.clientWidth])(document.querySelector('{part}'))")
            assert wide <= seen, part
        assert page.run("document.querySelector('#screen').clientWidth") >= min(width - 50, 300)
    finally:
        page.send("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)


def test_a_video_that_cannot_be_decoded_is_not_blamed_on_the_browser(page: Chromium, demos: list[Path]) -> None:
    video = demos[1].with_suffix(".mp4")
    content = bytearray(video.read_bytes())
    start = content.index(b"avcC") + 4
    content[start : start + 40] = bytes(40)
    video.write_bytes(content)
    place = "document.querySelector('#mark').getBoundingClientRect().top"
    before = page.run(place)
    page.press("ArrowDown")
    page.wait("!document.querySelector('#video-problem').hidden")
    assert text(page, "#video-problem").startswith("The video cannot be read: it is damaged")
    assert text(page, "#title") == demos[1].stem
    assert page.run(place) == before  # of the same shape as the first one
    page.press("ArrowDown")
    page.wait(f"document.querySelector('#title').textContent === '{demos[2].stem}'")
    await_tick(page, 0)
    assert page.run("document.querySelector('#video-problem').hidden")


def test_a_viewer_that_has_ended_is_named(page: Chromium) -> None:
    online = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.send("Network.enable")
    page.send("Network.emulateNetworkConditions", offline=True, **online)
    try:
        page.press("ArrowDown")
        page.wait("!document.querySelector('#problem').hidden")
        assert text(page, "#problem").startswith("vpt-gym view does not answer.")
    finally:
        page.send("Network.emulateNetworkConditions", offline=False, **online)
        page.send("Network.disable")


def test_a_damaged_episode_is_explained(page: Chromium, demos: list[Path]) -> None:
    demos[1].with_suffix(".mp4").unlink()
    page.click(f"[data-id='{demos[1].stem}']")
    page.wait("!document.querySelector('#problem').hidden")
    assert f"{demos[1].stem}.mp4 is missing" in text(page, "#problem")
    page.press("ArrowDown")
    page.wait("document.querySelector('#problem').hidden")
    await_tick(page, 0)
    assert text(page, "#title") == demos[2].stem


def test_the_agent_is_compared_with_the_label(page: Chromium, demos: list[Path]) -> None:
    assert page.run("getComputedStyle(document.querySelector('#agent-keys')).display") == "none"
    height = page.run("document.querySelector('#timeline').clientHeight")
    page.press("a")
    page.wait("document.querySelector('#agreement').textContent")
    assert page.run("document.querySelector('#timeline').clientHeight") > height
    found = page.run(f"fetch('api/episodes/{demos[0].stem}/predictions').then(answer => answer.json())")
    page.press("d")
    tick = int(text(page, "#tick"))
    await_tick(page, tick)
    nll, null = found["nll"], read_demo(demos[0]).null
    assert 0 < null.sum() < TICKS
    trained = [value for value, is_null in zip(nll, null, strict=True) if not is_null]
    assert not null[tick]
    assert nll[tick] > sorted(trained, reverse=True)[len(trained) // 10]
    assert f"mean NLL {sum(trained) / len(trained):.3f} nats" in text(page, "#agreement")
    assert text(page, "#label-nll") == f"{nll[tick]:.2f}"
    pitch = found["probable"]["pitch"][tick]
    assert text(page, "#agent-pitch") == f"{'+' if pitch > 0 else ''}{pitch:.2f}°"
    held = [name for name, runs in found["probable"]["buttons"].items() if any(a <= tick < b for a, b in runs)]
    assert text(page, "#agent-keys") == (" ".join(held) or "none")
    page.press("ArrowDown")  # the next episode is compared too
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    page.wait("document.querySelector('#agent-keys').checkVisibility()")
    page.press("a")
    page.wait("!document.querySelector('#agent-keys').checkVisibility()")


def test_an_agent_s_values_of_one_episode_are_not_shown_with_another(page: Chromium, demos: list[Path]) -> None:
    page.press("a")
    page.wait("document.querySelector('#agent-keys').checkVisibility()")
    # an agent that takes long
    page.run(
        "(get => fetch = (path, how) => /predictions$/.test(path) ? new Promise(() => {}) : get(path, how))(fetch), 0"
    )
    page.press("ArrowDown")
    page.wait(f"document.querySelector('#title').textContent === '{demos[1].stem}'")
    await_tick(page, 0)
    for name in ("#agent-keys", "#agent-probability", "#agreement"):
        assert not page.run(f"document.querySelector('{name}').checkVisibility()")


def test_the_shortcuts_are_shown(page: Chromium) -> None:
    shown = text(page, "#shortcuts")
    for key in ("Space", "← →", "x", "u", "a", "d D"):
        assert key in shown


def test_nothing_goes_wrong_in_the_console(browser: Chromium, page: Chromium) -> None:
    page.run(
        "(window.faults = [], addEventListener('error', e => faults.push(e.message)), "
        "addEventListener('unhandledrejection', e => faults.push(String(e.reason))), 0)"
    )
    for key in ("a", "d", "D", "+", "-", "0", "[", "]", "u", "End", "Home", "ArrowDown", "ArrowUp"):
        page.press(key)
    page.wait("document.querySelector('#agreement').textContent")
    page.run("new Promise(done => setTimeout(done, 200))")
    assert json.loads(page.run("JSON.stringify(faults)")) == []
