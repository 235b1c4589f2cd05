"""Rules between contracts: what a dependency means, circles, names that two files share, and what is read for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.loading import contract as loading
from pvcheck.rules import fleet

HEAD = "metadata:\n  version: 1.0.0\n"
TAIL = "falsification_tests:\n- {id: F-1, if_fails: x}\n"


def write(folder, name, depends_on="", identity=""):
    """Write a small contract and return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"  id: {identity}\n" if identity else "") + (f"  depends_on: {depends_on}\n" if depends_on else "")
    path.write_text(HEAD + lines + TAIL)
    return path


def part(path):
    """Return a file as the rules between contracts take it."""
    loaded = loading.load(path.read_bytes(), path.name)
    assert loaded.contract is not None
    return path, loaded.contract, loaded.document


def unasked():
    """Stand for a fleet that nobody may ask for."""
    raise AssertionError("the fleet was asked for")


def told(found):
    """Return findings by file, as texts."""
    return {path.name: [str(each) for each in findings] for path, findings in found.items() if findings}


def test_nothing_else_is_looked_at_where_nothing_depends(tmp_path):
    """A hook on one file reads one file."""
    path = write(tmp_path, "a.yaml")

    assert fleet.check([part(path)], tmp_path, unasked) == {path: ()}


@pytest.mark.parametrize(
    "text",
    ["b-v1", "b-v1.yaml", "sub/b-v1", "./sub/b-v1.yaml", "repo/sub/b-v1.yaml", "C-B", "b-v1, as of May", "b-v1:"],
)
def test_a_dependency_is_named_by_stem_path_or_id(tmp_path, text):
    """From the folder of the contract or from the root, with and without the ending."""
    target = write(tmp_path, "repo/sub/b-v1.yaml", identity="C-B")
    source = write(tmp_path, "repo/a.yaml", depends_on=f'["{text}"]')
    contracts = {path: part(path)[1] for path in (source, target)}

    edges = fleet.edges(contracts, tmp_path)

    assert [(edge.source, edge.target, edge.dependency.text) for edge in edges] == [(source, target, text)]
    assert edges[0].dependency.route == ("metadata", "depends_on", 0)


@pytest.mark.parametrize("text", ["b", "b-v2", "c-b", "", "../b-v1.yaml", "/b-v1.yaml", "b-v1.txt"])
def test_other_names_lead_nowhere(tmp_path, text):
    """Names are compared as they are written."""
    target = write(tmp_path, "sub/b-v1.yaml", identity="C-B")
    source = write(tmp_path, "a.yaml", depends_on=f'["{text}"]')
    contracts = {path: part(path)[1] for path in (source, target)}

    assert [edge.target for edge in fleet.edges(contracts, tmp_path)] == [None]


def test_a_path_is_looked_for_before_a_stem_and_a_stem_before_an_id(tmp_path):
    """The closest meaning of a name wins, and of two files with one stem the first."""
    near = write(tmp_path, "x/b.yaml", identity="C-1")
    far = write(tmp_path, "y/b.yaml", identity="b")
    source = write(tmp_path, "y/a.yaml", depends_on="[b, ../x/b, C-1]")
    other = write(tmp_path, "a2.yaml", depends_on="[b]")
    contracts = {path: part(path)[1] for path in (near, far, source, other)}

    assert [edge.target for edge in fleet.edges(contracts, tmp_path)] == [far, near, near, near]


def test_of_two_contracts_with_one_id_the_first_is_meant(tmp_path):
    """Reading a fleet again gives the same answer."""
    first, second = write(tmp_path, "b.yaml", identity="C-1"), write(tmp_path, "c.yaml", identity="C-1")
    source = write(tmp_path, "a.yaml", depends_on="[C-1]")
    contracts = {path: part(path)[1] for path in (source, first, second)}

    assert [edge.target for edge in fleet.edges(contracts)] == [first]


def test_an_id_means_the_contract_that_is_checked_before_one_that_is_not(tmp_path):
    """A neighbour that copied an id does not hide a circle."""
    write(tmp_path, "b.yaml", identity="C-1")
    source = write(tmp_path, "a.yaml", depends_on="[C-1]", identity="C-1")

    found = fleet.check([part(source)], tmp_path, list)

    assert told(found) == {"a.yaml": ["a.yaml:4:16: PV323 the dependencies lead back here: a -> a"]}


