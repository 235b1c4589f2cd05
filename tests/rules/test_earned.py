"""No status without a sound record about this claim, these bounds and these files."""

from __future__ import annotations

import json

import pytest
from helpers import CONTRACT, METRICS, a_record, load

from pvcheck.domain import canonical
from pvcheck.domain.digest import sha256
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric
from pvcheck.rules import earned

MODEL = b"weights of a model"
READ = {"model": {"sha256": sha256(MODEL), "read_sha256": "0" * 64, "ranges": [[0, 4]], "size": len(MODEL)}}


class Place:
    """A contract on disk whose first falsifier was discharged by a record."""

    def __init__(self, folder):
        self.path = folder / "c.yaml"
        (folder / "model.bin").write_bytes(MODEL)
        self.record = a_record(load(), inputs=READ)
        self.keep(self.record)

    def keep(self, record):
        """Write a record and make the contract name it."""
        store.save(self.path, record)
        line = f"  status: DISCHARGED\n  evidence: {record.reference}\n"
        self.text = CONTRACT.replace("  status: PENDING\n- id: F-2", f"{line}- id: F-2")

    def findings(self, text=None):
        """Return what the rules say of the contract."""
        loaded = load(text or self.text, str(self.path))
        assert not loaded.findings
        found = earned.check(loaded.contract, loaded.document, self.path, self.path.parent)
        return [finding for _, finding in found]


@pytest.fixture
def place(tmp_path):
    """Give a contract with sound evidence."""
    return Place(tmp_path)


def told(findings):
    """Return findings as line, code and message."""
    return [(each.line, each.code, each.message) for each in findings]


def test_a_status_with_matching_evidence_is_silent(place):
    """The promotion that a run wrote passes."""
    assert place.findings() == []


@pytest.mark.parametrize("word", ["DISCHARGED", "FALSIFIED"])
def test_a_typed_status_is_refused(place, word):
    """There is no evidence directly after it."""
    found = place.findings(CONTRACT.replace("status: PENDING\n- id: F-2", f"status: {word}\n- id: F-2"))

    assert told(found) == [(18, "PV401", f"{word} is typed: there is no evidence directly after the status")]
    assert found[0].hint == "set it to PENDING; pv run --write earns the status and writes both"


def test_a_typed_status_of_an_unbound_falsifier_is_refused(place):
    """Nothing can have measured it."""
    found = place.findings(CONTRACT.replace("status: PROPOSED", "status: DISCHARGED"))

    assert told(found) == [(21, "PV401", "DISCHARGED is typed: the falsifier is unbound, so nothing measured it")]


def test_evidence_of_a_status_that_needs_none_is_refused(place):
    """Setting a status back means taking its evidence out."""
    found = place.findings(place.text.replace("status: DISCHARGED", "status: PENDING"))

    assert told(found) == [(19, "PV413", "a falsifier that is PENDING has no evidence")]


def test_a_missing_record_is_refused_with_status_5(place):
    """A deleted record is not forgotten."""
    store.path_of(place.path, place.record.reference).unlink()

    found = place.findings()

    name = place.record.reference.removeprefix("sha256:")
    assert told(found) == [(19, "PV402", f"the record {name}.json is missing from evidence/c/")]
    assert found[0].exit_code == 5


def test_a_record_that_cannot_be_read_says_why(place):
    """It is not missing, and git would bring back what is there."""
    path = store.path_of(place.path, place.record.reference)
    path.unlink()
    path.mkdir()

    found = place.findings()

    assert told(found) == [(19, "PV402", f"the record {path.name} cannot be read from evidence/c/: not a regular file")]
    assert found[0].hint.startswith("see to it that it can be read, or ")
    assert found[0].exit_code == 5


def test_an_edited_record_is_refused_with_status_5(place):
    """One changed byte is enough."""
    path = store.path_of(place.path, place.record.reference)
    path.write_bytes(path.read_bytes().replace(b"1.5", b"1.4"))

    found = place.findings()

    assert [(each.code, each.exit_code) for each in found] == [("PV403", 5)]


def test_a_file_that_is_no_record_is_refused_with_status_5(place):
    """A digest alone is no evidence."""
    data = b"{}\n"
    path = store.path_of(place.path, f"sha256:{sha256(data)}")
    path.write_bytes(data)

    found = place.findings(place.text.replace(place.record.reference, f"sha256:{sha256(data)}"))

    assert [(each.code, each.exit_code) for each in found] == [("PV404", 5)]


def test_a_record_about_another_falsifier_is_refused_with_status_5(place):
    """Evidence cannot be borrowed."""
    place.keep(a_record(load(), falsifier="F-9"))

    assert [(each.code, each.message, each.exit_code) for each in place.findings()] == [
        ("PV408", 'the record is about "F-9"', 5)
    ]


