"""Checks that a zip archive has one directory, so that every reader finds the same members in it.

Readers look for the directory in different ways: PyTorch's goes to the position that the end of the archive states,
Python's takes the bytes before the end. An archive could show each of them another directory.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_END = struct.Struct("<4s4H2LH")
"""Signature, number of this disk and of the directory's, members on this disk and in all, size and position of the
directory, length of the comment that follows."""
_LOCATOR = struct.Struct("<4sLQL")
"""In an archive with 64-bit numbers: signature, disk, position of the record with these numbers, disks."""
_END_64 = struct.Struct("<4sQ2H2L4Q")
"""Signature, size of what follows, versions, disks, members on this disk and in all, size and position."""


def has_one_directory(path: Path) -> bool:
    """Returns whether an archive ends with its directory, whose position is stated correctly, and with no comment."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END) - _END.size
        if end < 0:
            return False
        file.seek(end)
        signature, *_, members, size, position, comment = _END.unpack(file.read(_END.size))
        if signature != b"PK\5\6" or comment:
            return False
        stated = [(members, 0xFFFF), (size, 0xFFFFFFFF), (position, 0xFFFFFFFF)]
        before = end - _LOCATOR.size - _END_64.size
        if before >= 0:
            file.seek(before)
            record, locator = file.read(_END_64.size), _LOCATOR.unpack(file.read(_LOCATOR.size))
            if locator[0] == b"PK\6\7":
                signature, *_, members, size, position = _END_64.unpack(record)
                numbers = zip(stated, (members, size, position), strict=True)
                if (
                    signature != b"PK\6\6"
                    or locator[2] != before
                    or any(a not in (most, b) for (a, most), b in numbers)
                ):
                    return False
                end = before
        return bool(position + size == end)
