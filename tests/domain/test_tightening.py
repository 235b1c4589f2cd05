"""Tighter bounds: they hold what was measured, refuse what they say, and never accept what the old one refused."""

from __future__ import annotations

import math
import sys

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from pvcheck.domain import bounds
from pvcheck.domain.metric import MetricType
from pvcheck.domain.teeth import Expected
from pvcheck.domain.tightening import tighter

F32, F64, INT, BOOL = MetricType.F32, MetricType.F64, MetricType.INT, MetricType.BOOL
INF, NAN = math.inf, math.nan
LARGEST = sys.float_info.max


def tried(text, clean, *faults, kind=F64, room=0.0):
    """Return the text that is suggested and the names of the faults it refuses, by position; or nothing."""
    named = {str(at): each for at, each in enumerate(faults)}
    found = tighter(Expected("m", bounds.parse(text), kind, text), clean, named, room)
    return None if found is None else (found.text, "".join(found.refuses))


CASES = {
    "the recorded 10 %": ("< 10%", 0.000774, [0.014, 0.2], ("< 0.3%", "0")),
    "a number keeps its spelling": ("< 18", 1.8, [1.9], ("< 1.85", "0")),
    "one from above": (">= 1", 4.0, [2.0], (">= 3", "0")),
    "one from above, open": ("> 1", 4.0, [2.0], ("> 3", "0")),
    "few digits, but not beside the measurement": ("<= 5", 0.99998, [2.0], ("<= 1.4", "0")),
    "few digits, but not beside the fault": ("<= 5", 0.5, [1.00001], ("<= 0.7", "0")),
    "the nearest of several": ("> 0", 9.0, [1.0, 4.0], ("> 6", "01")),
    "the nearest of several, from above": ("< 99", 4.0, [9.0, 30.0, 7.0], ("< 5", "012")),
    "faults on the other side": ("< 18", 4.0, [2.0], ("in [3, 8]", "0")),
    "faults on both sides": ("< 18", 1.8, [1.9, 1.2], ("in [1.5, 1.85]", "01")),
    "on the other side of a closed end": ("<= 18", 4.0, [2.0], ("in [3, 18]", "0")),
    "on the other side of a closed end, from above": (">= 1", 4.0, [9.0], ("in [1, 6]", "0")),
    "an interval": ("in [0.995, 1.005]", 1.0, [1.0004, 0.997], ("in [0.998, 1.0002]", "01")),
    "an interval in percent": ("in [1%, 9%]", 0.02, [0.04], ("in [1%, 3%]", "0")),
    "a distance in percent": ("1 +- 50%", 1.0, [1.2], ("in [0.5, 1.1]", "0")),
    "a small number": ("< 1", 2e-8, [6e-8], ("< 3e-8", "0")),
    "as small as is written out": ("< 1", 2e-5, [6e-5], ("< 0.00003", "0")),
    "smaller than that": ("< 1", 2e-6, [6e-6], ("< 3e-6", "0")),
    "as large as is written out": ("< 1e30", 2e8, [6e8], ("< 300000000", "0")),
    "larger than that": ("< 1e30", 2e9, [6e9], ("< 3e+9", "0")),
    "a large number": ("< 1e30", 2e20, [6e20], ("< 3e+20", "0")),
    "a negative number": ("< 0", -4.0, [-1.0], ("< -2", "0")),
    "from nothing": ("< 10%", 0.0, [0.001], ("< 0.05%", "0")),
    "across nothing": ("< 10", -1.0, [5.0], ("< 2", "0")),
    "an infinity": ("> 0", 1.0, [INF], ("in [0.5, 10]", "0")),
    "an infinity from nothing": (">= 0", 0.0, [INF], ("in [0, 9]", "0")),
    "an infinity near the largest number": ("> 0", 1e308, [INF], ("in [5e+307, 1.79769e+308]", "0")),
    "an infinity beside the largest number": ("> 0", LARGEST, [INF], (f"in [9e+307, {LARGEST!r}]", "0")),
    "the number next to it": ("< 5", 1.0, [math.nextafter(1.0, 2.0)], ("< 1.0000000000000002", "0")),
    "the number next to it, closed": ("<= 5", 1.0, [math.nextafter(1.0, 2.0)], ("<= 1", "0")),
    "a whole number": (">= 27", 28, [27], (">= 28", "0"), INT),
    "a whole number from above": ("<= 9", 0, [1], ("<= 0", "0"), INT),
    "whole numbers apart": ("<= 9", 1, [7], ("<= 2", "0"), INT),
    "a whole number, open": ("< 9", 0, [1], ("< 1", "0"), INT),
    "whole numbers, of which the lower is the clean one": ("< 9", 1, [3], ("< 2", "0"), INT),
    "on a closed end": ("<= 4", 4.0, [2.0], ("in [3, 4]", "0")),
    "half way from the clean value to the middle": ("< 99", 8.0, [18.0], ("< 10", "0")),
    "half way from the middle to the fault": ("< 99", 9.0, [25.0], ("< 20", "0")),
    "other than": ("!= 0", 1.0, [2.0], ("in [0.5, 1.4]", "0")),
    "other than, on the other side": ("!= 3", 1.0, [2.0, 7.0], ("<= 1.4", "01")),
    "other than, from above": ("!= 0", 4.0, [2.0], (">= 3", "0")),
    "other than, past it": ("!= 3", 1.0, [7.0], ("<= 2", "0")),
    "other than, past it from above": ("!= 3", 9.0, [1.0], (">= 5", "0")),
    "other than, between": ("all != 0", (-1.0, 1.0), [(2.0,)], None),
    "all": ("all < 10", (1.0, 2.0), [(1.0, 8.0)], ("all < 4", "0")),
    "all, from below": ("all > 0", (1.0, 2.0), [(0.25, 2.0)], ("all > 0.5", "0")),
    "all, on the other side": ("all > 0", (2.0, 4.0), [(2.0, 16.0)], ("all in [1, 8]", "0")),
    "max": ("max < 10", (1.0, 2.0), [(8.0,)], ("max < 4", "0")),
    "min": ("min > 0", (4.0, 9.0), [(1.0, 9.0)], ("min > 2", "0")),
    "any": ("any > 0", (4.0, NAN), [(1.0, NAN), (9.0,)], ("any > 2", "0")),
    "any, by the largest": ("any > 0", (4.0, 1.0), [(2.0, 1.5)], ("any > 3", "0")),
    "any, from above": ("any < 9", (1.0, 8.0), [(4.0, 8.0)], ("any < 2", "0")),
    "any between": ("any in [0, 9]", (4.0, 20.0), [(8.0, 20.0)], None),
    "count": ("count(< 10%) >= 1", (0.0, 0.0, 0.0), [(0.0, 0.0, 1.0), (0.0, 0.05, 0.0)], ("count(< 0.1) >= 3", "0")),
    "item": ("[1] < 10", (0.0, 1.0), [(0.0, 4.0), (7.0,)], ("[1] < 2", "0")),
    "item that another follows": ("[0] < 10", (1.0, 9.0), [(4.0, 9.0)], ("[0] < 2", "0")),
    "a fault that the bound does not see": ("max < 10", (1.0, 2.0), [(1.5, 2.0)], None),
    "the sign of a zero": ("== 0", 0.0, [-0.0], None),
    "every fault is refused already": ("< 2", 1.0, [5.0, NAN, INF], None),
    "a series of which one end is infinite": ("all > 0", (1.0, INF), [(0.5, INF)], None),
    "no fault": ("< 2", 1.0, [], None),
    "an infinite measurement": ("> 0", INF, [5.0], None),
    "a measurement that is refuted": ("< 2", 5.0, [1.0], None),
    "a series that is refuted": ("all < 2", (1.0, NAN), [(1.5,)], None),
    "no measurement": ("> 0", NAN, [5.0], None),
    "an empty series": ("all > 0", (), [(5.0,)], None),
    "an item that is not there": ("[3] > 0", (1.0,), [(5.0,)], None),
    "an empty series to count": ("count(> 0) >= 0", (), [(5.0,)], None),
    "bits": ("== 0x3ff0000000000000", 1.0, [2.0], None),
    "a flag": ("any is true", (True, True), [(True, False)], None, BOOL),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_nearest_bound_of_the_same_form_or_with_two_ends(case):
    """About the geometric middle, in few digits, spelled as the old one; nothing where nothing simple helps."""
    text, clean, faults, wanted, *kind = case

    assert tried(text, clean, *faults, kind=kind[0] if kind else F64) == wanted


def test_the_margin_is_what_is_left_for_the_clean_value():
    """So that a reader sees how near the bound stands to what was measured."""
    found = tighter(Expected("m", bounds.parse("< 10%"), F64, "< 10%"), 0.000774, {"a": 0.014})

    assert found is not None
    assert found.margin == 0.003 - 0.000774
    assert found.bound == bounds.parse("< 0.3%")


def test_on_its_own_end_the_clean_value_has_no_margin():
    """Nothing is left, and that is told."""
    found = tighter(Expected("m", bounds.parse("<= 5"), F64, "<= 5"), 1.0, {"a": math.nextafter(1.0, 2.0)})

    assert (found.text, found.margin) == ("<= 1", 0.0)


def test_without_room_every_fault_counts():
    """A bound that is asked for nothing else refuses the nearest one."""
    assert tighter(Expected("m", bounds.parse("< 9"), F64, "< 9"), 2.0, {"a": 2.5}).text == "< 2.2"


def test_where_not_every_fault_can_be_refused_the_others_are():
    """The faults that are named are those that the new bound refuses, and no other."""
    assert tried("max < 10", (1.0, 2.0), (1.5, 2.0), (1.0, 8.0)) == ("max < 4", "1")


@pytest.mark.parametrize(
    ("text", "clean", "faults", "wanted"),
    [
        ("< 9", 2.0, [2.01, 4.0], ("< 3", "1")),
        ("> 0", 2.0, [1.99, 1.0], ("> 1.4", "1")),
        ("< 9", -2.0, [-1.99, -1.0], ("< -1.4", "1")),
        ("in [0, 9]", 2.0, [2.01, 1.99, 1.5], ("in [1.7, 9]", "2")),
        ("< 9", 2.0, [2.01, 1.99], None),
        ("< 9", 0.0, [1e-9], ("< 5e-10", "0")),
        ("> 0", 2.0, [INF], ("in [1, 20]", "0")),
    ],
)
def test_with_room_the_nearest_faults_pass(text, clean, faults, wanted):
    """What differs by less than a part of the clean value may be another machine's last bits."""
    assert tried(text, clean, *faults, room=0.01) == wanted


FLOATS = st.one_of(st.floats(), st.floats(-3, 3), st.sampled_from([0.0, -0.0, 1.0, 5e-324, -1e308, INF, -INF, NAN]))
ENDS = st.one_of(st.floats(-1e6, 1e6), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1.0]))
SCALARS = st.one_of(
    st.builds("{} {!r}".format, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), ENDS),
    st.tuples(ENDS, ENDS).map(lambda pair: f"in [{min(pair)!r}, {max(pair)!r}]"),
    st.builds("{} {}%".format, st.sampled_from(["<", ">="]), st.integers(-500, 500)),
)
OVERS = st.sampled_from(["", "all ", "any ", "max ", "min ", "[1] ", "count(> 0) "])


