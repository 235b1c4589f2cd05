"""Records of other hosts: believed in nothing, judged again, promoted as a run would."""

from __future__ import annotations

import errno
import os
import platform
import re

import pytest
from helpers import CONTRACT, METRICS
from pipeline.results import DETAILS, THERE, made, sent

from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import lines, store
from pvcheck.evidence.record import Metric
from pvcheck.pipeline import outputs

NEWER = "2026-11-21T08:00:00+00:00"


def last(out):
    """Return the last line."""
    return out.rstrip("\n").split("\n")[-1]


def changed(project, before):
    """Return the names of the files that are not as they were."""
    return {name for name, data in project.state().items() if before.get(name) != data}


def test_a_run_writes_its_records_and_another_host_promotes_with_them(project, pv):
    """A run with --results changes no contract; what it wrote is applied, and validation finds it sound."""
    before = project.state()

    status, out, _ = pv("run", "--results", "results.jsonl")
    between = project.state()
    applied = pv("apply", "results.jsonl")

    assert status == applied[0] == 0
    assert "1 record in results.jsonl: pv apply takes them\n" in out
    assert set(between) - set(before) == {"results.jsonl"}
    assert {name: between[name] for name in before} == before
    assert last(applied[1]) == "1 record: 1 taken, 0 no news, 0 not taken; 3 statuses moved, 0 renewed; no errors"
    assert pv("validate")[:2] == (
        0,
        "1 contract, 2 falsifiers: 1 discharged, 0 falsified, 0 pending; 1 unbound; no errors\n",
    )
    assert pv("run", "--check")[0] == 0


def test_the_record_keeps_its_bytes_and_the_amendment_names_the_host(project, pv):
    """What was sent is what lies in the folder, and people see where it was measured."""
    record = made(project)

    status, _, _ = pv("apply", sent(project, record))

    assert status == 0
    assert store.path_of(project.contract, record.reference).read_bytes() == record.data()
    assert "  summary: measured on gpu-7; applied here\n" in project.contract.read_text()
    assert "    made on gpu-7\n" in pv("status")[1]


def test_applying_again_changes_no_byte(project, pv):
    """The same record is no news."""
    path = sent(project, made(project))
    pv("apply", path)
    written = project.state()

    status, out, _ = pv("apply", path, path)

    assert status == 0
    assert "      changes nothing: the evidence in place says the same\n" in out
    assert last(out) == "1 record: 0 taken, 1 no news, 0 not taken; 0 statuses moved, 0 renewed; no errors"
    assert project.state() == written


@pytest.mark.parametrize(
    ("started", "is_news"), [(THERE["started"], False), (NEWER, True), ("2026-11-20T09:30+02:00", False)]
)
def test_an_older_record_changes_nothing(project, pv, started, is_news):
    """Times are compared as times, with their zones; a tie is no news."""
    pv("apply", sent(project, made(project)))
    written = project.state()

    status, out, _ = pv("apply", sent(project, made(project, 2.5, started=started), name="later.jsonl"))

    assert status == 0
    assert ("the evidence in place is newer, of 2026-11-20T08:00:00+00:00" in out) != is_news
    assert bool(changed(project, written) - {"later.jsonl"}) == is_news


def test_of_two_records_of_one_falsifier_the_newer_counts(project, pv):
    """Whatever their order in the file."""
    older, newer = made(project, 1.25), made(project, 2.5, started=NEWER)

    status, out, _ = pv("apply", sent(project, newer, older))

    assert status == 0
    assert out.count("      changes nothing: the file holds a newer one\n") == 1
    assert newer.reference in project.contract.read_text()
    assert older.reference not in project.contract.read_text()


def test_what_is_in_place_does_not_count_if_it_supports_nothing(project, pv):
    """Newer evidence for another claim keeps nobody from bringing what the contract needs."""
    pv("apply", sent(project, made(project, started=NEWER)))
    project.edit("layers: 0-3", "layers: 0-4")

    status, _, _ = pv("apply", sent(project, made(project), name="again.jsonl"))

    assert status == 0
    assert pv("validate")[0] == 0


