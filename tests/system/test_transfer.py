"""Downloads of one file over real HTTP: interrupted, continued, changed in the meantime, and wrong responses."""

from __future__ import annotations

import hashlib
import io
import json
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.support.file_server import Files, serving
from vpt_gym.agents.checkpoints.errors import DownloadError
from vpt_gym.system.transfer import Record, _Redirects, fetch, hash_of

CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Files({"/x.weights": CONTENT})) as files:
        yield files


def get(server: Files, target: Path, **kwargs: Any) -> Record:
    kwargs = {"pause": 0.0, "timeout": 20.0, **kwargs}
    return fetch(f"{server.url}/x.weights", target, **kwargs)


def begin(server: Files, target: Path, here: int = 100_000) -> None:
    """Leaves a partial file of this many bytes."""
    server.cuts, server.answers = [here], [200, 503]  # the second attempt gets nothing
    with pytest.raises(DownloadError, match="was interrupted repeatedly"):
        get(server, target, attempts=1)
    assert not target.exists()
    assert target.with_name(f"{target.name}.part").stat().st_size == here


def test_a_complete_file_and_its_record_remain_and_nothing_else(server: Files, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "folder" / "x.weights"
    told: list[tuple[int, int]] = []
    record = get(server, target, progress=lambda done, total: told.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert record == Record(f"{server.url}/x.weights", 300_000, SHA256) == Record.of(target)
    assert sorted(p.name for p in target.parent.iterdir()) == ["x.weights", "x.weights.json"]
    assert told[0] == (0, 300_000)
    assert told[-1] == (300_000, 300_000)
    assert told == sorted(told)
    assert hash_of(target) == SHA256
    assert server.gets()[0][1]["Accept-Encoding"] == "identity"


def test_an_interrupted_transfer_continues_where_it_stopped(server: Files, tmp_path: Path) -> None:
    server.cuts = [100_000, 1, 150_000]
    told: list[int] = []
    get(server, tmp_path / "x", progress=lambda done, total: told.append(done))
    assert (tmp_path / "x").read_bytes() == CONTENT
    asked = [headers.get("Range") for _, headers in server.gets()]
    assert asked == [None, "bytes=100000-", "bytes=100001-", "bytes=250001-"]
    assert all("If-Range" in headers for _, headers in server.gets()[1:])
    assert told == sorted(told)


def test_the_next_call_continues_it_too(server: Files, tmp_path: Path) -> None:
    begin(server, tmp_path / "x")
    server.seen.clear()
    assert get(server, tmp_path / "x", sha256=SHA256, size=300_000).sha256 == SHA256
    assert [headers.get("Range") for _, headers in server.gets()] == ["bytes=100000-"]
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_partial_file_that_is_complete_needs_no_network(server: Files, tmp_path: Path) -> None:
    begin(server, tmp_path / "x", 299_999)
    with (tmp_path / "x.part").open("ab") as part:
        part.write(CONTENT[-1:])
    server.seen.clear()
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.seen == []


def test_a_server_that_cannot_continue_starts_from_the_beginning(server: Files, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [100_000, 200_000]
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert len(server.gets()) == 3


def test_a_server_that_always_interrupts_is_given_up(server: Files, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [100_000] * 99
    with pytest.raises(DownloadError, match=r"100,000 of 300,000 bytes.*x\.part.*Run it again"):
        get(server, tmp_path / "x", attempts=3)
    assert len(server.gets()) == 4  # one that made progress, three that did not
    assert not (tmp_path / "x").exists()


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(server: Files, tmp_path: Path) -> None:
    begin(server, tmp_path / "x")
    server.files["/x.weights"] = OTHER
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == OTHER


@pytest.mark.parametrize("other", [OTHER, OTHER[:250_000], OTHER[:50_000], OTHER + OTHER])
def test_also_if_the_server_overlooks_the_change(server: Files, tmp_path: Path, other: bytes) -> None:
    begin(server, tmp_path / "x")
    server.files["/x.weights"] = other
    server.honour_if_range = False
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == other
    assert len(server.gets()) == 4  # two at first, one refused, one complete


def test_nothing_is_continued_if_versions_cannot_be_distinguished(server: Files, tmp_path: Path) -> None:
    server.etag = False
    begin(server, tmp_path / "x")
    server.files["/x.weights"] = OTHER
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == OTHER
    assert all("Range" not in headers for _, headers in server.gets())


def test_a_known_hash_allows_continuing(server: Files, tmp_path: Path) -> None:
    server.etag = False
    begin(server, tmp_path / "x")
    get(server, tmp_path / "x", sha256=SHA256)
    assert server.gets()[-1][1]["Range"] == "bytes=100000-"
    begin(server, tmp_path / "y")
    server.files["/x.weights"] = OTHER
    with pytest.raises(DownloadError, match="not the file that was expected"):
        get(server, tmp_path / "y", sha256=SHA256)  # the beginning of one, the end of the other
    assert sorted(p.name for p in tmp_path.glob("y*")) == ["y.lock"]


def test_the_date_serves_where_there_is_no_etag(server: Files, tmp_path: Path) -> None:
    server.etag, server.honour_if_range = False, False
    server.headers = {"Last-Modified": "Thu, 23 Jun 2022 10:00:00 GMT", "ETag": 'W/"weak"'}
    begin(server, tmp_path / "x")
    get(server, tmp_path / "x")
    assert server.gets()[-1][1]["If-Range"] == "Thu, 23 Jun 2022 10:00:00 GMT"


def test_a_part_from_elsewhere_is_not_continued(server: Files, tmp_path: Path) -> None:
    server.files["/y.weights"] = OTHER
    begin(server, tmp_path / "x")
    fetch(f"{server.url}/y.weights", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == OTHER
    (tmp_path / "z.part").write_bytes(b"of nobody")
    (tmp_path / "z.part.json").write_text('{"url": ')
    get(server, tmp_path / "z")
    assert (tmp_path / "z").read_bytes() == CONTENT


def test_another_size_is_refused_before_anything_is_fetched(server: Files, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"offers 300,000 bytes, the published file has 284,045,685"):
        get(server, tmp_path / "x", size=284_045_685)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.lock"]


def test_another_hash_is_refused_and_nothing_is_kept(server: Files, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"its SHA-256 is {SHA256}, not {'0' * 64}"):
        get(server, tmp_path / "x", sha256="0" * 64)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.lock"]


def test_a_file_that_is_not_there_is_not_asked_for_twice(server: Files, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404 Not Found"):
        fetch(f"{server.url}/absent", tmp_path / "x")
    assert len(server.gets()) == 1


def test_a_server_that_is_busy_is_asked_again(server: Files, tmp_path: Path) -> None:
    server.answers = [503, 429, 200]
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    server.answers = [503] * 99
    with pytest.raises(DownloadError, match="503"):
        get(server, tmp_path / "y", attempts=2)


def test_an_unreachable_server_is_an_immediate_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match=f"127.0.0.1:{port}/x cannot be reached.*refused"):
        fetch(f"http://127.0.0.1:{port}/x", tmp_path / "x", pause=60.0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_also_when_resuming(server: Files, tmp_path: Path, status: int) -> None:
    server.redirects["/moved"] = (status, f"{server.url}/x.weights")
    server.cuts = [100_000]
    fetch(f"{server.url}/moved", tmp_path / "x", pause=0.0)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [headers.get("Range") for path, headers in server.gets() if path == "/x.weights"] == [None, "bytes=100000-"]


def test_a_redirect_out_of_https_is_refused() -> None:
    request = urllib.request.Request("https://example.org/x")
    with pytest.raises(DownloadError, match=r"unencrypted address http://example\.org/y"):
        _Redirects().redirect_request(request, io.BytesIO(), 302, "Found", Message(), "http://example.org/y")


def test_a_redirect_to_another_protocol_is_refused(server: Files, tmp_path: Path) -> None:
    server.redirects["/moved"] = (302, f"ftp://{server.url.removeprefix('http://')}/x.weights")
    with pytest.raises(DownloadError, match="is not http or https"):
        fetch(f"{server.url}/moved", tmp_path / "x", pause=0.0)


def test_without_a_length_only_a_known_size_shows_that_a_file_is_complete(server: Files, tmp_path: Path) -> None:
    server.length = False
    with pytest.raises(DownloadError, match="does not state the length"):
        get(server, tmp_path / "x")
    server.cuts = [299_999]
    get(server, tmp_path / "x", size=300_000)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.gets()[-1][1]["Range"] == "bytes=299999-"


def test_without_a_length_more_than_the_known_size_is_noticed(server: Files, tmp_path: Path) -> None:
    server.length = False
    for _ in range(2):  # what was received does not count as complete the next time
        with pytest.raises(DownloadError, match=r"sends more than the 200,000 bytes"):
            get(server, tmp_path / "x", size=200_000)
    assert not (tmp_path / "x").exists()


def test_an_answer_that_continues_without_naming_its_version_can_be_continued(server: Files, tmp_path: Path) -> None:
    begin(server, tmp_path / "x")
    server.etag = False
    server.honour_if_range = False
    server.cuts = [100_000]
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.gets()[-1][1]["Range"] == "bytes=200000-"


def test_a_folder_of_the_name_is_an_error_before_anything_is_fetched(server: Files, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder, so no file can be downloaded to this name"):
        get(server, tmp_path)
    assert server.gets() == []


@pytest.mark.parametrize("status", [202, 203, 204])
def test_a_success_that_is_not_the_file_is_refused(server: Files, tmp_path: Path, status: int) -> None:
    server.answers = [status]
    with pytest.raises(DownloadError, match=rf"answers {status} .*, not with the file"):
        get(server, tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("address", ["http://[::1/", "http://127.0.0.1:port/", "http://a..b/", "http://a b/"])
def test_a_redirect_to_what_is_no_address_is_our_own_error(server: Files, tmp_path: Path, address: str) -> None:
    server.redirects["/x.weights"] = (302, address)
    with pytest.raises(DownloadError, match="is no address that can be opened, or redirects to none"):
        get(server, tmp_path / "x")
    assert len(server.gets()) == 1


@pytest.mark.parametrize(
    ("header", "message"),
    [({"Content-Type": "text/html; charset=utf-8"}, "a web page"), ({"Content-Encoding": "gzip"}, "as gzip")],
)
def test_a_response_that_is_not_the_file_is_refused(
    server: Files, tmp_path: Path, header: dict[str, str], message: str
) -> None:
    server.headers = header
    with pytest.raises(DownloadError, match=message):
        get(server, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_more_than_the_disk_holds_is_refused_at_once(server: Files, tmp_path: Path) -> None:
    server.headers = {"Content-Length": str(10**18)}
    with pytest.raises(DownloadError, match=r"1,000,000,000,000,000,000 are missing: make room"):
        get(server, tmp_path / "x")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://example.org/x", "x.weights"])
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="begins with http"):
        fetch(url, tmp_path / "x")


FETCH = """
import sys
from pathlib import Path
from vpt_gym.system.transfer import fetch
fetch(sys.argv[1], Path(sys.argv[2]))
"""


def start(server: Files, target: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", FETCH, f"{server.url}/x.weights", str(target)])


def test_two_processes_share_one_download(server: Files, tmp_path: Path) -> None:
    server.pause = 0.5
    first, second = start(server, tmp_path / "x"), start(server, tmp_path / "x")
    assert (first.wait(60), second.wait(60)) == (0, 0)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert len(server.gets()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x", "x.json"]


def test_a_killed_download_is_continued(server: Files, tmp_path: Path) -> None:
    server.files["/x.weights"] = content = CONTENT * 20
    server.pause = 0.05
    process = start(server, tmp_path / "x")
    part = tmp_path / "x.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= 1 << 20):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "x").exists()
    here = part.stat().st_size
    server.pause = 0.0
    get(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content
    assert server.gets()[-1][1]["Range"] == f"bytes={here}-"
    assert json.loads((tmp_path / "x.json").read_text())["size"] == len(content)


@pytest.mark.parametrize(
    "note",
    [
        '{"url": 5, "size": 300000, "validator": "x"}',
        '{"url": "URL", "size": "300000", "validator": "x"}',
        '{"url": "URL", "size": null, "validator": "x"}',
        '{"url": "URL", "size": -1, "validator": "x"}',
        '{"url": "URL", "size": true, "validator": "x"}',
        '{"url": "URL", "size": 1e300, "validator": "x"}',
        '{"url": "URL", "size": ' + "9" * 5000 + ', "validator": "x"}',
        '{"url": "URL", "size": 300000, "validator": 5}',
        '{"url": "URL", "size": 300000, "validator": ["x"]}',
        '{"url": "URL", "size": 300000, "validator": "x\\r\\nX-Injected: 1"}',
        '{"url": "URL", "size": 300000, "validator": "\\u00e9"}',
        '{"url": "URL", "size": 300000, "validator": "x", "more": 1}',
        "[1, 2, 3]",
        "[" * 50_000,
        "",
    ],
)
def test_a_damaged_note_of_a_partial_file_is_not_used(server: Files, tmp_path: Path, note: str) -> None:
    target = tmp_path / "x.weights"
    begin(server, target)
    target.with_name("x.weights.part.json").write_text(note.replace("URL", f"{server.url}/x.weights"))
    server.seen.clear()
    assert get(server, target).sha256 == SHA256
    assert target.read_bytes() == CONTENT
    assert all("X-Injected" not in headers and "Range" not in headers for _, headers in server.gets())


@pytest.mark.parametrize("record", ['{"url": 1, "size": "x", "sha256": []}', "[" * 50_000, '{"sha256": "\\u001b"}'])
def test_a_damaged_record_is_none(server: Files, tmp_path: Path, record: str) -> None:
    target = tmp_path / "x.weights"
    target.write_bytes(CONTENT)
    Record.path(target).write_text(record)
    assert Record.of(target) is None
    assert get(server, target).sha256 == SHA256


@pytest.mark.parametrize("length", ["9" * 5000, "\u00b2", "-1", "1_000"])
def test_a_length_that_is_no_number_is_refused(server: Files, tmp_path: Path, length: str) -> None:
    server.length = False
    server.headers["Content-Length"] = length.encode().decode("latin-1")
    with pytest.raises(DownloadError):
        get(server, tmp_path / "x.weights", attempts=1)


@pytest.mark.parametrize(
    "url", ["http://", "http://[", "http://x y/z", "http://x/\r\nHost: y", "http://x:99999/z", "http://x:port/z"]
)
def test_an_address_that_cannot_be_one_is_refused_at_once(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        fetch(url, tmp_path / "x")
