"""The plots of one record: a quantity by layer, its condition number and backward error beside it, and growth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.domain.bounds import Span
from pvcheck.domain.numbers import FLOATS
from pvcheck.guards import CARRIED
from pvcheck.report.html import plots, words
from pvcheck.report.html.escape import told
from pvcheck.report.html.plots import Panel, Rule, Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.domain.contract import Falsifier
    from pvcheck.evidence.details import Condition, Reported
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.gathering import Case

MOST_ROWS: Final = 1000
"""Rows of the table below the plots; a record with more of them is told by pv evidence show."""


class Chief(NamedTuple):
    """The series that plots are about, and the conditions of its numbers by position."""

    name: str
    values: tuple[float, ...]
    conditions: dict[int, Condition]
    beside: str
    """Another conditioned series of the same positions, or nothing."""


def figures(case: Case, limit: float) -> str:
    """Return the plots of a record; nothing where it has no labelled series.

    :param limit: condition numbers above this mark a number.
    """
    chief = chief_of(case)
    if chief is None or case.evidence is None or case.evidence.reported is None:
        return ""
    reported = case.evidence.reported
    panels = [_values(chief, case, reported, limit), *_conditions(chief, case, reported, limit)]
    panels += [*_growth(chief, reported), *_carry(reported)]
    drawn = "".join(map(plots.svg, panels))
    none = "" if chief.conditions else "<p class=w>Neither condition numbers nor backward errors were recorded."
    return f"<div class=figs>{drawn}</div>{none}" if drawn else ""


def chief_of(case: Case) -> Chief | None:
    """Return the series that plots are about: the first that has conditions, else the first of floats."""
    evidence = case.evidence
    if evidence is None or evidence.reported is None or not evidence.reported.labels:
        return None
    found = _series(evidence.record, evidence.reported, case)
    by_name: dict[str, dict[int, Condition]] = {}
    for each in evidence.reported.conditions:
        if each.position is not None:
            by_name.setdefault(each.metric, {})[each.position] = each
    conditioned = [name for name in found if name in by_name]
    name = next(iter(conditioned), next(iter(found), None))
    if name is None:
        return None
    beside = conditioned[1] if len(conditioned) > 1 else ""
    return Chief(name, found[name], by_name.get(name, {}), beside)


def _series(record: Record, reported: Reported, case: Case) -> dict[str, tuple[float, ...]]:
    """Return the series of floats that have a number for each label, in the order of the catalogue."""
    names = [*(name for name in case.specs if name in record.metrics), *sorted(record.metrics.keys() - case.specs)]
    found = {}
    for name in names:
        metric = record.metrics[name]
        if isinstance(metric.value, tuple) and metric.type in FLOATS and len(metric.value) == len(reported.labels):
            found[name] = tuple(map(float, metric.value))
    return found


def _values(chief: Chief, case: Case, reported: Reported, limit: float) -> Panel:
    """Return the plot of the quantity itself, on a log axis where it is never negative."""
    drawn = [Series(chief.name, chief.values)]
    beside = case.evidence.record.metrics.get(chief.beside) if case.evidence else None
    if beside is not None and isinstance(beside.value, tuple):
        drawn.append(Series(chief.beside, tuple(map(float, beside.value)), "z"))
    is_log = not any(value < 0 for each in drawn for value in each.values)
    return Panel(
        f"{told(chief.name)} by {_what(reported.labels)}",
        words.axis(chief.name, case.specs),
        drawn,
        reported.labels,
        _ill(chief, limit),
        _bounds(chief.name, case.falsifier),
        is_log=is_log,
    )


def _conditions(chief: Chief, case: Case, reported: Reported, limit: float) -> Iterator[Panel]:
    """Yield the plots of the condition number and of the backward error of the same numbers."""
    if not chief.conditions:
        return
    told_of = [chief.conditions.get(each) for each in range(len(chief.values))]
    numbers = tuple(math.nan if each is None else each.number for each in told_of)
    errors = tuple(math.nan if each is None else each.backward_error for each in told_of)
    what, marked = _what(reported.labels), _ill(chief, limit)
    limits = [Rule(limit, f"limit {limit:g}")]
    title = f"condition number of {told(chief.name)} by {what}"
    yield Panel(title, "condition number [1]", [Series("condition number", numbers)], reported.labels, marked, limits)
    metrics = case.evidence.record.metrics if case.evidence else {}
    name = next((name for name, each in metrics.items() if each.value == errors), "")
    bounds = _bounds(name, case.falsifier) if name else ()
    title = f"backward error of {told(chief.name)} by {what}"
    axis = words.axis(name, case.specs) if name else "backward error [1]"
    yield Panel(title, axis, [Series(name or "backward error", errors)], reported.labels, marked, bounds)


def _growth(chief: Chief, reported: Reported) -> Iterator[Panel]:
    """Yield the quantity as a multiple of the end that a recorded ratio divides by."""
    for each in reported.ratios:
        base = each.denominator_value
        if base > 0 and base in chief.values and each.numerator_value in chief.values:
            grown = tuple(value / base for value in chief.values)
            yield Panel(
                f"growth: {told(chief.name)} over {told(each.denominator)}, by {_what(reported.labels)}",
                "multiple [1]",
                [Series("growth", grown)],
                reported.labels,
                rules=[
                    Rule(1.0, "1: no growth"),
                    Rule(each.numerator_value / base, f"{told(each.metric, 30)} {each.numerator_value / base:.4g}"),
                ],
                note=_cumulative(reported),
            )
            return


def _cumulative(reported: Reported) -> str:
    """Return that growth adds nothing up, where the record has a chain that starts anew."""
    broken = sum(not abs(each.carry) >= CARRIED for each in reported.links)
    return f"not cumulative: {broken} of {len(reported.links)} transitions start anew" if broken else ""


def _carry(reported: Reported) -> Iterator[Panel]:
    """Yield how much of a change at one step reaches the next, where the record has a chain."""
    if reported.links:
        yield Panel(
            "carry: share of a change that reaches the next step",
            "carry [1]",
            [Series("carry", tuple(each.carry for each in reported.links))],
            [each.label.partition(" to ")[0] for each in reported.links],
            rules=[Rule(CARRIED, f"{CARRIED:g}: below, a step starts anew")],
            is_log=False,
        )


def _ill(chief: Chief, limit: float) -> tuple[int, ...]:
    """Return the positions whose condition number is above the limit, or no number."""
    return tuple(at for at, each in chief.conditions.items() if not each.number <= limit and at < len(chief.values))


def _bounds(name: str, falsifier: Falsifier) -> tuple[Rule, ...]:
    """Return the ends of the bounds that are put on every number of a series."""
    found = []
    for each in falsifier.expectations:
        bound = each.bound
        if each.metric == name and bound.over in {"all", "max", "min"} and isinstance(bound.test, Span):
            ends = dict.fromkeys(end for end in (bound.test.low, bound.test.high) if math.isfinite(end))
            found += [Rule(end, f"bound {told(bound.text, 40)}") for end in ends]
    return tuple(found)


def _what(labels: Sequence[str]) -> str:
    """Return what positions are, for the middle of a title."""
    return told(plots.positions(labels)[0].partition(",")[0], 40) or "position"


def table(case: Case, limit: float) -> str:
    """Return all labelled numbers as a table: a row a position, a column a series, and what is marked."""
    chief = chief_of(case)
    evidence = case.evidence
    if chief is None or evidence is None or evidence.reported is None:
        return ""
    labels = evidence.reported.labels
    columns = _columns(chief, case, len(labels))
    heads = "".join(f"<th>{head}" for head, _ in columns)
    marked = set(_ill(chief, limit))
    rows = []
    for at, label in enumerate(labels[:MOST_ROWS]):
        cells = "".join(f"<td>{cells[at]}" for _, cells in columns)
        rows.append(f"<tr><th>{told(label)}{cells}<td>{'◇ ill-conditioned' if at in marked else ''}")
    rest = f"<p>{len(labels) - MOST_ROWS} more of {len(labels)} rows." if len(labels) > MOST_ROWS else ""
    name = f"{told(case.falsifier.id or 'falsifier')}: numbers by {_what(labels)}"
    return (
        "<details><summary>The numbers of the plots, as a table</summary>"
        f'<div class=s tabindex=0 role=group aria-label="{name}"><table>'
        f"<tr><th>{_what(labels)}{heads}<th>mark{''.join(rows)}</table></div>{rest}</details>"
    )


def _columns(chief: Chief, case: Case, count: int) -> list[tuple[str, list[str]]]:
    """Return the heads and the cells of all series with that many numbers, then the conditions of the chief one."""
    found = []
    metrics = case.evidence.record.metrics if case.evidence else {}
    for name, each in metrics.items():
        if isinstance(each.value, tuple) and len(each.value) == count:
            numbers = [words.number(value, each.type) for value in each.value]
            found.append((words.axis(name, case.specs), numbers))
    if chief.conditions:
        rows = [chief.conditions.get(at) for at in range(count)]
        numbers = ["-" if each is None else f"{each.number:.4g}" for each in rows]
        found.append((f"condition number of {told(chief.name)}", numbers))
        errors = ["-" if each is None else f"{each.backward_error:.3g}" for each in rows]
        found.append((f"backward error of {told(chief.name)}", errors))
    return found