def test_a_record_of_another_contract_is_refused_with_status_5(place):
    """A copy of a contract under another id has earned nothing."""
    place.keep(a_record(load(), contract="C-OTHER"))

    assert [(each.code, each.message, each.exit_code) for each in place.findings()] == [
        ("PV408", 'the record is about a falsifier of "C-OTHER"', 5)
    ]


def test_a_record_that_contradicts_itself_is_refused_with_status_5(place):
    """An outcome is computed again and not believed."""
    place.keep(a_record(load(), METRICS | {"growth": Metric(MetricType.F64, 99.0)}, outcome=Outcome.HELD))

    found = place.findings()

    assert told(found) == [(19, "PV405", "the record says held, but its own metrics say refuted")]
    assert found[0].exit_code == 5


@pytest.mark.parametrize(
    ("judged", "message"),
    [
        pytest.param(
            {"held": False},
            "says that growth < 18.0 was refuted, but its own metrics say that it held",
            id="mark",
        ),
        pytest.param(
            {"margin": 1.0}, "says that growth < 18.0 has the margin 1.0, but its own metrics say 16.5", id="margin"
        ),
    ],
)
def test_a_record_edited_together_with_its_digest_is_refused_with_status_5(place, judged, message):
    """Marks and margins are computed again, so that a new name for an edited file helps nobody."""
    first, *rest = place.record.judged
    place.keep(place.record._replace(judged=(first._replace(**judged), *rest)))

    found = place.findings()

    assert told(found) == [(19, "PV405", f"the record {message}")]
    assert found[0].exit_code == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        pytest.param("layers: 0-3", "layers: 0-4", 14, 'parameter layers changed from "0-3" to "0-4"', id="value"),
        pytest.param("layers: 0-3", "layers: 7", 14, 'parameter layers changed from "0-3" to 7', id="number"),
        pytest.param(", layers: 0-3", "", 14, 'parameter layers changed from "0-3" to nothing', id="removed"),
        pytest.param(
            "layers: 0-3", "layers: 0-3, deep: true", 14, "parameter deep changed from nothing to true", id="added"
        ),
        pytest.param(
            "evaluator: probe", "evaluator: other", 13, "evaluator changed from probe to other", id="evaluator"
        ),
        pytest.param(
            "path: model.bin",
            f"path: model.bin\n    sha256: {'a' * 64}",
            20,
            "the declared digest of input model changed from none to aaaaaaaaaaaa",
            id="declared digest",
        ),
    ],
)
def test_a_changed_claim_is_refused_at_its_line(place, old, new, line, message):
    """What was measured is not what the contract claims today."""
    found = place.findings(place.text.replace(old, new))

    assert told(found) == [(line, "PV406", f"{message} since the evidence was made")]
    assert found[0].hint == "pv run --write measures it again"


def test_a_claim_without_parameters_is_compared_too(place):
    """Taking the whole block out is a change like another."""
    text = place.text.replace("  with: {model: model, layers: 0-3}\n", "")

    found = place.findings(text)

    assert [each.code for each in found] == ["PV406", "PV406", "PV406"]


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        pytest.param(["number", "0x1.8p+1"], "3", id="number"),
        pytest.param(["number", "nonsense"], '"nonsense"', id="damaged number"),
        pytest.param(["number", "0x1p+99999"], '"0x1p+99999"', id="too large"),
        pytest.param(["number", "0x1.999999999999ap-4"], "0.1", id="shortest decimal"),
        pytest.param(["number", "9007199254740993"], "9007199254740993", id="integer beyond binary64"),
        pytest.param(["list", "a", ["number", "0x1p+0"]], '["a", 1]', id="list"),
        pytest.param({"a": None, "b": False}, "{a: null, b: false}", id="table"),
        pytest.param({"a": "x" * 80}, '{a: "' + "x" * 54 + "…", id="long"),
        pytest.param(["other"], "\"['other']\"", id="no list of ours"),
    ],
)
def test_a_recorded_parameter_is_told_as_people_write_it(place, recorded, shown):
    """Hex is for comparing; a message says 3. What a forged record holds is told and trusted in nothing."""
    record = a_record(load(), inputs=READ)
    place.keep(record._replace(claim=record.claim | {"with": {"model": "model", "layers": recorded}}))

    found = place.findings()

    assert found[0].message == f'parameter layers changed from {shown} to "0-3" since the evidence was made'


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        pytest.param(
            "growth: < 18", "growth: < 20", 16, "the bound of growth changed from < 18.0 to < 20.0", id="weakened"
        ),
        pytest.param(
            "growth: < 18",
            "growth: [< 18, '> 0']",
            16,
            "the bound of growth changed from < 18.0 to < 18.0 and > 0.0",
            id="one more",
        ),
        pytest.param("    growth: < 18\n", "", 15, "the bound of growth changed from < 18.0 to none", id="removed"),
    ],
)
def test_a_changed_bound_is_refused_at_its_line(place, old, new, line, message):
    """A bound that was changed after the measurement was not the one that held."""
    found = place.findings(place.text.replace(old, new))

    assert told(found) == [(line, "PV407", f"{message} since the evidence was made")]


