"""Rules against the catalogue: evaluators exist, parameters and bounds fit them."""

from __future__ import annotations

import pytest
from loading.texts import GOOD, edited, loaded, told

from pvcheck.errors import Severity
from pvcheck.loading import catalogue
from pvcheck.rules import fitting


def metric(name: str, kind: str = "f64", *, series: bool = False) -> dict:
    """Return a metric as the catalogue has it."""
    return {"name": name, "type": kind, "doc": "", "unit": "1", "series": series}


CATALOGUE = catalogue.entries(
    {
        "evaluators": {
            "chain": {
                "parameters": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["layers", "model"],
                    "properties": {
                        "model": {"type": "string", "x-pv-input": True},
                        "layers": {"anyOf": [{"type": "string", "pattern": "^[0-9-]+$"}, {"type": "integer"}]},
                        "scale": {"type": "number", "exclusiveMinimum": 0},
                        "mode": {"enum": ["fast", "slow"]},
                        "window": {"type": "object", "required": ["size"], "additionalProperties": False},
                        "names": {"type": "array", "items": {"type": "string"}},
                    },
                },
                "metrics": [metric("growth"), metric("errors", "f32", series=True), metric("is_carried", "bool")],
            },
            "open": {"parameters": {"type": "object"}, "metrics": [metric("growth")]},
        }
    }
)
WITH = "{model: teacher, layers: 0-27, scale: 1e-3}"


def checked(text: str) -> list:
    """Return what does not fit."""
    result = loaded(text)
    assert result.contract is not None
    return list(fitting.check(result.contract, result.document, CATALOGUE))


def test_what_fits_is_right():
    """An unbound falsifier needs no evaluator, a bound one fits its own."""
    assert checked(GOOD) == []


PARAMETERS = "use one of layers, mode, model, names, scale, window"
FLAGS = "write 'is true' or 'is false'"
SERIES = "a series needs one of all, any, max, min, count(...) or [i] before the bound"
METRICS = "pv plugins list names the metrics of chain"
MISFITS = {
    "input that is not declared": (
        [(WITH, "{model: student, layers: 3}")],
        'c.yaml:14:17: PV305 there is no input "student"',
        "declare it under inputs (declared: teacher)",
    ),
    "no inputs at all": (
        [("inputs:\n  teacher:\n    format: gguf\n    path: teachers/small.gguf\n", "")],
        'c.yaml:10:17: PV305 there is no input "teacher"',
        "declare it under inputs (declared: none)",
    ),
    "input that is no text": (
        [(WITH, "{model: [teacher], layers: 3}")],
        "c.yaml:14:17: PV306 the value must be text, got a list",
        "write the text on this line, in quotes if it starts like something else",
    ),
    "parameter that is misspelt": (
        [(WITH, "{model: teacher, layers: 3, scales: 1}")],
        'c.yaml:14:37: PV306 chain has no parameter "scales" (did you mean scale?)',
        PARAMETERS,
    ),
    "parameter that is not there": (
        [(WITH, "{model: teacher, layers: 3, colour: red}")],
        'c.yaml:14:37: PV306 chain has no parameter "colour"',
        PARAMETERS,
    ),
    "parameter that is missing": (
        [(WITH, "{model: teacher}")],
        "c.yaml:13:14: PV306 chain needs the parameter 'layers'",
        "add 'layers: ...' under with",
    ),
    "number out of range": (
        [(WITH, "{model: teacher, layers: 3, scale: 0}")],
        "c.yaml:14:44: PV306 the value must be above 0, got 0",
        "change it to fit",
    ),
    "number as text": (
        [(WITH, "{model: teacher, layers: 3, scale: '1'}")],
        'c.yaml:14:44: PV306 the value must be a number, got "1"',
        "see `pv schema` for what stands here",
    ),
    "choice": (
        [(WITH, "{model: teacher, layers: 3, mode: quick}")],
        'c.yaml:14:43: PV306 the value must be fast or slow, got "quick"',
        "write one of these",
    ),
    "one of two types": (
        [(WITH, "{model: teacher, layers: [1]}")],
        "c.yaml:14:34: PV306 the value must be text or a whole number, got a list",
        "see `pv schema` for what stands here",
    ),
    "item of a list": (
        [(WITH, "{model: teacher, layers: 3, names: [a, 2]}")],
        "c.yaml:14:48: PV306 the value must be text, got 2",
        "write the text on this line, in quotes if it starts like something else",
    ),
    "metric that is misspelt": (
        [("growth: <", "grwth: <")],
        'c.yaml:16:12: PV307 chain has no metric "grwth" (did you mean growth?)',
        METRICS,
    ),
    "metric that is not there": (
        [("growth: <", "colour: <")],
        'c.yaml:16:13: PV307 chain has no metric "colour"',
        METRICS,
    ),
    "bound of another kind": (
        [("growth: <", "is_carried: <")],
        f'c.yaml:16:17: PV308 the bound "< 18.0" does not fit is_carried: the metric is bool: {FLAGS}',
        "change the bound",
    ),
    "bound in a list": (
        [("max < 20%", "< 20%")],
        f'c.yaml:17:25: PV308 the bound "< 0.2" does not fit errors: {SERIES}',
        "change the bound",
    ),
}


@pytest.mark.parametrize(("edits", "message", "hint"), MISFITS.values(), ids=MISFITS)
def test_each_misfit_is_told_where_it_stands(edits, message, hint):
    """What does not fit is an error with its line, before anything is measured."""
    findings = checked(edited(*edits))

    assert told(findings) == [message]
    assert (findings[0].hint, findings[0].severity) == (hint, Severity.ERROR)


@pytest.mark.parametrize(
    ("name", "guess"), [("chains", ' (did you mean "chain"?)'), ("other", "")], ids=["near", "other"]
)
def test_an_evaluator_that_is_not_listed_is_a_warning(name, guess):
    """A plugin that is not installed here may be elsewhere, so this does not fail the file."""
    findings = checked(edited(("evaluator: chain", f"evaluator: {name}"), ("growth: <", "anything: <")))

    assert told(findings) == [
        f'c.yaml:13:14: PV309 the evaluator "{name}" is not in schemas/evaluators.json{guess}',
    ]
    assert findings[0].severity is Severity.WARNING
    assert findings[0].hint == "install its plugin and run pv schema --plugins, so that its parameters can be checked"


def test_an_evaluator_may_take_any_parameter():
    """A schema that is open refuses no key."""
    text = edited(("evaluator: chain", "evaluator: open"), ("    errors: [all < 10%, max < 20%]\n", ""))

    assert checked(text) == []


def test_a_key_missing_inside_a_parameter_is_told_there():
    """A block inside a parameter is held to its schema too, with its own place."""
    findings = checked(edited((WITH, "{model: teacher, layers: 3, window: {depth: 1}}")))

    assert told(findings) == [
        "c.yaml:14:45: PV306 chain needs the parameter 'size'",
        "c.yaml:14:45: PV306 chain does not know every key of this block",
    ]
    assert [each.hint for each in findings] == ["add 'size: ...' here", "see pv plugins show"]
