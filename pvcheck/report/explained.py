"""What ``pv explain`` says of a falsifier and of a metric, and the list of what can be explained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pvcheck import explain
from pvcheck.domain import numbers
from pvcheck.errors import escaped
from pvcheck.loading import editor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.naming import Known

LONG = 2000
PROSE = {"rule": "claim", "prediction": "prediction", "if_fails": "if it fails", "recorded": "recorded elsewhere"}


def falsifier(known: Known) -> Iterator[str]:
    """Yield what is known of one falsifier, the way on last."""
    standing, contract = known.standing, known.contract
    each = standing.falsifier
    yield f"# {escaped(each.id or '-')}"
    yield ""
    yield f"{escaped(str(known.path))}:{known.line} in {escaped(contract.id or '-')} {contract.version or '?'}"
    yield ""
    for key, label in PROSE.items():
        if isinstance(text := known.prose.get(key), str) and text:
            yield f"{label}: {escaped(' '.join(text.split()), LONG)}"
    yield from _measured(known)
    yield f"status: {escaped(each.status or 'none')}{', stale' if standing.is_stale else ''}"
    for reason in standing.reasons:
        yield f"  {reason.line}:{reason.column} {reason.code} {reason.message}"
        yield from [f"  hint: {reason.hint}"] if reason.hint else []
    yield from (f"  {note}" for note in standing.notes)
    for guard, why in each.accept.items():
        yield f"accepts {guard}: {escaped(why, LONG)}"
    stages = [escaped(stage.id or "-") for stage in contract.stages if each.id in stage.accepts]
    yield f"decides: {', '.join(stages) or 'no stage'}"
    yield from _history(known)
    yield f"next: pv run {escaped(str(known.path))} -k {escaped(each.id or '')}"


def _measured(known: Known) -> Iterator[str]:
    """Yield what measures a falsifier, and its bounds with the numbers that its record has."""
    each = known.standing.falsifier
    if each.evaluator is None:
        yield "measured by: nothing, it is unbound (no evaluator)"
        return
    told = ", ".join(f"{escaped(key)}={_value(value)}" for key, value in each.parameters.items())
    yield f"measured by: {escaped(each.evaluator)}{' with ' + told if told else ''}"
    judged = {} if known.record is None else {judged.metric: judged for judged in known.record.judged}
    for expectation in each.expectations:
        name = expectation.metric
        line = f"  {escaped(name)} {escaped(expectation.bound.text)}"
        metric = None if known.record is None else known.record.metrics.get(name)
        if name in judged and metric is not None:
            line += f", measured {_number(metric.value, metric.type)}"
        yield line


def _number(value: object, kind: object) -> str:
    """Return a measured value in short."""
    if isinstance(value, tuple):
        return f"{len(value)} numbers"
    return numbers.decimal(value, kind) if isinstance(value, float) else str(value).lower()  # type: ignore[arg-type]  # a record's own type


def _value(value: JSON) -> str:
    """Return a parameter in short."""
    return escaped(value if isinstance(value, str) else json.dumps(value), 80)


def _history(known: Known) -> Iterator[str]:
    """Yield what amendments say of a falsifier, newest first."""
    if known.history:
        yield "history:"
    for amendment, moves in known.history:
        for move in moves:
            yield f"  {amendment.version or '?'} ({escaped(amendment.date, 20)}) {escaped(move)}"


def metric(name: str, table: Mapping[str, dict[str, JSON]]) -> Iterator[str]:
    """Yield what a metric is, for each evaluator that reports it."""
    for evaluator in sorted(table):
        for each in table[evaluator]["metrics"]:
            if each["name"] == name:
                kind = f"a series of {each['type']}" if each["series"] else each["type"]
                unit = "" if each["unit"] == "1" else f", in {each['unit']}"
                fits = "; ".join(editor.bounds_for(each["type"], series=each["series"]))
                yield f"# {escaped(name)} of {escaped(evaluator)}"
                yield ""
                yield f"{escaped(each['doc'], LONG)}"
                yield ""
                yield f"It is {escaped(kind + unit)}. Bounds that fit: {fits}"
                yield ""


def overview(table: Mapping[str, dict[str, JSON]], ids: Iterable[str]) -> Iterator[str]:
    """Yield what can be explained."""
    metrics = {each["name"] for entry in table.values() for each in entry["metrics"]}
    yield "pv explain TOPIC, where TOPIC is one of"
    yield ""
    codes = explain.codes()
    yield f"  a code         {codes[0]} to {codes[-1]}, as messages have them, and codes of plugins such as GGUF-ALIGN"
    yield f"  a guard        {', '.join(explain.GUARDS)}"
    yield f"  a status       {', '.join(explain.words('statuses'))}"
    yield f"  an outcome     {', '.join(explain.words('outcomes'))}"
    yield f"  an exit status {', '.join(explain.words('exits'))}"
    yield f"  an evaluator   {', '.join(map(escaped, sorted(table)))}"
    yield f"  a metric       {len(metrics)} of them; the page of an evaluator lists its own"
    known = sorted(ids)
    shown = ", ".join(map(escaped, known[:6])) + (f" and {len(known) - 6} more" if len(known) > 6 else "")
    yield f"  an id          of a contract or a falsifier here: {shown or 'there is none'}"
