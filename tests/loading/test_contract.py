"""From text to a contract: what is read, what is left out, and what a scalar means at its place."""

from __future__ import annotations

import pytest
from loading.texts import GOOD, UPSTREAM, edited, loaded, told

from pvcheck.domain import bounds
from pvcheck.domain.contract import (
    Amendment,
    BoundChange,
    Dependency,
    Expectation,
    Falsifier,
    Input,
    Renewal,
    Stage,
    Transition,
)
from pvcheck.domain.version import Version
from pvcheck.errors import ContractError, Severity

REFERENCE = "sha256:" + "4c" * 32


def test_a_good_contract_is_read_whole():
    """Every part of a contract of ours arrives, with its route."""
    result = loaded(GOOD)

    contract = result.contract
    assert result.findings == ()
    assert contract is not None
    assert (contract.path, contract.id, contract.version, contract.status) == (
        "c.yaml",
        "C-1",
        Version(1, 10, 0),
        "ACTIVE",
    )
    assert contract.is_strict
    assert contract.inputs == {
        "teacher": Input(
            name="teacher",
            format="gguf",
            path="teachers/small.gguf",
            sha256=None,
            optional=False,
            route=("inputs", "teacher"),
        )
    }
    first = ("falsification_tests", 0)
    assert contract.falsifiers == (
        Falsifier(
            id="F-1",
            route=first,
            evaluator="chain",
            parameters={"model": "teacher", "layers": "0-27", "scale": 0.001},
            expectations=(
                Expectation(metric="growth", bound=bounds.parse("< 18"), route=(*first, "expect", "growth")),
                Expectation(metric="errors", bound=bounds.parse("all < 10%"), route=(*first, "expect", "errors", 0)),
                Expectation(metric="errors", bound=bounds.parse("max < 20%"), route=(*first, "expect", "errors", 1)),
            ),
            status="PENDING",
            evidence=None,
        ),
        Falsifier(id="F-2", route=("falsification_tests", 1), parameters={}),
    )
    assert contract.stages == (Stage(id="S-1", status="PENDING", accepts=("F-1",), route=("implementation_stages", 0)),)
    assert contract.amendments == ()
    assert contract.not_understood == ()


def test_an_upstream_file_has_no_semantics_of_ours():
    """Without ``metadata.schema`` nothing is bound, whatever keys the file has."""
    keys = "\n  evaluator: chain\n  with: {a: 1}\n  expect: {growth: < 18}\n  status: DISCHARGED\n"
    blocks = "inputs: {teacher: 5}\namendments: [{version: x}]\n"
    text = edited(("\n  if_fails: normalisation is wrong\n", "\n  if_fails: x" + keys + blocks), text=UPSTREAM)

    result = loaded(text)

    contract = result.contract
    assert contract is not None
    assert not contract.is_strict
    assert result.findings == ()
    assert (contract.inputs, contract.amendments, contract.version) == ({}, (), None)
    falsifier = contract.falsifiers[0]
    assert (falsifier.evaluator, falsifier.parameters, falsifier.expectations) == (None, {}, ())
    assert falsifier.status == "DISCHARGED"
    assert contract.not_understood == (
        "falsification_tests[0].evaluator",
        "falsification_tests[0].with",
        "falsification_tests[0].expect",
        "inputs",
        "amendments",
    )


# --- dependencies ---

ABOUT = ("metadata", "depends_on")
DEPENDING = {
    "none": ("", ()),
    "a list": (
        "  depends_on: [a, 'b (parent)']\n",
        (Dependency("a", (*ABOUT, 0)), Dependency("b (parent)", (*ABOUT, 1))),
    ),
    "not a text": ("  depends_on: [a, 5, {id: b}, c]\n", (Dependency("a", (*ABOUT, 0)), Dependency("c", (*ABOUT, 3)))),
    "at the top": ("depends_on: [a]\n", (Dependency("a", ("depends_on", 0)),)),
    "a text at the top": ("depends_on: a\n", (Dependency("a", ("depends_on",)),)),
    "a block at the top": ("depends_on: {a: b}\n", ()),
    "both": (
        "  depends_on: [a]\ndepends_on: [b]\n",
        (Dependency("a", (*ABOUT, 0)), Dependency("b", ("depends_on", 0))),
    ),
}


@pytest.mark.parametrize(("lines", "found"), DEPENDING.values(), ids=DEPENDING)
def test_dependencies_are_read_under_metadata_and_beside_it(lines, found):
    """Each with its place; what is no text names no contract."""
    text = edited(("  description: softmax\n", "  description: softmax\n" + lines), text=UPSTREAM)

    contract = loaded(text).contract

    assert contract is not None
    assert contract.depends_on == found


