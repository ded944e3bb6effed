"""How fast are contractor recordings loaded into batches, compared with the public loader?

Records 640x360 videos in the contractors' format in the embedded world, encoded in two ways: ``recorder``, as by our
recorder (large, but fast to decode per byte), and ``x264``, with the defaults of libx264 and with B-frames (a quarter
of the size). Reads them, with two workers, by

* ``public``: the loader of openai/Video-Pre-Training, step by step: worker processes that decode with OpenCV, apply the
  rules, clip, scale to 128x128, and send each frame through a queue;
* ``plain``: the same without the steps that a simple loop does not need (clip the frame, fill a dictionary of 24 keys);
* ``DemoDataset``: the first pass (constructor and first epoch, nothing cached), and later passes. Null ticks are cut,
  as in the other two.

``decoding`` is the lower bound for any loader: PyAV decodes the frames, in two threads, and nothing else is done.

Rounds alternate, each in a new process. Wall time and processor time are both measured: if other programs run, only
processor time is reliable. Writes ``benchmarks/results/loading.json``. Run it with
``python -m benchmarks loading``.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import gymnasium as gym
import numpy as np

import vpt_gym  # noqa: F401 (registers the environments)
from benchmarks.recording import actions
from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos.files.contractor import WINDOW_HEIGHT
from vpt_gym.demos.files.cursor import CURSOR, draw
from vpt_gym.demos.files.records import BUTTON_OF_KEY, BUTTON_OF_MOUSE, EXTRA_KEY, RecordBuilder, to_line
from vpt_gym.demos.files.video import VideoWriter
from vpt_gym.system.machine import describe

EPISODES, TICKS = 4, 600
FRAMES = EPISODES * TICKS
WORKERS, BATCH, SEQ_LEN = 2, 2, 16
ROUNDS = 5
LATER_PASSES = 3
QUEUE = 16  # frames, as in the public loader
KINDS = ("recorder", "x264")
RESULT = Path(__file__).parent / "results" / "loading.json"


def record(folder: Path) -> None:
    """Writes the recordings of both kinds, each kind to its own directory."""
    env = gym.make("vpt_gym/Harvest1Log-v0", image_size=(360, 640), max_episode_steps=10 * TICKS)
    for kind in KINDS:
        (folder / kind).mkdir()
    for seed in range(EPISODES):
        obs, _ = env.reset(seed=seed)
        builder, plan = RecordBuilder(), actions(seed) + actions(seed + 1000)
        video = VideoWriter(folder / "recorder" / f"{seed}.mp4", (360, 640))
        with (
            open(folder / "recorder" / f"{seed}.jsonl", "w", encoding="utf-8") as lines,
            av.open(str(folder / "x264" / f"{seed}.mp4"), "w") as container,
        ):
            stream = container.add_stream("libx264", rate=20)
            stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
            for t in range(TICKS):
                frame = np.ascontiguousarray(np.moveaxis(obs["rgb"], 0, -1))
                video.append(frame)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                line = builder.build(plan[t], milli=0, state={"isGuiOpen": t % 200 > 180})
                del line[EXTRA_KEY]
                lines.write(to_line(line))
                obs, *_ = env.step(plan[t])
            container.mux(stream.encode(None))
        video.close()
        shutil.copy(folder / "recorder" / f"{seed}.jsonl", folder / "x264")
    env.close()


def processor_seconds() -> float:
    """Returns the processor time of this process and of its finished child processes."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def read_one_by_one(tasks: Any, output: Any, exact: bool) -> None:
    """Runs one worker of the plain loop or of the public loader."""
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
            action: dict[str, Any] = dict.fromkeys(BUTTONS, 0) if exact else {}
            action |= {**dict.fromkeys(held, 1), "camera": np.array([mouse["dy"], mouse["dx"]]) * 0.15}
            whole, frame = video.read()
            if not whole or null:
                continue
            if line["isGuiOpen"]:
                scale = frame.shape[0] / WINDOW_HEIGHT
                draw(np.asarray(frame, np.uint8), CURSOR, int(mouse["x"] * scale), int(mouse["y"] * scale))
            cv2.cvtColor(frame, cv2.COLOR_BGR2RGB, dst=frame)
            if exact:
                frame = np.asarray(np.clip(frame, 0, 255), np.uint8)
            output.put((cv2.resize(frame, (128, 128), interpolation=cv2.INTER_LINEAR), action))
    output.put(None)


def public(folder: Path) -> dict[str, float]:
    """Reads every recording once as the public loader does."""
    return one_by_one(folder, exact=True)


