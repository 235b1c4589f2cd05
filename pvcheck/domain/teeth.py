"""Teeth: what bounds say of measurements into which a fault was planted.

A bound has teeth where a planted fault that moves its metric is refused. One that no planted fault can move,
or that accepts each of them, cannot fail as far as anybody can show. Nothing is measured here: a trial holds
the numbers, so that a record can be judged again under other bounds.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.numbers import FLOATS, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.metric import MetricType, Number, Value

_NOTHING: Mapping[str, Value] = MappingProxyType({})


class State(StrEnum):
    """What planting one fault came to, before anything is judged."""

    NOT_PLANTED = "not_planted"
    UNMOVED = "unmoved"
    MOVED = "moved"
    ERROR = "error"


class Trial(NamedTuple):
    """One fault planted into one measurement.

    ``metrics`` are the bounded ones of a measurement that moved. ``guard`` is the guard that left it without
    a verdict; ``reason`` says why the fault was not planted, or what the evaluator failed of.
    """

    fault: str
    state: State
    metrics: Mapping[str, Value] = _NOTHING
    guard: str = ""
    reason: str = ""

    @property
    def has_moved(self) -> bool:
        """Whether the fault changed what is seen: an evaluator that fails counts, as nobody can overlook it."""
        return self.state in {State.MOVED, State.ERROR}

    @property
    def is_stopped(self) -> bool:
        """Whether the fault ended the evaluation without numbers that bounds could judge."""
        return self.state is State.ERROR or bool(self.guard)


class Expected(NamedTuple):
    """One bound on one metric. ``spelled`` is the bound as the contract writes it."""

    metric: str
    bound: Bound
    kind: MetricType
    spelled: str

    def accepts(self, metrics: Mapping[str, Value]) -> bool:
        """Judge the metric; one that is not there is refused."""
        return self.metric in metrics and self.bound.accepts(metrics[self.metric], self.kind)


class Cell(StrEnum):
    """What one bound made of one trial."""

    CAUGHT = "caught"
    MISSED = "missed"
    UNMOVED = "not moved"
    NOT_PLANTED = "not planted"
    STOPPED = "no verdict"


class Score(NamedTuple):
    """Faults that were caught, of those that moved a measurement."""

    caught: int
    moved: int

    @property
    def ratio(self) -> float | None:
        """The score, or None where nothing moved: no fault seen is not every fault caught."""
        return self.caught / self.moved if self.moved else None


class Tooth(NamedTuple):
    """One bound against all trials: a cell for each, in their order, and what it alone refuses."""

    expected: Expected
    cells: tuple[Cell, ...]
    caught: tuple[str, ...]
    missed: tuple[str, ...]
    alone: tuple[str, ...]

    @property
    def cannot_fail(self) -> bool:
        """Whether no planted fault makes the bound refuse."""
        return not self.caught


class Challenged(NamedTuple):
    """One falsifier that was challenged: clean numbers, trials, and the bounds of today."""

    falsifier: str
    clean: Mapping[str, Value]
    trials: tuple[Trial, ...]
    expected: tuple[Expected, ...]

    def is_caught(self, trial: Trial) -> bool:
        """Say whether the verdict under a fault is not green: refuted, or none at all."""
        return trial.is_stopped or not all(each.accepts(trial.metrics) for each in self.expected)

    @property
    def score(self) -> Score:
        """Count what moved, and what of it was caught."""
        moved = [each for each in self.trials if each.has_moved]
        return Score(sum(map(self.is_caught, moved)), len(moved))

    @property
    def missed(self) -> tuple[str, ...]:
        """The faults that moved the measurement and left the verdict green."""
        return tuple(each.fault for each in self.trials if each.has_moved and not self.is_caught(each))

    def teeth(self) -> tuple[Tooth, ...]:
        """Return what each bound made of each trial."""
        columns = [tuple(self._cell(one, each) for each in self.trials) for one in self.expected]
        return tuple(self._tooth(one, cells, columns) for one, cells in zip(self.expected, columns, strict=True))

    def _cell(self, expected: Expected, trial: Trial) -> Cell:
        """Return what one bound made of one trial."""
        if trial.state is State.NOT_PLANTED:
            return Cell.NOT_PLANTED
        if trial.is_stopped:
            return Cell.STOPPED
        if trial.state is State.UNMOVED or self._is_still(expected, trial):
            return Cell.UNMOVED
        return Cell.MISSED if expected.accepts(trial.metrics) else Cell.CAUGHT

    def _is_still(self, expected: Expected, trial: Trial) -> bool:
        """Say whether the fault leaves what the bound looks at as it was."""
        clean, now = (looked_at(expected.bound, each.get(expected.metric)) for each in (self.clean, trial.metrics))
        return same(clean, now, expected.kind)

    def _tooth(self, expected: Expected, cells: tuple[Cell, ...], columns: list[tuple[Cell, ...]]) -> Tooth:
        """Return one bound with the names of what it caught and missed."""

        def named(wanted: Cell) -> Iterable[tuple[int, str]]:
            return ((at, self.trials[at].fault) for at, cell in enumerate(cells) if cell is wanted)

        return Tooth(
            expected,
            cells,
            caught=tuple(name for _, name in named(Cell.CAUGHT)),
            missed=tuple(name for _, name in named(Cell.MISSED)),
            alone=tuple(
                name for at, name in named(Cell.CAUGHT) if sum(column[at] is Cell.CAUGHT for column in columns) == 1
            ),
        )


def total(scores: Iterable[Score]) -> Score:
    """Return the score of several falsifiers together: by faults, not by the mean of their ratios."""
    pairs = list(scores)
    return Score(sum(each.caught for each in pairs), sum(each.moved for each in pairs))


def looked_at(bound: Bound, value: Value | None) -> Value | None:
    """Return the part of a value that a bound is about: one item for ``[i]``, else all of it."""
    if bound.over == "item" and isinstance(value, tuple):
        return value[bound.item] if bound.item < len(value) else None
    return value


def same(one: Value | None, other: Value | None, kind: MetricType) -> bool:
    """Say whether two values are one to the bit: 0 and -0 are two, NaN is itself."""
    return _key(one, kind) == _key(other, kind)


def _key(value: Value | None, kind: MetricType) -> object:
    """Return what tells values apart."""
    if isinstance(value, tuple):
        return [_of_number(each, kind) for each in value]
    return None if value is None else _of_number(value, kind)


def _of_number(number: Number, kind: MetricType) -> object:
    """Return what tells numbers apart; the sign of a zero is one of them."""
    return hexadecimal(number) if kind in FLOATS else number
