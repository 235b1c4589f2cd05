"""Circles in a graph, found in a time that grows as the graph does: a chain may have ten thousand links."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Node = TypeVar("Node")


def knots(graph: Mapping[Node, Sequence[Node]]) -> dict[Node, frozenset[Node]]:
    """Return, for each node that stands in a circle, all nodes that it leads to and that lead back to it.

    By two walks: one notes in which order nodes are left, the other goes backwards from the last one left (S. R.
    Kosaraju, 1978). Neither calls itself.
    """
    backwards: dict[Node, list[Node]] = {}
    for source, targets in graph.items():
        for target in targets:
            backwards.setdefault(target, []).append(source)
    found: dict[Node, frozenset[Node]] = {}
    seen: set[Node] = set()
    for node in reversed(_left(graph)):
        knot = _reached(node, backwards, seen)
        if len(knot) > 1 or node in graph.get(node, ()):
            found |= dict.fromkeys(knot, frozenset(knot))
    return found


def way_back(start: Node, graph: Mapping[Node, Sequence[Node]], within: Collection[Node]) -> tuple[Node, ...]:
    """Return the shortest way from a node back to itself, over the nodes of its knot only, or nothing."""
    came: dict[Node, Node] = {}
    waiting = [start]
    for place in waiting:
        for target in graph.get(place, ()):
            if target == start:
                way = [place]
                while way[-1] != start:
                    way.append(came[way[-1]])
                return tuple(reversed(way))
            if target not in came and target in within:
                came[target] = place
                waiting.append(target)
    return ()


def circles(graph: Mapping[Node, Sequence[Node]]) -> tuple[tuple[Node, ...], ...]:
    """Return circles in which every node that stands in one is found, each from the node that comes first."""
    found: list[tuple[Node, ...]] = []
    met: set[Node] = set()
    tied = knots(graph)
    for start in graph:
        if start in tied and start not in met:
            found.append(way_back(start, graph, tied[start]))
            met.update(found[-1])
    return tuple(found)


def _left(graph: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Return the nodes in the order in which a walk into the depth leaves them."""
    order: list[Node] = []
    seen: set[Node] = set()
    for root in graph:
        path = [] if root in seen else [(root, iter(graph[root]))]
        seen.add(root)
        while path:
            node, targets = path[-1]
            after = next((each for each in targets if each not in seen), None)
            if after is None:
                order.append(node)
                path.pop()
            else:
                seen.add(after)
                path.append((after, iter(graph.get(after, ()))))
    return order


def _reached(start: Node, graph: Mapping[Node, Iterable[Node]], seen: set[Node]) -> list[Node]:
    """Return the nodes that a walk reaches and no walk has reached before, and note them."""
    found = [] if start in seen else [start]
    seen.add(start)
    for node in found:
        new = [each for each in dict.fromkeys(graph.get(node, ())) if each not in seen]
        seen.update(new)
        found += new
    return found