def test_files_beside_the_contract_and_those_of_the_settings_count(tmp_path):
    """What is not checked is looked up: by its name in the folder, by its id in the fleet."""
    write(tmp_path, "beside.yaml")
    listed = write(tmp_path, "other/listed.yaml", identity="C-LISTED")
    broken = tmp_path / "other" / "broken.yaml"
    broken.write_text("a: [")
    source = write(tmp_path, "a.yaml", depends_on="[beside, listed, C-LISTED, C-BROKEN, gone]")

    found = fleet.check([part(source)], tmp_path, lambda: [listed, broken, tmp_path / "other/none.yaml"])

    assert told(found) == {
        "a.yaml": [
            'a.yaml:3:42: PV321 there is no contract "C-BROKEN" to depend on',
            'a.yaml:3:52: PV321 there is no contract "gone" to depend on',
        ]
    }


def test_a_folder_that_cannot_be_listed_has_no_neighbours(tmp_path):
    """A contract whose folder went away is checked all the same."""
    path = write(tmp_path, "a.yaml", depends_on="[b]")
    whole = part(path)
    path.unlink()
    moved = (tmp_path / "gone" / "a.yaml", *whole[1:])

    found = fleet.check([moved], tmp_path, list)

    assert told(found) == {"a.yaml": ['a.yaml:3:16: PV321 there is no contract "b" to depend on']}


def test_a_circle_through_files_that_are_not_checked_is_found(tmp_path):
    """The way back is told, and each contract of the circle that is checked says so at its own dependency."""
    first = write(tmp_path, "a.yaml", depends_on="[d, b]")
    write(tmp_path, "b.yaml", depends_on="[c]")
    write(tmp_path, "c.yaml", depends_on="a")
    write(tmp_path, "d.yaml", depends_on="[c, nothing]")

    found = fleet.check([part(first)], tmp_path, list)

    message = "PV323 the dependencies lead back here: a -> d -> c -> a"
    assert told(found) == {"a.yaml": [f"a.yaml:3:16: {message}"]}


def test_a_contract_that_leads_to_a_circle_is_in_none(tmp_path):
    """It is said where the circle is."""
    outside = write(tmp_path, "a.yaml", depends_on="[b]")
    inside = write(tmp_path, "b.yaml", depends_on="[b]")

    found = fleet.check([part(outside), part(inside)], tmp_path, list)

    assert told(found) == {"b.yaml": ["b.yaml:3:16: PV323 the dependencies lead back here: b -> b"]}


def test_files_with_the_same_bytes_may_share_a_name(tmp_path):
    """A copy says nothing else."""
    first, second = write(tmp_path, "x/a.yaml"), write(tmp_path, "y/a.yaml")

    assert told(fleet.check([part(first), part(second)], tmp_path, unasked)) == {}


GRAPHS = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), max_size=8)


def edge(source, target):
    """Return a dependency between two numbered contracts."""
    return fleet.Edge(Path(str(source)), None if target is None else Path(str(target)), None)


@given(GRAPHS)
def test_a_circle_is_found_exactly_where_there_is_one(graph):
    """Law: no circle is reported if and only if the contracts can be put in an order."""
    edges = [edge(source, target) for source, targets in graph.items() for target in targets]
    rest = {place: set(targets) for place, targets in graph.items()}
    while ready := [place for place, targets in rest.items() if not targets & rest.keys()]:
        for place in ready:
            del rest[place]

    circles = fleet.cycles(edges)

    assert bool(circles) == bool(rest)
    for circle in circles:
        steps = list(zip(circle, (*circle[1:], circle[0]), strict=True))
        assert {(each.source, each.target) for each in edges} >= set(steps)
        assert len(set(circle)) == len(circle)


def test_a_dependency_that_leads_nowhere_closes_no_circle():
    """What does not exist stands on nothing."""
    assert fleet.cycles([edge(1, None), edge(1, 2)]) == ()
    assert fleet.cycles([edge(1, 2), edge(2, 1), edge(2, 2), edge(3, 3)]) == ((Path("1"), Path("2")), (Path("3"),))
