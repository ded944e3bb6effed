"""Makes the packages of another Python visible to this one, so that PyTorch need not be installed twice.

Usage: python share_packages.py OTHER_PYTHON
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
other = subprocess.run([sys.argv[1], "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
# addsitedir, unlike a plain line, follows the .pth files of editable installs there
Path(sysconfig.get_path("purelib"), "shared_packages.pth").write_text(f"import site; site.addsitedir({other!r})\n")
