"""CLIP's tokens: those of the original, and what is said where its package is missing or another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from tests.support.mineclip_goldens import arrays, facts, prompts
from vpt_gym.mineclip import tokenize, tokenizer


@pytest.fixture
def fresh_tokenizer():
    tokenizer._tokenizer.cache_clear()
    yield
    tokenizer._tokenizer.cache_clear()


def test_the_tokens_are_those_of_the_original() -> None:
    golden = facts("tokens")
    for text, ids in zip(golden["prompts"], golden["ids_until_eos"], strict=True):
        tokens = tokenize([text])
        assert (tokens.shape, tokens.dtype) == ((1, 77), np.int64)
        assert tokens[0].tolist() == ids + [0] * (77 - len(ids)), text
    np.testing.assert_array_equal(tokenize(prompts()), arrays("mineclip_small_f64")["tokens"])


def test_a_long_text_is_cut_with_a_warning_and_still_ends() -> None:
    with pytest.warns(UserWarning, match="a text of 100 tokens is cut to 75"):
        tokens = tokenize(["a " * 100])
    assert tokens[0, -1] == 49_407


def test_texts_may_come_one_after_the_other() -> None:
    assert np.array_equal(tokenize(text for text in ("a tree", "a pig")), tokenize(["a tree", "a pig"]))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="pass a sequence"):
        tokenize("chop a tree")
    with pytest.raises(TypeError, match="a text is a string, got int"):
        tokenize([3])


def test_without_the_package_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['clip'] = None\n"
        "from vpt_gym.mineclip import tokenize\n"
        "try: tokenize(['a tree'])\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == 'the tokenizer of MineCLIP needs clip: pip install "vpt-gym[mineclip]"\n'


@pytest.mark.parametrize("kind", ["folder", "module"])
def test_another_package_of_this_name_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_tokenizer: None, kind: str
) -> None:
    if kind == "folder":
        (tmp_path / "clip").mkdir()
    (tmp_path / ("clip/__init__.py" if kind == "folder" else "clip.py")).write_text("raise RuntimeError('not run')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DependencyNotInstalled, match="needs OpenAI's package clip; the one that is installed"):
        tokenize(["a tree"])


def test_a_damaged_vocabulary_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_tokenizer: None
) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "__init__.py").touch()
    (tmp_path / "clip" / "simple_tokenizer.py").write_text("raise RuntimeError('not run')")
    (tmp_path / "clip" / "bpe_simple_vocab_16e6.txt.gz").write_bytes(b"damaged")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DependencyNotInstalled, match="is not CLIP's vocabulary, or is damaged"):
        tokenize(["a tree"])


def test_the_original_package_itself_is_not_imported() -> None:
    """Its ``__init__`` needs torchvision, and pkg_resources, which new versions of setuptools lack."""
    code = (
        "import sys\nfrom vpt_gym.mineclip import tokenize\ntokenize(['a tree'])\n"
        "print({'clip', 'torch', 'torchvision', 'pkg_resources'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
