"""``examples/cluster/cluster.yaml``: as far as it can be checked without a cloud."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT

TEMPLATE = ROOT / "examples" / "cluster" / "cluster.yaml"


def test_ray_accepts_it() -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(yaml.safe_load(TEMPLATE.read_text())))


def test_it_installs_the_wheel_of_this_machine_and_not_from_an_index(tmp_path: Path) -> None:
    config = yaml.safe_load(TEMPLATE.read_text())
    ((remote, local),) = config["file_mounts"].items()
    assert "pip wheel --no-deps -w dist ." in TEMPLATE.read_text()
    assert local == "dist"
    (command,) = config["setup_commands"]
    (tmp_path / "vpt_gym-0.1.0-py3-none-any.whl").touch()
    # the shell's view of the command, with a program that prints its words in place of pip
    words = "pip() { printf '%s\\n' \"$@\"; }; " + command.replace(remote, str(tmp_path))
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True)
    wheel, ray = done.stdout.split()[1:]
    assert wheel == f"{tmp_path}/vpt_gym-0.1.0-py3-none-any.whl[ray]"
    assert re.search(rf"^{re.escape(ray)}$", (ROOT / "constraints.txt").read_text(), flags=re.M)


def test_the_scripts_it_submits_need_only_the_package() -> None:
    """``ray submit`` copies one file: no import of a neighbour, and the agent is sent before."""
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    script = (ROOT / "examples" / "evaluate.py").read_text()
    assert not {found for found in re.findall(r"^(?:from|import) (\w+)", script, flags=re.M) if found in names}
    assert "--model /home/ubuntu/agent" in TEMPLATE.read_text()
