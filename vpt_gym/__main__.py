"""``python -m vpt_gym``: the same as the shell command ``vpt-gym``."""

from __future__ import annotations

import sys

from vpt_gym.cli import main

if __name__ == "__main__":
    sys.exit(main())
