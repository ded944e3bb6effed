"""Downloads of contractor recordings by an index, from a real HTTP server that misbehaves."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.file_server import Files, serving
from vpt_gym.cli import main
from vpt_gym.demos import FetchResult, check, fetch_contractor, list_demos, read_demo
from vpt_gym.demos.exchange.contractor_index import choose, read_index
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.system.file_lock import try_lock

NAMES = [f"data/{version}/Player{n}-abc-2021-{n}" for n, version in enumerate(["6.9", "6.9", "6.11", "7.6"])]


def content(path: str) -> bytes:
    return random.Random(path).randbytes(150_000 if path.endswith(".mp4") else 2_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Files()) as files:
        for name in NAMES:
            for suffix in (".mp4", ".jsonl"):
                files.files[f"/vpt/{name}{suffix}"] = content(name + suffix)
        yield files


def write_index(server: Files, folder: Path, paths: list[Any] | None = None) -> Path:
    index = folder / "index.json"
    paths = [f"{name}.mp4" for name in NAMES] if paths is None else paths
    index.write_text(json.dumps({"basedir": f"{server.url}/vpt/", "relpaths": paths}))
    return index


def download(index: Path, out: Path, **options: Any) -> FetchResult:
    return fetch_contractor(index, out, **{"pause": 0.0, **options})


def visible(out: Path) -> list[str]:
    found = (path.relative_to(out) for path in out.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if path.parts[0] != ".fetch")


def both(names: list[str]) -> list[str]:
    return sorted(name + suffix for name in names for suffix in (".mp4", ".jsonl"))


def test_all_of_an_index_and_nothing_twice(server: Files, tmp_path: Path) -> None:
    index, out = write_index(server, tmp_path), tmp_path / "out"
    seen: list[tuple[int, int, int]] = []
    done = download(index, out, watch=lambda *state: seen.append(state))
    assert visible(out) == both(NAMES)
    assert all((out / name).read_bytes() == content(name) for name in both(NAMES))
    assert (done.segments, done.complete, done.new, done.received) == (4, 4, 4, 4 * 152_000)
    assert done.folders == {out / "data/6.11": 1, out / "data/6.9": 2, out / "data/7.6": 1}
    assert seen[-1] == (4, 4, 4 * 152_000)
    assert seen == sorted(seen)
    server.seen.clear()
    again = download(index, out)
    assert (again.complete, again.new, again.received, server.seen) == (4, 0, 0, [])
    (out / both(NAMES)[0]).unlink()
    (out / both(NAMES)[3]).write_bytes(b"cut off")
    assert download(index, out).new == 2
    assert sorted(path for path, _ in server.gets()) == [f"/vpt/{both(NAMES)[n]}" for n in (0, 3)]
    assert all((out / name).read_bytes() == content(name) for name in both(NAMES))


def test_a_rejected_recording_does_not_come_back(
    server: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index, out = write_index(server, tmp_path, NAMES[2:]), tmp_path / "out"
    download(index, out)
    DemoLibrary(out / "data/7.6").reject(Path(NAMES[3]).name)
    server.seen.clear()
    assert main(["demos", "fetch", str(index), str(out), "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "rejected, and not downloaded again: 1"
    assert (server.seen, visible(out)) == ([], both([NAMES[2], "data/7.6/rejected/Player3-abc-2021-3"]))


@pytest.mark.parametrize("seed", [None, 0])
def test_others_take_the_place_of_rejected_recordings(server: Files, tmp_path: Path, seed: int | None) -> None:
    index, out = write_index(server, tmp_path), tmp_path / "out"
    first = download(index, out, limit=2, seed=seed)
    (folder, *_) = first.folders
    rejected = list_demos(folder)[0].stem
    DemoLibrary(folder).reject(rejected)
    again = download(index, out, limit=2, seed=seed)
    assert (again.segments, again.complete, again.new, again.rejected) == (2, 2, 1, 1)
    assert not any(path.endswith(f"{rejected}.mp4") and "rejected" not in path for path in visible(out))


def test_an_interrupted_transfer_continues_in_this_call_and_in_the_next(server: Files, tmp_path: Path) -> None:
    index, out = write_index(server, tmp_path, [NAMES[0]]), tmp_path / "out"
    server.cuts, server.answers = [2_000, 100_000], [200, 200, 503]
    done = download(index, out, attempts=1)
    assert done.failed[0][0] == NAMES[0]
    assert "was interrupted repeatedly" in done.failed[0][1]
    assert (done.complete, visible(out)) == (0, [])
    server.cuts = [40_000]
    assert download(index, out).complete == 1
    asked = [headers.get("Range") for path, headers in server.gets() if path.endswith(".mp4")]
    assert asked == [None, "bytes=100000-", "bytes=100000-", "bytes=140000-"]
    assert (out / f"{NAMES[0]}.mp4").read_bytes() == content(f"{NAMES[0]}.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".jsonl"])
def test_a_missing_file_is_reported_and_the_others_come(server: Files, tmp_path: Path, suffix: str) -> None:
    del server.files[f"/vpt/{NAMES[1]}{suffix}"]
    done = download(write_index(server, tmp_path), tmp_path / "out")
    assert [path for path, _ in done.missing] == [NAMES[1]]
    assert "404 Not Found" in done.missing[0][1]
    assert (done.complete, done.failed, done.untried) == (3, (), 0)
    assert visible(tmp_path / "out") == both([name for name in NAMES if name != NAMES[1]])
    video = f"/vpt/{NAMES[1]}.mp4"
    assert (video in [path for path, _ in server.gets()]) == (suffix == ".mp4")  # not without its records


def test_a_server_that_is_gone_is_not_asked_for_every_segment(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    index = tmp_path / "index.json"
    index.write_text(json.dumps({"basedir": address, "relpaths": [f"6.9/{n}" for n in range(200)]}))
    done = download(index, tmp_path / "out", workers=2)
    assert 8 <= len(done.failed) < 200
    assert done.untried == 200 - len(done.failed)
    assert "cannot be reached" in done.failed[0][1]


@pytest.mark.parametrize(
    "path",
    [
        "../x.mp4",
        "data/../../x.mp4",
        "/etc/x.mp4",
        "data//x.mp4",
        "..",
        ".mp4",
        "",
        "data/.fetch/x.mp4",
        ".fetch/x.mp4",
        "data\\..\\..\\x.mp4",
        "C:/x.mp4",
        "a\x00b.mp4",
        "a\nb.mp4",
        "./x.mp4",
        7,
        None,
        ["x.mp4"],
    ],
)
def test_a_path_that_leaves_the_directory_is_refused(server: Files, tmp_path: Path, path: Any) -> None:
    index = write_index(server, tmp_path, [f"{NAMES[0]}.mp4", path])
    with pytest.raises(ValueError, match=r"index\.json: (the path .* is refused|a path is)"):
        download(index, tmp_path / "deep" / "out")
    assert server.seen == []
    assert sorted(tmp_path.iterdir()) == [index]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 50_000, "nested too deeply"),
        ("[1]", "is not an index file: it must be"),
        ('{"relpaths": ["a"]}', "basedir is None"),
        ('{"basedir": "file:///etc/", "relpaths": ["a"]}', "no http"),
        ('{"basedir": "http://x/", "relpaths": []}', "no list of paths"),
        ('{"basedir": "http://x/", "relpaths": "a"}', "no list of paths"),
    ],
)
def test_another_file_is_no_index(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        fetch_contractor(tmp_path / "index.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_paths_with_and_without_a_suffix_are_the_same_segment(server: Files, tmp_path: Path) -> None:
    index = write_index(server, tmp_path, [f"{NAMES[0]}.mp4", NAMES[0], f"{NAMES[0]}.jsonl", NAMES[1]])
    assert [segment.path for segment in read_index(index)] == NAMES[:2]


def test_versions_limit_and_sample(server: Files, tmp_path: Path) -> None:
    segments = read_index(write_index(server, tmp_path, [f"data/{6 + n % 2}.{9 + n % 3}/{n}" for n in range(60)]))
    assert [segment.path for segment in choose(segments, limit=2)] == ["data/6.9/0", "data/7.10/1"]
    assert {segment.version for segment in choose(segments, versions=["6"])} == {"6.9", "6.10", "6.11"}
    assert {segment.version for segment in choose(segments, versions=["6.10", "7.9"])} == {"6.10", "7.9"}
    with pytest.raises(ValueError, match=r"no segment of version '6\.1'; it has 6\.9, 6\.10, 6\.11, 7\.9"):
        choose(segments, versions=["6.1"])
    small, large = (choose(segments, versions=["7"], limit=limit, seed=3) for limit in (5, 10))
    assert (len(small), len(large)) == (5, 10)
    assert [segment for segment in large if segment in small] == small
    assert choose(segments, versions=["7"], limit=5, seed=4) != small
    assert large == [segment for segment in segments if segment in large]
    for wrong in ({"limit": 0}, {"seed": 1}):
        with pytest.raises(ValueError, match="limit"):
            choose(segments, **wrong)


def test_the_recordings_are_demos_with_their_recorder_version(server: Files, tmp_path: Path) -> None:
    source = tmp_path / "source"
    write_recording(source / "x", [record(t, keys=["key.keyboard.w"]) for t in range(3)])
    for suffix in (".mp4", ".jsonl"):
        server.files[f"/vpt/{NAMES[0]}{suffix}"] = (source / f"x{suffix}").read_bytes()
    done = download(write_index(server, tmp_path), tmp_path / "out", limit=1)
    (folder,) = done.folders
    (path,) = list_demos(folder)
    assert read_demo(path).metadata["recorder_version"] == "6.9"
    assert check(folder) == []


def test_recordings_are_chosen_by_their_content_before_the_video_comes(server: Files, tmp_path: Path) -> None:
    walk, attack = {"keys": ["key.keyboard.w"]}, {"mouse": {"buttons": [0]}}
    for name, content in zip(NAMES, (walk, attack, {**attack, "isGuiOpen": True}, walk), strict=True):
        lines = [record(0, isGuiOpen=False), *(record(t, **{"isGuiOpen": False, **content}) for t in range(1, 4))]
        server.files[f"/vpt/{name}.jsonl"] = "".join(json.dumps(line) + "\n" for line in lines).encode()
    server.files[f"/vpt/{NAMES[3]}.jsonl"] = b"no records"
    index, out = write_index(server, tmp_path), tmp_path / "out"
    done = download(index, out, actions=["attack"], max_menu=0.5)
    assert (done.complete, done.filtered, visible(out)) == (1, 2, both(NAMES[1:2]))
    assert [path for path, _ in done.failed] == [NAMES[3]]
    server.seen.clear()
    assert download(index, out, max_menu=0.5, limit=3).filtered == 1
    assert [path for path, _ in server.gets()] == [f"/vpt/{NAMES[0]}.mp4"]  # its records were kept
    for wrong in ({"actions": ["jumping"]}, {"max_menu": 30}):
        with pytest.raises(ValueError, match=r"no button 'jumping'; the buttons are ESC|max_menu is 30"):
            download(index, out, **wrong)


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "vpt_gym", "demos", "fetch", *map(str, words)]


def test_the_command_continues_after_ctrl_c_and_after_a_kill(server: Files, tmp_path: Path) -> None:
    index, out = write_index(server, tmp_path), tmp_path / "out"
    for name in NAMES:
        server.files[f"/vpt/{name}.mp4"] = content(name) * 2_000  # 4 MB
    server.pause = 0.1  # all of them take 8 seconds

    def stop(number: signal.Signals) -> tuple[int, str]:
        process = subprocess.Popen(command(index, out, "--workers", 2), stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while sum(part.stat().st_size for part in out.rglob("*.mp4.part")) < (2 << 20):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=30)[1]
        return process.returncode, said

    status, said = stop(signal.SIGINT)
    assert status == 130
    assert "stopped; run the same command again to continue" in said
    assert "Traceback" not in said
    for part in out.rglob("*.mp4.part"):  # so that the next one waits for bytes of its own
        with part.open("r+b") as file:
            file.truncate(100_000)
    assert stop(signal.SIGKILL)[0] == -signal.SIGKILL
    assert all((out / name).stat().st_size == len(server.files[f"/vpt/{name}"]) for name in visible(out))
    server.pause = 0.0
    server.seen.clear()
    done = download(index, out)
    assert done.complete == 4
    assert 1 <= sum("Range" in headers for _, headers in server.gets()) <= 2
    assert all((out / f"{name}.mp4").read_bytes() == server.files[f"/vpt/{name}.mp4"] for name in NAMES)


def test_a_second_process_is_refused(server: Files, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".fetch").mkdir(parents=True)
    with (out / ".fetch" / "lock").open("ab") as lock:
        assert try_lock(lock)
        with pytest.raises(BlockingIOError, match="another `vpt-gym demos fetch`"):
            download(write_index(server, tmp_path), out)
    assert download(write_index(server, tmp_path), out).complete == 4


def test_the_command_and_its_exit_statuses(server: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: object) -> tuple[int, str, str]:
        status = main(["demos", "fetch", *map(str, words)])
        return (status, *capsys.readouterr())

    index, out = write_index(server, tmp_path), tmp_path / "out"
    server.files["/snapshots/index.json"] = index.read_bytes()
    status, said, _ = run(f"{server.url}/snapshots/index.json", out, "--versions", "6", "--limit", 2)
    assert (status, said.splitlines()[0]) == (0, "2 of 2 recordings are complete, 2 of them new (0.3 MB received)")
    assert f"{out}/data/6.9: 2" in said
    del server.files[f"/vpt/{NAMES[3]}.mp4"]
    status, said, _ = run(index, out)
    assert status == 1
    assert "3 of 4 recordings are complete, 1 of them new" in said
    assert f"not on the server: 1\n  {NAMES[3]}: the server answers 404 Not Found" in said
    status, said, _ = run(index, out, "--json")
    assert (status, json.loads(said)["missing"][0]["path"]) == (1, NAMES[3])
    for words, message in (
        ((tmp_path / "absent.json", out), "absent.json does not exist"),
        ((index, out, "--workers", 0), "workers is 0"),
        ((index, out, "--versions", "9.9"), "it has 6.9, 6.11, 7.6"),
        ((f"{server.url}/absent.json", out), "404 Not Found"),
    ):
        status, said, error = run(*words)
        assert (status, said) == (2, "")
        assert message in error
