"""What every change of a contract weighs, in both directions, and the sentence that tells it."""

from __future__ import annotations

import json

import pytest
from helpers import CONTRACT, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.bounds import parse
from pvcheck.domain.difference import same
from pvcheck.domain.metric import MetricType
from pvcheck.domain.version import Change, Version
from pvcheck.rules.weights import differences, due, needed

MAJOR, MINOR, PATCH, NONE = Change.MAJOR, Change.MINOR, Change.PATCH, Change.NONE

OURS = CONTRACT.replace(
    "amendments: []\n",
    """\
proof_obligations:
- {id: O-1, type: invariant, property: norm is one, formal: "|x| = 1", tolerance: 1e-6, applies_to: all}
- {id: O-2, type: bound, property: growth stays small}
gates:
- {name: speed, tolerance: 5, wanted: 3}
amendments:
- version: 1.2.3
  date: 2026-11-22
""",
)

UPSTREAM = """\
metadata: {version: '1.0', description: x}
equations:
  softmax: {formula: exp(x) / sum(exp(x)), domain: R^n, invariants: [sums to one], tolerance: 1e-5}
  plain: x + y
proof_obligations:
- {type: invariant, property: norm is one, tolerance: 1e-6, lean: {theorem: T, status: sorry}}
- {type: bound, property: growth stays small}
kani_harnesses:
- {id: K-1, obligation: O-1, bound: 8, strategy: exhaustive, harness: verify_norm}
falsification_tests:
- {rule: the norm is one, if_fails: x, test: cargo test norm, tolerance: 0.1}
qa_gate: {checks: [a, b]}
"""

F1, F2 = ("falsification_tests", 0), ("falsification_tests", 1)

