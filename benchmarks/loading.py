"""How fast do contractor recordings become batches, compared with a plain OpenCV loop that keeps the same rules?

Makes recordings of 640x360 in the contractors' layout out of the embedded world, and reads them with

* ``plain``: the public loader's way: worker processes that decode with OpenCV, apply the rules, scale to 128x128 and
  send each frame through a queue, by two workers;
* ``DemoDataset``: its first pass (constructor and first epoch, nothing cached), and later passes.

Rounds of both alternate, each in a fresh process. Writes ``benchmarks/results/loading.json``. Run it with
``python -m benchmarks loading``.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from benchmarks.recording import actions
from vpt_gym.demos.contractor import WINDOW_HEIGHT
from vpt_gym.demos.cursor import CURSOR, draw
from vpt_gym.demos.records import BUTTON_OF_KEY, BUTTON_OF_MOUSE, EXTRA_KEY, RecordBuilder, to_line
from vpt_gym.machine import describe

EPISODES, TICKS = 4, 600
WORKERS, BATCH, SEQ_LEN = 2, 2, 16
ROUNDS = 5
LATER_PASSES = 3
QUEUE = 16  # frames, as in the public loader
RESULT = Path(__file__).parent / "results" / "loading.json"


def record(folder: Path) -> None:
    """Writes the recordings: what a video encoder makes by default, B-frames and key frames far apart included."""
    env = gym.make("vpt_gym/Harvest1Log-v0", image_size=(360, 640), max_episode_steps=10 * TICKS)
    for seed in range(EPISODES):
        obs, _ = env.reset(seed=seed)
        builder, plan = RecordBuilder(), actions(seed) + actions(seed + 1000)
        with av.open(str(folder / f"{seed}.mp4"), "w") as container, open(folder / f"{seed}.jsonl", "w") as lines:
            stream = container.add_stream("libx264", rate=20, options={"preset": "medium", "crf": "20"})
            stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 20)
            for t in range(TICKS):
                frame = np.ascontiguousarray(np.moveaxis(obs["rgb"], 0, -1))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                line = builder.build(plan[t], milli=0, state={"isGuiOpen": t % 200 > 180})
                del line[EXTRA_KEY]
                lines.write(to_line(line))
                obs, *_ = env.step(plan[t])
            container.mux(stream.encode(None))
    env.close()


def read_plainly(tasks: Any, output: Any) -> None:
    """One worker of the plain loop."""
    while (stem := tasks.get()) is not None:
        video = cv2.VideoCapture(f"{stem}.mp4")
        records = [json.loads(line) for line in Path(f"{stem}.jsonl").read_text().splitlines()]
        stuck, slot = False, 0
        for t, line in enumerate(records):
            mouse = line["mouse"]
            stuck = mouse["newButtons"] == [0] if t == 0 else stuck and 0 not in mouse["newButtons"]
            held = [BUTTON_OF_KEY[key] for key in line["keyboard"]["keys"] if key in BUTTON_OF_KEY]
            held += [BUTTON_OF_MOUSE[n] for n in mouse["buttons"] if n in BUTTON_OF_MOUSE and not (stuck and n == 0)]
            null = not held and mouse["dx"] == 0 and mouse["dy"] == 0
            if line["hotbar"] != slot:
                held.append(f"hotbar.{line['hotbar'] + 1}")
            slot = line["hotbar"]
            action = {**dict.fromkeys(held, 1), "camera": np.array([mouse["dy"], mouse["dx"]]) * 0.15}
            whole, frame = video.read()
            if not whole or null:
                continue
            if line["isGuiOpen"]:
                scale = frame.shape[0] / WINDOW_HEIGHT
                draw(np.asarray(frame, np.uint8), CURSOR, int(mouse["x"] * scale), int(mouse["y"] * scale))
            cv2.cvtColor(frame, cv2.COLOR_BGR2RGB, dst=frame)
            output.put((cv2.resize(frame, (128, 128), interpolation=cv2.INTER_LINEAR), action))
    output.put(None)


def plain(folder: Path) -> dict[str, float]:
    """Reads every recording once with the plain loop; returns frames per second, null ones (skipped) counted too."""
    tasks: Any = multiprocessing.Queue()
    outputs: list[Any] = [multiprocessing.Queue(maxsize=QUEUE) for _ in range(WORKERS)]
    start = time.perf_counter()
    for path in sorted(folder.glob("*.mp4")):
        tasks.put(str(path.with_suffix("")))
    for _ in range(WORKERS):
        tasks.put(None)
    processes = [multiprocessing.Process(target=read_plainly, args=(tasks, output), daemon=True) for output in outputs]
    for process in processes:
        process.start()
    emitted, running = 0, list(outputs)
    while running:
        for output in list(running):
            if output.get() is None:
                running.remove(output)
            else:
                emitted += 1
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    return {"fps": EPISODES * TICKS / seconds, "emitted_fps": emitted / seconds}


def dataset(folder: Path) -> dict[str, float]:
    """Reads every recording with ``DemoDataset``; returns frames per second of the first pass and of later ones."""
    from vpt_gym.demos import DemoDataset

    start = time.perf_counter()
    demos = DemoDataset(folder, seq_len=SEQ_LEN, batch_size=BATCH, workers=WORKERS)
    decoded = time.perf_counter()
    batches = sum(1 for _ in demos)
    first = time.perf_counter()
    later = sum(1 for _ in range(LATER_PASSES) for _ in demos)
    end = time.perf_counter()
    frames = BATCH * SEQ_LEN
    return {
        "fps": demos.n_ticks / (first - start),
        "decoding_fps": demos.n_ticks / (decoded - start),
        "later_fps": frames * later / (end - first),
        "batches": batches,
    }


def in_a_fresh_process(name: str, folder: Path) -> dict[str, float]:
    """Runs one of the two functions above in a process of its own, and returns its result."""
    code = (
        "import json, sys; from pathlib import Path; from benchmarks import loading; "
        f"import torch; print(json.dumps(loading.{name}(Path({str(folder)!r}))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measures, prints and writes the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder)
        size = sum(path.stat().st_size for path in folder.glob("*.mp4"))
        rounds = [(in_a_fresh_process("plain", folder), in_a_fresh_process("dataset", folder)) for _ in range(ROUNDS)]

    def median(which: int, key: str) -> float:
        return statistics.median(one[which][key] for one in rounds)

    result = {
        "what": f"{EPISODES} recordings of {TICKS} ticks at 640x360, {WORKERS} workers; medians of {ROUNDS} rounds",
        "machine": describe("av", "opencv-python-headless", "numpy", "torch"),
        "video_bytes_per_frame": round(size / (EPISODES * TICKS)),
        "plain_fps": round(median(0, "fps")),
        "plain_emitted_fps": round(median(0, "emitted_fps")),
        "first_pass_fps": round(median(1, "fps")),
        "first_pass_decoding_fps": round(median(1, "decoding_fps")),
        "first_pass_ratio": round(statistics.median(ours["fps"] / other["fps"] for other, ours in rounds), 2),
        "first_pass_ratio_all": [round(ours["fps"] / other["fps"], 2) for other, ours in rounds],
        "later_passes_fps": round(median(1, "later_fps")),
        "later_passes_ratio": round(statistics.median(ours["later_fps"] / other["fps"] for other, ours in rounds), 1),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
