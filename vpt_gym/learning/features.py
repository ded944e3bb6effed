"""A cache of the outputs of a frozen image network: computed once for each demo and kept in files."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from vpt_gym.demos.dataset.array_file import allocate, is_whole
from vpt_gym.demos.dataset.cache import CacheFullError, FrameCache, name_of
from vpt_gym.demos.demo import Demo
from vpt_gym.demos.files.names import checked_directory
from vpt_gym.frames import POLICY_SIZE
from vpt_gym.system.output_directory import make_directory
from vpt_gym.system.temporary import TemporaryDirectory

if TYPE_CHECKING:
    from vpt_gym.agents.policy.policy import VPTPolicy

Features = npt.NDArray[np.float32]
_BATCH_SIZE = 64


class FeatureCache:
    """Runs the image network of a policy over each demo once. Pass it to a ``DemoDataset`` as its ``cache``.

    The batches then hold features, (B, T, D), which the policy accepts instead of frames. With a frozen image network
    the results are the same, without most of the work. Features are computed again when the weights of the image
    network, the precision of its convolutions, the video file, or the cursor drawn into its frames change.

    Files are memory-mapped, and the operating system keeps in memory what fits. A tick takes 4 D bytes (4 KiB for 1x).

    Args:
        policy: The policy. Its image network must be frozen: ``freeze(policy, "net.img_process.*")``.
        directory: Directory of the files. They stay there for later caches. Default: a temporary directory that is
            deleted with the cache.

    Attributes:
        size: (height, width) of the frames that the network takes.
        directory: Directory of the files.

    Raises:
        ValueError: The image network is not frozen.
    """

    size = POLICY_SIZE

    def __init__(self, policy: VPTPolicy, *, directory: str | os.PathLike[str] | None = None) -> None:
        self._policy = policy
        self._require_frozen()
        self._temporary = TemporaryDirectory("vpt-gym-features-") if directory is None else None
        self.directory = self._temporary.path if self._temporary is not None else checked_directory(str(directory))
        make_directory(self.directory)
        self._lock = threading.Lock()

    def frames(self, demo: Demo) -> Features:
        """Returns the demo's features, float32 (T, D), read-only; computes them if they are not in a file yet.

        A damaged file is replaced, with a warning.
        Several threads may call it; one of them computes at a time.

        Raises:
            CacheFullError: The disk has no space for them.
            DemoError: The video cannot be decoded, or does not have T frames.
            ValueError: The image network is not frozen.
        """
        self._require_frozen()
        stat = demo.files.video.stat()
        with self._lock:
            version = f"{self._key()}-{stat.st_size}-{stat.st_mtime_ns}-{demo.decoding_digest}"
            path = self.directory / f"{name_of(demo)}-{version}.npy"
            shape = (len(demo), self._policy.config.hidsize)
            if not _exists_whole(path, shape):
                try:
                    self._compute(demo, path, shape)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    raise CacheFullError(
                        f"the disk of {self.directory} is full: {4 * shape[0] * shape[1]:,} bytes of features do not "
                        "fit; free some space, or choose another directory"
                    ) from error
        features: Features = np.load(path, mmap_mode="r")
        return features

    def _compute(self, demo: Demo, path: Path, shape: tuple[int, int]) -> None:
        frames = FrameCache(size=self.size).frames(demo)
        device = self._policy.device
        with TemporaryDirectory(".features-", parent=self.directory) as folder:
            scratch = folder / path.name
            file = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.float32, shape=shape)
            allocate(scratch)
            for start in range(0, len(frames), _BATCH_SIZE):
                part = torch.from_numpy(np.array(frames[start : start + _BATCH_SIZE])).to(device)
                with torch.inference_mode():
                    file[start : start + len(part)] = self._policy.encode(part).float().cpu().numpy()
            file.flush()
            os.replace(scratch, path)

    def _key(self) -> str:
        """Returns a digest of the weights and the precision, on which the features of a frame depend."""
        digest = hashlib.sha256(self._policy.precision.encode())
        for name, value in self._policy.net.img_process.state_dict().items():
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()[:16]

    def _require_frozen(self) -> None:
        trained = [name for name, p in self._policy.net.img_process.named_parameters() if p.requires_grad]
        if trained:
            raise ValueError(
                f"features are for a frozen image network, and {len(trained)} of its parameters are being trained, "
                f'such as {trained[0]}: call freeze(policy, "net.img_process.*") first'
            )


def _exists_whole(path: Path, shape: tuple[int, int]) -> bool:
    try:
        whole = is_whole(path, shape, np.float32)
    except FileNotFoundError:
        return False
    if not whole:
        warnings.warn(f"{path} is damaged; its features are computed again", RuntimeWarning, stacklevel=3)
    return whole