EDITS = {
    # what is measured
    "bound": (
        "growth: < 18",
        "growth: < 20",
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from < 18 to < 20", (*F1, "expect", "growth")),
        (MINOR, "bound-tightened", "F-1", "the bound of growth tightened from < 20 to < 18", (*F1, "expect", "growth")),
    ),
    "bounds in a list": (
        "growth: < 18",
        "growth: ['> 1', < 18]",
        (MINOR, "bound-tightened", "F-1", "the bound of growth tightened from < 18 to > 1 and < 18"),
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from > 1 and < 18 to < 18"),
    ),
    "bound that is another": (
        "growth: < 18",
        "growth: in [2, 19]",
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from < 18 to in [2, 19]"),
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from in [2, 19] to < 18"),
    ),
    "bound spelt anew": (
        "growth: < 18",
        "growth: <18.0",
        (PATCH, "prose", "F-1", "the bound of growth is spelt anew: <18.0 in place of < 18"),
        (PATCH, "prose", "F-1", "the bound of growth is spelt anew: < 18 in place of <18.0"),
    ),
    "bound that nobody can read": (
        "growth: < 18",
        "growth: around 18",
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from < 18 to around 18"),
        (MAJOR, "bound-weakened", "F-1", "the bound of growth weakened from around 18 to < 18"),
    ),
    "metric": (
        "    growth: < 18\n",
        "",
        (MAJOR, "bound-weakened", "F-1", "the bound of growth was removed: < 18", (*F1, "expect")),
        (MINOR, "bound-tightened", "F-1", "growth is bounded: < 18", (*F1, "expect", "growth")),
    ),
    "empty list of bounds": (
        "growth: < 18",
        "growth: < 18\n    norm: []",
        (PATCH, "prose", "F-1", "expect.norm was added"),
        (PATCH, "prose", "F-1", "expect.norm was removed"),
    ),
    "evaluator removed": (
        "  evaluator: probe\n",
        "",
        (MAJOR, "unbound", "F-1", 'the evaluator "probe" was removed, so nothing measures it', F1),
        (MINOR, "bound-to-evaluator", "F-1", 'bound to the evaluator "probe"', (*F1, "evaluator")),
    ),
    "evaluator": (
        "evaluator: probe",
        "evaluator: other",
        (MAJOR, "evaluator", "F-1", 'evaluator changed from "probe" to "other"'),
        (MAJOR, "evaluator", "F-1", 'evaluator changed from "other" to "probe"'),
    ),
    "parameter": (
        "layers: 0-3",
        "layers: 0-1",
        (MAJOR, "parameter", "F-1", 'parameter layers changed from "0-3" to "0-1"', (*F1, "with", "layers")),
        (MAJOR, "parameter", "F-1", 'parameter layers changed from "0-1" to "0-3"', (*F1, "with", "layers")),
    ),
    "parameter that is a number now": (
        "layers: 0-3",
        "layers: 2.50",
        (MAJOR, "parameter", "F-1", 'parameter layers changed from "0-3" to 2.5'),
        (MAJOR, "parameter", "F-1", 'parameter layers changed from 2.5 to "0-3"'),
    ),
    "block of a parameter": (
        "layers: 0-3",
        "layers: 0-3, block: {d: [1, 2.5]}",
        (MAJOR, "parameter", "F-1", "parameter block was added"),
        (MAJOR, "parameter", "F-1", "parameter block was removed"),
    ),
    "all parameters": (
        "  with: {model: model, layers: 0-3}\n",
        "",
        [
            (MAJOR, "parameter", "F-1", 'parameter model was removed: "model"', F1),
            (MAJOR, "parameter", "F-1", 'parameter layers was removed: "0-3"', F1),
        ],
        [
            (MAJOR, "parameter", "F-1", 'parameter model was added: "model"', (*F1, "with", "model")),
            (MAJOR, "parameter", "F-1", 'parameter layers was added: "0-3"', (*F1, "with", "layers")),
        ],
    ),
    "parameters become nothing": (
        "with: {model: model, layers: 0-3}",
        "with: 3",
        [
            (MAJOR, "parameter", "F-1", 'parameter model was removed: "model"', (*F1, "with")),
            (MAJOR, "parameter", "F-1", 'parameter layers was removed: "0-3"', (*F1, "with")),
        ],
        [
            (MAJOR, "parameter", "F-1", 'parameter model was added: "model"', (*F1, "with", "model")),
            (MAJOR, "parameter", "F-1", 'parameter layers was added: "0-3"', (*F1, "with", "layers")),
        ],
    ),
    "bound at last": (
        "  rule: nobody measures this\n",
        "  rule: nobody measures this\n  evaluator: probe\n  with: {model: model}\n  expect: {growth: < 3}\n",
        [
            (MINOR, "bound-to-evaluator", "F-2", 'bound to the evaluator "probe"', (*F2, "evaluator")),
            (MINOR, "parameter", "F-2", 'parameter model was added: "model"', (*F2, "with", "model")),
            (MINOR, "bound-tightened", "F-2", "growth is bounded: < 3", (*F2, "expect", "growth")),
        ],
        [
            (MAJOR, "unbound", "F-2", 'the evaluator "probe" was removed, so nothing measures it', F2),
            (MAJOR, "parameter", "F-2", 'parameter model was removed: "model"', F2),
            (MAJOR, "bound-weakened", "F-2", "the bound of growth was removed: < 3", F2),
        ],
    ),
    "expectations that nothing measures": (
        "  rule: nobody measures this\n",
        "  rule: nobody measures this\n  with: {model: model}\n  expect: {growth: < 3}\n",
        [
            (PATCH, "prose", "F-2", 'with.model was added: "model"', (*F2, "with", "model")),
            (PATCH, "prose", "F-2", 'expect.growth was added: "< 3"', (*F2, "expect", "growth")),
        ],
        [
            (PATCH, "prose", "F-2", 'with.model was removed: "model"', F2),
            (PATCH, "prose", "F-2", 'expect.growth was removed: "< 3"', F2),
        ],
    ),
    "falsifier": (
        "- id: F-2\n  rule: nobody measures this\n  status: PROPOSED\n",
        "",
        (MAJOR, "falsifier-removed", "F-2", 'the falsifier was removed: "nobody measures this"', F1[:1]),
        (MINOR, "falsifier-added", "F-2", 'the falsifier was added: "nobody measures this"', F2),
    ),
    "falsifier without a rule": (
        "implementation_stages:\n",
        "- {id: F-3}\nimplementation_stages:\n",
        (MINOR, "falsifier-added", "F-3", "the falsifier was added"),
        (MAJOR, "falsifier-removed", "F-3", "the falsifier was removed"),
    ),
    "id of a falsifier": (
        "- id: F-2",
        "- id: F-9",
        [
            (MAJOR, "falsifier-removed", "F-2", 'the falsifier was removed: "nobody measures this"', F1[:1]),
            (MINOR, "falsifier-added", "F-9", 'the falsifier was added: "nobody measures this"', F2),
        ],
        None,
    ),
    "status": (
        "  status: PENDING\n- id: F-2",
        "  status: DISCHARGED\n  evidence: sha256:" + "1" * 64 + "\n- id: F-2",
        [
            (MINOR, "status", "F-1", 'status moved from "PENDING" to "DISCHARGED"', (*F1, "status")),
            (PATCH, "evidence", "F-1", 'evidence was added: "sha256:11111111…"', (*F1, "evidence")),
        ],
        [
            (PATCH, "evidence", "F-1", 'evidence was removed: "sha256:11111111…"', F1),
            (MINOR, "status", "F-1", 'status moved from "DISCHARGED" to "PENDING"', (*F1, "status")),
        ],
    ),
    "status that was not there": (
        "  rule: nobody measures this\n  status: PROPOSED\n",
        "  rule: nobody measures this\n",
        (MINOR, "status", "F-2", 'status "PROPOSED" was removed'),
        (MINOR, "status", "F-2", 'status "PROPOSED" was added'),
    ),
    "evidence that is prose": (
        "  status: PROPOSED\n",
        "  status: PROPOSED\n  evidence: somebody saw it\n",
        (PATCH, "prose", "F-2", 'evidence was added: "somebody saw it"'),
        (PATCH, "prose", "F-2", 'evidence was removed: "somebody saw it"'),
    ),
    "prose": (
        "rule: growth is bounded",
        "rule: growth is small",
        (PATCH, "prose", "F-1", 'rule changed from "growth is bounded" to "growth is small"', (*F1, "rule")),
        (PATCH, "prose", "F-1", 'rule changed from "growth is small" to "growth is bounded"', (*F1, "rule")),
    ),
    # inputs
    "input that is measured": (
        "path: model.bin",
        "path: other.bin",
        (MAJOR, "input", "model", 'path of the input changed from "model.bin" to "other.bin"'),
        (MAJOR, "input", "model", 'path of the input changed from "other.bin" to "model.bin"'),
    ),
    "input that is measured, pinned": (
        "path: model.bin",
        "path: model.bin\n    sha256: " + "a" * 64,
        (MINOR, "input", "model", f'sha256 of the input was added: "{"a" * 59}…"'),
        (MAJOR, "input", "model", f'sha256 of the input was removed: "{"a" * 59}…"'),
    ),
    "input that may be absent": (
        "path: model.bin",
        "path: model.bin\n    optional: true",
        (MAJOR, "input", "model", "the input may be absent now", ("inputs", "model", "optional")),
        (MINOR, "input", "model", "the input must be there now", ("inputs", "model")),
    ),
    "input that must be there, said": (
        "path: model.bin",
        "path: model.bin\n    optional: false",
        (PATCH, "input", "model", "optional was added: false"),
        (PATCH, "input", "model", "optional was removed: false"),
    ),
    "input that nobody measures": (
        "falsification_tests:",
        "  spare: {format: gguf, path: a.bin}\nfalsification_tests:",
        (MINOR, "input", "spare", "the input was added", ("inputs", "spare")),
        (MINOR, "input", "spare", "the input was removed", ("inputs",)),
    ),
    "input of another form": (
        "  model:\n    format: gguf\n    path: model.bin\n",
        "  model: gguf\n",
        (MAJOR, "input", "model", 'the input changed from {"format": "gguf", "path": "model.bin"} to "gguf"'),
        (MAJOR, "input", "model", 'the input changed from "gguf" to {"format": "gguf", "path": "model.bin"}'),
    ),
    "all inputs": (
        "inputs:\n  model:\n    format: gguf\n    path: model.bin\n",
        "",
        (MAJOR, "input", "model", "the input was removed", ()),
        (MINOR, "input", "model", "the input was added", ("inputs", "model")),
    ),
    # stages
    "stage": (
        "- id: M-1\n",
        "- {id: M-0, status: PENDING}\n- id: M-1\n",
        (MINOR, "stage-added", "M-0", "the stage was added", ("implementation_stages", 0)),
        (MAJOR, "stage-removed", "M-0", "the stage was removed", ("implementation_stages",)),
    ),
    "acceptance": (
        "expected_acceptance: [F-1]",
        "expected_acceptance: [F-1, F-2, F-3]",
        (MINOR, "acceptance", "M-1", 'expected_acceptance gained "F-2" and "F-3"'),
        (MAJOR, "acceptance", "M-1", 'expected_acceptance lost "F-2" and "F-3"'),
    ),
    "acceptance exchanged": (
        "expected_acceptance: [F-1]",
        "expected_acceptance: [F-2]",
        [
            (MAJOR, "acceptance", "M-1", 'expected_acceptance lost "F-1"'),
            (MINOR, "acceptance", "M-1", 'expected_acceptance gained "F-2"'),
        ],
        None,
    ),
    "no acceptance": (
        "  expected_acceptance: [F-1]\n",
        "",
        (MAJOR, "acceptance", "M-1", 'expected_acceptance lost "F-1"'),
        (MINOR, "acceptance", "M-1", 'expected_acceptance gained "F-1"'),
    ),
    "acceptance said twice": (
        "expected_acceptance: [F-1]",
        "expected_acceptance: [F-1, F-1]",
        (PATCH, "order", "M-1", "expected_acceptance is in another order"),
        (PATCH, "order", "M-1", "expected_acceptance is in another order"),
    ),
    "acceptance that is a text": (
        "expected_acceptance: [F-1]",
        "expected_acceptance: F-1",
        (PATCH, "prose", "M-1", 'expected_acceptance changed from ["F-1"] to "F-1"'),
        (PATCH, "prose", "M-1", 'expected_acceptance changed from "F-1" to ["F-1"]'),
    ),
    "status of a stage": (
        "[F-1]\n  status: PENDING",
        "[F-1]\n  status: SHIPPED",
        (MINOR, "status", "M-1", 'status moved from "PENDING" to "SHIPPED"'),
        (MINOR, "status", "M-1", 'status moved from "SHIPPED" to "PENDING"'),
    ),
    "prose of a stage": (
        "- id: M-1\n",
        "- id: M-1\n  description: the first\n",
        (PATCH, "prose", "M-1", 'description was added: "the first"'),
        (PATCH, "prose", "M-1", 'description was removed: "the first"'),
    ),
    # metadata
    "version": (
        "version: 1.2.3\n  status",
        "version: 1.2.4\n  status",
        (NONE, "version", "C-TEST", 'version changed from "1.2.3" to "1.2.4"', ("metadata", "version")),
        (NONE, "version", "C-TEST", 'version changed from "1.2.4" to "1.2.3"', ("metadata", "version")),
    ),
    "id": (
        "id: C-TEST",
        "id: C-OTHER",
        (MAJOR, "id", "C-OTHER", 'the id of the contract changed from "C-TEST" to "C-OTHER"', ("metadata", "id")),
        (MAJOR, "id", "C-TEST", 'the id of the contract changed from "C-OTHER" to "C-TEST"', ("metadata", "id")),
    ),
    "schema": (
        "  schema: 1\n",
        "",
        (MAJOR, "schema-dropped", "C-TEST", "metadata.schema was dropped: no strict rule holds any more"),
        (MINOR, "schema-added", "C-TEST", "metadata.schema was added: strict rules hold now"),
    ),
    "another schema": (
        "schema: 1",
        "schema: 2",
        (MAJOR, "schema-dropped", "C-TEST", "metadata.schema changed from 1 to 2"),
        (MAJOR, "schema-dropped", "C-TEST", "metadata.schema changed from 2 to 1"),
    ),
    "status of the contract": (
        "status: ACTIVE",
        "status: DISCHARGED",
        (MINOR, "status", "C-TEST", 'status moved from "ACTIVE" to "DISCHARGED"', ("metadata", "status")),
        (MINOR, "status", "C-TEST", 'status moved from "DISCHARGED" to "ACTIVE"', ("metadata", "status")),
    ),
    "dependencies": (
        "status: ACTIVE",
        "status: ACTIVE\n  depends_on: [C-BASE]",
        (MINOR, "added", "C-TEST", 'depends_on gained "C-BASE"'),
        (MINOR, "removed", "C-TEST", 'depends_on lost "C-BASE"'),
    ),
    "description": (
        "status: ACTIVE",
        "status: ACTIVE\n  description: what it is",
        (PATCH, "prose", "C-TEST", 'metadata.description was added: "what it is"'),
        (PATCH, "prose", "C-TEST", 'metadata.description was removed: "what it is"'),
    ),
    # the history
    "amendment": (
        "amendments:\n",
        "amendments:\n- version: 1.3.0\n  date: 2026-12-01\n",
        (NONE, "amendments", "C-TEST", "amendment 1.3.0 was added", ("amendments", 0)),
        (NONE, "amendments", "C-TEST", "amendment 1.3.0 was removed", ("amendments",)),
    ),
    "amendment edited": (
        "date: 2026-11-22",
        "date: 2026-11-23",
        (NONE, "amendments", "C-TEST", "amendment 1.2.3 was edited", ("amendments", 0, "date")),
        (NONE, "amendments", "C-TEST", "amendment 1.2.3 was edited", ("amendments", 0, "date")),
    ),
    "list of amendments": (
        "amendments:\n- version: 1.2.3\n  date: 2026-11-22\n",
        "amendments: []\n",
        (NONE, "amendments", "C-TEST", "amendment 1.2.3 was removed", ("amendments",)),
        (NONE, "amendments", "C-TEST", "amendment 1.2.3 was added", ("amendments", 0)),
    ),
    # upstream's sections in a contract of ours
    "tolerance": (
        "tolerance: 1e-6",
        "tolerance: 1e+6",
        (
            MAJOR,
            "tolerance-loosened",
            "C-TEST",
            'tolerance of the obligation "norm is one" loosened from 1e-06 to 1e+06',
            ("proof_obligations", 0, "tolerance"),
        ),
        (
            MINOR,
            "tolerance-tightened",
            "C-TEST",
            'tolerance of the obligation "norm is one" tightened from 1e+06 to 1e-06',
        ),
    ),
    "statement beside a formula": (
        "norm is one",
        "norm is 1",
        (PATCH, "prose", "C-TEST", 'property of the obligation "norm is 1" changed from "norm is one" to "norm is 1"'),
        (
            PATCH,
            "prose",
            "C-TEST",
            'property of the obligation "norm is one" changed from "norm is 1" to "norm is one"',
        ),
    ),
    "statement without a formula": (
        "property: growth stays small",
        "property: growth is finite",
        (
            MAJOR,
            "formal",
            "C-TEST",
            'property of the obligation "growth is finite" changed from "growth stays small" to "growth is finite"',
        ),
        None,
    ),
    "where it applies": (
        "applies_to: all",
        "applies_to: scalar",
        (MAJOR, "formal", "C-TEST", 'applies_to of the obligation "norm is one" changed from "all" to "scalar"'),
        (MINOR, "formal", "C-TEST", 'applies_to of the obligation "norm is one" changed from "scalar" to "all"'),
    ),
    "block that nobody knows": (
        "wanted: 3",
        "wanted: 4",
        (PATCH, "prose", "C-TEST", "gates.speed.wanted changed from 3 to 4"),
        (PATCH, "prose", "C-TEST", "gates.speed.wanted changed from 4 to 3"),
    ),
    "tolerance in a block that nobody knows": (
        "tolerance: 5",
        "tolerance: 7",
        (MAJOR, "tolerance-loosened", "C-TEST", "tolerance of gates.speed loosened from 5 to 7"),
        (MINOR, "tolerance-tightened", "C-TEST", "tolerance of gates.speed tightened from 7 to 5"),
    ),
    # what the guards and planted faults say
    "a warning is accepted": (
        "    count: '>= 4'\n",
        "    count: '>= 4'\n  accept: {carry: order means nothing}\n",
        (MINOR, "accepted", "F-1", 'what the guard carry says is accepted: "order means nothing"'),
        (MINOR, "accepted", "F-1", "what the guard carry says is accepted no longer"),
    ),
    "a bound without verdict is accepted": (
        "    count: '>= 4'\n",
        "    count: '>= 4'\n  accept: {conditioning: bounded by hand}\n",
        (MAJOR, "accepted", "F-1", 'what the guard conditioning says is accepted: "bounded by hand"'),
        (MINOR, "accepted", "F-1", "what the guard conditioning says is accepted no longer"),
    ),
    "a score is demanded": (
        "proof_obligations:",
        "challenge: {min: 0.9}\nproof_obligations:",
        (MINOR, "bound-tightened", "C-TEST", "the score that planted faults must reach was added: 0.9"),
        (MAJOR, "bound-weakened", "C-TEST", "the score that planted faults must reach was removed: 0.9"),
    ),
    "a challenge is recorded": (
        "proof_obligations:",
        f"challenge: {{evidence: {'sha256:' + '4c' * 32}}}\nproof_obligations:",
        (PATCH, "evidence", "C-TEST", 'the record of the challenge was added: "sha256:4c4c4c4c…"'),
        (PATCH, "evidence", "C-TEST", 'the record of the challenge was removed: "sha256:4c4c4c4c…"'),
    ),
}


