"""Records as text: one in full, and the verdict over many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain import numbers
from pvcheck.domain.keys import SHORT as SHORT_KEY
from pvcheck.errors import escaped
from pvcheck.pipeline.standing import elsewhere
from pvcheck.report import findings, table
from pvcheck.report.tally import count
from pvcheck.rules.earned import shown_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.keys import PublicKey
    from pvcheck.domain.metric import MetricType, Number, Value
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.records import Shown
    from pvcheck.pipeline.signing import Signed
    from pvcheck.pipeline.verifying import Verified
    from pvcheck.report.excerpts import Sources

SHORT = 6
"""Numbers of a series that fit on the line of their metric."""
LONG = 1000
"""Characters of a parameter."""
LONGEST = 400
"""Rows of one table: a hostile record must not fill a terminal."""


def lines(shown: Shown) -> Iterator[str]:
    """Yield everything about one record."""
    record, contract = shown.record, shown.checked.contract
    yield f"{shown.reference}"
    named = f"{escaped(record.contract)} {escaped(record.falsifier)}"
    here = "" if contract is None else f"  {contract.version}  {escaped(contract.path)}"
    yield f"  about     {named}{here}"
    yield from _rows("claim", _claim(record))
    yield from _rows("named by", shown.uses or ("nothing: no status and no amendment",))
    yield from _rows("outcome", _outcome(shown))
    yield from _rows("bounds", _bounds(record))
    yield from _rows("metrics", _metrics(record))
    yield from _rows("guards", _guards(record.guards))
    yield from _rows("inputs", _inputs(record))
    yield from _rows("made by", _made_by(record))
    yield from _rows("made at", _made_at(record))
    yield from _rows("not sound", (f"the record {each}" for each in shown.contradictions))


def verdict(verified: Verified, sources: Sources) -> Iterator[str]:
    """Yield what is wrong, then the verdict with its denominators."""
    yield from findings.lines(verified.findings, sources=sources)
    subject = f"{count(verified.contracts, 'contract')}, {count(verified.records, 'record')}"
    parts = [
        f"{subject}: {verified.records - verified.unsound} sound, {verified.unsound} not what they claim to be",
        f"{verified.references - verified.missing} of {count(verified.references, 'reference')} found",
        count(verified.orphans, "orphan"),
    ]
    if verified.signed is not None:
        parts.append(f"{verified.signed} of {count(verified.records, 'record')} signed by a listed key")
    yield "; ".join(parts)


def signed(told: Signed, sources: Sources) -> Iterator[str]:
    """Yield what keeps records from being signed, or the files that were written, then the verdict."""
    yield from findings.lines(told.findings, sources=sources)
    yield from (f"signed {escaped(str(place))}" for place in told.written)
    verdict = f"{count(len(told.written), 'record')} signed, {told.before} signed before"
    yield "nothing is signed" if told.exit_code else f"{verdict}; key {told.key[:SHORT_KEY]}"


def generated(key: PublicKey, place: Path) -> Iterator[str]:
    """Yield where a private key lies, and the settings that list its public half."""
    yield f"the private key is in {escaped(str(place))}: keep it secret, it has no passphrase"
    yield f"its signatures name it {key.id}"
    yield "in pv.toml:"
    yield from ("  [signatures]", "  required = true", "  [signatures.keys]", f'  release = "{key}"')


def _rows(head: str, told: Iterable[str]) -> Iterator[str]:
    """Yield rows with a heading beside the first one."""
    for line in told:
        yield f"  {head:<9} {line}".rstrip()
        head = ""


def _claim(record: Record) -> Iterator[str]:
    """Yield the evaluator, its parameters and the digests of the inputs as they were declared."""
    yield escaped(str(record.claim["evaluator"]))
    for name, value in sorted(record.claim["with"].items()):
        yield f"{escaped(name)}: {shown_parameter(value, LONG)}"


def _outcome(shown: Shown) -> Iterator[str]:
    """Yield the outcome when it was made and the one of today."""
    record = shown.record
    yield f"{record.outcome} when it was made"
    if shown.today is not None:
        bounds = ", under bounds that changed" if shown.bounds_changed else ""
        yield f"{shown.today} today{bounds}"
    else:
        yield "no evidence for the claim of today"
    yield from shown.changed


def _bounds(record: Record) -> Iterator[str]:
    """Yield each bound with the number that it was put on and the margin."""
    for each in record.judged:
        mark = "held   " if each.held else "REFUTED"
        metric = record.metrics.get(each.metric)
        value = ": not reported"
        if metric is not None:
            value = "" if isinstance(metric.value, tuple) else f": {_one(metric.value, metric.type)}"
        margin = "" if each.margin is None else f" (margin {each.margin:.6g})"
        yield f"{mark}  {escaped(each.metric)} {each.bound}{value}{margin}"


def _metrics(record: Record) -> Iterator[str]:
    """Yield the numbers: one a line, short series on theirs, long ones as rows of a table by label."""
    width = max((len(escaped(name)) for name in record.metrics), default=0)
    long = []
    for name, each in sorted(record.metrics.items()):
        if isinstance(each.value, tuple) and len(each.value) > SHORT:
            long.append(name)
        elif isinstance(each.value, tuple):
            yield f"{escaped(name):<{width}}  [{', '.join(_one(number, each.type) for number in each.value)}]"
        else:
            yield f"{escaped(name):<{width}}  {_one(each.value, each.type)}"
    by_length: dict[int, list[str]] = {}
    for name in long:
        by_length.setdefault(len(_series(record.metrics[name].value)), []).append(name)
    for length, names in sorted(by_length.items()):
        yield from _table(record, names, length)


def _table(record: Record, names: list[str], length: int) -> Iterator[str]:
    """Yield series of one length side by side, by their labels or else by their positions."""
    labels = record.details.get("labels") if isinstance(record.details, dict) else None
    heads = labels if isinstance(labels, list) and len(labels) == length else range(length)
    first = [escaped(str(each), 40) for each in heads]
    columns = [("", *first[:LONGEST])]
    for name in names:
        metric = record.metrics[name]
        columns.append((escaped(name), *(_one(each, metric.type) for each in _series(metric.value)[:LONGEST])))
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        head, *rest = cells
        padded = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{head:<{widths[0]}}", *padded])
    if length > LONGEST:
        yield f"... {length - LONGEST} more of {length}"


def _series(value: Value) -> tuple[Number, ...]:
    """Return the numbers of a metric."""
    return value if isinstance(value, tuple) else (value,)


def _one(value: Value, kind: MetricType) -> str:
    """Return one number as the shortest decimal that reads back as it."""
    if isinstance(value, float):
        return numbers.decimal(value, kind)
    return table.number(value, kind) if not isinstance(value, tuple) else ""


def _guards(guards: JSON) -> Iterator[str]:
    """Yield what the guards said."""
    for each in guards:
        yield f"{_text(each, 'code')} {_text(each, 'guard')}: {_text(each, 'message', 1000)}"
    if not guards:
        yield "none spoke"


def _inputs(record: Record) -> Iterator[str]:
    """Yield each input with the digest that was declared, the one that was read, and how much was read."""
    declared = record.claim["inputs"]
    for name, each in sorted(record.inputs.items()):
        read = sum(size for _, size in each["ranges"])
        yield f"{escaped(name)}: {read} of {_text(each, 'size')} bytes in {count(len(each['ranges']), 'range')}"
        yield f"  sha256       {_text(each, 'sha256') or 'not taken of the whole file'}"
        yield f"  read_sha256  {_text(each, 'read_sha256')}"
        wanted = declared.get(name)
        if wanted is not None and wanted != each.get("sha256"):
            yield f"  declared     {escaped(str(wanted))}"


def _made_by(record: Record) -> Iterator[str]:
    """Yield who measured: the evaluator, its distribution, the processor, the libraries."""
    made = record.made_by
    yield f"{_text(made, 'evaluator')} {_text(made, 'evaluator_version')}".rstrip()
    if made.get("distribution"):
        yield f"{_text(made, 'distribution')} {_text(made, 'distribution_version')}"
    words = (("", "backend"), ("device ", "device"), ("on ", "processor"), ("seed ", "seed"))
    if how := ", ".join(f"{lead}{_text(made, key)}" for lead, key in words if made.get(key) is not None):
        yield how
    libraries = made.get("libraries")
    if isinstance(libraries, dict) and libraries:
        yield ", ".join(f"{escaped(name)} {escaped(str(version))}" for name, version in sorted(libraries.items()))


def _made_at(record: Record) -> Iterator[str]:
    """Yield time and host, and the record that this one was judged again from."""
    made = record.made_at
    seconds = made.get("seconds")
    took = f", {seconds:g} s" if isinstance(seconds, int | float) else ""
    yield f"{_text(made, 'started') or 'no time'}{took}, on {_text(made, 'host') or 'an unnamed host'}" + (
        ", another host than this one" if elsewhere(record) else ""
    )
    if "judged_again" in made:
        yield f"judged again here, from {_text(made, 'judged_again')}"


def _text(table_of: dict[str, JSON], key: str, limit: int = 200) -> str:
    """Return what a table of a record says, which may be anything, as text."""
    value = table_of.get(key)
    return "" if value is None else escaped(str(value), limit)
