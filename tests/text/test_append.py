"""Items at the end of a list, and texts that stand as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.errors import ContractError
from pvcheck.text import AppendItem, Document, InsertItem, Plain, splice

ITEM = {"id": "B", "with": {"k": Plain("1"), "t": "1", "l": ["x"]}}
LINES = "- id: B\n  with:\n    k: 1\n    t: '1'\n    l:\n    - x\n"


def edited(text, *edits):
    """Return a text after some edits."""
    return splice(Document.parse(text.encode(), "c.yaml"), edits).text


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("tests:\n- id: A   # mine\n# below\nother: x\n", "tests:\n- id: A   # mine\n" + LINES + "# below\nother: x\n"),
        ("tests:\n- id: A", "tests:\n- id: A\n" + LINES.rstrip("\n")),
        ("tests:\r\n- id: A\r\nother: x\r\n", ("tests:\n- id: A\n" + LINES + "other: x\n").replace("\n", "\r\n")),
        ("tests:\r\n- id: A", ("tests:\n- id: A\n" + LINES.rstrip("\n")).replace("\n", "\r\n")),
        ("tests:\n- id: |\n    a\n    b\nother: x\n", "tests:\n- id: |\n    a\n    b\n" + LINES + "other: x\n"),
        ("tests:\n- {id: A}\n", "tests:\n- {id: A}\n" + LINES),
    ],
    ids=["a comment", "no last line end", "CRLF", "CRLF and no last line end", "a block of text", "braces"],
)
def test_an_item_comes_behind_the_last(text, new):
    """With its line ends and indentation; nothing else moves."""
    assert edited(text, AppendItem(("tests",), ITEM)) == new


def test_an_item_has_the_indentation_of_the_others():
    """Dashes stand below each other."""
    assert edited("tests:\n  - id: A\n", AppendItem(("tests",), {"id": "B"})) == "tests:\n  - id: A\n  - id: B\n"


def test_new_lines_are_indented_as_the_first_of_their_kind():
    """By how much they stand further in than what holds them, however deep that is."""
    text = "l:\n  - m:\n        a: b\n"

    assert edited(text, AppendItem(("l",), {"m": {"a": "c"}})) == text + "  - m:\n        a: c\n"


def test_where_two_lists_end_the_inner_one_comes_first():
    """Whatever order the edits have."""
    edits = [AppendItem(("l",), "z"), AppendItem(("l", 0), "b")]

    for each in (edits, edits[::-1]):
        assert edited("l:\n- - a\n", *each) == "l:\n- - a\n  - b\n- z\n"


def test_an_open_end_is_told_at_the_last_item():
    """A block of text without a line break at the end of the file cannot be followed."""
    with pytest.raises(ContractError) as caught:
        edited("l:\n- a\n- |\n  x", AppendItem(("l",), "z"))

    assert [(each.line, each.code) for each in caught.value.findings] == [(3, "PV140")]


def test_both_ends_of_a_list_can_get_items():
    """Of one edit."""
    edits = [AppendItem(("l",), "z"), InsertItem(("l",), "a"), AppendItem(("l",), "zz")]

    assert edited("l:\n- m\n", *edits) == "l:\n- a\n- m\n- z\n- zz\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("l: [a]\n", "a list in brackets"),
        ("l: []\n", "a list in brackets"),
        ("l: x\n", "a text"),
        ("m: x\n", "nothing"),
    ],
)
def test_what_is_no_block_list_is_left_to_the_person(text, kind):
    """The refusal has the item."""
    with pytest.raises(ContractError) as caught:
        edited(text, AppendItem(("l",), {"id": "B"}))

    (finding,) = caught.value.findings
    assert finding.message == f"l must be a block list to get an item at its end, got {kind}"
    assert finding.hint.endswith(": behind the list add - id: B")


def test_an_item_that_could_move_the_cursor_is_refused():
    """As every text that is to be written."""
    with pytest.raises(ContractError, match="text must hold no control or invisible character"):
        edited("l:\n- a\n", AppendItem(("l",), "a\x1bb"))


@given(items=st.lists(st.sampled_from(["a", "'b c'", "{k: v}", "[x]", "k: v", "|\n  t"]), min_size=1, max_size=4))
def test_what_was_there_stays_letter_by_letter(items):
    """The text without the new lines is the old text."""
    text = "l:\n" + "".join(f"- {each}\n" for each in items) + "m: 1\n"

    after = edited(text, AppendItem(("l",), "new"))

    assert after.replace("- new\n", "", 1) == text
    assert after.endswith("- new\nm: 1\n")
