"""Versions: strict, ordered as numbers, and moved by weight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.version import Change, Version

parts = st.integers(0, 999_999_999)
versions = st.builds(Version, parts, parts, parts)

NONE_OF_OURS = {
    "two parts": "1.2",
    "four parts": "1.2.3.4",
    "leading zero": "01.2.0",
    "leading zero in the middle": "1.02.0",
    "empty part": "1..0",
    "v before it": "v1.2.0",
    "pre-release": "1.2.0-rc.1",
    "build": "1.2.0+5",
    "blank": " 1.2.0",
    "line break": "1.2.0\n",
    "sign": "1.-2.0",
    "ten digits": "1.2.1234567890",
    "arabic digits": "\u0661.\u0662.\u0660",
    "nothing": "",
}


@pytest.mark.parametrize("text", NONE_OF_OURS.values(), ids=NONE_OF_OURS)
def test_what_is_no_strict_version_is_refused(text):
    """Three numbers without leading zeros, and nothing else."""
    with pytest.raises(ValueError, match=r"^a version must be three numbers such as 1\.13\.0$"):
        Version.parse(text)


@given(versions)
def test_a_version_reads_back(version):
    """Text and value are one to one."""
    assert Version.parse(str(version)) == version


def test_parts_compare_as_numbers():
    """1.10 comes after 1.9."""
    texts = ["1.9.9", "0.99.99", "1.10.0", "2.0.0", "1.9.10"]

    ordered = sorted(map(Version.parse, texts))

    assert list(map(str, ordered)) == ["0.99.99", "1.9.9", "1.9.10", "1.10.0", "2.0.0"]


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (Change.NONE, "1.12.3"),
        (Change.PATCH, "1.12.4"),
        (Change.MINOR, "1.13.0"),
        (Change.MAJOR, "2.0.0"),
    ],
)
def test_a_change_moves_its_part_and_clears_the_rest(change, after):
    """A heavier change sets the lighter parts back to zero."""
    assert str(Version(1, 12, 3).after(change)) == after


@given(versions, st.sampled_from(Change), st.sampled_from(Change))
def test_a_heavier_change_goes_further(version, one, other):
    """The order of changes is the order of the versions they make."""
    assert (one < other) is (version.after(one) < version.after(other))
