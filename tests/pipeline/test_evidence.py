"""Records shown, verified and exported; what a forgery, a loss and a leftover are called."""

from __future__ import annotations

import errno
import json
import os
import platform
import re

import pytest
from evidence.test_challenge_record import a_challenge
from helpers import CONTRACT, METRICS, a_record, load
from pipeline.results import DETAILS, made, sent

from pvcheck.domain import canonical
from pvcheck.domain.digest import sha256
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import lines, store
from pvcheck.evidence.record import Judged, Metric

SOUND = "1 contract, 1 record: 1 sound, 0 not what they claim to be; 1 of 1 reference found; 0 orphans\n"


@pytest.fixture
def promoted(project, pv):
    """Give a project whose first falsifier was discharged by a record of another host."""
    record = made(project)
    assert pv("apply", sent(project, record))[0] == 0
    (project.root / "results.jsonl").unlink()
    project.record = record
    project.place = store.path_of(project.contract, record.reference)
    return project


def forge(project, record):
    """Put a record in place of the one that the contract names, under its own digest."""
    store.save(project.contract, record)
    project.edit(f"evidence: {project.record.reference}", f"evidence: {record.reference}", count=-1)
    project.place.unlink()


def test_sound_evidence_is_counted_with_its_denominators(promoted, pv):
    """Everything that was looked at is in the verdict."""
    assert pv("evidence", "verify") == (0, SOUND, "")


def test_a_checkout_with_crlf_verifies_too(promoted, pv):
    """Line ends are git's business."""
    promoted.place.write_bytes(promoted.record.data().replace(b"\n", b"\r\n"))

    assert pv("evidence", "verify")[0] == 0


def test_a_changed_byte_is_a_forgery(promoted, pv):
    """The bytes are not those of the name."""
    promoted.place.write_bytes(promoted.place.read_bytes().replace(b"cuda", b"cpu!"))

    status, out, _ = pv("evidence", "verify")

    assert status == 5
    assert re.match(r"contracts/evidence/c/\w{64}\.json: PV403 the record \w{64}\.json does not have the bytes", out)
    assert "1 record: 0 sound, 1 not what they claim to be; 1 of 1 reference found" in out


@pytest.mark.parametrize(
    ("judged", "outcome", "message"),
    [
        pytest.param({"held": False}, Outcome.HELD, "says that growth < 18.0 was refuted, but its own", id="mark"),
        pytest.param(
            {"margin": 17.0}, Outcome.HELD, "says that growth < 18.0 has the margin 17.0, but its own", id="margin"
        ),
        pytest.param({}, Outcome.REFUTED, "says refuted, but its own metrics say held", id="outcome"),
    ],
)
def test_a_record_edited_with_its_digest_is_found_by_verify_and_by_validate(promoted, pv, judged, outcome, message):
    """A new name for an edited file is no way out."""
    first, *rest = promoted.record.judged
    forge(promoted, promoted.record._replace(judged=(first._replace(**judged), *rest), outcome=outcome))

    verified, validated = pv("evidence", "verify"), pv("validate")

    assert verified[0] == validated[0] == 5
    assert f"PV405 the record {message}" in verified[1]
    assert f"PV405 the record {message}" in validated[1]
    assert pv("evidence", "show", "F-1")[0] == 5
    assert f"  not sound the record {message}" in pv("evidence", "show", "F-1")[1]
    assert pv("evidence", "export")[0] == 5


def test_a_record_in_another_form_is_found(promoted, pv):
    """A field that no reader shows can hide nothing."""
    statement = promoted.record.statement()
    statement["predicate"]["note"] = "approved by hand"
    data = canonical.dumps(statement)
    (store.folder(promoted.contract) / f"{sha256(data)}.json").write_bytes(data)
    promoted.edit(promoted.record.reference, f"sha256:{sha256(data)}", count=-1)
    promoted.place.unlink()

    verified, exported = pv("evidence", "verify"), pv("evidence", "export")

    assert verified[0] == exported[0] == 5
    assert "PV460 the record is not in the form that pv writes: it holds more than a record does" in verified[1]
    assert "PV460" in exported[2]


