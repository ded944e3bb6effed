"""CLIP's tokens, by the tokenizer that OpenAI's package ``clip`` ships together with its vocabulary."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpt_gym.system.printable import shown
from vpt_gym.system.require import MissingPackageError, require

CONTEXT = 77
"""Tokens of a text, with its begin, its end and the padding (openai/CLIP)."""
VOCABULARY = 49_408
"""Number of token ids (openai/CLIP)."""

_BEGIN, _END, _PADDING = 49_406, 49_407, 0
"""MineCLIP pads with 0, as openai/CLIP does; Hugging Face's tokenizer pads with the end."""

_VOCABULARY_FILE = "bpe_simple_vocab_16e6.txt.gz"
_VOCABULARY_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
"""Of the file that openai-clip 1.0.1, clip-anytorch 2.6.0 and open-clip-torch 3.3.0 ship."""

_PURPOSE = "the tokenizer of MineCLIP"


def tokenize(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Returns the tokens of texts as MineCLIP takes them; upper case counts as lower case.

    Args:
        texts: The texts.

    Returns:
        int64 (N, 77): the begin, up to 75 ids, the end, then zeros.

    Raises:
        DependencyNotInstalled: The extra ``mineclip`` is not installed.
        TypeError: A text is not a string.

    Warns:
        UserWarning: A text has more than 75 ids; the others are left out, as in MineCLIP.
    """
    texts = checked_texts(texts)
    tokens = np.full((len(texts), CONTEXT), _PADDING, np.int64)
    for row, text in zip(tokens, texts, strict=True):
        ids = _tokenizer().encode(text)
        if len(ids) > CONTEXT - 2:
            warnings.warn(
                f"a text of {len(ids)} tokens is cut to {CONTEXT - 2}, all that MineCLIP reads: {shown(text)}",
                stacklevel=2,
            )
        ids = [_BEGIN, *ids[: CONTEXT - 2], _END]
        row[: len(ids)] = ids
    return tokens


def checked_texts(texts: Iterable[str]) -> list[str]:
    """Returns texts as a list.

    Raises:
        TypeError: A text, or their sequence, is something else.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts is one string; pass a sequence: [{shown(texts)}]")
    found = list(texts)
    for text in found:
        if not isinstance(text, str):
            raise TypeError(f"a text is a string, got {type(text).__name__}: {shown(text)}")
    return found


@functools.cache
def _tokenizer() -> Any:
    """Makes OpenAI's tokenizer.

    Its module is loaded alone: the package's ``__init__`` imports torchvision and pkg_resources, which new versions of
    setuptools lack.
    """
    for package in ("ftfy", "regex"):
        require(package, "mineclip", purpose=_PURPOSE)
    found = importlib.util.find_spec("clip")
    if found is None:
        require("clip", "mineclip", purpose=_PURPOSE)
    folders = [Path(folder) for folder in (found and found.submodule_search_locations) or ()]
    for folder in folders:
        vocabulary, code = folder / _VOCABULARY_FILE, folder / "simple_tokenizer.py"
        if not (vocabulary.is_file() and code.is_file()):
            continue
        if hashlib.sha256(vocabulary.read_bytes()).hexdigest() != _VOCABULARY_SHA256:
            raise MissingPackageError(
                f"{vocabulary} is not CLIP's vocabulary, or is damaged: pip install --force-reinstall openai-clip"
            )
        spec = importlib.util.spec_from_file_location("clip.simple_tokenizer", code)
        assert spec is not None  # it is None only for files of other kinds than .py
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.SimpleTokenizer()
    raise MissingPackageError(
        f"{_PURPOSE} needs OpenAI's package clip; the one that is installed "
        f"({', '.join(map(str, folders)) or 'a module'}) is another: pip uninstall it and pip install openai-clip"
    )
