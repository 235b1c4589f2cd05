"""The page about evaluators is made from the catalogue, so that it cannot fall behind."""

from __future__ import annotations

import json
import os

import pytest

from pvcheck.plugin.faults import GENERIC
from pvcheck.report import evaluators

UPDATE = os.environ.get("PVCHECK_UPDATE_DOCS") == "1"
HEAD = """\
# Evaluators that ship with pvcheck

Made from `schemas/evaluators.json`; `pv explain NAME` prints the same about every installed evaluator.

"""


def rendered(checkout):
    """Return the page."""
    table = json.loads((checkout / "schemas" / "evaluators.json").read_text())["evaluators"]
    return HEAD + "\n".join(evaluators.page(name, entry).replace("# ", "## ", 1) for name, entry in table.items())


def test_the_page_of_the_docs_is_that_of_the_catalogue(checkout):
    """Renewed with PVCHECK_UPDATE_DOCS=1."""
    page = checkout / "docs" / "evaluators.md"
    if UPDATE:
        page.write_text(rendered(checkout))

    assert page.read_text() == rendered(checkout)


@pytest.mark.parametrize(
    ("field", "needed", "told"),
    [
        ({"type": "integer"}, True, "integer"),
        ({"type": "integer"}, False, "integer, optional"),
        ({"enum": ["a", "b"]}, True, "a or b"),
        ({"const": "a"}, True, "a"),
        ({"type": "string", "x-pv-input": True}, True, "the name of an input"),
        ({"anyOf": []}, True, "a block"),
    ],
)
def test_a_parameter_is_told_by_what_it_must_be(field, needed, told):
    """Choices are listed, inputs are named as such."""
    entry = {
        "doc": "d",
        "plugin": "p",
        "distribution": "d",
        "version": "1",
        "devices": ["cpu"],
        "parameters": {"properties": {"key": field}, "required": ["key"] if needed else []},
        "metrics": [{"name": "m", "type": "f64", "unit": "s", "series": True, "doc": "a | b"}],
        "faults": [{"name": "swap", "doc": "nibbles swapped"}, {"name": "drop", "doc": "minimums dropped"}],
        "runs_programs": True,
    }

    page = evaluators.page("x", entry)

    assert f"| `key` | {told} |  |" in page
    assert "| `m` | f64 series, s | a \\| b |" in page
    assert "It runs programs, so settings must allow it by name." in page
    assert page.endswith("- `swap`: nibbles swapped\n- `drop`: minimums dropped\n")
    for name in (each.name for each in GENERIC):
        assert f"`{name}`" in evaluators.page("x", entry | {"takes_arrays": True})
