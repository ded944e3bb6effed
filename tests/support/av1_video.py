"""Writes AV1 videos in a process of their own.

Where root runs it, libsvtav1 gives its process the real-time priority FIFO 99 for good. All later tests of the process,
and the programs that they start, would push others off the processors.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.support.paths import ROOT


def write_av1(path: Path, frames: npt.NDArray[np.uint8]) -> None:
    """Writes RGB frames (T, H, W, 3) at 20 frames a second."""
    command = [sys.executable, "-m", "tests.support.av1_video", str(path), *map(str, frames.shape[:3])]
    subprocess.run(command, input=frames.tobytes(), check=True, stderr=subprocess.DEVNULL, cwd=ROOT)


def main(path: str, length: int, height: int, width: int) -> None:
    """Reads the frames from standard input, and writes the video."""
    frames = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(length, height, width, 3)
    with av.open(path, "w") as container:
        stream: Any = container.add_stream("libsvtav1", rate=20, options={"preset": "12"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