def test_decimals_that_disagree_with_their_hex_are_found(promoted, pv):
    """People read the decimal and machines the hex; they are one number or the record is none."""
    data = promoted.record.data().replace(b'"decimal": "1.5"', b'"decimal": "1.4"')
    (store.folder(promoted.contract) / f"{sha256(data)}.json").write_bytes(data)

    status, out, _ = pv("evidence", "verify")

    assert status == 5
    assert "PV404 not a record: the record lacks something or has it in another form" in out
    assert "the decimal '1.4' is not the number" in out


def test_a_missing_record_of_a_status_is_an_error(promoted, pv):
    """It is counted among the references that were looked for."""
    promoted.place.unlink()

    status, out, _ = pv("evidence", "verify")
    shown = pv("evidence", "show", promoted.record.reference[7:20])
    exported = pv("evidence", "export")

    assert status == shown[0] == exported[0] == 5
    name = promoted.place.name
    assert f"contracts/c.yaml:19:13: PV402 the record {name} is missing from evidence/c/\n" in out
    assert out.endswith("0 records: 0 sound, 0 not what they claim to be; 0 of 1 reference found; 0 orphans\n")
    assert f"PV402 the record {name} is missing" in shown[2]


def test_a_missing_record_of_the_history_is_a_warning(promoted, pv):
    """Nothing that is said today rests on it."""
    newer = made(promoted, 2.5, started="2026-11-21T08:00:00+00:00")
    pv("apply", sent(promoted, newer))
    promoted.place.unlink()

    status, out, _ = pv("evidence", "verify")

    assert status == 0
    assert (
        f"PV464 the record {promoted.place.name} is missing from evidence/c/: the history names it, no status does "
        "[warning]\n"
    ) in out
    assert "1 of 2 references found" in out


def test_what_nothing_names_is_an_orphan(promoted, pv):
    """A note: a run may have been stopped between record and contract."""
    store.save(promoted.contract, made(promoted, 2.5))
    (store.folder(promoted.contract) / "notes.txt").write_text("read me")

    status, out, _ = pv("evidence", "verify")

    assert status == 0
    assert out.count("PV463 no status and no amendment names this record [note]\n") == 1
    assert "contracts/evidence/c/notes.txt: PV465 this file is among the records and is none [warning]\n" in out
    assert out.endswith("2 records: 2 sound, 0 not what they claim to be; 1 of 1 reference found; 1 orphan\n")


def test_a_folder_whose_contract_is_gone_holds_orphans(promoted, pv):
    """They are looked at like all others."""
    promoted.contract.rename(promoted.contract.with_name("renamed.yml"))
    promoted.place.write_bytes(b"{}\n")

    status, out, _ = pv("evidence", "verify")

    assert status == 5
    assert "PV403" in out
    assert "PV463" in out
    assert "PV402" in out


def test_a_folder_of_another_contract_that_was_not_named_is_left_alone(promoted, pv):
    """Verifying one contract says nothing about its neighbour."""
    other = promoted.contract.with_name("other.yaml")
    other.write_text(CONTRACT.replace("C-TEST", "C-TWO"))
    store.save(other, made(promoted))

    assert pv("evidence", "verify", promoted.contract) == (0, SOUND, "")


def test_records_of_a_contract_that_cannot_be_read_are_verified_and_no_orphans(promoted, pv):
    """Nobody can say what it names; the contract itself is told."""
    promoted.contract.write_text("a: 1\na: 2\n")

    status, out, _ = pv("evidence", "verify")

    assert status == 1
    assert "PV118" in out
    assert out.endswith("1 record: 1 sound, 0 not what they claim to be; 0 of 0 references found; 0 orphans\n")


