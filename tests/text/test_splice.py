"""Editing: each edit changes the words it names, and what cannot be cut safely is refused."""

from __future__ import annotations

import pytest

from pvcheck.errors import BugError, ContractError, Finding
from pvcheck.text import Document, InsertItem, InsertKey, Scalar, SetScalar, splice
from pvcheck.text import plan as plan_module
from pvcheck.text.plan import view
from pvcheck.text.render import entry, layout, style_of, word

STATUS = ("tests", 0, "status")
TEST = ("tests", 0)
TEXT = "tests:\n- id: A\n  status: PENDING   # mine\nother: x\n"


def edited(text: str, *edits) -> str:
    """Return a text after some edits."""
    return splice(Document.parse(text.encode(), "c.yaml"), edits).text


def refusal(text: str, *edits) -> Finding:
    """Return the one finding with which edits are refused."""
    with pytest.raises(ContractError) as caught:
        edited(text, *edits)
    (finding,) = caught.value.findings
    return finding


def test_only_the_named_scalar_changes():
    """A diff of the two texts shows one word."""
    assert edited(TEXT, SetScalar(STATUS, "DISCHARGED")) == TEXT.replace("PENDING", "DISCHARGED")


@pytest.mark.parametrize(("old", "value", "new"), [
    ("x", "1.13.0", "1.13.0"), ("x", "2026-11-22", "2026-11-22"), ("x", "sha256:4c", "sha256:4c"),
    ("x", "< 18", "< 18"), ("x", "a 'b'", "a 'b'"), ("x", "caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
    ("x", "1.10", "'1.10'"), ("x", "yes", "'yes'"), ("x", "n", "'n'"), ("x", "null", "'null'"), ("x", "", "''"),
    ("x", "1:30", "'1:30'"), ("x", "2026-13-45", "'2026-13-45'"), ("x", ">= 27", "'>= 27'"), ("x", "a: b", "'a: b'"),
    ("x", "a #b", "'a #b'"), ("x", "a#b", "a#b"), ("x", "a:", "'a:'"), ("x", " a", "' a'"), ("x", "a ", "'a '"),
    ("x", "- a", "'- a'"), ("x", "-a", "-a"), ("x", "---", "'---'"), ("x", "...", "'...'"), ("x", "'a", "\"'a\""),
    ("x", "a\nb", '"a\\nb"'), ("x", "a\tb", '"a\\tb"'), ("x", "a\u00a0b", '"a\\xa0b"'),
    ("x", "a\u3000b", '"a\\u3000b"'),
    ("x", "\U000f0000", '"\\U000f0000"'), ("x", "!a", "'!a'"), ("x", "&a", "'&a'"), ("x", "*a", "'*a'"),
    ("'x'", "PENDING", "'PENDING'"), ("'x'", "it's", "'it''s'"), ("'x'", "a\nb", '"a\\nb"'), ("'x'", "", "''"),
    ('"x"', "PENDING", '"PENDING"'), ('"x"', 'a "b" \\c', '"a \\"b\\" \\\\c"'), ('"x"', "caf\u00e9", '"caf\u00e9"'),
])  # fmt: skip
def test_a_scalar_keeps_its_quotes(old, value, new):
    """The style stays; a plain word gets quotes where it would not be read back as the same text."""
    assert edited(f"a: {old} # c\n", SetScalar(("a",), value)) == f"a: {new} # c\n"


@pytest.mark.parametrize(("text", "route", "new"), [
    ("a:\n", ("a",), "a: X\n"), ("a: \n", ("a",), "a: X \n"), ("a: # c\n", ("a",), "a: X # c\n"),
    ("a:", ("a",), "a: X"), ("a:\r\nb: 1\r\n", ("a",), "a: X\r\nb: 1\r\n"),
    ("l:\n-\n- y\n", ("l", 0), "l:\n- X\n- y\n"),
    ("{a: , b: 1}", ("a",), "{a: X , b: 1}"), ("{a : }", ("a",), "{a : X }"), ("a:\n\n# c\n", ("a",), "a: X\n\n# c\n"),
])  # fmt: skip
def test_a_value_left_out_is_filled_in(text, route, new):
    """A space goes between the colon or the dash and the new word."""
    assert edited(text, SetScalar(route, "X")) == new


def test_braces_quote_more():
    """A comma or a bracket is text in a block and needs quotes between braces."""
    assert edited("a: {b: x}\n", SetScalar(("a", "b"), "c, d]")) == "a: {b: 'c, d]'}\n"
    assert edited("a: [{b: x}]\n", SetScalar(("a", 0, "b"), "sha256:00")) == "a: [{b: sha256:00}]\n"
    assert edited("a: {b: x}\n", SetScalar(("a", "b"), "0:?")) == "a: {b: '0:?'}\n"
    assert edited("a: x\n", SetScalar(("a",), "c, d]")) == "a: c, d]\n"


@pytest.mark.parametrize(("text", "new"), [
    (TEXT, TEXT.replace("mine\n", "mine\n  evidence: E\n")),
    (TEXT.replace("\n", "\r\n"), TEXT.replace("mine\n", "mine\n  evidence: E\n").replace("\n", "\r\n")),
    ("\ufefftests:\n  -   status: P", "\ufefftests:\n  -   status: P\n      evidence: E"),
    ("tests:\n- status: P\r\n  x: y\n", "tests:\n- status: P\r\n  evidence: E\r\n  x: y\n"),
    ("tests:\n- status:\n  x: y\n", "tests:\n- status:\n  evidence: E\n  x: y\n"),
    ("tests:\n- status: 'a\n    b' # c\n  x: y\n", "tests:\n- status: 'a\n    b' # c\n  evidence: E\n  x: y\n"),
    ("tests:\n- status: a\n    b\n\n  x: y\n", "tests:\n- status: a\n    b\n  evidence: E\n\n  x: y\n"),
    ("tests:\n- status: |\n    b\n\n  x: y\n", "tests:\n- status: |\n    b\n  evidence: E\n\n  x: y\n"),
    ("tests:\n- status: |+\n    b\n\n  x: y\n", "tests:\n- status: |+\n    b\n\n  evidence: E\n  x: y\n"),
    ("tests:\n- status: |+\r\n    b\r\n\r\n  x: y\r\n",
     "tests:\n- status: |+\r\n    b\r\n\r\n  evidence: E\r\n  x: y\r\n"),
    ("tests:\n- status:\n    - a\n    - b: c # d\n\n# e\n  x: y\n",
     "tests:\n- status:\n    - a\n    - b: c # d\n  evidence: E\n\n# e\n  x: y\n"),
    ("tests:\n- status: [a,\n    b]\n", "tests:\n- status: [a,\n    b]\n  evidence: E\n"),
    ("tests:\n- {status: P}\n", "tests:\n- {status: P, evidence: E}\n"),
    ('{"tests": [{"status": "P" }]}', '{"tests": [{"status": "P", evidence: E }]}'),
    ("tests:\n- ? status\n  : P\n", "tests:\n- ? status\n  : P\n  evidence: E\n"),
    ("---\ntests:\n- status: P\n...\n", "---\ntests:\n- status: P\n  evidence: E\n...\n"),
])  # fmt: skip
def test_a_key_stands_behind_the_named_one(text, new):
    """A new key goes on the line behind the whole value of the old one, indented as it is."""
    assert edited(text, InsertKey(TEST, "status", "evidence", "E")) == new.removeprefix("\ufeff")


def test_at_the_end_of_a_file_lines_end_as_the_first():
    """Also where that is an empty one."""
    assert edited("\r\na: 1\nb: 2", InsertKey((), "b", "c", "E")) == "\r\na: 1\nb: 2\r\nc: E"


def test_a_value_between_braces_is_quoted_where_a_comma_would_end_it():
    """It says what it was given, and no other key."""
    assert edited("m: {a: b}\n", InsertKey(("m",), "a", "c", "x, y")) == "m: {a: b, c: 'x, y'}\n"


def test_a_bom_is_written_back():
    """The byte order mark stays in front of the bytes."""
    document = Document.parse(b"\xef\xbb\xbfa: b\r\n", "c.yaml")

    assert splice(document, [SetScalar(("a",), "c")]).data == b"\xef\xbb\xbfa: c\r\n"


def test_a_key_can_follow_one_that_is_new_too():
    """Two keys added in one go stand in the order of their edits."""
    edits = InsertKey(TEST, "id", "x", "1.2.3"), InsertKey(TEST, "x", "z", "b")

    assert edited(TEXT, *edits) == TEXT.replace("A\n", "A\n  x: 1.2.3\n  z: b\n")
    assert edited("tests: [{id: A}]\n", *edits) == "tests: [{id: A, x: 1.2.3, z: b}]\n"


def test_a_new_value_has_the_layout_of_the_file():
    """Mappings and lists are indented as the first ones of the file are."""
    value = {"a": {"b": "c", "e": {}, "l": []}, "f": ["g", {"h": "i", "j": ["k"]}, ["m", "o"], {}], "yes": "no"}
    lines = ["new:", "    a:", "        b: c", "        e: {}", "        l: []", "    f:", "      - g", "      - h: i",
             "        j:", "          - k", "      - - m", "        - o", "      - {}", "    'yes': 'no'"]  # fmt: skip

    text = "x:\n    y: z\nl:\n  - a\nm:\n- b\nn:\n  o: p\n"

    assert edited(text, InsertKey((), "n", "new", value)) == text + "\n".join(lines) + "\n"


@pytest.mark.parametrize(("text", "new"), [
    ("l: []\n", "l:\n- E\n"), ("l: []", "l:\n- E"), ("l: [ ] # c\nm: x\n", "l: # c\n- E\nm: x\n"),
    ("l: []# c\n", "l: # c\n- E\n"),
    ("l: []\r\nm: x\r\n", "l:\r\n- E\r\nm: x\r\n"), ("m:\n    - a\nl: []\n", "m:\n    - a\nl:\n    - E\n"),
    ("l:\n- a\n", "l:\n- E\n- a\n"), ("l:\n  # c\n  -   a\n", "l:\n  # c\n  - E\n  -   a\n"),
    ("l:\r\n- a\r\n", "l:\r\n- E\r\n- a\r\n"),
    ("m: x\nl:\r\n- a\r\nn: y\n", "m: x\nl:\r\n- E\r\n- a\r\nn: y\n"),
    ("l:\n- a", "l:\n- E\n- a"), ("l:\n-\n", "l:\n- E\n-\n"),
])  # fmt: skip
def test_an_item_stands_in_front(text, new):
    """A new item is the first of its list, in the list's own indentation."""
    assert edited(text, InsertItem(("l",), "E")) == new


def test_an_item_can_be_a_mapping_and_lists_nest():
    """An item's keys line up, in a list of lists too."""
    value = {"a": "b", "c": ["d"]}

    assert edited("l:\n- - x\n", InsertItem(("l", 0), value)) == "l:\n- - a: b\n    c:\n    - d\n  - x\n"
    assert edited("l:\n- - x\n", InsertItem(("l",), value)) == "l:\n- a: b\n  c:\n  - d\n- - x\n"


def test_edits_at_one_place_keep_their_order():
    """Where the lines of several edits meet, the deeper ones come first, then items, then keys."""
    text = "t:\n- s:\n  l: []"
    edits = [
        InsertKey((), "t", "k", "1st"), InsertKey(("t", 0), "l", "m", "v"), InsertItem(("t", 0, "l"), "a"),
        InsertItem(("t", 0, "l"), "b"), InsertKey((), "t", "j", "2nd"), SetScalar(("t", 0, "s"), "S"),
        InsertKey(("t", 0), "s", "e", "E"), InsertItem(("t",), "first"),
    ]  # fmt: skip

    assert edited(text, *edits) == ("t:\n- first\n- s: S\n  e: E\n  l:\n  - a\n  - b\n  m: v\nk: 1st\nj: 2nd")


def test_no_edit_changes_nothing():
    """An empty list of edits gives the same bytes."""
    document = Document.parse(TEXT.encode(), "c.yaml")

    after = splice(document, ())

    assert (after.data, after.bom, after.root) == (document.data, document.bom, document.root)


BY_HAND = "by hand, at c.yaml:"
REFUSALS = [
    ("absent", TEXT, SetScalar(("tests", 0, "x"), "v"), 2, 3,
     "tests[0].x must be a text to be set, got nothing", '2:3: set tests[0].x to "v"'),
    ("list", TEXT, SetScalar(("tests",), "v"), 2, 1,
     "tests must be a text to be set, got a list", '2:1: set tests to "v"'),
    ("root", TEXT, SetScalar((), "v"), 1, 1,
     "the contract must be a text to be set, got a mapping", '1:1: set the contract to "v"'),
    ("literal", "a: |\n  x\n", SetScalar(("a",), "v"), 1, 4,
     "a must be a text on one line to be set, got several lines", '1:4: set a to "v"'),
    ("empty-literal", "a: |", SetScalar(("a",), "v"), 1, 4,
     "a must be a text on one line to be set, got several lines", '1:4: set a to "v"'),
    ("several-lines", "a: x\n  y\n", SetScalar(("a",), "v"), 1, 4,
     "a must be a text on one line to be set, got several lines", '1:4: set a to "v"'),
    ("quoted-lines", "a: 'x\n  y'\n", SetScalar(("a",), "v"), 1, 4,
     "a must be a text on one line to be set, got several lines", '1:4: set a to "v"'),
    ("no-colon", "a: {b, c: d}\n", SetScalar(("a", "b"), "v"), 1, 5,
     "a.b must stand behind a colon to be set, got a key alone", '1:5: set a.b to "v"'),
    ("key-in-list", TEXT, InsertKey(("tests",), "a", "b", "v"), 2, 1,
     "tests must be a mapping to add a key, got a list", '2:1: behind "a" add b: v'),
    ("key-in-text", TEXT, InsertKey(("other",), "a", "b", "v"), 4, 8,
     "other must be a mapping to add a key, got a text", '4:8: behind "a" add b: v'),
    ("key-there", TEXT, InsertKey(TEST, "id", "status", "v"), 2, 3,
     'tests[0] must have "id" and no "status", got "status" there', '2:3: behind "id" add status: v'),
    ("after-absent", TEXT, InsertKey(TEST, "x", "z", ["v", "w"]), 2, 3,
     'tests[0] must have "x" and no "z", got no "x"', '2:3: behind "x" add z:\\n- v\\n- w'),
    ("block-in-braces", "a: {b: c}\n", InsertKey(("a",), "b", "d", ["v"]), 1, 4,
     'a must be a block mapping, or have a value at "b" and get a text, got a mapping in one line',
     '1:4: behind "b" add d:\\n- v'),
    ("behind-no-value", "a: {b: }\n", InsertKey(("a",), "b", "d", "v"), 1, 4,
     'a must be a block mapping, or have a value at "b" and get a text, got a mapping in one line',
     '1:4: behind "b" add d: v'),
    ("no-braces", "a: [b: c]\n", InsertKey(("a", 0), "b", "d", "v"), 1, 5,
     'a[0] must be a block mapping, or have a value at "b" and get a text, got a mapping in one line',
     '1:5: behind "b" add d: v'),
    ("item-in-text", TEXT, InsertItem(("other",), "v"), 4, 8,
     "other must be a list to add an item, got a text", "4:8: in front of the list add - v"),
    ("item-in-nothing", TEXT, InsertItem(("x",), "v"), 1, 1,
     "x must be a list to add an item, got nothing", "1:1: in front of the list add - v"),
    ("item-in-brackets", "l: [a]\n", InsertItem(("l",), {"b": "v"}), 1, 4,
     "l must be a block list, or [] behind its key, got a list in brackets", "1:4: in front of the list add - b: v"),
    ("brackets-below", "l:\n  []\n", InsertItem(("l",), "v"), 2, 3,
     "l must be a block list, or [] behind its key, got a list in brackets", "2:3: in front of the list add - v"),
    ("brackets-in-braces", "a: {l: []}\n", InsertItem(("a", "l"), "v"), 1, 8,
     "a.l must be a block list, or [] behind its key, got a list in brackets", "1:8: in front of the list add - v"),
    ("brackets-in-list", "l:\n- []\n", InsertItem(("l", 0), "v"), 2, 3,
     "l[0] must be a block list, or [] behind its key, got a list in brackets", "2:3: in front of the list add - v"),
    ("brackets-with-comment", "l: [ # c\n]\n", InsertItem(("l",), "v"), 1, 4,
     "l must be a block list, or [] behind its key, got a list in brackets", "1:4: in front of the list add - v"),
    ("literal-at-end", "a: |\n  x", InsertKey((), "a", "b", "v"), 1, 4,
     "block of text must end with a line break to be followed, got the end of the file", '1:4: behind "a" add b: v'),
    ("folded-at-end", "a: >\n  x", InsertKey((), "a", "b", "v"), 1, 4,
     "block of text must end with a line break to be followed, got the end of the file", '1:4: behind "a" add b: v'),
    ("literal-at-end-below", "a:\n- b: |\n    x", InsertKey((), "a", "b", "v"), 2, 1,
     "block of text must end with a line break to be followed, got the end of the file", '2:1: behind "a" add b: v'),
    ("control", TEXT, SetScalar(STATUS, "a\x1bb"), 3, 11,
     'text must hold no control or invisible character, got U+001B in "a\\x1bb"', "3:11: write the text without it"),
    ("surrogate", TEXT, SetScalar(STATUS, "\ud800"), 3, 11,
     'text must hold no control or invisible character, got U+D800 in "\\ud800"', "3:11: write the text without it"),
    ("return", TEXT, InsertKey(TEST, "id", "k", ["a\r"]), 2, 3,
     'text must hold no control or invisible character, got U+000D in "a\\r"', "2:3: write the text without it"),
    ("control-in-key", TEXT, InsertItem(("tests",), {"\u200b": "x"}), 2, 1,
     'text must hold no control or invisible character, got U+200B in "\\u200b"', "2:1: write the text without it"),
]  # fmt: skip


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row[0])
def test_an_unsafe_edit_is_refused_with_what_to_do_by_hand(row):
    """The refusal names the place and what to write there."""
    _, text, edit, line, column, message, hint = row

    assert refusal(text, edit) == Finding("PV140", message, "c.yaml", line, column, BY_HAND + hint)


