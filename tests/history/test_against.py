"""``pv validate --against``: what a change may do to contracts, tried in real repositories with real git."""

from __future__ import annotations

import json

import pytest
from history.works import BASE, WHERE, short, started
from history.works import told as found

from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.domain.metric import MetricType
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric

MAIN = "--against=main"
FIRST_TEST = "- id: F-1\n  rule: growth is bounded\n"
AMENDED = """\
amendments:
- version: {version}
  date: 2026-11-23
  summary: {summary}
"""
LATER = {"made_at": {"started": "2026-12-01T00:00:00+00:00", "seconds": 0.2, "host": "there"}}


def bump(work, old, new, summary="a change", path=WHERE):
    """Give a contract a version and an amendment, as pv bump does."""
    text = work.text(path).replace("amendments: []\n", "amendments:\n")
    entry = AMENDED.format(version=new, summary=summary)
    work.put(text.replace(f"version: {old}", f"version: {new}", 1).replace("amendments:\n", entry, 1), path)


def test_a_change_that_owns_up_is_told_with_what_it_was_compared(work):
    """Branch, tip, merge base and counts stand in the last line."""
    base = work.git("rev-parse", "main")
    work.git("switch", "-q", "main")
    work.put("about\n", "README.md")
    tip = work.commit("main moved on")
    work.git("switch", "-q", "change")
    work.edit("growth: < 18", "growth: < 17")
    bump(work, "1.12.0", "1.13.0")

    assert work.verdict(MAIN) == f"against main ({short(tip)}), merge base {short(base)}: 1 changed"


def test_nothing_that_counts_needs_no_version(work):
    """A comment and another way to write the same are no change of the contract."""
    work.edit("growth: < 18", "growth: '< 18'  # as agreed", "id: C-TEST", 'id: "C-TEST"')

    assert work.verdict(MAIN).endswith(": 1 changed")
    work.put(BASE)
    assert work.verdict(MAIN).endswith(": nothing changed")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(
            ("version: 1.12.0", "version: 1.11.9"),
            f"{WHERE}:4:12: PV420 the version fell from 1.12.0 to 1.11.9",
            id="fell",
        ),
        pytest.param(
            ("growth is bounded", "growth is small"),
            f"{WHERE}:4:12: PV423 the contract changed, but its version is still 1.12.0: ",
            id="same",
        ),
        pytest.param(
            ("version: 1.12.0", "version: 1.12.1", "growth: < 18", "growth: < 20"),
            f"{WHERE}:16:13: PV421 the bound of growth weakened from < 18 to < 20 needs a major version, "
            "2.0.0 or above, got 1.12.1",
            id="weaker",
        ),
        pytest.param(
            ("growth: < 18", "growth: < 17"),
            f"{WHERE}:16:13: PV421 the bound of growth tightened from < 18 to < 17 needs a minor version, "
            "1.13.0 or above, got 1.12.0",
            id="tighter",
        ),
        pytest.param(
            (BASE[BASE.index("  evaluator:") : BASE.index("  status: PENDING")], ""),
            f'{WHERE}:11:3: PV426 the evaluator line of "F-1" was deleted, so nothing measures it any more: that '
            "needs a major version, 2.0.0 or above, got 1.12.0",
            id="unbound",
        ),
        pytest.param(
            ("  schema: 1\n", ""),
            f"{WHERE}:2:3: PV427 metadata.schema was dropped, so nothing in this file has to be earned any more",
            id="schema, no contract without it",
        ),
        pytest.param(
            ("- id: F-2\n  rule: nobody measures this\n  status: PROPOSED\n", ""),
            f'{WHERE}:11:1: PV433 the falsifier "F-2" was removed: that needs a major version, '
            "2.0.0 or above, got 1.12.0",
            id="removed",
        ),
        pytest.param(
            ("version: 1.12.0", "version: 1.13.0"),
            f"{WHERE}:4:12: PV434 the version went from 1.12.0 to 1.13.0, and no amendment says why",
            id="unexplained",
        ),
        pytest.param(
            ("status: PROPOSED", "status: DISCHARGED"),
            f'{WHERE}:21:11: PV424 the status of "F-2" went from PROPOSED to DISCHARGED, '
            "and no amendment since main lists that",
            id="typed",
        ),
        pytest.param(
            ("status: PENDING", "status: PROPOSED"),
            f"{WHERE}:18:11: PV425 no outcome moves a status from PENDING to PROPOSED",
            id="no move",
        ),
    ],
)
def test_a_change_that_does_not_own_up_is_refused_with_its_own_message(work, changes, told):
    """Place, code and what is wrong; also where it is committed already."""
    code = told.split(": ", 1)[1][:5]
    work.edit(*changes)

    message, status = work.found(code, MAIN)
    work.commit("on the branch")
    committed = work.found(code, MAIN)

    assert (message.startswith(told), status) == (True, 1), message
    assert committed == (message, status)


