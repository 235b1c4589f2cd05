"""Two arrays compared: laws, steps by hand, and unlike sides that no number may hide."""

import math
import struct

import numpy as np
import pytest
from general.fixtures import measure, npy, npz, safetensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pvcheck import guards
from pvcheck.plugin import NotMeasured
from pvcheck_general.array_compare import steps_between

FLOATS = [np.float16, np.float32, np.float64]


def compared(left, right):
    """Compare two arrays, each in a file of its own."""
    return measure("array-compare", {"left": "l", "right": "r"}, {"l": npy(left), "r": npy(right)})


def bits_of(values, dtype):
    """Return the bits of floats."""
    return np.array(values, dtype).view(f"<u{np.dtype(dtype).itemsize}")


def test_numbers_by_hand():
    """3, 4 against 3, 4.5: difference 0.5, L2 0.5 over 5."""
    found = compared(np.array([3, 4], "f4"), np.array([3, 4.5], "f4"))

    assert found.metrics == {
        "non_finite_left": 0, "non_finite_right": 0, "count": 2, "identical": False, "differing": 1,
        "max_ulp": 1 << 20, "max_abs_diff": 0.5, "relative_l2": 0.1,
        "cosine": pytest.approx(27 / (5 * math.sqrt(29.25))),
    }  # fmt: skip
    (ratio,) = found.ratios
    assert (ratio.numerator_value, ratio.denominator_value) == (0.5, 5.0)
    assert found.notes[0] == "left is f32 of shape (2,), right is f32 of shape (2,)"
    assert list(guards.examine(found)) == []


@given(st.data())
def test_an_array_is_identical_to_itself(data):
    """Whatever bits it holds: nothing differs, and every difference is 0, but where it would be one of NaNs."""
    array = data.draw(arrays.arrays(data.draw(st.sampled_from(FLOATS)), st.integers(1, 8)))

    metrics = compared(array, array).metrics

    assert metrics["identical"] is True
    assert (metrics["differing"], metrics["max_ulp"]) == (0, 0)
    numbers = () if np.isnan(array).any() else (0, 0)
    assert tuple(metrics[name] for name in ("max_abs_diff", "relative_l2") if name in metrics) == numbers
    if "cosine" in metrics:
        assert metrics["cosine"] == pytest.approx(1)


@given(st.data())
def test_what_is_symmetric_does_not_see_the_sides(data):
    """All but the relative difference and the counts of one side is the same when the sides are changed."""
    dtype = data.draw(st.sampled_from(FLOATS))
    pair = [data.draw(arrays.arrays(dtype, 5)) for _ in range(2)]
    one_sided = {"relative_l2", "non_finite_left", "non_finite_right"}

    forth, back = compared(*pair).metrics, compared(*reversed(pair)).metrics

    for name in (forth.keys() | back.keys()) - one_sided:
        assert forth[name] == back[name] or (math.isnan(forth[name]) and math.isnan(back[name]))
    assert forth["non_finite_left"] == back["non_finite_right"]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20), st.data())
def test_the_relative_difference_is_that_of_exact_sums(left, data):
    """Against sums of squares in one fsum."""
    right = data.draw(st.lists(st.floats(-1e300, 1e300), min_size=len(left), max_size=len(left)))
    metrics = compared(np.array(left), np.array(right)).metrics
    scale = max(map(abs, [*left, *right])) or 1.0
    below = math.fsum((a / scale) ** 2 for a in left)
    above = math.fsum(((a - b) / scale) ** 2 for a, b in zip(left, right, strict=True))

    if below > 1e-200 and (above > 1e-200 or metrics["max_abs_diff"] == 0):
        assert metrics["relative_l2"] == pytest.approx(math.sqrt(above / below), rel=1e-12)


@given(st.data())
def test_a_neighbour_is_one_step_away(data):
    """The next float of any finite float, towards either end, is at distance 1; a bit pattern at 0 from itself."""
    dtype = data.draw(st.sampled_from(FLOATS))
    width = np.finfo(dtype).bits
    value = np.array([data.draw(st.floats(width=width, allow_nan=False, allow_infinity=False))], dtype)
    with np.errstate(over="ignore", under="ignore"):
        after = np.nextafter(value, np.array(data.draw(st.sampled_from([-np.inf, np.inf])), dtype))

    if np.isfinite(after).all():
        assert steps_between(bits_of(value, dtype), bits_of(after, dtype)).tolist() == [1]
        assert steps_between(bits_of(value, dtype), bits_of(value, dtype)).tolist() == [0]


@given(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 3)
def test_steps_add_up(a, b, c):
    """The distance is symmetric, and over a number in between it is the sum of both parts."""
    low, middle, high = sorted((a, b, c))

    def steps(one, other):
        return int(steps_between(bits_of([one], "f4"), bits_of([other], "f4"))[0])

    assert steps(low, high) == steps(high, low) == steps(low, middle) + steps(middle, high)


def test_both_zeros_differ_in_bits_and_not_in_steps():
    """-0 and 0 are two patterns of one number."""
    metrics = compared(np.array([0.0, 1]), np.array([-0.0, 1])).metrics

    assert (metrics["identical"], metrics["differing"], metrics["max_ulp"], metrics["max_abs_diff"]) == (False, 1, 0, 0)


def test_steps_past_18_digits_are_left_out():
    """The ends of float64 are 2**64 - 2**53 - 2 steps apart, which no metric holds."""
    most = np.finfo(np.float64).max

    found = compared(np.array([most]), np.array([-most]))

    assert "max_ulp" not in found.metrics
    assert found.notes[1] == "max_ulp is left out: a differing pair is not finite, or is 10**18 steps apart or more"
    assert steps_between(bits_of([most], "f8"), bits_of([-most], "f8")).tolist() == [2 * 0x7FEFFFFFFFFFFFFF]