def test_several_items_to_add_by_hand_are_all_told():
    """In the order in which they must stand."""
    with pytest.raises(ContractError) as caught:
        edited("l: [x]\n", InsertItem(("l",), "a"), InsertItem(("l",), "b"))

    assert caught.value.findings[0].hint.endswith("in front of the list add - a and - b")


def test_a_result_over_a_limit_is_refused_as_the_reader_refuses_it():
    """An edit that makes the file too large is the contract's matter, not a bug."""
    text = "a: x\n#" + " " * ((1 << 20) - 20) + "\n"

    assert refusal(text, SetScalar(("a",), "y" * 50)).code == "PV101"
    assert refusal("a: x\n", SetScalar(("a",), "y" * 65_537)).code == "PV124"


def test_two_edits_of_one_text_are_a_bug():
    """Edits that cut the same words have no right order."""
    with pytest.raises(BugError, match=r"^c\.yaml: PV901 edits must not overlap, got two of one text"):
        edited(TEXT, SetScalar(STATUS, "X"), SetScalar(STATUS, "Y"))


def test_a_result_that_is_no_contract_is_a_bug(monkeypatch):
    """When the new text cannot be read, nothing is returned and the first finding is told."""
    monkeypatch.setattr(plan_module, "word", lambda *_, **__: "[")

    with pytest.raises(BugError, match=r"^c\.yaml: PV901 edit must leave valid text, got c\.yaml:\d+:\d+: PV125"):
        edited(TEXT, SetScalar(STATUS, "X"))


