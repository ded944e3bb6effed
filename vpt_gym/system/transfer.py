"""Downloads one file, continues an interrupted download, and checks that the result is complete.

This is our own code because no maintained library does it: pooch starts again from the first byte, huggingface_hub
downloads only from its Hub, and smaller packages continue a file without asking whether the server still has the same
one (``If-Range``).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from vpt_gym.system.file_lock import exclusive_lock
from vpt_gym.system.json_text import parse_json
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.printable import printable, shown

Progress = Callable[[int, int], None]
"""Called with (bytes received, bytes in total) during a download."""

_Kept = TypeVar("_Kept")

_CHUNK = 1 << 20
_HEADER = re.compile(r"[\x20-\x7e]*")
"""What may be sent as the value of a header."""
_LENGTH = re.compile(r"[0-9]{1,19}")
_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP status codes after which a later attempt may succeed."""
_MISSING = frozenset({404, 410})


class DownloadError(RuntimeError):
    """A file could not be downloaded completely, or is not the one that was asked for."""

    def __str__(self) -> str:
        return printable(super().__str__())


class MissingFile(DownloadError):
    """The server was reached and has no such file (HTTP 404 or 410)."""


class _Interrupted(Exception):
    """The transfer was interrupted; another attempt may continue it."""


class _Stale(_Interrupted):
    """The partial file is not of the file that the server has now; another attempt starts from the beginning."""


@dataclass(frozen=True)
class Record:
    """The origin, size and hash of a downloaded file; stored next to it.

    Attributes:
        url: The address that it was downloaded from.
        size: In bytes.
        sha256: Hexadecimal.

    Raises:
        ValueError: A value is of another type or form.
    """

    url: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        _check_note(self.url, self.size)
        if not isinstance(self.sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"sha256 is {shown(self.sha256)}")

    @staticmethod
    def path(file: Path) -> Path:
        """Returns the path of the record of a file."""
        return file.with_name(f"{file.name}.json")

    @classmethod
    def of(cls, file: Path) -> Record | None:
        """Returns the record of a file; None if there is none, as for a file that was copied there by hand."""
        return _read_json(cls.path(file), cls)


@dataclass(frozen=True)
class _Part:
    """The origin and version of a file that is not complete yet.

    Attributes:
        url: The address that it is downloaded from.
        size: Of the complete file, in bytes.
        validator: The server's name of this version of the file (ETag or date); empty if it sends none. It is sent
            back as a header, so it is one line of ASCII.

    Raises:
        ValueError: A value is of another type or form.
    """

    url: str
    size: int
    validator: str

    def __post_init__(self) -> None:
        _check_note(self.url, self.size)
        if not isinstance(self.validator, str) or not _HEADER.fullmatch(self.validator):
            raise ValueError(f"the validator is {shown(self.validator)}")


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
    """Downloads a file. It appears under its name only when it is complete; until then it has the suffix ``.part``.

    An interrupted transfer is continued, by this call and by the next one, if the server supports that and confirms
    that the file is still the same. If several processes need the same file, one downloads it and the others wait.

    Args:
        url: An http or https address.
        target: The file to write; replaced if it exists. Its folder is made.
        size: The size that it must have, bytes.
        sha256: The hash that it must have.
        progress: Called during the download.
        attempts: Give up after this many in a row without progress.
        pause: Seconds before the second attempt; doubled before each later one.
        timeout: Seconds without data after which a connection counts as broken.

    Returns:
        Its record, which is also written next to it (see :class:`Record`).

    Raises:
        MissingFile: The server has no such file; a ``DownloadError``.
        OSError: The file cannot be written.
        DownloadError: The server cannot be reached, the transfer is interrupted repeatedly, or the server sends another
            file. The message names the cause and the remedy.
        ValueError: The address is not http or https, or cannot be one.
    """
    _check_address(url)
    make_directory(target.parent)
    if target.is_dir():  # before hours of work
        raise IsADirectoryError(f"{target} is a folder, so no file can be downloaded to this name; move it away")
    part = target.with_name(f"{target.name}.part")
    lock = target.with_name(f"{target.name}.lock")
    with exclusive_lock(lock):
        record = Record.of(target)
        fits = record is not None and (record.url, record.size) == (url, _length(target))
        # Another process may have downloaded it in the meantime.
        if record is None or not fits or size not in (None, record.size) or sha256 not in (None, record.sha256):
            _transfer(url, part, size, sha256 is not None, progress, attempts, pause, timeout)
            record = _finish(url, part, target, sha256)
        lock.unlink(missing_ok=True)  # a process that still waits for it finds the complete file
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
    """Completes the partial file, in as many attempts as make progress."""
    failures, furthest = 0, _length(part)
    while True:
        try:
            return _continue(url, part, size, hash_is_known, progress, timeout)
        except _Interrupted as error:
            if isinstance(error, _Stale):
                part.unlink(missing_ok=True)
            received = _length(part)
            failures = 0 if received > furthest else failures + 1
            furthest = max(furthest, received)
            if failures >= attempts:
                raise DownloadError(
                    f"{url} was interrupted repeatedly ({error}); {received:,} bytes are in {part}. "
                    "Run it again to continue from there"
                ) from error
            time.sleep(pause * 2 ** max(0, failures - 1))