def test_equal_infinities_are_no_difference():
    """A mask of -inf on both sides is identical, counted, and leaves the cosine out."""
    mask = np.array([0, -np.inf, 1], "f4")

    metrics = compared(mask, mask).metrics

    assert (metrics["identical"], metrics["max_abs_diff"], metrics["relative_l2"]) == (True, 0, 0)
    assert (metrics["non_finite_left"], metrics["non_finite_right"]) == (1, 1)
    assert "cosine" not in metrics


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_on_one_side_gives_no_verdict(bad):
    """It is counted, and the finite guard ends the evaluation."""
    found = compared(np.array([1, 2.0]), np.array([1, bad]))

    assert found.metrics["non_finite_right"] == found.comparisons[0].right.non_finite == 1
    assert "max_ulp" not in found.metrics
    assert not math.isfinite(found.metrics["max_abs_diff"])
    assert {each.guard for each in guards.examine(found)} == {"finite"}


@pytest.mark.parametrize(
    "shapes", [((6,), (2, 3)), ((6,), (5,)), ((2, 3), (1, 3))], ids=["shape", "count", "broadcast"]
)
def test_unlike_sides_are_never_stretched(shapes):
    """Nothing is compared, both sides are told, and the population guard ends it without a verdict."""
    found = compared(np.zeros(shapes[0]), np.zeros(shapes[1]))

    assert found.metrics == {"non_finite_left": 0, "non_finite_right": 0, "count": 0, "identical": False}
    comparison = found.comparisons[0]
    assert (comparison.left.shape, comparison.right.shape) == shapes
    assert comparison.metrics == ("count", "identical")
    assert "population" in {each.guard for each in guards.examine(found)}


def test_unlike_types_are_compared_in_numbers():
    """Two types are never identical, and have no common steps."""
    metrics = compared(np.array([1, 2], "i4"), np.array([1, 2.5], "f4")).metrics

    assert (metrics["identical"], metrics["differing"], metrics["max_abs_diff"]) == (False, 1, 0.5)
    assert "max_ulp" not in metrics


def test_equal_numbers_of_unlike_types_are_not_identical():
    """Identity is of bits and type."""
    metrics = compared(np.array([1, 2], "f8"), np.array([1, 2], "f4")).metrics

    assert (metrics["identical"], metrics["differing"], metrics["relative_l2"]) == (False, 0, 0)


def test_zeros_have_no_direction_and_no_relative_difference():
    """0 against 0 is 0; 0 against something is infinite, which the finite guard refuses."""
    zeros, ones = np.zeros(2), np.ones(2)

    assert compared(zeros, zeros).metrics["relative_l2"] == 0
    assert "cosine" not in compared(zeros, zeros).metrics
    assert compared(zeros, ones).metrics["relative_l2"] == math.inf


def test_huge_numbers_do_not_overflow():
    """Squares of 1e300 are past float64; scaled sums are not."""
    metrics = compared(np.array([1e300, 0]), np.array([1e300, 1e299])).metrics

    assert metrics["relative_l2"] == pytest.approx(0.1)
    assert metrics["cosine"] == pytest.approx(1 / math.sqrt(1.01))


def test_an_end_that_overflows_is_an_infinity_beside_a_sound_ratio():
    """The norm of four largest floats is past float64, its relative difference is not."""
    most = np.full(4, np.finfo(np.float64).max)

    found = compared(most, most / 2)

    assert found.metrics["relative_l2"] == 0.5
    assert found.ratios[0].denominator_value == math.inf


def test_many_elements_are_read_in_pieces():
    """A difference in the last of 65,537 is found."""
    left = np.ones(65_537, "f4")
    right = left.copy()
    right[-1] = 2

    metrics = compared(left, right).metrics

    assert (metrics["count"], metrics["differing"], metrics["max_ulp"]) == (65_537, 1, 1 << 23)


def test_a_nan_in_a_later_piece_is_not_lost():
    """A maximum over pieces would drop it; the difference is NaN, and no verdict."""
    left = np.ones(65_537)
    right = left.copy()
    right[[0, -1]] = [2, np.nan]

    assert math.isnan(compared(left, right).metrics["max_abs_diff"])


def test_nothing_against_nothing_is_not_measured():
    """Two empty arrays are no evidence."""
    with pytest.raises(NotMeasured, match=r"^there is nothing to compare: both arrays are empty$"):
        compared(np.zeros(0), np.zeros((0, 3)))


def test_formats_mix():
    """One array is the same in every format that can hold it."""
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    files = {"l": safetensors(x=array, y=array[:1]), "r": npz(x=array)}

    found = measure("array-compare", {"left": "l", "right": "r", "left_name": "x"}, files)

    assert found.metrics["identical"] is True


def test_bf16_is_compared_in_its_own_steps():
    """1 and the next bf16 are one step of 2**-7 apart."""
    from general.fixtures import safetensors_of

    def file(*bits):
        entry = {"dtype": "BF16", "shape": [len(bits)], "data_offsets": [0, 2 * len(bits)]}
        return safetensors_of({"x": entry}, struct.pack(f"<{len(bits)}H", *bits))

    metrics = measure(
        "array-compare", {"left": "l", "right": "r"}, {"l": file(0x3F80, 0), "r": file(0x3F81, 0)}
    ).metrics

    assert (metrics["max_ulp"], metrics["max_abs_diff"]) == (1, 2**-7)
