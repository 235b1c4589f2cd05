"""The formats: each is what its readers demand, whatever stands in contracts and whatever evaluators say."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from helpers import commands_in
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.cli.formats import MACHINES, text
from pvcheck.errors import Finding, Severity, escaped
from pvcheck.explain import codes
from pvcheck.report.machine import document, entries, github, sarif

NASTY = (
    "::error ::pwned",
    "a,b:c%0A",
    "]]></failure><x y='&amp;\"'>",
    "\x00\x1b[2J\x85\u202e\ufffe\ud800",
    "| a | `b` <img src=x> [l](https://x.example) @all #1 www.x.example $x$",
    "##[add-mask]x",
    "line one\r\n::warning::two\n::stop-commands::t",
    "x" * (1 << 20),
    "…ü🦀",
    "",
)


def made(findings, command="validate", status=1):
    """Return a document of findings."""
    head = document.Head(command, Path(), status)
    return document.of_end(head, findings) | {"verdict": "1 contract; " + NASTY[0]}


def many(number):
    """Return a document with so many errors, each in a file of its own."""
    return made([Finding("PV101", f"fault {each}", f"c{each}.yaml", each + 1, 2, "mend it") for each in range(number)])


HOSTILE = made(
    [
        Finding("PV101", message, f"dir{place}/{message[:40]}.yaml".replace("\x00", ""), place, 1, message, severity)
        for place, message in enumerate(NASTY)
        for severity in Severity
    ]
)
DOCUMENTS = [
    pytest.param(made([], status=0), id="nothing"),
    pytest.param(many(1), id="one"),
    pytest.param(many(1000), id="a-thousand"),
    pytest.param(HOSTILE, id="hostile"),
]


@pytest.mark.parametrize("found", DOCUMENTS)
def test_every_document_has_the_form_of_our_schema(found, ours):
    """As it is after a trip through JSON in ASCII."""
    told = text("json", found)

    assert told.isascii()
    assert json.loads(told) == found
    assert [error.message[:200] for error in ours.iter_errors(found)] == []


@pytest.mark.parametrize("found", DOCUMENTS)
def test_sarif_is_what_the_standard_demands(found, oasis):
    """Rules with help, places relative to the top, fingerprints that differ."""
    log = json.loads(text("sarif", found))

    assert [error.message[:200] for error in oasis.iter_errors(log)] == []
    (run,) = log["runs"]
    assert len(run["results"]) == len(found["findings"])
    prints = [each["partialFingerprints"][sarif.FINGERPRINT] for each in run["results"]]
    assert len(set(prints)) == len(prints)
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        (location,) = each["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert artifact["uriBaseId"] == "%SRCROOT%"
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", artifact["uri"])


@pytest.mark.parametrize("found", DOCUMENTS)
def test_junit_is_what_its_readers_demand(found, jenkins):
    """XML that parses, holds to the schema of Jenkins, and counts what it holds."""
    told = text("junit", found)

    jenkins.validate(io.BytesIO(told.encode()))
    top = ET.fromstring(told)  # noqa: S314 - our own text
    cases = top.findall("testsuite/testcase")
    assert len(cases) == len(found["findings"]) == int(top.get("tests"))
    assert len({each.get("name") for each in cases}) == len(cases)
    failures = [each for each in cases if each.find("failure") is not None]
    assert len(failures) == found["counts"]["errors"] == int(top.get("failures"))


@pytest.mark.parametrize("form", [each for each in MACHINES if each != "github"])
def test_no_document_commands_anything_in_a_log(form):
    """It may be written to one."""
    assert commands_in(text(form, HOSTILE)) == []


@pytest.mark.parametrize("found", DOCUMENTS)
def test_a_summary_has_no_markup_of_others_and_fits(found):
    """No link, no mention, no HTML, no row of a table that a contract made, and less than GitHub takes."""
    told = text("markdown", found)

    assert len(told.encode()) < 1 << 20
    assert not re.search(r"[<>@`$\\]|\]\(|://|www\.", told)
    assert [line.count("|") for line in told.splitlines() if line.startswith("|")] == [5] * told.count("\n|")


COMMAND = re.compile(r"::(?P<name>[a-z]+)(?: (?P<properties>[^:]*))?::(?P<data>.*)")


def commands(told):
    """Return the workflow commands of a log as GitHub's runner reads it, as name, properties and data."""
    found = []
    for line in re.split(r"\r\n|\r|\n", told):
        if not line.lstrip().startswith("::"):
            assert "##[" not in line
            continue
        match = COMMAND.fullmatch(line)
        pairs = (pair.split("=", 1) for pair in (match["properties"] or "").split(",") if pair)
        found.append((match["name"], {key: back(value) for key, value in pairs}, back(match["data"])))
    return found