def _continue(
    url: str, part: Path, size: int | None, hash_is_known: bool, progress: Progress | None, timeout: float
) -> None:
    """Makes one attempt to complete the partial file."""
    note = _read_json(Record.path(part), _Part)
    have = _length(part)
    # Without a validator or a hash, a rest from another version of the file would not be noticed.
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
        if response.status not in (200, 206):
            raise DownloadError(f"the server answers {response.status} {response.reason} for {url}, not with the file")
        if response.status == 206:
            total = _total_of_range(response, have)
            if total is None or note is None or total != note.size or not _same_version(response, note.validator):
                raise _Stale("the server continued with a different file")
        else:
            have, total = 0, _announced(response, size)
        _check_offer(response, url, total, size)
        _check_room(part, total - have)
        validator = _validator(response) or (note.validator if have and note is not None else "")
        _write_json(Record.path(part), _Part(url, total, validator))
        with part.open("r+b" if have else "wb") as file:
            file.truncate(have)
            file.seek(have)
            _receive(response, file, have, total, progress)


def _receive(
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
        have += len(block)
        if have == total and "Content-Length" not in response.headers:
            _check_end(response, total)  # before the last block is written: then the partial file counts as complete
        file.write(block)
        if progress is not None:
            progress(have, total)
    file.flush()
    os.fsync(file.fileno())


def _check_end(response: http.client.HTTPResponse, total: int) -> None:
    """Checks that nothing follows a file whose length the server did not state."""
    try:
        more = response.read(1)
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f"{type(error).__name__} after {total:,} bytes, before the end") from error
    if more:
        raise DownloadError(
            f"{response.url} sends more than the {total:,} bytes of the published file: it is another file. "
            "One that you trust can be given by its path"
        )


def _finish(url: str, part: Path, target: Path, sha256: str | None) -> Record:
    """Renames a complete partial file, if its hash is correct."""
    record = Record(url, _length(part), hash_of(part))
    if sha256 is not None and record.sha256 != sha256:
        part.unlink()
        Record.path(part).unlink()
        raise DownloadError(
            f"{url} is not the file that was expected: its SHA-256 is {record.sha256}, not {sha256}. It was removed. "
            "Try again or from another place; a file that you trust can be given by its path"
        )
    Record.path(target).unlink(missing_ok=True)  # never that of one file beside another
    os.replace(part, target)
    _write_json(Record.path(target), record)
    Record.path(part).unlink()
    return record


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, including 308, which Python 3.10 does not; never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise DownloadError(f"{req.full_url} redirects to the unencrypted address {newurl}, which is refused")
        if not newurl.startswith(("https:", "http:")):
            raise DownloadError(f"{req.full_url} redirects to {newurl}, which is refused: it is not http or https")
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
            raise _Stale("the server's file is shorter than the partial file") from error
        kind = MissingFile if error.code in _MISSING else DownloadError
        raise kind(f"the server answers {error.code} {error.reason} for {url}") from error
    except urllib.error.URLError as error:
        if began:
            raise _Interrupted(f"{error.reason}") from error
        raise DownloadError(f"{url} cannot be reached: {error.reason}") from error
    except (ValueError, http.client.InvalidURL) as error:  # of urllib, or of the encoding of a name for DNS
        raise DownloadError(f"{url} is no address that can be opened, or redirects to none ({error})") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f"{type(error).__name__}: {error}") from error
    return response


def _announced(response: http.client.HTTPResponse, size: int | None) -> int:
    length = response.headers.get("Content-Length")
    if length is not None and _LENGTH.fullmatch(length):
        return int(length)
    if size is None:
        raise DownloadError(
            f"{response.url} does not state the length of the file, so an incomplete one could not be noticed; "
            "download it from another place"
        )
    return size


def _total_of_range(response: http.client.HTTPResponse, start: int) -> int | None:
    """Returns the size of the complete file from the answer to a range request; None if it is another range."""
    match = re.fullmatch(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})", response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start or int(match[2]) + 1 != int(match[3]):
        return None
    return int(match[3])


def _check_offer(response: http.client.HTTPResponse, url: str, total: int, size: int | None) -> None:
    if response.headers.get_content_type() == "text/html":
        raise DownloadError(f"{url} answers with a web page, not with a file: does this network ask for a login?")
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise DownloadError(f"{url} sends the file as {encoding}, which was not requested; use another mirror")
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
    if etag.startswith('"') and _HEADER.fullmatch(etag):
        return etag
    date: str = response.headers.get("Last-Modified", "")
    return date if _HEADER.fullmatch(date) else ""


def _same_version(response: http.client.HTTPResponse, validator: str) -> bool:
    """Returns False if an answer names another version than a partial file has, as of a server without ``If-Range``."""
    named = response.headers.get("ETag" if validator.startswith('"') else "Last-Modified", "")
    return not validator or named in ("", validator)


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _read_json(path: Path, kind: Callable[..., _Kept]) -> _Kept | None:
    """Reads a record; None if there is none, or it cannot be read."""
    try:
        return kind(**parse_json(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _check_note(url: object, size: object) -> None:
    if not isinstance(url, str) or not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 10**19:
        raise ValueError(f"the address is {shown(url)} and the size {shown(size)}")


def _check_address(url: str) -> None:
    problem = "" if re.match(r"https?://", url) else "an address begins with http:// or https://"
    try:
        parts = urllib.parse.urlsplit(url)
        if not problem and (not parts.hostname or not _HEADER.fullmatch(url) or " " in url or parts.port == 0):
            problem = "an address names a server and has no spaces or other characters that must be written as %20"
    except ValueError as error:  # of the host or port
        problem = f"this is no address ({error})"
    if problem:
        raise ValueError(f"{problem}, got {shown(url)}")


def _write_json(path: Path, record: Record | _Part) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")
    os.replace(temporary, path)
