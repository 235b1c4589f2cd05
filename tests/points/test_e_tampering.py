"""Points 57 to 70: records that were edited, exchanged, replayed, lost or left over.

A record was really made by ``pv run --write``; each test copies that project and tampers with it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time

import pytest

from pvcheck.domain import canonical
from pvcheck.domain.digest import sha256
from pvcheck.testing import Project

NUMBERS = "layer,percent\n0,1.0\n1,2.0\n2,4.0\n"
CONTRACT = f"""\
metadata:
  schema: 1
  id: C-SERIES
  version: 1.0.0
  status: PENDING
inputs:
  series:
    format: csv
    path: series.csv
    sha256: {sha256(NUMBERS.encode())}
falsification_tests:
- id: F-1
  rule: the series grows fourfold
  prediction: the last number is four times the first
  if_fails: a number was copied wrongly
  evaluator: recorded-series
  with: {{series: series, column: percent, unit: percent, host: here, date: 2026-01-01}}
  expect:
    growth_last_over_first: < 5
    positions: == 3
  status: PENDING
- id: F-2
  rule: the numbers are finite
  prediction: none is not
  if_fails: the file is damaged
  evaluator: recorded-series
  with: {{series: series, column: percent, unit: percent, host: here, date: 2026-01-01}}
  expect:
    non_finite: == 0
  status: PENDING
implementation_stages:
- id: M-1
  expected_acceptance: [F-1, F-2]
  status: PENDING