def back(value):
    """Undo the escapes, in the runner's order."""
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        value = value.replace(code, char)
    return value


@pytest.mark.parametrize("found", DOCUMENTS)
def test_github_shows_ten_of_a_kind_and_has_the_others_in_a_group(found):
    """And no line of anybody else is taken for a command."""
    told = commands(text("github", found))

    names = [name for name, _, _ in told]
    assert set(names) <= {"error", "warning", "notice", "group", "endgroup"}
    for severity, name in github.COMMANDS.items():
        total = found["counts"][f"{severity}s"]
        assert names.count(name) == min(total, 10)
        if total > 10:
            more = [data for each, properties, data in told if each == name and properties["title"] == "pv"]
            assert more == [f"{total - 9} more {name}s: the log of this step has them"]
    assert names.count("group") == names.count("endgroup")


@pytest.mark.parametrize(
    ("value", "data", "prop"),
    [
        pytest.param("plain", "plain", "plain", id="plain"),
        pytest.param("100%", "100%25", "100%25", id="percent"),
        pytest.param("a\r\nb", "a%0D%0Ab", r"a\r\nb", id="line-ends"),
        pytest.param("a:b,c", "a:b,c", "a%3Ab%2Cc", id="colon-and-comma"),
        pytest.param("%0A", "%250A", "%250A", id="escaped-already"),
        pytest.param("::error::", "::error::", "%3A%3Aerror%3A%3A", id="a-command"),
    ],
)
def test_github_escapes_as_the_runner_reads(value, data, prop):
    """The table of the runner: percent and line ends in data, colons and commas in properties, where no line ends."""
    entry = entries.Entry("PV101", "error", value, "", value, 3, None, "", "", 1)

    assert github.annotation(entry) == f"::error file={prop},line=3,title=PV101::{data}"


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_github_reads_back_is_what_was_said(message, path):
    """Whatever stands in the message and in the path, cleaned as a document cleans it; of a path, what can be seen."""
    found = made([Finding("PV101", message, path, 1)])

    (name, properties, data), *others = commands(text("github", found))

    assert (name, data, others) == ("error", found["findings"][0]["message"], [])
    assert properties.get("file", "") == escaped(found["findings"][0]["path"])


def test_fingerprints_stay_when_lines_move():
    """An edit above a finding makes no new alert."""
    logs = [sarif.log(made([Finding("PV101", "m", "c.yaml", line)])) for line in (3, 300)]

    one, other = (each["runs"][0]["results"][0]["partialFingerprints"] for each in logs)

    assert one == other


