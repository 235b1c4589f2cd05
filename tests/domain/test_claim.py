"""The claim hash: what evidence is evidence for, and what may change without it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain import bounds
from pvcheck.domain.claim import claim, claim_hash, inputs_of
from pvcheck.domain.contract import Contract, Expectation, Falsifier, Input
from pvcheck.domain.version import Version


def declared(name: str, sha256: str | None = "0" * 64) -> Input:
    """Return an input."""
    return Input(name=name, format="gguf", path=f"{name}.gguf", sha256=sha256, optional=False, route=("inputs", name))


FALSIFIER = Falsifier(
    id="F-1",
    route=("falsification_tests", 0),
    evaluator="chain",
    parameters={"model": "teacher", "layers": 3, "more": [1.5, {"deep": "other"}], "on": True, "off": None},
    expectations=(Expectation(metric="growth", bound=bounds.parse("< 18"), route=()),),
    status="PENDING",
)
CONTRACT = Contract(
    path="c.yaml",
    is_strict=True,
    id="C-1",
    version=Version(1, 0, 0),
    status="ACTIVE",
    inputs={name: declared(name) for name in ("teacher", "other", "unused")},
    falsifiers=(FALSIFIER,),
    stages=(),
    amendments=(),
    not_understood=(),
)


def hashed(falsifier: Falsifier = FALSIFIER, contract: Contract = CONTRACT) -> str:
    """Return the claim hash."""
    return claim_hash(claim(falsifier, contract))


def test_inputs_are_told_in_one_order():
    """By name, however the contract lists them."""
    assert next(iter(CONTRACT.inputs)) == "teacher"
    assert inputs_of(FALSIFIER, CONTRACT) == ("other", "teacher")


def test_the_claim_is_what_was_measured():
    """Id, evaluator, parameters as binary64, and the digests of the inputs that they name, at any depth."""
    assert claim(FALSIFIER, CONTRACT) == {
        "id": "F-1",
        "evaluator": "chain",
        "with": {
            "model": "teacher",
            "layers": ["number", "0x1.8000000000000p+1"],
            "more": ["list", ["number", "0x1.8000000000000p+0"], {"deep": "other"}],
            "on": True,
            "off": None,
        },
        "inputs": {"teacher": "0" * 64, "other": "0" * 64},
    }


def test_the_hash_is_the_same_everywhere():
    """The hash is that of the canonical text, so a change of the form would show here."""
    assert hashed() == "eca8ec76eed3d8045c4e4dd35a112eb16118e4aa36296dbda76b7653e181100a"


IN_IT = {
    "id": FALSIFIER._replace(id="F-2"),
    "evaluator": FALSIFIER._replace(evaluator="other"),
    "a parameter": FALSIFIER._replace(parameters={**FALSIFIER.parameters, "layers": 4}),
    "a flag": FALSIFIER._replace(parameters={**FALSIFIER.parameters, "on": 1}),
    "a parameter left out": FALSIFIER._replace(parameters={"model": "teacher"}),
}


@pytest.mark.parametrize("changed", IN_IT.values(), ids=IN_IT)
def test_what_is_measured_is_in_the_hash(changed):
    """Another claim needs other evidence."""
    assert hashed(changed) != hashed()


NOT_IN_IT = {
    "expect": FALSIFIER._replace(expectations=()),
    "status": FALSIFIER._replace(status="DISCHARGED"),
    "evidence": FALSIFIER._replace(evidence="sha256:" + "1" * 64),
    "place": FALSIFIER._replace(route=("falsification_tests", 7)),
    "3.0 for 3": FALSIFIER._replace(parameters={**FALSIFIER.parameters, "layers": 3.0}),
    "order of keys": FALSIFIER._replace(parameters=dict(reversed(FALSIFIER.parameters.items()))),
}


@pytest.mark.parametrize("changed", NOT_IN_IT.values(), ids=NOT_IN_IT)
def test_what_is_not_measured_is_not_in_the_hash(changed):
    """Bounds, words and status may change without a new measurement."""
    assert hashed(changed) == hashed()


@pytest.mark.parametrize(("name", "same"), [("teacher", False), ("other", False), ("unused", True)])
def test_the_declared_digest_of_a_named_input_counts(name, same):
    """Another file is another claim, but only for the falsifiers that name it."""
    inputs = {**CONTRACT.inputs, name: declared(name, None)}

    assert (hashed(contract=CONTRACT._replace(inputs=inputs)) == hashed()) is same


def test_the_path_of_an_input_is_not_in_the_hash():
    """A file may move: its digest says which one it is."""
    inputs = {**CONTRACT.inputs, "teacher": declared("teacher")._replace(path="elsewhere.gguf", optional=True)}

    assert hashed(contract=CONTRACT._replace(inputs=inputs)) == hashed()


def test_inputs_are_found_by_value_not_by_key():
    """A parameter's name is no mention of an input."""
    falsifier = FALSIFIER._replace(parameters={"unused": "teacher"})

    assert inputs_of(falsifier, CONTRACT) == ("teacher",)


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_integers_keep_every_digit(one, other):
    """Two integers have one hash only if they are one, also past the 53 bits of a binary64."""
    left, right = (hashed(FALSIFIER._replace(parameters={"n": each})) for each in (one, other))

    assert (left == right) is (one == other)
    assert hashed(FALSIFIER._replace(parameters={"n": 2**53 + 1})) != hashed(
        FALSIFIER._replace(parameters={"n": float(2**53 + 1)})
    )


def test_no_text_is_taken_for_a_number():
    """A number and the text that spells its hex are two claims."""
    texts = FALSIFIER._replace(parameters=FALSIFIER.parameters | {"layers": "0x1.8000000000000p+1"})

    assert hashed(texts) != hashed()


def test_a_contract_finds_its_falsifiers():
    """A falsifier is found by its id; another id finds none."""
    assert CONTRACT.falsifier("F-1") is FALSIFIER
    assert CONTRACT.falsifier("F-2") is None


def test_a_falsifier_without_evaluator_is_unbound():
    """An evaluator is what binds a falsifier."""
    assert FALSIFIER.is_bound
    assert not FALSIFIER._replace(evaluator=None).is_bound
