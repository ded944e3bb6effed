"""Fetches saved agents from the Hugging Face Hub (extra ``[hub]``)."""

from __future__ import annotations

from pathlib import Path

from vpt_gym.agents.checkpoints.errors import DownloadError, WrongFile
from vpt_gym.agents.checkpoints.saved_folder import CONFIG_NAME, WEIGHTS_NAME

INSTALL = 'pip install "vpt-gym[hub]"'


def download_folder(repo_id: str, revision: str | None = None) -> Path:
    """Returns the local folder of a saved agent on the Hub; huggingface_hub keeps it in its own cache.

    Its settings hold: ``HF_HUB_OFFLINE``, ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN``.

    Args:
        repo_id: ``"organisation/name"``.
        revision: Branch, tag or commit; default: the main branch.

    Raises:
        DownloadError: There is no such repository or revision, it is private, or it cannot be reached.
        ImportError: huggingface_hub is not installed; the message has the command.
        WrongFile: The repository does not hold a saved agent.
    """
    try:
        import huggingface_hub
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    except ImportError as error:
        raise ImportError(
            f"{repo_id} is neither a file nor a folder, and to look for it on the Hugging Face Hub takes another "
            f"package: {INSTALL}"
        ) from error
    paths = []
    for name in (CONFIG_NAME, WEIGHTS_NAME):
        try:
            paths.append(Path(huggingface_hub.hf_hub_download(repo_id, name, revision=revision)))
        except LocalEntryNotFoundError as error:  # a kind of EntryNotFoundError, but it is the network that is missing
            raise DownloadError(
                f"{repo_id} is neither a file nor a folder here nor in the Hub's cache, and the Hub cannot be reached: "
                f"{error}"
            ) from error
        except EntryNotFoundError as error:
            raise WrongFile(f"{repo_id} on the Hugging Face Hub has no {name}: it is no saved agent") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise DownloadError(
                f"{repo_id} is neither a file nor a folder here, and cannot be had from the Hugging Face Hub: {error}"
            ) from error
    return paths[0].parent
