"""Runs each example of a docstring in an empty folder: some write files."""

import importlib.util

import pytest

collect_ignore = [] if importlib.util.find_spec("stable_baselines3") else ["vpt_gym/integrations/sb3"]


@pytest.fixture(autouse=True)
def _empty_folder_for_doctests(request):
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
