"""Standard deviations of two traces, and the mistake that the population guard must not let through."""

import json
import math
import statistics

import numpy as np
import pytest
from general.fixtures import measure, npy, npz
from hypothesis import given
from hypothesis import strategies as st

from pvcheck import guards
from pvcheck.plugin import NotMeasured
from pvcheck_general.arrays import of_bytes
from pvcheck_general.trace_std import spread


def compared(left, right, **parameters):
    """Compare two traces."""
    return measure("trace-std", {"left": "l", "right": "r", **parameters}, {"l": left, "r": right})


def trace(tokens, features=64, seed=0):
    """Return a trace whose last token is calm and whose others are not, as the investigation's were."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((tokens, features)).astype("f4")
    rows[-1] *= 0.05
    return rows


def test_all_tokens_against_the_last_token_is_no_verdict():
    """The investigation's 18.23: one trace against itself looks ten times too wide, and the guard says why."""
    rows = npz(ffn_swigl=trace(7))

    found = compared(rows, rows, left_name="ffn_swigl", right_rows="last")

    assert found.metrics["ratio_left_over_right"] > 10
    assert [each.message for each in guards.examine(found) if each.invalid] == [
        "the two sides differ in count: 448 against 64",
        "the two sides differ in shape: (7, 64) against (1, 64)",
        "the two sides differ in selection: all rows against the last row",
    ]


def test_one_row_taken_as_all_is_still_another_selection():
    """Equal counts do not make two populations one."""
    found = compared(npy(trace(1)), npy(trace(7)), right_rows="last")

    assert [each.message for each in guards.examine(found)] == [
        "the two sides differ in selection: all rows against the last row"
    ]


def test_like_against_like_is_a_ratio_with_both_ends():
    """The last rows of two traces of different length are one kind of population."""
    found = compared(npy(trace(7)), npy(2 * trace(5, seed=1)), left_rows="last", right_rows="last")

    assert list(guards.examine(found)) == []
    (ratio,) = found.ratios
    assert (ratio.numerator, ratio.denominator) == ("std of left, the last row", "std of right, the last row")
    assert ratio.numerator_value == found.metrics["std_left"] == pytest.approx(float(np.std(trace(7)[-1], dtype="f8")))
    assert (found.metrics["count_left"], found.metrics["count_right"]) == (64, 64)


@given(st.lists(st.floats(-1e150, 1e150), min_size=1, max_size=30))
def test_the_standard_deviation_is_that_of_exact_arithmetic(values):
    """Against fractions; where numbers nearly cancel, within the rounding of the mean."""
    array = of_bytes("f64", (len(values),), np.array(values).tobytes())

    std = spread(array, "all").std

    assert std == pytest.approx(statistics.pstdev(values), rel=1e-12, abs=1e-15 * max(map(abs, values)) + 1e-300)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8), st.integers(1, 4))
def test_repeated_rows_change_nothing(row, times):
    """The spread of a row is the spread of its copies, and of the last of them."""
    array = of_bytes("f64", (times, len(row)), np.array(row * times).tobytes())

    assert spread(array, "all").std == pytest.approx(spread(array, "last").std, rel=1e-9, abs=1e-13)
    assert spread(array, "last").population.shape == (1, len(row))


def test_axes_before_the_last_are_rows():
    """A batch of one, seven tokens and four features are seven rows."""
    array = of_bytes("f64", (1, 7, 4), np.arange(28.0).tobytes())

    assert spread(array, "all").population.shape == (7, 4)
    assert spread(array, "last").std == pytest.approx(math.sqrt(1.25))


def test_a_number_without_axes_is_one_row():
    """It has no spread."""
    assert spread(of_bytes("f64", (), np.array(3.0).tobytes()), "last").std == 0


def test_json_traces_are_read():
    """A table of nested lists."""
    left = json.dumps({"a": [[1, 2], [3, 4]], "b": [0]}).encode()

    assert compared(left, left, left_name="a", right_name="a").metrics["std_left"] == math.sqrt(1.25)


def test_what_is_not_finite_is_counted_and_gives_no_verdict():
    """The standard deviation is NaN, which the finite guard refuses; a row without it is sound."""
    rows = trace(3)
    rows[0, 0] = np.nan

    found = compared(npy(rows), npy(trace(3)))

    assert (found.metrics["non_finite_left"], found.metrics["non_finite_right"]) == (1, 0)
    assert found.comparisons[0].left.non_finite == 1
    assert math.isnan(found.metrics["std_left"])
    assert compared(npy(rows), npy(trace(3)), left_rows="last", right_rows="last").metrics["non_finite_left"] == 0


def test_a_flat_trace_has_no_ratio_below_it():
    """A division by a spread of 0 is an infinity, which the finite guard refuses."""
    assert compared(npy(trace(2)), npy(np.ones((2, 64)))).metrics["ratio_left_over_right"] == math.inf


def test_an_empty_trace_is_not_measured():
    """The side is named."""
    with pytest.raises(NotMeasured, match=r"^the right trace is empty$"):
        compared(npy(trace(2)), npy(np.ones((0, 64))))