def told(before, after):
    """Return the changes between two texts as tuples."""
    return [tuple(each) for each in differences(load(before), load(after))]


def assert_told(found, wanted):
    """Compare changes with those that are wanted; a place that is not given may be any."""
    wanted = [wanted] if isinstance(wanted, tuple) else wanted
    assert [each[: len(want)] for each, want in zip(found, wanted, strict=True)] == wanted


def rows(edits, way):
    """Return the edits of a table with what they are told as in one direction."""
    return [pytest.param(*each[:2], each[way], id=name) for name, each in edits.items() if each[way] is not None]


@pytest.mark.parametrize(("old", "new", "wanted"), rows(EDITS, 2))
def test_an_edit_weighs_what_it_takes_back_or_adds(old, new, wanted):
    """Weight, kind, whom it is about, the sentence, and where it stands."""
    assert old in OURS

    assert_told(told(OURS, OURS.replace(old, new, 1)), wanted)


@pytest.mark.parametrize(("old", "new", "wanted"), rows(EDITS, 3))
def test_an_edit_undone_weighs_what_the_way_back_does(old, new, wanted):
    """What was a weakening is a tightening, what came goes, what is a matter of taste stays one."""
    assert_told(told(OURS.replace(old, new, 1), OURS), wanted)


FIRST = UPSTREAM.replace("  plain: x + y\n", "").replace("softmax", "norm")
ABOUT = "c"
"""A file without an id is told by its name."""