def plain(folder: Path) -> dict[str, float]:
    """Reads every recording once with the plain loop."""
    return one_by_one(folder, exact=False)


def one_by_one(folder: Path, *, exact: bool) -> dict[str, float]:
    """Returns frames per second (skipped null ticks count too) and processor time per frame."""
    tasks: Any = multiprocessing.Queue()
    outputs: list[Any] = [multiprocessing.Queue(maxsize=QUEUE) for _ in range(WORKERS)]
    start, busy = time.perf_counter(), processor_seconds()
    for path in sorted(folder.glob("*.mp4")):
        tasks.put(str(path.with_suffix("")))
    for _ in range(WORKERS):
        tasks.put(None)
    processes = [
        multiprocessing.Process(target=read_one_by_one, args=(tasks, output, exact), daemon=True) for output in outputs
    ]
    for process in processes:
        process.start()
    running = list(outputs)
    while running:
        running = [output for output in running if output.get() is not None]
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    return {"fps": FRAMES / seconds, "processor_ms": 1e3 * (processor_seconds() - busy) / FRAMES}


def dataset(folder: Path) -> dict[str, float]:
    """Returns frames per second of the first pass and of later ones, and processor time per frame of both."""
    from vpt_gym.demos import DemoDataset

    start, busy = time.perf_counter(), processor_seconds()
    demos = DemoDataset(folder, seq_len=SEQ_LEN, batch_size=BATCH, workers=WORKERS, drop_null="cut")
    for _ in demos:
        pass
    first, busy_first = time.perf_counter(), processor_seconds()
    later = BATCH * SEQ_LEN * sum(1 for _ in range(LATER_PASSES) for _ in demos)
    return {
        "fps": FRAMES / (first - start),
        "processor_ms": 1e3 * (busy_first - busy) / FRAMES,
        "later_fps": later / (time.perf_counter() - first),
        "later_processor_ms": 1e3 * (processor_seconds() - busy_first) / later,
    }


def decoding(folder: Path) -> dict[str, float]:
    """Decodes every recording once."""

    def decode(path: Path) -> None:
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for _ in container.decode(video=0):
                pass

    start, busy = time.perf_counter(), processor_seconds()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(decode, sorted(folder.glob("*.mp4"))))
    seconds = time.perf_counter() - start
    return {"fps": FRAMES / seconds, "processor_ms": 1e3 * (processor_seconds() - busy) / FRAMES}


def in_a_fresh_process(name: str, folder: Path) -> dict[str, float]:
    """Runs one of the four functions above in a new process, and returns its result."""
    code = (
        "import json, sys; from pathlib import Path; from benchmarks import loading; "
        f"import torch; print(json.dumps(loading.{name}(Path({str(folder)!r}))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(folder: Path) -> dict[str, Any]:
    """Returns the figures of one kind of recordings."""
    names = ("public", "plain", "decoding", "dataset")
    rounds = [{name: in_a_fresh_process(name, folder) for name in names} for _ in range(ROUNDS)]

    def median(name: str, key: str) -> float:
        return statistics.median(one[name][key] for one in rounds)

    def ratios(name: str, key: str, ours: str) -> dict[str, Any]:
        values = [one["dataset"][ours] / one[name][key] for one in rounds]
        values = [1 / value for value in values] if key.endswith("ms") else values
        return {"median": round(statistics.median(values), 2), "all": [round(value, 2) for value in values]}

    return {
        "video_bytes_per_frame": round(sum(path.stat().st_size for path in folder.glob("*.mp4")) / FRAMES),
        "fps": {name: round(median(name, "fps")) for name in names},
        "processor_ms_per_frame": {name: round(median(name, "processor_ms"), 3) for name in names},
        "later_passes_fps": round(median("dataset", "later_fps")),
        "later_passes_processor_ms_per_frame": round(median("dataset", "later_processor_ms"), 4),
        "first_pass_ratio": {name: ratios(name, "fps", "fps") for name in names[:3]},
        "first_pass_ratio_of_processor_time": {
            name: ratios(name, "processor_ms", "processor_ms") for name in names[:3]
        },
        "later_passes_ratio": {name: ratios(name, "fps", "later_fps") for name in names[:2]},
    }


def main() -> None:
    """Measures, prints and writes the result."""
    with tempfile.TemporaryDirectory() as name:
        record(Path(name))
        kinds = {kind: measure(Path(name) / kind) for kind in KINDS}
    result = {
        "what": f"{EPISODES} recordings of {TICKS} ticks at 640x360, {WORKERS} workers; medians of {ROUNDS} rounds",
        "machine": describe("av", "opencv-python-headless", "numpy", "torch"),
        **kinds,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
