"""Which tests run which lines, and for how long, while nothing is wrong."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mutation.trial import WORDS, forget, import_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

TEST: Final = "COVERAGE_MUTATION_TEST"
"""The variable that tells processes which test started them. Workers keep variables of coverage, and only those."""
IMPORTED: Final = -1
"""What stands in place of the number of a test where none ran yet."""
SETTINGS: Final = """\
[run]
source = {source}
data_file = {data}
parallel = true
context = ${{COVERAGE_MUTATION_TEST}}
patch = _exit
"""


class Baseline:
    """The tests of a layer with their seconds, and the tests that run each line of its modules."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.seconds: dict[str, float] = told["seconds"]
        self.known = frozenset(self.seconds)
        self._lines: dict[str, dict[str, list[int]]] = told["lines"]
        self._names = list(self.seconds)

    def reaching(self, module: str, first: int, last: int) -> list[str]:
        """Return the tests that run one of these lines of a module, the quickest first."""
        lines = self._lines.get(module, {})
        found = {at for line in range(first, last + 1) for at in lines.get(str(line), ())} - {IMPORTED}
        return sorted((self._names[at] for at in found), key=self.seconds.__getitem__)

    def is_imported(self, module: str, first: int, last: int) -> bool:
        """Say whether one of these lines ran before the first test, when all was imported and collected."""
        lines = self._lines.get(module, {})
        return any(IMPORTED in lines.get(str(line), ()) for line in range(first, last + 1))

    def near(self, module: str) -> list[str]:
        """Return the tests to which what a module does at import may matter: those that run any of its functions.

        Of a package and of a module without functions, these are all. Tests in files that have its name come first,
        then those of its layer.
        """
        stem, layer = Path(module).stem, f"tests/{Path(module).parent.name}/"
        reached = {at for tests in self._lines.get(module, {}).values() for at in tests if IMPORTED not in tests}
        found = [self._names[at] for at in reached if stem != "__init__"] or self._names
        found = sorted({*found, *(each for each in self._names if stem in each.partition("::")[0])})
        return sorted(found, key=lambda each: (stem not in each, not each.startswith(layer), self.seconds[each]))


class _Listening:
    """A plugin of pytest that tells coverage which test runs, and measures it."""

    def __init__(self, coverage: Any) -> None:
        self.coverage = coverage
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin a test."""
        forget()
        self.coverage.switch_context(nodeid)
        os.environ[TEST] = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the seconds of a test that ran."""
        if report.when == "call" and report.skipped:
            self.seconds.pop(report.nodeid, None)
        elif report.when == "setup" and not report.skipped:
            self.seconds[report.nodeid] = report.duration
        elif report.nodeid in self.seconds:
            self.seconds[report.nodeid] += report.duration


def measured(layer: str, folders: Sequence[str], state: Path) -> dict[str, Any]:
    """Run all tests of a layer in a child, and return what they reached, ready to be kept as JSON.

    :raises SystemExit: if one fails, since then nothing can be said of mutants.
    """
    answer = state / "baseline.json"
    answer.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        try:
            _measure(layer, folders, state, answer)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    if not answer.exists():
        raise SystemExit(f"the tests of {layer} fail without a mutant: see {state / 'baseline.log'}")
    return dict(json.loads(answer.read_text()))


def _measure(layer: str, folders: Sequence[str], state: Path, answer: Path) -> None:
    """Run the tests in this process and write what they reached, if all passed."""
    import coverage
    import pytest

    log = os.open(state / "baseline.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings, data = state / "coverage.ini", state / "coverage" / "data"
    data.parent.mkdir(exist_ok=True)
    for old in data.parent.iterdir():
        old.unlink()
    settings.write_text(SETTINGS.format(source=Path("pvcheck", layer).absolute(), data=data))
    os.environ |= {TEST: "", "COVERAGE_PROCESS_START": str(settings)}
    watch = coverage.Coverage(config_file=str(settings))
    watch.start()
    import_all()
    listening = _Listening(watch)
    status = pytest.main([*WORDS, *folders], plugins=[listening])
    sys.stdout.flush()
    watch.stop()
    watch.save()
    if status:
        return
    watch.combine()
    at = {"": IMPORTED} | {name: place for place, name in enumerate(listening.seconds)}
    lines = {str(path): found for path, found in _lines(watch.get_data(), at)}
    answer.write_text(json.dumps({"seconds": listening.seconds, "lines": lines}))


def _lines(data: Any, at: dict[str, int]) -> Iterator[tuple[Path, dict[int, list[int]]]]:
    """Yield the modules, each with its lines and the numbers of the tests that run them."""
    for name in data.measured_files():
        told = data.contexts_by_lineno(name)
        path = Path(name).relative_to(Path.cwd())
        yield path, {line: sorted(at[each] for each in set(tests) if each in at) for line, tests in told.items()}
