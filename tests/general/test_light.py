"""The light part: what the plugin offers, that it costs nothing, and what its parameters refuse."""

import importlib
import json
import subprocess
import sys

import pydantic
import pytest
from general.fixtures import evaluator, evaluators

from pvcheck.host import registry
from pvcheck_general.patterns import compiled, with_one_group


def test_the_light_part_loads_no_numerical_library():
    """Importing the plugin, asking its hook and writing its schemas loads neither numpy nor what measures."""
    code = (
        "import sys, pvcheck_general.plugin as p\n"
        "[each.parameters.model_json_schema() for each in p.pv_evaluators()]\n"
        "print(sorted(m for m in sys.modules if m in ('numpy', 'gguf') or m.startswith('pvcheck_')))"
    )

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    light = ["catalogue", "parameters", "patterns", "planting", "plugin"]
    assert printed == str(["pvcheck_general", *(f"pvcheck_general.{name}" for name in light)]) + "\n"


@pytest.mark.parametrize("name", ["command", "pytest", "text-match", "recorded-series", "arithmetic"])
def test_what_needs_no_array_needs_no_numpy(name):
    """The heavy part of an evaluator that reads no array loads no numpy."""
    module = evaluator(name).implementation.partition(":")[0]
    code = f"import sys, {module}; print('numpy' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed == "False\n"


@pytest.mark.parametrize("light", evaluators(), ids=lambda each: each.name)
def test_an_evaluator_keeps_to_the_interface(light):
    """The host accepts it, its implementation is there, and each metric says what it is."""
    module, _, function = light.implementation.partition(":")

    assert registry.fault_of(light) == ""
    assert callable(getattr(importlib.import_module(module), function))
    assert all(len(metric.doc) > 10 for metric in light.metrics)


def test_only_what_starts_programs_says_so():
    """Two evaluators run only where settings allow them by name."""
    assert {each.name for each in evaluators() if each.runs_programs} == {"command", "pytest"}


SERIES = {"series": "s", "column": "c", "unit": "factor", "host": "h", "date": "2026-05-07"}
REFUSED = {
    "both": ("command", {"argv": ["x"], "pattern": "(a)", "pointer": ""}, "give a pattern or a pointer, not both"),
    "no group": (
        "command",
        {"argv": ["x"], "pattern": "a"},
        "the pattern must have one group, the number to read, got 0",
    ),
    "two groups": (
        "command",
        {"argv": ["x"], "pattern": "(a)(b)"},
        "the pattern must have one group, the number to read, got 2",
    ),
    "no expression": (
        "text-match",
        {"text": "t", "pattern": "("},
        "not a regular expression: missing ), unterminated subpattern at position 0",
    ),
    "outside": ("pytest", {"paths": ["a/../../b.py"]}, "a path must stay inside the project, got a/../../b.py"),
    "twice": ("pytest", {"paths": ["a.py", "a.py"]}, "a path must stand once"),
    "neither": ("recorded-series", SERIES | {"column": None}, "give a column or a pointer, one of the two"),
    "two forms": ("recorded-series", SERIES | {"pointer": "/a"}, "give a column or a pointer, one of the two"),
    "label column": (
        "recorded-series",
        SERIES | {"column": None, "pointer": "/a", "labels": "layer"},
        "labels must be a JSON pointer, as the series is",
    ),
    "nothing": ("arithmetic", {"numbers": {"a": 1}}, "give a product or a power, else nothing is computed"),
    "no product": (
        "arithmetic",
        {"numbers": {"a": 1}, "against": "a", "power": {"base": "a", "numerator": "a"}},
        "against needs a product",
    ),
    "unknown": ("arithmetic", {"numbers": {"a": 1}, "product": ["a", "b"]}, "there is no number named b"),
    "unused": ("arithmetic", {"numbers": {"a": 1, "b": 2}, "product": ["a"]}, "the number b is used nowhere"),
    "base": (
        "arithmetic",
        {"numbers": {"a": 0}, "power": {"base": "a", "numerator": "a"}},
        "the base of a power must be above 0, got 0",
    ),
}


@pytest.mark.parametrize(("name", "parameters", "message"), REFUSED.values(), ids=REFUSED)
def test_parameters_that_contradict_themselves_are_refused(name, parameters, message):
    """The message says what to give."""
    with pytest.raises(pydantic.ValidationError) as caught:
        evaluator(name).parameters.model_validate_json(json.dumps(parameters))

    assert [each["msg"] for each in caught.value.errors()] == [f"Value error, {message}"]


OUT_OF_BOUNDS = {
    "empty argv": ("command", {"argv": []}, "too_short"),
    "NUL": ("command", {"argv": ["a\0"]}, "string_pattern_mismatch"),
    "no time": ("command", {"argv": ["x"], "timeout": 0}, "greater_than"),
    "over an hour": ("pytest", {"paths": ["a"], "timeout": 3601}, "less_than_equal"),
    "an option": ("pytest", {"paths": ["--pdb"]}, "string_pattern_mismatch"),
    "a file of options": ("pytest", {"paths": ["@file"]}, "string_pattern_mismatch"),
    "absolute": ("pytest", {"paths": ["/etc"]}, "string_pattern_mismatch"),
    "long pattern": ("text-match", {"text": "t", "pattern": "a" * 501}, "string_too_long"),
    "too large": ("arithmetic", {"numbers": {"a": 1e101}, "product": ["a"]}, "less_than_equal"),
    "pointer": ("command", {"argv": ["x"], "pointer": "a"}, "string_pattern_mismatch"),
    "rows": ("trace-std", {"left": "l", "right": "r", "left_rows": "first"}, "literal_error"),
    "unknown key": ("array-compare", {"left": "l", "right": "r", "tolerance": 1}, "extra_forbidden"),
}


@pytest.mark.parametrize(("name", "parameters", "kind"), OUT_OF_BOUNDS.values(), ids=OUT_OF_BOUNDS)
def test_parameters_out_of_bounds_are_refused(name, parameters, kind):
    """Sizes, times and options have limits; pydantic tells some of them twice."""
    with pytest.raises(pydantic.ValidationError) as caught:
        evaluator(name).parameters.model_validate_json(json.dumps(parameters))

    assert kind in {each["type"] for each in caught.value.errors()}


def test_a_pattern_that_warns_is_still_a_pattern():
    """What another Python may read otherwise is no error of the contract."""
    assert compiled("[[a]", ignore_case=True).search("A")
    assert with_one_group("(?:a|(b))").groups == 1


def test_a_repeat_that_is_too_large_is_refused():
    """The message is of the regular expression, not of Python's insides."""
    with pytest.raises(ValueError, match=r"^not a regular expression: the repetition number is too large$"):
        compiled("a{99999999999999999999}")
