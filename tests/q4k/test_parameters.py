"""What a contract may write under ``with``, and what it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pvcheck_q4k.parameters import ChainParameters, layer_numbers, tensor_name

GOOD = {"model": "teacher", "tensor": "blk.{layer}.ffn_down.weight", "layers": "0-27"}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3", (0, 1, 2, 3)), ("0,2,5-8", (0, 2, 5, 6, 7, 8)), ("7", (7,)), (7, (7,)), ("5-5", (5,)), ("00-01", (0, 1))],
)
def test_layers_are_numbers_and_ranges(text, numbers):
    """A text of layers names each of them."""
    parameters = ChainParameters.model_validate(GOOD | {"layers": text})

    assert layer_numbers(parameters.layers) == numbers


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ("", "pattern"),
        ("a", "pattern"),
        ("1-", "pattern"),
        ("1 ,2", "pattern"),
        ("-1", "pattern"),
        ("1\n", "pattern"),
        ("\u0661", "pattern"),
        (-1, "greater than or equal to 0"),
        (65536, "less than or equal to 65535"),
        (True, "layers"),
        (1.0, "layers"),
        ("3-1", "a range of layers must ascend, got 3-1"),
        ("1,1", "layers must ascend and stand once, got 1 after 1"),
        ("0-5,3", "got 3 after 5"),
        ("65536", "a layer must be at most 65535, got 65536"),
        ("0-4096", "at most 4096 layers"),
        ("0-99999", "at most 65535"),
    ],
)
def test_layers_that_do_not_ascend_or_fit_are_refused(layers, text):
    """Each refusal says what must be."""
    with pytest.raises(ValidationError, match=text):
        ChainParameters.model_validate(GOOD | {"layers": layers})


def test_4096_layers_are_the_most():
    """The largest selection is accepted."""
    assert len(layer_numbers("0-4095")) == 4096


@given(numbers=st.lists(st.integers(0, 65_535), min_size=1, max_size=40, unique=True).map(sorted))
def test_any_ascending_numbers_come_back(numbers):
    """Law: writing ascending numbers with commas and reading them is the identity."""
    assert layer_numbers(",".join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize("change", [{"tensor": "blk.0.weight"}, {"propagation": "rms"}, {"extra": 1}, {"model": 1}])
def test_another_shape_is_refused(change):
    """A tensor without {layer}, another propagation and an unknown key are errors."""
    with pytest.raises(ValidationError):
        ChainParameters.model_validate(GOOD | change)


def test_the_tensor_pattern_is_replaced_as_text():
    """Braces other than {layer} stay as they are: a contract cannot reach str.format."""
    assert tensor_name("{0.__class__}%s.{layer}.{layer}", 3) == "{0.__class__}%s.3.3"


def test_the_schema_marks_the_input():
    """The JSON schema says which parameter names an input of the contract."""
    assert ChainParameters.model_json_schema()["properties"]["model"]["x-pv-input"] is True
