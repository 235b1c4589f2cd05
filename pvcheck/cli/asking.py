"""Asking a person at a terminal for what a new falsifier needs, one thing at a time; what does not fit is asked again.

Questions go to standard error, so that what a command prints stays what it made. Ctrl-C and the end of the input leave
everything as it was.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pvcheck.cli.output import complain
from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.errors import ConfigError, escaped, quoted
from pvcheck.loading import editor, keys, schema
from pvcheck.pipeline import claiming
from pvcheck.pipeline.measuring import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.claiming import Claim

KINDS = {
    "array": "a list, as JSON",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a block, as JSON",
    "string": "text",
}
"""What a parameter must be, as it is typed."""


def is_possible() -> bool:
    """Say whether a person can be asked: they see standard error, and type into standard input."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def text(name: str, meaning: str, default: str = "") -> str:
    """Return one line of text; Enter gives the default."""
    if meaning:
        complain([f"{name}: {meaning}"])
    answer: str = click.prompt(name, default=default, show_default=bool(default), err=True)
    return answer.strip()


def evaluator(table: Mapping[str, dict[str, JSON]]) -> str:
    """Return the name of an evaluator of the catalogue."""
    complain(["evaluator: what measures the claim; pv explain NAME tells more"])
    complain(_list({name: table[name]["doc"] for name in sorted(table)}))
    return _one_of(table, "evaluator")


def _list(told: Mapping[str, str]) -> Iterator[str]:
    """Yield names with what they mean, as far as the terminal is wide."""
    width = max(map(len, told), default=0)
    rest = max(shutil.get_terminal_size().columns - width - 5, 20)
    yield from (f"  {escaped(name):<{width}}  {escaped(meaning, rest)}" for name, meaning in told.items())


def _kind(field: dict[str, JSON]) -> str:
    """Return what a parameter must be."""
    if "enum" in field:
        return " or ".join(map(str, field["enum"]))
    types = [each.get("type", "object") for each in field.get("anyOf", [field])]
    return escaped(" or ".join(dict.fromkeys(KINDS[each] for each in types if each in KINDS)))


def _one_of(known: Iterable[str], label: str) -> str:
    """Return one of some names."""
    while True:
        answer = text(label, "")
        if answer in known:
            return answer
        near = keys.nearest(answer, known) if answer else None
        complain([f"  there is no {label} {quoted(answer)}" + (f" (did you mean {quoted(near)}?)" if near else "")])


def parameters(claim: Claim, entry: dict[str, JSON], inputs: Iterable[str]) -> Claim:
    """Return a claim with the parameters that were not given: those that are needed first, then the others."""
    for key, field in claiming.fields_of(entry).items():
        if key not in claim.parameters:
            claim = _parameter(claim, entry, key, field, [*inputs, *claim.inputs])
    return claim


def _parameter(claim: Claim, entry: dict[str, JSON], key: str, field: dict[str, JSON], inputs: list[str]) -> Claim:
    """Return a claim with one parameter, unless it may be left out and is."""
    needed = key in entry["parameters"].get("required", ())
    left_out = field.get("default")
    default = "" if needed else f"; Enter: {'none' if left_out is None else schema.shown(left_out)}"
    complain([f"{key}: {escaped(field.get('description', ''), 400)}"])
    told = _kind(field)
    if field.get("x-pv-input"):
        told = f"a file, or an input: {', '.join(map(escaped, inputs)) or 'none yet'}"
    while True:
        answer = text(f"{key} ({told}{default})", "")
        if not answer and not needed:
            return claim
        if field.get("x-pv-input"):
            made, why = _file(claim, key, answer, inputs)
        else:
            made, why = _typed(claim, entry, key, answer)
        if not why:
            return made
        complain([f"  {why}"])


def _file(claim: Claim, key: str, answer: str, inputs: list[str]) -> tuple[Claim, str]:
    """Return a claim about an input that is declared or a file that is to be, or why there is neither."""
    if answer in inputs:
        return claim._replace(parameters={**claim.parameters, key: answer}), ""
    if not Path(answer).is_file():
        near = keys.nearest(answer, inputs)
        return claim, f"there is no file and no input {quoted(answer)}" + (f" (did you mean {near}?)" if near else "")
    name = next(each for each in (key, *(f"{key}-{number}" for number in range(2, 100))) if each not in inputs)
    more = {**claim.inputs, name: Path(answer)}
    return claim._replace(inputs=more, parameters={**claim.parameters, key: name}), ""


def _typed(claim: Claim, entry: dict[str, JSON], key: str, answer: str) -> tuple[Claim, str]:
    """Return a claim with a parameter as it was typed, or why it does not fit."""
    try:
        value = parameters_of([f"{key}={answer}"])[key]
    except ConfigError as error:
        return claim, error.findings[0].message
    alone = {**entry["parameters"], "required": []}
    for fault in schema.faults(alone, {key: value}):
        return claim, schema.worded(fault, schema.at({key: value}, fault.route))[1]
    return claim._replace(parameters={**claim.parameters, key: value}), ""


def expectations(entry: dict[str, JSON]) -> dict[str, tuple[str, ...]]:
    """Return bounds on metrics, at least one."""
    metrics = {each["name"]: each for each in entry["metrics"]}
    complain(["expect: a metric, and the bound that it must keep"])
    complain(_list({name: metrics[name]["doc"] for name in metrics}))
    found: dict[str, tuple[str, ...]] = {}
    while not found or click.confirm("another bound", default=False, err=True):
        name = _one_of(metrics, "metric")
        found[name] = (*found.get(name, ()), _bound(metrics[name]))
    return found


def _bound(metric: dict[str, JSON]) -> str:
    """Return a bound that can be put on a metric."""
    fitting = "; ".join(editor.bounds_for(metric["type"], series=metric["series"]))
    while True:
        answer = text(f"bound (such as {fitting})", "")
        try:
            why = bounds.parse(answer).misfit(MetricType(metric["type"]), series=metric["series"])
        except bounds.BoundError as error:
            why = f"{error}: {error.hint}"
        if not why:
            return answer
        complain([f"  {why}"])
