"""The metrics of the general evaluators: what each number means, and from what it is computed. Light.

A metric that has no meaning for a measurement is left out of it, so that a bound on it cannot hold by accident.
"""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import MetricSpec, MetricType

F64, INT, BOOL = MetricType.F64, MetricType.INT, MetricType.BOOL


def _count(name: str, doc: str, unit: str = "count", *, compares: bool = False) -> MetricSpec:
    return MetricSpec(name, INT, doc, unit, compares=compares)


def _compared(name: str, kind: MetricType, doc: str, unit: str = "1") -> MetricSpec:
    return MetricSpec(name, kind, doc, unit, compares=True)


COMMAND: Final = (
    _count("exit_status", "the exit status of the program; minus the signal's number if one ended it", "status"),
    _count("stdout_lines", "lines that the program wrote to standard output, an unfinished last one included"),
    _count("stderr_lines", "lines that the program wrote to standard error, an unfinished last one included"),
    _count("matches", "numbers read by pattern or pointer; left out where neither is given"),
    MetricSpec("value", F64, "the first number read, as the nearest binary64; left out where there is none"),
    MetricSpec("values", F64, "all numbers read, in the order of the output; left out like matches", series=True),
)

PYTEST: Final = (
    _count("passed", "tests that passed"),
    _count("failed", "tests that failed, and strict xfail tests that passed"),
    _count("errors", "errors outside the body of a test: while collecting, in set-up or in tear-down"),
    _count("skipped", "tests that were skipped, and xfail tests that failed as expected"),
    _count("total", "passed + failed + errors + skipped"),
    _count("missing", "paths asked for that pytest does not find; the others are run without them"),
    _count("exit_status", "the exit status of pytest's first run: 4 where a path is missing", "status"),
)

TEXT_MATCH: Final = (
    _count("matches", "matches of the pattern that do not overlap, from left to right"),
    _count("lines", "lines of the text: parts between line feeds, the last only if it is not empty"),
    _count("matching_lines", "lines in which a match begins; with per_line, lines with a match"),
    _count("first_line", "the number of the first such line, from 1; left out where there is none", "line"),
)

ARRAY_COMPARE: Final = (
    _compared("identical", BOOL, "whether type, shape and all bits are equal; a quantised type by its decoded bits"),
    _count("count", "pairs of elements compared: the elements of one side, 0 where the shapes differ", compares=True),
    _count(
        "differing",
        "pairs that are not equal: in their bits where both sides have one type, else as float64. Pairs that are "
        "equal have difference 0 below, infinities and NaNs too. This and what follows is left out where shapes differ",
        compares=True,
    ),
    _compared("max_abs_diff", F64, "max |l - r| over all pairs, each side read as float64", "element"),
    _count(
        "max_ulp",
        "the largest distance of a pair in steps of their float type, -0 and 0 being 0 steps apart; left out unless "
        "both sides decode to one float type, where a differing pair is not finite, and from 10**18 steps",
        "ulp",
        compares=True,
    ),
    _compared(
        "relative_l2",
        F64,
        "L2(l - r) / L2(l) with L2(x) = sqrt(sum of x**2): float64, sums of 65,536 elements rounded once, then their "
        "sum rounded once, scaled by a power of two against overflow. 0 where no pair differs, even if L2(l) is 0",
    ),
    _compared(
        "cosine",
        F64,
        "sum(l r) / (L2(l) L2(r)), summed like relative_l2 and held inside [-1, 1]; left out where a norm is 0 or an "
        "element is not finite",
    ),
    _count("non_finite_left", "NaNs and infinities of the left side"),
    _count("non_finite_right", "NaNs and infinities of the right side"),
)

