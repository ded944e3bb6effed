"""``vpt-gym demos export`` and ``import``, as a shell runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.counter_demos import write_counter_demo
from tests.support.folders import content_of
from tests.support.python_processes import output_of, run
from vpt_gym.actions.human import BUTTONS
from vpt_gym.demos import list_demos, read_demo


def command(store: Path, *args: object) -> subprocess.CompletedProcess[str]:
    return run("-m", "vpt_gym", "demos", *args, MINARI_DATASETS_PATH=str(store))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Minari needs Python 3.11")
def test_to_minari_and_back(tmp_path: Path) -> None:
    import minari

    store, demos = tmp_path / "minari", tmp_path / "demos"
    paths = [write_counter_demo(demos, ticks=20), write_counter_demo(demos, ticks=30, success=False)]
    write_counter_demo(demos / "rejected", ticks=20)
    export = ("export", demos, "--to", "minari", "--id", "vpt/harvest-1-log-v0", "--author", "A. Player")

    done = command(store, *export)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"2 episodes, 50 ticks: {store}/vpt/harvest-1-log-v0" in done.stdout
    assert "left out: 1 rejected" in done.stdout
    code = "import minari; print(minari.load_dataset('vpt/harvest-1-log-v0').spec.total_steps)"
    assert output_of("-c", code, MINARI_DATASETS_PATH=str(store)) == "50\n"
    assert minari.__version__ >= "0.5.4"

    again = command(store, *export)
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    done = command(store, *export, "--overwrite", "--successes-only", "--size", 128, 128)
    assert "left out: 1 rejected, 1 filtered out" in done.stdout

    done = command(store, "import", "minari:vpt/harvest-1-log-v0", "-o", tmp_path / "back")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"1 episode, 20 ticks: {tmp_path / 'back'}\n"
    old, (new,) = read_demo(paths[0]), map(read_demo, list_demos(tmp_path / "back"))
    assert all(np.array_equal(old.actions[name], new.actions[name]) for name in (*BUTTONS, "camera"))
    assert new.frame_size == (128, 128)
    again = command(store, "import", "minari:vpt/harvest-1-log-v0", "-o", tmp_path / "back")
    assert again.returncode == 2
    assert "imported from vpt/harvest-1-log-v0 already" in again.stderr
    assert len(list_demos(tmp_path / "back")) == 1


def test_to_npz_and_back(tmp_path: Path) -> None:
    write_counter_demo(tmp_path / "demos", ticks=20)
    write_counter_demo(tmp_path / "demos", ticks=30)
    done = command(tmp_path, "export", tmp_path / "demos", "--to", "npz", "-o", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"2 episodes, 50 ticks: {tmp_path / 'out'}" in done.stdout
    assert "camera, in bins of 15 degrees: of 50 moving ticks 100.0 % are rounded" in done.stdout
    files = sorted((tmp_path / "out").iterdir())
    assert [file.suffix for file in files] == [".npz"] * 2
    again = command(tmp_path, "export", tmp_path / "demos", "--to", "npz", "-o", tmp_path / "out")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    done = command(tmp_path, "import", *files, "-o", tmp_path / "back", "--lossless")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"2 episodes, 50 ticks: {tmp_path / 'back'}\n"
    assert len(list_demos(tmp_path / "back")) == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("export", "DIR", "--to", "minari"), "needs an id, for example --id"),
        (("export", "DIR", "--to", "npz"), "--out DIRECTORY"),
        (("export", "DIR", "--to", "npz", "-o", "out", "--id", "a-v0", "--jpeg"), "--id, --jpeg has no meaning"),
        (("export", "DIR", "--to", "npz", "-o", "out"), "there is no demo to export"),
        (("export", "DIR/absent", "--to", "npz", "-o", "out"), "is not a directory of demos"),
        (("import", "-o", "DIR"), "name what to import"),
        (("import", "DIR/a.npz", "-o", "DIR"), "there is no file"),
        (("import", "DIR/a.zip", "-o", "DIR"), "is not an .npz file"),
        (("import", "DIR", "-o", "DIR"), "is a folder and not an .npz file; name the files in it"),
    ],
)
def test_impossible_options_are_reported(tmp_path: Path, args: tuple, message: str) -> None:
    done = command(tmp_path, *(str(word).replace("DIR", str(tmp_path)) for word in args))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert content_of(tmp_path) == []
