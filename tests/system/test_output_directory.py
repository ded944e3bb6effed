"""Directories that programs write into."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from vpt_gym.system.output_directory import make_directory


def test_a_directory_is_made_with_those_that_it_is_in(tmp_path: Path) -> None:
    for _ in range(2):  # one that exists is right, too
        assert make_directory(tmp_path / "a" / "b").is_dir()


def test_the_file_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"notes\.txt is a file and no directory; choose another"):
        make_directory(file)
    with pytest.raises(
        NotADirectoryError, match=r"notes\.txt is a file and no directory, so there is no directory .*b"
    ):
        make_directory(file / "a" / "b")
    assert file.read_text() == "mine"


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(NotADirectoryError, match="link is a link to nothing and no directory"):
        make_directory(tmp_path / "link")


def test_several_threads_may_make_the_same_directory(tmp_path):
    """One that another thread makes during the check is no file: parallel downloads failed now and then."""
    together = Barrier(8)

    def make(number: int) -> Path:
        together.wait()
        return make_directory(tmp_path / str(number) / "data" / "6.9")

    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            assert all(path.is_dir() for path in pool.map(make, [number] * 8))
