"""Runs each example of a docstring in an empty folder: some write files."""

import pytest


@pytest.fixture(autouse=True)
def _empty_folder_for_doctests(request):
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
