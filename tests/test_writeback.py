"""A write changes the named words and the new amendment, evidence first, and nothing when nothing changed."""

from __future__ import annotations

import pytest
from helpers import CONTRACT, METRICS, a_record, load
from hypothesis import given
from hypothesis import strategies as st

from pvcheck import writeback
from pvcheck.domain.metric import MetricType
from pvcheck.domain.version import Change
from pvcheck.errors import ContractError, NotMeasuredError
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric

DAY = "2026-11-22"
REFUTED = METRICS | {"growth": Metric(MetricType.F64, 99.0)}


def promoted(tmp_path, text=CONTRACT, metrics=None):
    """Write the result of one evaluation into a contract, and return path, update and new text."""
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode())
    return path, *again(path, metrics)


def again(path, metrics=None, **changes):
    """Measure once more and write."""
    loaded = load(path.read_bytes().decode(), str(path))
    assert not loaded.findings
    update = writeback.decide(loaded.contract, path, [a_record(loaded, metrics, **changes)])
    after = writeback.edited(loaded.document, loaded.contract, update, DAY)
    if not update.is_empty:
        writeback.write(path, loaded.document, after, update)
    return update, path.read_bytes().decode()


def test_a_promotion_changes_the_named_words_and_adds_the_amendment(tmp_path):
    """Version, statuses, the evidence line and the amendment: every other character stays."""
    _, update, text = promoted(tmp_path)

    reference = update.records[0].reference
    assert text == CONTRACT.replace("version: 1.2.3", "version: 1.3.0").replace(
        "status: ACTIVE", "status: DISCHARGED"
    ).replace("  status: PENDING\n- id: F-2", f"  status: DISCHARGED\n  evidence: {reference}\n- id: F-2").replace(
        "  status: PENDING\namendments: []\n",
        "  status: DISCHARGED\n"
        f"""\
amendments:
- version: 1.3.0
  date: {DAY}
  transitions:
  - id: F-1
    from: PENDING
    to: DISCHARGED
    evidence: {reference}
  - id: M-1
    from: PENDING
    to: DISCHARGED
  - id: C-TEST
    from: ACTIVE
    to: DISCHARGED
""",
    )


def test_the_second_run_changes_no_byte(tmp_path):
    """The same result on another day and host writes nothing."""
    path, _, text = promoted(tmp_path)

    update, after = again(path, made_at={"started": "another day", "seconds": 9, "host": "there"})

    assert update.is_empty
    assert update.change is Change.NONE
    assert after == text


def test_a_result_that_differs_in_a_bit_renews_the_evidence_with_a_patch(tmp_path):
    """The status stays, the record is new, and the amendment names it."""
    path, _, _ = promoted(tmp_path)

    update, text = again(path, METRICS | {"growth": Metric(MetricType.F64, 1.25)})

    assert update.change is Change.PATCH
    assert "version: 1.3.1" in text
    assert f"  renewed:\n  - id: F-1\n    evidence: {update.records[0].reference}\n" in text


def test_a_refutation_falsifies_the_claim_its_stage_and_reopens_the_contract(tmp_path):
    """A regression reaches as far up as the promotion did."""
    path, _, _ = promoted(tmp_path)

    update, text = again(path, REFUTED)

    assert [(each.id, each.before, each.after) for each in update.moves] == [
        ("F-1", "DISCHARGED", "FALSIFIED"),
        ("M-1", "DISCHARGED", "FALSIFIED"),
        ("C-TEST", "DISCHARGED", "ACTIVE"),
    ]
    assert "version: 1.4.0" in text


@pytest.mark.parametrize(
    ("old", "new", "change", "entry"),
    [
        pytest.param("< 18", "< 20", Change.MAJOR, "from:\n    - < 18.0\n    to:\n    - < 20.0\n", id="weakened"),
        pytest.param("< 18", "< 17", Change.MINOR, "from:\n    - < 18.0\n    to:\n    - < 17.0\n", id="tightened"),
        pytest.param("    growth: < 18\n", "", Change.MAJOR, "from:\n    - < 18.0\n", id="removed"),
    ],
)
def test_a_changed_bound_is_listed_and_weighs_what_it_does(tmp_path, old, new, change, entry):
    """A weakened bound is a major step, whoever measures again under it."""
    path, _, text = promoted(tmp_path)
    path.write_bytes(text.replace(old, new, 1).encode())

    update, after = again(path)

    assert update.change is change
    assert f"  bounds:\n  - id: F-1\n    metric: growth\n    {entry}" in after