UPSTREAM_EDITS = {
    "formula": (
        "formula: exp(x) / sum(exp(x))",
        "formula: exp(x)",
        (MAJOR, "formal", ABOUT, 'formula of the equation "softmax" changed from "exp(x) / sum(exp(x))" to "exp(x)"'),
        (MAJOR, "formal", ABOUT, 'formula of the equation "softmax" changed from "exp(x)" to "exp(x) / sum(exp(x))"'),
    ),
    "domain": (
        "domain: R^n, ",
        "",
        (MAJOR, "formal", ABOUT, 'domain of the equation "softmax" was removed: "R^n"', ("equations", "softmax")),
        (MAJOR, "formal", ABOUT, 'domain of the equation "softmax" was added: "R^n"'),
    ),
    "codomain": (
        "domain: R^n,",
        "domain: R^n, codomain: '[0, 1]^n',",
        (MINOR, "formal", ABOUT, 'codomain of the equation "softmax" was added: "[0, 1]^n"'),
        (MAJOR, "formal", ABOUT, 'codomain of the equation "softmax" was removed: "[0, 1]^n"'),
    ),
    "invariants": (
        "[sums to one]",
        "[sums to one, keeps order]",
        (
            MINOR,
            "formal",
            ABOUT,
            'invariants of the equation "softmax" changed from ["sums to one"] to ["sums to one", "keeps order"]',
        ),
        (
            MAJOR,
            "formal",
            ABOUT,
            'invariants of the equation "softmax" changed from ["sums to one", "keeps order"] to ["sums to one"]',
        ),
    ),
    "tolerance of an equation": (
        "tolerance: 1e-5",
        "tolerance: 1e-4",
        (MAJOR, "tolerance-loosened", ABOUT, 'tolerance of the equation "softmax" loosened from 1e-05 to 0.0001'),
        (MINOR, "tolerance-tightened", ABOUT, 'tolerance of the equation "softmax" tightened from 0.0001 to 1e-05'),
    ),
    "tolerance removed": (
        ", tolerance: 1e-6",
        "",
        (MAJOR, "tolerance-loosened", ABOUT, 'tolerance of the obligation "norm is one" was removed: 1e-06'),
        (MINOR, "added", ABOUT, 'tolerance of the obligation "norm is one" was added: 1e-06'),
    ),
    "tolerance in words": (
        "tolerance: 1e-6",
        "tolerance: small",
        (
            MAJOR,
            "tolerance-loosened",
            ABOUT,
            'tolerance of the obligation "norm is one" changed from 1e-06 to "small", which cannot be compared',
        ),
        None,
    ),
    "tolerance that is no number": (
        "tolerance: 1e-6",
        "tolerance: .nan",
        (
            MAJOR,
            "tolerance-loosened",
            ABOUT,
            'tolerance of the obligation "norm is one" changed from 1e-06 to ".nan", which cannot be compared',
        ),
        None,
    ),
    "tolerance as text": (
        "tolerance: 1e-6",
        "tolerance: '0.000001'",
        (PATCH, "prose", ABOUT, 'tolerance of the obligation "norm is one" is spelt anew: "0.000001"'),
        None,
    ),
    "tolerance that is true": (
        "tolerance: 1e-6",
        "tolerance: true",
        (
            MAJOR,
            "tolerance-loosened",
            ABOUT,
            'tolerance of the obligation "norm is one" changed from 1e-06 to true, which cannot be compared',
        ),
        None,
    ),
    "tolerance in parts": (
        "tolerance: 1e-6",
        "tolerance: {rel: 1e-6}",
        (
            MAJOR,
            "tolerance-loosened",
            ABOUT,
            'tolerance of the obligation "norm is one" changed from 1e-06 to {"rel": 1e-06}, which cannot be compared',
        ),
        None,
    ),
    "tolerance of a falsifier": (
        "tolerance: 0.1}",
        "tolerance: 0.2}",
        (MAJOR, "tolerance-loosened", "falsification_tests[0]", "tolerance loosened from 0.1 to 0.2"),
        (MINOR, "tolerance-tightened", "falsification_tests[0]", "tolerance tightened from 0.2 to 0.1"),
    ),
    "equation": (
        "  plain: x + y\n",
        "",
        (MAJOR, "removed", ABOUT, 'the equation "plain" was removed', ("equations",)),
        (MINOR, "added", ABOUT, 'the equation "plain" was added', ("equations", "plain")),
    ),
    "equation that is a text": (
        "plain: x + y",
        "plain: x - y",
        (MAJOR, "formal", ABOUT, 'the equation "plain" changed from "x + y" to "x - y"'),
        (MAJOR, "formal", ABOUT, 'the equation "plain" changed from "x - y" to "x + y"'),
    ),
    "obligation": (
        "- {type: bound, property: growth stays small}\n",
        "",
        (MAJOR, "removed", ABOUT, 'the obligation "growth stays small" was removed', ("proof_obligations",)),
        (MINOR, "added", ABOUT, 'the obligation "growth stays small" was added', ("proof_obligations", 1)),
    ),
    "id of an obligation": (
        "{type: bound, property: growth stays small}",
        "{id: O-2, type: bound, property: growth stays small}",
        (PATCH, "prose", ABOUT, 'id of the obligation "growth stays small" was added: "O-2"'),
        (PATCH, "prose", ABOUT, 'id of the obligation "growth stays small" was removed: "O-2"'),
    ),
    "type of an obligation": (
        "type: bound",
        "type: invariant",
        [
            (MAJOR, "removed", ABOUT, 'the obligation "growth stays small" was removed'),
            (MINOR, "added", ABOUT, 'the obligation "growth stays small" was added'),
        ],
        None,
    ),
    "proof": (
        "status: sorry",
        "status: proved",
        (MINOR, "status", ABOUT, 'lean.status of the obligation "norm is one" changed from "sorry" to "proved"'),
        (MINOR, "status", ABOUT, 'lean.status of the obligation "norm is one" changed from "proved" to "sorry"'),
    ),
    "harness": (
        "- {id: K-1, obligation: O-1, bound: 8, strategy: exhaustive, harness: verify_norm}\n",
        "- {id: K-1, obligation: O-1, bound: 8, strategy: exhaustive, harness: verify_norm}\n- {id: K-2}\n",
        (MINOR, "added", ABOUT, 'the harness "K-2" was added', ("kani_harnesses", 1)),
        (MAJOR, "removed", ABOUT, 'the harness "K-2" was removed', ("kani_harnesses",)),
    ),
    "bound of a harness": (
        "bound: 8",
        "bound: 4",
        (MAJOR, "formal", ABOUT, 'bound of the harness "K-1" changed from 8 to 4'),
        (MINOR, "formal", ABOUT, 'bound of the harness "K-1" changed from 4 to 8'),
    ),
    "bound of a harness removed": (
        "bound: 8, ",
        "",
        (MAJOR, "formal", ABOUT, 'bound of the harness "K-1" was removed: 8'),
        (MINOR, "formal", ABOUT, 'bound of the harness "K-1" was added: 8'),
    ),
    "bound of a harness in words": (
        "bound: 8",
        "bound: eight",
        (MAJOR, "formal", ABOUT, 'bound of the harness "K-1" changed from 8 to "eight"'),
        (MAJOR, "formal", ABOUT, 'bound of the harness "K-1" changed from "eight" to 8'),
    ),
    "strategy": (
        "strategy: exhaustive",
        "strategy: stub_float",
        (MAJOR, "formal", ABOUT, 'strategy of the harness "K-1" changed from "exhaustive" to "stub_float"'),
        None,
    ),
    "what a harness checks": (
        "obligation: O-1",
        "obligation: O-2",
        (MAJOR, "formal", ABOUT, 'obligation of the harness "K-1" changed from "O-1" to "O-2"'),
        None,
    ),
    "name of a harness": (
        "verify_norm",
        "verify_the_norm",
        (PATCH, "prose", ABOUT, 'harness of the harness "K-1" changed from "verify_norm" to "verify_the_norm"'),
        None,
    ),
    "test of a falsifier": (
        "test: cargo test norm",
        "test: cargo test",
        (PATCH, "prose", "falsification_tests[0]", 'test changed from "cargo test norm" to "cargo test"'),
        None,
    ),
    "evaluator that nothing runs": (
        "test: cargo test norm",
        "test: cargo test norm, evaluator: probe",
        (PATCH, "prose", "falsification_tests[0]", 'evaluator was added: "probe"'),
        (PATCH, "prose", "falsification_tests[0]", 'evaluator was removed: "probe"'),
    ),
    "gate": (
        "checks: [a, b]",
        "checks: [a]",
        (PATCH, "prose", ABOUT, 'qa_gate.checks changed from ["a", "b"] to ["a"]'),
        (PATCH, "prose", ABOUT, 'qa_gate.checks changed from ["a"] to ["a", "b"]'),
    ),
    "inputs that nothing measures": (
        "qa_gate:",
        "inputs: {model: x}\nqa_gate:",
        (PATCH, "prose", "model", 'inputs.model was added: "x"'),
        (PATCH, "prose", "model", 'inputs.model was removed: "x"'),
    ),
    "history that is not ours": (
        "qa_gate:",
        "amendments: [{version: '1.0', date: x}]\nqa_gate:",
        None,
        (PATCH, "prose", ABOUT, "amendments.1.0 was removed"),
    ),
}


