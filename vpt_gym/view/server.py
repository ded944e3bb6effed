"""The web server of ``vpt-gym view``: the page, the episodes as JSON, and their videos with range requests.

It listens on the loopback interface only. Every address begins with a random token, so that neither other users of
this machine nor other web pages can reach it. It also refuses requests for another host name (DNS rebinding), and
changes that another page requests.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import sys
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from vpt_gym.demos import Demo, DemoError, read_demo
from vpt_gym.demos.files.folders import below_in_words, demos_below
from vpt_gym.demos.files.names import DemoFiles
from vpt_gym.demos.library.library import DemoLibrary
from vpt_gym.view.timeline import timeline

if TYPE_CHECKING:
    from vpt_gym.view.predictions import Predictions

LOOPBACK = "127.0.0.1"
MAX_PORT = 65535

_SCRIPTS = "view.js", "list.js", "timeline.js", "element.js", "numbers.js"
_PAGE = {
    "": ("index.html", "text/html; charset=utf-8"),
    **{name: (name, "text/javascript; charset=utf-8") for name in _SCRIPTS},
    "view.css": ("view.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src data:; frame-ancestors 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address contains the token
    "X-Content-Type-Options": "nosniff",
}
_BLOCK = 1 << 18

FileStates = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and time of the last change, nanoseconds, of each file of a demo; None for one that is missing."""


class ViewServer(ThreadingHTTPServer):
    """Serves one directory of demos to a browser on this machine.

    Args:
        library: The directory.
        predictions: Predictions of an agent to compare with the episodes; None for no agent.
        port: Port on 127.0.0.1; 0 chooses a free one.

    Attributes:
        library: The directory.
        predictions: Predictions of the agent, or None.
        token: The first part of every address.

    Raises:
        OSError: The port is in use, or may not be opened.
        ValueError: The port number is invalid.
    """

    daemon_threads = True

    def __init__(self, library: DemoLibrary, predictions: Predictions | None = None, *, port: int = 0) -> None:
        self.library = library
        self.predictions = predictions
        self.token = secrets.token_urlsafe(16)
        self._last_read: ReadDemo | None = None
        if not 0 <= port <= MAX_PORT:
            raise ValueError(f"port is {port}; it must be 1 to {MAX_PORT}, or 0 for a free one")
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise OSError(
                f"cannot listen on {LOOPBACK}:{port} ({error.strerror}); choose another port, or 0 for a free one"
            ) from error

    def files(self, demo_id: str, *, rejected: bool = False) -> DemoFiles:
        """Returns the paths of a demo's files: those of the last one at once, as finding them lists the directory.

        Args:
            demo_id: The id.
            rejected: Which one, if two demos have this id: the rejected one, or the other.

        Raises:
            KeyError: The directory has no demo with this id.
        """
        last = self._last_read
        if last is not None and last.asked == (demo_id, rejected) and last.state == state_of(last.demo.files):
            return last.demo.files
        return self.library.files(demo_id, rejected=rejected)

    def read(self, demo_id: str, *, rejected: bool = False) -> ReadDemo:
        """Reads a demo, unless it was the last one and has not changed: the page asks often while an agent watches it.

        Raises:
            KeyError: The directory has no demo with this id.
            DemoError: The demo is damaged.
        """
        files = self.files(demo_id, rejected=rejected)
        state, last = state_of(files), self._last_read
        if last is not None and last.demo.files == files and last.state == state:
            return last
        self._last_read = read = ReadDemo((demo_id, rejected), state, read_demo(files.video))
        return read

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports an error, except that a browser closed its connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def hosts(self) -> tuple[str, str]:
        """The host names, with the port, under which a browser on this machine reaches the server."""
        return f"{LOOPBACK}:{self.server_port}", f"localhost:{self.server_port}"

    @property
    def url(self) -> str:
        """The address to open, including the token."""
        chosen = self.library.chosen
        return f"http://{self.hosts[0]}/{self.token}/" + (
            "" if chosen is None else f"#{quote(chosen, safe='', errors='surrogateescape')}"
        )

    @cached_property
    def note_if_empty(self) -> str:
        """What the page and the terminal say while the directory has no demo, since one may be recorded meanwhile."""
        directory = self.library.directory
        command = f"vpt-gym record --out {shlex.quote(str(directory))}"
        note = f"{directory} has no demo yet. The page shows one when it is recorded ({command})"
        below = below_in_words(demos_below(directory))
        return f"{note}; {below}" if below else note


