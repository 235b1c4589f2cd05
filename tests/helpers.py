"""Small contracts and records that several test modules build on."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pvcheck.domain import bounds
from pvcheck.domain.claim import claim
from pvcheck.domain.metric import MetricType
from pvcheck.evidence.record import Metric, Record, judge
from pvcheck.loading import contract as loading

if TYPE_CHECKING:
    from pvcheck.loading.contract import Loaded

CONTRACT = """\
metadata:
  schema: 1
  id: C-TEST
  version: 1.2.3
  status: ACTIVE
inputs:
  model:
    format: gguf
    path: model.bin
falsification_tests:
- id: F-1
  rule: growth is bounded
  evaluator: probe
  with: {model: model, layers: 0-3}
  expect:
    growth: < 18
    count: '>= 4'
  status: PENDING
- id: F-2
  rule: nobody measures this
  status: PROPOSED
implementation_stages:
- id: M-1
  expected_acceptance: [F-1]
  status: PENDING
amendments: []
"""

METRICS = {"growth": Metric(MetricType.F64, 1.5), "count": Metric(MetricType.INT, 4)}


EXCERPT = re.compile(r" *[0-9]* \|.*\n")


def without_excerpts(out: str) -> str:
    """Return an output without the sources of its findings."""
    return EXCERPT.sub("", out)


def load(text: str = CONTRACT, path: str = "c.yaml") -> Loaded:
    """Return a contract that was read from text."""
    return loading.load(text.encode(), path)


def a_record(loaded: Loaded, metrics: dict[str, Metric] | None = None, name: str = "F-1", **changes: object) -> Record:
    """Return a record about a falsifier of a contract, judged under its bounds."""
    contract = loaded.contract
    assert contract is not None
    falsifier = contract.falsifier(name)
    assert falsifier is not None
    measured = METRICS if metrics is None else metrics
    judged, outcome = judge(measured, [(each.metric, each.bound) for each in falsifier.expectations])
    values: dict[str, object] = {
        "contract": contract.id,
        "falsifier": name,
        "claim": claim(falsifier, contract),
        "outcome": outcome,
        "metrics": measured,
        "judged": judged,
        "details": {"labels": ["layer 0"]},
        "guards": [],
        "inputs": {"model": {"read_sha256": "0" * 64, "ranges": [[0, 4]], "size": 4, "sha256": "1" * 64}},
        "made_by": {"evaluator": "probe"},
        "made_at": {"started": "2026-11-22T00:00:00+00:00", "seconds": 0.1, "host": "here"},
    }
    return Record(**(values | changes))  # type: ignore[arg-type]


def bound(text: str) -> bounds.Bound:
    """Return a bound."""
    return bounds.parse(text)


def commands_in(text: str) -> list[str]:
    """Return the lines of a log that a CI system would take for commands, by the rules of several such systems."""
    marks = re.compile(r"\s*::|.*##[\w.-]*\[")
    return [line for line in re.split(r"\r\n|\r|\n", text) if marks.match(line)]


def untraced(**more: str) -> dict[str, str]:
    """Return an environment in which nobody measures coverage, for a process that is timed, killed or interrupted.

    Coverage takes a lock for each file that it sees first. An interrupt that falls between taking and releasing it
    leaves it taken: the process waits for itself for ever, which no process of a user does.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE_", "COV_"))}
    return kept | more
