"""The faults of the general evaluators, each by another route, and arrays with a generic fault in them."""

import json
import math
import statistics
from decimal import Decimal

import numpy as np
import pytest
from general.fixtures import evaluator, measure, npy

from pvcheck.plugin import Context, NotMeasured, Source
from pvcheck.plugin.faults import GENERIC
from pvcheck_general import array_compare, arrays, planting
from pvcheck_general.plugin import EVALUATORS

LEFT = np.array([[3, 4, -5], [6, -7, 8]], "f4")
RIGHT = np.array([[3, 4.5, 5], [6, 7, 8.25]], "f4")
GENERICS = [each.name for each in GENERIC]


def compared(left=LEFT, right=RIGHT, **context):
    """Compare two arrays."""
    return measure("array-compare", {"left": "l", "right": "r"}, {"l": npy(left), "r": npy(right)}, **context)


def std(left, right, fault=None, **parameters):
    """Compare two traces."""
    files = {"l": npy(left), "r": npy(right)}
    return measure("trace-std", {"left": "l", "right": "r", **parameters}, files, fault=fault)


def series(values, fault=None, **parameters):
    """Measure a recorded series of factors."""
    common = {"series": "s", "unit": "factor", "host": "h", "date": "2026-05-07", "pointer": "/v"}
    return measure("recorded-series", common | parameters, {"s": json.dumps({"v": values}).encode()}, fault=fault)


def text(pattern, content, fault=None, **parameters):
    """Search a text."""
    return measure("text-match", {"text": "t", "pattern": pattern, **parameters}, {"t": content}, fault=fault).metrics


def computed(fault=None, **parameters):
    """Compute."""
    return measure("arithmetic", parameters, fault=fault).metrics


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("signs-lost", abs),
        ("last-row", lambda array: array[-1]),
    ],
)
def test_arrays_are_compared_as_the_fault_says(fault, change):
    """The numbers are those of the changed arrays, and told as those of the whole ones."""
    right, wrong = compared(change(LEFT), change(RIGHT)).metrics, compared(fault=fault)

    named = ("differing", "max_abs_diff", "relative_l2", "cosine", "max_ulp")
    assert {name: wrong.metrics[name] for name in named} == {name: right[name] for name in named}
    assert wrong.comparisons == compared().comparisons
    assert wrong.metrics["count"] == 6


def test_a_difference_relative_to_the_wrong_side():
    """L2(l - r) / L2(r), and both ends say so."""
    wrong = compared(fault="relative-to-right")
    (ratio,) = wrong.ratios

    expected = np.linalg.norm(LEFT.astype(float) - RIGHT) / np.linalg.norm(RIGHT.astype(float))
    assert wrong.metrics["relative_l2"] == pytest.approx(expected, rel=1e-12)
    assert ratio.denominator_value == pytest.approx(np.linalg.norm(RIGHT.astype(float)), rel=1e-12)
    assert wrong.metrics["cosine"] == compared().metrics["cosine"]


def test_squares_added_in_single_precision():
    """Scaled by a power of two, added from left to right in float32, over more than one chunk."""
    rng = np.random.default_rng(3)
    left, right = (rng.standard_normal(70_000).astype("f4") for _ in range(2))

    def norm(values):
        scaled = values.astype(float) / 2.0 ** math.frexp(abs(values.astype(float)).max())[1]
        return math.sqrt(float(np.add.accumulate((scaled**2), dtype=np.float32)[-1]))

    wrong = compared(left, right, fault="single-precision-sums").metrics["relative_l2"]

    difference = left.astype(float) - right
    exponents = [math.frexp(abs(each.astype(float)).max())[1] for each in (difference, left)]
    assert wrong == pytest.approx(norm(difference) / norm(left) * 2.0 ** (exponents[0] - exponents[1]), rel=1e-6)
    assert wrong != compared(left, right).metrics["relative_l2"]


@pytest.mark.parametrize(
    ("fault", "left", "right"),
    [
        ("signs-lost", abs(LEFT), abs(RIGHT)),
        ("last-row", LEFT[:1], RIGHT[:1]),
        ("relative-to-right", LEFT, -LEFT),
        ("single-precision-sums", np.ones(4, "f4"), np.zeros(4, "f4")),
    ],
)
def test_a_fault_that_changes_no_comparison_is_not_planted(fault, left, right):
    """It is told, and nothing is measured."""
    with pytest.raises(NotMeasured, match=f"^not planted: {fault} changes nothing here$"):
        compared(left, right, fault=fault)


