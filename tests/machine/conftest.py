"""Documents of every kind, and what others demand of the formats that are made of them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import xmlschema
from biting import arena, biter  # noqa: F401 - fixtures
from pipeline.conftest import project  # noqa: F401 - a fixture

DATA = Path(__file__).resolve().parent.parent / "data"
ROOT = DATA.parent.parent


@pytest.fixture(scope="session")
def ours():
    """Return a validator of our own documents."""
    schema = json.loads((ROOT / "schemas" / "report-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="session")
def oasis():
    """Return a validator of SARIF."""
    return jsonschema.Draft4Validator(json.loads((DATA / "sarif-schema-2.1.0.json").read_text()))


@pytest.fixture(scope="session")
def jenkins():
    """Return a validator of JUnit reports."""
    return xmlschema.XMLSchema(DATA / "junit-10.xsd")


@pytest.fixture
def told(pv, ours):
    """Run a command with every format, hold each to its schema, and return status, document and text."""

    def call(*words):
        status, out, err = pv(*words, "--format", "json")
        document = json.loads(out)
        assert [error.message for error in ours.iter_errors(document)] == []
        assert document["exit_status"] == status, err
        return document

    return call
