"""A run as text: per contract its falsifiers, how each was judged and how far inside its bounds it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped
from pvcheck.pipeline.options import Mode
from pvcheck.report import findings, how, table
from pvcheck.report.excerpts import Sources
from pvcheck.report.styled import Line, indented
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.evidence.record import Judged
    from pvcheck.pipeline.results import FileResult, Result
    from pvcheck.report.styled import Role

NAMES = {Outcome.REFUTED: "REFUTED", Outcome.NOT_MEASURED: "not measured"}
ROLES: Mapping[Outcome, Role] = {Outcome.HELD: "good", Outcome.REFUTED: "bad", Outcome.ERROR: "bad"}
"""How outcomes are shown; those that are not here could not be told."""
WIDEST = max(len(NAMES.get(each, str(each))) for each in Outcome)
_MARGIN = "      "


class Look(NamedTuple):
    """For whom a run is told: the width of a terminal, when the command began, and whether every number is explained.

    Without ``since``, no file is read for the source of a finding.
    """

    width: int | None = None
    since: int | None = None
    verbose: bool = False


ANYBODY = Look()


def lines(file: FileResult, *, tables: bool = True, full: bool = True, look: Look = ANYBODY) -> Iterator[str]:
    """Yield what a run found in one contract."""
    contract = file.checked.contract
    yield from findings.lines(file.findings, full=full, sources=_sources(file, look), width=look.width)
    if contract is None or not file.results:
        return
    yield Line((escaped(contract.id or ""), "head"), f" {contract.version}  ", (escaped(contract.path), "dim"))
    wide = max(len(escaped(each.falsifier.id or "")) for each in file.results)
    for each in file.results:
        yield _head(each, wide, file.results)
        yield from indented(_result(each, tables=tables, look=look), _MARGIN)
    told = (each.choice.told for each in file.results if each.choice)
    yield from (Line((f"  device: {line}", "dim")) for line in dict.fromkeys(told) if line and tables)
    for key in contract.not_understood if full else ():
        yield f"  not understood: {escaped(key)}"


def next_command(files: Sequence[FileResult], mode: Mode) -> Iterator[str]:
    """Yield the command that keeps what a run found and did not write; nothing where there is nothing to keep."""
    updates = [file.update for file in files if file.update is not None and not file.update.is_empty]
    moves = sum(len(each.moves) for each in updates)
    renewals = sum(len(each.renewals) for each in updates)
    if mode in {Mode.REPORT, Mode.DIFF} and updates:
        what = f"{count(moves, 'move')} of statuses" if moves else f"{renewals} renewed"
        first = "" if mode is Mode.DIFF else "; --diff shows what it would change"
        yield Line(("next:", "hint"), f" pv run --write records {what}{first}")


def interrupted(files: Sequence[FileResult], total: int, *, full: bool = True, look: Look = ANYBODY) -> Iterator[str]:
    """Yield what a run found until the user ended it; nothing where nothing was found."""
    for file in files:
        yield from lines(file, tables=False, full=full, look=look)
    judged, written = sum(len(file.results) for file in files), sum(file.written for file in files)
    if judged:
        kept = f"{count(written, 'contract')} written" if written else "no contract written"
        yield f"interrupted after {judged} of {count(total, 'falsifier')}, {kept}"


def _sources(file: FileResult, look: Look) -> Sources:
    """Return the texts that findings of a contract are about: its own as it is now, and files it names."""
    document = file.checked.document
    text = file.after if file.written else "" if document is None else document.text
    return Sources({str(file.checked.path): text} if text else {}, look.since)


def _head(each: Result, wide: int, beside: Sequence[Result]) -> Line:
    """Return the line of one falsifier: its outcome, its name, how long it took on what, and what it was before."""
    word = NAMES.get(each.outcome, str(each.outcome))
    name = escaped(each.falsifier.id or "")
    parts: list[str | tuple[str, Role]] = ["  ", (word, ROLES.get(each.outcome, "doubt"))]
    parts.append(" " * (WIDEST - len(word) + 2) + name)
    if each.measurement is not None:
        width = max(len(_milliseconds(other)) for other in beside)
        backend = escaped(each.measurement.backend)
        parts += [" " * (wide - len(name) + 2), (f"{_milliseconds(each):>{width}} ms, {backend}", "dim")]
    if each.outcome in {Outcome.HELD, Outcome.REFUTED} and each.falsifier.status:
        regressed = ": a regression" if each.is_regression else ""
        parts += ["  ", (f"was {escaped(each.falsifier.status)}{regressed}", "bad" if regressed else "dim")]
    return Line(*parts)


def _milliseconds(each: Result) -> str:
    """Return how long a measurement took."""
    return f"{each.seconds * 1000:.0f}" if each.measurement is not None else ""


def _result(each: Result, *, tables: bool, look: Look) -> Iterator[str]:
    """Yield the lines below the head of one falsifier."""
    word = NAMES.get(each.outcome, str(each.outcome))
    if each.reason:
        yield escaped(each.reason, 1000)
    if each.tries > 1:
        yield f"{word} at try {each.tries}"
    if each.repeated > 1 and each.measurement is not None and not each.unlike:
        yield f"the same bits in {each.repeated} measurements"
    if each.since:
        yield each.since
    if each.measurement is not None and each.specs is not None:
        if tables:
            bounded = {judged.metric for judged in each.judged}
            room = None if look.width is None else look.width - len(_MARGIN)
            yield from table.lines(each.measurement, each.specs, each.guarded, bounded=bounded, width=room)
        yield from (f"skipped {escaped(skip.what)}: {escaped(skip.reason)}" for skip in each.measurement.skipped)
        yield from map(escaped, each.measurement.notes)
        yield from _bounds(each, look.width)
    yield from _guards(each)
    if look.verbose and each.measurement is not None:
        yield from how.lines(each)
    if each.withheld:
        yield f"promotes nothing: {each.withheld}"


def _guards(each: Result) -> Iterator[str]:
    """Yield what the guards say, and below it the reason where the contract accepts it."""
    said = [(guarded.code, guarded.guard, guarded.message) for guarded in each.guarded]
    said += [("PV603", "conditioning", lean.message) for lean in each.leaning]
    for code, guard, message in said:
        yield Line((code, "warning"), f" {guard}: {message}")
        if guard in each.falsifier.accept:
            yield f"  accepted: {escaped(' '.join(each.falsifier.accept[guard].split()), 1000)}"


def _bounds(each: Result, width: int | None) -> Iterator[str]:
    """Yield each bound with the number it was put on and what is left of it, in columns where these fit."""
    rows = [(judged, (judged.metric, judged.bound, *_measured(each, judged))) for judged in each.judged]
    widths = [max((len(cells[at]) for _, cells in rows), default=0) for at in range(4)]
    is_wide = width is None or len(_MARGIN) + len("REFUTED") + sum(widths) + 4 * len(table.GAP) <= width
    for judged, cells in rows:
        word: tuple[str, Role] = ("held", "good") if judged.held else ("REFUTED", "bad")
        pads = widths if is_wide else [0] * len(widths)
        told = table.GAP.join(f"{cell:<{pad}}" for cell, pad in zip(cells, pads, strict=True) if cell or pad).rstrip()
        yield Line(word, " " * (len("REFUTED") - len(word[0]) + 2), told)


def _measured(each: Result, judged: Judged) -> tuple[str, str]:
    """Return the measured number of one bound, where it is one, and the margin."""
    if each.measurement is None or each.specs is None or judged.metric not in each.measurement.metrics:
        return "not reported", ""
    value = each.measurement.metrics[judged.metric]
    told = "" if isinstance(value, tuple) else table.number(value, each.specs[judged.metric].type)
    return told, "" if judged.margin is None else f"margin {judged.margin:.6g}"
