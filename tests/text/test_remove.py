"""Taking a key out, and taking one over from another file: nothing else changes, or it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text.test_laws import contracts
from text.test_splice import BY_HAND, edited, refusal

from pvcheck.errors import ContractError, Finding
from pvcheck.text import Document, Mapping, RemoveKey, SetScalar, Transplant, splice
from pvcheck.text.plan import view


@pytest.mark.parametrize(("text", "new"), [
    ("a: 1\nb: 2 # mine\nc: 3\n", "a: 1\nc: 3\n"), ("a: 1\r\nb: 2\r\nc: 3\r\n", "a: 1\r\nc: 3\r\n"),
    ("a: 1\nb: 2\n", "a: 1\n"), ("a: 1\nb: 2", "a: 1"), ("a: 1\r\nb: 2", "a: 1"), ("b: 2\nc: 3\n", "c: 3\n"),
    ("a: 1\n# above\nb: 2\n# below\nc: 3\n", "a: 1\n# above\n# below\nc: 3\n"),
    ("a: 1\nb:\n- x\n- y: z # c\n\nc: 3\n", "a: 1\n\nc: 3\n"), ("a: 1\nb:\nc: 3\n", "a: 1\nc: 3\n"),
    ("a: 1\nb: |\n  x\n\nc: 3\n", "a: 1\n\nc: 3\n"), ("a: |\n  x\nb: 2\nc: 3\n", "a: |\n  x\nc: 3\n"),
    ("a: |+\n  x\n\nb: 2\n", "a: |+\n  x\n\n"), ("a: |\n  x\nb: 2", "a: |\n  x\n"), ("b: 2\n\nc: 3\n", "c: 3\n"),
    ("a: 1\nb: 'x\n  y'\nc: 3\n", "a: 1\nc: 3\n"), ("a: [x,\n  y]\nb: {x: y}\nc: 3\n", "a: [x,\n  y]\nc: 3\n"),
    ("{a: 1, b: 2, c: 3}\n", "{a: 1, c: 3}\n"), ("{b: 2, c: 3}\n", "{c: 3}\n"), ("{a: 1 , b: [x] }\n", "{a: 1  }\n"),
    ("{a: , b: 2}\n", "{a: }\n"), ("{a, b: 2}\n", "{a}\n"), ('{"a": "1", "b": "2"}', '{"a": "1"}'),
])  # fmt: skip
def test_a_key_goes_with_its_lines(text, new):
    """The key, its value and the comment on its line are gone; every other character stays."""
    assert edited(text, RemoveKey((), "b")) == new


def test_a_key_goes_from_an_item():
    """The first key of an item stands behind the dash, which the next one takes over."""
    text = "l:\n- b: 2\n  c: 3\n- c: 4\n  b: 5\n"

    assert edited(text, RemoveKey(("l", 0), "b")) == "l:\n- c: 3\n- c: 4\n  b: 5\n"
    assert edited(text, RemoveKey(("l", 1), "b")) == "l:\n- b: 2\n  c: 3\n- c: 4\n"


def test_keys_go_while_others_change():
    """Several edits in one go see the document as it is."""
    text = "a: 1\nb: 2\nc: 3\nd: 4\n"

    assert edited(text, RemoveKey((), "b"), SetScalar(("a",), "x"), RemoveKey((), "d")) == "a: x\nc: 3\n"


ALONE = '"b" must stand alone on its lines, or between commas, to be removed'
REFUSALS = [
    ("absent", "a: 1\nc: 2\n", 1, 1, 'the contract must be a mapping of "b" and another key to lose it'),
    ("only", "b: 1\n", 1, 4, 'the contract must be a mapping of "b" and another key to lose it'),
    ("question", "a: 1\n? b\n: 2\nc: 3\n", 3, 3, ALONE),
    ("comment", "b: 2 # c\nc: 3\n", 1, 4, ALONE),
    ("flow-first", "{b: 2 # c\n , c: 3}\n", 1, 5, ALONE),
    ("flow", "{a: 1, # c\n b: 2}\n", 2, 5, ALONE),
    ("flow-question", "{a: 1, ? b : 2}\n", 1, 14, ALONE),
    ("below-a-block", "a: |\n  x\nb: 2\n  # would be text\nc: 3\n", 3, 4, ALONE),
    ("blank-below-a-block", "a: |+\n  x\nb: 2\n\nc: 3\n", 3, 4, ALONE),
    ("block-at-end", "a: 1\nb: |\n  x", 2, 4,
     "block of text must end with a line break to be followed, got the end of the file"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row[0])
def test_a_key_that_shares_its_lines_is_refused(row):
    """What stands between must not be lost, and nothing may become part of a text above."""
    _, text, line, column, message = row

    hint = f'{BY_HAND}{line}:{column}: remove "b" and its value'
    assert refusal(text, RemoveKey((), "b")) == Finding("PV140", message, "c.yaml", line, column, hint)


def tried(document, edit):
    """Return the document after an edit, or None where the edit is to be made by hand."""
    try:
        return splice(document, [edit])
    except ContractError as error:
        codes = {each.code for each in error.findings}
    assert codes == {"PV140"}
    return None


@given(contracts(), st.data())
@settings(max_examples=300, deadline=None)
def test_removing_changes_one_mapping(contract, data):
    """The key is gone or the edit is refused; other values stay, and no line of theirs is lost."""
    document = Document.parse(contract[0], "c.yaml")
    places = [(route, key) for route, node in document.nodes() if isinstance(node, Mapping) for key in node.values]
    route, key = data.draw(st.sampled_from(places))

    after = tried(document, RemoveKey(route, key))

    if after is None:
        return
    assert after.get((*route, key)) is None
    assert {r for r, _ in after.nodes()} == {r for r, _ in document.nodes() if r[: len(route) + 1] != (*route, key)}
    pairs = enumerate(zip(document.text, after.text, strict=False))
    same = next((index for index, (old, new) in pairs if old != new), len(after.text))
    assert document.text.endswith(after.text[same:])


THERE = "m: 0\nl: # newest first\n- x: 1\n  # inside\n- 'y' # last\n# tail\nn: 1\n"


def taken(text: str, there: str = THERE, key: str = "l") -> str:
    """Return a text after it took a key over."""
    return edited(text, Transplant(key, Document.parse(there.encode(), "other.yaml")))


@pytest.mark.parametrize(("text", "new"), [
    ("m: 5\nl: []\nn: 6\n", "m: 5\nl: # newest first\n- x: 1\n  # inside\n- 'y' # last\nn: 6\n"),
    ("l: # c\n  -  z\n", "l: # newest first\n- x: 1\n  # inside\n- 'y' # last\n"),
    ("l: []", "l: # newest first\n- x: 1\n  # inside\n- 'y' # last"),
    ("l: [] # c\r\nn: 6\r\n", "l: # newest first\r\n- x: 1\r\n  # inside\r\n- 'y' # last\r\nn: 6\r\n"),
    ("l: |\n  z\nn: 6\n", "l: # newest first\n- x: 1\n  # inside\n- 'y' # last\nn: 6\n"),
    ("m: 5\nn: 6\n", "m: 5\nl: # newest first\n- x: 1\n  # inside\n- 'y' # last\nn: 6\n"),
    ("m: 5", "m: 5\nl: # newest first\n- x: 1\n  # inside\n- 'y' # last"),
    ("a: 5\nn: 6\n", "a: 5\nn: 6\nl: # newest first\n- x: 1\n  # inside\n- 'y' # last\n"),
])  # fmt: skip
def test_a_key_is_taken_over_letter_by_letter(text, new):
    """Comments and quotes come along, line ends are those of the file, and the rest of it stays."""
    assert taken(text) == new


def test_an_empty_list_is_taken_over():
    """A list that the other file has empty is empty here too, with the comment it has there."""
    assert taken(THERE, "l: []  # none\n", "l") == "m: 0\nl: []  # none\n# tail\nn: 1\n"
    assert taken("a: 1\n", "l: []\n") == "a: 1\nl: []\n"
    assert taken("a: 1\n", "l:\r\n- x\r\nb: 1\r\n") == "a: 1\nl:\n- x\n"


def test_a_key_of_an_indented_file_is_taken_over_with_its_indentation():
    """Where the other file has the same."""
    assert taken("  a: 3\n", "  a: 1\n  b: 2\n", "b") == "  a: 3\n  b: 2\n"


@pytest.mark.parametrize(("text", "there", "message"), [
    ("{l: []}\n", THERE, 'the two files must be block mappings of one indentation to share "l"'),
    ("l: []\n", "{l: [x]}\n", 'the two files must be block mappings of one indentation to share "l"'),
    ("  l: []\n", THERE, 'the two files must be block mappings of one indentation to share "l"'),
    ("l: []\n", "l:\n- |\n  x\n", '"l" must not end in a block of text to be copied'),
])  # fmt: skip
def test_what_cannot_be_taken_over_is_refused(text, there, message):
    """The refusal says what to copy."""
    with pytest.raises(ContractError) as caught:
        taken(text, there)

    (finding,) = caught.value.findings
    assert (finding.code, finding.message) == ("PV140", message)
    assert finding.hint.endswith(': copy "l" and its value from other.yaml')


@given(contracts(), contracts(), st.sampled_from(["metadata", "tests", "amendments"]))
@settings(max_examples=200, deadline=None)
def test_taking_over_changes_one_key(here, there, key):
    """The key says what it says there, all others what they said; taking it over twice is taking it once."""
    document, source = Document.parse(here[0], "c.yaml"), Document.parse(there[0], "other.yaml")

    after = tried(document, Transplant(key, source))

    if after is None:
        return
    assert view(after.root) == view(document.root) | {key: view(source.node((key,)))}
    assert splice(after, [Transplant(key, source)]).data == after.data
    assert splice(after, [Transplant(key, after)]).data.split() == after.data.split()
