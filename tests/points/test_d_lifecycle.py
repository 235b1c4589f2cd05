"""Points 45 to 56: statuses, versions, files that move or go, bases that are not there, and the calendar."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from helpers import CONTRACT
from history.conftest import _alone, promoted, work  # noqa: F401 - fixtures
from history.test_against import bump
from history.works import BASE, WHERE, Work, started

from pvcheck.rules import circles

MAIN = "--against=main"
AMENDED = """\
amendments:
- version: 1.12.0
  date: {day}
  summary: a change
"""


@pytest.mark.parametrize("word", ["DISCHARGED", "FALSIFIED"])
def test_045_a_status_that_was_typed(work, word):  # noqa: F811 - the fixture
    """Nothing stands behind it."""
    work.edit("status: PENDING", f"status: {word}")

    status, codes = work.codes()

    assert status == 1
    assert codes[0] == "PV401"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("status: PENDING", "status: DISCHARGED", id="by hand"),
        pytest.param("status: PROPOSED", "status: DISCHARGED", id="a stage left out"),
    ],
)
def test_046_a_status_cannot_skip_the_measurement(work, old, new):  # noqa: F811 - the fixture
    """PROPOSED becomes PENDING when it is bound, and anything else when it was measured; the message says so."""
    work.edit(old, new)
    bump(work, "1.12.0", "2.0.0")

    result = work.pv("validate", MAIN)

    assert result.status == 1
    assert any(each.code == "PV401" and "PENDING" in each.hint for each in result.findings)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param(("version: 1.12.0", "version: 1.11.9"), "PV420", id="lower"),
        pytest.param(("growth is bounded", "growth is small"), "PV423", id="equal, another meaning"),
        pytest.param(("version: 1.12.0", "version: 1.12.1", "growth: < 18", "growth: < 20"), "PV421", id="relaxed"),
    ],
)
def test_047_a_version_that_does_not_tell_the_change(work, changes, code):  # noqa: F811 - the fixture
    """The next version that would is in the message."""
    work.edit(*changes)

    status, codes = work.codes(MAIN)

    assert status == 1
    assert code in codes


def test_047_a_falsifier_that_was_deleted_with_a_patch(work):  # noqa: F811 - the fixture
    """Fewer claims are a major change."""
    second = CONTRACT[CONTRACT.index("- id: F-2") : CONTRACT.index("implementation_stages")]
    work.edit("version: 1.12.0", "version: 1.12.1", second, "")

    status, codes = work.codes(MAIN)

    assert status == 1
    assert "PV433" in codes


def test_048_what_does_not_count_needs_no_version(work):  # noqa: F811 - the fixture
    """Comments, spaces and the order of keys."""
    work.edit("metadata:\n", "# a remark\n\nmetadata:  \n", "growth: < 18", "growth:   < 18")
    work.edit("  id: C-TEST\n  version: 1.12.0\n", "  version: 1.12.0\n  id: C-TEST\n")

    assert work.codes(MAIN) == (0, [])


def test_049_a_contract_that_moved_keeps_its_history(work):  # noqa: F811 - the fixture
    """It is followed by its id, so a version that fell is seen in the new place."""
    work.git("mv", WHERE, "contracts/renamed.yaml")
    assert work.codes(MAIN)[0] == 0

    work.edit("version: 1.12.0", "version: 1.11.0", path="contracts/renamed.yaml")

    assert "PV420" in work.codes(MAIN)[1]


def test_050_a_contract_that_others_stand_on_was_deleted(work):  # noqa: F811 - the fixture
    """Both the loss and the dependency that leads nowhere are told."""
    work.put(BASE.replace("C-TEST", "C-BASE"), "contracts/base.yaml")
    work.edit("version: 1.12.0", "version: 1.12.0\n  depends_on: [C-BASE]")
    work.commit("two")
    work.git("branch", "-f", "main", "HEAD")

    (work.root / "contracts" / "base.yaml").unlink()

    status, codes = work.codes(MAIN)
    assert status == 1
    assert {"PV432", "PV321"} <= set(codes)


def test_051_without_a_repository_there_is_no_base(tmp_path):
    """Plain validation goes on; who asks for a comparison is told that there can be none."""
    alone = Work(tmp_path)
    alone.put(BASE)

    assert alone.codes() == (0, [])
    result = alone.pv("validate", "--against=main")
    assert (result.status, [each.code for each in result.findings]) == (2, ["PV716"])


def test_051_before_the_first_commit_and_in_a_shallow_clone(tmp_path):
    """An unborn branch and a commit that was not fetched."""
    fresh = started(tmp_path / "fresh")
    fresh.put(BASE)
    assert fresh.codes() == (0, [])
    assert fresh.pv("validate", "--against=main").status == 2
    fresh.commit("one")
    fresh.edit("growth is bounded", "growth is small")
    fresh.commit("two")
    fresh.git("clone", "-q", "--depth=1", f"file://{fresh.root}", tmp_path / "shallow")
    shallow = Work(tmp_path / "shallow")

    assert shallow.codes() == (0, [])
    result = shallow.pv("validate", "--against=HEAD~1")

    assert (result.status, [each.code for each in result.findings]) == (2, ["PV721"])
    assert "fetch" in result.findings[0].hint


def test_052_a_base_that_cannot_be_read(work):  # noqa: F811 - the fixture
    """It is told about the base, and today's contract is checked all the same."""
    work.put(BASE.replace("metadata:", "metadata: ["))
    work.commit("broken")
    work.git("branch", "-f", "main", "HEAD")
    work.put(BASE.replace("status: PENDING", "status: DISCHARGED", 1))

    status, codes = work.codes(MAIN)

    assert status == 1
    assert {"PV435", "PV401"} <= set(codes)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_053_dependencies_in_a_circle(tmp_path, length):
    """Also one contract that depends on itself."""
    alone = Work(tmp_path)
    for index in range(length):
        after = f"version: 1.12.0\n  depends_on: [C-{(index + 1) % length}]"
        text = BASE.replace("C-TEST", f"C-{index}").replace("version: 1.12.0", after)
        alone.put(text, f"contracts/c{index}.yaml")

    status, codes = alone.codes()

    assert status == 1
    assert set(codes) == {"PV323"}