def test_a_bound_on_another_metric_is_a_tightening(tmp_path):
    """More is asked than before."""
    path, _, text = promoted(tmp_path)
    path.write_bytes(text.replace("    growth: < 18\n", "    growth: < 18\n    extra: == 1\n").encode())

    update, _ = again(path, METRICS | {"extra": Metric(MetricType.INT, 1)})

    assert update.change is Change.MINOR


def test_a_typed_status_is_earned_by_a_run(tmp_path):
    """The words stay, the evidence comes."""
    text = CONTRACT.replace("status: PENDING\n- id: F-2", "status: DISCHARGED\n- id: F-2")

    _, update, after = promoted(tmp_path, text)

    assert [each.id for each in update.renewals] == ["F-1"]
    assert f"  status: DISCHARGED\n  evidence: {update.records[0].reference}\n- id: F-2" in after


@pytest.mark.parametrize("damage", ["missing", "forged", "no record", "of another"])
def test_evidence_that_cannot_be_believed_is_renewed(tmp_path, damage):
    """A run is the way out of every doubt about a record."""
    path, update, text = promoted(tmp_path)
    record = store.path_of(path, update.records[0].reference)
    if damage == "missing":
        record.unlink()
    elif damage == "forged":
        record.write_bytes(b"{}")
    else:
        from pvcheck.domain.digest import sha256

        other = a_record(load(), falsifier="F-9").data() if damage == "of another" else b"{}\n"
        record.with_name(f"{sha256(other)}.json").write_bytes(other)
        path.write_bytes(text.replace(update.records[0].reference, f"sha256:{sha256(other)}").encode())

    renewed, _ = again(path)

    assert [each.id for each in renewed.renewals] == ["F-1"]


def test_a_missing_status_is_added_with_its_evidence(tmp_path):
    """A falsifier without a status counts as pending."""
    text = CONTRACT.replace("    count: '>= 4'\n  status: PENDING\n", "    count: '>= 4'\n")

    _, update, after = promoted(tmp_path, text)

    reference = update.records[0].reference
    assert f"    count: '>= 4'\n  status: DISCHARGED\n  evidence: {reference}\n- id: F-2" in after
    assert f"  - id: F-1\n    to: DISCHARGED\n    evidence: {reference}\n" in after


def test_a_missing_list_of_amendments_is_added_at_the_end(tmp_path):
    """The first write of a contract that never had one."""
    _, _, after = promoted(tmp_path, CONTRACT.replace("amendments: []\n", ""))

    assert after.endswith("  - id: C-TEST\n    from: ACTIVE\n    to: DISCHARGED\n")
    assert "\namendments:\n- version: 1.3.0\n" in after


def test_prose_in_the_place_of_evidence_is_refused_with_the_edit_to_make(tmp_path):
    """What people wrote is not overwritten."""
    text = CONTRACT.replace("  evaluator: probe\n", "  evaluator: probe\n  evidence: seen on a laptop\n")

    with pytest.raises(
        ContractError, match="prose under 'evidence' stands where the tool's own reference must"
    ) as caught:
        promoted(tmp_path, text)

    assert caught.value.findings[0].code == "PV414"
    assert caught.value.findings[0].hint == "rename that key, such as to 'recorded', and run again"


def test_prose_directly_after_the_status_gives_way_to_the_reference(tmp_path):
    """There the word is ours by the format."""
    text = CONTRACT.replace("  status: PENDING\n- id: F-2", "  status: PENDING\n  evidence: see the log\n- id: F-2")

    _, update, after = promoted(tmp_path, text)

    assert f"  status: DISCHARGED\n  evidence: {update.records[0].reference}\n- id: F-2" in after