def test_two_contracts_of_one_stem_share_their_folder(promoted, pv):
    """What one of them names is no orphan."""
    promoted.contract.with_suffix(".yml").write_text(CONTRACT.replace("C-TEST", "C-TWO"))

    status, out, _ = pv("evidence", "verify")

    assert status == 0
    assert out.startswith("2 contracts, 1 record: 1 sound")
    assert out.endswith("0 orphans\n")


@pytest.mark.parametrize("words", [["verify"], ["export"], ["show", "F-1"], ["show", "F-2"], ["export", "--id", "F-1"]])
def test_where_there_is_no_evidence_nothing_is_green(project, pv, words):
    """An empty look is no success."""
    status, out, err = pv("evidence", *words)

    assert (status, out) == (4, "")
    assert err.startswith("PV461 ")


@pytest.mark.parametrize(
    ("word", "code", "message"),
    [
        pytest.param("F-9", 4, 'PV461 there is no falsifier "F-9", and it is no beginning of a digest', id="no id"),
        pytest.param("F-2", 4, 'PV461 "F-2" has no evidence: it is PROPOSED', id="no evidence"),
        pytest.param("abcde", 4, "and it is no beginning of a digest", id="too short"),
        pytest.param("sha256:" + "0" * 64, 4, "PV461 no record has a digest that starts with 000", id="no such digest"),
        pytest.param("../../etc/passwd", 4, "and it is no beginning of a digest", id="path"),
        pytest.param("\x1b[2J", 4, 'there is no falsifier "\\x1b[2J"', id="escape"),
    ],
)
def test_a_name_that_means_no_record_is_told(promoted, pv, word, code, message):
    """With the way to a name that does."""
    status, out, err = pv("evidence", "show", word)

    assert (status, out) == (code, "")
    assert message in err


def test_digits_that_fit_two_records_are_refused(promoted, pv, monkeypatch):
    """A guess could show the wrong one."""
    from pvcheck.pipeline import records

    monkeypatch.setattr(records, "references", lambda _: ("sha256:" + "a" * 64, "sha256:" + "a" * 60 + "bbbb"))

    status, _, err = pv("evidence", "show", "aaaaaa")

    assert status == 2
    assert "PV462 2 records have a digest that starts with aaaaaa\n  hint: give more digits: aaaaaaaa" in err


@pytest.mark.parametrize("form", ["{}", "sha256:{}", "{:.6}", "sha256:{:.9}"])
def test_a_record_is_found_by_the_beginning_of_its_digest(promoted, pv, form):
    """With and without the prefix, in either case."""
    digits = promoted.record.reference[7:]

    status, out, _ = pv("evidence", "show", form.format(digits))

    assert status == 0
    assert out.startswith(f"{promoted.record.reference}\n")
    assert pv("evidence", "show", form.format(digits).upper().replace("SHA256", "sha256"))[1] == out


def test_show_tells_what_changed_since(promoted, pv):
    """The record as it was, and what the contract of today makes of it."""
    cases = {}
    for name, old, new in (
        ("bound", "growth: < 18", "growth: < 1"),
        ("claim", "layers: 0-3", "layers: 0-4"),
        ("id", "id: F-1", "id: F-7"),
    ):
        text = promoted.contract.read_text()
        promoted.edit(old, new)
        cases[name] = pv("evidence", "show", promoted.record.reference[:15])[1]
        promoted.contract.write_text(text)
    promoted.model.write_bytes(b"other")
    cases["input"] = pv("evidence", "show", "F-1")[1]

    assert "  outcome   held when it was made\n            refuted today, under bounds that changed\n" in cases["bound"]
    assert (
        "            no evidence for the claim of today\n"
        '            parameter layers changed from "0-3" to "0-4" since the evidence was made\n'
    ) in cases["claim"]
    assert "            the contract has no such falsifier today\n" in cases["id"]
    assert '            held today\n            the file of input model ("model.bin") changed since' in cases["input"]


def test_show_tells_what_is_named_by_nothing(promoted, pv):
    """An orphan can be looked at too."""
    orphan = made(promoted, 2.5)
    store.save(promoted.contract, orphan)

    _, out, _ = pv("evidence", "show", orphan.reference)

    assert "  named by  nothing: no status and no amendment\n" in out


