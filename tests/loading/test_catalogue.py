"""The catalogue of evaluators: read in place of the plugins, and never trusted."""

from __future__ import annotations

import json
import re

import pytest

from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.errors import ConfigError
from pvcheck.files import UnreadableError
from pvcheck.loading import catalogue, schema

METRIC = {"name": "growth", "type": "f64", "doc": "last over first", "unit": "1", "series": False}
TABLE = {"evaluators": {"chain": {"parameters": {"type": "object"}, "metrics": [METRIC]}}}


def put(root, data: bytes) -> None:
    """Write a catalogue into a repository."""
    (root / "schemas").mkdir()
    (root / "schemas" / catalogue.NAME).write_bytes(data)


def test_the_catalogue_of_the_repository_counts(tmp_path):
    """What the repository lists is what its contracts are held against."""
    put(tmp_path, json.dumps(TABLE).encode())

    entry = catalogue.load(tmp_path)["chain"]

    assert entry.parameters == {"type": "object"}
    assert entry.metrics == {"growth": MetricSpec("growth", MetricType.F64, "last over first")}


def test_without_one_the_shipped_catalogue_counts(tmp_path, monkeypatch):
    """A repository that has none is held against the evaluators that ship."""
    shipped = tmp_path / "shipped.json"
    shipped.write_text(json.dumps(TABLE))
    monkeypatch.setattr(schema, "file_of", {catalogue.NAME: shipped}.__getitem__)

    assert list(catalogue.load(tmp_path)) == ["chain"]


def with_metric(**changes) -> bytes:
    """Return a catalogue whose metric is changed."""
    return json.dumps({"evaluators": {"chain": {"parameters": {}, "metrics": [METRIC | changes]}}}).encode()


def with_parameters(parameters) -> bytes:
    """Return a catalogue with that schema of parameters."""
    return json.dumps({"evaluators": {"chain": {"parameters": parameters, "metrics": []}}}).encode()


BROKEN = {
    "no JSON": b"{",
    "not UTF-8": b'{"\xff": 1}',
    "a list": b"[]",
    "no evaluators": b"{}",
    "evaluators are a list": b'{"evaluators": []}',
    "an evaluator is text": b'{"evaluators": {"a": "b"}}',
    "no metrics": b'{"evaluators": {"a": {"parameters": {}}}}',
    "a type of metric that is none": with_metric(type="f16"),
    "parameters are no schema": with_parameters({"type": "nonsense"}),
    "parameters are a list": with_parameters([]),
    "parameters lead to another file": with_parameters({"$ref": "file:///etc/hostname"}),
    "parameters lead into the network": with_parameters({"$ref": "http://127.0.0.1:9/x"}),
    "a pattern that is none": with_parameters({"pattern": "("}),
    "deep": b"[" * 100_000,
    "text that would leave its line": b'{"evaluators": {"a": "\\u001b[31m\\n::error::"}}',
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_catalogue_that_cannot_be_understood_is_a_usage_error(tmp_path, data):
    """It comes with the change, so it may hold anything; the refusal names it and stays on its line."""
    put(tmp_path, data)

    with pytest.raises(ConfigError) as caught:
        catalogue.load(tmp_path)

    finding = caught.value.findings[0]
    path = re.escape(str(tmp_path / "schemas" / "evaluators.json"))
    assert re.fullmatch(rf"{path}: PV703 not a catalogue of evaluators: .{{5,}}", str(finding))
    assert (finding.hint, finding.exit_code) == ("write it again with pv schema --plugins", 2)


def test_a_catalogue_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    """An unreadable file is no broken one."""

    def refuse(*_: object) -> bytes:
        raise UnreadableError([])

    put(tmp_path, b"{}")
    monkeypatch.setattr(catalogue.files, "read_inside", refuse)

    with pytest.raises(UnreadableError):
        catalogue.load(tmp_path)