@pytest.mark.parametrize(("old", "new", "wanted"), rows(UPSTREAM_EDITS, 2))
def test_an_edit_of_an_upstream_contract_weighs_too(old, new, wanted):
    """Equations, obligations, harnesses and tolerances have weights, though nothing here proves them."""
    assert old in UPSTREAM

    assert_told(told(UPSTREAM, UPSTREAM.replace(old, new, 1)), wanted)


@pytest.mark.parametrize(("old", "new", "wanted"), rows(UPSTREAM_EDITS, 3))
def test_an_edit_of_an_upstream_contract_undone(old, new, wanted):
    """The way back weighs what the way back takes or adds."""
    assert_told(told(UPSTREAM.replace(old, new, 1), UPSTREAM), wanted)


WITH = "  with: {model: model, layers: 0-3}"
PINNED = "sha256: " + "a" * 64
PAIRS = {
    "the same bytes in another place": (
        OURS.replace("path: model.bin", f"path: model.bin\n    {PINNED}"),
        OURS.replace("path: model.bin", f"path: other.bin\n    {PINNED}"),
        (PATCH, "input", "model", 'path of the input changed from "model.bin" to "other.bin"'),
    ),
    "order in a parameter": (
        OURS.replace(WITH, "  with: {parts: [{id: a}, {id: b}]}"),
        OURS.replace(WITH, "  with: {parts: [{id: b}, {id: a}]}"),
        (MAJOR, "parameter", "F-1", "the items of parameter parts are in another order", (*F1, "with", "parts")),
    ),
    "parameters that were never a table": (
        OURS.replace(WITH, "  with: 3"),
        OURS.replace(WITH, "  with: 4"),
        (MAJOR, "parameter", "F-1", "with changed from 3 to 4", (*F1, "with")),
    ),
    "dependencies in words": (
        OURS.replace("  status: ACTIVE\n", "  status: ACTIVE\n  depends_on: [{a: 1}]\n"),
        OURS.replace("  status: ACTIVE\n", "  status: ACTIVE\n  depends_on: [{a: 1}, {b: 2}]\n"),
        (MINOR, "added", "C-TEST", "depends_on[1] was added", ("metadata", "depends_on", 1)),
    ),
    "dependencies in fewer words": (
        OURS.replace("  status: ACTIVE\n", "  status: ACTIVE\n  depends_on: [{a: 1}, {b: 2}]\n"),
        OURS.replace("  status: ACTIVE\n", "  status: ACTIVE\n  depends_on: [{a: 1}]\n"),
        (MINOR, "removed", "C-TEST", "depends_on[1] was removed", ("metadata", "depends_on")),
    ),
    "an id at last": (
        UPSTREAM,
        UPSTREAM.replace("description: x", "description: x, id: C-X"),
        (MINOR, "id", "C-X", 'the id of the contract was added: "C-X"', ("metadata", "id")),
    ),
    "falsifiers in another order": (
        CONTRACT,
        CONTRACT.replace("- id: F-2\n  rule: nobody measures this\n  status: PROPOSED\n", "").replace(
            "falsification_tests:\n",
            "falsification_tests:\n- id: F-2\n  rule: nobody measures this\n  status: PROPOSED\n",
        ),
        (PATCH, "order", "C-TEST", "the items of falsification_tests are in another order", F1[:1]),
    ),
    "no list of amendments": (
        CONTRACT,
        CONTRACT.replace("amendments: []\n", ""),
        (NONE, "amendments", "C-TEST", "the list of amendments was removed", ()),
    ),
    "equations as a list": (
        "metadata: {version: '1'}\nequations: {sm: {formula: x}}\n",
        "metadata: {version: '1'}\nequations: [{id: sm, formula: x}]\n",
        [
            (MAJOR, "removed", "c", 'the equation "sm" was removed', ("equations", 0)),
            (MINOR, "added", "c", 'the equation "sm" was added', ("equations", 0)),
        ],
    ),
    "sections that never had parts": (
        "metadata: {version: '1'}\nequations: {}\nkani_harnesses: []\n",
        "metadata: {version: '1'}\nequations: []\n",
        [
            (PATCH, "prose", "c", "kani_harnesses was removed", ()),
            (PATCH, "prose", "c", "equations changed from {} to []", ("equations",)),
        ],
    ),
    "obligations that were never items": (
        "metadata: {version: '1'}\nproof_obligations: [a]\n",
        "metadata: {version: '1'}\nproof_obligations: [b]\n",
        (PATCH, "prose", "c", 'proof_obligations changed from ["a"] to ["b"]', ("proof_obligations",)),
    ),
    "an equation in prose": (
        "metadata: {version: '1'}\nequations: {sm: {formula: x, note: a}}\n",
        "metadata: {version: '1'}\nequations: {sm: {formula: x, note: b}}\n",
        (PATCH, "prose", "c", 'note of the equation "sm" changed from "a" to "b"', ("equations", "sm", "note")),
    ),
    "an equation that is called a tolerance": (
        "metadata: {version: '1'}\nequations: {my_tolerance: {note: a}}\n",
        "metadata: {version: '1'}\nequations: {my_tolerance: {note: b}}\n",
        (PATCH, "prose", "c", 'note of the equation "my_tolerance" changed from "a" to "b"'),
    ),
    "a tolerance of the whole file": (
        "metadata: {version: '1'}\ntolerance: 1\n",
        "metadata: {version: '1'}\ntolerance: 2\n",
        (MAJOR, "tolerance-loosened", "c", "tolerance of the contract loosened from 1 to 2", ("tolerance",)),
    ),
    "a tolerance that is no number, as text": (
        "metadata: {version: '1'}\nlimits: {abs_tolerance: 'nan'}\n",
        "metadata: {version: '1'}\nlimits: {abs_tolerance: '2'}\n",
        (
            MAJOR,
            "tolerance-loosened",
            "c",
            'abs_tolerance of limits changed from "nan" to "2", which cannot be compared',
        ),
    ),
    "falsifiers that were never items": (
        "metadata: {version: '1'}\nfalsification_tests: [a]\ninputs: 3\n",
        "metadata: {version: '1'}\nfalsification_tests: [b]\ninputs: 4\n",
        [
            (PATCH, "prose", "c", 'falsification_tests changed from ["a"] to ["b"]', ("falsification_tests",)),
            (PATCH, "prose", "c", "inputs changed from 3 to 4", ("inputs",)),
        ],
    ),
    "a tolerance inside an item of an unknown list": (
        "metadata: {version: '1'}\nproof_obligations: [{id: O, limits: {tolerance: {rel: 1}}}]\n",
        "metadata: {version: '1'}\nproof_obligations: [{id: O, limits: {tolerance: {rel: 2}}}]\n",
        (MAJOR, "tolerance-loosened", "c", 'limits.tolerance.rel of the obligation "O" loosened from 1 to 2'),
    ),
}