def test_show_tells_renewals(promoted, pv):
    """Every place that names a record is told."""
    pv("apply", sent(promoted, made(promoted, 2.5, started="2026-11-21T08:00:00+00:00")))

    _, out, _ = pv("evidence", "show", "F-1")

    assert "  named by  F-1 is DISCHARGED\n            F-1 was measured again in 1.3.1\n" in out


def test_show_tells_guards_series_and_sparse_records(project, pv):
    """Everything that a record may lack or have too much of fits on a page."""
    series = {
        "long": Metric(MetricType.F32, tuple(float(n) for n in range(500))),
        "seven": Metric(MetricType.F64, (0.1,) * 7),
        "short": Metric(MetricType.BOOL, (True, False)),
        "empty": Metric(MetricType.INT, ()),
    }
    contract = project.contract.read_text()
    one = a_record(
        load(contract),
        METRICS | series,
        details=DETAILS | {"labels": [f"layer {n}" for n in range(7)]},
        guards=[{"code": "PV603", "guard": "conditioning", "message": "it cancels\n"}],
        inputs={"model": {"read_sha256": "5" * 64, "ranges": [[0, 4], [8, 4]], "size": 99}},
        made_by={
            "evaluator": "probe",
            "distribution": "probe-dist",
            "distribution_version": "1.0",
            "processor": "a chip",
            "seed": 0,
            "libraries": {"numba": "0.1", "a\n": "2"},
        },
        made_at={},
        judged=(Judged("seven", "all < 1.0", held=True, margin=0.9), Judged("gone", "< 1.0", held=False, margin=None)),
    )
    store.save(project.contract, one)

    _, out, _ = pv("evidence", "show", one.reference)

    for line in (
        "  bounds    held     seven all < 1.0 (margin 0.9)",
        "            REFUTED  gone < 1.0: not reported",
        "  metrics   count   4",
        "            empty   []",
        "            growth  1.5",
        "            short   [true, false]",
        "                     seven",
        "            layer 6    0.1",
        "            399  399.0",
        "            ... 100 more of 500",
        "  guards    PV603 conditioning: it cancels\\n",
        "  inputs    model: 8 of 99 bytes in 2 ranges",
        "              sha256       not taken of the whole file",
        "  made by   probe\n            probe-dist 1.0\n            on a chip, seed 0\n            a\\n 2, numba 0.1",
        "  made at   no time, on an unnamed host, another host than this one",
    ):
        assert f"\n{line}\n" in out


def test_show_tells_a_declared_digest_that_was_not_read(project, pv):
    """A record of an overridden input shows both digests."""
    project.edit("path: model.bin", f"path: model.bin\n    sha256: {'a' * 64}")
    one = made(project)
    store.save(project.contract, one)

    _, out, _ = pv("evidence", "show", one.reference)

    assert f"              declared     {'a' * 64}\n" in out


def test_show_of_one_id_in_two_contracts_shows_both(promoted, pv):
    """An id is of a contract."""
    other = promoted.contract.with_name("other.yaml")
    other.write_text(CONTRACT.replace("C-TEST", "C-TWO").replace("growth: < 18", "growth: < 19"))
    pv("apply", sent(promoted, made(promoted, text=other.read_text())))

    _, out, _ = pv("evidence", "show", "F-1")

    assert out.count("  about     ") == 2


def test_an_export_is_what_apply_takes(promoted, pv, tmp_path):
    """As JSON lines of in-toto statements, to a file or to standard output, the same bytes."""
    written = pv("evidence", "export", "-o", "out.jsonl", "--id", "F-1")
    data = (promoted.root / "out.jsonl").read_bytes()
    printed = pv("evidence", "export")

    assert written[:2] == (0, "1 record in out.jsonl\n")
    assert data == lines.dumps([promoted.record])
    assert printed == (0, data.decode(), "1 record\n")
    assert json.loads(data)["predicateType"] == "urn:pvcheck:evaluation:v1"