@pytest.mark.parametrize("is_closed", [False, True])
def test_053_a_chain_of_ten_thousand_is_walked_in_no_time(is_closed):
    """Deeper than any stack of calls, whether it ends or comes back to its start."""
    chain = {index: [index + 1] for index in range(9_999)} | ({9_999: [0]} if is_closed else {})
    began = time.process_time()

    tied = circles.knots(chain)

    assert len(tied) == (10_000 if is_closed else 0)
    assert time.process_time() - began < 1


def test_053_a_chain_of_contracts_is_told_in_lines_of_usual_length(tmp_path):
    """Each contract of a large circle is told where its first step is, and not all the way."""
    alone = Work(tmp_path)
    head = "metadata: {{schema: 1, id: C-{0}, version: 1.0.0, status: PENDING, depends_on: [C-{1}]}}\n"
    rest = "falsification_tests:\n- {id: F-1, rule: a rule that says something, status: PROPOSED}\n"
    for index in range(150):
        alone.put(head.format(index, (index + 1) % 150) + rest, f"contracts/c{index:03d}.yaml")

    result = alone.pv("validate", "--no-cache", "--format", "concise")

    told = [each.message for each in result.findings if each.code == "PV323"]
    assert (result.status, len(told)) == (1, 150)
    assert told[0].endswith("c004 -> c005 -> 140 more -> c146 -> c147 -> c148 -> c149 -> c000")
    assert told[-1].endswith("here: c149 -> c000 -> ... -> c149")


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "2106-02-07", "9999-12-31"])
def test_054_any_day_of_the_calendar(tmp_path, day):
    """A date is only told: neither an old one nor a far one changes what is judged."""
    alone = Work(tmp_path)
    alone.put(BASE.replace("amendments: []\n", AMENDED.format(day=day)))

    assert alone.codes() == (0, [])


@pytest.mark.parametrize("now", [0.0, 4_294_967_296.0, 253_402_300_799.0])
def test_054_any_day_of_the_clock(tmp_path, monkeypatch, now):
    """A machine whose clock stands in 1970, 2106 or 9999."""
    alone = Work(tmp_path)
    alone.put(BASE)
    monkeypatch.setattr(time, "time", lambda: now)

    assert alone.codes() == (0, [])


def test_055_two_branches_that_gave_one_version(work):  # noqa: F811 - the fixture
    """The second one that comes to be merged is told, with the version that is free."""
    work.git("switch", "-q", "main")
    work.edit("growth: < 18", "growth: < 17")
    bump(work, "1.12.0", "1.13.0", "theirs")
    work.commit("theirs")
    work.git("switch", "-q", "change")
    work.edit("growth is bounded", "growth is small")
    bump(work, "1.12.0", "1.13.0", "ours")
    work.commit("ours")

    status, codes = work.codes(MAIN)

    assert status == 1
    assert "PV422" in codes


def test_056_a_model_that_changed_after_it_was_measured(promoted):  # noqa: F811 - the fixture
    """The status is stale until it is measured again."""
    told = json.loads(next((promoted.root / "contracts" / "evidence").rglob("*.json")).read_bytes())
    assert "model" in told["predicate"]["inputs"]
    promoted.put("another model", "contracts/model.bin")

    status, codes = promoted.codes()

    assert status == 1
    assert codes[0] == "PV410"
    shutil.rmtree(promoted.root / "contracts" / "evidence")
    assert "PV402" in promoted.codes()[1]