@pytest.mark.parametrize(("before", "after", "wanted"), PAIRS.values(), ids=PAIRS)
def test_unlike_files_are_compared_all_the_same(before, after, wanted):
    """Other orders, other forms, and sections that hold what they should not."""
    assert_told(told(before, after), wanted)


def test_an_upstream_contract_that_becomes_ours_and_back():
    """Between the two kinds every change is told, and a falsifier is bound by the schema line alone."""
    ours = UPSTREAM.replace("version: '1.0'", "schema: 1, id: C-X, version: 1.0.0").replace("{rule:", "{id: F-1, rule:")

    forth, back = told(UPSTREAM, ours), told(ours, UPSTREAM)

    assert [(each[0], each[1]) for each in forth] == [
        (MINOR, "schema-added"),
        (MINOR, "id"),
        (NONE, "version"),
        (PATCH, "prose"),
    ]
    assert [(each[0], each[1], each[3]) for each in back] == [
        (MAJOR, "schema-dropped", "metadata.schema was dropped: no strict rule holds any more"),
        (MAJOR, "id", 'the id of the contract was removed: "C-X"'),
        (NONE, "version", 'version changed from "1.0.0" to "1.0"'),
        (PATCH, "prose", 'id was removed: "F-1"'),
    ]


@pytest.mark.parametrize(("least", "weight"), [("0.8", MAJOR), ("0.95", MINOR)])
def test_a_lower_score_is_a_weakening(least, weight):
    """What is demanded of planted faults is a bound like others."""
    before = OURS.replace("proof_obligations:", "challenge: {min: 0.9}\nproof_obligations:")

    assert [each[0] for each in told(before, before.replace("0.9", least))] == [weight]


