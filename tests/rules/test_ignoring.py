"""Findings that the settings ignore: which, until when, and what is said when an ignore is over or in vain."""

from __future__ import annotations

from datetime import date

import pytest
from loading.texts import GOOD, loaded

from pvcheck.config import Ignore
from pvcheck.errors import Finding, Severity
from pvcheck.rules import ignoring

TODAY = date(2026, 11, 22)
PLACE = "contracts/old/c.yaml"
DOCUMENT = loaded(GOOD).document
FIRST, SECOND, STAGE, ABOVE = (
    Finding("PV319", f"finding {line}", "c.yaml", line, 3, "mend it") for line in (14, 20, 23, 8)
)


def sifted(*ignores: Ignore, findings=(FIRST, SECOND, STAGE, ABOVE)) -> ignoring.Sifted:
    """Return what is left of findings in one contract."""
    return ignoring.sift(findings, PLACE, ignores, TODAY, DOCUMENT)


FITTING = {
    "code": (Ignore("PV319", "r"), {14, 20, 23, 8}),
    "another code": (Ignore("PV320", "r"), set()),
    "path": (Ignore("PV319", "r", (PLACE,)), {14, 20, 23, 8}),
    "glob": (Ignore("PV319", "r", ("none/*", "contracts/*.yaml")), {14, 20, 23, 8}),
    "another path": (Ignore("PV319", "r", ("old/*", "contracts/old")), set()),
    "falsifier": (Ignore("PV319", "r", (), "F-1"), {14}),
    "its neighbour": (Ignore("PV319", "r", (), "F-2"), {20}),
    "stage": (Ignore("PV319", "r", (), "S-1"), {23}),
    "another id": (Ignore("PV319", "r", (), "F-9"), set()),
    "the last day": (Ignore("PV319", "r", until=TODAY), {14, 20, 23, 8}),
}


@pytest.mark.parametrize(("ignore", "lines"), FITTING.values(), ids=FITTING)
def test_an_ignore_is_about_a_code_and_perhaps_about_paths_and_an_id(ignore, lines):
    """What fits is ignored and counted; the rest is kept in its order."""
    result = sifted(ignore)

    assert {each.line for each in result.ignored} == lines
    assert [each.line for each in result.kept] == [line for line in (14, 20, 23, 8) if line not in lines]
    assert result.used == ({ignore} if lines else frozenset())


def test_an_ignore_that_is_over_gives_its_finding_back_with_a_note():
    """The note stands behind the finding, at its place, and says since when and why."""
    ended = Ignore("PV319", "the tests arrive with #12", id="F-1", until=date(2026, 11, 21))

    result = sifted(ended, findings=(FIRST,))

    note = Finding(
        "PV719",
        "PV319 was ignored until 2026-11-21 (the tests arrive with #12)",
        "c.yaml",
        14,
        3,
        "mend it now, or give the [[ignore]] a new day and a new reason",
        Severity.NOTE,
    )
    assert result == ((FIRST, note), (), frozenset({ended}))


def test_one_ignore_that_holds_is_enough():
    """Where one is over and another is not, the finding stays ignored, and both count as used."""
    ended, open_ended = Ignore("PV319", "a", until=date(2020, 1, 1)), Ignore("PV319", "b")

    result = sifted(ended, open_ended, findings=(FIRST,))

    assert result == ((), (FIRST,), frozenset({ended, open_ended}))


def test_without_a_document_no_id_fits():
    """A file that could not be read has findings of no falsifier."""
    ignore = Ignore("PV319", "r", id="F-1")

    assert ignoring.sift([FIRST], PLACE, [ignore], TODAY).kept == (FIRST,)


VAIN = {
    "everywhere": (Ignore("PV319", "r"), "nothing has the finding PV319 any more, and it is ignored"),
    "paths": (
        Ignore("PV319", "r", ("a/*", "b\n")),
        'nothing has the finding PV319 in "a/*", "b\\n" any more, and it is ignored',
    ),
    "id": (Ignore("PV319", "r", id="F-1"), 'nothing has the finding PV319 for "F-1" any more, and it is ignored'),
}


@pytest.mark.parametrize(("ignore", "message"), VAIN.values(), ids=VAIN)
def test_an_ignore_in_vain_is_a_warning_about_the_settings(ignore, message):
    """What would hide the next mistake of its kind is told."""
    found = list(ignoring.unused([ignore._replace(source="pv.toml")], frozenset()))

    hint = "remove this [[ignore]], so that the finding counts when it comes back"
    assert found == [Finding("PV718", message, "pv.toml", hint=hint, severity=Severity.WARNING)]


def test_an_ignore_that_is_used_is_not_in_vain():
    """Used, or over and met again."""
    ignore = Ignore("PV319", "r")

    assert list(ignoring.unused([ignore], frozenset({ignore}))) == []