# --- evidence ---

EVIDENCE = {
    "directly after the status": (f"  status: PENDING\n  evidence: {REFERENCE}\n", REFERENCE),
    "quoted": (f"  status: PENDING\n  evidence: '{REFERENCE}'\n", REFERENCE),
    "one key later": (f"  status: PENDING\n  if_fails: x\n  evidence: {REFERENCE}\n", None),
    "before the status": (f"  evidence: {REFERENCE}\n  status: PENDING\n", None),
    "prose": ("  status: PENDING\n  evidence: see the commit\n", None),
    "a block": ("  status: PENDING\n  evidence: {commit: abc}\n", None),
    "upper-case digits": (f"  status: PENDING\n  evidence: {REFERENCE.replace('c', 'C')}\n", None),
    "none": ("  status: PENDING\n", None),
}


@pytest.mark.parametrize(("lines", "evidence"), EVIDENCE.values(), ids=EVIDENCE)
def test_evidence_counts_directly_after_the_status(lines, evidence):
    """A reference of ours stands where the tool put it; anything else is prose."""
    text = edited(("    errors: [all < 10%, max < 20%]\n  status: PENDING\n", "    errors: max < 20%\n" + lines))

    contract = loaded(text).contract

    assert contract is not None
    assert contract.falsifiers[0].evidence == evidence


def test_a_falsifier_without_status_has_no_evidence():
    """Evidence supports a status, so without one there is nothing to support."""
    contract = loaded(edited(("rule: not measured yet", f"evidence: {REFERENCE}"))).contract

    assert contract is not None
    assert contract.falsifiers[1].evidence is None


# --- scalars ---


def test_scalars_mean_what_the_schema_asks_for():
    """``1.10`` is text where text is asked for; in blocks that nobody knows the core schema decides."""
    extra = (
        "created: 2026-11-22\n  author: no\n  registry: false\n"
        "notes: {tolerance: 1e-5, day: 2026-11-22, quoted: '1', empty: , big: 0.1}\n"
    )
    result = loaded(edited(("status: ACTIVE\n", f"status: ACTIVE\n  {extra}")))

    assert result.findings == ()
    assert result.contract is not None
    assert result.contract.version == Version(1, 10, 0)
    assert result.contract.not_understood == ("notes",)


def test_parameters_follow_the_core_schema():
    """Under ``with``, words are resolved as YAML 1.2 has it."""
    block = "{a: 1e-5, b: 0-27, c: 2026-11-22, d: true, e: '3', f: 3, g: , h: [1, {i: .5}]}"
    contract = loaded(edited(("{model: teacher, layers: 0-27, scale: 1e-3}", block))).contract

    assert contract is not None
    assert contract.falsifiers[0].parameters == {
        "a": 1e-5,
        "b": "0-27",
        "c": "2026-11-22",
        "d": True,
        "e": "3",
        "f": 3,
        "g": None,
        "h": [1, {"i": 0.5}],
    }


def test_a_word_that_yaml_versions_disagree_about_is_refused_where_no_text_is_asked_for():
    """``no`` as an author is text; under ``with`` it is refused at its place."""
    result = loaded(edited(("scale: 1e-3", "scale: no")))

    assert told(result.findings) == [
        'c.yaml:14:47: PV131 value must be true, false or quoted text, got "no"',
    ]


# --- bounds ---


def test_a_bound_that_is_none_is_told_at_its_place():
    """Each bad bound is a finding, and the good ones stay."""
    result = loaded(edited(("growth: < 18", "growth: 18"), ("max < 20%]", "max 20]")))

    assert told(result.findings) == [
        'c.yaml:16:13: PV301 not a bound: "18"',
        'c.yaml:17:25: PV301 not a bound: "max 20"',
    ]
    assert result.findings[0].hint == "write == 18"
    assert result.contract is not None
    assert [each.bound.text for each in result.contract.falsifiers[0].expectations] == ["all < 0.1"]


@pytest.mark.parametrize(
    ("bound", "finding"),
    [
        ("''", "c.yaml:16:13: PV205 the value must be of at least 1 characters, got 0"),
        ("< 1" + "0" * 198, "c.yaml:16:13: PV205 the value must be of at most 200 characters, got 201"),
        ("", "c.yaml:16:5: PV202 the value must be text or a list, got nothing"),
        ("{a: 1}", "c.yaml:16:13: PV202 the value must be text or a list, got a block of keys"),
        ("[< 3, [< 2]]", "c.yaml:16:19: PV202 the value must be text, got a list"),
    ],
    ids=["empty text", "too long", "nothing", "block", "list in a list"],
)
def test_what_cannot_be_a_bound_is_told_once(bound, finding):
    """A value is looked at in the form it was meant for, and one place has one finding."""
    result = loaded(edited(("growth: < 18", f"growth: {bound}")))

    assert told(result.findings) == [finding]


