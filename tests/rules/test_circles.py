"""Circles in graphs: found exactly where there are some, in a time that grows with the graph."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.rules.circles import circles, knots, way_back

GRAPHS = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), max_size=8)


def reach(start, graph):
    """Return what can be reached in one step or more, by trying until nothing is new."""
    found = set(graph.get(start, ()))
    while new := {target for each in found for target in graph.get(each, ())} - found:
        found |= new
    return found


@given(GRAPHS)
def test_a_knot_is_what_leads_there_and_back(graph):
    """Law: two nodes share a knot if and only if each can be reached from the other."""
    nodes = {*graph, *(each for targets in graph.values() for each in targets)}

    tied = knots(graph)

    assert tied == {
        node: {other for other in nodes if other in reach(node, graph) and node in reach(other, graph)}
        for node in nodes
        if node in reach(node, graph)
    }


@given(GRAPHS)
def test_a_way_back_is_one_and_the_shortest(graph):
    """Law: it follows the graph, meets no node twice, and no way with fewer steps comes back."""
    tied = knots(graph)
    for start in tied:
        way = way_back(start, graph, tied[start])

        assert way[0] == start
        assert all(after in graph[node] for node, after in zip(way, (*way[1:], start), strict=True))
        assert len(set(way)) == len(way)
        near = {start}
        for _ in range(len(way) - 1):
            near = {target for each in near for target in graph.get(each, ())}
            assert start not in near


@given(GRAPHS)
def test_every_node_that_stands_in_a_circle_is_in_one_that_is_told(graph):
    """Law: none is left out."""
    assert {each for circle in circles(graph) for each in circle} == set(knots(graph))


def test_what_stands_in_no_circle_has_no_way_back():
    """It is looked for among the nodes of a knot, of which there are none."""
    assert way_back(1, {1: [2], 2: [3]}, {1, 2, 3}) == ()


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_long_chain_costs_no_more_than_its_links(is_closed):
    """A hundred thousand links, open and closed."""
    chain = {index: [index + 1] for index in range(99_999)} | ({99_999: [0]} if is_closed else {})
    began = time.process_time()

    assert len(circles(chain)) == int(is_closed)

    assert time.process_time() - began < 3
