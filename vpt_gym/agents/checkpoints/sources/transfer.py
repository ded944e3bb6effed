"""Downloads one file: it resumes where it was cut, and takes nothing for whole that is not."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from vpt_gym.agents.checkpoints.errors import DownloadError
from vpt_gym.system.file_lock import exclusive_lock

Progress = Callable[[int, int], None]
"""Is told (bytes here, bytes in all) while a file grows."""

_Kept = TypeVar("_Kept")

_CHUNK = 1 << 20
_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
"""Answers of a server that may be another one in a moment."""


class _Interrupted(Exception):
    """The transfer broke off; another attempt may go on from there."""


class _Stale(_Interrupted):
    """The part that was begun is not of the file that the server has now; another attempt begins anew."""


@dataclass(frozen=True)
class Record:
    """What is known of a downloaded file; kept beside it.

    Attributes:
        url: Where it came from.
        size: In bytes.
        sha256: Hexadecimal.
    """

    url: str
    size: int
    sha256: str

    @staticmethod
    def path(file: Path) -> Path:
        """Where the record of a file is kept."""
        return file.with_name(f"{file.name}.json")

    @classmethod
    def of(cls, file: Path) -> Record | None:
        """Returns the record of a file; None if there is none, as for a file that was put there by hand."""
        return _read_json(cls.path(file), cls)


@dataclass(frozen=True)
class _Part:
    """What is known of a file that is not whole yet.

    Attributes:
        url: Where it comes from.
        size: Of the whole, in bytes.
        validator: What the server calls this version of the file (ETag or date); empty if it says nothing.
    """

    url: str
    size: int
    validator: str


def fetch(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: Progress | None = None,
    attempts: int = 5,
    pause: float = 1.0,
    timeout: float = 30.0,
) -> Record:
    """Downloads a file. It appears under its name only when it is whole; until then it grows beside it.

    A transfer that breaks off is taken up again, here and by the next call, where the server can continue one and
    says that the file is still the same. Of several processes that want the same file one downloads, the others wait.

    Args:
        url: An http or https address.
        target: The file to write; replaced if it is there. Its folder is made.
        size: The size that it must have, bytes.
        sha256: The hash that it must have.
        progress: Told how far it is.
        attempts: Give up after so many in a row that brought nothing.
        pause: Seconds before the second attempt; doubled before each further one.
        timeout: Seconds without a byte after which a connection counts as broken.

    Returns:
        Its record, which is also written beside it (see :class:`Record`).

    Raises:
        DownloadError: The server cannot be reached or has no such file, the transfer keeps breaking off, or what it
            offers is not the file: the message says which, and what to do.
        ValueError: The address is not http or https.
    """
    if not re.match(r"https?://", url):
        raise ValueError(f"an address begins with http:// or https://, got {url!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    lock = target.with_name(f"{target.name}.lock")
    with exclusive_lock(lock):
        record = Record.of(target)
        fits = record is not None and (record.url, record.size) == (url, _length(target))
        # It can be here by now: another process has fetched it meanwhile.
        if record is None or not fits or size not in (None, record.size) or sha256 not in (None, record.sha256):
            _transfer(url, part, size, sha256 is not None, progress, attempts, pause, timeout)
            record = _finish(url, part, target, sha256)
        lock.unlink(missing_ok=True)  # whoever still waits for it finds the file whole
        return record


def hash_of(file: Path) -> str:
    """Returns a file's SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def _transfer(
    url: str,
    part: Path,
    size: int | None,
    hash_is_known: bool,
    progress: Progress | None,
    attempts: int,
    pause: float,
    timeout: float,
) -> None:
    """Brings the part to its full length, in as many attempts as bring something."""
    failures, furthest = 0, _length(part)
    while True:
        try:
            return _continue(url, part, size, hash_is_known, progress, timeout)
        except _Interrupted as error:
            if isinstance(error, _Stale):
                part.unlink(missing_ok=True)
            here = _length(part)
            failures = 0 if here > furthest else failures + 1
            furthest = max(furthest, here)
            if failures >= attempts:
                raise DownloadError(
                    f"{url} breaks off again and again ({error}); {here:,} bytes are in {part}. "
                    "Run it again to go on from there"
                ) from error
            time.sleep(pause * 2 ** max(0, failures - 1))