TRACE_STD: Final = (
    _compared(
        "std_left",
        F64,
        "the population standard deviation of the selected elements of the left trace: sqrt(sum((x - m)**2) / n), "
        "m = sum(x) / n, n elements (ddof 0), in float64. Sums of 65,536 elements are rounded once, then their sum "
        "once; x is scaled by a power of two against overflow",
        "activation",
    ),
    _compared("std_right", F64, "the same of the right trace", "activation"),
    _compared("ratio_left_over_right", F64, "std_left / std_right; infinite where std_right alone is 0"),
    _count("count_left", "elements of the left trace that were selected"),
    _count("count_right", "elements of the right trace that were selected"),
    _count("non_finite_left", "NaNs and infinities among them, left; then the standard deviation is NaN"),
    _count("non_finite_right", "NaNs and infinities among them, right"),
)

RECORDED_SERIES: Final = (
    MetricSpec(
        "values", F64, "the recorded numbers as factors: a percentage divided by 100, rounded once", series=True
    ),
    _count("positions", "numbers in the series"),
    _count("non_finite", "NaNs and infinities among them"),
    MetricSpec("first", F64, "the first number"),
    MetricSpec("last", F64, "the last number"),
    MetricSpec("min", F64, "the smallest number"),
    _count("min_position", "the position of min from 0, the first of equals; left out beside a NaN", "position"),
    MetricSpec("max", F64, "the largest number"),
    _count("max_position", "the position of max from 0, the first of equals; left out beside a NaN", "position"),
    MetricSpec("mean", F64, "the sum of the numbers, from left to right in float64, over how many they are"),
    MetricSpec(
        "growth_last_over_first",
        F64,
        "the last number over the first that is above 1e-12; left out when that is the last one or there is none",
    ),
    _count("transitions", "steps from a position to the next: positions - 1"),
    _count("saturation_events", "transitions at which the number falls; left out without transitions"),
    _count(
        "steady_transitions",
        "transitions that change the number by at most 10 % of the one before; left out without transitions",
    ),
    _count("typical", "numbers of at most 10 %"),
    _count("outliers", "the other numbers, NaN included"),
    MetricSpec(
        "largest_jump",
        F64,
        "the largest ratio of a number to the one before it, where that is above 1e-12; left out without such a pair",
    ),
    _count("largest_jump_position", "the position that the largest jump leads to, the first of equals", "position"),
    MetricSpec(
        "recovery_after_jump",
        F64,
        "the number after largest_jump_position over the one there; left out when the jump leads to the last position",
    ),
    MetricSpec("claimed_ratio", F64, "the ratio that was claimed, as the contract gives it; left out without one"),
    _count(
        "reproducing_pairs",
        "ordered pairs of positions whose ratio is the claimed one within the tolerance, over denominators above "
        "1e-12; each is named in a note; left out without a claimed ratio",
    ),
    MetricSpec(
        "reproduced_by_last_over_first",
        BOOL,
        "whether growth_last_over_first is the claimed ratio within the tolerance; left out without a claimed ratio",
    ),
    MetricSpec(
        "reproducing_numerators",
        INT,
        "the position above the line of each such pair, pairs in ascending order; left out past 1,000 pairs",
        "position",
        series=True,
    ),
    MetricSpec(
        "reproducing_denominators",
        INT,
        "the position below the line of each such pair, in the same order; left out past 1,000 pairs",
        "position",
        series=True,
    ),
    _count(
        "reference_positions",
        "numbers in the reference, compared with as many first ones of the series",
        compares=True,
    ),
    _compared(
        "reference_max_abs_diff",
        F64,
        "the largest |series - reference| over those positions, subtracted in decimal and rounded once: 0.00001 is "
        "0.001 percentage points. Left out without a reference, or where the reference is longer",
    ),
)

ARITHMETIC: Final = (
    _count("numbers", "numbers that the contract names"),
    MetricSpec("product", F64, "the product of the numbers under product; left out where there are none"),
    MetricSpec(
        "residual_against_over_product", F64, "the number under against over the product; left out without against"
    ),
    MetricSpec("power", F64, "base ** (numerator / denominator); left out without a power"),
)