def test_a_changed_bound_that_the_metrics_break_says_both(place):
    """What changed, and what the record comes to under the bounds of today."""
    found = place.findings(place.text.replace("growth: < 18", "growth: < 1"))

    assert told(found) == [
        (16, "PV407", "the bound of growth changed from < 18.0 to < 1.0 since the evidence was made"),
        (18, "PV409", "held then, refuted today: growth < 1.0"),
    ]


def test_another_spelling_of_a_bound_is_no_change(place):
    """Bounds are compared as what they mean."""
    assert place.findings(place.text.replace("growth: < 18", "growth: <18.0")) == []


def amended(text, to):
    """Return a contract whose newest amendment owns up to a changed bound."""
    change = f"{{id: F-1, metric: growth, from: ['< 18'], to: ['{to}']}}"
    entry = f"amendments:\n- version: 1.2.3\n  date: 2026-11-22\n  bounds: [{change}]\n"
    return text.replace("growth: < 18", f"growth: {to}").replace("amendments: []\n", entry)


def test_a_changed_bound_that_an_amendment_lists_is_judged_again(place):
    """The recorded metrics must hold under today's bounds."""
    assert place.findings(amended(place.text, "< 17")) == []


def test_a_tightened_bound_that_the_metrics_break_is_refused(place):
    """Listing a change does not make it true."""
    found = place.findings(amended(place.text, "< 1"))

    assert told(found) == [(18, "PV409", "held then, refuted today: growth < 1.0")]


def test_a_loosened_bound_that_the_metrics_meet_is_told_too(place):
    """A refutation that today's bounds would not give any more."""
    refuted = a_record(load(), METRICS | {"growth": Metric(MetricType.F64, 19.0)}, inputs=READ)
    place.keep(refuted)

    found = place.findings(amended(place.text.replace("status: DISCHARGED", "status: FALSIFIED"), "< 20"))

    assert told(found) == [(18, "PV409", "refuted then, held today")]
    assert found[0].hint == earned.RERUN


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param("{model: none, layers: 0-3}", "input model was removed", id="removed"),
        pytest.param("{model: model, layers: 0-3, other: second}", "input second was added", id="added"),
    ],
)
def test_an_input_that_is_measured_no_more_or_newly_is_told(place, parameters, message):
    """Beside the parameter that names it."""
    text = place.text.replace(
        "falsification_tests:", "  second:\n    format: gguf\n    path: other.bin\nfalsification_tests:"
    )

    found = place.findings(text.replace("{model: model, layers: 0-3}", parameters))

    assert f"{message} since the evidence was made" in [each.message for each in found]
    assert {each.code for each in found} == {"PV406"}


def test_a_digest_that_was_exchanged_is_told_by_its_first_digits(place):
    """From one declared file to another."""
    declared = CONTRACT.replace("path: model.bin", f"path: model.bin\n    sha256: {'a' * 64}")
    place.keep(a_record(load(declared), inputs=READ))

    found = place.findings(place.text.replace("path: model.bin", f"path: model.bin\n    sha256: {'b' * 64}"))

    assert [each.message for each in found] == [
        "the declared digest of input model changed from aaaaaaaaaaaa to bbbbbbbbbbbb since the evidence was made"
    ]


def test_a_parameter_that_was_null_is_not_one_that_was_absent(place):
    """Nothing and null are two things in a claim."""
    place.keep(a_record(load(CONTRACT.replace("layers: 0-3", "layers: null")), inputs=READ))

    found = place.findings(place.text.replace(", layers: 0-3", ""))

    assert found[0].message == "parameter layers changed from null to nothing since the evidence was made"


def test_a_status_typed_over_a_record_that_was_invalid_is_refused(place):
    """An evaluation that a guard ended supports no status."""
    place.keep(place.record._replace(outcome=Outcome.INVALID, judged=()))

    found = place.findings()

    assert told(found) == [(18, "PV409", "DISCHARGED is typed: its evidence says invalid")]


def test_falsified_with_metrics_that_hold_is_refused(place):
    """The status must follow from the record in both directions."""
    found = place.findings(place.text.replace("status: DISCHARGED", "status: FALSIFIED"))

    assert [each.code for each in found] == ["PV409"]
    assert found[0].message == "FALSIFIED is typed: its evidence says held"
    assert found[0].hint == earned.BACK


