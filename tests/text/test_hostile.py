"""Files that others broke on purpose, and real contracts that must be read."""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path

import pytest

from pvcheck.errors import ContractError
from pvcheck.text import Ambiguous, Document, Scalar, resolve

TEXT_KEYS = {"version", "status", "created", "id"}


def folder(variable: str) -> Path | None:
    """Return the folder that an environment variable names."""
    return Path(os.environ[variable]) if variable in os.environ else None


HOSTILE = folder("PVCHECK_HOSTILE")
CORPUS = folder("PVCHECK_CORPUS")


def hostile_rows() -> list[object]:
    """Return the YAML rows of the manifest, or one that is skipped."""
    if HOSTILE is None:
        return [pytest.param("", "", marks=pytest.mark.skip("PVCHECK_HOSTILE is not set"), id="unset")]
    with (HOSTILE / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith("yaml/")]
    return [pytest.param(HOSTILE / row["path"], row["suggested_rule"], id=Path(row["path"]).stem) for row in rows]


def corpus_files() -> list[object]:
    """Return the files of the corpus, or one row that is skipped."""
    if CORPUS is None:
        return [pytest.param("", marks=pytest.mark.skip("PVCHECK_CORPUS is not set"), id="unset")]
    return [pytest.param(path, id=str(path.relative_to(CORPUS))) for path in sorted(CORPUS.rglob("*.yaml"))]


def found(path: Path) -> list[str]:
    """Return the codes that reading a file gives, resolving all that no schema asks as text."""
    try:
        document = Document.parse(path.read_bytes(), str(path))
    except ContractError as error:
        return [each.code for each in error.findings]
    return [code for route, node in document.nodes() if isinstance(node, Scalar) and (code := refusal(route, node))]


def refusal(route: tuple[str | int, ...], node: Scalar) -> str:
    """Return the code with which a value is refused, where no text is asked for."""
    if route[-1] in TEXT_KEYS:
        return ""
    try:
        resolve(node)
    except Ambiguous as ambiguous:
        return ambiguous.code
    return ""


@pytest.mark.parametrize(("path", "rule"), hostile_rows())
def test_a_hostile_file_is_refused_in_time(path, rule):
    """What the reader must refuse it refuses within a second; what only the schema refuses does not crash it."""
    codes = found(path)
    # What watches the lines of a test run makes them three times as slow: it looks away while the time is taken.
    tracer = sys.gettrace()
    sys.settrace(None)
    started = time.process_time()
    found(path)
    seconds = time.process_time() - started
    sys.settrace(tracer)

    assert seconds < 1
    assert all(code.startswith("PV1") for code in codes)
    if rule == "-":
        assert codes == []
    elif rule.startswith("YAML-") and not (rule == "YAML-AMBIG" and path.stem in AS_TEXT):
        assert codes


AS_TEXT = {"amb_bad_date", "amb_date", "amb_norway"}
"""Dates, and a status of ``no``: the schema asks for text there, so nothing is ambiguous."""


@pytest.mark.parametrize("path", corpus_files())
def test_a_real_contract_is_read(path):
    """No contract in use has a spelling that is refused."""
    assert found(path) == []
