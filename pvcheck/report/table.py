"""The table of a measurement: one row a step, one column a series, a bar for the magnitude, marks for odd steps.

On a terminal that is too narrow, columns are left out whole and named below; a number is never cut. What stays is,
in this order: the series of the bar, series that bounds are put on, condition numbers and backward errors, the others
from left to right, those that have bit patterns, all of them or none, and these patterns, all of them or none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.domain.metric import MetricType, bits
from pvcheck.errors import escaped
from pvcheck.report.styled import Line, padded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pvcheck.domain.metric import MetricSpec, Number, Value
    from pvcheck.guards import Guarded
    from pvcheck.plugin import Measurement
    from pvcheck.report.styled import Role

GAP: Final = "  "
BAR: Final = 12
"""Columns of a bar; an eighth of one is the least that is drawn."""
EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
DECADES: Final = 2
"""A bar has a log scale where the largest number is more than so many powers of ten above the smallest."""
OUTLYING: Final = 10
"""A number so many times the median is an outlier, as far as marks are concerned. No verdict hangs on it."""
LEAST: Final = 4
"""Numbers from which on one of them can be called an outlier."""
CONDITIONED, OUTLIER, NOT_FINITE = "ill-conditioned", "outlier", "not finite"
NARROW: Final = 100
"""Columns below which a mark is a letter."""
LETTERS: Final = {CONDITIONED: "C", OUTLIER: "O", NOT_FINITE: "N"}


RANKS: Final = 3
"""The rank of a series that nothing speaks of: neither a bound nor a condition."""
FIRST, RAW, PATTERNS = (0, 0), (RANKS + 1, 0), (RANKS + 2, 0)


class Column(NamedTuple):
    """One column: its name, its cells, and its rank: the larger, the earlier it is left out where there is no room.

    The first rank is never left out; columns of one rank are left out together.
    """

    name: str
    cells: tuple[str, ...]
    rank: tuple[int, int] = FIRST

    @property
    def width(self) -> int:
        """How many columns of a terminal it takes."""
        return max(map(len, (self.name, *self.cells)))


def lines(
    measurement: Measurement,
    specs: Mapping[str, MetricSpec],
    guarded: Iterable[Guarded] = (),
    *,
    bounded: Collection[str] = (),
    width: int | None = None,
) -> Iterator[str]:
    """Yield the rows of the table, header first; nothing where there is no labelled series.

    :param bounded: the metrics that bounds are put on.
    :param width: of what may be filled; None leaves nothing out.
    """
    series = _labelled(measurement, specs)
    if not series:
        return
    chief = _chief(measurement, specs, series)
    values = tuple(map(float, series[chief])) if chief else ()
    marks = _marks(measurement, guarded, values)
    is_short = width is not None and width < NARROW
    said = tuple("".join(LETTERS[word] for word in each) if is_short else ", ".join(each) for each in marks)
    bar = _Bar.of(values)
    ranks = _ranks(measurement, series, chief, bounded)
    columns = _columns(series, specs, ranks)
    labels = Column("", tuple(map(escaped, measurement.labels)))
    rest = _width([labels, *([Column("", (" " * BAR,))] if bar else []), Column("", said)])
    kept = columns if width is None else _kept(columns, width - rest)
    yield _head(labels, kept)
    for row, mark in enumerate(said):
        cells = [f"{each.cells[row]:>{each.width}}" for each in kept]
        drawn = [padded(bar.drawn(values[row]), _role(mark), BAR)] if bar else []
        yield _row([f"{labels.cells[row]:<{labels.width}}", *cells], drawn, mark)
    yield from _legend(bar, chief, {word for each in marks for word in each}, is_short=is_short)
    left = dict.fromkeys(each.name for each in columns if each not in kept)
    if left:
        yield Line((f"left out for lack of room: {', '.join(left)} (a pipe has all)", "dim"))


def _labelled(measurement: Measurement, specs: Mapping[str, MetricSpec]) -> dict[str, tuple[Number, ...]]:
    """Return the series that have a number for each label."""
    found = ((name, measurement.metrics.get(name)) for name in specs)
    wanted = len(measurement.labels)
    return {name: each for name, each in found if isinstance(each, tuple) and len(each) == wanted > 0}


def _chief(measurement: Measurement, specs: Mapping[str, MetricSpec], series: Mapping[str, Value]) -> str:
    """Return the series that a bar is drawn of, or nothing: one that has conditions, else floats without bits."""
    conditioned = {each.metric for each in measurement.conditions if each.position is not None}
    floats = [name for name in series if specs[name].type in {MetricType.F32, MetricType.F64} and not specs[name].bits]
    return next((name for name in floats if name in conditioned), next(iter(floats), ""))


def _ranks(
    measurement: Measurement, series: Mapping[str, tuple[Number, ...]], chief: str, bounded: Collection[str]
) -> dict[str, tuple[int, int]]:
    """Return the rank of each series."""
    told = {(each.position, value) for each in measurement.conditions for value in (each.number, each.backward_error)}
    conditions = {name for name, values in series.items() if any(each in told for each in enumerate(values))}
    wanted = [{chief}, set(bounded), conditions, set(series)]
    found = {name: next(rank for rank, names in enumerate(wanted) if name in names) for name in series}
    return {name: (rank, place if rank else 0) for place, (name, rank) in enumerate(found.items())}


def _columns(
    series: Mapping[str, tuple[Number, ...]], specs: Mapping[str, MetricSpec], ranks: Mapping[str, tuple[int, int]]
) -> list[Column]:
    """Return the columns in the order in which they stand."""
    found = []
    for name, values in series.items():
        kind, rank = specs[name].type, ranks[name]
        is_raw = specs[name].bits and rank[0] == RANKS
        found.append(Column(name, tuple(number(each, kind) for each in values), RAW if is_raw else rank))
        if specs[name].bits:
            found.append(Column("bits", tuple(bits(each, kind) for each in values), PATTERNS))
    return found


def _kept(columns: Sequence[Column], room: int) -> list[Column]:
    """Return the columns that fit, in the order in which they stand: rank by rank, each stays if it still fits."""
    left = room
    kept: set[tuple[int, int]] = set()
    for rank in sorted({each.rank for each in columns}):
        wide = _width(each for each in columns if each.rank == rank)
        if rank == FIRST or wide <= left:
            kept.add(rank)
            left -= wide
    return [each for each in columns if each.rank in kept]


def _width(columns: Iterable[Column]) -> int:
    """Return how many columns of a terminal they take together, each with the gap before it."""
    return sum(each.width + len(GAP) for each in columns)


def _head(labels: Column, columns: Iterable[Column]) -> Line:
    """Return the line of names."""
    names = GAP.join([" " * labels.width, *(f"{each.name:>{each.width}}" for each in columns)])
    return Line((names, "head"))


def _row(cells: Sequence[str], drawn: Sequence[Line], mark: str) -> Line:
    """Return one row; nothing trails it."""
    parts: list[str | tuple[str, Role]] = [GAP.join(cells)]
    if mark:
        parts += [part for each in drawn for part in (GAP, each)] + [GAP, (mark, _role(mark))]
    else:
        parts += [part for each in drawn if each.strip() for part in (GAP, Line(*each.pieces[:1]))]
    return Line(*parts)


def _role(mark: str) -> Role:
    """Return how a step with a mark is shown."""
    return "doubt" if mark else "dim"


class _Bar(NamedTuple):
    """A scale for the magnitude of numbers: from the least to the most that is drawn, by powers of ten or evenly."""

    least: float
    most: float
    is_log: bool
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> _Bar | None:
        """Return a scale for numbers, or None where there is nothing to compare."""
        sizes = [abs(each) for each in values if math.isfinite(each) and each]
        if len(values) < 2 or not sizes or min(sizes) == max(sizes):
            return None
        least, most = math.log10(min(sizes)), math.log10(max(sizes))
        if most - least > DECADES:
            return cls(math.floor(least), most, is_log=True, largest=max(sizes))
        return cls(0.0, max(sizes), is_log=False, largest=max(sizes))

    def drawn(self, value: float) -> str:
        """Return the bar of a number: at least a sliver for what is not 0, nothing for what is or is no number."""
        size = abs(value)
        if not size or not math.isfinite(size):
            return ""
        along = ((math.log10(size) if self.is_log else size) - self.least) / (self.most - self.least)
        eighths = max(1, round(along * BAR * 8))
        return EIGHTHS[-1] * (eighths // 8) + EIGHTHS[eighths % 8].strip()

    def told(self, name: str) -> str:
        """Return what the bar shows, in words."""
        if self.is_log:
            return f"bar: {name}, log scale from 1e{self.least:+03.0f} to {self.largest:.3g}"
        return f"bar: {name}, from 0 to {self.largest:.3g}"


def _marks(
    measurement: Measurement, guarded: Iterable[Guarded], values: Sequence[float]
) -> tuple[tuple[str, ...], ...]:
    """Return the marks of each step: what a guard says of it, and whether it stands far above the others."""
    marked = {position for each in guarded for position in each.positions}
    sizes = sorted(abs(each) for each in values if math.isfinite(each))
    limit = OUTLYING * sizes[len(sizes) // 2] if len(sizes) >= LEAST else math.inf
    found = []
    for position in range(len(measurement.labels)):
        words = [CONDITIONED] if position in marked else []
        value = values[position] if values else 0.0
        if not math.isfinite(value):
            words.append(NOT_FINITE)
        elif limit and abs(value) > limit:
            words.append(OUTLIER)
        found.append(tuple(words))
    return tuple(found)


def _legend(bar: _Bar | None, chief: str, marks: Collection[str], *, is_short: bool) -> Iterator[Line]:
    """Yield what bar and marks mean."""
    told = [] if bar is None else [bar.told(chief)]
    for word, letter in LETTERS.items():
        meaning = f": over {OUTLYING} times the median of {chief}" if word == OUTLIER else ""
        if word in marks and (is_short or meaning):
            told.append(f"{f'{letter} ' if is_short else ''}{word}{meaning}")
    if told:
        yield Line(("; ".join(told), "dim"))


def number(value: Number, kind: MetricType) -> str:
    """Return a number as a person reads it, at most six digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if kind is MetricType.INT else f"{value:.6g}"
