"""What a contract may write under ``with`` of the chains that carry, and what it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from q4k.chain_models import made

from pvcheck_q4k.chain_parameters import FfnChainParameters, MatvecChainParameters, row_spans

MATVEC = {"model": "m", "tensor": "blk.{layer}.attn_output.weight", "layers": "0-27"}
FFN = {"model": "m", "layers": "0-27"}


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("0-255,1024", [(0, 256), (1024, 1025)]),
        ("7", [(7, 8)]),
        (7, [(7, 8)]),
        ("0-1,2-3", [(0, 2), (2, 4)]),
        ("16777215", [(16777215, 16777216)]),
    ],
)
def test_rows_are_numbers_and_ranges(text, spans):
    """A text of rows names ranges, half open."""
    parameters = made(MatvecChainParameters, MATVEC | {"cover": "rows", "rows": text})

    assert parameters.rows == text
    assert row_spans(text) == tuple(spans)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ("", "pattern"),
        ("1-", "pattern"),
        ("1, 2", "pattern"),
        ("1\n", "pattern"),
        (-1, "greater than or equal to 0"),
        (1 << 24, "less than or equal to 16777215"),
        (True, "rows"),
        ("3-1", "a range of rows must ascend, got 3-1"),
        ("1,1", "rows must ascend and stand once, got 1 after 1"),
        ("0-5,3", "rows must ascend and stand once, got 3 after 5"),
        ("16777216", "a row must be at most 16777215, got 16777216"),
        ("0-16777216", "a row must be at most 16777215, got 16777216"),
        (",".join(str(n) for n in range(0, 8194, 2)), "there must be at most 4096 ranges of rows, got 4097"),
    ],
)
def test_rows_that_do_not_ascend_or_fit_are_refused(rows, text):
    """Each refusal says what must be."""
    with pytest.raises(ValidationError, match=text):
        made(MatvecChainParameters, MATVEC | {"cover": "rows", "rows": rows})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"cover": "rows"}, "rows and cover: rows go together"),
        ({"cover": "all", "rows": "1"}, "rows and cover: rows go together"),
        ({"rows": 0}, "rows and cover: rows go together"),
        ({"cover": "some"}, "first-blocks"),
        ({"fit": "cut"}, "refuse"),
        ({"tensor": "blk.0.attn_output.weight"}, "pattern"),
        ({"layers": "3-1"}, "a range of layers must ascend, got 3-1"),
        ({"layers": None}, "layers"),
        ({"activation": []}, "at least 1 item"),
        ({"propagation": "scalar-scale"}, "Extra inputs"),
    ],
)
def test_what_does_not_go_together_is_refused(change, text):
    """A misspelt or lonely parameter is no default."""
    with pytest.raises(ValidationError, match=text):
        made(MatvecChainParameters, MATVEC | change)


def test_the_defaults_are_the_cheap_and_strict_ones():
    """First blocks, and no result is bent to fit."""
    parameters = made(MatvecChainParameters, MATVEC)

    assert (parameters.cover, parameters.fit, parameters.rows, parameters.activation) == (
        "first-blocks", "refuse", None, None,
    )  # fmt: skip


def test_the_names_of_a_feed_forward_part_have_defaults():
    """Those of a GGUF file; the norm weights may be null."""
    parameters = made(FfnChainParameters, FFN)

    assert (parameters.gate, parameters.up, parameters.down, parameters.norm) == tuple(
        f"blk.{{layer}}.ffn_{part}.weight" for part in ("gate", "up", "down", "norm")
    )
    assert made(FfnChainParameters, FFN | {"norm": None}).norm is None
    with pytest.raises(ValidationError, match="pattern"):
        made(FfnChainParameters, FFN | {"up": "ffn_up"})
    with pytest.raises(ValidationError, match="first-blocks"):
        made(FfnChainParameters, FFN | {"cover": "rows"})


@given(numbers=st.sets(st.integers(0, 2000), min_size=1, max_size=50))
def test_any_ascending_rows_are_read_back(numbers):
    """Law: rows written one by one are the rows."""
    spans = row_spans(",".join(map(str, sorted(numbers))))

    assert [row for span in spans for row in range(span.start, span.stop)] == sorted(numbers)
