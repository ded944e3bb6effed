"""Downloads saved agents from the Hugging Face Hub (extra ``[hub]``)."""

from __future__ import annotations

from pathlib import Path

from vpt_gym.agents.checkpoints.errors import DownloadError, WrongFile
from vpt_gym.agents.checkpoints.saved_folder import CONFIG_NAME, WEIGHTS_NAME
from vpt_gym.system.require import require


def download_folder(repo_id: str, revision: str | None = None) -> Path:
    """Downloads a saved agent from the Hub into the cache of huggingface_hub and returns the folder.

    The settings of huggingface_hub apply: ``HF_HUB_OFFLINE``, ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN``.

    Args:
        repo_id: ``"organisation/name"``.
        revision: Branch, tag or commit; default: the main branch.

    Raises:
        DownloadError: There is no such repository or revision, it is private, or it cannot be reached.
        DependencyNotInstalled: huggingface_hub is not installed; the error is also an ``ImportError``.
        WrongFile: The repository does not hold a saved agent.
    """
    huggingface_hub = require(
        "huggingface_hub",
        "hub",
        purpose=f"{repo_id} is neither a file nor a folder; looking for it on the Hugging Face Hub",
    )
    errors = require("huggingface_hub.errors", "hub")
    paths: list[Path] = []
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        # The folder is named after the commit. The weights are taken from that of the config, though there is a newer.
        commit = paths[0].parent.name if paths else revision
        try:
            paths.append(Path(huggingface_hub.hf_hub_download(repo_id, name, revision=commit)))
        except (
            errors.LocalEntryNotFoundError
        ) as error:  # a subclass of EntryNotFoundError, but raised when the network is missing
            raise DownloadError(
                f"{repo_id} is neither a file nor a folder on this machine nor in the Hub's cache, and the Hub cannot "
                f"be reached: {error}"
            ) from error
        except errors.EntryNotFoundError as error:
            raise WrongFile(f"{repo_id} on the Hugging Face Hub has no {name}: it is not a saved agent") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise DownloadError(
                f"{repo_id} is neither a file nor a folder on this machine, and cannot be downloaded from the Hugging "
                f"Face Hub: {error}"
            ) from error
    return paths[0].parent
