"""A ratio that a record claims is told to the host, which looks for the ends that have it."""

from __future__ import annotations

import json

from general.fixtures import measure

from pvcheck import guards
from pvcheck.plugin import ClaimedRatio

FIVE = [0.544, 0.780, 0.029, 0.428, 0.774]
SAID = (
    "the claimed 1.8081 (within 0.1 %) fits position 4 over position 3 (1.80841), and not "
    "growth_last_over_first, which is position 4 over position 0 (1.42279)"
)


def recorded(values, **parameters):
    """Measure numbers that somebody recorded, in factors."""
    common = {"series": "s", "host": "h", "date": "2026-05-07", "unit": "factor", "pointer": "/v"}
    return measure("recorded-series", common | parameters, {"s": json.dumps({"v": values}).encode()})


def test_a_claimed_ratio_is_a_claim_about_the_growth():
    """The investigation's 1.8081 has other ends than last over first, and the guard says which."""
    found = recorded(FIVE, claimed_ratio=1.8081, tolerance=0.001)

    assert found.claims == (ClaimedRatio(metric="growth_last_over_first", value=1.8081, tolerance=0.001),)
    (said,) = guards.examine(found)
    assert (said.guard, said.message.partition(":")[0]) == ("baseline", SAID)


def test_a_claim_that_its_own_ends_have_is_silent():
    """Last over first is 1.4228 here."""
    assert guards.examine(recorded(FIVE, claimed_ratio=1.4228, tolerance=0.001)) == ()


def test_without_a_claim_or_a_growth_nothing_is_claimed():
    """One number has no growth."""
    assert recorded(FIVE).claims == ()
    assert recorded(FIVE[:1], claimed_ratio=1.8081).claims == ()