@pytest.mark.parametrize("code", [*codes(), *entries.RULES])
def test_every_rule_has_a_help_text(code):
    """Its page, or a sentence where the outcome of a measurement is the rule."""
    log = sarif.log(made([Finding(code, "m")]))

    (rule,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert rule["help"]["text"].startswith(f"# {code} ")
    assert rule["shortDescription"]["text"] not in {"", code}
    assert "locations" not in log["runs"][0]["results"][0]


def test_a_file_elsewhere_has_its_whole_uri():
    """It cannot be relative to the top."""
    log = sarif.log(made([Finding("PV101", "m", "/a b/c.yaml")]))

    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location == {"artifactLocation": {"uri": "file:///a%20b/c.yaml"}}


def test_a_group_of_very_many_ends(monkeypatch):
    """It says how many it leaves out."""
    monkeypatch.setattr(github, "MAX_GROUPED", 5)

    told = text("github", many(20))

    assert "\n6 are left out\n::endgroup::\n" in told


@pytest.mark.parametrize("form", MACHINES)
@pytest.mark.parametrize("words", [("run",), ("run", "--write"), ("validate",)], ids=" ".join)
def test_measurements_have_every_form(project, pv, form, words, oasis, jenkins):
    """A refuted claim, a held one and an unbound one, in each format, with the status of the text."""
    project.measure({"metrics": {"growth": 20.0, "count": 4, "steps": [1.0, -2.5]}, "carry": [0.01]})
    project.edit("    count:", "    steps: ['[1] == 0x00000000', 'all > 0', '[7] > 0']\n    same: is true\n    count:")

    status, out, err = pv(*words, "--format", form)

    assert (status, err) == (0 if words == ("validate",) else 1, "")
    if form == "sarif":
        assert [each.message for each in oasis.iter_errors(json.loads(out))] == []
    elif form == "junit":
        jenkins.validate(io.BytesIO(out.encode()))
        assert ('failures="1"' in out) == (words != ("validate",))
        assert 'name="F-2"' in out
    out = html.unescape(out) if form == "markdown" else out
    if words != ("validate",) and form in {"github", "sarif", "markdown"}:
        assert "steps[1] is 0xc0200000, not == 0x00000000" in out
        assert "growth is 20.0, not " in out
        assert "same is not reported" in out
    if words != ("validate",) and form in {"github", "sarif"}:
        assert "steps has 2 numbers, not all > 0.0; steps has 2 numbers, not [7] > 0.0" in out


@pytest.mark.parametrize("form", MACHINES)
def test_challenges_have_every_form(arena, pv, form, oasis, jenkins):
    """Faults that were caught and missed, and falsifiers into which none could be planted."""
    del arena

    status, out, _ = pv("challenge", "--format", form)

    assert status == pv("challenge")[0]
    assert out
    if form == "sarif":
        assert [each.message for each in oasis.iter_errors(json.loads(out))] == []
    elif form == "junit":
        jenkins.validate(io.BytesIO(out.encode()))
        assert "planted faults caught" in out


@pytest.mark.parametrize(
    ("edits", "tag", "words"),
    [
        pytest.param({}, "", "", id="discharged"),
        pytest.param(
            {"status: DISCHARGED\n  evidence": "status: FALSIFIED\n  evidence"}, "skipped", "stale", id="stale"
        ),
        pytest.param({"  evaluator: probe\n": ""}, "skipped", "unbound", id="unbound"),
    ],
)
def test_junit_tells_how_a_claim_stands_that_is_not_measured(project, pv, edits, tag, words):
    """Green only where evidence supports it."""
    pv("run", "--write")
    for old, new in edits.items():
        project.edit(old, new)

    top = ET.fromstring(pv("validate", "--format", "junit")[1])  # noqa: S314 - our own text

    case = next(each for each in top.iter("testcase") if each.get("name") == "F-1")
    assert [(each.tag, each.get("type")) for each in case] == ([(tag, words)] if tag else [])


def test_junit_calls_a_falsified_claim_a_failure(project, pv):
    """Measured now, or as its evidence says; the annotation of one that is known is a notice."""
    project.measure({"metrics": {"growth": 20.0, "count": 4}})
    pv("run", "--write")

    validated = pv("validate", "--format", "junit")
    ran = pv("run", "--format", "junit")
    told = pv("run", "--format", "github")

    assert [each[0] for each in (validated, ran, told)] == [0, 0, 0]
    assert all('failures="1"' in each[1] for each in (validated, ran))
    assert told[1].startswith("::notice file=contracts/c.yaml,line=11,col=7,title=pv-refuted::F-1 was refuted: ")
    assert ": the contract says FALSIFIED" in told[1]


@pytest.mark.parametrize("command", ["run", "challenge"])
def test_what_could_not_be_measured_says_why(project, pv, command, jenkins):
    """Skipped or an error in JUnit, with the reason; the reason in place of numbers in a summary."""
    project.model.unlink()

    status, told, _ = pv(command, "--format", "junit")
    summary = pv(command, "--format", "markdown")[1]

    jenkins.validate(io.BytesIO(told.encode()))
    case = next(each for each in ET.fromstring(told).iter("testcase") if each.get("name") == "F-1")  # noqa: S314 - ours
    assert status == 3
    assert [each.tag for each in case] == ["skipped" if command == "run" else "error"]
    assert "contracts/model.bin is not there" in case[0].text
    assert "contracts/model.bin is not there" in summary


def test_a_contract_without_version_or_id_has_every_form(project, told, pv, jenkins, oasis):
    """A file of upstream: its statuses are claimed, and it is known by its file."""
    project.contract.write_text("metadata: {version: '1.0'}\nfalsification_tests:\n- {id: A, if_fails: x}\n")

    found = told("validate")
    out = pv("validate", "--format", "junit")[1]

    (contract,) = found["contracts"]
    assert (contract["version"], contract["id"], contract["strict"]) == (None, None, False)
    assert [(each["id"], each["line"]) for each in contract["falsifiers"]] == [("A", 3)]
    jenkins.validate(io.BytesIO(out.encode()))
    assert 'testsuite name="contracts/c.yaml"' in out
    assert [each.message for each in oasis.iter_errors(json.loads(pv("validate", "--format", "sarif")[1]))] == []
