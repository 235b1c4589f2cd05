"""How a measurement was got: what was compared with what, how well it is conditioned, who read which bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped
from pvcheck.report.styled import Line
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pvcheck.domain.metric import MetricSpec
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.results import Result
    from pvcheck.plugin import Measurement, Population

SHOWN: Final = 6
"""Ranges of a file, and metrics of a comparison, that are named."""
SHORT: Final = 60
_WIDTH: Final = 11


def lines(result: Result) -> Iterator[str]:
    """Yield how the numbers of a result were got; nothing where there are none."""
    measurement, record = result.measurement, result.record
    if measurement is None:
        return
    if result.falsifier.parameters:
        yield _fact(
            "with", ", ".join(f"{escaped(key)}: {_value(each)}" for key, each in result.falsifier.parameters.items())
        )
    yield from of_measurement(measurement, result.specs or {})
    if record is not None:
        yield from _inputs(record)
        yield from _makers(record)


def of_measurement(measurement: Measurement, specs: Mapping[str, MetricSpec]) -> Iterator[Line]:
    """Yield what an evaluator told of how it measured."""
    for each in measurement.comparisons:
        yield _fact("compared", _some([escaped(name) for name in each.metrics]))
        yield _fact("", f"left: {_population(each.left)}")
        yield _fact("", f"right: {_population(each.right)}")
    by_type: dict[str, list[str]] = {}
    for name in measurement.metrics:
        if name in specs:
            by_type.setdefault(str(specs[name].type), []).append(name)
    yield from _facts("types", (f"{kind}: {', '.join(names)}" for kind, names in by_type.items()))
    if measurement.conditions:
        worst = max(measurement.conditions, key=lambda each: each.number)
        at = "" if worst.position is None else f" at {_label(measurement, worst.position)}"
        told = f"{count(len(measurement.conditions), 'condition number')}, the largest {worst.number:.4g}"
        yield _fact("conditions", f"{told} ({worst.metric}{at}, backward error {worst.backward_error:.2g})")
    if measurement.links:
        carries = [abs(each.carry) for each in measurement.links]
        told = f"{min(carries):.2g} to {max(carries):.2g} of a change reaches the next step"
        yield _fact("carry", f"{told}, over {count(len(carries), 'transition')}")
    for ratio in measurement.ratios:
        top = f"{escaped(ratio.numerator)} ({ratio.numerator_value:.6g})"
        yield _fact(
            "ratio", f"{ratio.metric} = {top} over {escaped(ratio.denominator)} ({ratio.denominator_value:.6g})"
        )
    backend = escaped(measurement.backend)
    libraries = ", ".join(f"{escaped(name)} {escaped(version)}" for name, version in measurement.libraries.items())
    yield _fact("backend", f"{backend}{f'; {libraries}' if libraries else ''}")


def _population(side: Population) -> str:
    """Return what one side was computed over: the elements seen, those that are no numbers, their order."""
    shape = " x ".join(map(str, side.shape)) or "a scalar"
    bad = f"{side.non_finite} not finite" if side.non_finite else "all finite"
    return f"{count(side.count, 'element')} as {shape}, {bad}: {escaped(side.selection)}"


def _label(measurement: Measurement, position: int) -> str:
    """Return the name of a position of a series."""
    known = position < len(measurement.labels)
    return escaped(measurement.labels[position]) if known else f"position {position}"


def _inputs(record: Record) -> Iterator[Line]:
    """Yield the digests of what was read, and which bytes that were."""
    for name, told in record.inputs.items():
        if not isinstance(told, dict):
            continue
        ranges = [each for each in _list(told.get("ranges")) if isinstance(each, list)]
        read = sum(int(str(each[1])) for each in ranges)
        yield _fact("read", f"{escaped(name)}: {read} of {told.get('size')} bytes in {count(len(ranges), 'range')}")
        yield _fact("", _some([f"{start}+{length}" for start, length in ranges]))
        for key in ("sha256", "read_sha256"):
            if key in told:
                yield _fact("", f"{key} {escaped(str(told[key]))}")


def _makers(record: Record) -> Iterator[Line]:
    """Yield who measured, with what."""
    made = {key: escaped(str(value)) for key, value in record.made_by.items()}
    evaluator = f"{made['evaluator']} {made['evaluator_version']}"
    yield _fact("evaluator", f"{evaluator} of {made['distribution']} {made['distribution_version']}")
    yield _fact("device", f"{made['device']}; {made['processor']}; seed {made['seed']}")


def _value(value: object) -> str:
    """Return a parameter as a contract writes it."""
    return escaped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), SHORT)


def _list(value: object) -> list[object]:
    """Return a list of a record, or an empty one."""
    return value if isinstance(value, list) else []


def _facts(word: str, texts: Iterable[str]) -> Iterator[Line]:
    """Yield several facts of a kind; the word stands before the first."""
    for number, text in enumerate(texts):
        yield _fact("" if number else word, text)


def _fact(word: str, text: str) -> Line:
    """Return one fact."""
    return Line((f"{word:<{_WIDTH}}", "dim"), text)


def _some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