def _continue(
    url: str, part: Path, size: int | None, hash_is_known: bool, progress: Progress | None, timeout: float
) -> None:
    """Makes one attempt to bring the part to its full length."""
    note = _read_json(Record.path(part), _Part)
    have = _length(part)
    # Without a validator or a hash nobody would notice that the rest belongs to another version of the file.
    if note is None or note.url != url or have > note.size or not (note.validator or hash_is_known):
        have = 0
    elif have == note.size and size in (None, have):
        return
    headers = {"User-Agent": "vpt-gym", "Accept-Encoding": "identity"}
    if have and note is not None:
        headers["Range"] = f"bytes={have}-"
        if note.validator:
            headers["If-Range"] = note.validator
    with _open(url, headers, timeout, began=have > 0) as response:
        if response.status == 206:
            total = _total_of_range(response, have)
            if total is None or note is None or total != note.size:
                raise _Stale("the server continued another file than the one that was begun")
        else:
            have, total = 0, _announced(response, size)
        _check_offer(response, url, total, size)
        _check_room(part, total - have)
        _write_json(Record.path(part), _Part(url, total, _validator(response)))
        with part.open("r+b" if have else "wb") as file:
            file.truncate(have)
            file.seek(have)
            _pour(response, file, have, total, progress)


def _pour(
    response: http.client.HTTPResponse, file: IO[bytes], have: int, total: int, progress: Progress | None
) -> None:
    if progress is not None:
        progress(have, total)
    while have < total:
        try:
            block = response.read(min(_CHUNK, total - have))
        except (OSError, http.client.HTTPException) as error:
            raise _Interrupted(f"{type(error).__name__} after {have:,} of {total:,} bytes") from error
        if not block:
            raise _Interrupted(f"the connection ended after {have:,} of {total:,} bytes")
        file.write(block)
        have += len(block)
        if progress is not None:
            progress(have, total)
    file.flush()
    os.fsync(file.fileno())


def _finish(url: str, part: Path, target: Path, sha256: str | None) -> Record:
    """Gives a complete part its name, if its hash is the right one."""
    record = Record(url, _length(part), hash_of(part))
    if sha256 is not None and record.sha256 != sha256:
        part.unlink()
        Record.path(part).unlink()
        raise DownloadError(
            f"{url} is not the file that was expected: its SHA-256 is {record.sha256}, not {sha256}. It was removed. "
            "Try again or from another place; a file that you trust can be given by its path"
        )
    _write_json(Record.path(target), record)
    os.replace(part, target)
    Record.path(part).unlink()
    return record


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, also 308, which Python 3.10 does not know; never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise DownloadError(f"{req.full_url} redirects to the unprotected address {newurl}, which is refused")
        return super().redirect_request(req, fp, 307 if code == 308 else code, msg, headers, newurl)

    http_error_308 = urllib.request.HTTPRedirectHandler.http_error_302


def _open(url: str, headers: Mapping[str, str], timeout: float, began: bool) -> http.client.HTTPResponse:
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        response: http.client.HTTPResponse = urllib.request.build_opener(_Redirects).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _TEMPORARY:
            raise _Interrupted(f"the server answers {error.code} {error.reason}") from error
        if error.code == 416 and began:
            raise _Stale("the server's file is shorter than the part that was begun") from error
        raise DownloadError(f"the server answers {error.code} {error.reason} for {url}") from error
    except urllib.error.URLError as error:
        if began:
            raise _Interrupted(f"{error.reason}") from error
        raise DownloadError(f"{url} cannot be reached: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f"{type(error).__name__}: {error}") from error
    return response


def _announced(response: http.client.HTTPResponse, size: int | None) -> int:
    length = response.headers.get("Content-Length")
    if length is not None and length.isdigit():
        return int(length)
    if size is None:
        raise DownloadError(
            f"{response.url} does not say how long the file is, so a part could not be told from the whole; "
            "fetch it from another place"
        )
    return size


def _total_of_range(response: http.client.HTTPResponse, start: int) -> int | None:
    """Returns the size of the whole by the answer to a request for its rest; None if it is not that rest."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start or int(match[2]) + 1 != int(match[3]):
        return None
    return int(match[3])


def _check_offer(response: http.client.HTTPResponse, url: str, total: int, size: int | None) -> None:
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{url} answers with a web page, not with a file: does this network ask for a login?")
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise DownloadError(f"{url} sends the file as {encoding} although that was not asked for; use another mirror")
    if size is not None and total != size:
        raise DownloadError(
            f"{url} offers {total:,} bytes, the published file has {size:,}: it is another file. "
            "One that you trust can be given by its path"
        )


def _check_room(part: Path, missing: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise DownloadError(
            f"{part.parent} has {free:,} bytes free, {missing:,} are missing: make room, or choose another folder"
        )


def _validator(response: http.client.HTTPResponse) -> str:
    """Returns what identifies this version of the file in ``If-Range``: a strong ETag, or the date."""
    etag: str = response.headers.get("ETag", "")
    if etag.startswith('"'):
        return etag
    date: str = response.headers.get("Last-Modified", "")
    return date


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _read_json(path: Path, kind: Callable[..., _Kept]) -> _Kept | None:
    """Reads a record; None if there is none, or not a whole one."""
    try:
        return kind(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write_json(path: Path, record: Record | _Part) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")
    os.replace(temporary, path)