def test_an_export_to_a_terminal_moves_no_cursor(promoted, pv, monkeypatch):
    """What a file may hold, a terminal may not."""
    import sys

    record = made(
        promoted,
        2.5,
        started="2026-11-21T08:00:00+00:00",
        made_at={"started": "2026-11-21T08:00:00+00:00", "host": "a\u202eb"},
    )
    pv("apply", sent(promoted, record))
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)

    _, out, _ = pv("evidence", "export")

    assert "\u202e" not in out
    assert '"host":"a\\u202eb"' in out


def test_only_the_evidence_that_is_asked_for_is_exported(project, pv):
    """All of it without a name; an id without evidence is told, and nothing is exported."""
    project.edit(
        "status: PROPOSED", "evaluator: probe\n  with: {model: model}\n  expect: {count: == 4}\n  status: PROPOSED"
    )
    first, second = made(project), made(project, name="F-2")
    assert pv("apply", sent(project, first, second))[0] == 0

    one, both = pv("evidence", "export", "--id", "F-2"), pv("evidence", "export")
    none = pv("evidence", "export", "--id", "F-1", "--id", "F-9")

    assert one[1] == lines.dumps([second]).decode()
    assert both[1] == lines.dumps([first, second]).decode()
    assert none[:2] == (4, "")
    assert 'PV461 there is no evidence of "F-9"' in none[2]


def test_evidence_without_a_version_of_its_evaluator_says_nothing_of_versions(project, pv):
    """There is nothing to compare."""
    pv("apply", sent(project, made(project, made_by={"evaluator": "probe", "backend": "cuda"})))

    _, out, _ = pv("status")

    assert "made on gpu-7" in out
    assert "measured by" not in out


def test_evidence_of_this_host_is_not_marked(promoted, pv):
    """Only strangers are."""
    here = made(promoted, 2.5, started="2026-11-21T08:00:00+00:00")
    here = here._replace(made_at=here.made_at | {"host": platform.node()})
    before = pv("status")[1]

    pv("apply", sent(promoted, here))

    assert "    made on gpu-7\n" in before
    assert "made on" not in pv("status")[1]


def test_status_tells_what_todays_bounds_make_of_old_evidence(promoted, pv):
    """An amendment lists the change, so nothing is stale, and the judgement is visible."""
    change = "  bounds: [{id: F-1, metric: growth, from: ['< 18'], to: ['< 17']}]\n"
    promoted.edit("growth: < 18", "growth: < 17")
    promoted.edit("  transitions:\n", f"{change}  transitions:\n")

    _, out, _ = pv("status")

    assert "    held then, held under today's bounds\n" in out
    assert "stale" not in out.splitlines()[1]


def test_status_puts_each_reason_under_its_falsifier(promoted, pv):
    """A stage that is ahead is told at the end, a typed status where it stands."""
    promoted.edit("status: PROPOSED", "status: DISCHARGED")
    promoted.edit("growth: < 18", "growth: < 1")

    _, out, _ = pv("status")

    assert out == (
        "C-TEST  1.3.0  DISCHARGED  contracts/c.yaml\n"
        f"  F-1  DISCHARGED   probe  {promoted.record.reference[:15]}  stale\n"
        "    16:13 PV407 the bound of growth changed from < 18.0 to < 1.0 since the evidence was made\n"
        "    18:11 PV409 held then, refuted today: growth < 1.0\n"
        "    hint: pv run --write measures it again\n"
        "    made on gpu-7\n"
        "  F-2  DISCHARGED   unbound\n"
        "    22:11 PV401 DISCHARGED is typed: the falsifier is unbound, so nothing measured it\n"
        "    hint: set it to PENDING, or bind it to an evaluator and run pv run --write\n"
        "  stage M-1  DISCHARGED\n"
        "1 contract, 2 falsifiers: 1 of 2 bound (0 discharged, 0 falsified, 1 stale, 0 pending); "
        "1 unbound, 0 of them claimed; 3 errors\n"
    )


