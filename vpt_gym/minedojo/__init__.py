"""The real MineDojo: ``make`` takes the arguments of ``minedojo.make`` and returns a Gymnasium environment.

MineDojo is installed with ``pip install "vpt-gym[minedojo]" && pip install --no-deps minedojo==0.1``. Importing this
package does not import MineDojo and changes nothing. ``docs/envs/minedojo.md`` lists what is fixed, and how.
"""

from __future__ import annotations

from vpt_gym._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