def test_a_challenge_in_an_upstream_file_is_prose():
    """Nothing there is challenged."""
    assert [each[:2] for each in told(UPSTREAM, UPSTREAM + "challenge: {min: 0.9}\n")] == [(PATCH, "prose")]


def test_another_reason_to_accept_is_prose():
    """It is the same that is accepted."""
    before = OURS.replace("    count: '>= 4'\n", "    count: '>= 4'\n  accept: {carry: order means nothing}\n")

    assert [each[:2] for each in told(before, before.replace("nothing}", "little}"))] == [(PATCH, "prose")]


def test_changes_stand_in_the_order_of_the_new_file():
    """A reader goes through the file once."""
    new = OURS.replace("growth: < 18", "growth: < 20").replace("C-TEST", "C-OTHER").replace("wanted: 3", "wanted: 4")

    assert [each[1] for each in told(OURS, new)] == ["id", "bound-weakened", "prose"]


LONG = {
    "long texts": ("a" * 80 + "x" + "b" * 40, "a" * 80 + "y" + "b" * 40),
    "one longer than the other": ("a" * 80, "a" * 81),
}


@pytest.mark.parametrize(("before", "after"), LONG.values(), ids=LONG)
def test_of_long_texts_the_part_that_differs_is_told(before, after):
    """Two values that differ never look the same in a message."""
    (found,) = told(CONTRACT.replace("growth is bounded", before), CONTRACT.replace("growth is bounded", after))

    old, new = found[3].removeprefix("rule changed from ").split(" to ")
    assert old != new
    assert max(len(old), len(new)) <= 62
    assert old.startswith('"…aaaa')


