"""Runs all benchmarks, or those that are named: ``python -m benchmarks world recording``.

``gpu`` runs only where it is named, because it needs a CUDA device.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main(names: list[str]) -> None:
    """Runs the named benchmarks one after the other, or all of them but ``gpu`` if none is named."""
    known = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise SystemExit(f"unknown benchmarks {unknown}; there are {known}")
    for name in names or [name for name in known if name != "gpu"]:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