UPSTREAM = """\
metadata: {id: C-UP, version: 1.0.0, description: sums}
equations:
  sum: {formula: a + b}
proof_obligations:
- {type: bound, property: small, tolerance: 1.0e-6}
falsification_tests:
- {id: F-1, rule: r, prediction: p, if_fails: f, status: PENDING}
"""
STRICT = UPSTREAM.replace("{id: C-UP,", "{schema: 1, id: C-UP,")


def test_a_dropped_schema_is_a_major_change_of_a_file_that_is_sound_without_it(work):
    """The rules would be silent about everything else from then on."""
    work.put(STRICT, "contracts/up.yaml")
    work.commit("strict")
    work.put(UPSTREAM.replace("1.0.0", "1.0.1"), "contracts/up.yaml")

    told, status = work.found("PV427", "--against=HEAD")

    assert status == 1
    assert told == (
        "contracts/up.yaml:1:11: PV427 metadata.schema was dropped, so nothing in this file has to be earned any more: "
        "that needs a major version, 2.0.0 or above, got 1.0.1"
    )
    work.put(UPSTREAM.replace("1.0.0", "2.0.0"), "contracts/up.yaml")
    assert work.codes("--against=HEAD", "contracts/up.yaml") == (0, [])


def test_an_upstream_file_is_compared_too_and_only_warned_of(work):
    """A tolerance that was loosened from 1e-6 to 1e+6 is not called identical."""
    work.put(UPSTREAM, "contracts/up.yaml")
    work.commit("upstream")
    work.edit("1.0e-6", "1.0e+6", "status: PENDING", "status: DISCHARGED", path="contracts/up.yaml")

    result = work.pv("validate", "--against=HEAD", "contracts/up.yaml")

    assert result.status == 0
    told = {each.code: each for each in found(result)}
    assert {"PV421", "PV424"} <= set(told)
    assert {str(each.severity) for each in result.findings} == {"warning"}
    assert "needs a major version, 2.0.0 or above, got 1.0.0" in told["PV421"].message
    assert work.pv("validate", "--against=HEAD", "contracts/up.yaml", "--fail-on", "warning").status == 1


def test_what_a_run_writes_is_legal(work):
    """Promotion, with its amendment and its record."""
    work.promote()
    work.commit("promoted")

    assert work.codes(MAIN) == (0, [])


def test_back_to_pending_is_for_anyone(promoted):
    """Status and evidence line go, the version rises, and nothing is refused."""
    line = next(each for each in promoted.text().splitlines(keepends=True) if each.startswith("  evidence:"))
    promoted.edit(
        f"status: DISCHARGED\n{line}", "status: PENDING\n", "  status: DISCHARGED\nam", "  status: PENDING\nam"
    )
    promoted.edit("  status: DISCHARGED\ninputs", "  status: ACTIVE\ninputs")
    bump(promoted, "1.13.0", "1.14.0")

    assert promoted.codes(MAIN) == (0, [])


def test_a_typed_promotion_is_refused_although_a_record_is_there(work):
    """Record, status and evidence line are sound; only no run wrote them."""
    record = work.promote()
    lines = work.text().splitlines(keepends=True)
    work.put("".join([*lines[: lines.index("amendments:\n")], "amendments: []\n"]).replace("1.13.0", "1.12.0"))

    status, codes = work.codes(MAIN)

    assert (status, sorted(set(codes))) == (1, ["PV424"])
    assert record.reference in work.text()


def renewed(promoted, listed, **changes):
    """Put another record in place of the one of the contract, listed in an amendment or not."""
    text = promoted.text()
    old = next(each.split()[-1] for each in text.splitlines() if each.startswith("  evidence:"))
    promoted.put(BASE)  # the record is about the claim, which is the one of the base
    loaded_from = promoted.root / WHERE
    record = _record(loaded_from, **changes)
    store.save(loaded_from, record)
    text = text.replace(old, record.reference, 1)
    if listed:
        entry = f"- version: 1.13.1\n  date: 2026-12-01\n  renewed:\n  - {{id: F-1, evidence: '{record.reference}'}}\n"
        text = text.replace("amendments:\n", f"amendments:\n{entry}").replace("version: 1.13.0", "version: 1.13.1", 1)
    promoted.put(text)
    return old, record


