"""Every move of a status, and every pair that moves nothing."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.domain.status import (
    CLAIMS,
    Outcome,
    Status,
    contract_status,
    is_open,
    is_word,
    moved,
    stage_status,
    status_of,
)

UNDECIDED = [each for each in Outcome if each not in {Outcome.HELD, Outcome.REFUTED}]

MOVES = {
    (None, "held"): "DISCHARGED",
    (None, "refuted"): "FALSIFIED",
    ("PROPOSED", "held"): "DISCHARGED",
    ("PROPOSED", "refuted"): "FALSIFIED",
    ("PENDING", "held"): "DISCHARGED",
    ("PENDING", "refuted"): "FALSIFIED",
    ("SHIPPED", "held"): "DISCHARGED",
    ("SHIPPED", "refuted"): "FALSIFIED",
    ("DISCHARGED", "held"): "DISCHARGED",
    ("DISCHARGED", "refuted"): "FALSIFIED",
    ("FALSIFIED", "held"): "DISCHARGED",
    ("FALSIFIED", "refuted"): "FALSIFIED",
}


WORDS = """
PROPOSED PENDING DISCHARGED FALSIFIED ACTIVE ALGORITHM_LEVEL_DISCHARGED BLOCKED CLOSED DEFERRED DEPRECATED DONE DRAFT
FAIL FUNCTIONAL IMPLEMENTED IMPLEMENTING IN_PROGRESS IN_REVIEW NONE NOT_APPLICABLE OPEN PARTIAL PARTIAL_ALGORITHM_LEVEL
PASS PLANNED RETIRED SHIPPED SUPERSEDED WIP ACTIVE_RUNTIME BLOCKER_X HARD_BLOCKING_X PLANNED_M2
"""


def test_words_and_outcomes_stay():
    """Contracts and records that are written hold them: one that is renamed or forgotten makes old files wrong."""
    assert [word for word in WORDS.split() if not is_word(word) or not is_word(word.lower())] == []
    assert not is_word("SOMETHING")
    assert " ".join(filter(is_open, WORDS.split())) == "PROPOSED PENDING DRAFT OPEN PLANNED PLANNED_M2"
    assert " ".join(Outcome) == "held refuted not_measured invalid error timeout"


@pytest.mark.parametrize(("word", "outcome"), MOVES, ids=[f"{word}-{outcome}" for word, outcome in MOVES])
def test_a_verdict_moves_a_falsifier(word, outcome):
    """Held discharges, refuted falsifies, whatever the status was."""
    assert moved(word, Outcome(outcome)) == MOVES[word, outcome]


@pytest.mark.parametrize("outcome", UNDECIDED)
@pytest.mark.parametrize("word", [None, *Status, "SHIPPED", "discharged"])
def test_no_verdict_moves_nothing(word, outcome):
    """A machine that could not tell changes nobody's contract."""
    assert moved(word, outcome) == word


@pytest.mark.parametrize(
    ("word", "status"),
    [(None, "PENDING"), ("SHIPPED", "PENDING"), ("discharged", "PENDING"), *((each, each) for each in Status)],
)
def test_a_word_that_is_not_ours_counts_as_pending(word, status):
    """Only the exact word, in capitals, is one of ours."""
    assert status_of(word) is Status(status)


@pytest.mark.parametrize(
    "word", [*sorted(CLAIMS), "ACTIVE_RUNTIME", "BLOCKER_FIXTURE_ABSENT", "PLANNED_M6", "implemented"]
)
def test_the_vocabulary_has_our_words_and_those_that_upstream_uses(word):
    """Also in lower case, as its records write them."""
    assert is_word(word)
    assert status_of(word) in Status


