"""The table of a measurement, its bar and marks on terminals of any width, and how the numbers were got."""

from __future__ import annotations

import math

import pytest

from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.guards import Guarded
from pvcheck.plugin import Comparison, Condition, Measurement, Population
from pvcheck.report import how, table, tally
from pvcheck.report.table import BAR, _Bar

F32, F64, INT = MetricType.F32, MetricType.F64, MetricType.INT


def spec(name, kind=F64, *, bits=False):
    """Return a series metric."""
    return MetricSpec(name, kind, "", series=True, bits=bits)


def measured(conditions=(), labels=None, **series):
    """Return a measurement with labelled series."""
    steps = len(next(iter(series.values())))
    return Measurement(
        metrics=series,
        backend="cpu",
        labels=labels or tuple(f"layer {step}" for step in range(steps)),
        conditions=tuple(conditions),
    )


def drawn(measurement, *specs, **options):
    """Return the lines of the table as texts."""
    return [str(each) for each in table.lines(measurement, {each.name: each for each in specs}, **options)]


def test_a_table_has_a_bar_of_the_magnitude_and_marks_with_a_legend():
    """On a log scale where the numbers span decades; outliers and what a guard says are words."""
    values = (0.001, -0.002, 0.0015, 1.0)
    guarded = [Guarded("PV603", "conditioning", "diff", "x", invalid=False, positions=(3,))]

    lines = drawn(measured(diff=values), spec("diff"), guarded=guarded)

    assert lines == [
        "           diff",
        "layer 0   0.001  ▏",
        "layer 1  -0.002  █▎",
        "layer 2  0.0015  ▊",
        "layer 3       1  ████████████  ill-conditioned, outlier",
        "bar: diff, log scale from 1e-03 to 1; outlier: over 10 times the median of diff",
    ]


def test_within_two_decades_the_bar_starts_at_zero():
    """Twice the number is twice the bar."""
    lines = drawn(measured(diff=(1.0, 2.0, 0.0)), spec("diff"))

    assert lines == [
        "         diff",
        "layer 0     1  ██████",
        "layer 1     2  ████████████",
        "layer 2     0",
        "bar: diff, from 0 to 2",
    ]


def test_what_is_no_number_is_marked_and_has_no_bar():
    """A NaN has no magnitude."""
    lines = drawn(measured(diff=(1.0, math.nan, 2.0, math.inf)), spec("diff"))

    assert lines[2] == f"layer 1   nan  {' ' * BAR}  not finite"
    assert lines[4] == f"layer 3   inf  {' ' * BAR}  not finite"


@pytest.mark.parametrize(
    "values", [(1.0,), (2.0, -2.0), (0.0, 0.0), (math.nan, math.inf)], ids=["one", "equal", "zeros", "no numbers"]
)
def test_where_there_is_nothing_to_compare_there_is_no_bar(values):
    """A full bar in each row would say nothing."""
    lines = drawn(measured(diff=values), spec("diff"))

    assert not any("█" in line or line.startswith("bar") for line in lines)


def test_zeros_are_no_reason_to_call_everything_an_outlier():
    """The median of mostly zeros is 0, and so many times it too."""
    assert not any("outlier" in line for line in drawn(measured(diff=(0.0, 0.0, 0.0, 0.0, 1.0)), spec("diff")))
    assert not any("outlier" in line for line in drawn(measured(diff=(1.0, 1.0, 1e9)), spec("diff")))


def test_the_bar_is_of_the_series_that_has_conditions():
    """Of several, the relative error is what a reader looks for."""
    condition = Condition(metric="diff", position=0, number=4.0, backward_error=0.5)

    lines = drawn(measured([condition], other=(5.0, 6.0), diff=(1.0, 2.0)), spec("other"), spec("diff"))

    assert lines[-1] == "bar: diff, from 0 to 2"


def test_integers_alone_have_no_bar():
    """A count a step is no magnitude of an error."""
    assert drawn(measured(count=(1, 2)), spec("count", INT)) == ["         count", "layer 0      1", "layer 1      2"]


def test_without_labels_there_is_no_table():
    """A series that fits no labels is told elsewhere."""
    assert drawn(Measurement(metrics={"a": (1.0,)}, backend="cpu"), spec("a")) == []


WIDE = (
    spec("a", F32, bits=True),
    spec("b", F32, bits=True),
    spec("extra"),
    spec("diff"),
    spec("condition"),
    spec("ulp"),
)


def wide():
    """Return a measurement with many columns, of which diff has conditions and ulp a bound."""
    values = (1.25, 300.5)
    conditions = [Condition(metric="diff", position=step, number=7.0 + step, backward_error=0.25) for step in range(2)]
    return measured(
        conditions, a=values, b=values, extra=(1.5, 2.5), diff=(1e-3, 1.0), condition=(7.0, 8.0), ulp=(3.0, 4.0)
    )


