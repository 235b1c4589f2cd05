"""Keys that nobody knows: what is taken for a misspelling, and what is only counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loading.texts import GOOD, UPSTREAM, edited, loaded, told

from pvcheck.errors import Severity
from pvcheck.loading import schema
from pvcheck.loading.instance import Shape
from pvcheck.loading.keys import ALIASES, edit_distance, nearest

TOP = ("metadata", "falsification_tests", "implementation_stages", "amendments", "id", "rule", "test", "status")

NEAR = {
    "case": ("Falsification_Tests", "falsification_tests"),
    "hyphens": ("falsification-tests", "falsification_tests"),
    "no separator": ("falsificationtests", "falsification_tests"),
    "no final s": ("falsification_test", "falsification_tests"),
    "final s": ("tests", "test"),
    "case, hyphen and no final s": ("Falsification-Test", "falsification_tests"),
    "one letter": ("amendmants", "amendments"),
    "two letters": ("amandmants", "amendments"),
    "two letters swapped": ("stauts", "status"),
    "three letters": ("amandmantz", None),
    "short, one letter": ("rul", "rule"),
    "short, two letters": ("rulxx", None),
    "another short word": ("idea", None),
    "another word": ("notes", None),
    "the closest wins": ("statu", "status"),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("key", "meant"), NEAR.values(), ids=NEAR)
def test_near_means_case_separators_plural_or_two_letters(key, meant):
    """A narrow miss of a known key is found; short keys must be closer."""
    assert nearest(key, TOP) == meant


@pytest.mark.parametrize("key", ["abcdeX", "abcdXY"])
def test_the_nearest_key_wins(key):
    """Among several near keys the closest is named, and of equals the first by name."""
    assert nearest(key, ["abcdef", "abcdeg", "abcXYZ", "abcdXZ"]) == {"abcdeX": "abcdef", "abcdXY": "abcdXZ"}[key]


def slow_distance(one: str, other: str) -> int:
    """Return the Levenshtein distance as its definition has it."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        slow_distance(one[1:], other) + 1,
        slow_distance(one, other[1:]) + 1,
        slow_distance(one[1:], other[1:]) + (one[0] != other[0]),
    )


short = st.text("abc", max_size=5)


@given(short, short, st.integers(0, 3))
def test_the_distance_is_that_of_its_definition(one, other, most):
    """The table gives what the recursion gives, cut off above the most that matters."""
    assert edit_distance(one, other, most) == min(slow_distance(one, other), most + 1)


# --- in contracts ---


def test_a_near_miss_in_a_contract_of_ours_is_an_error_at_the_key():
    """A block that vanishes because of its name is the quietest way to lose a check."""
    result = loaded(edited(("  rule: not measured yet", "  prediciton: x")))

    assert told(result.findings) == [
        'c.yaml:20:3: PV207 the key "prediciton" is not known here and is near "prediction"'
    ]
    assert result.findings[0].severity is Severity.ERROR
    assert result.findings[0].hint == "write prediction, or choose a name that cannot be taken for it"
    assert result.contract is not None


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_is_a_miss_where_the_real_key_is_absent(alias):
    """People have written these names, and every tool dropped the block."""
    meant = ALIASES[alias]
    in_item = meant in {"test", "prediction", "if_fails", "with", "expect"}
    own = f"proof_obligations: [{{{alias}: x}}]" if meant in {"property", "formal"} else f"{alias}: []"
    text = edited(
        ("  rule: not measured yet", f"  {alias}: {{}}") if in_item else ("amendments: []", own),
        *([] if in_item else [(GOOD[GOOD.index("implementation") : GOOD.index("amendments")], "")]),
    )
    if meant == "falsification_tests":
        text = text.replace("falsification_tests:", "other_tests_of_ours:")

    findings = loaded(text).findings

    assert f'the key "{alias}" is not known here and is near "{meant}"' in [each.message for each in findings]


def test_an_alias_beside_the_real_key_is_only_counted():
    """Where the real block is there, another name is another block."""
    text = edited(("amendments: []", "amendments: []\nmilestones: []\nobligations: []\nproof_obligations: []"))

    result = loaded(text)

    assert result.findings == ()
    assert result.contract is not None
    assert result.contract.not_understood == ("milestones", "obligations")


def test_a_key_that_is_near_nothing_is_listed():
    """Other blocks are legal; their routes are listed, and what is inside them is not."""
    text = edited(
        ("status: ACTIVE", "status: ACTIVE\n  licence: MIT"),
        ("  rule: not measured yet", "  colour: {red: 1}"),
        ("amendments: []", "roadmap: [{id: 1}]"),
    )

    result = loaded(text)

    assert result.findings == ()
    assert result.contract is not None
    assert result.contract.not_understood == ("metadata.licence", "falsification_tests[1].colour", "roadmap")


def test_a_key_that_a_closed_block_does_not_know_is_an_error():
    """In blocks of ours every key has a meaning, and the hint names them."""
    result = loaded(edited(("format: gguf", "format: gguf\n    colour: red")))

    assert told(result.findings) == ['c.yaml:9:5: PV208 the key "colour" is not known here']
    assert result.findings[0].hint == "use one of format, optional, path, sha256"
    assert result.findings[0].severity is Severity.ERROR


def test_names_that_people_choose_are_no_keys():
    """Inputs, parameters, metrics and equations have names of their own, however near a key they are."""
    text = edited(
        ("  teacher:\n", "  expects:\n"),
        ("{model: teacher, layers: 0-27, scale: 1e-3}", "{model: expects, statuss: 1}"),
        ("    growth: < 18", "    rules: < 18"),
        ("amendments: []", "equations: {metadatas: {formula: 1}}"),
    )

    result = loaded(text)

    assert result.findings == ()
    assert result.contract is not None
    assert result.contract.not_understood == ()


def test_every_alias_means_a_key_that_exists():
    """The table of aliases leads to keys that the schema knows, and is shadowed by none."""
    shape = Shape(schema.load(schema.CONTRACT))
    falsifier = shape.of_item(shape.of_key(shape.root, "falsification_tests"))
    obligation = shape.of_item(shape.of_key(shape.root, "proof_obligations"))
    known = shape.known_keys(shape.root) | shape.known_keys(falsifier) | shape.known_keys(obligation)

    assert set(ALIASES.values()) <= known
    assert known.isdisjoint(ALIASES)


def test_an_alias_is_found_in_an_upstream_file_too():
    """Upstream drops these blocks in silence; we name them."""
    text = edited(("  if_fails: normalisation is wrong\n", "  fails_if: it is wrong\n"), text=UPSTREAM)

    assert told(loaded(text).findings) == [
        "c.yaml:7:3: PV201 the key 'if_fails' is missing",
        'c.yaml:9:3: PV207 the key "fails_if" is not known here and is near "if_fails"',
    ]
