"""What `python -m build` makes: the wheel holds the package alone and works, and the sdist is small."""

from __future__ import annotations

import email
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from vpt_gym.agents.checkpoints.sources.bundled import FOLDER

PLAY = """
import gymnasium as gym, vpt_gym
env = gym.make("vpt_gym/Harvest1Log-v0", image_size=(32, 32))
env.reset(seed=0)
for _ in range(20):
    env.step(env.unwrapped.action_space.sample())
print(vpt_gym.__file__, len(vpt_gym.world.__all__) > 0)
"""


def run(*command: str | Path, cwd: Path) -> str:
    # 20 ticks take seconds when Python interprets the kernels, and compiling them takes longer
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


def test_the_metadata_and_the_long_description_are_valid(built: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir(), cwd=built)


def test_links_and_pictures_of_the_long_description_lead_out_of_the_index(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = email.message_from_string(archive.read(name).decode())
    urls = dict(entry.split(", ", 1) for entry in metadata.get_all("Project-URL"))
    assert {"Homepage", "Documentation", "Source", "Issues", "Changelog"} <= set(urls)
    text = metadata.get_payload()
    targets = re.findall(r"\]\(([^)\s]+)|src=\"([^\"]+)", text)
    relative = [target for pair in targets for target in pair if target and not target.startswith(("https://", "#"))]
    assert relative == []
    assert f"{urls['Source']}/raw/main/docs/images/agent.gif" in text
    # each of them is a file of this repository
    for path in re.findall(rf"{re.escape(urls['Source'])}/(?:raw|blob)/main/([^)\s\"#]+)", text):
        assert (ROOT / path).exists(), path


def test_the_sdist_is_small_but_for_the_models(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    models = sum(path.stat().st_size for path in FOLDER.rglob("*.safetensors"))
    assert sdist.stat().st_size - models <= 3_000_000
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "vpt_gym/__init__.py", "examples/bc.py"} <= names


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "vpt_gym"
    files = {str(f.relative_to(ROOT)) for f in package.rglob("*") if f.is_file() and "__pycache__" not in f.parts}
    assert {
        "vpt_gym/py.typed",
        "vpt_gym/__init__.pyi",
        "vpt_gym/view/page/index.html",
        "vpt_gym/report/page/report.js",
    } <= files
    assert {name for name in names if ".dist-info/" not in name} == files


def test_the_installed_wheel_plays(wheel: Path, tmp_path: Path) -> None:
    """The package comes from the wheel, and the packages that it needs from this environment."""
    python = tmp_path / "env/bin/python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "env", cwd=tmp_path)
    run(python, ROOT / "tests/support/share_packages.py", sys.executable, cwd=tmp_path)
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    assert "vpt-gym COMMAND --help" in run(python.with_name("vpt-gym"), "--help", cwd=tmp_path)
    place, stub_is_read = run(python, "-c", PLAY, cwd=tmp_path).split()
    assert Path(place).is_relative_to(tmp_path / "env")
    assert stub_is_read == "True"


def test_two_builds_of_the_same_sources_are_equal(built: Path, tmp_path: Path) -> None:
    """Anyone can build the published files again and compare hashes: neither time, place nor umask is in them."""
    copy = tmp_path / "elsewhere" / "sources"
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(copy, filter="data")
    (sources,) = copy.iterdir()
    for number, path in enumerate(sorted(sources.rglob("*"))):
        if path.is_file():
            path.chmod(0o600)
            os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "again", sources, cwd=tmp_path)
    hashes = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
        for folder in (built, tmp_path / "again")
    ]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 2