def test_signs_of_bf16_and_of_no_axes():
    """A type that NumPy has not loses its highest bit; an array without axes is its own last row."""
    held = arrays.of_bytes("bf16", (2,), np.array([0xBF80, 0x3F80], "<u2").tobytes())
    single = arrays.of_bytes("f32", (), np.float32(3).tobytes())

    assert arrays.magnitudes(held).values(slice(None)).tolist() == [1.0, 1.0]
    assert arrays.last_row(single).values(slice(None)).tolist() == [3.0]


TRACE = np.arange(12, dtype="f4").reshape(3, 4) ** 2


@pytest.mark.parametrize(
    ("fault", "rows", "expected"),
    [
        ("last-token", "all", statistics.pstdev(TRACE[-1].tolist())),
        ("sample-std", "all", statistics.stdev(TRACE.ravel().tolist())),
        ("sample-std", "last", statistics.stdev(TRACE[-1].tolist())),
        ("mean-not-subtracted", "all", math.sqrt(sum(x * x for x in TRACE.ravel().tolist()) / 12)),
        ("mean-not-subtracted", "last", math.sqrt(sum(x * x for x in TRACE[-1].tolist()) / 4)),
    ],
)
def test_the_right_std_is_what_the_fault_says(fault, rows, expected):
    """The left one and both populations stay."""
    right, wrong = (std(TRACE, TRACE, each, left_rows=rows, right_rows=rows) for each in (None, fault))

    assert wrong.metrics["std_right"] == pytest.approx(expected, rel=1e-12)
    assert wrong.metrics["std_left"] == right.metrics["std_left"]
    assert wrong.comparisons == right.comparisons
    assert wrong.ratios[0].denominator_value == wrong.metrics["std_right"]


def test_the_last_token_of_the_last_token_is_no_fault():
    """Where the contract asks for it, it is right."""
    with pytest.raises(NotMeasured, match=r"^not planted: last-token changes nothing here$"):
        std(TRACE, TRACE, "last-token", right_rows="last")


@pytest.mark.parametrize(
    ("fault", "values", "name", "expected"),
    [
        ("other-unit", [1.0, 2.0, 4.0], "values", (0.01, 0.02, 0.04)),
        ("first-number-lost", [1.0, 2.0, 4.0], "values", (2.0, 4.0)),
        ("growth-over-neighbour", [1.0, 2.0, 6.0], "growth_last_over_first", 3.0),
        ("single-precision", [0.1, 1e300], "values", (float(np.float32(0.1)), 1e300)),
    ],
)
def test_a_series_is_wrong_as_the_fault_says(fault, values, name, expected):
    """By hand."""
    assert series(values, fault).metrics[name] == expected


def test_percent_taken_for_factors():
    """The other way round."""
    assert series([50.0], "other-unit", unit="percent").metrics["values"] == (50.0,)


@pytest.mark.parametrize(
    ("fault", "values", "reason"),
    [
        ("first-number-lost", [1.0], "first-number-lost leaves no number"),
        ("growth-over-neighbour", [1.0, 2.0], "growth-over-neighbour changes nothing here"),
        ("growth-over-neighbour", [1.0, 1.0, 2.0], "growth-over-neighbour changes nothing here"),
        ("single-precision", [0.5, 2.0], "single-precision changes nothing here"),
    ],
)
def test_a_fault_that_changes_no_series_is_not_planted(fault, values, reason):
    """It is told."""
    with pytest.raises(NotMeasured, match=f"^not planted: {reason}$"):
        series(values, fault)


def test_a_claim_is_held_against_the_growth_that_was_computed():
    """A growth over the neighbour reproduces a claim that the right one does not."""
    right, wrong = (series([1.0, 2.0, 6.0], fault, claimed_ratio=3.0) for fault in (None, "growth-over-neighbour"))

    assert (right.metrics["reproduced_by_last_over_first"], wrong.metrics["reproduced_by_last_over_first"]) == (
        False,
        True,
    )


def test_texts_are_searched_as_the_fault_says():
    """Other case, a line less, one match a line."""
    content = b"a A\nA a A\nb a\n"

    assert text("A", content)["matches"] == 3
    assert text("A", content, "other-case")["matches"] == 6
    assert text("A", content, "other-case", ignore_case=True)["matches"] == 3
    assert text("a", content, "last-line-lost") == {"matches": 2, "lines": 2, "matching_lines": 2, "first_line": 1}
    assert text("A", content, "one-match-a-line")["matches"] == 2
    with pytest.raises(NotMeasured, match=r"^not planted: one-match-a-line changes nothing here$"):
        text("b", content, "one-match-a-line")


