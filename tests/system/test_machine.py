"""The description of the machine that is stored with measurements."""

from vpt_gym.system.machine import describe, installed_version


def test_a_package_that_is_not_installed_has_an_unknown_version():
    """As ``vpt-gym`` itself, where it runs from a source tree."""
    assert describe("numpy", "no-such-package")["no-such-package"] == "unknown"
    assert installed_version("numpy") == describe("numpy")["numpy"] != "unknown"
