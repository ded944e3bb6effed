"""The real MineDojo: ``make`` takes what ``minedojo.make`` takes and returns a Gymnasium environment.

MineDojo is installed with ``pip install "vpt-gym[minedojo]" && pip install --no-deps minedojo==0.1``. Importing this
package imports nothing of it and changes nothing. ``docs/envs/minedojo.md`` lists what is fixed, and how.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
