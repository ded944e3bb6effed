"""Runs tests against mutants. Each mutant gets a fork of a process in which the tests are already collected."""

from __future__ import annotations

import functools
import gc
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, mutated

MOST_SECONDS = 6.0
"""Processor time of the tests that are run against one mutant, as long as they pass."""
_HANGS = 300
"""Seconds after which a process is ended, however little processor time it used: it waits for something."""

KILLED, SURVIVED, HIDDEN = "killed", "survived", "hidden"


class MutationSession:
    """A pytest plugin that runs each mutant against the tests that call the mutated function, until one fails.

    Functions get the code of the mutant in place. A mutant of code that runs at import, which this does not reach, is
    left ``HIDDEN``, see ``run_at_import``.

    Args:
        root: The folder of the repository.
        mutants: The mutants.
        report: Called with each mutant and its result.
    """

    def __init__(self, root: Path, mutants: Sequence[Mutant], report: Callable[[Mutant, str], None]) -> None:
        self._root, self._mutants, self._report = root, mutants, report
        self._files = {str(root / mutant.path) for mutant in mutants}
        self._called: set[tuple[str, int]] = set()
        self._failed = False

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        """Notes which functions are called when the modules are imported."""
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self._at_import = set(self._called)

    def _trace(self, frame: types.FrameType, event: str, arg: object) -> None:
        if frame.f_code.co_filename in self._files:
            self._called.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes a failure."""
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Takes the place of pytest's loop over the tests."""
        calls = self._calls(session.items)
        items = {item.nodeid: item for item in session.items}
        every = gc.get_objects()
        functions = [f for f in every if type(f) is types.FunctionType and f.__code__.co_filename in self._files]
        caches = [
            cache
            for cache in every
            if type(cache) is functools._lru_cache_wrapper and str(cache.__module__).startswith("vpt_gym")
        ]
        for mutant in self._mutants:
            file = str(self._root / mutant.path)
            place = (file, mutant.function)
            covering = _cheapest({test: cost for test, (cost, called) in calls.items() if list(place) in called})

            def work(mutant=mutant, file=file, covering=covering) -> None:
                tree = mutated(Path(file).read_text(), mutant.number)
                exchange([f for f in functions if f.__code__.co_filename == file], compile(tree, file, "exec"))
                for cache in caches:
                    cache.cache_clear()
                self._run([items[test] for test in covering])

            if covering and not _in_fork(work, 5 + 3 * sum(covering.values())):
                self._report(mutant, KILLED)
            else:
                self._report(mutant, HIDDEN if mutant.function is None or place in self._at_import else SURVIVED)
        return True

    def _run(self, items: Sequence[pytest.Item]) -> None:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                raise AssertionError(item.nodeid)

    def _calls(self, items: Sequence[pytest.Item]) -> dict[str, tuple[float, list[list]]]:
        """Returns, for each test that passes, its processor time and (file, first line) of the functions it calls."""
        with tempfile.NamedTemporaryFile("r") as out:

            def work() -> None:
                calls = {}
                for item, following in zip(items, [*items[1:], None], strict=True):
                    self._called.clear()
                    self._failed = False
                    start = time.process_time()
                    sys.settrace(self._trace)
                    threading.settrace(self._trace)
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                    sys.settrace(None)
                    threading.settrace(None)
                    if not self._failed:
                        calls[item.nodeid] = (time.process_time() - start, sorted(self._called))
                Path(out.name).write_text(json.dumps(calls))

            if not _in_fork(work, 3600.0, hangs=14_400):
                raise pytest.UsageError("the tests could not be run without a mutant")
            return json.load(out)


def _cheapest(costs: dict[str, float]) -> dict[str, float]:
    """Returns the quickest tests that take ``MOST_SECONDS`` together, the quickest first."""
    chosen, left = {}, MOST_SECONDS
    for test, cost in sorted(costs.items(), key=lambda pair: pair[1]):
        left -= cost
        if left < 0:
            break
        chosen[test] = cost
    return chosen


def run_at_import(root: Path, mutant: Mutant, tests: Sequence[str]) -> bool:
    """Returns whether a mutant survives tests that import its module after this call.

    Args:
        root: The folder of the repository.
        mutant: The mutant, whose module is not yet imported.
        tests: Arguments of pytest.
    """
    file = str(root / mutant.path)
    module = mutant.path.removesuffix(".py").replace("/", ".")
    code = compile(mutated(Path(file).read_text(), mutant.number), file, "exec")

    class Loader(importlib.machinery.SourceFileLoader):
        def get_code(self, fullname: str) -> types.CodeType:
            return code

    class Finder:
        @staticmethod
        def find_spec(name, path, target=None):
            if name != module:
                return None
            return importlib.util.spec_from_file_location(name, file, loader=Loader(name, file))

    def work() -> None:
        sys.meta_path.insert(0, Finder)
        if pytest.main([*tests, "-x"]) != pytest.ExitCode.OK:
            raise AssertionError

    return _in_fork(work, 120.0)


def exchange(functions: Sequence[types.FunctionType], module: types.CodeType) -> None:
    """Gives functions the code that they have in another version of their module, with the same lines."""
    codes: dict[tuple[str, int], types.CodeType] = {}
    waiting = [module]
    while waiting:
        inner = [const for const in waiting.pop().co_consts if isinstance(const, types.CodeType)]
        codes.update({_place(code): code for code in inner})
        waiting += inner
    for function in functions:
        old = function.__code__
        new = codes.get(_place(old))
        if new is not None and new.co_freevars == old.co_freevars:
            function.__code__ = new


def _place(code: types.CodeType) -> tuple[str, int]:
    return getattr(code, "co_qualname", code.co_name), code.co_firstlineno  # Python 3.10 has only the name


def _in_fork(work: Callable[[], object], seconds: float, hangs: int = _HANGS) -> bool:
    """Returns whether a function ends without an error in a fork of this process, within processor time."""
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            signal.setitimer(signal.ITIMER_PROF, seconds)  # ends the process
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    deadline = time.monotonic() + hangs  # not an alarm of the child, whose timer pytest-timeout sets anew
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.005)
