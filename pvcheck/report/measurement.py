"""A measurement without a contract, as text: the table, the scalars with units and bits, and the guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain import numbers
from pvcheck.domain.metric import MetricType, bits
from pvcheck.errors import escaped
from pvcheck.host import Failed, Measured, TimedOut, Unmeasured
from pvcheck.report import how, table
from pvcheck.report.styled import Line, indented
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.metric import MetricSpec, Number
    from pvcheck.host import Reply
    from pvcheck.pipeline.measuring import Taken
    from pvcheck.plugin import Measurement

_MARGIN = "      "
SHOWN = 8
"""Numbers of a series that stands in no table."""


def lines(taken: Taken, *, width: int | None = None, verbose: bool = False) -> Iterator[str]:
    """Yield what came of an order, the verdict last.

    :param width: of the terminal.
    :param verbose: whether to say how the numbers were got.
    """
    offered, reply = taken.offered, taken.reply
    name, version = offered.evaluator.name, escaped(offered.evaluator.version)
    yield Line((f"{name} {version}", "head"), f"  {escaped(offered.distribution)} {escaped(offered.version)}")
    if not isinstance(reply, Measured):
        yield _without_numbers(reply)
        return
    measurement = reply.measurement
    yield Line("  ", ("measured", "good"), f"      {reply.seconds * 1000:.0f} ms, {escaped(measurement.backend)}")
    if reply.choice.told:
        yield f"  device        {reply.choice.told}"
    specs = {spec.name: spec for spec in offered.evaluator.metrics}
    room = None if width is None else width - len(_MARGIN)
    yield from indented(table.lines(measurement, specs, taken.guarded, width=room), _MARGIN)
    yield from (f"      {row}" for row in _scalars(measurement, specs))
    yield from (f"      {row}" for row in _series(measurement, specs))
    yield from (f"      skipped {escaped(skip.what)}: {escaped(skip.reason)}" for skip in measurement.skipped)
    yield from (f"      {escaped(note)}" for note in measurement.notes)
    said = (Line((each.code, "warning"), f" {each.guard}: {each.message}") for each in taken.guarded)
    yield from indented(said, _MARGIN)
    if verbose:
        yield from indented(how.of_measurement(measurement, specs), _MARGIN)
    declared = f"{len(measurement.metrics)} of {count(len(specs), 'metric')}"
    stopped = next((f"; invalid: {each.guard}" for each in taken.guarded if each.invalid), "")
    yield f"{declared}; {len(measurement.skipped)} skipped; {count(len(taken.guarded), 'mark')} of guards{stopped}"


def _without_numbers(reply: Reply) -> Line:
    """Return why there are no numbers."""
    if isinstance(reply, Failed):
        return Line("  ", ("error", "bad"), f"         {reply.code} {reply.reason}")
    if isinstance(reply, TimedOut):
        return Line("  ", ("timeout", "doubt"), f"       no answer within {reply.seconds:g} s")
    return Line("  ", ("not measured", "doubt"), f"  {reply.reason}" if isinstance(reply, Unmeasured) else "")


def _scalars(measurement: Measurement, specs: Mapping[str, MetricSpec]) -> Iterator[str]:
    """Yield a row a scalar: name, the shortest decimal that reads back as the number, bits and unit."""
    rows = [
        (name, _decimal(value, spec.type), bits(value, spec.type), "" if spec.unit == "1" else escaped(spec.unit))
        for name, spec in specs.items()
        if name in measurement.metrics and not isinstance(value := measurement.metrics[name], tuple)
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for name, number, pattern, unit in rows:
        yield f"{name:<{widths[0]}}  {number:>{widths[1]}}  {pattern:<{widths[2]}}  {unit}".rstrip()


def _series(measurement: Measurement, specs: Mapping[str, MetricSpec]) -> Iterator[str]:
    """Yield the beginning of each series that the table does not have."""
    for name, spec in specs.items():
        value = measurement.metrics.get(name)
        if isinstance(value, tuple) and not len(value) == len(measurement.labels) > 0:
            rest = ", ..." if len(value) > SHOWN else ""
            yield f"{name}  {', '.join(_decimal(each, spec.type) for each in value[:SHOWN])}{rest}  ({len(value)})"


def _decimal(value: Number, kind: MetricType) -> str:
    """Return a number in full."""
    if isinstance(value, bool) or kind in {MetricType.INT, MetricType.BOOL}:
        return table.number(value, kind)
    return numbers.decimal(value, kind)
