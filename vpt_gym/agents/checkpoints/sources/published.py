"""The checkpoints that OpenAI published with VPT, and STEVE-1: their names, files and addresses."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from vpt_gym.agents.checkpoints.sources.bundled import NAMES

LICENCE = "MIT"
LICENCE_URL = "https://github.com/openai/Video-Pre-Training/blob/main/LICENSE"
"""The licence of the repository that publishes the files; it states no other for the weights."""

_BASE = "https://openaipublic.blob.core.windows.net/minecraft-rl"


@dataclass(frozen=True)
class RemoteFile:
    """A file to download.

    Attributes:
        url: Its address at the publisher.
        size: In bytes; None if unknown.
        sha256: Hexadecimal; None if unknown. The publisher states no hashes: these are from other people who have
            the file.
        own_name: The file's name, if the address does not end with it.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    own_name: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.own_name or self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Published:
    """A published checkpoint: the description of a network, and its weights.

    Attributes:
        name: Its name in this package.
        model: The ``.model`` file; several checkpoints share one.
        weights: The ``.weights`` file.
        parameters: Number of the network's parameters in the weights; four bytes each.
        about: What it was trained on, in one line.
        inverse_dynamics: True for the model that labels videos, which is not a policy.
        prior: The prior of a policy that acts on goals, which makes goals of texts; None for any other.
        terms: Who published it, under which licence.
    """

    name: str
    model: RemoteFile
    weights: RemoteFile
    parameters: int
    about: str
    inverse_dynamics: bool = False
    prior: RemoteFile | None = None
    terms: str = f"Published by OpenAI under the licence {LICENCE}: {LICENCE_URL}"

    @property
    def files(self) -> tuple[RemoteFile, ...]:
        """The model file, the weights, and the prior if there is one."""
        return (self.model, self.weights) if self.prior is None else (self.model, self.weights, self.prior)


# Sources of sizes and hashes: for the 1x files, the Git LFS pointers of a submission to BASALT 2022 that contains them;
# for the 2x foundation model and the size of the inverse dynamics model, notes of people who downloaded them. All sizes
# agree with the number of parameters. For the other files, sizes and hashes are unknown.
_MODEL_1X = RemoteFile(
    f"{_BASE}/models/foundation-model-1x.model",
    1_861,
    "d3cf019ef5452bd5a6cc0bddcedfdf66b90f682d23db00fcb364389ab1dde294",
)
_MODEL_2X = RemoteFile(f"{_BASE}/models/2x.model")
_MODEL_3X = RemoteFile(f"{_BASE}/models/foundation-model-3x.model")


_PARAMETERS_1X, _PARAMETERS_2X, _PARAMETERS_3X, _PARAMETERS_IDM = 70_998_654, 248_495_294, 532_504_318, 482_330_046

_FOUNDATION = "cloned from 70,000 hours of video"
_EARLY_GAME = "foundation, tuned on videos of the early game"
_REWARD = "then reinforcement learning for a diamond pickaxe"


def _weights(stem: str, size: int | None = None, sha256: str | None = None) -> RemoteFile:
    return RemoteFile(f"{_BASE}/models/{stem}.weights", size, sha256)


_ALL = (
    Published(
        "foundation-1x",
        _MODEL_1X,
        _weights(
            "foundation-model-1x", 284_045_685, "016a7f435aed16e03d33d9ea086baec68f9d64ce391057304273fde78975d1ee"
        ),
        _PARAMETERS_1X,
        _FOUNDATION,
    ),
    Published(
        "foundation-2x",
        _MODEL_2X,
        _weights(
            "foundation-model-2x", 994_032_309, "5b20bd5af5cf1efd322dad727264bbca8fa77c13f51fa5baf2c4e73b13baee43"
        ),
        _PARAMETERS_2X,
        _FOUNDATION,
    ),
    Published("foundation-3x", _MODEL_3X, _weights("foundation-model-3x"), _PARAMETERS_3X, _FOUNDATION),
    Published(
        "bc-house-3x",
        _MODEL_3X,
        _weights("bc-house-3x"),
        _PARAMETERS_3X,
        "foundation, tuned on contractors building houses",
    ),
    Published("bc-early-game-2x", _MODEL_2X, _weights("bc-early-game-2x"), _PARAMETERS_2X, _EARLY_GAME),
    Published("bc-early-game-3x", _MODEL_3X, _weights("bc-early-game-3x"), _PARAMETERS_3X, _EARLY_GAME),
    Published(
        "rl-from-foundation-2x",
        _MODEL_2X,
        _weights("rl-from-foundation-2x"),
        _PARAMETERS_2X,
        f"foundation, {_REWARD}",
    ),
    Published(
        "rl-from-house-2x", _MODEL_2X, _weights("rl-from-house-2x"), _PARAMETERS_2X, f"house building, {_REWARD}"
    ),
    Published(
        "rl-from-early-game-2x",
        _MODEL_2X,
        _weights("rl-from-early-game-2x"),
        _PARAMETERS_2X,
        f"early game, {_REWARD}",
    ),
    Published(
        "idm-4x",
        RemoteFile(f"{_BASE}/idm/4x_idm.model"),
        RemoteFile(f"{_BASE}/idm/4x_idm.weights", 1_929_358_457),
        _PARAMETERS_IDM,
        "the inverse dynamics model: labels videos with actions",
        inverse_dynamics=True,
    ),
)

PUBLISHED: dict[str, Published] = {checkpoint.name: checkpoint for checkpoint in _ALL}
"""Every checkpoint that OpenAI published, by name."""


def _drive(identifier: str, name: str) -> RemoteFile:
    # The address that sends the file; drive.google.com/uc?id=... answers for a large one with a page that asks first.
    address = "https://drive.usercontent.google.com/download"
    return RemoteFile(f"{address}?id={identifier}&export=download&confirm=t", own_name=name)


# Source of the identifiers and names: download_weights.sh of the authors' repository. Sizes and hashes are unknown.
STEVE_1 = Published(
    "steve1",
    _MODEL_2X,
    _drive("1E3fd_-H1rRZqMkUKHfiMhx-ppLLehQPI", "steve1.weights"),
    249_545_918,
    "STEVE-1: acts on goals from text and video",
    prior=_drive("1OdX5wiybK8jALVfP5_dEo0CWm9BQbDES", "steve1_prior.pt"),
    terms="STEVE-1 was published by its authors, who state no licence: https://github.com/Shalev-Lifshitz/STEVE-1",
)
"""STEVE-1 (Lifshitz et al. 2023): the policy, with OpenAI's description of 2x, and its prior."""


def find_published(name: str) -> Published | None:
    """Returns the checkpoint with a name, or with a weight file of that name, such as ``foundation-model-1x``."""
    if name in PUBLISHED:
        return PUBLISHED[name]
    stem = name.removesuffix(".weights")
    return next((p for p in (*_ALL, STEVE_1) if p.weights.name == f"{stem}.weights"), None)


def suggestion(name: str) -> str:
    """Returns ``did you mean ...?`` for a name that is similar to a known one; otherwise the list of all names."""
    stems = {p.weights.name.removesuffix(".weights"): p.name for p in (*_ALL, STEVE_1)}
    near = difflib.get_close_matches(name.lower().replace("_", "-"), [*NAMES, *PUBLISHED, *stems], n=3, cutoff=0.75)
    if near:
        return f"did you mean {' or '.join(dict.fromkeys(stems.get(n, n) for n in near))}?"
    return f"{' and '.join(NAMES)} come with this package; published are {', '.join([*PUBLISHED, STEVE_1.name])}"