amendments: []
"""


class Sealed(Project):
    """A project whose falsifiers were discharged, and ways to tamper with the record of the first."""

    @property
    def path(self):
        """The contract."""
        return self.root / "contracts" / "series.yaml"

    @property
    def reference(self):
        """The reference to the record of the first falsifier."""
        return re.search(r"id: F-1\n.*?evidence: (sha256:\w{64})", self.path.read_text(), re.DOTALL)[1]

    @property
    def record(self):
        """The file of that record."""
        return self.root / "contracts" / "evidence" / "series" / f"{self.reference.removeprefix('sha256:')}.json"

    def reseal(self, data):
        """Put other bytes in place of the record, under their own digest, and name that in the contract."""
        old, before = self.record, self.reference
        new = f"sha256:{sha256(data)}"
        self.path.write_text(self.path.read_text().replace(before, new))
        old.unlink()
        self.record.write_bytes(data)

    def forge(self, change):
        """Change what the record says, and seal it again."""
        told = canonical.loads(self.record.read_bytes())
        change(told["predicate"], told)
        self.reseal(canonical.dumps(told))

    def codes(self, *words):
        """Return what validation finds, after making sure that it changes nothing."""
        before = self.state()
        result = self.run("validate", "--no-cache", *words)
        assert self.state() == before
        assert "Traceback" not in result.out + result.err
        return result.status, [each.code for each in result.findings], result.out

    def state(self):
        """Return the bytes of every file that is one."""
        files = (each for each in self.root.rglob("*") if ".git" not in each.parts)
        return {each: each.read_bytes() for each in files if each.is_file() and each.stat().st_size < 1 << 20}


@pytest.fixture(scope="session")
def sealed_once(tmp_path_factory):
    """Make the project, once for all tests."""
    project = Sealed(tmp_path_factory.mktemp("sealed") / "project")
    project.settings("")
    project.contract(CONTRACT, "series.yaml")
    project.file("contracts/series.csv", NUMBERS)
    subprocess.run(["git", "init", "-q", str(project.root)], check=True)
    result = project.run("run", "--write", "-q")
    assert result.status == 0, result
    return project


@pytest.fixture
def sealed(sealed_once, tmp_path):
    """Give a copy of the project."""
    return Sealed(shutil.copytree(sealed_once.root, tmp_path / "project", symlinks=True))


def test_what_is_tampered_with_here_was_sound(sealed):
    """Without this, every test below could pass for the wrong reason."""
    assert sealed.codes()[:2] == (0, [])


def test_057_a_record_whose_bytes_are_not_those_of_its_name(sealed):
    """One digit of a metric is enough."""
    sealed.record.write_bytes(sealed.record.read_bytes().replace(b"0x1.0000000000000p+2", b"0x1.0000000000001p+2"))

    assert sealed.codes()[:2] == (5, ["PV403"])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="truncated"),
        pytest.param(lambda _: b"held: yes\n", id="not JSON"),
        pytest.param(lambda whole: whole.replace(b'"predicate":', b'"predicate": {}, "predicate":', 1), id="key twice"),
        pytest.param(lambda whole: re.sub(rb'"value": *[0-9]+', b'"value": NaN', whole, count=1), id="NaN"),
        pytest.param(lambda _: b"[" * 10_000 + b"]" * 10_000, id="deep"),
        pytest.param(lambda _: b"9" * 5_000, id="long number"),
        pytest.param(lambda _: b"\xff\xfe{}", id="not UTF-8"),
    ],
)
def test_058_a_record_that_is_none_is_refused_even_under_its_own_digest(sealed, data):
    """Each is told in one line, and costs no time."""
    sealed.reseal(data(sealed.record.read_bytes()))
    began = time.process_time()

    status, codes, _ = sealed.codes()

    assert (status, codes) == (5, ["PV404"])
    assert time.process_time() - began < 1


def test_058_a_record_that_is_missing(sealed):
    """The status loses its ground."""
    sealed.record.unlink()

    assert sealed.codes()[:2] == (5, ["PV402"])


def test_058_a_record_of_a_hundred_megabytes_is_not_read(sealed):
    """It takes neither the time nor the memory."""
    os.truncate(sealed.record, 100_000_000)
    began = time.process_time()

    status, codes, _ = sealed.codes()

    assert status == 5
    assert set(codes) <= {"PV403", "PV404"}
    assert time.process_time() - began < 1


def test_059_a_record_about_another_falsifier_contract_or_file(sealed):
    """A good record is good for its own claim only."""
    text, first = sealed.path.read_text(), sealed.reference
    other = re.search(r"id: F-2\n.*?evidence: (sha256:\w{64})", text, re.DOTALL)[1]

    sealed.path.write_text(text.replace(first, other))

    assert sealed.codes()[:2] == (5, ["PV408"])
    sealed.path.write_text(text.replace("C-SERIES", "C-OTHER"))
    assert sealed.codes()[:2] == (5, ["PV408", "PV408"])
    sealed.path.write_text(text.replace(sha256(NUMBERS.encode()), "0" * 64))
    assert {"PV406"} <= set(sealed.codes()[1])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param("growth_last_over_first: < 5", "growth_last_over_first: < 50", "PV407", id="bound"),
        pytest.param("date: 2026-01-01", "date: 2026-01-02", "PV406", id="parameter"),
    ],
)
def test_060_an_old_record_does_not_speak_for_a_changed_claim(sealed, old, new, code):
    """The record is sound, and about something else than the contract says today."""
    sealed.path.write_text(sealed.path.read_text().replace(old, new, 1))

    status, codes, _ = sealed.codes()

    assert (status, codes) == (1, [code])


def test_060_a_file_that_changed_after_it_was_measured(sealed):
    """What was measured is not what is there."""
    sealed.file("contracts/series.csv", NUMBERS.replace("4.0", "4.1"))

    status, codes, _ = sealed.codes()

    assert status == 1
    assert set(codes) == {"PV410"}


def test_061_a_verdict_that_was_edited_together_with_its_digest(sealed):
    """The metrics in the record say otherwise; a record whose metrics were made up as well needs a signature."""
    sealed.forge(lambda predicate, _: predicate.update(outcome="refuted"))

    assert sealed.codes()[:2] == (5, ["PV405"])


def test_062_a_number_that_contradicts_the_verdict(sealed):
    """It is judged again, and never believed."""

    def grow(predicate, _):
        for each in predicate["metrics"].values():
            if each == predicate["metrics"]["growth_last_over_first"]:
                each["value"] = {"decimal": "6.0", "hex": "0x1.8000000000000p+2"}

    sealed.forge(grow)

    assert sealed.codes()[:2] == (5, ["PV405"])


@pytest.mark.parametrize("how", ["removed", "reordered", "forked", "twice"])
def test_063_the_history_of_amendments_cannot_be_changed(sealed, how):
    """There is no chain of records: what a contract went through are its amendments, and a base holds them."""
    text = sealed.path.read_text()
    head, found = text[: text.index("amendments:")], re.findall(r"- version: .*?(?=\n- |\Z)", text, re.DOTALL)
    second = [*found, found[0].replace("1.0.1", "1.0.2").replace("1.1.0", "1.1.1")]
    base = head.replace("version: 1.", "version: 1.", 1) + "amendments:\n" + "\n".join(second) + "\n"
    changed = {
        "removed": second[1:],
        "reordered": second[::-1],
        "forked": [found[0].replace("F-1", "F-9"), second[1]],
        "twice": [*second, second[0]],
    }[how]
    git = ["git", "-C", str(sealed.root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    sealed.path.write_text(base)
    for words in (["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run([*git, *words], check=True)

    sealed.path.write_text(head + "amendments:\n" + "\n".join(changed) + "\n")

    status, codes, _ = sealed.codes("--against=HEAD")
    assert status != 0
    assert set(codes) & {"PV430", "PV309", "PV310", "PV311", "PV434"}


@pytest.mark.parametrize(
    "reference", ["../series.csv", "/etc/passwd", "/dev/zero", "sha256:../../x", "sha256:" + "A" * 64, "file:///x"]
)
def test_064_a_reference_is_a_digest_and_no_path(sealed, reference):
    """Nothing of it is opened."""
    sealed.path.write_text(sealed.path.read_text().replace(sealed.reference, reference, 1))

    status, codes, _ = sealed.codes()

    assert status == 1
    assert codes[0].startswith("PV2") or codes[0] in {"PV401", "PV414"}


@pytest.mark.parametrize("target", ["/dev/zero", "/etc/passwd", "nowhere", "self"])
def test_064_a_record_that_is_a_link_leads_nowhere(sealed, target):
    """A device is not read, and what lies outside has not the digest."""
    name = sealed.record
    name.unlink()
    name.symlink_to(name.name if target == "self" else target)

    status, codes, _ = sealed.codes()

    assert status == 5
    assert set(codes) <= {"PV402", "PV403", "PV404"}


def test_065_a_record_of_a_newer_form_is_refused(sealed):
    """What this version cannot judge holds up no status."""
    sealed.forge(lambda _, told: told.update(predicateType="urn:pvcheck:evaluation:v2"))

    status, codes, out = sealed.codes()

    assert (status, codes) == (5, ["PV404"])
    assert "urn:pvcheck:evaluation:v2" in out


def test_067_a_record_has_one_name_on_any_disk(sealed):
    """Digests are written in small letters only, so that no two names differ by case."""
    sealed.path.write_text(sealed.path.read_text().replace(sealed.reference, sealed.reference.upper(), 1))

    assert sealed.codes()[0] == 1


def test_068_a_checkout_with_crlf_verifies(sealed):
    """Contract, records and line ends of another system."""
    for each in (sealed.path, *(sealed.root / "contracts" / "evidence").rglob("*.json")):
        each.write_bytes(each.read_bytes().replace(b"\n", b"\r\n"))

    assert sealed.codes()[:2] == (0, [])


def test_069_the_same_run_makes_the_same_record(sealed, sealed_once):
    """But for where and when it was made, each byte of it."""
    shutil.rmtree(sealed.root / "contracts" / "evidence")
    sealed.contract(CONTRACT, "series.yaml")

    assert sealed.run("run", "--write", "-q").status == 0

    both = [json.loads(each.record.read_bytes()) for each in (sealed, sealed_once)]
    for each in both:
        del each["predicate"]["made_at"]
    assert both[0] == both[1]


def test_070_a_record_that_nothing_names_stops_nobody(sealed):
    """A run that was killed before it wrote the contract leaves one; whoever looks after the evidence is told."""
    told = canonical.loads(sealed.record.read_bytes())
    told["predicate"]["made_at"]["host"] = "elsewhere"
    data = canonical.dumps(told)
    (sealed.record.parent / f"{sha256(data)}.json").write_bytes(data)

    assert sealed.codes()[:2] == (0, [])

    result = sealed.run("evidence", "verify")
    assert result.status == 0
    assert [(each.code, each.severity) for each in result.findings] == [("PV463", "note")]
