"""The graph of contracts: what stands on what, in an order that holds, in three forms that nobody can break out of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from helpers import load, without_excerpts
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.pipeline import graphing
from pvcheck.report import graph as report
from pvcheck.rules import fleet

ROOT = Path("contracts")


def text(name, *needs, more="falsification_tests: []\n"):
    """Return a contract that needs others."""
    listed = ", ".join(json.dumps(each) for each in needs)
    return f"metadata:\n  schema: 1\n  id: {json.dumps(name)}\n  version: 1.0.0\n  depends_on: [{listed}]\n{more}"


@pytest.fixture
def folder(tmp_path, monkeypatch, pv):
    """Give a project; a call writes contracts into it by their names, and runs the command."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "pv.toml").touch()
    monkeypatch.chdir(tmp_path)

    def call(contracts, *words):
        for name, needs in contracts.items():
            written = needs if isinstance(needs, str) else text(f"C-{name}", *needs)
            (tmp_path / "contracts" / f"{name}.yaml").write_text(written)
        return pv("graph", *words)

    return call


def test_a_contract_stands_above_what_it_needs_and_is_shown_in_full_once(folder):
    """A tree for each contract that nobody needs; what leads nowhere says so."""
    status, out, err = folder({"a": ["b", "C-c"], "b": ["contracts/c.yaml"], "c": ["d"], "d": [], "e": ["nowhere"]})

    assert (status, err) == (0, "")
    assert out == (
        "C-a  1.0.0  -  contracts/a.yaml\n"
        "  C-b  1.0.0  -  contracts/b.yaml\n"
        "    C-c  1.0.0  -  contracts/c.yaml\n"
        "      C-d  1.0.0  -  contracts/d.yaml\n"
        "  C-c  1.0.0  -  contracts/c.yaml  (see above)\n"
        "C-e  1.0.0  -  contracts/e.yaml\n"
        "  nowhere  (there is no such contract)\n"
        "5 contracts, 5 dependencies: 1 of them lead nowhere\n"
    )


def test_a_contract_that_needs_nothing_is_repeated_without_a_remark(folder):
    """There is nothing above that is not here."""
    _, out, _ = folder({"a": ["c"], "b": ["c"], "c": []})

    assert out.count("  C-c  1.0.0  -  contracts/c.yaml\n") == 2
    assert "see above" not in out


def test_one_contract_brings_what_it_needs_and_no_more(folder):
    """All the way down, also where it was not named."""
    contracts = {"a": ["b"], "b": ["c"], "c": [], "other": ["a"]}

    status, out, _ = folder(contracts, "contracts/a.yaml")

    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == ["C-a", "C-b", "C-c", "3"]


