"""The diff that shows an edit, and what importing the package costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pvcheck.text
from pvcheck.text import unified


def test_a_diff_shows_the_change_and_two_lines_around_it():
    """The words that changed stand between two lines of context."""
    before = "a\nb\nc\nstatus: PENDING\r\nd\ne\nf"

    assert unified(before, before.replace("PENDING", "DISCHARGED"), "c.yaml") == (
        "--- a/c.yaml\n+++ b/c.yaml\n@@ -2,5 +2,5 @@\n b\n c\n-status: PENDING\n+status: DISCHARGED\n d\n e\n"
    )


def test_equal_texts_have_no_diff():
    """Nothing changed, nothing shown."""
    assert unified("a\n", "a\n", "c.yaml") == ""


def test_a_name_that_is_not_there_is_an_attribute_error():
    """The half of the package that is loaded at first use invents no names."""
    with pytest.raises(AttributeError, match=r"^module 'pvcheck\.text' has no attribute 'nope'"):
        _ = pvcheck.text.nope

    assert all(hasattr(pvcheck.text, name) for name in pvcheck.text.__all__)


def test_reading_a_contract_loads_no_editor():
    """What a pre-merge hook does not need, it does not import."""
    unwanted = {"difflib", "unicodedata", "pydantic", "pvcheck.text.plan", "pvcheck.text.edits"}
    code = f"import sys, pvcheck.text; print(sorted({unwanted} & set(sys.modules)))"

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out == "[]\n"
