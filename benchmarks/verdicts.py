"""A row of the table, what was measured for it, and what that says about its gate and its aim."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from measuring import CORES, Times, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench import Bench

COLUMNS = ("what", "threads", "ours", "theirs", "ratio", "GB/s", "share", "gate", "aim", "verdict")
PASS, AIM, BELOW, FREE = "PASS", "PASS, aim", "below gate", "-"
DIFFERS, FAILED, NOT_MEASURED = "differs", "failed", "not measured"
BAD = (BELOW, DIFFERS, FAILED)


class DiffersError(Exception):
    """Raised when the two sides do not compute the same, so that a broken one cannot win; its text says what."""


class Goal(NamedTuple):
    """The least ratio to theirs ("x"), or the most seconds ("s"), that pass, and that were aimed at, if any were."""

    gate: float
    aim: float | None = None
    unit: str = "x"

    def reached(self, result: Result) -> str:
        """Return the verdict on a result."""
        sign = 1 if self.unit == "x" else -1
        value = result.ratio if self.unit == "x" else result.ours.median
        if value is None or not sign * value >= sign * self.gate:
            return BELOW
        return AIM if self.aim is not None and sign * value >= sign * self.aim else PASS


class Result(NamedTuple):
    """The times of both sides, the bytes that ``GB/s`` counts, and the share of memory bandwidth, if it has one.

    Without ``theirs`` nothing was compared.
    """

    ours: Times
    theirs: Times | None = None
    counted: int = 0
    share: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return how many times as fast ours is, by medians."""
        return self.theirs.median / self.ours.median if self.theirs else None


class Row(NamedTuple):
    """One line of the table: what is compared, at one thread ("1") or one a core ("all"), and how it is measured."""

    name: str
    what: str
    threads: str
    measure: Callable[[Bench, int], Result]
    goal: Goal | None = None

    @property
    def workers(self) -> int:
        """Return the number of threads on this machine."""
        return CORES if self.threads == "all" else 1


class Line(NamedTuple):
    """A row with its cells, its verdict, and the reason if it was not measured or differs."""

    row: Row
    cells: tuple[str, ...]
    verdict: str
    reason: str = ""


def line(row: Row, result: Result, *, gated: bool) -> Line:
    """Return the line of a result; without ``gated``, nothing is judged."""
    goal = row.goal if gated else None
    verdict = goal.reached(result) if goal else FREE
    ratio = result.ratio
    cells = (
        *head(row),
        spread(result.ours),
        spread(result.theirs) if result.theirs else "-",
        "-" if ratio is None else times(ratio),
        f"{result.counted / result.ours.median / 1e9:.1f}" if result.counted else "-",
        "-" if result.share is None else f"{result.share:.0%}",
        *goals(row),
        verdict,
    )
    return Line(row, cells, verdict)


def unmeasured(row: Row, reason: str, verdict: str = NOT_MEASURED) -> Line:
    """Return the line of a row that has no numbers."""
    return Line(row, (*head(row), *["-"] * 5, *goals(row), verdict), verdict, reason)


def head(row: Row) -> tuple[str, str]:
    """Return the first cells: they name the row."""
    return row.what, row.threads


def times(ratio: float) -> str:
    """Return a ratio, with more digits the smaller it is."""
    digits = 0 if ratio >= 10 else 2 if ratio >= 0.1 else 3
    return f"{ratio:.{digits}f} x"


def goals(row: Row) -> tuple[str, str]:
    """Return the cells of gate and aim."""
    told = (row.goal.gate, row.goal.aim) if row.goal else (None, None)
    gate, aim = ("-" if each is None or row.goal is None else f"{each:g} {row.goal.unit}" for each in told)
    return gate, aim


def notes(lines: Sequence[Line]) -> list[str]:
    """Return a sentence for each reason, with the rows that have it, and the count that ends the table."""
    told: dict[tuple[str, str], list[str]] = {}
    for each in lines:
        if each.reason:
            told.setdefault((each.verdict, each.reason), []).append(f"{each.row.name}")
    verdicts = [each.verdict for each in lines]
    held = verdicts.count(PASS) + verdicts.count(AIM)
    below, broken, free, missing = map(verdicts.count, (BELOW, DIFFERS, FREE, NOT_MEASURED))
    broken += verdicts.count(FAILED)
    counts = f"{held} passed their gate, {below} did not, {free} have none, {broken} broken, {missing} not measured"
    return [
        *(f"{verdict}: {', '.join(dict.fromkeys(names))}: {reason}" for (verdict, reason), names in told.items()),
        f"{len(lines)} rows: {counts}",
    ]


def status(lines: Sequence[Line]) -> int:
    """Return the exit status: 0 if every measured gate holds and nothing is broken, else 1."""
    return int(any(each.verdict in BAD for each in lines))