def test_contracts_outside_of_the_settings_find_their_neighbours(folder, tmp_path):
    """A folder that the settings do not name is a fleet of its own."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.yaml").write_text(text("C-x", "y"))
    (tmp_path / "elsewhere" / "y.yaml").write_text(text("C-y"))

    status, out, _ = folder({}, "elsewhere/x.yaml")

    assert status == 0
    assert "  C-y  1.0.0  -  elsewhere/y.yaml\n" in out


@pytest.mark.parametrize("form", ["text", "mermaid", "json"])
def test_a_circle_is_refused_with_the_place_of_each_step(folder, form):
    """In order, from the contract that comes first; nothing is drawn."""
    status, out, err = folder({"a": ["b"], "b": ["c"], "c": ["x", "a"], "x": []}, "--format", form)

    assert (status, out) == (1, "")
    assert [line for line in without_excerpts(err).splitlines() if "hint" not in line] == [
        f"contracts/{one}.yaml:5:{column}: PV323 the dependencies go in a circle, a -> b -> c -> a; "
        f"step {number} of 3: {one} needs {other}"
        for number, (one, other, column) in enumerate([("a", "b", 16), ("b", "c", 16), ("c", "a", 21)], 1)
    ]


def test_a_contract_that_needs_itself_is_a_circle(folder):
    """Of one step."""
    status, _, err = folder({"a": ["C-a"]})

    assert status == 1
    assert "PV323 the dependencies go in a circle, a -> a; step 1 of 1: a needs a\n" in err


def test_two_circles_are_told_both(folder):
    """Mending one does not bring up the next."""
    status, _, err = folder({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]})

    assert status == 1
    assert "a -> b -> a; step 1 of 2" in err
    assert "c -> d -> c; step 1 of 2" in err


def test_a_contract_that_cannot_be_read_is_shown_and_told(folder):
    """It is there, so it is not a dependency that leads nowhere."""
    broken = "metadata: {schema: 1}\nmetadata: {}\n"
    contracts = {"a": ["b", "w"], "b": broken, "w": "metadata: {id: 7}\nfalsification_tests: 1\n"}

    status, out, err = folder(contracts)
    drawn = folder({}, "--format", "mermaid")[1]
    told = json.loads(folder({}, "--format", "json")[1])
    alone = folder({}, "contracts/a.yaml")

    assert status == 1
    assert "  (cannot be read)  contracts/b.yaml\n  (cannot be read)  contracts/w.yaml\n" in out
    assert out.endswith("3 contracts, 2 dependencies: 0 of them lead nowhere; 2 cannot be read\n")
    assert "contracts/b.yaml:2:1: PV118" in err
    assert '  c1["b cannot be read"]\n' in drawn
    assert [each["is_read"] for each in told["contracts"]] == [True, False, False]
    assert alone[0] == 0
    assert alone[2] == ""


def test_a_file_that_is_not_there_exits_3(folder):
    """Nothing can be told about it."""
    status, _, err = folder({}, "contracts/nowhere.yaml")

    assert status == 3
    assert "PV708" in err


STAGES = """\
falsification_tests:
- {id: F-1, status: PENDING}
- {id: F-2}
- {id: F-3}
implementation_stages:
- {id: M-1, status: SHIPPED, expected_acceptance: [F-1, F-2]}
- {id: M-2, expected_acceptance: [F-1, F-9]}
"""


def test_stages_show_the_falsifiers_that_decide_them(folder):
    """Those that are not there, and those that decide nothing, are shown as such."""
    contracts = {"a": text("C-a", more=STAGES)}

    _, out, _ = folder(contracts, "--stages")
    drawn = folder({}, "--stages", "--format", "mermaid")[1]
    told = json.loads(folder({}, "--stages", "--format", "json")[1])

    assert out == (
        "C-a  1.0.0  -  contracts/a.yaml\n"
        "  stage M-1  SHIPPED\n"
        "    F-1  PENDING\n"
        "    F-2  -\n"
        "  stage M-2  -\n"
        "    F-1  PENDING\n"
        "    F-9  (there is no such falsifier)\n"
        "  in no stage: F-3\n"
        "1 contract, 0 dependencies: 0 of them lead nowhere\n"
    )
    assert drawn == (
        "flowchart LR\n"
        '  c0["C-a 1.0.0 -"]\n'
        '  c0s0["M-1 SHIPPED"]\n'
        "  c0 --- c0s0\n"
        '  c0f0(["F-1 PENDING"])\n'
        "  c0s0 --> c0f0\n"
        '  c0f1(["F-2 -"])\n'
        "  c0s0 --> c0f1\n"
        '  c0s1["M-2 -"]\n'
        "  c0 --- c0s1\n"
        "  c0s1 --> c0f0\n"
        '  c0f2(["F-9 there is no such falsifier"])\n'
        "  c0s1 --> c0f2\n"
    )
    assert told["contracts"][0]["stages"][1] == {
        "id": "M-2",
        "status": None,
        "falsifiers": [{"id": "F-1", "status": "PENDING"}, {"id": "F-9", "status": None}],
    }
    assert told["contracts"][0]["in_no_stage"] == ["F-3"]


def test_mermaid_draws_what_is_missing_with_dots_and_once(folder):
    """Two that need the same missing contract meet in it."""
    _, out, _ = folder({"a": ["gone", "b"], "b": ["gone"]}, "--format", "mermaid")

    assert out == (
        "flowchart LR\n"
        '  c0["C-a 1.0.0 -"]\n'
        '  c1["C-b 1.0.0 -"]\n'
        '  m0(["gone there is no such contract"])\n'
        "  c0 -.-> m0\n"
        "  c0 --> c1\n"
        "  c1 -.-> m0\n"
    )


def test_json_is_sorted_and_the_same_each_time(folder):
    """By path; what is needed comes first in the order."""
    contracts = {"b": [], "a": ["b", "gone"], "c": ["a"]}

    first, second = (folder(contracts, "--format", "json")[1] for _ in range(2))

    told = json.loads(first)
    assert first == second == json.dumps(told, indent=1, sort_keys=True) + "\n"
    assert told["order"] == ["contracts/b.yaml", "contracts/a.yaml", "contracts/c.yaml"]
    assert told["contracts"][0] == {
        "depends_on": [{"name": "b", "path": "contracts/b.yaml"}, {"name": "gone", "path": None}],
        "id": "C-a",
        "is_read": True,
        "path": "contracts/a.yaml",
        "status": None,
        "version": "1.0.0",
    }


HOSTILE = 'x"]; click c0 href "javascript:alert(1)" %%<script>#quot;`end\\'


def test_no_id_breaks_out_of_a_label(folder):
    """Quotes, brackets, semicolons, entities and line ends are numbers in a diagram and escapes on a terminal."""
    contracts = {"a": text(HOSTILE, "b\u202e[2J"), "b": text('"\n```\n# injected')}

    drawn, told = (folder(contracts, "--format", form) for form in ("mermaid", "text"))

    assert drawn[0] == told[0]
    for line in drawn[1].splitlines()[1:]:
        assert re.fullmatch(r'  [cm]\d+(?:\(?\["(?:[A-Za-z0-9 ._/-]|#\d+;)*"\]\)?| -\.?->? [cm]\d+| --> [cm]\d+)', line)
    assert "\u202e" not in told[1]
    assert "\n#" not in told[1]


NAMES = [f"n{number}" for number in range(8)]


@st.composite
def graphs(draw):
    """Draw contracts whose dependencies lead to contracts of an earlier number or nowhere, in any order of files."""
    order = draw(st.permutations(NAMES))
    needs = {
        name: draw(st.lists(st.sampled_from([*order[:index], "nowhere"]), max_size=4, unique=True))
        for index, name in enumerate(order)
    }
    return {ROOT / f"{name}.yaml": needs[name] for name in draw(st.permutations(NAMES))}


def graph_of(needs):
    """Return the graph of drawn contracts."""
    contracts = {path: load(text(f"C-{path.stem}", *each), str(path)).contract for path, each in needs.items()}
    edges = fleet.edges(contracts)
    order = graphing.ordered(contracts, edges)
    return graphing.Graph(dict(sorted(contracts.items(), key=lambda each: str(each[0]))), edges, order, frozenset(), ())


@given(needs=graphs())
def test_everything_needed_comes_before_what_needs_it(needs):
    """The order has every contract once, and each edge points from a dependent back to what it needs."""
    graph = graph_of(needs)

    place = {path: index for index, path in enumerate(graph.order)}
    assert sorted(place) == sorted(needs)
    assert len(graph.order) == len(needs)
    assert all(place[each.target] < place[each.source] for each in graph.edges if each.target is not None)
    assert {(each.source, each.dependency.text) for each in graph.edges} == {
        (path, name) for path, names in needs.items() for name in names
    }


@given(needs=graphs(), seed=st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_the_files(needs, seed):
    """The same contracts give the same order, tree, diagram and JSON."""
    shuffled = list(needs.items())
    seed.shuffle(shuffled)

    one, other = graph_of(needs), graph_of(dict(shuffled))

    assert one.order == other.order
    assert report.as_json(one, stages=False) == report.as_json(other, stages=False)
    assert list(report.text(one, stages=True)) == list(report.text(other, stages=True))


@given(needs=graphs())
def test_a_tree_shows_every_contract_and_unfolds_it_once(needs):
    """Nothing is left out, and nothing grows beyond the number of dependencies."""
    graph = graph_of(needs)

    *lines, last = report.text(graph, stages=False)

    assert {line.split()[-1] for line in lines if line.endswith(".yaml")} == {str(path) for path in needs}
    assert len(lines) <= len(needs) + len(graph.edges)
    assert last.startswith(f"8 contracts, {len(graph.edges)} dependenc")
