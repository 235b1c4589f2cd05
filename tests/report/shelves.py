"""Contracts in every state that a page can show, with records that nothing measured."""

from __future__ import annotations

from evidence.test_challenge_record import a_challenge, an_entry
from helpers import a_record, load

from pvcheck.domain.claim import claim
from pvcheck.domain.metric import MetricType
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric

CATALOGUE = {
    "evaluators": {
        "probe": {
            "parameters": {"type": "object"},
            "metrics": [
                {"name": "growth", "type": "f64", "doc": "last over first", "unit": "1", "series": False},
                {"name": "count", "type": "int", "doc": "how many", "unit": "count", "series": False},
                {"name": "steps", "type": "f64", "doc": "one a layer", "unit": "ulp", "series": True},
            ],
        }
    }
}

TEXT = """\
metadata:
  schema: 1
  id: C-NAME
  version: 1.1.0
  status: ACTIVE
  description: what it is about
falsification_tests:
- id: F-NAME-1
  rule: growth is bounded
  prediction: it stays below 18
  if_fails: the paths drift
  evaluator: probe
  with: {layers: 0-3}
  accept: {conditioning: 'the sum of layer 2 is known to cancel'}
  expect:
    growth: < 18
    steps: all < 0.5
  status: PENDING
- id: F-NAME-2
  rule: nobody measures this
  if_fails: nothing
  status: PROPOSED
amendments:
- version: 1.1.0
  date: 2026-11-22
  summary: the first measurement
  transitions:
  - {id: F-NAME-1, from: PENDING, to: DISCHARGED}
- version: 1.0.0
  date: 2026-11-21
"""

STEPS = (0.01, 0.02, 0.04, 0.08)


def hexed(value):
    """Return a float as records keep it."""
    return {"hex": float(value).hex(), "decimal": repr(float(value))}


def details(steps=STEPS, conditions=(5.0, 10.0, 2000.0, 20.0), **more):
    """Return what a chain of four layers reports beside its metrics."""
    return {
        "labels": [f"layer {each}" for each in range(len(steps))],
        "conditions": [
            {"metric": "steps", "position": at, "number": hexed(each), "backward_error": hexed(1e-4 * (at + 1))}
            for at, each in enumerate(conditions)
        ],
        "links": [{"position": at, "label": f"layer {at} to layer {at + 1}", "carry": hexed(0.01)} for at in range(3)],
        "ratios": [
            {
                "metric": "growth",
                "numerator": "steps of layer 3",
                "denominator": "steps of layer 0",
                "numerator_value": hexed(steps[-1]),
                "denominator_value": hexed(steps[0]),
            }
        ],
        "skipped": [{"what": "layer 9", "reason": "it is not there"}],
    } | more


def metrics(growth=8.0, steps=STEPS):
    """Return the metrics of such a chain."""
    return {
        "growth": Metric(MetricType.F64, growth),
        "count": Metric(MetricType.INT, 4),
        "steps": Metric(MetricType.F64, tuple(steps)),
    }


class Shelf:
    """Puts contracts into a project."""

    def __init__(self, root):
        self.root = root

    def put(self, name, text=TEXT):
        """Write a contract under a name, which its ids carry too."""
        path = self.root / "contracts" / f"{name.lower()}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name))
        return path

    def earn(self, name, text=TEXT, status="DISCHARGED", measured=None, **changes):
        """Write a contract whose first falsifier has a status and the record that earned it."""
        text = text.replace("NAME", name)
        words = {"details": details(), "inputs": {}} | changes
        record = a_record(load(text), metrics() if measured is None else measured, f"F-{name}-1", **words)
        path = self.put(
            name, text.replace("  status: PENDING", f"  status: {status}\n  evidence: {record.reference}", 1)
        )
        store.save(path, record)
        return path

    def challenge(self, name, text=TEXT, *, trials=(), is_there=True):
        """Write a contract whose first falsifier was challenged."""
        text = text.replace("NAME", name)
        contract = load(text).contract
        first = contract.falsifiers[0]
        entry = an_entry(*trials, falsifier=first.id, claim=claim(first, contract), inputs={})
        record = a_challenge(entry, contract=contract.id)
        told = f"challenge: {{min: 0.5, evidence: '{record.reference}'}}\nfalsification_tests:"
        path = self.put(name, text.replace("falsification_tests:", told))
        if is_there:
            store.save(path, record)
        return path