@pytest.mark.parametrize(
    ("width", "columns", "left"),
    [
        (None, "a bits b bits extra diff condition ulp", None),
        (200, "a bits b bits extra diff condition ulp", None),
        (85, "a b extra diff condition ulp", "bits"),
        (65, "extra diff condition ulp", "a, bits, b"),
        (50, "diff condition ulp", "a, bits, b, extra"),
        (42, "diff ulp", "a, bits, b, extra, condition"),
        (20, "diff", "a, bits, b, extra, condition, ulp"),
    ],
)
def test_columns_are_left_out_whole_in_the_order_that_is_stated(width, columns, left):
    """Bits first, then raw values, then what nobody speaks of, conditions, bounds; the bar's series never."""
    lines = drawn(wide(), *WIDE, bounded={"ulp"}, width=width)

    assert lines[0].split() == columns.split()
    told = [line for line in lines if line.startswith("left out")]
    assert told == ([] if left is None else [f"left out for lack of room: {left} (a pipe has all)"])
    if width is not None and width >= 42:
        assert max(map(len, lines[:3])) <= width


def test_marks_are_letters_on_a_narrow_terminal():
    """The legend says which."""
    guarded = [Guarded("PV603", "conditioning", "diff", "x", invalid=False, positions=(0, 3))]
    values = (0.1, math.nan, 0.1, 9.0, 0.1)

    lines = drawn(measured(diff=values), spec("diff"), guarded=guarded, width=60)

    assert [line.rpartition(" ")[2] for line in lines[1:5]][1:4:2] == ["N", "CO"]
    assert lines[-1] == (
        "bar: diff, from 0 to 9; C ill-conditioned; O outlier: over 10 times the median of diff; N not finite"
    )


def test_a_bar_never_leaves_its_columns():
    """The largest fills it, and the least has a sliver."""
    bar = _Bar.of((1e-9, 1.0, 5e-324, 1e300))

    assert len(bar.drawn(1e300)) == BAR
    assert bar.drawn(5e-324) == "▏"
    assert bar.drawn(0.0) == bar.drawn(math.nan) == ""


def test_verbose_tells_how_a_number_was_got(project, pv):
    """Both sides, types, conditions, the bytes that were read, and who measured; a plain run does not."""
    project.measure(
        {"metrics": {"growth": 1.5, "count": 4}, "condition": 14.5, "carry": [0.5, 0.25], "ends": [2.0, 1.0]}
    )

    plain, out = pv("run", "-q")[1], pv("run", "-q", "-v")[1]

    facts = [line for line in out.splitlines() if line not in plain.splitlines()]
    words = [line[6:17].strip() for line in facts if line[6:17].strip()]
    assert words == [
        "with",
        "compared",
        "types",
        "conditions",
        "carry",
        "ratio",
        "backend",
        "read",
        "evaluator",
        "device",
    ]
    assert "      with       model: model, layers: 0-3" in facts
    assert "      carry      0.25 to 0.5 of a change reaches the next step, over 2 transitions" in facts
    assert any("read_sha256 " in line for line in facts)
    assert any("bytes in 1 range" in line for line in facts)


def test_both_sides_of_a_comparison_are_told():
    """Elements seen, those that are not finite, their arrangement, and which they are."""
    left = Population(count=6, shape=(2, 3), selection="all\x1b", non_finite=1)
    right = Population(count=1, shape=(), selection="first")
    many = tuple(f"m{number}" for number in range(8))
    measurement = Measurement(
        metrics={"m0": 1.0, "unlisted": 2.0},
        backend="cpu",
        comparisons=(Comparison(metrics=many, left=left, right=right),),
    )

    assert list(map(str, how.of_measurement(measurement, {"m0": MetricSpec("m0", F64, "")}))) == [
        "compared   m0, m1, m2, m3, m4, m5 and 2 more",
        "           left: 6 elements as 2 x 3, 1 not finite: all\\x1b",
        "           right: 1 element as a scalar, all finite: first",
        "types      f64: m0",
        "backend    cpu",
    ]


def test_a_measurement_without_a_contract_tells_it_too(project, pv):
    """``pv measure -v``."""
    out = pv("measure", "probe", "model=model", "--input", f"model={project.model}", "-v")[1]

    assert "      backend    python" in out


def test_counts_of_a_verdict_have_roles_where_they_are_not_zero():
    """The words stay, whatever the colours."""
    text = "5 falsifiers: 1 held, 2 refuted, 0 falsified, 1 not measured (no x); no errors, 2 warnings"

    line = tally.verdict(text)

    assert line == text
    assert [each for each in line.pieces if each[1]] == [
        ("1 held", "good"),
        ("2 refuted", "bad"),
        ("1 not measured", "doubt"),
        ("2 warnings", "doubt"),
    ]