def holds(text, clean, faults, kind, room=0.0):
    """Hold the laws for one bound, one measurement and some faults."""
    old = bounds.parse(text)
    found = tighter(Expected("m", old, kind, text), clean, faults, room)
    event("a bound is found" if found else "none is found")
    if found is None:
        return
    assert bounds.parse(found.text) == found.bound
    assert found.bound.accepts(clean, kind)
    assert not bounds.weaker([old], [found.bound])
    assert found.margin >= 0
    assert found.refuses
    for name, value in faults.items():
        if name in found.refuses:
            assert old.accepts(value, kind)
        assert found.bound.accepts(value, kind) == (old.accepts(value, kind) and name not in found.refuses)


@given(
    over=OVERS,
    test=SCALARS,
    clean=st.lists(FLOATS, min_size=1, max_size=4),
    faults=st.lists(st.lists(FLOATS, max_size=4), max_size=5),
    room=st.sampled_from([0.0, 0.01]),
)
def test_a_suggestion_holds_refuses_and_never_weakens(over, test, clean, faults, room):
    """For every form over numbers of every size: as sets, the new bound lies inside the old one."""
    text = over + test
    value, moved = (
        (tuple(clean), [tuple(each) for each in faults]) if over else (clean[0], [each[0] for each in faults if each])
    )
    assume(bounds.parse(text).accepts(value, F64))

    holds(text, value, dict(zip("abcde", moved, strict=False)), F64, room)


@given(test=SCALARS, clean=st.integers(-50, 50), faults=st.lists(st.integers(-60, 60), max_size=5))
def test_whole_numbers_obey_the_same_laws(test, clean, faults):
    """Counts have few numbers between them."""
    assume(bounds.parse(test).accepts(clean, INT))

    holds(test, clean, dict(zip("abcde", faults, strict=False)), INT)


@given(clean=st.floats(0, 1e9), fault=st.floats(0, 1e12), sign=st.sampled_from(["<", "<="]))
def test_a_fault_on_the_open_side_is_always_refused(clean, fault, sign):
    """For a bound from above and any fault above what was measured there is a tighter bound of the same form."""
    assume(clean < fault)

    found = tried(f"{sign} 1e13", clean, fault)

    assert found is not None
    assert found[0].startswith(f"{sign} ")
    assert found[1] == "0"
