"""What holds for all tests: the threads of torch, and the options of the command line."""

import os

# For this process and those that tests start: the nets are tiny, and threads that wait for each other on a busy
# machine are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="repeat cycles and faults more often (make test-long)")