def test_falsified_with_metrics_that_refute_is_silent(place):
    """A refutation is a result with evidence like any other."""
    place.keep(a_record(load(), METRICS | {"growth": Metric(MetricType.F64, 99.0)}, inputs=READ))

    assert place.findings(place.text.replace("status: DISCHARGED", "status: FALSIFIED")) == []


def test_a_changed_model_is_refused(place):
    """The file beside the contract is not the one that was measured."""
    (place.path.parent / "model.bin").write_bytes(b"Weights of a model")

    found = place.findings()

    assert told(found) == [(19, "PV410", 'the file of input model ("model.bin") changed since the evidence was made')]


def test_a_model_without_a_whole_digest_is_compared_where_it_was_read(place):
    """Only the ranges that were read can make a difference."""
    from pvcheck.domain.digest import of_ranges

    read = {"read_sha256": of_ranges(memoryview(MODEL), [(0, 7)]), "ranges": [[0, 7]], "size": len(MODEL)}
    place.keep(a_record(load(), inputs={"model": read}))
    model = place.path.parent / "model.bin"

    model.write_bytes(b"weights of another")
    elsewhere = place.findings()
    model.write_bytes(b"Weights of a model")
    inside = place.findings()

    assert elsewhere == []
    assert [each.code for each in inside] == ["PV410"]


def test_a_model_that_was_never_recorded_counts_as_changed(place):
    """Evidence that does not mention an input says nothing about it."""
    place.keep(a_record(load(), inputs={}))

    assert [each.code for each in place.findings()] == ["PV410"]


@pytest.mark.parametrize("how", ["absent", "large", "outside"])
def test_a_model_that_is_absent_large_or_outside_is_not_read(place, how, monkeypatch):
    """Validation stays fast, and inside the repository."""
    model = place.path.parent / "model.bin"
    model.write_bytes(b"another")
    if how == "absent":
        model.unlink()
    if how == "large":
        monkeypatch.setattr(earned, "MAX_HASHED", 3)
    root = place.path.parent / "sub" if how == "outside" else place.path.parent
    loaded = load(place.text, str(place.path))

    found = list(earned.check(loaded.contract, loaded.document, place.path, root))

    assert found == []


@pytest.mark.parametrize(("path", "leads_out"), [("../../x", True), ("../sub/x", False), ("sub/x", False)])
def test_a_path_that_leads_out_of_the_repository_is_refused(tmp_path, path, leads_out):
    """Two dots are fine as long as they stay inside."""
    loaded = load(CONTRACT.replace("path: model.bin", f"path: {path}"))
    contract = tmp_path / "contracts" / "c.yaml"

    found = list(earned.paths_inside(loaded.contract, loaded.document, contract, tmp_path))

    assert [each.code for each in found] == (["PV304"] if leads_out else [])
    assert all(each.line == 9 for each in found)


def test_a_link_that_leads_out_of_the_repository_is_refused(tmp_path):
    """What counts is where a path arrives."""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "model.bin").symlink_to(tmp_path / "elsewhere")
    loaded = load()

    found = list(earned.paths_inside(loaded.contract, loaded.document, inside / "c.yaml", inside))

    assert [each.code for each in found] == ["PV304"]


@pytest.mark.parametrize("word", ["DISCHARGED", "FALSIFIED"])
def test_a_stage_ahead_of_its_falsifiers_is_refused(place, word):
    """A stage has no evidence of its own."""
    found = place.findings(
        CONTRACT.replace(
            "expected_acceptance: [F-1]\n  status: PENDING", f"expected_acceptance: [F-1]\n  status: {word}"
        )
    )

    assert told(found) == [(25, "PV411", f"the stage is {word}, but its falsifiers make it PENDING")]


def test_a_contract_ahead_of_its_stages_is_refused(place):
    """A contract is done when all its stages are."""
    found = place.findings(CONTRACT.replace("status: ACTIVE", "status: DISCHARGED"))

    assert told(found) == [(5, "PV412", "the contract is DISCHARGED, but its stages make it ACTIVE")]


def test_a_record_with_a_rewritten_claim_and_subject_is_still_compared(place):
    """Editing record and digest together leaves a record about another claim."""
    statement = json.loads(place.record.data())
    statement["predicate"]["claim"]["with"]["layers"] = "0-9"
    statement["subject"][0]["digest"]["sha256"] = sha256(canonical.dumps(statement["predicate"]["claim"]))
    data = canonical.dumps(statement)
    store.path_of(place.path, f"sha256:{sha256(data)}").write_bytes(data)

    found = place.findings(place.text.replace(place.record.reference, f"sha256:{sha256(data)}"))

    assert [each.code for each in found] == ["PV406"]