def _record(path, **changes):
    from helpers import a_record

    from pvcheck.loading import contract

    return a_record(contract.load(path.read_bytes(), str(path)), **changes)


OTHER = {"growth": Metric(MetricType.F64, 1.25), "count": Metric(MetricType.INT, 4)}


def test_evidence_that_was_exchanged_needs_an_amendment_that_lists_it(promoted):
    """Record and digest fit each other; who put them there is not said."""
    _, record = renewed(promoted, listed=False, metrics=OTHER, **LATER)

    told, status = promoted.found("PV428", MAIN)

    assert status == 1
    assert told == (
        f'{WHERE}:19:13: PV428 the evidence of "F-1" was exchanged for {record.reference[:15]}…, '
        "and no amendment since main lists that"
    )


def test_evidence_that_was_renewed_by_a_run_is_legal(promoted):
    """Another run, listed in an amendment of a patch version."""
    renewed(promoted, listed=True, metrics=OTHER, **LATER)

    assert promoted.codes(MAIN) == (0, [])


def test_a_record_that_was_edited_together_with_its_digest_is_refused(promoted):
    """Same run, other numbers: even an amendment does not help."""
    renewed(promoted, listed=True, metrics=OTHER)

    told, status = promoted.found("PV429", MAIN)

    assert status == 5
    assert told == (
        f'{WHERE}:19:13: PV429 the record of "F-1" is of the same run as the one of main '
        "(2026-11-22T00:00:00+00:00), but differs in growth: it was edited"
    )


def test_a_record_whose_guards_were_edited_is_refused_too(promoted):
    """The metrics are the same, and what the host found is not."""
    renewed(promoted, listed=True, guards=[{"code": "PV602"}])

    assert promoted.found("PV429", MAIN)[0].endswith("but differs in what was measured: it was edited")


def test_a_record_that_is_broken_is_left_to_the_rules_of_evidence(promoted):
    """What cannot be read is told once."""
    _, record = renewed(promoted, listed=False, metrics=OTHER, **LATER)
    store.path_of(promoted.root / WHERE, record.reference).write_bytes(b"{}")

    status, codes = promoted.codes(MAIN)

    assert (status, sorted(codes)) == (5, ["PV403", "PV428"])


def test_a_broken_record_of_the_base_does_not_stand_in_the_way(promoted):
    """Somebody committed nonsense before; the new record mends it."""
    old = next((promoted.root / "contracts/evidence/c").iterdir())
    for data in (b"nonsense", None):
        old.write_bytes(data) if data else old.unlink()
        promoted.commit("broken")
        text = promoted.text()
        renewed(promoted, listed=True, metrics=OTHER, **LATER)
        assert promoted.codes("--against=HEAD") == (0, []), data
        promoted.put(text)
    data = b'{"no": "record"}\n'
    promoted.put(text.replace(old.stem, sha256(data)))
    promoted.put(data, f"contracts/evidence/c/{sha256(data)}.json")
    promoted.commit("no record")
    renewed(promoted, listed=True, metrics=OTHER, **LATER)
    assert promoted.codes("--against=HEAD") == (0, [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda text: text[: text.index("amendments:")] + "amendments: []\n",
            ":27:1: PV430 the amendment 1.13.0 of main is gone",
            id="emptied",
        ),
        pytest.param(
            lambda text: text[: text.index("amendments:")],
            ":1:1: PV430 the amendment 1.13.0 of main is gone",
            id="dropped",
        ),
        pytest.param(
            lambda text: text.replace("date: 2026-11-23", "date: 2026-11-24"),
            ":28:3: PV430 the amendment 1.13.0 of main was rewritten",
            id="rewritten",
        ),
        pytest.param(
            lambda text: text + "- version: 1.11.0\n  date: 2026-11-01\n",
            ":27:1: PV430 the amendments of main no longer stand together, oldest last",
            id="history before history",
        ),
    ],
)
def test_amendments_of_the_base_stay_as_they_are(promoted, change, told):
    """Nobody edits history."""
    promoted.put(change(promoted.text()))

    assert promoted.found("PV430", MAIN) == (f"{WHERE}{told}", 1)


