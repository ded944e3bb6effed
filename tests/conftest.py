"""What holds for all tests: the threads of torch, the options of the command line, and the programs they need."""

import os
import signal

import pytest
from hypothesis import settings

from tests.support.programs import skip_or_fail

# For this process and those that tests start: the nets are tiny, and threads that wait for each other on a busy
# machine are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell starts programs in the background with SIGINT ignored; the processes that tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# By default an example that takes more than 0.2 seconds fails, which it does on a busy machine.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="repeat cycles and faults more often (make test-long)")
    parser.addoption("--ticks", type=int, help="ticks that tests/soak plays; 1,728,000 are a day of game time")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    skip_or_fail(item)


@pytest.fixture(autouse=True)
def _priority_stays():
    """Fails a test that leaves its process with another scheduling policy, as encoding AV1 as root does."""
    known = getattr(os, "sched_getscheduler", lambda _: None)  # Linux
    before = known(0)
    yield
    assert known(0) == before, "the test left this process with another scheduling policy: use a process of its own"