def test_status_has_nothing_to_add_to_evidence_that_is_not_there(promoted, pv):
    """A record that is missing says nothing, and one of another evaluator nothing about versions."""
    promoted.edit("evaluator: probe", "evaluator: other")
    other = pv("status")[1]
    promoted.edit("evaluator: other", "evaluator: probe")
    promoted.place.unlink()

    _, out, _ = pv("status")

    assert "PV406 evaluator changed from probe to other" in other
    assert "measured by" not in other
    assert "    19:13 PV402 the record" in out
    assert "made on" not in out


def test_status_of_a_file_that_cannot_be_read_is_told(project, pv):
    """The line of the fleet has it among its denominators."""
    project.contract.write_text("a: 1\na: 2\n")

    status, out, _ = pv("status")

    assert status == 0
    assert out.startswith("  contracts/c.yaml:2:1: PV118")
    assert out.endswith("1 contract, 0 falsifiers: 0 of 0 bound; 0 unbound, 0 of them claimed; 1 error\n")


@pytest.fixture
def challenged(promoted):
    """Give a project whose contract names the record of a challenge, too."""
    record = a_challenge()
    store.save(promoted.contract, record)
    text = promoted.contract.read_text()
    promoted.contract.write_text(
        text.replace("amendments:", f"challenge: {{evidence: {record.reference}}}\namendments:")
    )
    promoted.challenge = store.path_of(promoted.contract, record.reference)
    return promoted


def test_the_record_of_a_challenge_is_evidence_as_well(challenged, pv):
    """It is counted, and it is no orphan."""
    told = SOUND.replace("1 record: 1 sound", "2 records: 2 sound").replace("1 of 1 reference", "2 of 2 references")

    assert pv("evidence", "verify") == (0, told, "")


def test_a_record_of_a_challenge_that_lacks_something_is_found(challenged, pv):
    """Under its own digest: only its parts can tell."""
    statement = json.loads(challenged.challenge.read_bytes())
    del statement["predicate"]["falsifiers"][0]["clean"]
    data = canonical.dumps(statement)
    (challenged.challenge.parent / f"{sha256(data)}.json").write_bytes(data)

    status, out, _ = pv("evidence", "verify")

    assert status == 5
    assert f"{sha256(data)}.json: PV623 not a record of a challenge: " in out


def test_a_record_of_a_challenge_is_not_shown_as_an_evaluation(challenged, pv):
    """The way to look at it is told."""
    status, _, err = pv("evidence", "show", challenged.challenge.stem[:12])

    assert status == 5
    assert "PV404 a record of a challenge and of no evaluation: pv challenge --check compares it\n" in err


@pytest.mark.parametrize("words", [["export"], ["show", "F-9"], ["show", "abcdef12"]], ids=" ".join)
def test_what_may_be_in_a_file_that_cannot_be_read_is_not_said_to_be_missing(promoted, pv, monkeypatch, words):
    """An export without it would look whole."""
    opened = os.open

    def refuse(name, *more, **options):
        if str(name).endswith("d.yaml"):
            raise OSError(errno.EIO, "Input/output error")
        return opened(name, *more, **options)

    promoted.contract.with_name("d.yaml").write_text("metadata: {}\n")
    monkeypatch.setattr(os, "open", refuse)

    status, out, err = pv("evidence", *words)

    assert (status, out) == (3, "")
    assert "d.yaml: PV708 cannot read: input/output error" in err


@pytest.mark.parametrize("at", range(1, 5))
def test_a_record_that_goes_away_meanwhile_is_no_bug(promoted, pv, monkeypatch, at):
    """Whenever it does: the command has its bytes by then, or says that they are missing."""
    found, calls = store.read, []

    def read(*words):
        calls.append(words)
        if len(calls) >= at:
            raise store.MissingError(promoted.place.name)
        return found(*words)

    monkeypatch.setattr(store, "read", read)

    status, out, err = pv("evidence", "export")

    told = "PV402" in err
    assert (status, bool(out)) == ((5, False) if told else (0, True))
