"""Guards in a run: a finding at the bound, the same beside the falsifier, and what a contract accepts."""

from __future__ import annotations

import json

import pytest
from helpers import CONTRACT, without_excerpts

SOUND = {"metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]}}
ILL = SOUND | {"condition": 1449.0}
LEANS = "the bound < 18.0 of growth leans on a sum that cancels (condition number 1449, backward error 0.0001)"
WAY_OUT = "put the bound on the backward error, or write 'accept: {conditioning: why}' into this falsifier"
REASON = "the divisor is small by design"
ACCEPT = ("  expect:", f"  accept: {{conditioning: {REASON}}}\n  expect:")


def test_a_bound_that_leans_is_told_at_its_place_and_moves_nothing(project, pv):
    """An error like any other: place, code, way out; and beside the falsifier."""
    project.measure(ILL)
    before = project.state()

    status, out, _ = pv("run", "--write", "-q")

    assert status == 3
    assert without_excerpts(out).startswith(f"contracts/c.yaml:16:13: PV603 {LEANS}\n  hint: {WAY_OUT}\n")
    assert "  invalid       F-1" in out
    assert f"      conditioning: {LEANS}\n" in out
    assert f"      PV603 conditioning: {LEANS}\n" in out
    assert out.endswith("2 falsifiers: 1 invalid; 1 unbound; 1 error\n")
    assert project.state() == before


def test_an_accepted_mark_is_promoted_with_its_reason_beside_it(project, pv):
    """And the record keeps what was found, not what was accepted."""
    project.measure(ILL)
    project.edit(*ACCEPT)

    status, out, _ = pv("run", "--write", "-q")
    again = pv("run", "--check", "-q")

    assert (status, again[0]) == (0, 0)
    assert "PV603 conditioning: growth divides by a sum that cancels: condition number 1449" in out
    assert f"      PV603 conditioning: {LEANS}\n        accepted: {REASON}\n" in out
    assert not out.startswith("contracts/c.yaml:")
    (record,) = (project.root / "contracts/evidence/c").glob("*.json")
    assert REASON not in record.read_text()
    assert [each["code"] for each in json.loads(record.read_text())["predicate"]["guards"]] == ["PV603"]
    assert pv("validate")[0] == 0


def test_a_reason_that_is_taken_back_takes_the_status_with_it(project, pv):
    """Without measuring: validation judges the record as the contract is today. A run may then measure again."""
    project.measure(ILL)
    project.edit(*ACCEPT)
    pv("run", "--write")
    project.edit(*reversed(ACCEPT))

    status, out, _ = pv("validate")
    run = pv("run", "-q")

    assert status == 1
    assert out.startswith(
        "contracts/c.yaml:16:13: PV610 DISCHARGED, but the record is no verdict under today's guards: conditioning: "
    )
    assert "1 stale" in out
    assert run[0] == 1  # the status that stands there is not supported, which outranks that nobody can tell
    assert f"contracts/c.yaml:16:13: PV603 {LEANS}\n" in run[1]


def test_a_setting_moves_the_limit(project, pv):
    """For a run, for a validation and for a measurement without a contract."""
    project.measure(ILL)
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\nguards = {conditioning = 1449}\n')

    run = pv("run", "--write", "-q")
    measured = pv("measure", "probe", "--input", "model=contracts/model.bin", "model=model")
    (project.root / "pv.toml").write_text('evaluators = ["probe"]\n')

    assert run[0] == 0
    assert "PV603" not in run[1]
    assert "PV603" not in measured[1]
    assert pv("validate")[0] == 1
    assert "PV603" in pv("measure", "probe", "--input", "model=contracts/model.bin", "model=model")[1]


@pytest.mark.parametrize(
    ("told", "place", "code", "status"),
    [
        pytest.param({"metrics": {"growth": "nan", "count": 4}}, "16:13", "PV601", 3, id="finite"),
        pytest.param(SOUND | {"right": 5}, "16:13", "PV602", 3, id="population"),
        pytest.param(
            {"metrics": {"growth": 1.0, "count": 4, "steps": ["nan", 1.0]}}, "13:14", "PV601", 3, id="unbound"
        ),
        pytest.param({"metrics": {}, "plain": True}, "13:14", "PV606", 4, id="vacuity"),
    ],
)
def test_what_leaves_no_verdict_is_told_at_the_bound_it_is_about(project, pv, told, place, code, status):
    """Or at the evaluator, where no bound is put on that metric."""
    project.measure(told)

    found, out, _ = pv("run", "-q")

    assert found == status
    assert out.startswith(f"contracts/c.yaml:{place}: {code} ")
    assert "\n  hint: " in out


def test_a_chain_that_carries_nothing_is_a_warning(project, pv):
    """The status is earned, and the reader is told; with a reason nobody is warned."""
    project.measure(SOUND | {"carry": [0.0], "ends": [2.0, 1.0]})

    plain = pv("run", "-q")
    project.edit("  expect:", "  accept: {carry: each layer is bounded by itself}\n  expect:")
    accepted = pv("run", "-q")

    assert plain[0] == accepted[0] == 0
    assert without_excerpts(plain[1]).startswith(
        "contracts/c.yaml:16:13: PV604 less than 10 % of a change at one step reaches the next at 1 of 1 transitions, "
        "so growth is not cumulative [warning]\n  hint: bound each step by itself, or "
    )
    assert plain[1].endswith("no errors, 1 warning\n")
    assert "        accepted: each layer is bounded by itself\n" in accepted[1]
    assert accepted[1].endswith("no errors\n")


def test_a_claimed_ratio_that_other_ends_have_is_a_warning(project, pv):
    """The bound is refuted, and the pair that was meant is named."""
    project.measure({"metrics": {"growth": 1.25, "count": 4, "steps": [1.0, 1.25]}, "ends": [1.25, 1.0]})
    project.edit("growth: < 18", "growth: 0.8 +- 0.1%")

    status, out, _ = pv("run", "-q")

    assert status == 1
    assert out.startswith(
        "contracts/c.yaml:16:13: PV605 the claimed 0.8 (within 0.1 %) fits layer 0 over layer 1 (0.8), and not growth, "
        "which is last over first (1.25): 1 of 2 pairs, where chance would give 0.0029 [warning]\n"
    )


def test_a_mark_beside_a_refutation_is_a_warning(project, pv):
    """The other bound decides."""
    project.measure(ILL | {"metrics": SOUND["metrics"] | {"count": 3}})

    status, out, _ = pv("run", "-q")

    assert status == 1
    assert out.startswith(f"contracts/c.yaml:16:13: PV603 {LEANS} [warning]\n")
    assert "      REFUTED  count   >= 4.0  3    margin -1\n" in out


def test_what_is_accepted_and_not_found_is_a_warning(project, pv):
    """Once, whether the record or the measurement shows it."""
    project.edit(*ACCEPT)

    unwritten = pv("run", "-q")
    first = pv("run", "--write", "-q")
    second = pv("run", "-q")
    validated = pv("validate")

    for status, out, _ in (unwritten, first, second, validated):
        assert status == 0
        assert out.count("PV612 accept: conditioning accepts what nobody found") == 1
        assert "no errors, 1 warning" in out
        assert "stale" not in out


def test_places_are_those_of_the_written_file(project, pv):
    """Lines that the write put in do not shift what is told about later falsifiers."""
    second = "- id: F-2\n  evaluator: probe\n  with: {model: model}\n  expect: {growth: < 18}\n  status: PENDING\n"
    project.contract.write_text(
        CONTRACT.replace("- id: F-2\n  rule: nobody measures this\n  status: PROPOSED\n", second)
    )
    project.measure(SOUND | {"carry": [0.0], "ends": [2.0, 1.0]})

    _, out, _ = pv("run", "--write", "-q")

    lines = project.contract.read_text().split("\n")
    places = [each.split(":")[1] for each in out.split("\n") if "PV604" in each and each.startswith("contracts/")]
    assert len(places) == 2
    assert all("growth: < 18" in lines[int(place) - 1] for place in places)


def test_a_record_has_claims_only_where_there_are_some(project, pv):
    """A record of a day on which there were no claims yet is the same result as one made today."""
    pv("run", "--write")

    (record,) = (project.root / "contracts/evidence/c").glob("*.json")
    details = json.loads(record.read_text())["predicate"]["details"]

    assert "claims" not in details
    assert "ratios" in details
