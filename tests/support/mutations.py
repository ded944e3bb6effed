"""Seeded changes to small files: what disks, transfers and strangers do to them."""

from __future__ import annotations

import io
import random
import re
import zipfile

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[A-Za-z_.]+|.', re.DOTALL)
_WORDS = (
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e308",
    b"NaN",
    b"-Infinity",
    b"99999999999999999999",
    b"1e999",
    b"9" * 5000,
    b'""',
    b'"\\u001b[31m"',
    b'"\\ud800"',
    b"[]",
    b"{}",
    b"[" * 3000,
    b'{"a":' * 3000,
    b'{"toString": 1}',
    b"[64.0, 96.0]",
    b"\xff\xfe",
    b"\n\n",
)
_NUMBERS = (b"\xff" * 8, bytes(8), b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f\xff\xff\xff\x7f", b"\x00\x00\x00\x80")


def flipped(content: bytes, rng: random.Random) -> bytes:
    """A copy with 1 to 20 changes: flipped bits, other bytes, cuts, repetitions, extreme numbers."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(max(len(changed), 1))
        match rng.randrange(7):
            case 0 | 1:
                changed[at : at + 1] = bytes([(changed[at] if changed else 0) ^ 1 << rng.randrange(8)])
            case 2:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 3:
                del changed[at + 1 : at + rng.randrange(2, 50)]
            case 4:
                changed[at:at] = changed[at : at + rng.randrange(1, 60)]
            case 5:
                number = rng.choice(_NUMBERS)
                changed[at : at + len(number)] = number
            case 6:
                if rng.random() < 0.2:
                    del changed[at + 1 :]
    return bytes(changed)


def reworded(content: bytes, rng: random.Random) -> bytes:
    """A copy of a text (JSON, XML) with 1 to 3 tokens replaced, removed, repeated or exchanged."""
    tokens = _TOKEN.findall(content)
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randrange(len(tokens))
        if rng.random() < 0.5:  # a value, rather than a comma
            values = [n for n, token in enumerate(tokens) if len(token) > 1 or token.isdigit()]
            at = rng.choice(values or [at])
        match rng.randrange(5):
            case 0 | 1:
                tokens[at] = rng.choice(_WORDS)
            case 2:
                tokens[at] = b""
            case 3:
                tokens[at] = tokens[at] * rng.choice([2, 3, 2000])
            case 4:
                tokens[at] = rng.choice(tokens)
    return b"".join(tokens)


def rearchived(content: bytes, rng: random.Random) -> bytes:
    """A copy of a zip archive with right checksums, in which one member is changed, renamed, removed or deflated."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = rng.choice(sorted(members))
    how = zipfile.ZIP_STORED
    match rng.randrange(6):
        case 0 | 1 | 2:
            head = rng.choice([80, 300, len(members[name])])
            members[name] = flipped(members[name][:head], rng) + members[name][head:]
        case 3:
            members[name + rng.choice(["", "x", "/../../x", "\x1b[31m"])] = members.pop(name)
        case 4:
            del members[name]
        case 5:
            how = rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", how) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return written.getvalue()


def mutated(content: bytes, rng: random.Random, *, text: bool = False, archive: bool = False) -> bytes:
    """A changed copy of a file.

    Args:
        content: The file.
        rng: Decides all changes.
        text: Whether the file is JSON or XML.
        archive: Whether the file is a zip archive.
    """
    if text and rng.random() < 0.7:
        return reworded(content, rng)
    if archive and rng.random() < 0.6:
        return rearchived(content, rng)
    return flipped(content, rng)
