"""Optional dependencies: an installed one is imported, a missing one is reported with its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from gymnasium.error import DependencyNotInstalled

from vpt_gym.system.require import require


def test_an_installed_package_is_returned() -> None:
    assert require("importlib.metadata", "plot").version("vpt-gym")


@pytest.mark.parametrize("kind", [DependencyNotInstalled, ImportError])
def test_a_missing_package_is_named_with_the_line_that_installs_it(kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        require("no_such_package.part", "hub", purpose="a saved agent from the Hub")
    assert str(caught.value) == 'a saved agent from the Hub needs no_such_package: pip install "vpt-gym[hub]"'


def test_the_package_that_is_really_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_another.py").write_text("import absent_dependency")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DependencyNotInstalled, match="needs absent_dependency: "):
        require("needs_another", "minari")


def test_a_package_that_is_installed_but_broken_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacks_a_library.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DependencyNotInstalled) as caught:
        require("lacks_a_library", "play", purpose="the window")
    assert str(caught.value) == (
        "the window needs lacks_a_library, which cannot be imported (libGL.so.1: cannot open shared object file): "
        'pip install "vpt-gym[play]"'
    )


def test_a_note_follows_the_line() -> None:
    with pytest.raises(DependencyNotInstalled, match=r'"vpt-gym\[minari\]" \(Minari needs Python 3\.11 or newer\)$'):
        require("no_such_package", "minari", note="Minari needs Python 3.11 or newer")