@pytest.mark.parametrize(
    ("version", "listed", "told"),
    [
        pytest.param(
            "1.12.1",
            "  transitions:\n  - {id: F-2, from: PROPOSED, to: PENDING}\n",
            'lists a move of "F-2", which needs a minor version, 1.13.0 or above',
            id="move",
        ),
        pytest.param(
            "1.13.0",
            "  bounds:\n  - {id: F-1, metric: growth, from: [< 18], to: [< 20]}\n",
            "lists a weaker bound of growth, which needs a major version, 2.0.0 or above",
            id="weaker",
        ),
        pytest.param(
            "1.12.1",
            "  bounds:\n  - {id: F-1, metric: growth, from: [< 18], to: [< 16]}\n",
            "lists another bound, which needs a minor version, 1.13.0 or above",
            id="tighter",
        ),
    ],
)
def test_an_amendment_steps_as_far_as_what_it_lists(work, version, listed, told):
    """The history itself is held to the rule that it records."""
    text = BASE.replace("version: 1.12.0", f"version: {version}")
    work.put(text.replace("amendments: []", f"amendments:\n- version: {version}\n  date: 2026-11-23\n{listed}"))

    assert work.found("PV431", MAIN) == (f"{WHERE}:27:12: PV431 the amendment {version} {told}", 1)


def test_a_contract_that_was_deleted_is_missed(work):
    """Its id is nowhere any more, and it could be refuted."""
    work.put(STRICT, "contracts/up.yaml")
    (work.root / WHERE).unlink()

    told, status = work.found("PV432", MAIN)
    result = work.pv("validate", MAIN)

    assert (told, status) == (f'{WHERE}: PV432 the contract "C-TEST" of main was deleted, with 2 falsifiers', 1)
    assert result.out.splitlines()[-1].endswith(": 1 new, 1 gone")
    assert found(result)[0].hint.startswith("bring it back from git; to retire it, remove its falsifiers")


def test_the_last_contract_that_was_deleted_is_missed_as_well(work):
    """An empty folder is no excuse."""
    (work.root / WHERE).unlink()

    assert work.found("PV432", MAIN)[1] == 1
    assert work.found("PV432", MAIN, "contracts")[1] == 1


def test_no_contract_then_and_now_is_an_empty_selection(work):
    """As without --against."""
    (work.root / "other").mkdir()

    result = work.pv("validate", MAIN, "other")

    assert result.status == 4
    assert result.findings[0].code == "PV707"


def test_a_contract_without_falsifiers_can_be_deleted(work):
    """So a contract is retired: first its falsifiers in a major version, then the file."""
    head = STRICT.split("falsification_tests")[0]
    work.put(head, "contracts/up.yaml")
    work.commit("retired")
    (work.root / "contracts/up.yaml").unlink()

    assert work.verdict("--against=HEAD").endswith(": 1 gone")


@pytest.mark.parametrize("place", ["contracts/deep/other name.yml", "contracts/ü\n'\".yaml"])
def test_a_contract_is_followed_by_its_id_when_its_file_is_renamed(work, place):
    """The rules hold across the rename, also for names that are odd."""
    (work.root / place).parent.mkdir(exist_ok=True)
    work.git("mv", WHERE, place)
    work.edit("growth: < 18", "growth: < 20", path=place)

    status, codes = work.codes(MAIN)

    assert (status, codes) == (1, ["PV421"])
    work.git("commit", "-q", "--no-verify", "-a", "-m", "renamed")
    work.edit("growth: < 20", "growth: < 21", path=place)
    assert work.codes("--against=HEAD", place) == (1, ["PV421"])


def test_two_files_that_change_places_are_followed(work):
    """Neither the path nor the order decides."""
    work.put(BASE.replace("C-TEST", "C-OTHER"), "contracts/d.yaml")
    work.commit("two")
    first, second = work.text(), work.text("contracts/d.yaml")
    work.put(second.replace("< 18", "< 20"))
    work.put(first, "contracts/d.yaml")

    result = work.pv("validate", "--against=HEAD")

    assert [(each.code, each.path) for each in found(result)] == [("PV421", WHERE)]


def test_a_copy_does_not_take_the_place_of_the_contract(work):
    """The file that stayed where it was is the one that is compared."""
    work.put(BASE, "contracts/a.yaml")
    work.edit("growth: < 18", "growth: < 20")

    assert work.found("PV421", MAIN)[0].startswith(f"{WHERE}:16:13: ")


def test_another_id_in_the_same_file_is_a_change_of_the_contract(work):
    """It is compared by its path, and the id weighs."""
    work.edit("id: C-TEST", "id: C-NEW")

    told, status = work.found("PV421", MAIN)

    assert status == 1
    assert "C-TEST" in told
    assert told.endswith("needs a major version, 2.0.0 or above, got 1.12.0")


