"""Patterns of a contract: the numbers and bytes they make, and the ones that are refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from q4k.fixtures import F32, act, base_block, opened, q4k_file, same_bits, tensor

from pvcheck.plugin import Context, InputError, NotMeasured
from pvcheck_q4k import fixture_parameters as parameters
from pvcheck_q4k import generators

ACT = ({"plus": -128, "scale": 0.05}, {"modulo": 7, "scale": 0.01})
BASE = {"d": "003C", "dmin": "00B4", "scales": {"times": 7, "plus": 3}, "codes": {"times": 13, "plus": 17}}
TENSOR = BASE | {
    "scales": {"times": 7, "plus": 3, "per_row": 1, "per_tensor": 11},
    "codes": {"times": 13, "plus": 17, "per_row": 3, "per_tensor": 19},
}


def made(kind, values):
    """Return a parameter model from the values of a contract, as a worker reads them."""
    return kind.model_validate_json(json.dumps(values))


def terms(*values):
    """Return terms."""
    return tuple(made(parameters.Term, value) for value in values)


def one_by_one(number, count):
    """Return an array of float32 numbers made one at a time."""
    return np.array([number(i) for i in range(count)], F32)


@pytest.mark.parametrize("token", range(7))
def test_the_activation_is_the_recorded_one(token):
    """act(t): two terms, t added to the shift of the last one."""
    assert same_bits(generators.numbers(terms(*ACT), 256, token), act(token))


@pytest.mark.parametrize("number", range(5))
def test_the_tensors_are_the_recorded_ones(number):
    """256 rows of one super-block, every byte."""
    pattern = made(parameters.BlockPattern, TENSOR)

    assert (generators.super_blocks(pattern, 256, number) == tensor(number)).all()


def test_the_base_block_is_row_0_of_tensor_0():
    """Without per_row and per_tensor all rows are the base block."""
    pattern = made(parameters.BlockPattern, BASE)

    assert (generators.super_blocks(pattern, 3, 2) == np.repeat(base_block(), 3, axis=0)).all()


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ([{"modulo": 17, "shift": -8, "scale": 0.1}], lambda i: F32(i % 17 - 8) * F32(0.1)),
        ([{"times": 31, "modulo": 23, "shift": -11, "scale": 0.05}], lambda i: F32(31 * i % 23 - 11) * F32(0.05)),
        (
            [{"times": 0.7, "plus": -50, "scale": 0.05}, {"modulo": 11, "scale": 0.011}],
            lambda i: (F32(i) * F32(0.7) + F32(-50)) * F32(0.05) + F32(i % 11) * F32(0.011),
        ),
        ([{"times": -3, "plus": 1, "modulo": 5}], lambda i: F32((1 - 3 * i) % 5)),
    ],
    ids=["x of 005", "w of 005", "b of 006", "negative"],
)
def test_terms_are_computed_in_float32(values, number):
    """The formula, one number at a time."""
    assert same_bits(generators.numbers(terms(*values), 300), one_by_one(number, 300))


def test_a_sum_starts_with_its_first_term():
    """A negative zero stays one: nothing is added to a zero that nobody wrote."""
    assert np.signbit(generators.numbers(terms({"times": 0, "scale": -1.0}), 1))[0]


@given(times=st.integers(-50, 50), plus=st.integers(-50, 50), modulo=st.integers(1, 40), below=st.integers(0, 40))
def test_signs_are_those_of_the_remainder(times, plus, modulo, below):
    """+1 where (times i + plus) % modulo < below, else -1."""
    pattern = parameters.SignPattern(times=times, plus=plus, modulo=modulo, below=below)

    assert generators.signs(pattern, 40).tolist() == [
        1 if (times * i + plus) % modulo < below else -1 for i in range(40)
    ]


def block_of(values, data=None, **context):
    """Return the super-block that parameters name, from a model of bytes if there is one."""
    chosen = made(parameters.DecodeParameters, values)
    with opened(data or q4k_file({3: tensor(1)[:4]})) as source:
        raw, selection = generators.one_block(chosen, Context(inputs={"m": source}, **context))
        return raw.copy(), selection


def test_a_super_block_is_taken_from_a_model():
    """By the tensor's name and the super-block's number; the words say which."""
    raw, selection = block_of({"model": "m", "tensor": "blk.3.ffn_down.weight", "super_block": 2})

    assert (raw == tensor(1)[2:3]).all()
    assert selection == "256 weights of super-block 2 of blk.3.ffn_down.weight"


def test_a_super_block_is_made_by_a_pattern():
    """Row 0 of tensor 0."""
    raw, selection = block_of({"block": TENSOR})

    assert (raw == base_block()).all()
    assert selection == "256 weights of a super-block made by a pattern"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"model": "other", "tensor": "t"}, "there is no input named 'other'"),
        ({"model": "m", "tensor": "t"}, "there is no tensor 't'"),
        (
            {"model": "m", "tensor": "blk.3.ffn_down.weight", "super_block": 4},
            "tensor 'blk.3.ffn_down.weight' has 4 super-blocks, so none of number 4",
        ),
    ],
    ids=["input", "tensor", "number"],
)
def test_a_super_block_that_is_not_there_is_an_error(values, text):
    """The message names it."""
    with pytest.raises(InputError) as caught:
        block_of(values)

    assert str(caught.value) == text


def test_another_tensor_type_is_not_measured():
    """The reason names the type."""
    data = q4k_file({3: np.zeros((1, 210), np.uint8)}, kind=14)

    with pytest.raises(NotMeasured, match=r"^tensor 'blk\.3\.ffn_down\.weight' is Q6_K, not Q4_K$"):
        block_of({"model": "m", "tensor": "blk.3.ffn_down.weight"}, data)


PATHS, CHAINED = parameters.PathsParameters, parameters.ChainedParameters
MATMUL = {"inputs": 2, "outputs": 2, "activation": [{}], "weights": [{}], "chunks": [1]}


@pytest.mark.parametrize(
    ("kind", "values", "text"),
    [
        (parameters.Term, {"times": 0.5, "modulo": 3}, "modulo and shift need times to be a whole number"),
        (parameters.Term, {"times": 0.5, "shift": 3}, "modulo and shift need times to be a whole number"),
        (parameters.Term, {"scale": "0.1"}, "scale"),
        (parameters.Term, {"timse": 1}, "timse"),
        (parameters.BlockPattern, BASE | {"d": 3}, "valid string"),
        (parameters.BlockPattern, BASE | {"d": "3C"}, "pattern"),
        (parameters.DecodeParameters, {}, "give a block or a model, one of the two"),
        (parameters.DecodeParameters, {"block": BASE, "model": "m"}, "give a block or a model, one of the two"),
        (parameters.DecodeParameters, {"model": "m"}, "a model needs a tensor, and a tensor a model"),
        (parameters.DecodeParameters, {"block": BASE, "tensor": "t"}, "a model needs a tensor, and a tensor a model"),
        (parameters.DecodeParameters, {"block": BASE, "super_block": 1}, "super_block needs a model"),
        (PATHS, {"block": BASE, "activation": []}, "at least 1"),
        (
            CHAINED,
            {"block": BASE, "tensors": 1, "tokens": 2, "activation": [{"times": 0.5}]},
            "several tokens need a last term whose times is a whole number",
        ),
        (parameters.ReductionParameters, {"length": 12, "left": [{}], "right": [{}]}, "multiple of 8"),
        (
            parameters.MatmulParameters,
            MATMUL | {"inputs": 4096, "outputs": 4096},
            "inputs x outputs x rows must be at most 4194304",
        ),
        (
            parameters.MatmulParameters,
            MATMUL | {"threads": [1], "repeats": 1},
            "there must be two runs or more, else nothing is compared",
        ),
        (
            parameters.SoftmaxParameters,
            {"logits": [1, 2], "position": 2, "change": 0.1},
            "position must be below 2, the number of logits, got 2",
        ),
        (
            parameters.SoftmaxParameters,
            {"logits": [0, 0.0], "position": 0, "change": 0.1},
            "a logit must differ from 0",
        ),
    ],
)
def test_parameters_that_do_not_fit_are_refused(kind, values, text):
    """Each refusal says what must be."""
    with pytest.raises(ValidationError, match=text):
        made(kind, values)


def test_the_schema_marks_the_input():
    """The JSON schema says which parameter names an input of the contract."""
    assert PATHS.model_json_schema()["properties"]["model"]["x-pv-input"] is True