def test_a_contract_that_changed_in_between_is_left_alone(tmp_path):
    """The measurement was made for another text."""
    path = tmp_path / "c.yaml"
    path.write_bytes(CONTRACT.encode())
    loaded = load()
    update = writeback.decide(loaded.contract, path, [a_record(loaded)])
    after = writeback.edited(loaded.document, loaded.contract, update, DAY)
    path.write_bytes(CONTRACT.encode() + b"# saved in an editor\n")

    with pytest.raises(NotMeasuredError) as caught:
        writeback.write(path, loaded.document, after, update)

    assert caught.value.findings[0].code == "PV710"
    assert path.read_bytes().endswith(b"# saved in an editor\n")
    assert not store.folder(path).exists()


def test_a_stage_that_lags_behind_is_caught_up(tmp_path):
    """A falsifier that is discharged already still moves a stage that was added later."""
    path, _, text = promoted(tmp_path)
    path.write_bytes(
        text.replace(
            "expected_acceptance: [F-1]\n  status: DISCHARGED", "expected_acceptance: [F-1]\n  status: PENDING"
        )
        .replace("status: DISCHARGED\ninputs", "status: ACTIVE\ninputs")
        .encode()
    )

    update, _ = again(path)

    assert [(each.id, each.after) for each in update.moves] == [("M-1", "DISCHARGED"), ("C-TEST", "DISCHARGED")]


FORMS = st.fixed_dictionaries(
    {
        "bom": st.booleans(),
        "crlf": st.booleans(),
        "last": st.booleans(),
        "comments": st.booleans(),
        "quote": st.sampled_from(["", "'", '"']),
        "indent": st.sampled_from([0, 2, 5]),
    }
)


@given(form=FORMS)
def test_every_form_of_a_contract_keeps_its_form(tmp_path_factory, form):
    """BOM, line ends, quotes, comments and indentation survive a promotion, and it promotes the same."""
    text = CONTRACT.replace("status: PENDING", f"status: {form['quote']}PENDING{form['quote']}")
    if form["indent"]:
        text = "\n".join(
            " " * form["indent"] + line if line.startswith(("- id", "  ")) and number >= 10 else line
            for number, line in enumerate(text.split("\n"))
        )
    if form["comments"]:
        text = text.replace("\n  evaluator", "   # why\n  # a comment of its own\n\n  evaluator", 1)
    if not form["last"]:
        text = text.rstrip("\n")
    if form["crlf"]:
        text = text.replace("\n", "\r\n")
    data = (b"\xef\xbb\xbf" if form["bom"] else b"") + text.encode()
    path = tmp_path_factory.mktemp("form") / "c.yaml"
    path.write_bytes(data)

    again(path)

    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbf") == form["bom"]
    assert (b"\r\n" in after) == form["crlf"]
    assert after.count(b"\n") == after.count(b"\r\n") or not form["crlf"]
    assert after.endswith(b"\n") == form["last"]
    words = [f"DISCHARGED{form['quote']}".encode(), b"evidence: sha256:", b"- version: 1.3.0"]
    assert all(word in after for word in words)
    kept = [
        line for line in data.splitlines() if not any(word in line for word in (b"status:", b"version:", b"amendments"))
    ]
    assert [line for line in after.splitlines() if line in set(kept)][: len(kept)] == kept


def test_another_claim_is_a_major_step(tmp_path):
    """The falsifier measures something else than the evidence it had."""
    path, _, text = promoted(tmp_path)
    path.write_bytes(text.replace("layers: 0-3", "layers: 0-5", 1).encode())

    update, after = again(path)

    assert update.change is Change.MAJOR
    assert "version: 2.0.0" in after


def test_a_summary_stands_behind_the_day(tmp_path):
    """Where there is something to say."""
    path = tmp_path / "c.yaml"
    loaded = load(path=str(path))
    update = writeback.decide(loaded.contract, path, [a_record(loaded)])

    after = writeback.edited(loaded.document, loaded.contract, update, DAY, summary="measured there")

    assert f"  date: {DAY}\n  summary: measured there\n  transitions:\n" in after.text
