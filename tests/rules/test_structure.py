"""Rules inside one file: each code, its place, its message and its way out."""

from __future__ import annotations

import pytest
from loading.texts import GOOD, UPSTREAM, edited, loaded, told

from pvcheck.rules import structure


def checked(text: str) -> list:
    """Return what the rules say of a text whose shape is right."""
    result = loaded(text)
    assert result.contract is not None
    return list(structure.check(result.contract, result.document))


def test_a_good_contract_breaks_no_rule():
    """Nothing is said of what is right."""
    assert checked(GOOD) == []


AMENDMENTS = """\
amendments:
- version: 1.10.0
  date: 2026-11-22
- version: %s
  date: %s
"""
BROKEN = {
    "falsifier twice": (
        [("- id: F-2", "- id: F-1")],
        'c.yaml:19:7: PV302 the falsifier "F-1" is there already, on line 11',
        "give one of them another id",
    ),
    "falsifier twice, in another case": (
        [("- id: F-2", "- id: f-1")],
        'c.yaml:19:7: PV302 the falsifier "f-1" is there already, on line 11',
        "give one of them another id",
    ),
    "stage twice": (
        [("amendments: []", "- id: S-1\namendments: []")],
        'c.yaml:25:7: PV302 the stage "S-1" is there already, on line 22',
        "give one of them another id",
    ),
    "stage that names nobody": (
        [("expected_acceptance: [F-1]", "expected_acceptance: [F-1, F-9]")],
        'c.yaml:23:30: PV303 the stage "S-1" is decided by "F-9", which is not in this file',
        "name a falsifier of this contract, or take it out",
    ),
    "stage that names another case": (
        [("expected_acceptance: [F-1]", "expected_acceptance: [f-1]")],
        'c.yaml:23:25: PV303 the stage "S-1" is decided by "f-1", which is not in this file',
        "name a falsifier of this contract, or take it out",
    ),
    "parameters without evaluator": (
        [("  rule: not measured yet", "  with: {a: 1}")],
        "c.yaml:20:3: PV310 'with' needs an evaluator",
        "name the evaluator that measures this, or leave the key out",
    ),
    "bounds without evaluator": (
        [("  rule: not measured yet", "  expect: {a: < 1}")],
        "c.yaml:20:3: PV310 'expect' needs an evaluator",
        "name the evaluator that measures this, or leave the key out",
    ),
    "evaluator without bounds": (
        [("  rule: not measured yet", "  evaluator: chain")],
        'c.yaml:20:3: PV311 the falsifier "F-2" expects nothing, so no measurement could refute it',
        "add 'expect:' with a bound on a metric, such as growth: < 18",
    ),
    "evaluator with an empty block of bounds": (
        [("  rule: not measured yet", "  evaluator: chain\n  expect: {}")],
        'c.yaml:20:3: PV311 the falsifier "F-2" expects nothing, so no measurement could refute it',
        "add 'expect:' with a bound on a metric, such as growth: < 18",
    ),
    "evaluator with empty lists of bounds": (
        [("  rule: not measured yet", "  evaluator: chain\n  expect: {growth: [], errors: []}")],
        'c.yaml:20:3: PV311 the falsifier "F-2" expects nothing, so no measurement could refute it',
        "add 'expect:' with a bound on a metric, such as growth: < 18",
    ),
    "name of an input": (
        [("  teacher:\n", "  Teacher:\n")],
        'c.yaml:7:3: PV203 the name of an input must be lower-case letters, digits, - and _, got "Teacher"',
        "rename it, such as teacher",
    ),
    "name of an input, in its middle": (
        [("  teacher:\n", "  teacher.gguf:\n")],
        'c.yaml:7:3: PV203 the name of an input must be lower-case letters, digits, - and _, got "teacher.gguf"',
        "rename it, such as teacher",
    ),
    "version without amendment": (
        [("version: 1.10.0", "version: 1.11.0"), ("amendments: []\n", AMENDMENTS % ("1.9.0", "2026-11-21"))],
        "c.yaml:4:12: PV312 the version is 1.11.0, but the newest amendment made 1.10.0",
        "versions are written by pv run --write and pv bump, together with the amendment",
    ),
    "amendments that rise": (
        [("amendments: []\n", AMENDMENTS % ("1.10.1", "2026-11-21"))],
        "c.yaml:28:12: PV313 amendments must fall from the newest, got 1.10.0 before 1.10.1",
        "put the newest first",
    ),
    "amendments that stand still": (
        [("amendments: []\n", AMENDMENTS % ("1.10.0", "2026-11-21"))],
        "c.yaml:28:12: PV313 amendments must fall from the newest, got 1.10.0 before 1.10.0",
        "put the newest first",
    ),
    "a day that is none": (
        [("amendments: []\n", AMENDMENTS % ("1.9.0", "2026-02-30"))],
        'c.yaml:29:9: PV314 there is no such day as "2026-02-30"',
        "write YYYY-MM-DD",
    ),
}


