"""The integration where Stable-Baselines3 is not installed; tests/peers has the tests with the real one."""

from __future__ import annotations

import subprocess
import sys


def test_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['stable_baselines3'] = None\n"
        "import vpt_gym.integrations\n"
        "from vpt_gym.integrations.sb3 import VPTPolicy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith('vpt_gym.integrations.sb3 needs stable_baselines3: pip install "vpt-gym[sb3]"')
