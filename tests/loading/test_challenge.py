"""The challenge block of a contract: what it may say, and what is refused with its place."""

from __future__ import annotations

import pytest
from helpers import CONTRACT, load

from pvcheck.domain.contract import Challenge

REFERENCE = f"sha256:{'4' * 64}"


@pytest.mark.parametrize(
    ("block", "challenge"),
    [
        ("challenge: {min: 0.9}\n", Challenge(0.9, None)),
        (f"challenge:\n  min: 1\n  evidence: {REFERENCE}\n", Challenge(1, REFERENCE)),
        (f"challenge: {{evidence: {REFERENCE}}}\n", Challenge(None, REFERENCE)),
        ("challenge: {}\n", Challenge(None, None)),
        ("", None),
    ],
)
def test_a_contract_may_demand_a_score(block, challenge):
    """And name the record of a challenge; both may be left out."""
    loaded = load(CONTRACT + block)

    assert loaded.findings == ()
    assert loaded.contract.challenge == challenge
    assert loaded.contract.not_understood == ()


@pytest.mark.parametrize(
    ("block", "code", "message"),
    [
        ("{min: 1.5}", "PV205", "the value must be at most 1, got 1.5"),
        ("{min: -0.1}", "PV205", "the value must be at least 0, got -0.1"),
        ("{min: most}", "PV202", 'the value must be a number, got "most"'),
        ("{minimum: 0.9}", "PV208", 'the key "minimum" is not known here'),
        ("{evidence: sha256:44}", "PV203", 'the value must be a reference to a record, got "sha256:44"'),
        ("0.9", "PV202", "the value must be a block of keys, got 0.9"),
    ],
)
def test_what_is_no_demand_is_refused(block, code, message):
    """A demand that vanished would leave the contract green."""
    loaded = load(f"{CONTRACT}challenge: {block}\n")

    assert [(each.code, each.message) for each in loaded.findings] == [(code, message)]


def test_a_contract_of_upstream_may_mean_something_else():
    """Its blocks are its own, and listed."""
    text = CONTRACT.replace("  schema: 1\n", "").replace("  rule:", "  if_fails: it grows\n  rule:")

    loaded = load(f"{text}challenge: {{hard: true}}\n")

    assert loaded.contract.challenge is None
    assert "challenge" in loaded.contract.not_understood
