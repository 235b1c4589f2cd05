"""Foreign text on the page is text: no markup, no hidden character, no end of an attribute."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.errors import escaped
from pvcheck.report.html.escape import FIXED, PROSE, Anchors, told


class Reader(HTMLParser):
    """Collects what a browser would see: tags, attributes and text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.words, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.words += [value for _, value in attrs]

    def handle_data(self, data):
        """Note text."""
        self.text += data


@given(text=st.text(max_size=200))
def test_whatever_is_told_is_read_back_as_one_piece_of_text(text):
    """Between tags and in an attribute, foreign text makes no tag and loses nothing but what is escaped."""
    reader = Reader()
    shown = told(text, PROSE)

    reader.feed(f'<p title="{shown}">{shown}</p>')
    reader.close()

    assert reader.tags == ["p"]
    assert reader.words == [reader.text]
    assert all(char.isprintable() for char in shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("&amp;", "&amp;amp;"),
        ("two\n  lines\tand more", "two lines and more"),
        ("nul\0", "nul\\x00"),
        (None, "None"),
        (1.5, "1.5"),
    ],
    ids=["tag", "quotes", "bidi", "entity", "blanks", "nul", "none", "number"],
)
def test_foreign_text_is_escaped(text, shown):
    """Markup becomes entities, blanks become one, and what is not printable becomes visible."""
    assert told(text) == shown


def test_a_name_of_a_megabyte_is_cut():
    """A hostile name fills neither the page nor the time of who makes it."""
    shown = told("x" * (1 << 20), 120)

    assert shown == escaped("x" * 200, 120)
    assert len(shown) == 120


@given(names=st.lists(st.text(max_size=80), max_size=20))
def test_every_part_has_a_fragment_of_its_own(names):
    """Fragments are plain, differ from each other, and are none of the page's own."""
    anchors = Anchors()

    found = [anchors.new(name) for name in names]

    assert len({*found, *FIXED}) == len(found) + len(FIXED)
    assert all(each and each.replace("-", "").replace(".", "").isalnum() and each.isascii() for each in found)


def test_a_fragment_is_readable_where_its_name_is():
    """Who links to a falsifier writes its id."""
    anchors = Anchors()

    assert [anchors.new(each) for each in ("F-1", "F-1", "a b/c", "fleet", "§")] == [
        "F-1",
        "F-1-2",
        "a-b-c",
        "fleet-2",
        "part",
    ]
