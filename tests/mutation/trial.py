"""Run tests on a mutant, in a process that is forked for it.

Two ways. The quick one: a server has imported and collected everything; a child of it takes the changed code of the
functions that are there, and runs. The slow one imports everything anew, for what happens at import: tables,
defaults, decorators. What survives the quick one is tried by the slow one if its lines run at import, too, so that a
value that was computed before the change cannot make a mutant look alive.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mutation import confinement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

FUNCTION: Final = 0x3
"""The flags of a function's code: optimised, with new locals. That of a class body has neither."""
TOO_LONG: Final = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGPROF, signal.SIGALRM})
PROFILE: Final = "mutants"
"""How laws are tried. It is named on the command line, since what a conftest loads counts for less."""
WORDS: Final = (
    "--assert=plain",
    f"--hypothesis-profile={PROFILE}",
    *("-q", "-s", "-x"),
    *("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler"),
)


class Verdict(NamedTuple):
    """What became of a mutant: ``killed``, ``survived``, ``timed out``, and by which test."""

    outcome: str
    by: str = ""


class Trial(NamedTuple):
    """What to try: the file, the tests in order with the seconds that each takes, and those that all may take."""

    path: str
    tests: Sequence[str]
    usual: Sequence[float]
    compute: float
    wall: float


def forked(body: Callable[[Path], str | None], trial: Trial) -> Verdict:
    """Run tests in a child that is limited and has a folder of its own.

    :param body: runs them and returns the test that failed, or None.
    """
    folder = Path(tempfile.mkdtemp(prefix="trial-"))
    said = folder / "said"
    pid = os.fork()
    if pid == 0:
        _become_child(folder, trial.compute)
        try:
            failed = body(folder)
            said.write_text("" if failed is None else failed)
            os._exit(0 if failed is None else 1)
        finally:
            os._exit(1)
    status = confinement.ended(pid, trial.wall)
    by = said.read_text() if said.exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in TOO_LONG):
        return Verdict("timed out")
    if by == "cold":
        return Verdict("cold")
    return Verdict("killed" if status else "survived", by)


def _become_child(folder: Path, seconds: float) -> None:
    """Take a session, limits and folders."""
    os.setsid()
    confinement.limit(seconds)
    temporary = folder / "t"
    temporary.mkdir()
    os.environ |= {"TMPDIR": str(temporary), "XDG_CACHE_HOME": str(folder / "cache")}
    tempfile.tempdir = None
    log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