def test_a_result_that_says_something_else_is_a_bug(monkeypatch):
    """When another value than the named one would change, or its type, nothing is returned."""
    for wrong in ("X: Y", "X\nmore: Y", "'X'", "Y", "X # c\n  new: key"):
        monkeypatch.setattr(plan_module, "word", lambda *_, wrong=wrong, **__: wrong)
        monkeypatch.setattr(plan_module, "style_of", lambda _: "plain")

        with pytest.raises(BugError, match=r"^c\.yaml: PV901 edit must (change what it names|leave valid text)"):
            edited(TEXT, SetScalar(STATUS, "X"))


def test_a_key_in_braces_is_quoted_where_a_comma_would_end_it():
    """What is plain on a line of its own is not always plain between braces."""
    assert edited("m: {a: b}\n", InsertKey(("m",), "a", "k]", "v")) == "m: {a: b, 'k]': v}\n"


@pytest.mark.parametrize(
    ("text", "written"), [("...", "'...'"), ("...a", "'...a'"), ("a...", "a..."), ("a---", "a---")]
)
def test_what_could_end_a_document_is_quoted(text, written):
    """Three dots matter at the beginning of a line."""
    assert word(text) == written


def test_between_brackets_more_is_quoted():
    """A comma ends a text there, and nowhere else."""
    assert (word("a, b"), word("a, b", flow=True), word("\uffff")) == ("a, b", "'a, b'", '"\\uffff"')


def test_rendering_is_told_back_by_its_first_character():
    """The style of a token is seen at its first character."""
    assert [style_of(word(text)) for text in ("a", "yes", "a\n")] == ["plain", "single", "double"]


def test_the_layout_of_a_file_without_collections_is_the_usual_one():
    """Two spaces a level, and dashes under the key."""
    style = layout(Document.parse(b"a: {b: {c: d}}\ne: [[f]]\n", "c.yaml"))

    assert (style.step, style.dashes) == (2, 0)
    assert entry("k:", {"a": ["b"]}, 0, style) == ["k:", "  a:", "  - b"]


def test_a_view_has_values_and_styles_only():
    """Two texts have one view when they say the same in the same quotes."""
    document = Document.parse(b"a: 'x'\nl: [y, {}]\n", "c.yaml")

    assert view(document.root) == {"a": ("x", "single"), "l": [("y", "plain"), {}]}
    assert isinstance(document.get(("a",)), Scalar)