# --- amendments ---

AMENDED = """\
amendments:
- version: 1.10.0
  date: 2026-11-22
  transitions:
  - {id: F-1, to: PENDING}
  bounds:
  - {id: F-1, metric: growth, from: ['< 17'], to: ['< 18']}
  - {id: F-1, metric: errors, to: [all < 10%]}
  renewed:
  - {id: F-2, evidence: sha256:4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c}
- version: 1.9.0
  date: 2026-11-21
  summary: the first one
"""


def test_amendments_are_read_with_their_changes_of_bounds():
    """An amendment owns up to bounds that were changed on purpose."""
    result = loaded(edited(("amendments: []\n", AMENDED)))

    assert result.findings == ()
    assert result.contract is not None
    assert result.contract.amendments == (
        Amendment(
            version=Version(1, 10, 0),
            date="2026-11-22",
            bounds=(
                BoundChange(id="F-1", metric="growth", before=("< 17",), after=("< 18",)),
                BoundChange(id="F-1", metric="errors", before=(), after=("all < 10%",)),
            ),
            route=("amendments", 0),
            transitions=(Transition(id="F-1", before=None, after="PENDING", evidence=None),),
            renewals=(Renewal(id="F-2", evidence=REFERENCE),),
        ),
        Amendment(
            version=Version(1, 9, 0),
            date="2026-11-21",
            bounds=(),
            route=("amendments", 1),
            summary="the first one",
        ),
    )


def test_an_amendment_with_a_bound_that_is_none_is_told():
    """The bounds of an amendment are compared later, so they must be bounds."""
    result = loaded(edited(("amendments: []\n", AMENDED.replace("'< 18'", "soon").replace("'< 17'", "'< 17', 3"))))

    assert told(result.findings) == [
        'c.yaml:31:46: PV301 not a bound: "3"',
        'c.yaml:31:55: PV301 not a bound: "soon"',
    ]
    assert result.contract is not None
    assert result.contract.amendments[0].bounds[0] == BoundChange(id="F-1", metric="growth", before=("< 17",), after=())


# --- what is no contract ---


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("bindings: []\n", "it is a binding registry", "leave it out of the paths"),
        ("a: 1\ntensors: []\n", "it is a publish manifest", "leave it out of the paths"),
        ("repos: []\n", "it is a pre-commit configuration", "leave it out of the paths"),
        ("metadatas: {}\n", "it has no metadata", "start it with 'metadata:', id and version"),
    ],
    ids=["bindings", "tensors", "repos", "anything"],
)
def test_another_kind_of_file_is_named(text, what, hint):
    """A file without metadata is told for what it probably is, and nothing more is said of it."""
    with pytest.raises(ContractError) as caught:
        loaded(text)

    assert str(caught.value) == f"c.yaml:1:1: PV206 not a contract: {what}"
    assert caught.value.findings[0].hint == hint


def test_metadata_that_is_no_block_is_a_finding():
    """A broken shape is reported, and no contract is made of it."""
    result = loaded("metadata: 5\n")

    assert result.contract is None
    assert told(result.findings) == ["c.yaml:1:11: PV202 the value must be a block of keys, got 5"]


def test_a_schema_number_of_the_future_is_refused():
    """Rules that this version does not know are not guessed."""
    result = loaded(edited(("schema: 1\n", "schema: 2\n")))

    assert told(result.findings) == ["c.yaml:2:11: PV204 the value must be 1, got 2"]


@pytest.mark.parametrize("value", ["true", "'1'", "1.0"])
def test_only_the_number_1_marks_a_contract_as_ours(value):
    """True and text are not the number 1; 1.0 is."""
    result = loaded(edited(("schema: 1\n", f"schema: {value}\n")))

    assert [each.code for each in result.findings] == ([] if value == "1.0" else ["PV202", "PV204"])


def test_text_that_is_no_yaml_is_an_error():
    """What cannot be trusted is not interpreted at all."""
    with pytest.raises(ContractError, match=r"PV118"):
        loaded(GOOD + "metadata: {}\n")


def test_misses_in_an_upstream_file_are_warnings():
    """We name what upstream drops, and do not fail its file for it."""
    result = loaded(edited(("equations:", "obligations: []\nequations:"), text=UPSTREAM))

    assert told(result.findings) == [
        'c.yaml:4:1: PV207 the key "obligations" is not known here and is near "proof_obligations"'
    ]
    assert result.findings[0].severity is Severity.WARNING
    assert result.contract is not None
