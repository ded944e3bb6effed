"""Directories as OpenAI publishes them, with only videos and records: every command accepts them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.support.contractor_files import golden_records, record, write_recording
from tests.support.frame_counter_env import counter_frame, read_counter
from tests.support.headless_chromium import Chromium
from tests.support.programs import needs_program
from tests.support.running_view import running_view
from vpt_gym.demos import DemoDataset, check, read_demo
from vpt_gym.demos.files.cursor import CURSOR
from vpt_gym.demos.library.library import DemoLibrary

NAMES = (
    "cheeky-cornflower-setter-02e496ce4abb-20220421-092639",
    "shabby-pink-molly-6d0e5e4f3c-20220513-141032",
    "Player329-f153ac423f61-20210722-155517",
)
SIZE = (360, 640)


def frames(count: int) -> list[np.ndarray]:
    return [counter_frame(t, SIZE) for t in range(count)]


def publish(path: Path, records: list[dict]) -> None:
    """Writes a recording as an ordinary MP4: header at its end, B-frames, a key frame now and then."""
    jsonl = write_recording(path, records, frames(1))
    with av.open(str(jsonl.with_suffix(".mp4")), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        for frame in frames(len(records)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "10.0"
    publish(folder / NAMES[0], golden_records())
    publish(folder / NAMES[1], [record(t, keys=["key.keyboard.w"], mouse={"dx": 4.0}) for t in range(40)])
    publish(folder / NAMES[2], [record(t) for t in range(12)])
    (folder / f"{NAMES[0]}-options.json").write_text('{"guiScale": 2}')
    return folder


def command(*words: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "vpt_gym", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done


def test_check_and_stats_take_them(recordings: Path) -> None:
    done = command("demos", "check", recordings)
    assert (done.returncode, done.stdout) == (0, "all demos are complete\n")
    done = command("demos", "stats", recordings)
    assert done.returncode == 0, done.stderr
    assert "success rate                    unknown (0 yes, 0 no, 3 unknown)" in done.stdout
    assert "78, 0.1 minutes" in done.stdout
    counted = json.loads(command("demos", "stats", recordings, "--json").stdout)
    assert (counted["success_unknown"], counted["success_rate"]) == (3, None)


def test_a_dataset_takes_them_and_gives_each_frame_with_its_action(recordings: Path) -> None:
    assert check(recordings) == []
    seen = {}
    for name, ticks in zip(NAMES, (26, 40, 12), strict=True):
        (batch,) = DemoDataset(recordings / name, seq_len=ticks, batch_size=1)
        count = batch.codes.shape[1]
        assert [read_counter(frame)[0] for frame in batch.frames[0].numpy()] == list(range(count))
        seen[count] = batch
    assert set(seen) == {26, 40, 12}
    demo = read_demo(recordings / NAMES[0])
    assert torch.equal(seen[26].codes[0], torch.from_numpy(demo.codes))
    assert not seen[12].weight.any()


def test_the_list_holds_what_is_known_of_them(recordings: Path) -> None:
    rows = {row["id"]: row for row in DemoLibrary(recordings).rows()}
    assert set(rows) == set(NAMES)
    assert {name: rows[name]["ticks"] for name in NAMES} == dict(zip(NAMES, (26, 40, 12), strict=True))
    for row in rows.values():
        assert (row["success"], row["task"], row["return"], row["problem"]) == (None, None, None, None)
    (recordings / f"{NAMES[2]}.mp4").write_bytes(b"no video")
    (recordings / f"{NAMES[1]}.mp4").unlink()
    again = {row["id"]: row["ticks"] for row in DemoLibrary(recordings).rows()}
    assert again == {NAMES[0]: 26, NAMES[1]: None, NAMES[2]: None}


def test_one_is_exported_with_its_keys_and_cursor(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "keys.mp4"
    done = command("view", "--export", recordings / f"{NAMES[0]}.mp4", "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    with av.open(str(out)) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert [read_counter(picture[: SIZE[0]])[0] for picture in pictures] == list(range(26))
    demo = read_demo(recordings / NAMES[0])
    assert demo.cursor is not None
    assert demo.cursor.sprite is CURSOR
    x, y = np.floor(demo.cursor.position[16] / 2).astype(int)  # 720 lines in the window, 360 in the video
    plain = counter_frame(16, SIZE)[y : y + 12, x : x + 6].astype(int)
    assert np.abs(pictures[16][y : y + 12, x : x + 6].astype(int) - plain).max() > 60


@pytest.fixture
def page(recordings: Path, tmp_path: Path) -> Iterator[Chromium]:
    browser = Chromium(tmp_path / "chromium")
    try:
        with running_view(DemoLibrary(recordings)) as server:
            browser.open(server.url)
            browser.wait("document.querySelector('#tick')?.textContent === '0'")
            yield browser
    finally:
        browser.close()


@needs_program("chromium")
def test_the_page_shows_unknown_success(page: Chromium) -> None:
    for name, expected in (("all", 3), ("success", 0), ("failure", 0), ("unknown", 3), ("rejected", 0)):
        page.click(f"[data-filter={name}]")
        assert len(page.run("[...document.querySelectorAll('#episodes tr')]")) == expected
    page.click("[data-filter=unknown]")
    page.click(f"[data-id='{NAMES[0]}']")
    page.wait(f"document.querySelector('#title').textContent === '{NAMES[0]}'")
    page.wait("document.querySelector('#ticks').textContent === '26'")
    assert "success unknown" in page.run("document.querySelector('#facts').innerText")
    assert page.run("document.querySelector('video').error") is None
    assert page.run("document.querySelector('#problem').hidden && document.querySelector('#video-problem').hidden")
    list_width = page.run("(list => [list.scrollWidth, list.clientWidth])(document.querySelector('#list'))")
    assert list_width[0] <= list_width[1]  # long names wrap, so that the other columns are seen
    shown = page.run("document.querySelector('#episodes tr').innerText").split()
    assert shown == ["2021-07-22", "15:55:17", "Player329-f153ac423f61", "?", "12"]
    page.press("ArrowRight")
    page.wait("document.querySelector('#tick').textContent === '1'")
    page.click("#mark")  # a bad one moves as others do
    page.wait("document.querySelectorAll('#episodes tr').length === 2")
