"""The evaluator ``pytest``: how the tests that a contract names end in the project's folder.

The counts come from the JUnit report that pytest writes, not from what it prints.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET  # see _counts: a report with a DOCTYPE is refused

from pvcheck.plugin import InputError, Measurement, NotMeasured, Skip
from pvcheck_general import programs
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pvcheck.plugin import Context
    from pvcheck_general.parameters import PytestParameters
    from pvcheck_general.programs import Ended

REPORT_MAX: Final = 16 << 20
USAGE: Final = 4  # pytest's exit status when a path is not there
NOT_FOUND: Final = "ERROR: not found: "
KINDS: Final = {"failure": "failed", "error": "errors", "skipped": "skipped"}


def measure(parameters: PytestParameters, context: Context) -> Measurement:
    """Run the tests; where pytest does not find some, run the others without them.

    :raises NotMeasured: if pytest is not installed or does not end in time, or if no test ran.
    :raises InputError: if its report cannot be read.
    """
    root = programs.folder_of(context.root)
    if find_spec("pytest") is None:
        raise NotMeasured("pytest is not installed in the Python that measures")
    left = [path for path in parameters.paths if Path(root, path.partition("::")[0]).exists()]
    status = USAGE if len(left) < len(parameters.paths) else None
    counts = dict.fromkeys(("passed", *KINDS.values()), 0)
    while left:
        ended, counts = _run(left, root, parameters.timeout)
        status = ended.status if status is None else status
        absent = _absent(ended, left)
        if not absent:
            break
        left = [path for path in left if path not in absent]
    missing = tuple(path for path in parameters.paths if path not in left)
    total = sum(counts.values())
    if total == counts["skipped"]:
        raise NotMeasured(_why_nothing(len(parameters.paths), len(missing), total))
    return Measurement(
        metrics=counts | {"total": total, "missing": len(missing), "exit_status": int(status or 0)},
        backend="pytest",
        skipped=tuple(Skip(what=path, reason="pytest does not find it") for path in missing),
        libraries={"pytest": version("pytest")},
    )


def _run(paths: Sequence[str], root: str, seconds: float) -> tuple[Ended, dict[str, int]]:
    """Run pytest once, and return how it ended and how many tests ended in which way."""
    # What the user's shell adds to pytest is no part of the claim.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with tempfile.TemporaryDirectory(prefix="pvcheck-pytest-") as folder:
        report = Path(folder, "report.xml")
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *paths]
        ended = programs.run(argv, root, seconds, environment)
        return ended, _counts(report, ended)


def _counts(report: Path, ended: Ended) -> dict[str, int]:
    """Return how many tests of a report ended in which way.

    :raises InputError: if there is none, or it is too large, or no XML without a DOCTYPE.
    """
    if not report.is_file():
        last = (ended.stderr or ended.stdout).strip().rpartition("\n")[2]
        raise InputError(f"pytest ended with status {ended.status} and left no report: {escaped(last)}")
    if report.stat().st_size > REPORT_MAX:
        raise InputError(f"the report of pytest must have at most {REPORT_MAX} bytes")
    data = report.read_bytes()
    try:
        if b"<!DOCTYPE" in data:
            raise InputError("the report of pytest holds a DOCTYPE, which pytest does not write")
        cases = list(ET.fromstring(data).iter("testcase"))  # noqa: S314 - without a DOCTYPE there are no entities
    except ET.ParseError as error:
        raise InputError(f"the report of pytest is not XML: {error}") from None
    counts = dict.fromkeys(("passed", *KINDS.values()), 0)
    for case in cases:
        counts[next((KINDS[child.tag] for child in case if child.tag in KINDS), "passed")] += 1
    return counts


def _absent(ended: Ended, paths: Sequence[str]) -> set[str]:
    """Return the paths that pytest said it does not find. Some of its versions leave the case in brackets out."""
    told = [line for line in ended.stderr.splitlines() if line.startswith(NOT_FOUND)] if ended.status == USAGE else []
    return {path for path in paths for line in told if line.endswith((f"/{path}", f"/{path.partition('[')[0]}"))}


def _why_nothing(asked: int, missing: int, skipped: int) -> str:
    """Return why no test ran."""
    if skipped:
        return f"pytest skipped every test that it found ({skipped})"
    return f"pytest found no test: {missing} of {asked} paths are not there" if missing else "pytest found no test"
