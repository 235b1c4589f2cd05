"""The case files: a contract that is right or wrong in one way, and at its top what validation says of it.

Adding a case is adding a file. ``# expect:`` has place, severity, code and message of one finding, or ``nothing``;
``# beside: NAME = FILE`` puts the text of another case beside the contract.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pvcheck import explain
from pvcheck.pipeline import checking

CASES = Path(__file__).resolve().parents[1] / "cases" / "rules"
EXPECT = re.compile(r"^# expect: (.*)\n", re.MULTILINE)
BESIDE = re.compile(r"^# beside: (\S+) = (\S+)\n", re.MULTILINE)
NOTHING_BOUND = re.compile(r"[0-9]+:1 warning PV317 0 of [0-9]+ falsifiers? bound: nothing here is measured")
"""Said of most cases, which measure nothing for brevity."""
NEW = [code for code in explain.codes() if "PV209" <= code <= "PV219" or "PV315" <= code <= "PV350"]


def cases(kind):
    """Return the cases of a kind."""
    return [pytest.param(path, id=path.stem) for path in sorted((CASES / kind).glob("*.yaml"))]


def code_of(path):
    """Return the code that a case is about."""
    return path.stem.partition("-")[0]


def findings(path, folder):
    """Return what is found in a case that lies in a repository of its own, with one test that exists."""
    text = path.read_text(encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / "tests").mkdir()
    (folder / "tests" / "test_growth.py").touch()
    places = [*((folder / "contracts" / name, CASES / other) for name, other in BESIDE.findall(text))]
    places.append((folder / "contracts" / path.name, path))
    for place, source in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())
    *_, checked = checking.check_all([place for place, _ in places])
    return checked.findings


def told(found, folder):
    """Return findings as the cases write them."""
    lines = [f"{each.line}:{each.column} {each.severity} {each.code} {each.message}" for each in found]
    return [line.replace(f"{folder}/", "") for line in lines]


@pytest.mark.parametrize("path", [*cases("bad"), *cases("good")])
def test_a_case_is_told_as_it_says(path, tmp_path):
    """Place, severity, code and message of every finding, and nothing else; each with a way out."""
    expected = EXPECT.findall(path.read_text(encoding="utf-8"))
    folder = tmp_path / "repo"
    folder.mkdir()

    found = findings(path, folder)

    assert (told(found, folder) or ["nothing"]) == expected
    assert [each.code for each in found if not each.hint] == []


@pytest.mark.parametrize("path", cases("bad"))
def test_a_bad_case_has_the_code_of_its_name(path):
    """A case that stops showing its fault is no case."""
    expected = EXPECT.findall(path.read_text(encoding="utf-8"))

    assert code_of(path) in {line.split()[2] for line in expected}


@pytest.mark.parametrize("path", cases("good"))
def test_a_good_case_has_no_finding(path):
    """But that nothing in it is bound, where it is short."""
    expected = EXPECT.findall(path.read_text(encoding="utf-8"))

    assert [line for line in expected if line != "nothing" and not NOTHING_BOUND.fullmatch(line)] == []


@pytest.mark.parametrize("code", NEW)
def test_every_rule_has_a_good_and_a_bad_case(code):
    """A rule that nothing shows is a rule that nobody tried."""
    assert [kind for kind in ("good", "bad") if not list((CASES / kind).glob(f"{code}-*.yaml"))] == []