def test_a_newer_record_in_place_that_contradicts_itself_does_not_count(project, pv):
    """A forgery of tomorrow cannot keep out what was measured today."""
    forged = made(project, 99.0, started="2027-01-01T00:00:00+00:00")._replace(outcome=Outcome.HELD)
    store.save(project.contract, forged)
    project.edit("status: PENDING\n", f"status: DISCHARGED\n  evidence: {forged.reference}\n")

    status, _, _ = pv("apply", sent(project, made(project)))

    assert status == 0
    assert pv("validate")[0] == 0


def test_evidence_in_place_without_a_time_is_replaced(project, pv):
    """A record that does not say when it was made is older than any."""
    pv("apply", sent(project, made(project)))
    bare = made(project, 2.0)._replace(made_at={})
    store.save(project.contract, bare)
    text = project.contract.read_text()
    project.contract.write_text(
        re.sub(r"(status: DISCHARGED\n  evidence: )\S+", rf"\g<1>{bare.reference}", text, count=1)
    )

    before = pv("status")[1]

    status, _, _ = pv("apply", sent(project, made(project)))

    assert status == 0
    assert "    made on an unnamed host\n" in before
    assert "    made on gpu-7\n" in pv("status")[1]


def test_a_refutation_is_applied_and_exits_1(project, pv):
    """Bad news from another host is news; once the contract admits it, it asks for nothing."""
    path = sent(project, made(project, 99.0))

    status, out, _ = pv("apply", path)
    again = pv("apply", path)

    assert status == 1
    assert "  REFUTED   F-1  made on gpu-7, 2026-11-20T08:00:00+00:00\n" in out
    assert "      REFUTED  growth < 18.0 (margin -81)\n" in out
    assert "status: FALSIFIED" in project.contract.read_text()
    assert again[0] == 0


def test_a_record_is_judged_under_the_bounds_of_today(project, pv):
    """The one that was sent stays named in the one that is written; the verdict is of today."""
    record = made(project)
    project.edit("growth: < 18", "growth: < 1")

    status, out, _ = pv("apply", sent(project, record))

    assert status == 1
    assert "      held then, refuted under today's bounds\n" in out
    text = project.contract.read_text()
    assert record.reference not in text
    written = store.load(project.contract, re.search(r"evidence: (sha256:\S+)", text)[1])
    assert written.outcome is Outcome.REFUTED
    assert written.made_at == record.made_at | {"judged_again": record.reference}
    assert written.metrics == record.metrics
    assert [each.code for each in _findings(pv("validate")[1])] == []
    assert f"judged again here, from {record.reference}" in pv("evidence", "show", "F-1")[1]


def _findings(out):
    """Return the findings that lines tell."""
    return [line for line in out.splitlines() if re.search(r": PV\d+ ", line)]


def _other_file(project):
    """Return a record of a contract that declares a digest, measured on another file."""
    project.edit("path: model.bin", f"path: model.bin\n    sha256: {'a' * 64}")
    return made(project)


def _unhashed(project):
    """Return a record that does not have the digest of the whole file."""
    project.edit("path: model.bin", f"path: model.bin\n    sha256: {'a' * 64}")
    read = {"read_sha256": "5" * 64, "ranges": [], "size": 9}
    return made(project, inputs={"model": read})


def _other_claim(project):
    """Return a record of a claim that the contract does not make any more."""
    record = made(project)
    project.edit("layers: 0-3", "layers: 0-4")
    return record


def _replaced_file(project):
    """Return a record of a file that lies here with other bytes."""
    record = made(project)
    project.model.write_bytes(b"other")
    return record


NAN = Metric(MetricType.F64, float("nan"))
SIDE = {"count": 4, "shape": [4], "selection": "all", "non_finite": 0}
UNLIKE = DETAILS | {"comparisons": [{"metrics": ["growth"], "left": SIDE, "right": SIDE | {"count": 5}}]}

