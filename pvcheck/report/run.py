"""A run as text: per contract its falsifiers, how each was judged and how far inside its bounds it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped
from pvcheck.report import findings, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.evidence.record import Judged
    from pvcheck.pipeline.results import FileResult, Result

NAMES = {Outcome.REFUTED: "REFUTED", Outcome.NOT_MEASURED: "not measured"}


def lines(file: FileResult, *, tables: bool = True, full: bool = True) -> Iterator[str]:
    """Yield what a run found in one contract."""
    contract = file.checked.contract
    yield from findings.lines(file.findings, full=full)
    if contract is None or not file.results:
        return
    yield f"{escaped(contract.id or '')} {contract.version}  {escaped(contract.path)}"
    for each in file.results:
        yield from _result(each, tables=tables)
    told = (each.choice.told for each in file.results if each.choice)
    yield from (f"  device: {line}" for line in dict.fromkeys(told) if line and tables)
    for key in contract.not_understood if full else ():
        yield f"  not understood: {escaped(key)}"


def _result(each: Result, *, tables: bool) -> Iterator[str]:
    """Yield the lines of one falsifier."""
    word = NAMES.get(each.outcome, str(each.outcome))
    tail = f"  {each.seconds * 1000:.0f} ms, {each.measurement.backend}" if each.measurement else ""
    yield f"  {word:<12}  {escaped(each.falsifier.id or '')}{tail}"
    if each.reason:
        yield f"      {escaped(each.reason, 1000)}"
    if each.tries > 1:
        yield f"      {word} at try {each.tries}"
    if each.repeated > 1 and each.measurement is not None and not each.unlike:
        yield f"      the same bits in {each.repeated} measurements"
    if each.since:
        yield f"      {each.since}"
    if each.is_regression:
        yield "      it was DISCHARGED: a regression"
    if each.measurement is not None and each.specs is not None:
        if tables:
            yield from (f"      {row}" for row in table.lines(each.measurement, each.specs, each.guarded))
        yield from (f"      skipped {escaped(skip.what)}: {escaped(skip.reason)}" for skip in each.measurement.skipped)
        yield from (f"      {escaped(note)}" for note in each.measurement.notes)
        yield from (f"      {bound}" for bound in _bounds(each))
    yield from (f"      {line}" for line in _guards(each))
    if each.withheld:
        yield f"      promotes nothing: {each.withheld}"


def _guards(each: Result) -> Iterator[str]:
    """Yield what the guards say, and below it the reason where the contract accepts it."""
    said = [(guarded.code, guarded.guard, guarded.message) for guarded in each.guarded]
    said += [("PV603", "conditioning", lean.message) for lean in each.leaning]
    for code, guard, message in said:
        yield f"{code} {guard}: {message}"
        if guard in each.falsifier.accept:
            yield f"  accepted: {escaped(' '.join(each.falsifier.accept[guard].split()), 1000)}"


def _bounds(each: Result) -> Iterator[str]:
    """Yield each bound with the number it was put on and what is left of it."""
    for judged in each.judged:
        mark = "held   " if judged.held else "REFUTED"
        yield f"{mark}  {judged.metric} {judged.bound}{_measured(each, judged)}"


def _measured(each: Result, judged: Judged) -> str:
    """Return the measured number and the margin of one bound."""
    if each.measurement is None or each.specs is None or judged.metric not in each.measurement.metrics:
        return ": not reported"
    value = each.measurement.metrics[judged.metric]
    told = "" if isinstance(value, tuple) else f": {table.number(value, each.specs[judged.metric].type)}"
    return told + ("" if judged.margin is None else f" (margin {judged.margin:.6g})")