def test_foreign_text_is_escaped():
    """No id, key or value moves a cursor or starts a line."""
    text = (
        'metadata: {version: "1", "k\\n::error": "a\\nb"}\ngates: {"\\n": 1}\nequations: {"\\n::error": {formula: x}}\n'
    )
    new = text.replace('"a\\nb"', '"b\\n"').replace('n": 1', 'n": 2').replace("formula: x", "formula: y")

    messages = [each[3] for each in told(text, new)]

    assert messages == [
        'metadata.k\\n::error changed from "a\\nb" to "b\\n"',
        "gates.\\n changed from 1 to 2",
        'formula of the equation "\\n::error" changed from "x" to "y"',
    ]


# --- what follows ---


OF_ALL_WEIGHTS = CONTRACT[CONTRACT.index("  id: C-TEST") : CONTRACT.index("    count:")]


@pytest.mark.parametrize(
    ("edit", "change", "version"),
    [
        pytest.param(("growth: < 18", "growth: < 20"), MAJOR, "2.0.0", id="major"),
        pytest.param(("growth: < 18", "growth: < 17"), MINOR, "1.3.0", id="minor"),
        pytest.param(("growth is bounded", "growth is small"), PATCH, "1.2.4", id="patch"),
        pytest.param(
            (OF_ALL_WEIGHTS, OF_ALL_WEIGHTS.replace("18", "17").replace("C-TEST", "C-X")), MAJOR, "2.0.0", id="several"
        ),
        pytest.param(("version: 1.2.3", "version: 1.2.9"), NONE, "1.2.3", id="none"),
    ],
)
def test_the_heaviest_change_says_which_version_is_due(edit, change, version):
    """The lowest version that the changes allow."""
    weighed = differences(load(CONTRACT), load(CONTRACT.replace(*edit)))

    assert needed(weighed) is change
    assert str(due(Version.parse("1.2.3"), weighed)) == version


def test_nothing_weighs_nothing():
    """No change needs no version."""
    assert needed(()) is NONE
    assert due(Version(1, 2, 3), ()) == Version(1, 2, 3)


# --- laws ---

bound = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, 4)),
    st.just("nonsense"),
)
falsifier = st.fixed_dictionaries(
    {"id": st.sampled_from(["F-1", "F-2", "F-3"])},
    optional={
        "evaluator": st.sampled_from(["probe", "other"]),
        "with": st.dictionaries(st.sampled_from(["model", "layers"]), st.sampled_from(["model", 1, 2.5]), max_size=2),
        "expect": st.dictionaries(st.sampled_from(["growth", "norm"]), st.one_of(bound, st.lists(bound, max_size=2))),
        "status": st.sampled_from(["PENDING", "DISCHARGED"]),
        "rule": st.sampled_from(["a", "b"]),
    },
)
item = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["A", "B"]),
        "type": st.sampled_from(["bound", "invariant"]),
        "property": st.sampled_from(["p", "q"]),
        "formal": st.sampled_from(["x", "y"]),
        "tolerance": st.sampled_from([1e-6, 1e6, "small", None]),
        "bound": st.integers(0, 3),
        "status": st.sampled_from(["a", "b"]),
    },
)
metadata = st.fixed_dictionaries(
    {"version": st.sampled_from(["1.0.0", "2.0.0"])},
    optional={"schema": st.just(1), "id": st.sampled_from(["C-A", "C-B"]), "depends_on": st.lists(st.just("C-C"))},
)
contracts = st.fixed_dictionaries(
    {"metadata": metadata},
    optional={
        "falsification_tests": st.lists(falsifier, max_size=3, unique_by=lambda each: each["id"]),
        "implementation_stages": st.lists(
            st.fixed_dictionaries(
                {"id": st.sampled_from("MN"), "expected_acceptance": st.lists(st.sampled_from("FG"))}
            ),
            max_size=2,
        ),
        "inputs": st.dictionaries(st.just("model"), st.fixed_dictionaries({"path": st.sampled_from("ab")})),
        "proof_obligations": st.lists(item, max_size=3),
        "kani_harnesses": st.lists(item, max_size=2),
        "equations": st.one_of(st.dictionaries(st.sampled_from("ef"), item, max_size=2), st.lists(item, max_size=2)),
        "amendments": st.lists(st.fixed_dictionaries({"version": st.sampled_from(["1.0.0", "2.0.0"])}), max_size=2),
        "gates": st.lists(item, max_size=2),
    },
)


@given(contracts, contracts)
def test_nothing_vanishes_and_nothing_is_made_up(before, after):
    """There is a change exactly where the files differ, and all stand in the order of the new file."""
    one, other = load(json.dumps(before)), load(json.dumps(after))

    found = differences(one, other)

    assert bool(found) is not same(one.instance, other.instance)
    starts = [other.document.node(each.route).start for each in found]
    assert starts == sorted(starts)
    assert all(each.change is not NONE or each.kind in {"version", "amendments"} for each in found)
    assert differences(one, one) == ()


@given(st.lists(bound, max_size=3), st.lists(bound, max_size=3), st.integers(-1, 5))
def test_a_weakened_bound_is_never_called_anything_else(before, after, number):
    """Where a number is accepted now and was refused before, the change is major and says so."""
    texts = [CONTRACT.replace("growth: < 18", f"growth: {json.dumps(each)}") for each in (before, after)]

    found = differences(*map(load, texts))

    def takes(bounds):
        return all(each != "nonsense" and parse(each).accepts(number, MetricType.INT) for each in bounds)

    if takes(after) and not takes(before) and "nonsense" not in before:
        assert [(each.change, each.kind) for each in found] == [(MAJOR, "bound-weakened")]
