"""The models that come with this package; each is a folder that ``from_pretrained`` reads."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "bundled"
"""Where they are. Each folder has a model card, ``README.md``, beside the model."""
NAMES = ("nano-foundation", "nano-idm")
"""The policy cloned from play, and the inverse dynamics model that labelled the play (docs/jobs/pretrain.md)."""
POLICY, INVERSE_DYNAMICS = NAMES


def find_bundled(name: str) -> Path | None:
    """Returns the folder of the model with a name, or None."""
    return FOLDER / name if name in NAMES else None
