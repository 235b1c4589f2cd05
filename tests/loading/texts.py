"""A contract that is right, and ways to make it wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.loading import contract

if TYPE_CHECKING:
    from pvcheck.errors import Finding
    from pvcheck.loading.contract import Loaded

GOOD = """\
metadata:
  schema: 1
  id: C-1
  version: 1.10.0
  status: ACTIVE
inputs:
  teacher:
    format: gguf
    path: teachers/small.gguf
falsification_tests:
- id: F-1
  rule: growth stays bounded
  evaluator: chain
  with: {model: teacher, layers: 0-27, scale: 1e-3}
  expect:
    growth: < 18
    errors: [all < 10%, max < 20%]
  status: PENDING
- id: F-2
  rule: not measured yet
implementation_stages:
- id: S-1
  expected_acceptance: [F-1]
  status: PENDING
amendments: []
"""
UPSTREAM = """\
metadata:
  version: "1.0"
  description: softmax
equations:
  softmax: {formula: exp(x) / sum(exp(x))}
falsification_tests:
- id: F-1
  rule: sums to one
  if_fails: normalisation is wrong
"""


def edited(*edits: tuple[str, str], text: str = GOOD) -> str:
    """Return the text with each old part, which must stand in it once, replaced."""
    for old, new in edits:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


def loaded(text: str) -> Loaded:
    """Return what a text is read as."""
    return contract.load(text.encode(), "c.yaml")


def told(findings: tuple[Finding, ...] | list[Finding]) -> list[str]:
    """Return findings as a reader sees them, in the order of the file."""
    return [str(each) for each in sorted(findings, key=lambda each: (each.line, each.column))]
