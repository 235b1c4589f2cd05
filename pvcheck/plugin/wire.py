"""The JSON form of a measurement, and the checks it must pass. Workers answer in it; evidence keeps parts of it.

Nothing is converted to fit: a subclass of ``float`` is no float, a list no tuple, ``True`` no 1. So what was
measured, what is judged and what is recorded are one value to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pvcheck.domain import numbers
from pvcheck.domain.metric import MetricType
from pvcheck.domain.numbers import type_name
from pvcheck.errors import quoted
from pvcheck.plugin.values import (
    ChainLink,
    ClaimedRatio,
    Comparison,
    Condition,
    Measurement,
    Population,
    Ratio,
    Skip,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import MetricSpec, Value

MAX_BYTES: Final = 1 << 20
MAX_SERIES: Final = 100_000
MAX_ITEMS: Final = 10_000
"""Comparisons, conditions, links, ratios, claims, skips, notes or libraries in one measurement."""
MAX_TEXT: Final = 4096


class BadResult(ValueError):  # noqa: N818 - it is the words a reader sees
    """A value is no measurement that this evaluator may give; the message says what is wrong with it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"bad result: {what}")


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of field stands in JSON. Both ways refuse what is not exactly of that kind.

    They take the name of the place, for the message, and the value.
    """

    encode: Callable[[str, Any], JSON]
    decode: Callable[[str, JSON], Any]


def check(measurement: object, specs: Iterable[MetricSpec]) -> None:
    """Refuse what is not a measurement of exactly the declared metrics.

    :raises BadResult: for the first thing that is wrong.
    """
    to_json(measurement, specs)


def to_json(measurement: object, specs: Iterable[MetricSpec]) -> dict[str, JSON]:
    """Return a measurement as JSON.

    :raises BadResult: if it is not one, or not of exactly the declared metrics, or too large.
    """
    if type(measurement) is not Measurement:
        raise BadResult(f"an evaluator must return a Measurement, got {type_name(measurement)}")
    declared = {spec.name: spec for spec in specs}
    if type(measurement.metrics) not in {dict, MappingProxyType}:
        raise BadResult(f"metrics must be a dict, got {type_name(measurement.metrics)}")
    metrics = {name: _metric(name, value, declared) for name, value in measurement.metrics.items()}
    json = {"metrics": metrics} | {
        name: form.encode(name, getattr(measurement, name)) for name, form in _MEASUREMENT.items()
    }
    _check_names(measurement)
    _check_labels(measurement)
    if (size := len(dumps(json, ensure_ascii=False).encode())) > MAX_BYTES:
        raise BadResult(f"it takes {size} bytes, at most {MAX_BYTES} are allowed")
    return json


def from_json(json: JSON) -> Measurement:
    """Return the measurement that JSON stands for.

    :raises BadResult: unless it is exactly what ``to_json`` makes of a measurement. Whether the metrics are the
        declared ones is for ``check`` to say.
    """
    _refuse_keys("a measurement", json, {"metrics", *_MEASUREMENT})
    if type(json["metrics"]) is not dict:
        raise BadResult(f"metrics must be an object, got {type_name(json['metrics'])}")
    metrics = {name: _value(name, each) for name, each in json["metrics"].items()}
    return Measurement(metrics=metrics, **{name: form.decode(name, json[name]) for name, form in _MEASUREMENT.items()})


def _metric(name: object, value: Value, declared: Mapping[str, MetricSpec]) -> JSON:
    """Return one metric as JSON, checked against its declaration."""
    if type(name) is not str:
        raise BadResult(f"the name of a metric must be text, got {type_name(name)}")
    if name not in declared:
        raise BadResult(f"metric {quoted(name)} is not declared")
    spec = declared[name]
    if spec.series and type(value) is not tuple:
        raise BadResult(f"metric {quoted(name)} must be a tuple of {spec.type}, got {type_name(value)}")
    if spec.series and len(value) > MAX_SERIES:  # type: ignore[arg-type]  # it is a tuple
        raise BadResult(f"metric {quoted(name)} must have at most {MAX_SERIES} numbers, got {len(value)}")  # type: ignore[arg-type]
    if not spec.series and type(value) is tuple:
        raise BadResult(f"metric {quoted(name)} must be one {spec.type}, got a tuple")
    try:
        return {"type": str(spec.type), "value": numbers.encode(value, spec.type)}
    except numbers.NumberError as error:
        raise BadResult(f"metric {quoted(name)} {error}") from None


def _value(name: str, json: JSON) -> Value:
    """Return the value of one metric from its JSON."""
    _refuse_keys(f"metric {quoted(name)}", json, {"type", "value"})
    try:
        return numbers.decode(json["value"], MetricType(json["type"]))
    except ValueError as error:
        raise BadResult(f"metric {quoted(name)}: {error}") from None


def _check_names(measurement: Measurement) -> None:
    """Refuse findings about metrics that are not in the measurement, and positions beside their series."""
    told = measurement.metrics
    named = [("a comparison", name) for each in measurement.comparisons for name in each.metrics]
    named += [("a condition", each.metric) for each in measurement.conditions]
    named += [("a ratio", each.metric) for each in measurement.ratios]
    named += [("a claimed ratio", each.metric) for each in measurement.claims]
    for what, name in named:
        if name not in told:
            raise BadResult(f"{what} speaks of metric {quoted(name)}, which is not in the measurement")
    for each in measurement.conditions:
        series = told[each.metric]
        if (each.position is None) is isinstance(series, tuple):
            raise BadResult(f"a condition of metric {quoted(each.metric)} must have a position if it is a series only")
        if isinstance(series, tuple) and not (each.position or 0) < len(series):
            length = len(series)
            raise BadResult(f"a condition has position {each.position} in metric {quoted(each.metric)} of {length}")


def _check_labels(measurement: Measurement) -> None:
    """Refuse labels that fit no series: they would name nothing."""
    lengths = {len(value) for value in measurement.metrics.values() if isinstance(value, tuple)}
    if measurement.labels and len(measurement.labels) not in lengths:
        raise BadResult(f"there are {len(measurement.labels)} labels, but no series has as many numbers")


def _refuse_keys(what: str, json: JSON, keys: set[str]) -> None:
    """Refuse JSON that is not an object of exactly these keys."""
    if type(json) is not dict:
        raise BadResult(f"{what} must be an object, got {type_name(json)}")
    if odd := json.keys() ^ keys:
        raise BadResult(f"{what} must have exactly its own keys, not so: {quoted(min(map(str, odd)))}")


def _wrong(where: str, must: str, value: object) -> BadResult:
    """Return the refusal of a value of another kind."""
    return BadResult(f"{where} must be {must}, got {type_name(value)}")


def _text(where: str, value: object) -> str:
    """Return text that JSON in UTF-8 can hold."""
    if type(value) is not str:
        raise _wrong(where, "text", value)
    if len(value) > MAX_TEXT:
        raise BadResult(f"{where} must have at most {MAX_TEXT} characters, got {len(value)}")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise BadResult(f"{where} must be text, got half a surrogate pair")
    return value


def _count(where: str, value: object) -> int:
    """Return an integer of 0 or more."""
    if type(value) is not int:
        raise _wrong(where, "int", value)
    if not 0 <= value < numbers.MAX_INT:
        raise BadResult(f"{where} must be 0 or more and at most 18 digits")
    return value


def _position(where: str, value: object) -> int | None:
    """Return an index, or None."""
    return None if value is None else _count(where, value)


def _encode_float(where: str, value: float) -> JSON:
    """Return any float as JSON."""
    try:
        return numbers.encode(value, MetricType.F64)
    except numbers.NumberError as error:
        raise BadResult(f"{where} {error}") from None


def _decode_float(where: str, json: JSON) -> float:
    """Return one float from its JSON."""
    try:
        value = numbers.decode(json, MetricType.F64)
    except numbers.NumberError as error:
        raise BadResult(f"{where}: {error}") from None
    if type(value) is not float:
        raise _wrong(where, "one f64", value)
    return value


def _several(form: _Form, most: int = MAX_ITEMS) -> _Form:
    """Return the form of a tuple."""

    def encode(where: str, value: Any) -> JSON:  # noqa: ANN401 - anything may come from a plugin
        if type(value) is not tuple:
            raise _wrong(where, "a tuple", value)
        if len(value) > most:
            raise BadResult(f"{where} must have at most {most} items, got {len(value)}")
        return [form.encode(f"{where}[{index}]", each) for index, each in enumerate(value)]

    def decode(where: str, json: JSON) -> Any:  # noqa: ANN401 - a tuple of what the form says
        if type(json) is not list:
            raise _wrong(where, "a list", json)
        if len(json) > most:
            raise BadResult(f"{where} must have at most {most} items, got {len(json)}")
        return tuple(form.decode(f"{where}[{index}]", each) for index, each in enumerate(json))

    return _Form(encode, decode)


def _record(kind: type, **forms: _Form) -> _Form:
    """Return the form of a frozen value of several fields."""

    def encode(where: str, value: Any) -> JSON:  # noqa: ANN401 - anything may come from a plugin
        if type(value) is not kind:
            raise _wrong(where, f"a {kind.__name__}", value)
        return {name: form.encode(f"{where}.{name}", getattr(value, name)) for name, form in forms.items()}

    def decode(where: str, json: JSON) -> Any:  # noqa: ANN401 - a value of the kind
        _refuse_keys(where, json, set(forms))
        return kind(**{name: form.decode(f"{where}.{name}", json[name]) for name, form in forms.items()})

    return _Form(encode, decode)


def _texts_by_name(where: str, value: Any) -> dict[str, str]:  # noqa: ANN401 - anything may come from a plugin
    """Return a table of texts."""
    if type(value) not in {dict, MappingProxyType}:
        raise _wrong(where, "a dict", value)
    if len(value) > MAX_ITEMS:
        raise BadResult(f"{where} must have at most {MAX_ITEMS} items, got {len(value)}")
    return {_text(f"a key of {where}", key): _text(where, each) for key, each in value.items()}


_TEXT: Final = _Form(_text, _text)
_COUNT: Final = _Form(_count, _count)
_POSITION: Final = _Form(_position, _position)
_FLOAT: Final = _Form(_encode_float, _decode_float)
_TEXTS: Final = _several(_TEXT)
_POPULATION: Final = _record(Population, count=_COUNT, shape=_several(_COUNT, 32), selection=_TEXT, non_finite=_COUNT)
_MEASUREMENT: Final[dict[str, _Form]] = {
    "backend": _TEXT,
    "labels": _several(_TEXT, MAX_SERIES),
    "comparisons": _several(_record(Comparison, metrics=_TEXTS, left=_POPULATION, right=_POPULATION)),
    "conditions": _several(
        _record(Condition, metric=_TEXT, position=_POSITION, number=_FLOAT, backward_error=_FLOAT),
    ),
    "links": _several(_record(ChainLink, position=_COUNT, label=_TEXT, carry=_FLOAT)),
    "ratios": _several(
        _record(
            Ratio,
            metric=_TEXT,
            numerator=_TEXT,
            denominator=_TEXT,
            numerator_value=_FLOAT,
            denominator_value=_FLOAT,
        )
    ),
    "claims": _several(_record(ClaimedRatio, metric=_TEXT, value=_FLOAT, tolerance=_FLOAT)),
    "skipped": _several(_record(Skip, what=_TEXT, reason=_TEXT)),
    "notes": _TEXTS,
    "libraries": _Form(_texts_by_name, _texts_by_name),
}
"""The form of every field of a measurement but its metrics, whose types are declared by the evaluator."""
