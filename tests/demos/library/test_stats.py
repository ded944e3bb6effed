"""``read_stats``, compared with demos of known content."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.contractor_files import record, write_recording
from tests.support.counter_demos import write_counter_demo
from tests.support.frame_counter_env import counter_frame
from tests.support.missing_package import run_without
from tests.support.python_processes import run
from vpt_gym.actions.camera import BIN_DEGREES
from vpt_gym.actions.human import human_action, no_op
from vpt_gym.cli import main
from vpt_gym.demos import DemoDataset, DemoWriter, list_demos
from vpt_gym.demos.dataset.loading import describe_demos_below
from vpt_gym.demos.library.stats import read_stats
from vpt_gym.demos.library.stats_picture import draw_stats, headline


def write(directory: Path, *actions: dict, success: bool | None = None) -> Path:
    with DemoWriter(directory) as writer:
        for t, action in enumerate(actions):
            writer.append(counter_frame(t), action)
        path = writer.close(success=success)
    assert path is not None
    return path


@pytest.fixture
def demos(tmp_path: Path) -> Path:
    write(tmp_path, no_op(), human_action("forward", "jump"), human_action("forward", "back"), success=True)
    write(
        tmp_path,
        human_action(camera=(0.0, 0.1)),
        human_action(camera=(0.0, -20.0)),
        human_action("ESC", camera=(1.7, 0.0)),
        no_op(),
        human_action("inventory"),
        success=False,
    )
    return tmp_path


def test_ticks_buttons_and_outcomes_are_counted(demos: Path) -> None:
    write(demos, no_op())
    stats = read_stats(demos)
    assert stats.lengths == (3, 5, 1)
    assert (stats.episodes, stats.ticks) == (3, 9)
    assert {name: count for name, count in stats.held.items() if count} == {
        "forward": 2,
        "back": 1,
        "jump": 1,
        "ESC": 1,
        "inventory": 1,
    }
    # no_op thrice; forward and back cancel; 0.1 degrees are less than half a bin
    assert stats.null_ticks == 5
    assert stats.unexpressed_ticks == 2  # forward with back, and ESC
    assert (stats.successes, stats.failures, stats.success_rate) == (1, 1, 0.5)


def test_minutes_are_those_of_the_rate_of_each_demo(tmp_path: Path) -> None:
    for fps in (20, 10):
        with DemoWriter(tmp_path, fps=fps) as writer:
            for t in range(60):
                writer.append(counter_frame(t), no_op())
    stats = read_stats(tmp_path)
    assert stats.seconds == (3.0, 6.0)
    assert stats.as_json()["hours"] * 3600 == pytest.approx(9.0)
    assert headline(stats) == "2 episodes, 120 ticks, 0.1 minutes"


def test_the_camera_and_what_its_bins_lose_are_counted(demos: Path) -> None:
    stats = read_stats(demos)
    assert (stats.moving_ticks, stats.zeroed_ticks, stats.clipped_ticks) == (3, 1, 1)
    assert stats.moved.tolist() == pytest.approx([1.7, 20.1])
    nearest = float(BIN_DEGREES[np.abs(BIN_DEGREES - 1.7).argmin()])
    assert stats.lost.tolist() == pytest.approx([abs(1.7 - nearest), 0.1 + 10.0], rel=1e-5)
    assert stats.camera_lost == pytest.approx((abs(1.7 - nearest) / 1.7, 10.1 / 20.1), rel=1e-5)
    assert stats.camera.sum() == 8
    assert stats.camera[5, 0] == 1  # far to the left
    assert stats.camera[7, 5] == 1  # down by 1.61
    assert stats.camera[5, 5] == 6


def test_damaged_demos_are_left_out_and_named(demos: Path) -> None:
    path = write(demos, no_op())
    path.with_suffix(".mp4").unlink()
    stats = read_stats(demos)
    assert stats.episodes == 2
    ((damaged, problem),) = stats.damaged
    assert damaged == path.stem
    assert ".mp4 is missing" in problem


def test_contractors_are_counted_by_either_rule(tmp_path: Path) -> None:
    write_recording(tmp_path / "a", [record(mouse={"dx": 3.0}), record(mouse={"dx": 30.0}), record(hotbar=4)])
    right, public = read_stats(tmp_path), read_stats(tmp_path, compat="openai")
    assert right.moved[1] == pytest.approx(0.45 + 4.5)
    assert public.moved[1] == 4
    assert (right.null_ticks, public.null_ticks) == (0, 1)
    assert right.success_rate is None


def test_an_empty_directory_has_no_ticks(tmp_path: Path) -> None:
    stats = read_stats(tmp_path)
    assert (stats.ticks, stats.success_rate, stats.camera_lost) == (0, None, (0.0, 0.0))
    json.dumps(stats.as_json(), allow_nan=False)
    with pytest.raises(ValueError, match="no tick to draw"):
        draw_stats(stats, tmp_path / "picture.png")
    with pytest.raises(FileNotFoundError):
        read_stats(tmp_path / "absent")


def command(*args: object) -> subprocess.CompletedProcess[str]:
    return run("-m", "vpt_gym", "demos", *args)


def test_the_command_prints_draws_and_speaks_json(demos: Path) -> None:
    picture = demos / "picture.png"
    done = command("stats", demos, "--picture", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert "success rate                    50.0 % (1 yes, 1 no, 0 unknown)" in done.stdout
    drawn = cv2.imread(str(picture))
    assert drawn is not None
    assert min(drawn.shape[:2]) > 300
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 50
    counted = json.loads(command("stats", demos, "--json").stdout)
    assert counted["ticks"] == 8
    assert counted["held_share"]["forward"] == 0.25
    assert np.sum(counted["camera"]["ticks_by_pitch_and_yaw_bin"]) == 8
    assert counted == read_stats(demos).as_json()


def test_without_matplotlib_the_error_has_the_line_to_install_it(demos: Path) -> None:
    done = run_without("matplotlib", "demos", "stats", demos, "--picture", "x.png")
    assert done.returncode == 2
    assert 'pip install "vpt-gym[plot]"' in done.stderr


def test_check_and_repair_set_their_exit_status(tmp_path: Path) -> None:
    assert command("check", tmp_path / "absent").returncode == 2
    write(tmp_path, no_op())
    assert (command("check", tmp_path).returncode, command("check", tmp_path).stdout) == (0, "all demos are complete\n")
    short = write(tmp_path, *[human_action("jump")] * 30)
    longer = write(tmp_path, *[no_op()] * 31)
    longer.with_suffix(".mp4").replace(short.with_suffix(".mp4"))

    done = command("check", tmp_path)
    assert done.returncode == 1
    assert "holds 31 frames, but" in done.stdout
    assert f"vpt-gym demos repair {tmp_path}" in done.stdout
    assert "2 damaged, of them 1 can be repaired" in done.stdout
    problems = json.loads(command("check", tmp_path, "--json").stdout)
    assert {problem["id"]: problem["repairable"] for problem in problems} == {short.stem: True, longer.stem: False}

    done = command("repair", tmp_path)
    assert done.returncode == 1
    assert f"{short.stem}: " in done.stdout
    assert f"not repaired: {longer.with_suffix('.mp4')} is missing" in done.stdout
    for suffix in (".json", ".jsonl"):
        longer.with_suffix(suffix).unlink()
    assert command("repair", tmp_path).returncode == 0


def test_no_demo_is_an_error_that_names_the_folders_with_demos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    top = tmp_path / "top"
    for folder, count in (("6.9", 2), ("7.6", 1), ("rejected", 1), (".hidden", 1), ("a/b/c", 1), ("a/b/c/d", 1)):
        for _ in range(count):
            write(top / folder, no_op())
    below = (
        f"demos in folders below are not included: {top / '6.9'} (2), {top / '7.6'} (1), {top / 'a' / 'b' / 'c'} (1)"
    )
    for action in ("check", "repair", "stats"):
        done = command(action, tmp_path / "empty")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{tmp_path / 'empty'} has no demo" in done.stderr
        done = command(action, top)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{top} has no demo; {below}" in done.stderr
    with pytest.raises(ValueError, match=r"no demo to learn from in .*top\n.*6\.9 \(2\), .*7\.6 \(1\)"):
        DemoDataset(top)

    write(top, no_op())
    done = command("check", top, "--json")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert done.stderr == f"1 demo in {top}\n{below}\n"
    assert describe_demos_below(top) == describe_demos_below([top]) == below
    given = [top, top / "6.9", top / "a" / "b" / "c", top / "7.6"]
    assert "6.9" not in describe_demos_below(given)
    assert describe_demos_below(list_demos(top)) == ""


def test_the_text_has_the_median_of_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for ticks in (4, 5, 8, 30):
        write_counter_demo(tmp_path, ticks=ticks)
    assert main(["demos", "stats", str(tmp_path)]) == 0
    assert "4 of 4 to 30 ticks, median 6.5" in capsys.readouterr().out
    assert read_stats(tmp_path).as_json()["ticks_per_episode"]["median"] == 6.5


def test_the_text_of_episodes_that_are_equally_long_has_one_length(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        write_counter_demo(tmp_path, ticks=4)
    assert main(["demos", "stats", str(tmp_path)]) == 0
    assert "2 of 4 ticks\n" in capsys.readouterr().out
