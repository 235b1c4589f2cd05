"""Places in a text."""

from __future__ import annotations

import pytest

from pvcheck.text.report import place


@pytest.mark.parametrize(
    ("text", "index", "told"),
    [("", 0, (1, 1)), ("ab", 1, (1, 2)), ("\na", 1, (2, 1)), ("a\r\nb", 3, (2, 1)), ("\n", 0, (1, 1))],
)
def test_lines_and_columns_begin_at_one(text, index, told):
    """A line feed belongs to the line that it ends."""
    assert place(text, index) == told
