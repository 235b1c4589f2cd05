"""Findings, errors and exit statuses: what ends a command, and how foreign text is shown."""

from __future__ import annotations

from itertools import permutations

import pytest
from helpers import commands_in
from hypothesis import example, given
from hypothesis import strategies as st

from pvcheck import errors
from pvcheck.errors import EXIT_ORDER, Finding, PvError, escaped, inert, quoted, worst


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding("PV207", "wrong", "c.yaml", 3, 5, "way out"), "c.yaml:3:5: PV207 wrong"),
        (Finding("PV708", "wrong", "c.yaml"), "c.yaml: PV708 wrong"),
        (Finding("PV707", "wrong"), "PV707 wrong"),
    ],
    ids=["place", "file", "nowhere"],
)
def test_a_finding_starts_with_its_place(finding, text):
    """The place comes first, where editors look for it; what is unknown is left out."""
    assert str(finding) == text


def test_an_error_counts_unless_it_says_otherwise():
    """A finding is an error that asks for exit status 1 by default."""
    finding = Finding("PV207", "wrong")

    assert (finding.severity, finding.exit_code) == (errors.Severity.ERROR, 1)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ContractError, 1),
        (errors.ConfigError, 2),
        (errors.NotMeasuredError, 3),
        (errors.EmptyError, 4),
        (errors.EvidenceError, 5),
        (errors.BugError, 70),
        (PvError, 70),
    ],
)
def test_each_culprit_has_its_exit_status(kind, code):
    """Who is at fault decides the exit status; the module's table says the same."""
    error = kind(Finding("PV999", "wrong"))

    assert error.exit_code == code
    assert kind is PvError or f"exit {code}" in next(
        line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line
    )


def test_an_error_tells_its_findings_in_order():
    """One finding or several, each on its own line."""
    one, other = Finding("PV201", "first", "a.yaml", 1, 2), Finding("PV202", "second")

    assert PvError(one).findings == (one,)
    assert str(PvError(iter([one, other]))) == "a.yaml:1:2: PV201 first\nPV202 second"


def test_the_worst_exit_status_wins():
    """In any order of events the rank of the table decides."""
    assert worst([]) == 0
    for one, other in permutations(range(len(EXIT_ORDER)), 2):
        assert worst([EXIT_ORDER[one], EXIT_ORDER[other]]) == EXIT_ORDER[min(one, other)]
    assert EXIT_ORDER == (130, 70, 2, 5, 1, 3, 4, 0)


@given(st.text(max_size=400))
def test_foreign_text_stays_on_its_line(text):
    """Whatever a file holds, what is shown is printable, has one line, and is bounded."""
    shown = escaped(text)

    assert shown.isprintable()
    assert len(shown) <= errors.MAX_SHOWN * len("\\U0010ffff")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü", '"plain ü"'),
        ("a\n::error::b", '"a\\n::error::b"'),
        ("\x1b[31mred", '"\\x1b[31mred"'),
        ("e\u202ddil", '"e\\u202ddil"'),
        ("x" * 60, '"' + "x" * 60 + '"'),
        ("x" * 61, '"' + "x" * 59 + '…"'),
    ],
    ids=["plain", "line break", "escape", "bidi", "longest", "too long"],
)
def test_quoted_text_is_escaped_and_short(text, shown):
    """A message quotes 60 characters and no control."""
    assert quoted(text) == shown


@given(st.text(st.sampled_from(list(": \t#[]a.\u0301")), max_size=60))
@example("::error::a")
@example("\t ::stop-commands::a")
@example("a ###[add-mask]b")
@example("##vso[task.setvariable variable=a]b")
def test_no_line_is_a_command_of_a_ci_system(line):
    """What would be one is shown with an escape; every other line stays as it is."""
    shown = inert(line)

    assert commands_in(shown) == []
    assert shown.replace("\\x3a", ":").replace("\\x23", "#") == line
    assert (shown == line) is (commands_in(line) == [])
