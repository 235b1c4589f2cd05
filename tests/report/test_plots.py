"""Plots: decades on a log axis, a place for every number that has one, a word for every number that has none."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.report.html import grid, plots, scales
from pvcheck.report.html.grid import Grid, Sign
from pvcheck.report.html.plots import Panel, Rule, Series

NUMBERS = st.lists(st.floats(width=64), min_size=1, max_size=30)


def panel(values, *, is_log=True, labels=None, marked=(), rules=(), **words):
    """Return a panel of one series."""
    labels = [f"layer {each}" for each in range(len(values))] if labels is None else labels
    return Panel("a title", "rel_diff [1]", [Series("rel_diff", values)], labels, marked, rules, is_log, **words)


def numbers_in(svg):
    """Return every coordinate of the paths of a drawing."""
    return [float(each) for path in re.findall(r' d="([^"]*)"', svg) for each in re.findall(r"-?[0-9.]+", path)]


@given(values=NUMBERS, is_log=st.booleans())
def test_whatever_the_numbers_the_drawing_stays_inside(values, is_log):
    """NaN, infinities, zeros and the ends of binary64 make a drawing with finite coordinates, or none."""
    drawn = plots.svg(panel(values, is_log=is_log, rules=[Rule(1000.0, "limit")]))

    assert "nan" not in drawn.partition("<desc>")[0].lower()
    assert all(-6 <= each <= plots.WIDTH for each in numbers_in(drawn))


@given(values=NUMBERS)
def test_a_log_axis_has_ticks_at_decades(values):
    """Each tick is a whole power of ten, they rise, and there are few."""
    scale = scales.log(values, 100, 0)

    if scale is None:
        assert not any(math.isfinite(each) and each > 0 for each in values)
        return
    places, words = zip(*scale.ticks(), strict=True)
    assert [*places] == sorted(places, reverse=True)
    assert 2 <= len(words) <= scales.TICKS
    assert all(re.fullmatch(r"10*|0\.0*1|1e[+-]?[0-9]+", each) for each in words)


@given(values=NUMBERS)
def test_a_linear_axis_has_round_ticks_and_zero(values):
    """The axis reaches from zero over every finite number."""
    scale = scales.linear(values, 100, 0)

    if scale is None:
        return
    ticks = scale.ticks()
    assert "0" in [word for _, word in ticks]
    assert len(ticks) <= scales.TICKS + 3
    assert all(-1e-6 <= place <= 100 + 1e-6 for place, _ in ticks)


def test_a_drawing_is_made_of_known_parts():
    """The line, a dot a number, a rhomb for a marked one, a rule with its name, axes with units, words for all."""
    drawn = plots.svg(panel((0.001, 1.0, 0.1), marked=[1], rules=[Rule(0.5, "bound all &lt; 0.5")]))

    assert drawn.count("h0") == 2
    assert drawn.count("l5 5-5 5-5-5z") == 1
    assert "bound all &lt; 0.5" in drawn
    assert "rel_diff [1], log scale" in drawn
    assert ">layer</text>" in drawn
    assert "<desc>rel_diff from 0.001 to 1; ◇ ill-conditioned: layer 1</desc>" in drawn


def test_what_has_no_place_on_the_axis_is_named():
    """A zero on a log axis and a NaN are crosses at the end of the axis, and the caption names them."""
    drawn = plots.svg(panel((0.0, 0.5, math.nan, -1.0, math.inf, 0.25, 0.0)))

    assert drawn.count("l6 6m-6 0l6-6") == 5
    assert "zero, negative or not finite: rel_diff at layer 0, layer 2, layer 3, layer 4 and 1 more" in drawn


def test_a_line_is_broken_where_a_number_has_no_place():
    """Nothing is drawn through a gap."""
    drawn = plots.svg(panel((1.0, math.nan, 1.0)))

    line = re.search(r'class="l a" d="([^"]*)"', drawn)[1]
    assert line.count("M") == 2
    assert "L" not in line


def test_series_differ_by_marker():
    """A second series has squares and dashes, so colour is not all that tells it."""
    drawn = plots.svg(Panel("t", "y", [Series("one", (1.0, 2.0)), Series("two", (2.0, 1.0), "z")], ["a", "b"]))

    assert "● one from 1 to 2, □ two from 1 to 2" in drawn
    assert 'class="l z"' in drawn
    assert "m-3-3h6v6h-6z" in drawn


def test_a_very_long_series_is_cut_and_says_so():
    """A hostile record with a million layers makes no page of a hundred megabytes."""
    drawn = plots.svg(panel(tuple([1.0] * 3000)))

    assert "drawn are 2000 of 3000 positions" in drawn
    assert len(drawn) < 100_000


@pytest.mark.parametrize(
    ("labels", "title", "words"),
    [
        (["layer 2", "layer 3"], "layer", ["2", "3"]),
        (["blk_1", "blk_2"], "blk", ["1", "2"]),
        (["0", "1"], "position", ["0", "1"]),
        (["gate", "up"], "position", ["gate", "up"]),
        (["a long name of a step", "b"], "position, from 0", ["0", "1"]),
        (["layer 1", "product 2"], "position, from 0", ["0", "1"]),
        ([], "position, from 0", []),
    ],
)
def test_the_axis_of_positions_says_what_labels_say(labels, title, words):
    """Numbered labels name the axis; short ones stand on it; others are counted."""
    assert plots.positions(labels) == (title, words)


def test_a_matrix_has_a_sign_in_each_cell_and_a_table():
    """One path a sign, words in the table, names escaped."""
    made = Grid(
        "T",
        "d",
        "bound",
        ["<a>", "b"],
        ["1", "2"],
        [[Sign("full", "d", "caught"), None], [Sign("cross", "f", "passed")] * 2],
    )

    drawn, table = grid.svg(made), grid.table(made, "fault")

    assert drawn.count("<path") == 3
    assert "&lt;a&gt;" in drawn
    assert "<a>" not in drawn + table
    assert "<th>&lt;a&gt;<td>caught<td>-" in table
    assert "passed" in grid.legend([Sign("cross", "f", "passed")])


def test_a_wide_matrix_draws_the_last_columns():
    """A contract of a hundred versions shows the newest; the table has all."""
    columns = [f"1.{each}.0" for each in range(100)]
    made = Grid("T", "d", "version", ["F"], columns, [[Sign("full", "d", "discharged")] * 100])

    assert "1.59.0" not in grid.svg(made)
    assert "1.60.0" in grid.svg(made)
    assert "rotate(-45" in grid.svg(made)
    assert grid.table(made, "falsifier").count("<td>") == 100
