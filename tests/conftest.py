"""What holds for all tests: the threads of torch, the options of the command line, and the programs they need."""

import os

import pytest

from tests.support.programs import skip_or_fail

# For this process and those that tests start: the nets are tiny, and threads that wait for each other on a busy
# machine are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="repeat cycles and faults more often (make test-long)")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    skip_or_fail(item)