REFUSED = {
    "other claim": (
        _other_claim,
        1,
        'PV468 "F-1": parameter layers changed from "0-3" to "0-4" since the evidence was made',
    ),
    "other file": (_other_file, 1, 'PV469 "F-1" was measured on another input model than the declared one'),
    "not hashed": (_unhashed, 1, "than the declared one: it was not hashed as a whole"),
    "replaced file": (_replaced_file, 1, 'PV469 "F-1": the file of input model ("model.bin") changed since'),
    "other contract": (
        lambda project: made(project, contract="C-OTHER"),
        1,
        'PV467 no contract with metadata.schema here has the id "C-OTHER"',
    ),
    "other falsifier": (
        lambda project: made(
            project, falsifier="../../F-9", claim={"id": "../../F-9", "evaluator": "probe", "with": {}, "inputs": {}}
        ),
        1,
        'PV467 "C-TEST" has no falsifier "../../F-9"',
    ),
    "unlike populations": (
        lambda project: made(project, details=UNLIKE),
        3,
        'PV470 the record of "F-1" promotes nothing: population: the two sides differ in count: 4 against 5',
    ),
    "invalid": (
        lambda project: made(project, outcome=Outcome.INVALID, judged=()),
        3,
        'PV470 the record of "F-1" promotes nothing: the outcome is invalid',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_record_that_is_about_something_else_promotes_nothing(project, pv, name):
    """Another claim, another file, another contract, no verdict: the contract keeps every byte."""
    make, code, message = REFUSED[name]
    path = sent(project, make(project))
    before = project.state()

    status, out, _ = pv("apply", path.name)

    assert status == code
    assert f"results.jsonl:1:1: {message}" in out if message.startswith("PV") else message in out
    assert "1 record: 0 taken, 0 no news, 1 not taken" in last(out)
    assert project.state() == before


def test_one_refused_record_keeps_its_whole_contract_as_it_was(project, pv):
    """And other contracts get what they earn: all or nothing for each."""
    other = project.contract.with_name("other.yaml")
    other.write_text(CONTRACT.replace("C-TEST", "C-TWO").replace("growth: < 18", "growth: < 19"))
    text = project.contract.read_text().replace(
        "status: PROPOSED", "evaluator: probe\n  with: {model: model}\n  expect: {count: == 4}"
    )
    project.contract.write_text(text)
    good, bad = made(project), made(project, claim=made(project).claim | {"evaluator": "another"})
    elsewhere = made(project, 1.75, text=other.read_text())
    before = project.state()

    status, out, _ = pv("apply", sent(project, good, bad, elsewhere))

    assert status == 1
    assert "PV468" in out
    assert changed(project, before) - {"results.jsonl"} == {
        "contracts/other.yaml",
        f"contracts/evidence/other/{elsewhere.reference[7:]}.json",
    }


def test_a_contract_with_two_homes_takes_nothing(project, pv):
    """The id does not say which file is meant; naming one does."""
    project.contract.with_name("twin.yaml").write_text(CONTRACT)
    path = sent(project, made(project))

    status, out, _ = pv("apply", path)
    named = pv("apply", path, project.contract)

    assert status == 1
    assert 'PV467 2 contracts here have the id "C-TEST"' in out
    assert "1 taken" in last(named[1])


def test_a_broken_contract_takes_nothing_and_says_why(project, pv):
    """What cannot be run cannot be promoted."""
    path = sent(project, made(project))
    project.edit("growth: < 18", "growth: around 18")
    before = project.state()

    status, out, _ = pv("apply", path)

    assert status == 1
    assert "PV301" in out
    assert project.state() == before


def test_a_contract_that_cannot_be_read_is_not_said_to_be_missing(project, pv, monkeypatch):
    """What a record is about may be in it: the disk is named, and the status says that nothing could be told."""
    path = sent(project, made(project))
    opened = os.open

    def refuse(name, *words, **options):
        if str(name).endswith("c.yaml"):
            raise OSError(errno.EIO, "Input/output error")
        return opened(name, *words, **options)

    monkeypatch.setattr(os, "open", refuse)

    status, out, _ = pv("apply", path)

    assert status == 3
    assert "PV708 cannot read: input/output error" in out
    assert "PV467 no contract with metadata.schema here" in out


def test_a_contract_of_upstream_takes_nothing(project, pv):
    """Its statuses are claimed; nothing is promoted in it."""
    path = sent(project, made(project))
    project.contract.write_text(
        "metadata: {id: C-TEST, version: '1.0.0'}\nfalsification_tests:\n- {id: F-1, if_fails: x}\n"
    )

    status, out, _ = pv("apply", path)

    assert status == 1
    assert "PV467 no contract with metadata.schema here" in out


def test_a_contract_that_changes_meanwhile_is_not_written(project, pv, monkeypatch):
    """The lock and the comparison of a run hold here too."""
    from pvcheck import writeback

    path = sent(project, made(project))
    real = writeback.edited

    def meddling(*words, **options):
        project.contract.write_bytes(project.contract.read_bytes() + b"# more\n")
        return real(*words, **options)

    monkeypatch.setattr(writeback, "edited", meddling)

    status, out, _ = pv("apply", path)

    assert status == 3
    assert "PV710" in out
    assert "status: PENDING" in project.contract.read_text()


def _line(record, **changes):
    """Return the line of a record, with bytes exchanged."""
    data = lines.dumps([record])
    for old, new in changes.items():
        data = data.replace(old.encode(), new.encode())
    return data


HOSTILE = {
    "not utf-8": (lambda _: b"\xff\xfe\x00", "not a record: not JSON"),
    "deep": (lambda _: b"[" * 300_000, "not a record: not JSON"),
    "a web page": (lambda _: b"<html>\n", "not a record: not JSON"),
    "edited": (
        lambda project: _line(made(project), **{'"outcome":"held"': '"outcome":"refuted"'}),
        "the record says refuted",
    ),
    "no time": (lambda project: lines.dumps([made(project, started="soon")]), "does not say when it was made"),
    "no zone of time": (lambda project: lines.dumps([made(project, started=7)]), "does not say when it was made"),
    "far time": (
        lambda project: lines.dumps([made(project, started="0001-01-01T00:00:00+23:00")]),
        "does not say when it was made",
    ),
    "not a measurement": (
        lambda project: lines.dumps([made(project, details={"labels": []})]),
        "no evaluator reports this: bad result: a measurement must have exactly its own keys",
    ),
    "no details": (lambda project: lines.dumps([made(project, details=[])]), "no evaluator reports this: something is"),
    "no backend": (lambda project: lines.dumps([made(project, made_by={})]), "no evaluator reports this: something is"),
    "a position beside the series": (
        lambda project: lines.dumps(
            [
                made(
                    project,
                    details=DETAILS
                    | {
                        "conditions": [
                            {
                                "metric": "nowhere",
                                "position": None,
                                "number": {"decimal": "1.0", "hex": "0x1.0000000000000p+0"},
                                "backward_error": {"decimal": "1.0", "hex": "0x1.0000000000000p+0"},
                            }
                        ]
                    },
                )
            ]
        ),
        "a condition speaks of metric",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_holds_something_else_is_refused_whole(project, pv, name):
    """One clear line with the place, exit status 5, and nothing is written, also not what was sound."""
    make, message = HOSTILE[name]
    good = sent(project, made(project), name="good.jsonl")
    (project.root / "bad.jsonl").write_bytes(make(project))
    before = project.state()

    status, out, err = pv("apply", good, "bad.jsonl")

    assert (status, out) == (5, "")
    assert re.match(r"bad\.jsonl:1:1: PV466 ", err)
    assert message in err
    assert err.count("PV466") == 1
    assert len(err) < 600
    assert project.state() == before


def test_a_file_that_is_too_large_is_refused_before_it_is_read_whole(project, pv):
    """A hundred megabytes cost nobody the memory for them."""
    with open(project.root / "large.jsonl", "wb") as file:  # noqa: PTH123 - it is made sparse
        os.truncate(file.fileno(), 100 << 20)

    status, _, err = pv("apply", "large.jsonl")

    assert status == 5
    assert err.startswith("large.jsonl: PV466 the file must have at most 64 MiB\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["empty.jsonl"], 4, "PV461 there is no record in the file", id="empty"),
        pytest.param(["nowhere.jsonl"], 3, "PV708 cannot read", id="missing"),
        pytest.param(["contracts"], 2, "name a file with records", id="no file"),
        pytest.param([], 2, "Missing argument", id="nothing"),
        pytest.param(["empty.jsonl", "nowhere.yaml"], 4, "PV461", id="missing contract"),
    ],
)
def test_a_call_without_records_is_told(project, pv, words, code, message):
    """Nothing to apply is not success."""
    (project.root / "empty.jsonl").touch()

    status, _, err = pv("apply", *words)

    assert status == code
    assert message in err


def test_hosts_are_told_once_each_and_fit_for_a_terminal(project, pv):
    """A host may call itself anything."""
    record = made(project, made_at=THERE | {"host": "evil\n- status: DISCHARGED\x1b[2J" + "x" * 100})

    status, out, _ = pv("apply", sent(project, record))

    assert status == 0
    assert "\x1b" not in out
    summary = next(line for line in project.contract.read_text().splitlines() if "summary" in line)
    assert len(summary) < 130
    assert "\\x1b" in summary
    assert pv("validate")[0] == 0


def test_a_record_of_this_host_is_not_told_as_a_stranger(project, pv):
    """Only what was made elsewhere is marked."""
    record = made(project, made_at=THERE | {"host": platform.node()})

    pv("apply", sent(project, record))

    assert "made on" not in pv("status")[1]
    assert "another host" not in pv("evidence", "show", "F-1")[1]


@pytest.mark.parametrize(
    ("results", "why"),
    [
        pytest.param("contracts/c.yaml", "it would take the place of a contract", id="contract"),
        pytest.param("new.yml", "it would take the place of a contract", id="suffix"),
        pytest.param("contracts", "it is a folder", id="folder"),
        pytest.param("nowhere/results.jsonl", "its folder is not there", id="no folder"),
        pytest.param("pipe.jsonl", "it is no regular file", id="pipe"),
        pytest.param("pv.toml", "it would take the place of settings", id="settings"),
        pytest.param(f"{'0' * 64}.json", "it would take the place of evidence", id="record"),
        pytest.param("shut/results.jsonl", "its folder cannot be written to", id="unwritable"),
    ],
)
def test_150_a_bad_place_for_results_is_told_before_anything_is_measured(project, pv, monkeypatch, results, why):
    """A measurement of hours must not end in a message about a path; one to a device or a pipe must not replace it."""
    os.mkfifo("pipe.jsonl")
    (project.root / "shut").mkdir()
    monkeypatch.setattr(outputs.os, "access", lambda path, _: not str(path).endswith("shut"))  # root may write anywhere
    before = project.state()

    told = [pv("run", "--results", results), pv("evidence", "export", "--output", results)]

    assert [(status, out) for status, out, _ in told] == [(2, "")] * 2
    assert all(f"PV471 the results cannot be written there: {why}" in err for *_, err in told)
    assert project.state() == before


@pytest.mark.parametrize("mode", ["--write", "--check", "--diff"])
def test_results_go_with_no_other_mode(project, pv, mode):
    """It changes no contract, so there is nothing to show or to check."""
    status, _, err = pv("run", "--results", "results.jsonl", mode)

    assert status == 2
    assert f"cannot be given with {mode}" in err


def test_what_was_not_decided_is_not_among_the_results(project, pv):
    """An error, a guard that spoke and an input that is not the declared one promote nothing anywhere."""
    project.measure({"fail": "out of luck"})

    status, out, _ = pv("run", "--results", "results.jsonl")

    assert status == 3
    assert "0 records in results.jsonl" in out
    assert (project.root / "results.jsonl").read_bytes() == b""


def test_a_bound_may_be_met_by_metrics_of_a_series(project, pv):
    """Series travel like single numbers."""
    project.edit("    count:", "    steps: all < 2\n    count:")
    steps = METRICS | {"growth": METRICS["growth"], "steps": Metric(MetricType.F32, (1.0, -2.5))}
    from helpers import a_record, load

    sample = made(project)
    record = a_record(
        load(project.contract.read_text()),
        steps,
        **{key: getattr(sample, key) for key in ("details", "made_by", "made_at", "inputs")},
    )

    status, out, _ = pv("apply", sent(project, record))

    assert status == 0
    assert "      held     steps all < 2.0 (margin 1)\n" in out


def test_a_run_tells_that_the_evidence_was_made_by_another_version(project, pv):
    """So does the status; neither is a fault."""
    record = made(project, made_by={"evaluator": "probe", "evaluator_version": "0", "backend": "cuda"})
    pv("apply", sent(project, record))

    run = pv("run", "-q")
    status = pv("status")

    assert "      the evidence was made by probe 0; this is 1\n" in run[1]
    assert "    measured by probe 0, which is 1 today\n" in status[1]
    assert run[0] == status[0] == 0