@pytest.mark.parametrize(("edits", "message", "hint"), BROKEN.values(), ids=BROKEN)
def test_each_rule_says_where_and_what_to_do(edits, message, hint):
    """One broken rule is one finding, an error, at the value or key at fault."""
    findings = checked(edited(*edits))

    assert told(findings) == [message]
    assert (findings[0].hint, findings[0].severity, findings[0].exit_code) == (hint, "error", 1)


FOREIGN = {
    "absolute": "/etc/passwd",
    "home": "~/teacher.gguf",
    "URL": "https://example.org/x.gguf",
    "scheme": "file:x",
    "drive": "C:x.gguf",
    "backslash": "'a\\b'",
    "variable": "$HOME/x",
    "glob": "a/*.gguf",
    "question mark": "a?.gguf",
    "brackets": "'a[1].gguf'",
    "control": '"a\\tb"',
    "git": "../.git/config",
    "git in capitals": ".GIT/config",
}


@pytest.mark.parametrize("path", FOREIGN.values(), ids=FOREIGN)
def test_a_path_of_an_input_is_plain_and_relative(path):
    """A contract is data from strangers: its paths reach files of the repository and nothing else."""
    findings = checked(edited(("teachers/small.gguf", path)))

    assert [(each.code, each.line, each.column) for each in findings] == [("PV304", 9, 11)]
    assert findings[0].message.startswith("the path of an input must be relative and plain, got ")
    assert findings[0].hint == "write a path inside the repository, relative to this file"


@pytest.mark.parametrize("path", ["x.gguf", "../x.gguf", "./a b/ü.gguf", ".gitx/a", "a~b"])
def test_other_paths_are_left_to_those_who_know_the_repository(path):
    """Whether ``..`` leads out is known where the root is known."""
    assert checked(edited(("teachers/small.gguf", path))) == []


def test_a_bound_that_cannot_be_parsed_is_no_missing_bound():
    """A falsifier whose only bound is misspelt has one finding, not two."""
    text = edited(("  rule: not measured yet", "  evaluator: chain\n  expect: {growth: 18}"))

    assert checked(text) == []
    assert [each.code for each in loaded(text).findings] == ["PV301"]


def test_versions_that_are_none_are_left_to_the_schema():
    """A version that the schema refused is not compared with anything."""
    text = edited(("version: 1.10.0", "version: 1.10"), ("amendments: []\n", AMENDMENTS % ("x", "2026-11-21")))

    assert checked(text) == []


def test_an_upstream_file_answers_for_its_ids_only():
    """Ids of falsifiers are unique in any file; the strict rules are ours."""
    text = UPSTREAM + "- id: F-1\n  if_fails: x\n- if_fails: x\n- if_fails: x\n"
    text += "implementation_stages: [{id: S, expected_acceptance: [F-9]}, {id: S}]\n"

    assert told(checked(text)) == ['c.yaml:10:7: PV302 the falsifier "F-1" is there already, on line 7']
