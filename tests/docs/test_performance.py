"""The tables of docs/performance.md show what the files of results say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").replace("\N{MULTIPLICATION SIGN}", "x")
ENGINES = ("fp32", "bf16", "int8")
CONVOLUTIONS = "only the convolutions in bf16"
SIZES = ("128x128", "160x256", "360x640")
POLICY_FRAMES = {
    "policy": '`image_size="policy"`',
    "policy, rgb only": '`image_size="policy", observations=["rgb"]`',
    "160x256, scaled": "`image_size=(160, 256)`, then scaled",
    "360x640, scaled": "`image_size=(360, 640)`, then scaled",
}
VECTORS = {
    "make_vec": "`gym.make_vec` (threads)",
    "SyncVectorEnv": "`SyncVectorEnv`",
    "AsyncVectorEnv": "`AsyncVectorEnv`",
}


def results(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("size", SIZES)
def test_the_worlds_ticks(size: str) -> None:
    ticks = results("world")["ticks_per_processor_second"][size]
    assert f"| {size} | {ticks:,} |" in PAGE
    for readme in ("README.md", "README.zh.md"):
        assert f"{ticks:,}" in (ROOT / readme).read_text(encoding="utf-8")


@pytest.mark.parametrize("way", POLICY_FRAMES)
def test_frames_for_a_policy(way: str) -> None:
    assert f"| {POLICY_FRAMES[way]} | {results('world')['ticks_with_frames_for_a_policy'][way]:,} |" in PAGE


@pytest.mark.parametrize("way", VECTORS)
def test_several_worlds(way: str) -> None:
    rates = results("world")["vector_ticks_per_second"][way]
    assert f"| {VECTORS[way]} | {' | '.join(f'{rate:,}' for rate in rates.values())} |" in PAGE


def test_what_several_worlds_gain() -> None:
    world, tried = results("world"), results("worker_processes")
    assert f"threads give {world['ratios']['make_vec_of_8_to_of_1']} times" in PAGE
    assert f"other give {world['ratios']['two_processes_of_4_to_make_vec_of_1']} times" in PAGE.replace("\n", " ")
    assert f"gave {tried['ratios']['make_vec_of_8_with_2_processes_to_of_1']} times" in PAGE


@pytest.mark.parametrize("size", ["nano", "1x", "2x", "3x", "1x, 8", "nano, 16"])
def test_acting(size: str) -> None:
    name, streams = (*size.split(", "), "1")[:2]
    found = results("agent")["cpu"][f"{name}, {streams} stream{'s' * (streams != '1')}"]
    each = 1 / int(streams)
    cells = [f"{each * found['plain']['ms_per_tick']['median']:.1f}"]
    cells += [f"{each * found[e]['ms_per_tick']['median']:.1f} ({found[e]['times_plain']:.2f}x)" for e in ENGINES]
    cells.append(f"{each * found['int8']['limit_ms']:.1f}")
    title = name if streams == "1" else f"{name}, {streams} environments, per frame"
    assert f"| {title} | {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize("name", ["nano", "1x", "2x", "3x"])
def test_agreement_with_the_policy(name: str) -> None:
    found = results("agent")["cpu"][f"{name}, 1 stream"]
    cells = []
    for engine in ("bf16", "int8"):
        same = [round(100 * found[engine][f"same_best_{part}"]) for part in ("buttons", "camera")]
        cells += [f"{found[engine]['kl_mean']:.4f}", f"{same[0]} % / {same[1]} %"]
    assert f"| {name} | {' | '.join(cells)} |" in PAGE


@pytest.mark.parametrize(
    ("way", "row"),
    [
        ("one frame a step", "the published loop: one frame per step, 8 streams per update"),
        ("T=64", "T = 64, fp32"),
        ("T=64, bf16", "T = 64, bf16"),
        ("T=128, bf16", "T = 128, bf16"),
        ("T=128, bf16, checkpointing", "T = 128, bf16, checkpointing"),
        ("8 x T=64, image network frozen, its features cached", "8 x T = 64, image network frozen, features cached"),
    ],
)
def test_training(way: str, row: str) -> None:
    found = results("training")["1x"][way]
    rate = found["frames_per_second"]
    cells = f"{rate['median']:.1f} ({rate['q1']:.1f} to {rate['q3']:.1f}) | {found['times_the_first']}x"
    assert f"| {row} | {cells} | {found['peak_memory_gb']:.1f} GB |" in PAGE


def test_what_was_reached_of_the_goals() -> None:
    world, training = results("world"), results("training")["nano"]
    acting = {name: results("agent")["cpu"][f"{name}, 1 stream"] for name in ("nano", "1x", "2x", "3x")}
    onnx = results("baselines")["nano"]["ONNX Runtime"]["ms_per_tick"]["median"]
    ms = {name: min(found[e]["ms_per_tick"]["median"] for e in ENGINES) for name, found in acting.items()}
    rates = {
        name: training[f"nano, {name}"]["frames_per_second"]["median"] for name in ("8 x T=16, bf16", CONVOLUTIONS)
    }
    limit = {name: found["int8"]["limit_ms"] for name, found in acting.items()}
    times = " and ".join(str(acting[name]["int8"]["times_plain"]) for name in ("2x", "3x"))
    bounds = " and ".join(f"{limit[name]:.1f} of {ms[name]:.1f} ms" for name in ("2x", "3x"))
    loaded = [results("loading")[kind]["first_pass_ratio"]["public"]["median"] for kind in ("recorder", "x264")]
    many = {
        x: found["ms_per_tick"]["median"] / 16
        for x, found in results("agent")["cpu"]["nano, 16 streams"].items()
        if x in (*ENGINES, "plain")
    }
    for row in (
        f"| 0.35 ms | {min(many[e] for e in ENGINES):.2f} ms | the plain network takes {many['plain']:.2f} ms |",
        f"| 1.0 ms | {ms['nano']:.1f} ms | arithmetic and weights take {limit['nano']:.1f} ms, the calls of "
        f"many small operators the rest; ONNX Runtime takes {onnx:.1f} ms |",
        f"| 14 ms | {ms['1x']:.1f} ms | arithmetic and weights alone take {limit['1x']:.1f} ms |",
        f"| 2.9 | {times} | {bounds} ",
        f"| 1,400 | {rates['8 x T=16, bf16']:,.0f} | its convolutions alone reach {rates[CONVOLUTIONS]:,.0f} |",
        f"| 1.7 | {world['ratios']['make_vec_of_8_to_of_1']} |",
        f"| 1.8 | {world['ratios']['policy_frames_to']['360x640, scaled']:.1f} |",
        f"| 1.5 | {loaded[0]} and {loaded[1]} |",
        f"| 1.2 s | {world['first_tick_seconds']['warm_cache']} s |",
    ):
        assert row in PAGE


@pytest.mark.parametrize("size", ["1x", "2x", "3x"])
def test_acting_on_a_cuda_device(size: str) -> None:
    found = results("gpu")[f"acting, {size}"]
    one, many = found[f"{size}, 1 stream"], found[f"{size}, 64 streams"]
    cells = [f"{one['plain']['ms_per_tick']['median']:.1f}"]
    cells += [
        f"{one[engine]['ms_per_tick']['median']:.1f} ({one[engine]['times_plain']:.2f}x)" for engine in ENGINES[:2]
    ]
    cells += [f"{many[way]['frames_per_second']:,.0f}" for way in ("plain", *ENGINES[:2])]
    assert f"| {size} | {' | '.join(cells)} |" in PAGE


def test_what_is_said_of_a_cuda_device() -> None:
    found = results("gpu")
    assert f"`1x` in bf16 takes {found['compiled']['1x, 1 stream, bf16, ms_per_tick']:.2f} ms" in PAGE
    for way in ("policy, without TF32", "engine fp32, without TF32", "engine fp32, PyTorch's default"):
        assert str(found["parity"][way]["largest_difference_of_a_log_probability"]) in PAGE
    assert f"`3x` plays {found['acting, 3x']['3x, 64 streams']['bf16']['frames_per_second']:,.0f} frames" in PAGE


def test_how_fast_ppo_is() -> None:
    found = results("ppo")
    assert f"| 400 | {found['ppo']:.0f} | playing alone reaches {found['playing']:.0f}" in PAGE
    assert f"plays {found['ppo']:.0f} ticks a second" in (ROOT / "docs/results.md").read_text(encoding="utf-8")
    said = f"learns {found['ppo']:.0f} ticks a second in total; without learning,\nit plays {found['playing']:.0f}"
    assert said in (ROOT / "docs/jobs/ppo.md").read_text(encoding="utf-8")


def test_how_long_a_round_of_dagger_takes() -> None:
    rows = results("end_to_end")["rows"]
    played = rows[-1]["round_seconds"]
    trained = rows[-1]["training_seconds"] - rows[-2]["training_seconds"]
    assert f"| {played:.0f} s to play, {trained:.0f} s for 1,200 updates |" in PAGE


def test_how_long_the_demo_takes() -> None:
    found = results("end_to_end")
    minutes, training = found["seconds"] / 60, found["rows"][-1]["training_seconds"] / 60
    assert f"| {minutes:.1f} | {training:.1f} minutes are training;" in PAGE
    for page in ("README.md", "README.zh.md", "docs/results.md"):
        assert f"{minutes:.1f} " in (ROOT / page).read_text(encoding="utf-8"), page
