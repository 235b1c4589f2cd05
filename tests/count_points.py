"""What pvcheck withstands: 170 points, each with tests of its number, or a reason why it does not apply.

    python tests/count_points.py

A test belongs to point N if its name begins with ``test_NNN_``. What does not apply, or only in part, is in the table
of docs/withstanding.md. Exits 1 if a point has neither, or if a name has a number that is no point.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "withstanding.md"
SECTIONS = {
    "YAML: syntax and encoding": 1,
    "YAML: meaning": 18,
    "schema": 32,
    "lifecycle and version": 45,
    "tampering with evidence": 57,
    "plugins": 71,
    "model files": 90,
    "numerics": 106,
    "files and folders": 117,
    "concurrency": 131,
    "signals and crashes": 138,
    "command line": 145,
    "git": 153,
    "environment": 160,
}
"""Each section with its first point."""
POINTS = 170
NAME = re.compile(r"test_(\d{3})_")
ROW = re.compile(r"^\| (\d{1,3}) \| (whole|part) \|", re.MULTILINE)


class Points(NamedTuple):
    """How many tests each point has, and what does not apply: whole points, and parts of points."""

    tests: Counter[int]
    whole: frozenset[int]
    part: frozenset[int]

    @property
    def missing(self) -> list[int]:
        """Return the points that have neither tests nor a reason."""
        return [each for each in range(1, POINTS + 1) if not self.tests[each] and each not in self.whole]

    @property
    def wrong(self) -> list[str]:
        """Return what cannot be: numbers that are no point, points that are tested and said not to apply."""
        beyond = [f"{each:03d} is no point" for each in sorted(self.tests) if not 1 <= each <= POINTS]
        both = [f"{each:03d} has tests, yet the page says that it does not apply" for each in sorted(self.whole)]
        return beyond + [said for each, said in zip(sorted(self.whole), both, strict=True) if self.tests[each]]


def points(tests: Path = ROOT / "tests", page: Path = PAGE) -> Points:
    """Count the functions of the tests, and the rows of the page."""
    names = (
        node.name
        for path in sorted(tests.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef)
    )
    counted = Counter(int(found[1]) for name in names if (found := NAME.match(name)))
    rows = ROW.findall(page.read_text())
    said = {kind: frozenset(int(number) for number, each in rows if each == kind) for kind in ("whole", "part")}
    return Points(counted, said["whole"], said["part"])


def told(found: Points) -> list[str]:
    """Return the lines that the command prints."""
    bounds = [*SECTIONS.values(), POINTS + 1]
    lines = []
    for name, first, after in zip(SECTIONS, bounds, bounds[1:], strict=False):
        tested = sum(bool(found.tests[each]) for each in range(first, after))
        lines.append(f"{first:>3} to {after - 1:>3}  {name:<26} {tested:>2} of {after - first:>2} tested")
    tested = sum(bool(found.tests[each]) for each in range(1, POINTS + 1))
    number = sum(found.tests[each] for each in range(1, POINTS + 1))
    lines.append(
        f"{tested + len(found.whole)} of {POINTS} points: {tested} have tests ({number}), "
        f"{len(found.whole)} do not apply; {len(found.part)} of those tested apply in part"
    )
    lines += [f"{each:03d} has no test and no reason" for each in found.missing]
    return lines + found.wrong


def main() -> int:
    """Print the count."""
    found = points()
    print("\n".join(told(found)))  # noqa: T201 - a command, which prints
    return int(bool(found.missing or found.wrong))


if __name__ == "__main__":
    sys.exit(main())
