"""Differences of trees: the law that they lead from one tree to the other, and what they are told as."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.difference import ABSENT, Difference, Order, apply, compare, located, names, readable, same

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, -0.0, 1.0, 0.5, math.nan, math.inf]),
    st.sampled_from(["", "a", "b", "a:b", "=", "version=a", "type,property=a:b"]),
)
keys = st.sampled_from(["id", "version", "name", "type", "property", "x", "0"])


def _collections(parts):
    """Return mappings and lists of all the kinds that are compared in their own way."""
    named = st.fixed_dictionaries({"id": st.sampled_from("abcd")}, optional={"x": parts, "version": parts})
    dated = st.fixed_dictionaries({"version": st.sampled_from("abcd")}, optional={"x": parts})
    return st.one_of(
        st.dictionaries(keys, parts, max_size=4),
        st.lists(parts, max_size=4),
        st.lists(named, max_size=4, unique_by=lambda item: item["id"]),
        st.lists(dated, max_size=4, unique_by=lambda item: item["version"]),
        st.lists(st.dictionaries(keys, scalars, max_size=5), max_size=4),
    )


trees = st.deferred(lambda: st.one_of(scalars, scalars, _collections(trees)))


@given(trees, trees)
def test_applying_the_differences_to_the_old_gives_the_new(before, after):
    """apply(a, compare(a, b)) is b, order of lists included, and a is left as it was."""
    kept = repr(before)

    found = compare(before, after)

    assert same(apply(before, found), after)
    assert repr(before) == kept


@given(trees, trees)
def test_there_are_differences_exactly_where_trees_are_not_the_same(before, after):
    """Nothing vanishes, and nothing is told of what is the same."""
    assert (compare(before, after) == ()) is same(before, after)
    assert compare(before, before) == ()


@given(st.permutations("abcd"), st.permutations("bcdef"))
def test_lists_with_ids_are_compared_item_by_item(before, after):
    """Every route names an id, wherever the item stands, and a list is never exchanged as a whole."""
    old, new = ([{"id": each, "x": index} for index, each in enumerate(one)] for one in (before, after))

    found = compare({"list": old}, {"list": new})

    assert {each.route for each in found if each.before is ABSENT} == {("list", "e"), ("list", "f")}
    assert [each.route for each in found if each.after is ABSENT] == [("list", "a")]
    assert all(each.route[1:] in {(), ("e",), ("f",), ("a",), *((name, "x") for name in "bcd")} for each in found)
    assert same(apply({"list": old}, found), {"list": new})


CASES = {
    "value": ({"a": 1}, {"a": 2}, [Difference(("a",), 1, 2)]),
    "came": ({}, {"a": None}, [Difference(("a",), ABSENT, None)]),
    "went": ({"a": None}, {}, [Difference(("a",), None, ABSENT)]),
    "true is not 1": ({"a": 1}, {"a": True}, [Difference(("a",), 1, True)]),
    "1 is 1.0": ({"a": 1}, {"a": 1.0}, []),
    "NaN is only itself": (
        {"a": math.nan, "b": math.nan},
        {"a": math.nan, "b": 1.0},
        [Difference(("b",), math.nan, 1.0)],
    ),
    "zeros have signs": ({"a": 0.0}, {"a": -0.0}, [Difference(("a",), 0.0, -0.0)]),
    "form": ({"a": [1]}, {"a": {"b": 1}}, [Difference(("a",), [1], {"b": 1})]),
    "keys in another order": ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
    "list of numbers": ({"a": [1, 2]}, {"a": [2, 1]}, [Difference(("a",), [1, 2], [2, 1])]),
    "item edited and moved": (
        [{"id": "F-1", "x": 1}, {"id": "F-2"}],
        [{"id": "F-2"}, {"id": "F-1", "x": 2}],
        [Difference((), Order(("F-1", "F-2")), Order(("F-2", "F-1"))), Difference(("F-1", "x"), 1, 2)],
    ),
    "item in front": ([{"id": "a"}], [{"id": "b"}, {"id": "a"}], [Difference(("b",), ABSENT, {"id": "b"}, 0)]),
    "first item of a list": ([], [{"id": "a"}], [Difference(("a",), ABSENT, {"id": "a"}, 0)]),
    "amendment": (
        [{"version": "1.0.0"}],
        [{"version": "1.1.0"}, {"version": "1.0.0"}],
        [Difference(("version=1.1.0",), ABSENT, {"version": "1.1.0"}, 0)],
    ),
    "obligation without id": (
        [{"type": "bound", "property": "p", "tolerance": 1}],
        [{"type": "bound", "property": "p", "tolerance": 2, "id": "O-1"}],
        [
            Difference(("type,property=bound:p", "tolerance"), 1, 2),
            Difference(("type,property=bound:p", "id"), ABSENT, "O-1"),
        ],
    ),
    "an id that stands twice": (
        [{"id": "a"}, {"id": "a", "x": 1}, {"id": "a"}],
        [{"id": "a", "x": 2}],
        [
            Difference((2,), {"id": "a"}, ABSENT),
            Difference((1,), {"id": "a", "x": 1}, ABSENT),
            Difference((0, "x"), ABSENT, 2),
        ],
    ),
    "an id that stands twice now": (
        [{"id": "a", "name": "n"}],
        [{"id": "a", "name": "n"}, {"id": "a", "name": "m"}],
        [Difference(("name=m",), ABSENT, {"id": "a", "name": "m"}, 1)],
    ),
    "a list of which one item is no mapping": (
        [{"id": "a"}, 1],
        [{"id": "b"}, 1],
        [Difference((), [{"id": "a"}, 1], [{"id": "b"}, 1])],
    ),
    "items without names": ([{"x": 1}], [{"x": 1}, {"x": 2}], [Difference((1,), ABSENT, {"x": 2}, 1)]),
}


@pytest.mark.parametrize(("before", "after", "told"), CASES.values(), ids=CASES)
def test_each_kind_of_difference_has_its_form(before, after, told):
    """Route, both sides, and where an item was added."""
    assert list(map(repr, compare(before, after))) == list(map(repr, told))


NAMES = {
    "ids": ([{"id": "a"}, {"id": "b"}], ["a", "b"]),
    "an id with the sign of other names": ([{"id": "version=a", "name": "n"}], ["name=n"]),
    "a type that could not be told from the property": ([{"type": "a:b", "property": "c"}], None),
    "an empty id": ([{"id": ""}], None),
    "not a mapping": (["a"], None),
    "names": ([{"name": "a"}], ["name=a"]),
}


@pytest.mark.parametrize(("items", "told"), NAMES.values(), ids=NAMES)
def test_items_are_named_by_what_tells_them_apart(items, told):
    """No name can be taken for one of another kind."""
    assert names(items) == told


TREE = {
    "list": [{"id": "a"}, {"id": "b", "x": {"y": [5]}}],
    "dated": [{"version": "1.0.0"}, {"version": "1=2"}],
    "text": "t",
}


@pytest.mark.parametrize(
    ("route", "place"),
    [
        pytest.param(("list", "b", "x", "y", 0), ("list", 1, "x", "y", 0), id="whole"),
        pytest.param(("list", "c", "x"), ("list",), id="no such item"),
        pytest.param(("list", 7), ("list",), id="no such position"),
        pytest.param(("list", -1), ("list",), id="no positions from the end"),
        pytest.param(("dated", "version=1.0.0"), ("dated", 0), id="another name"),
        pytest.param(("text", "t"), ("text",), id="inside a text"),
        pytest.param(("nothing",), (), id="no such key"),
        pytest.param(("nothing", "text"), (), id="a key behind one that is not there"),
        pytest.param(("dated", "version=1=2"), ("dated", 1), id="a name with that sign"),
    ],
)
def test_a_route_is_followed_as_far_as_it_leads(route, place):
    """Names become positions; what is not there is answered with what is around it."""
    assert located(TREE, route) == place


@pytest.mark.parametrize(
    ("route", "text"),
    [
        pytest.param(("falsification_tests", "F-1", "expect"), "falsification_tests.F-1.expect", id="id"),
        pytest.param(("amendments", "version=1.2.3", "date"), "amendments.1.2.3.date", id="version"),
        pytest.param(("a", "type,property=bound:x = y", 0), "a.bound:x = y[0]", id="type and property"),
        pytest.param(("a", "x=y"), "a.x=y", id="a key with that sign"),
    ],
)
def test_a_route_is_read_with_names_as_the_file_has_them(route, text):
    """How a step finds its item is of no interest to a reader."""
    assert readable(route) == text