def test_a_file_without_an_id_is_followed_by_its_bytes(work):
    """Upstream's contracts often have none."""
    nameless = UPSTREAM.replace("id: C-UP, ", "")
    work.put(nameless, "contracts/up.yaml")
    work.commit("nameless")
    work.git("mv", "contracts/up.yaml", "contracts/down.yaml")

    assert work.codes("--against=HEAD") == (0, [])
    assert work.verdict("--against=HEAD").endswith(": 1 changed")


def test_a_contract_that_comes_from_outside_is_followed(work):
    """It lay where nobody looked, and its history counts all the same."""
    work.put(UPSTREAM.replace("C-UP", "C-TEST-2"), "drafts/near.yaml")
    work.put("metadata: [C-OLD", "drafts/broken.yaml")
    work.put(STRICT.replace("C-UP", "C-OLD"), "drafts/old.yaml")
    work.commit("drafts")
    work.git("mv", "drafts/old.yaml", "contracts/old.yaml")
    work.edit("rule: r", "rule: another", path="contracts/old.yaml")

    assert work.codes("--against=HEAD") == (1, ["PV423"])


def test_a_contract_that_moves_out_of_sight_is_missed(work):
    """The settings would never look at it again."""
    (work.root / "attic").mkdir()
    work.git("mv", WHERE, "attic/c.yaml")
    work.put(STRICT, "contracts/up.yaml")

    told, status = work.found("PV432", MAIN)

    assert (told, status) == (
        f'{WHERE}: PV432 the contract "C-TEST" moved to "attic/c.yaml", where the settings do not look for contracts',
        1,
    )
    work.put('contracts = ["contracts", "attic"]\n', "pv.toml")
    assert work.codes(MAIN, "contracts") == (0, [])


def test_settings_that_look_away_lose_no_contract(work):
    """The settings of the base say where contracts lay."""
    work.put(STRICT, "specs/up.yaml")
    work.put('contracts = ["specs"]\n', "pv.toml")

    told, status = work.found("PV432", MAIN)

    assert (told, status) == (
        f'{WHERE}: PV432 the contract "C-TEST" lies where the settings no longer look for contracts',
        1,
    )


def test_a_base_that_cannot_be_read_is_told_and_never_silent(work):
    """A warning, where there is nothing to compare with."""
    work.put("metadata: [", "contracts/d.yaml")
    work.put("metadata: {", "contracts/e.yaml")
    work.commit("broken")
    work.put(STRICT, "contracts/d.yaml")
    (work.root / "contracts/e.yaml").unlink()

    result = work.pv("validate", "--against=HEAD")

    assert result.status == 0
    assert [(str(each.severity), each.code, each.path) for each in found(result)] == [
        ("warning", "PV435", "contracts/d.yaml"),
        ("warning", "PV435", "contracts/e.yaml"),
    ]


def test_a_file_that_cannot_be_read_now_is_told_once(work):
    """Broken is broken; and it is not gone."""
    work.put("metadata: [")

    status, codes = work.codes(MAIN)

    assert status == 1
    assert not {"PV432", "PV435"} & set(codes)
    work.put(BASE.replace("version: 1.12.0", "version: one"))
    assert work.codes(MAIN) == (1, ["PV203"])


def test_versions_of_upstream_that_are_none_are_not_compared(work):
    """Its other forms have no order."""
    work.put(UPSTREAM.replace("1.0.0", "'2026.1'"), "contracts/up.yaml")
    work.commit("upstream")
    work.edit("rule: r", "rule: s", path="contracts/up.yaml")

    assert work.codes("--against=HEAD", "contracts/up.yaml") == (0, [])


def test_a_new_contract_is_counted(work):
    """There is nothing to hold it against."""
    work.put(STRICT, "contracts/up.yaml")

    assert work.verdict(MAIN).endswith(": 1 new")


def test_json_of_a_record_is_what_this_file_edits():
    """The helper that exchanges records makes sound ones."""
    record = _record_of_base()

    assert PREFIX + sha256(record.data()) == record.reference
    assert json.loads(record.data())["predicate"]["made_at"]["host"] == "here"


def _record_of_base():
    from history.works import record_of

    return record_of()


def test_each_repository_is_compared_with_its_own_history(work, tmp_path):
    """Two projects on one command line."""
    other = started(tmp_path / "second")
    other.put(BASE)
    other.commit("base")
    other.edit("growth: < 18", "growth: < 20")

    result = work.pv("validate", MAIN, "contracts", tmp_path / "second")

    assert result.status == 1
    assert [each.code for each in found(result)] == ["PV421"]
    assert result.out.splitlines()[-1].count("against main (") == 2