class ReadDemo(NamedTuple):
    """A demo that was read, and for what."""

    asked: tuple[str, bool]
    """Its id, and whether a rejected demo was asked for."""
    state: FileStates
    """``state_of`` its files, before they were read."""
    demo: Demo


def state_of(files: DemoFiles) -> FileStates:
    """Returns what changes with the content of a demo's files; None for a file that there is not, or not any more."""
    states: list[tuple[int, int, int] | None] = []
    for path in files.all:
        try:
            stat = path.stat()
        except OSError:
            states.append(None)
        else:
            states.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(states)


class _HttpError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: ViewServer
    protocol_version = "HTTP/1.1"  # keeps connections open
    timeout = 60

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.close_connection = True  # the body is not read
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: there are too many requests for parts of a video."""

    def _answer(self) -> None:
        try:
            self._route()
        except _HttpError as error:
            self._send_json({"error": str(error)}, error.status)
        except KeyError as error:
            self._send_json({"error": error.args[0]}, HTTPStatus.NOT_FOUND)
        except DemoError as error:
            self._send_json({"error": str(error)}, HTTPStatus.UNPROCESSABLE_ENTITY)
        except FileExistsError as error:
            self._send_json({"error": str(error)}, HTTPStatus.CONFLICT)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the browser stopped loading the video
        except Exception as error:  # every request has an answer: the page shows it
            self._send_json({"error": str(error) or type(error).__name__}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _route(self) -> None:
        if self.headers.get("Host") not in self.server.hosts:
            raise _HttpError(
                HTTPStatus.FORBIDDEN,
                f"this server answers to {' and '.join(self.server.hosts)} only; forward the same port number",
            )
        try:
            path = urlsplit(self.path).path
        except ValueError as error:  # such as an address with half a pair of brackets
            raise _HttpError(HTTPStatus.BAD_REQUEST, f"{self.path} is no address: {error}") from error
        # names of files that are not UTF-8 have surrogates, as in os.fsdecode
        parts = [unquote(part, errors="surrogateescape") for part in path.split("/")[1:]]
        if not secrets.compare_digest(parts[0].encode(errors="surrogateescape"), self.server.token.encode()):
            raise _HttpError(
                HTTPStatus.NOT_FOUND, "open the complete address that vpt-gym view printed, including the token"
            )
        if self.command == "POST":
            self._post(parts[1:])
        else:
            self._get(parts[1:])

    def _get(self, parts: list[str]) -> None:
        match parts:
            case [name] if name in _PAGE:
                file, kind = _PAGE[name]
                self._send(package_files("vpt_gym.view").joinpath("page", file).read_bytes(), kind)
            case ["api", "episodes"]:
                agent, rows = self.server.predictions, self.server.library.rows()
                self._send_json(
                    {
                        "directory": str(self.server.library.directory),
                        "agent": None if agent is None else agent.name,
                        "episodes": rows,
                        "note": "" if rows else self.server.note_if_empty,
                    }
                )
            case ["api", "episodes" | "rejected" as folder, demo_id]:
                self._send_json(timeline(self.server.read(demo_id, rejected=folder == "rejected").demo))
            case ["api", "episodes" | "rejected" as folder, demo_id, "predictions"]:
                self._send_predictions(demo_id, rejected=folder == "rejected")
            case ["api", "episodes" | "rejected" as folder, demo_id, "video"]:
                self._send_video(self.server.files(demo_id, rejected=folder == "rejected").video)
            case _:
                raise _HttpError(HTTPStatus.NOT_FOUND, f"there is no page {self.path}")

    def _post(self, parts: list[str]) -> None:
        # A page of another origin cannot send this type, nor this origin, without a preflight request (CORS).
        if self.headers.get_content_type() != "application/json":
            raise _HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "changes need Content-Type: application/json")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.server.hosts]:
            raise _HttpError(HTTPStatus.FORBIDDEN, f"changes from {origin} are not accepted")
        match parts:
            case ["api", "episodes", demo_id, "reject"]:
                self.server.library.reject(demo_id)
            case ["api", "rejected", demo_id, "restore"]:
                self.server.library.restore(demo_id)
            case _:
                raise _HttpError(HTTPStatus.NOT_FOUND, f"there is nothing to change at {self.path}")
        self._send_json({"done": True})

    def _send_predictions(self, demo_id: str, *, rejected: bool) -> None:
        if self.server.predictions is None:
            raise _HttpError(HTTPStatus.NOT_FOUND, "no agent was given: vpt-gym view DIR --agent CHECKPOINT")
        read = self.server.read(demo_id, rejected=rejected)
        found = self.server.predictions.poll(read.demo, read.state)
        if isinstance(found, int):
            self._send_json({"done": found, "ticks": len(read.demo)}, HTTPStatus.ACCEPTED)
        else:
            self._send_json(found.as_json())

    def _send_video(self, path: Path) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise _HttpError(HTTPStatus.NOT_FOUND, f"{path} is missing") from None
        with file:
            size = os.fstat(file.fileno()).st_size
            part = byte_range(self.headers.get("Range"), size)
            if part is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self._send_headers({"Content-Range": f"bytes */{size}", "Content-Length": "0"})
                return
            complete = part == (0, size)
            self.send_response(HTTPStatus.OK if complete else HTTPStatus.PARTIAL_CONTENT)
            headers = {
                "Content-Type": "video/mp4",
                "Accept-Ranges": "bytes",
                "Content-Length": str(part.end - part.start),
            }
            if not complete:
                headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
            self._send_headers(headers)
            if self.command == "HEAD":
                return
            try:
                self._send_part(file, part)
            except (OSError, EOFError):  # too late for an error response: the headers have been sent
                self.close_connection = True

    def _send_part(self, file: BinaryIO, part: ByteRange) -> None:
        file.seek(part.start)
        left = part.end - part.start
        while left:
            block = file.read(min(_BLOCK, left))
            if not block:
                raise EOFError(f"{file.name} became shorter while it was sent")
            self.wfile.write(block)
            left -= len(block)

    def _send_json(self, content: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        try:
            body = json.dumps(content, allow_nan=False)
        except ValueError:  # metadata may contain NaN, which JSON cannot express: it becomes a string
            body = json.dumps(json.loads(json.dumps(content), parse_constant=str))
        self._send(body.encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self._send_headers({"Content-Type": kind, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_headers(self, headers: dict[str, str]) -> None:
        for name, value in {**_HEADERS, **headers}.items():
            self.send_header(name, value)
        if self.close_connection:  # else a browser may send the next request on it
            self.send_header("Connection", "close")
        self.end_headers()


class ByteRange(NamedTuple):
    """A part of a file."""

    start: int
    end: int
    """Index of the last byte, plus one."""


def byte_range(header: str | None, size: int) -> ByteRange | None:
    """Returns the part of a file of ``size`` bytes that a ``Range`` header requests (RFC 9110, section 14).

    A header that is absent, malformed, or requests several parts means the complete file.

    Returns:
        The part; None if it starts after the end of the file.
    """
    match = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", (header or "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return ByteRange(0, size)
    if not match[1]:
        count = int(match[2])
        return ByteRange(max(size - count, 0), size) if count and size else None
    start, end = int(match[1]), int(match[2]) + 1 if match[2] else size
    if match[2] and end <= start:
        return ByteRange(0, size)
    return ByteRange(start, min(end, size)) if start < size else None
