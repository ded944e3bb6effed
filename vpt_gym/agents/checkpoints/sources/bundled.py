"""The models that come with this package; each is a folder that ``from_pretrained`` reads."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "bundled"
"""Where they are. Each folder has a model card, ``README.md``, beside the model."""
INVERSE_DYNAMICS = "nano-idm"
"""The inverse dynamics model that labels play in the embedded world (docs/jobs/pretrain.md)."""
POLICY = "nano-foundation"
"""The policy that was pretrained in the embedded world, on play without labels and demos (docs/jobs/pretrain.md)."""
NAMES = (POLICY, INVERSE_DYNAMICS)


def find_bundled(name: str) -> Path | None:
    """Returns the folder of the model with a name, or None."""
    return FOLDER / name if name in NAMES else None
