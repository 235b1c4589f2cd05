"""What a page knows of a contract: how each falsifier stands, and the record behind it judged again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from report.shelves import TEXT, details, metrics

from pvcheck.domain.status import Outcome
from pvcheck.evidence import store
from pvcheck.pipeline import gathering
from pvcheck.pipeline.gathering import Stand


def gathered(path):
    """Return one contract."""
    return gathering.gather([Path(path)])[0]


def test_every_state_is_told_apart(everything):
    """Earned, stale, pending, unbound, claimed: a file, and how its two falsifiers stand."""
    found = gathering.gather(sorted(everything.root.glob("contracts/*.yaml"), reverse=True))

    assert {each.checked.path.stem: [str(case.stand) for case in each.cases] for each in found} == {
        "broken": [],
        "pending": ["pending", "unbound"],
        "refuted": ["falsified", "unbound"],
        "sound": ["discharged", "unbound"],
        "stale": ["stale", "unbound"],
        "typed": ["stale", "unbound"],
        "upstream": ["claimed", "claimed"],
    }
    assert [each.checked.path.stem for each in found] == sorted(each.checked.path.stem for each in found)
    assert [each.checked.path.stem for each in found if each.is_sound] == ["pending", "refuted", "sound"]


def test_the_record_is_judged_under_the_bounds_of_today(shelf):
    """Margins are those of today's bounds on the recorded numbers, and the guards speak again."""
    path = shelf.earn("A")
    path.write_text(path.read_text().replace("growth: < 18", "growth: < 7"))

    case = gathered(path).cases[0]

    assert case.stand is Stand.STALE
    assert [(each.held, each.margin) for each in case.evidence.judged] == [(False, -1.0), (True, 0.42)]
    assert case.evidence.verdict.outcome is Outcome.REFUTED
    assert {each.guard for each in case.evidence.verdict.guarded} == {"conditioning", "carry"}
    assert case.spelled == ("< 7", "all < 0.5")
    assert "PV407" in [each.code for each in case.reasons]


def test_an_error_elsewhere_lets_no_status_look_earned(shelf):
    """Validation asks no evidence of a contract that is broken otherwise; the page does."""
    path = shelf.put("A", TEXT.replace("status: PENDING", "status: DISCHARGED").replace("id: F-NAME-2", "id: F-NAME-1"))

    found = gathered(path)

    assert found.cases[0].stand is Stand.STALE
    assert "PV401" in [each.code for each in found.cases[0].reasons]
    assert not found.is_sound
    assert {each.code for each in found.checked.errors}.isdisjoint({"PV401"})


def test_a_sound_status_beside_an_error_elsewhere_stays(shelf):
    """What evidence supports is not taken away by another falsifier."""
    path = shelf.earn("A", TEXT.replace("  rule: nobody measures this", "  rulle: nobody measures this"))

    found = gathered(path)

    assert found.checked.errors
    assert found.cases[0].stand is Stand.DISCHARGED


def test_a_bound_on_what_was_not_reported_is_not_held(shelf):
    """A metric that the record lacks satisfies nothing."""
    path = shelf.earn("A")
    path.write_text(
        path.read_text().replace("    growth: < 18\n", "    growth: < 18\n    count: '>= 4'\n    other: < 1\n")
    )

    judged = gathered(path).cases[0].evidence.judged

    assert [(each.expectation.metric, each.held, each.margin) for each in judged if each.metric is None] == [
        ("other", False, None)
    ]


def test_details_that_cannot_be_read_leave_no_verdict(shelf):
    """A forged record with other details is shown with its numbers, and without a word of the guards."""
    path = shelf.earn("A", details={"labels": [1]})

    evidence = gathered(path).cases[0].evidence

    assert (evidence.reported, evidence.verdict) == (None, None)


def test_a_file_that_is_gone_is_there_with_its_finding(shelf):
    """A name that leads nowhere costs the others nothing."""
    shelf.put("A")

    found = gathering.gather([Path("contracts/a.yaml"), Path("contracts/gone.yaml")])

    assert [each.contract is None for each in found] == [False, True]
    assert [each.code for each in found[1].findings] == ["PV708"]


def test_a_missing_record_is_no_evidence(shelf):
    """The status is stale, and nothing is shown in place of the record."""
    path = shelf.earn("A")
    store.path_of(path, store.references(path)[0]).unlink()

    case = gathered(path).cases[0]

    assert (case.stand, case.evidence) == (Stand.STALE, None)
    assert [each.code for each in case.reasons] == ["PV402"]


def test_nan_is_no_margin(shelf):
    """A record of numbers that are not finite is judged without mercy."""
    path = shelf.earn("A", status="FALSIFIED", measured=metrics(math.nan), details=details())

    case = gathered(path).cases[0]

    assert [each.held for each in case.evidence.judged] == [False, True]
    assert case.evidence.verdict.outcome is Outcome.INVALID


@pytest.mark.parametrize("is_there", [True, False])
def test_a_challenge_is_judged_again_where_its_record_is_sound(shelf, is_there):
    """Trials of the record under the bounds of today; a lost record is none."""
    path = shelf.challenge("A", is_there=is_there)

    found = gathered(path)

    assert (found.challenge is not None) is is_there
    assert "PV621" not in [each.code for each in found.findings] or not is_there
    assert not is_there or [each.falsifier for each in found.challenge.challenged] == ["F-A-1"]
