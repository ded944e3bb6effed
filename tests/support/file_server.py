"""A small HTTP server for files that can misbehave in the ways that servers and networks do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.local_server import serve


@dataclass
class Files:
    """What a server has and how it behaves; may be changed while it runs.

    Attributes:
        files: Contents by path (``/a/b``).
        ranges: Continue a file where asked to.
        honour_if_range: ... only if it is still the same.
        etag: Send one. It follows from the content.
        length: Send Content-Length.
        cuts: So many bytes of the body the first, second, ... answer brings before the connection breaks.
        answers: Statuses of the first, second, ... answer in place of the file (200 is the file).
        redirects: (status, address) by path.
        headers: More headers of every answer.
        pause: Seconds before each 100 kB of a body.
        seen: (method, path, headers) of every request.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    honour_if_range: bool = True
    etag: bool = True
    length: bool = True
    cuts: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    redirects: dict[str, tuple[int, str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def gets(self) -> list[tuple[str, dict[str, str]]]:
        """Path and headers of every GET."""
        return [(path, headers) for method, path, headers in self.seen if method == "GET"]


@contextmanager
def serving(files: Files) -> Iterator[Files]:
    """Serves on any free port of this machine; ``files.url`` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *args: object) -> None:
            pass

        def _answer(self, body: bool) -> None:
            files.seen.append((self.command, self.path, dict(self.headers)))
            status = files.answers.pop(0) if files.answers else 200
            content = files.files.get(self.path)
            if self.path in files.redirects:
                status, address = files.redirects[self.path]
                self._head(status, 0, {"Location": address})
                return
            if status != 200 or content is None:
                self._head(404 if status == 200 else status, 0, {})
                return
            start, headers = 0, {}
            etag = f'"{hash(content) & 0xFFFFFFFF:x}"'
            if files.etag:
                headers["ETag"] = etag
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            same = self.headers.get("If-Range", etag) == etag or not files.honour_if_range
            if asked and files.ranges and same:
                start = int(asked[1])
                if start >= len(content):
                    self._head(416, 0, {"Content-Range": f"bytes */{len(content)}"})
                    return
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            rest = content[start:]
            # Before the head goes out: a client that leaves at the head must not take the cut of the one after it.
            cut = files.cuts.pop(0) if body and files.cuts else None
            self._head(status, len(rest) if files.length else None, headers)
            if body:
                self._send(rest[:cut])
                if cut is not None or not files.length:
                    self.close_connection = True

        def _head(self, status: int, length: int | None, headers: dict[str, str]) -> None:
            self.send_response(status)
            if length is None:
                headers["Connection"] = "close"
            else:
                headers["Content-Length"] = str(length)
            for name, value in {"Content-Type": "application/octet-stream", **headers, **files.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def _send(self, rest: bytes) -> None:
            for begin in range(0, len(rest), 100_000):
                time.sleep(files.pause)
                try:
                    self.wfile.write(rest[begin : begin + 100_000])
                except ConnectionError:  # the client has gone
                    self.close_connection = True
                    return

    with serve(Handler) as files.url:
        yield files