class Watching:
    """A plugin of pytest that ends this process if a test takes much longer than usual."""

    def __init__(self, trial: Trial) -> None:
        self.usual = dict(zip(trial.tests, trial.usual, strict=True))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin a test."""
        usual = self.usual.get(nodeid, 2.0)
        signal.setitimer(signal.ITIMER_PROF, 3 + 5 * usual)
        signal.setitimer(signal.ITIMER_REAL, 30 + 10 * usual)


class Chosen(Watching):
    """Only some tests, in an order, and those that nobody knew before."""

    def __init__(self, trial: Trial, known: frozenset[str]) -> None:
        super().__init__(trial)
        self.place = {name: at for at, name in enumerate(trial.tests)}
        self.known = known
        self.failed: str | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose and sort."""
        items[:] = [each for each in items if each.nodeid in self.place or each.nodeid not in self.known]
        items.sort(key=lambda each: self.place.get(each.nodeid, len(self.place)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember which test failed first."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def cold(trial: Trial, known: frozenset[str]) -> Verdict:
    """Try the text that lies in the file, in a child that imports everything anew."""

    def body(folder: Path) -> str | None:
        import pytest

        del folder
        files = sorted({each.partition("::")[0] for each in trial.tests})
        chosen = Chosen(trial, known)
        status = pytest.main([*WORDS, *files], plugins=[chosen])
        return (
            None if status in {0, 5} else chosen.failed or f"nothing could be collected from {', '.join(files)}"[:200]
        )

    return forked(body, trial)


class Server:
    """A process that has collected the tests of a layer and tries mutants of functions. It is started when needed."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = folders
        self.pid = 0
        self._ask: Any = None
        self._told: Any = None

    def start(self) -> None:
        """Fork the process."""
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours_in)
            os.close(ours_out)
            _serve(self.folders, theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)
        self._ask, self._told = os.fdopen(ours_out, "w"), os.fdopen(ours_in)
        if self._told.readline() != "ready\n":
            raise SystemExit(f"the tests in {' '.join(self.folders)} cannot be collected: see server.log")

    def tried(self, trial: Trial) -> Verdict:
        """Try the text that lies in the file; a mutant that ends the server itself is told as killed.

        The server must have been started while the file was right.
        """
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(trial), file=self._ask, flush=True)
        line = self._told.readline()
        if not line:
            self.stop()
            return Verdict("killed", "it ended the process that tries the mutants")
        return Verdict(*json.loads(line))

    def stop(self) -> None:
        """End the process."""
        if self.pid:
            self._ask.close()
            self._told.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
        self.pid = 0


def _serve(folders: Sequence[str], requests: int, answers: int) -> None:
    """Collect, then try what is asked for until nobody asks; never return."""
    import pytest

    log = os.open("server.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with os.fdopen(requests) as asked, os.fdopen(answers, "w") as told:
        status = pytest.main([*WORDS, *folders], plugins=[_Serving(asked, told)])
    os._exit(int(status))


class _Serving:
    """A plugin of pytest that runs no test itself, but some of them in children, as it is asked to."""

    def __init__(self, asked: Iterator[str], told: Any) -> None:
        self.asked = asked
        self.told = told

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Answer requests."""
        by_name = {each.nodeid: each for each in session.items}
        import_all()
        here = _functions(Path.cwd() / "pvcheck")
        right = {path: Path(path).read_bytes() for path in here}
        gc.freeze()
        print("ready", file=self.told, flush=True)
        for line in self.asked:
            trial = Trial(*json.loads(line))

            def body(folder: Path, trial: Trial = trial) -> str | None:
                del folder
                if not _changed(trial.path, right.get(trial.path, b""), here.get(trial.path, [])):
                    return "cold"
                forget()
                session.config.pluginmanager.register(Watching(trial))
                return _first_failure(session, [by_name[each] for each in trial.tests])

            print(json.dumps(forked(body, trial)), file=self.told, flush=True)
        return True


def import_all() -> None:
    """Import every module of the layers, so that no child has to."""
    import importlib

    for path in sorted(Path("pvcheck").glob("*/*.py")):
        if path.stem not in {"__init__", "__main__"}:
            importlib.import_module(".".join(path.with_suffix("").parts))


def forget() -> None:
    """Empty every cache of ours: what one test has computed, the next one computes again, and so reaches its lines."""
    for name, module in list(sys.modules.items()):
        for each in vars(module).values() if name.startswith("pvcheck.") else ():
            if isinstance(each, functools._lru_cache_wrapper):
                each.cache_clear()


def _functions(folder: Path) -> dict[str, list[FunctionType]]:
    """Return all functions there are, by the file that they come from."""
    found: dict[str, list[FunctionType]] = {}
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(str(folder)):
            found.setdefault(each.__code__.co_filename, []).append(each)
    return found


def _first_failure(session: pytest.Session, items: list[pytest.Item]) -> str | None:
    """Run tests until one fails."""
    for item, follower in zip(items, [*items[1:], None], strict=True):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=follower)
        if session.testsfailed:
            return item.nodeid
    return None


def _changed(path: str, right: bytes, functions: list[FunctionType]) -> bool:
    """Give functions the code that now lies in their file; say whether that is all that differs."""
    code = compile(Path(path).read_bytes(), path, "exec")
    wanted: dict[tuple[str, int], list[CodeType]] = {}
    for each in _codes(code):
        wanted.setdefault((each.co_qualname, each.co_firstlineno), []).append(each)
    if _outside(code) != _outside(compile(right, path, "exec")):
        return False
    for each in functions:
        new = wanted.get((each.__code__.co_qualname, each.__code__.co_firstlineno), [])
        if len(new) != 1 or len(new[0].co_freevars) != len(each.__code__.co_freevars):
            return False
        each.__code__ = new[0]
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of every function, however deep."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def _outside(code: CodeType) -> list[object]:
    """Return what tells the code of a module or class from another, without that of functions."""
    inner: list[object] = []
    for each in code.co_consts:
        if not isinstance(each, CodeType):
            inner.append((type(each).__name__, repr(each)))
        elif each.co_flags & FUNCTION != FUNCTION:
            inner.append(_outside(each))
        else:
            inner.append(each.co_name)
    return [code.co_code, code.co_names, inner]
