"""Which tests are run against the mutants of which modules: those of the module itself, and quick."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """A part of the package.

    Attributes:
        modules: Its modules: patterns of files.
        tests: The files of its tests.
        without: Names of tests that take seconds.
        packages: Packages of others that its tests import.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("numpy", "gymnasium", "hypothesis")


ROOMS = {
    "actions": Room(
        ("vpt_gym/actions/*.py",),
        (
            "tests/actions/test_camera_entry.py",
            "tests/actions/test_choices.py",
            "tests/actions/test_codec.py",
            "tests/actions/test_coverage.py",
            "tests/actions/test_entries.py",
            "tests/actions/test_factored.py",
            "tests/actions/test_keyed.py",
            "tests/actions/test_mirror.py",
            "tests/actions/test_peers.py",
            "tests/actions/test_published_spaces.py",
            "tests/actions/test_translate.py",
            "tests/actions/test_translate_minedojo.py",
        ),
        (
            "test_coverage_equals_a_count_by_force",
            "test_coverage_of_dictionaries_equals_a_count_by_force",
            "test_every_code_arrives_as_its_keys",
        ),
    ),
    "checkpoints": Room(
        ("vpt_gym/agents/checkpoints/*.py",),
        (
            "tests/agents/checkpoints/test_damaged_weights.py",
            "tests/agents/checkpoints/test_int8_weights.py",
            "tests/agents/checkpoints/test_limited_pickle.py",
            "tests/agents/checkpoints/test_model_file.py",
            "tests/agents/checkpoints/test_model_file_limits.py",
            "tests/agents/checkpoints/test_partial_loading.py",
            "tests/agents/checkpoints/test_policy.py",
            "tests/agents/checkpoints/test_pretrained.py",
            "tests/agents/checkpoints/test_saved_folder.py",
            "tests/agents/checkpoints/test_steve1.py",
            "tests/hub/test_card.py",
        ),
        packages=("torch", "safetensors.torch", "av", "cv2", "hypothesis"),
    ),
    "demos": Room(
        ("vpt_gym/demos/files/*.py", "vpt_gym/demos/demo.py"),
        (
            "tests/demos/files/test_contractor.py",
            "tests/demos/files/test_records.py",
            "tests/demos/files/test_video.py",
            "tests/demos/files/test_writer.py",
            "tests/demos/library/test_bad_files.py",
            "tests/demos/library/test_checks.py",
        ),
        packages=("torch", "av", "cv2", "hypothesis"),
    ),
}