def test_numbers_are_computed_as_the_fault_says():
    """A factor less, the quotient upside down, 28 // 5, and seven digits."""
    product = {"numbers": {"a": 2, "b": 5, "c": 3}, "product": ["a", "b"], "against": "c"}
    power = {"numbers": {"g": 1.81, "n": 28, "d": 5}, "power": {"base": "g", "numerator": "n", "denominator": "d"}}

    assert computed("last-factor-lost", **product)["product"] == 2.0
    assert computed("inverted-quotient", **product)["residual_against_over_product"] == float(Decimal(10) / 3)
    assert computed("whole-exponent", **power)["power"] == pytest.approx(1.81**5, rel=1e-15)
    single = float(np.float32(1.81))
    assert computed("single-precision", **power)["power"] == pytest.approx(single**5.6, rel=1e-12)
    with pytest.raises(NotMeasured, match=r"^not planted: whole-exponent changes nothing here$"):
        computed("whole-exponent", **product)


@pytest.mark.parametrize("fault", GENERICS)
@pytest.mark.parametrize("name", ["array-compare", "trace-std"])
def test_a_fault_in_an_array_is_in_the_right_one(name, fault):
    """What it is compared with stays."""
    rng = np.random.default_rng(5)
    left = rng.standard_normal((40, 3)).astype("f4")
    files = {"l": npy(left), "r": npy(left)}

    right, wrong = (measure(name, {"left": "l", "right": "r"}, files, fault=each).metrics for each in (None, fault))

    if name == "array-compare":
        assert (right["identical"], wrong["identical"]) == (True, False)
        assert wrong["non_finite_left"] == 0
    else:
        assert wrong["std_left"] == right["std_left"]
        seen = fault != "array-swapped-rows"  # a std does not know the order of the rows
        assert (repr(wrong["std_right"]) != repr(right["std_right"])) is seen


@pytest.mark.parametrize("fault", GENERICS)
def test_a_fault_in_a_series_is_in_its_numbers(fault):
    """As many are read, and other ones."""
    values = [1.0, 2.0, 4.0, 8.0, 16.0]

    wrong = series(values, fault).metrics["values"]

    assert len(wrong) == 5
    assert repr(wrong) != repr(tuple(values))


@pytest.mark.parametrize("fault", GENERICS)
def test_a_fault_in_bf16_keeps_the_type(fault):
    """Bits that it has not are cut off; what is left of the fault still shows."""
    bits = np.arange(0x3F00, 0x3F40, dtype="<u2")
    held = arrays.of_bytes("bf16", (8, 8), bits.tobytes())

    changed = arrays.received(Context(inputs={}, fault=fault), held, "it")

    assert (changed.kind, changed.decoded, changed.shape) == ("bf16", "bf16", (8, 8))
    assert changed.stored.dtype == np.dtype("<u2")
    assert changed.stored.tobytes() != bits.tobytes()
    assert arrays.received(Context(inputs={}), held, "it") is held


def test_a_flipped_bit_of_bf16_is_that_of_its_exponent():
    """One number is doubled or halved, and the others stay."""
    held = arrays.of_bytes("bf16", (4,), np.array([0x3F80, 0x4000, 0x4040, 0x4080], "<u2").tobytes())

    changed = arrays.received(Context(inputs={}, fault="array-flipped-bit"), held, "it")

    ratios = changed.values(slice(None)) / held.values(slice(None))
    assert sorted(set(ratios.tolist()) - {1.0}) in [[0.5], [2.0]]
    assert (ratios != 1).sum() == 1


def test_integers_have_no_nan():
    """The host tells it; here the array comes back as it is."""
    context = Context(inputs={}, fault="array-nan")
    held = arrays.of_bytes("i32", (2,), np.arange(2, dtype="<i4").tobytes())

    assert arrays.received(context, held, "the left side") is held
    assert context.door.missing() == "array-nan was never planted: the left side holds int32"


@pytest.mark.parametrize("fault", GENERICS)
def test_a_fault_changes_no_file(tmp_path, fault):
    """What was read is a map of the file; the changed array is a copy."""
    path = tmp_path / "array.npy"
    path.write_bytes(npy(LEFT))
    parameters = evaluator("array-compare").parameters(left="l", right="r")

    with Source(str(path)) as one, Source(str(path)) as other:
        found = array_compare.measure(parameters, Context(inputs={"l": one, "r": other}, fault=fault))

    assert not found.metrics["identical"]
    assert path.read_bytes() == npy(LEFT)


def test_every_evaluator_that_computes_can_be_challenged():
    """Programs are not ours to spoil; all others declare faults, each with a sentence."""
    assert {each.name for each in EVALUATORS if not each.faults} == {"command", "pytest"}
    assert all(len(fault.doc) > 20 for each in EVALUATORS for fault in each.all_faults)


def test_a_number_too_large_for_single_precision_stays():
    """Nothing becomes infinite by the rounding."""
    assert planting.single(1e300) == 1e300
    assert planting.single(0.1) == float(np.float32(0.1))