@pytest.mark.parametrize("word", ["DISCHARGD", "GREEN", "ACTIVE-RUNTIME", "ACTIVELY", "", "PENDING ", "DISCHARGED (x)"])
def test_other_words_mean_nothing(word):
    """Near ones too: a misspelt status is none."""
    assert not is_word(word)


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("PENDING", True),
        ("PROPOSED", True),
        ("DRAFT", True),
        ("planned", True),
        ("PLANNED_M4", True),
        ("OPEN", True),
        (None, False),
        ("DISCHARGED", False),
        ("FALSIFIED", False),
        ("SHIPPED", False),
        ("PARTIAL", False),
    ],
)
def test_some_words_say_that_something_is_still_to_be_done(word, answer):
    """Where nothing was said, nothing is known."""
    assert is_open(word) is answer


STAGES = {
    "any falsified": ("PENDING", ["DISCHARGED", "FALSIFIED"], "FALSIFIED"),
    "all discharged": ("PENDING", ["DISCHARGED", "DISCHARGED"], "DISCHARGED"),
    "all discharged, no word": (None, ["DISCHARGED"], "DISCHARGED"),
    "all discharged, upstream's word": ("SHIPPED", ["DISCHARGED"], "DISCHARGED"),
    "some pending": ("PENDING", ["DISCHARGED", "PENDING"], "PENDING"),
    "some pending, upstream's word": ("SHIPPED", ["DISCHARGED", None], "SHIPPED"),
    "some pending, no word": (None, [None], None),
    "discharged no longer": ("DISCHARGED", ["DISCHARGED", "PENDING"], "PENDING"),
    "falsified no longer": ("FALSIFIED", ["PENDING"], "PENDING"),
    "names none": ("PROPOSED", [], "PROPOSED"),
    "discharged, names none": ("DISCHARGED", [], "PENDING"),
    "a falsifier that is not there": ("DISCHARGED", [None], "PENDING"),
}


@pytest.mark.parametrize(("word", "accepted", "due"), STAGES.values(), ids=STAGES)
def test_a_stage_follows_its_falsifiers(word, accepted, due):
    """A stage is what its falsifiers make it, and never DISCHARGED without them."""
    assert stage_status(word, accepted) == due


CONTRACTS = {
    "all stages discharged": ("ACTIVE", ["DISCHARGED", "DISCHARGED"], "DISCHARGED"),
    "one stage open": ("ACTIVE", ["DISCHARGED", "PENDING"], "ACTIVE"),
    "discharged no longer": ("DISCHARGED", ["PENDING"], "ACTIVE"),
    "falsified is no word of a contract": ("FALSIFIED", ["PENDING"], "ACTIVE"),
    "no stages": ("DISCHARGED", [], "ACTIVE"),
    "no word": (None, ["PENDING"], "ACTIVE"),
    "upstream's word": ("SHIPPED", ["PENDING"], "SHIPPED"),
    "upstream's word, all discharged": ("SHIPPED", ["DISCHARGED"], "DISCHARGED"),
}


@pytest.mark.parametrize(("word", "stages", "due"), CONTRACTS.values(), ids=CONTRACTS)
def test_a_contract_follows_its_stages(word, stages, due):
    """A contract is DISCHARGED when it has stages and all are."""
    assert contract_status(word, stages) == due


words = st.sampled_from([None, *Status, "SHIPPED", "ACTIVE"])


@given(words, st.lists(words, max_size=4))
def test_following_twice_changes_nothing_more(word, below):
    """What follows from the parts is stable: a second write finds nothing to do."""
    stage = stage_status(word, below)
    contract = contract_status(word, below)

    assert stage_status(stage, below) == stage
    assert contract_status(contract, below) == contract


def test_discharged_above_means_discharged_below():
    """Over every pair of words, DISCHARGED is never more than its parts."""
    for word, *below in product([None, *Status], repeat=3):
        discharged = all(each == Status.DISCHARGED for each in below)
        assert (stage_status(word, below) == Status.DISCHARGED) is discharged
        assert (contract_status(word, below) == Status.DISCHARGED) is discharged
