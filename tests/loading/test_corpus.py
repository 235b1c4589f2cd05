"""Contracts that others wrote: what upstream calls valid is read, and what it drops is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pvcheck.errors import ContractError, Severity
from pvcheck.loading import contract
from pvcheck.rules import structure

FOLDER = os.environ.get("PVCHECK_CORPUS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="PVCHECK_CORPUS does not name the folder of real contracts")
CORPUS = Path(FOLDER)
ROWS = [row.split("\t") for row in (CORPUS / "VERDICTS.tsv").read_text().splitlines()[1:]] if FOLDER else []
NO_CONTRACT = "provable-contracts/contracts/aprender/binding.yaml"
BROKEN = "provable-contracts/contracts/aprender/tensor-layout-v1.yaml"
OBLIGATIONS = 2
"""Files of realizar that write ``obligations``."""


def read(path: str):
    """Return what a file of the corpus is read as, with what its rules find."""
    loaded = contract.load((CORPUS / path).read_bytes(), path)
    assert loaded.contract is not None or path == BROKEN
    found = list(structure.check(loaded.contract, loaded.document)) if loaded.contract else []
    return loaded, [*loaded.findings, *found]


VALID = [row[0] for row in ROWS if row[0] not in {NO_CONTRACT, BROKEN}]


@pytest.mark.parametrize("path", VALID)
def test_a_valid_contract_of_upstream_has_no_error(path):
    """Its syntax and shape are right, no strict rule holds, and nothing in it is bound."""
    loaded, findings = read(path)

    assert [str(each) for each in findings if each.severity is Severity.ERROR] == []
    assert not loaded.contract.is_strict
    assert not any(each.is_bound for each in loaded.contract.falsifiers)


def test_every_file_has_a_verdict():
    """The corpus and its table of verdicts name the same files."""
    files = {str(path.relative_to(CORPUS)) for path in CORPUS.rglob("*.yaml")}

    assert files == {row[0] for row in ROWS}
    assert len(VALID) == len(ROWS) - 2


def test_what_is_no_contract_is_named():
    """A binding registry is told as one."""
    with pytest.raises(ContractError, match=r":1:1: PV206 not a contract: it is a binding registry$"):
        read(NO_CONTRACT)


def test_the_broken_contract_is_an_error():
    """Falsifiers without ``if_fails`` are refused, as upstream does, and the alias is named."""
    _, findings = read(BROKEN)

    messages = {each.message for each in findings if each.severity is Severity.ERROR}
    near = {each.message for each in findings if each.code == "PV207"}
    assert messages == {"the key 'if_fails' is missing"}
    assert 'the key "falsification_test" is not known here and is near "test"' in near


def test_obligations_that_upstream_drops_are_named():
    """Two files put their obligations where no tool looks."""
    message = 'the key "obligations" is not known here and is near "proof_obligations"'

    files = [path for path in VALID if message in {each.message for each in read(path)[1]}]

    assert len(files) == OBLIGATIONS
    assert all(path.startswith("realizar/") for path in files)
