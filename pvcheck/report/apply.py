"""What became of records that were made elsewhere, as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome
from pvcheck.errors import Severity, escaped
from pvcheck.pipeline.options import Mode
from pvcheck.report import findings
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.pipeline.applying import Applied, AppliedFile, Taken
    from pvcheck.report.excerpts import Sources


def loose(applied: Applied) -> Iterator[str]:
    """Yield the records that no contract takes."""
    yield from findings.lines(applied.findings)


def lines(file: AppliedFile, sources: Sources) -> Iterator[str]:
    """Yield what became of the records of one contract."""
    yield from findings.lines(file.findings, sources=sources)
    contract = file.checked.contract
    if contract is None or not file.taken:
        return
    yield f"{escaped(contract.id or '')} {contract.version}  {escaped(contract.path)}"
    for each in file.taken:
        yield from _taken(each)


def _taken(taken: Taken) -> Iterator[str]:
    """Yield what one record says, and what keeps it from changing anything."""
    record, offered = taken.record, taken.offered.record
    word = "REFUTED" if record.outcome is Outcome.REFUTED else str(record.outcome)
    host, started = (escaped(str(record.made_at.get(key) or "-"), 60) for key in ("host", "started"))
    yield f"  {word:<8}  {escaped(record.falsifier)}  made on {host}, {started}"
    if record.outcome != offered.outcome:
        yield f"      {offered.outcome} then, {record.outcome} under today's bounds"
    for each in () if taken.reason else record.judged:
        margin = "" if each.margin is None else f" (margin {each.margin:.6g})"
        yield f"      {'held   ' if each.held else 'REFUTED'}  {escaped(each.metric)} {each.bound}{margin}"
    if taken.reason:
        yield f"      changes nothing: {taken.reason}"


def verdict(applied: Applied, mode: Mode) -> str:
    """Return the verdict line: what the records came to, of how many."""
    taken = [each for file in applied.files for each in file.taken]
    news = [each for each in taken if not each.reason]
    moved = sum(len(file.update.moves) for file in applied.files if file.update is not None)
    renewed = sum(len(file.update.renewals) for file in applied.files if file.update is not None)
    found = [*applied.findings, *(each for file in applied.files for each in file.findings)]
    errors = Counter(each.severity for each in found)[Severity.ERROR]
    would = "would move" if mode is Mode.DIFF else "moved"
    became = f"{len(news)} taken, {len(taken) - len(news)} no news, {applied.records - len(taken)} not taken"
    parts = [
        f"{count(applied.records, 'record')}: {became}",
        f"{moved} {'status' if moved == 1 else 'statuses'} {would}, {renewed} renewed",
        count(errors, "error") if errors else "no errors",
    ]
    return "; ".join(parts)
