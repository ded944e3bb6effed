"""The server, tested with real HTTP requests: its content, range requests, and access control."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.counter_demos import write_counter_demo
from tests.support.running_view import running_view
from vpt_gym.demos import DemoError, list_demos
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.server import ViewServer, byte_range

JSON = {"Content-Type": "application/json"}
HUGE = f"bytes=0-{'9' * 5000}"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return write_counter_demo(tmp_path, ticks=30)


@pytest.fixture
def server(demo: Path) -> Iterator[ViewServer]:
    with running_view(DemoLibrary(demo)) as server:
        yield server


def ask(
    server: ViewServer,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, f"/{server.token if token is None else token}/{path}", headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def error(body: bytes) -> str:
    message: str = json.loads(body)["error"]
    return message


def test_a_browser_that_disconnects_is_not_reported(demo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_view(DemoLibrary(demo)) as server:
        connection = socket.create_connection(("127.0.0.1", server.server_port))
        connection.sendall(b"GET / HTTP/1.1\r\n")  # the rest of the request never comes
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.3)  # the server reads by now
        connection.close()  # resets the connection
        assert ask(server, "")[0].status == 200
        time.sleep(0.3)
    assert capfd.readouterr().err == ""


def test_errors_of_the_server_itself_are_reported(
    demo: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: object, client_address: object) -> None:
        raise RuntimeError("out of order")

    with running_view(DemoLibrary(demo)) as server:
        monkeypatch.setattr(server, "finish_request", broken)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(server, "")
    assert "out of order" in capfd.readouterr().err


def test_the_page_needs_nothing_from_elsewhere(server: ViewServer) -> None:
    bodies = []
    for name, kind in (
        ("", "text/html"),
        ("view.js", "text/javascript"),
        ("list.js", "text/javascript"),
        ("timeline.js", "text/javascript"),
        ("element.js", "text/javascript"),
        ("numbers.js", "text/javascript"),
        ("view.css", "text/css"),
    ):
        answer, body = ask(server, name)
        assert answer.status == 200
        assert str(answer.getheader("Content-Type")).startswith(kind)
        assert "default-src 'self'" in str(answer.getheader("Content-Security-Policy"))
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        bodies.append(body)
    for body in bodies:
        assert b"http://" not in body
        assert b"https://" not in body


def test_the_episodes_and_their_ticks(server: ViewServer, demo: Path) -> None:
    listing = json.loads(ask(server, "api/episodes")[1])
    assert (listing["directory"], listing["agent"]) == (str(demo.parent), None)
    assert [(row["id"], row["ticks"]) for row in listing["episodes"]] == [(demo.stem, 30)]
    episode = json.loads(ask(server, f"api/episodes/{demo.stem}")[1])
    assert (episode["id"], episode["ticks"]) == (demo.stem, 30)
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/#{demo.stem}"


def test_the_directory_is_not_listed_for_each_part_of_a_video(
    server: ViewServer, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings: list[str] = []
    files = DemoLibrary.files

    def counted(library: DemoLibrary, demo_id: str, *, rejected: bool = False) -> Any:
        listings.append(demo_id)
        return files(library, demo_id, rejected=rejected)

    monkeypatch.setattr(DemoLibrary, "files", counted)
    ask(server, f"api/episodes/{demo.stem}")
    for start in range(3):
        answer, _ = ask(server, f"api/episodes/{demo.stem}/video", headers={"Range": f"bytes={start}-9"})
        assert answer.status == 206
    assert listings == [demo.stem]
    server.library.reject(demo.stem)
    assert ask(server, f"api/episodes/{demo.stem}/video")[0].status == 200
    assert listings == [demo.stem] * 2


def test_a_demo_is_read_again_only_when_it_changes(server: ViewServer, demo: Path) -> None:
    found = server.read(demo.stem)
    assert server.read(demo.stem) is found
    metadata = json.loads(demo.read_text())
    for success in (False, True):
        demo.write_text(json.dumps({**metadata, "success": success}))
        assert server.read(demo.stem).demo.success is success
    server.library.reject(demo.stem)
    assert server.read(demo.stem).demo.files.directory == demo.parent / "rejected"
    demo.with_name("rejected").joinpath(demo.stem + ".mp4").unlink()
    with pytest.raises(DemoError, match="is missing"):
        server.read(demo.stem)


def test_an_empty_directory_says_so_until_a_demo_is_recorded(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "below", ticks=3)
    with running_view(DemoLibrary(tmp_path)) as server:
        listing = json.loads(ask(server, "api/episodes")[1])
        assert listing["episodes"] == []
        assert listing["note"] == (
            f"{tmp_path} has no demo yet. The page shows one when it is recorded (vpt-gym record --out {tmp_path}); "
            f"demos in folders below are not included: {tmp_path / 'below'} (1)"
        )
        demo = write_counter_demo(tmp_path, ticks=3)
        listing = json.loads(ask(server, "api/episodes")[1])
        assert ([row["id"] for row in listing["episodes"]], listing["note"]) == ([demo.stem], "")


def test_the_command_for_an_empty_directory_can_be_copied(tmp_path: Path) -> None:
    folder = tmp_path / "my demos"
    folder.mkdir()
    with running_view(DemoLibrary(folder)) as server:
        assert f"(vpt-gym record --out '{folder}')" in server.note_if_empty


def test_a_name_with_odd_characters_is_served(server: ViewServer, demo: Path) -> None:
    name = "a b#c?d&e%2F<é>"
    for suffix in (".mp4", ".jsonl", ".json"):
        demo.with_suffix(suffix).rename(demo.with_name(name + suffix))
    answer, body = ask(server, f"api/episodes/{quote(name, safe='')}/video")
    assert answer.status == 200
    assert body == demo.with_name(name + ".mp4").read_bytes()


def test_metadata_that_json_cannot_express_still_reaches_the_page(server: ViewServer, demo: Path) -> None:
    demo.write_text(json.dumps({**json.loads(demo.read_text()), "temperature": float("nan")}))
    answer, body = ask(server, f"api/episodes/{demo.stem}")
    assert answer.status == 200
    assert json.loads(body, parse_constant=pytest.fail)["metadata"]["temperature"] is None


def test_a_damaged_demo_is_reported(server: ViewServer, demo: Path) -> None:
    demo.with_suffix(".mp4").unlink()
    answer, body = ask(server, f"api/episodes/{demo.stem}")
    assert answer.status == 422
    assert "mp4 is missing" in error(body)
    answer, body = ask(server, f"api/episodes/{demo.stem}/video")
    assert answer.status == 404
    assert "is missing" in error(body)


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=500-", 500, None),
        ("bytes=-300", -300, None),
        ("bytes=10-99999999", 10, None),
    ],
)
def test_a_part_of_the_video(server: ViewServer, demo: Path, header: str, start: int, end: int | None) -> None:
    video = demo.with_suffix(".mp4").read_bytes()
    answer, body = ask(server, f"api/episodes/{demo.stem}/video", headers={"Range": header})
    assert answer.status == 206
    assert body == video[start:end]
    first = start % len(video)
    assert answer.getheader("Content-Range") == f"bytes {first}-{first + len(body) - 1}/{len(video)}"
    assert answer.getheader("Content-Type") == "video/mp4"


def test_the_complete_video_and_its_headers(server: ViewServer, demo: Path) -> None:
    video = demo.with_suffix(".mp4").read_bytes()
    answer, body = ask(server, f"api/episodes/{demo.stem}/video")
    assert (answer.status, answer.getheader("Accept-Ranges"), body) == (200, "bytes", video)
    answer, body = ask(server, f"api/episodes/{demo.stem}/video", method="HEAD")
    assert (answer.status, answer.getheader("Content-Length"), body) == (200, str(len(video)), b"")


def test_a_part_after_the_end(server: ViewServer, demo: Path) -> None:
    size = demo.with_suffix(".mp4").stat().st_size
    answer, body = ask(server, f"api/episodes/{demo.stem}/video", headers={"Range": f"bytes={size}-"})
    assert (answer.status, answer.getheader("Content-Range"), body) == (416, f"bytes */{size}", b"")


@pytest.mark.parametrize("header", [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b", HUGE])
def test_an_invalid_range_requests_the_complete_video(header: str | None) -> None:
    assert byte_range(header, 10) == (0, 10)


@pytest.mark.parametrize("address", ["http://[", "http://[x]/", "//[/", "http://a]b/"])
def test_what_is_no_address_is_answered(server: ViewServer, capfd: pytest.CaptureFixture[str], address: str) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        host = f"127.0.0.1:{server.server_port}"
        client.sendall(f"GET {address} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, "error" in json.loads(answer.read())) in [(400, True), (404, True)]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_without_a_byte(header: str, size: int) -> None:
    assert byte_range(header, size) is None


def test_one_connection_serves_several_requests(server: ViewServer, demo: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    for path in ("", "api/episodes", f"api/episodes/{demo.stem}/video", "nothing", "view.js"):
        connection.request("GET", f"/{server.token}/{path}", headers={"Range": "bytes=0-9"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == {"nothing": 404, f"api/episodes/{demo.stem}/video": 206}.get(path, 200)
    connection.close()


def test_changes_and_reading_take_turns_on_one_connection(server: ViewServer, demo: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    for method, path in (
        ("POST", f"episodes/{demo.stem}/reject"),
        ("GET", "episodes"),
        ("POST", "nothing"),
        ("GET", ""),
    ):
        connection.request(method, f"/{server.token}/api/{path}", body="{}" if method == "POST" else None, headers=JSON)
        answer = connection.getresponse()
        assert (answer.status == 200) is ("episodes" in path)
        assert "error" in json.loads(answer.read()) or answer.status == 200
    connection.close()


def test_a_browser_that_hangs_up_harms_nobody(
    server: ViewServer, demo: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with demo.with_suffix(".mp4").open("ab") as video:
        video.write(bytes(20_000_000))
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        host = f"127.0.0.1:{server.server_port}"
        client.sendall(f"GET /{server.token}/api/episodes/{demo.stem}/video HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    assert ask(server, "api/episodes")[0].status == 200
    assert capfd.readouterr().err == ""


def test_marking_moves_the_demo_and_back(server: ViewServer, demo: Path) -> None:
    answer, _ = ask(server, f"api/episodes/{demo.stem}/reject", method="POST", headers=JSON)
    assert answer.status == 200
    assert list_demos(demo.parent) == []
    assert list_demos(demo.parent / "rejected") == [demo.parent / "rejected" / demo.name]
    assert json.loads(ask(server, "api/episodes")[1])["episodes"][0]["rejected"] is True
    assert ask(server, f"api/episodes/{demo.stem}/video")[0].status == 200
    answer, _ = ask(server, f"api/rejected/{demo.stem}/restore", method="POST", headers=JSON)
    assert answer.status == 200
    assert list_demos(demo.parent) == [demo]


def test_a_failed_rejection_is_reported(server: ViewServer, demo: Path) -> None:
    (demo.parent / "rejected").mkdir()
    (demo.parent / "rejected" / demo.name).write_text("another")
    answer, body = ask(server, f"api/episodes/{demo.stem}/reject", method="POST", headers=JSON)
    assert answer.status == 409
    assert "exists already" in error(body)


def test_it_listens_on_the_loopback_only(server: ViewServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("token", ["", "x", "..", "%2e%2e"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_served_without_the_token(server: ViewServer, demo: Path, token: str, method: str) -> None:
    for path in ("", "api/episodes", f"api/episodes/{demo.stem}/video", f"api/episodes/{demo.stem}/reject"):
        answer, body = ask(server, path, method=method, token=token, headers=JSON)
        assert answer.status == 404
        assert demo.stem.encode() not in body
    assert list_demos(demo.parent) == [demo]


def test_tokens_differ(server: ViewServer, demo: Path) -> None:
    with ViewServer(DemoLibrary(demo)) as other:
        assert other.token != server.token
        assert len(other.token) >= 20


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example", ""])
def test_another_host_name_is_refused(server: ViewServer, demo: Path, host: str) -> None:
    answer, body = ask(server, f"api/episodes/{demo.stem}/reject", method="POST", headers={**JSON, "Host": host})
    assert answer.status == 403
    assert str(server.server_port) in error(body)
    assert ask(server, "", headers={"Host": host})[0].status == 403
    assert list_demos(demo.parent) == [demo]


def test_localhost_is_taken(server: ViewServer) -> None:
    assert ask(server, "", headers={"Host": f"localhost:{server.server_port}"})[0].status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({**JSON, "Origin": "http://evil.example"}, 403),
        ({**JSON, "Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({}, 415),
    ],
)
def test_changes_from_another_page_are_refused(
    server: ViewServer, demo: Path, headers: dict[str, str], status: int
) -> None:
    answer, _ = ask(server, f"api/episodes/{demo.stem}/reject", method="POST", headers=headers)
    assert answer.status == status
    assert list_demos(demo.parent) == [demo]


def test_reading_changes_nothing(server: ViewServer, demo: Path) -> None:
    assert ask(server, f"api/episodes/{demo.stem}/reject")[0].status == 404
    assert list_demos(demo.parent) == [demo]


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "server.py",
        "../server.py",
        "api/episodes/..%2f..%2foutside/video",
        "api/episodes/../../outside/video",
        "api/episodes/%2Fetc%2Fpasswd/video",
        "api/episodes/x%00y/video",
        "view.js%00.html",
    ],
)
def test_no_path_leads_out(server: ViewServer, path: str) -> None:
    answer, body = ask(server, path)
    assert answer.status == 404
    assert "error" in json.loads(body)


def test_other_methods_are_refused(server: ViewServer, demo: Path) -> None:
    for method in ("PUT", "DELETE", "OPTIONS"):
        answer, _ = ask(server, f"api/episodes/{demo.stem}", method=method)
        assert answer.status == 501
        assert answer.getheader("Access-Control-Allow-Origin") is None


def test_predictions_need_an_agent(server: ViewServer, demo: Path) -> None:
    answer, body = ask(server, f"api/episodes/{demo.stem}/predictions")
    assert answer.status == 404
    assert "--agent" in error(body)


def test_a_port_in_use_is_an_error(server: ViewServer, demo: Path) -> None:
    episodes: Any = DemoLibrary(demo)
    with pytest.raises(OSError, match=f"127.0.0.1:{server.server_port} .*in use.*; choose another port"):
        ViewServer(episodes, port=server.server_port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_an_error(demo: Path, port: int) -> None:
    with pytest.raises(ValueError, match=f"port is {port}; it must be 1 to 65535"):
        ViewServer(DemoLibrary(demo), port=port)
