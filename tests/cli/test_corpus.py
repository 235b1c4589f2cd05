"""The whole command on files that others broke on purpose, and on contracts that others wrote."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import untraced

from pvcheck.domain.digest import sha256

HOSTILE = Path(os.environ["PVCHECK_HOSTILE"]) if "PVCHECK_HOSTILE" in os.environ else None
CORPUS = Path(os.environ["PVCHECK_CORPUS"]) if "PVCHECK_CORPUS" in os.environ else None
CODE = re.compile(r":(?:\d+:\d+:)? (PV\d{3}) ")
AS_TEXT = {"amb_bad_date", "amb_date", "amb_norway"}
"""Ambiguous only where no text is asked for; the schema asks for text there."""
WRONG = {"binding.yaml": "PV206", "tensor-layout-v1.yaml": "PV201"}
"""What is no contract, and a contract that upstream refuses too."""
OBLIGATIONS = ("realizar/contracts/safetensors-gpu-parity-v1.yaml", "realizar/contracts/tool-parity-v1.yaml")

needs_corpus = pytest.mark.skipif(CORPUS is None, reason="PVCHECK_CORPUS is not set")


def hostile_rows():
    """Return the YAML rows of the manifest, or one that is skipped."""
    if HOSTILE is None:
        return [pytest.param("", "", marks=pytest.mark.skip(reason="PVCHECK_HOSTILE is not set"), id="unset")]
    with (HOSTILE / "MANIFEST.tsv").open(encoding="utf-8", newline="") as manifest:
        rows = [row for row in csv.DictReader(manifest, delimiter="\t") if row["path"].startswith("yaml/")]
    return [pytest.param(HOSTILE / row["path"], row["suggested_rule"], id=Path(row["path"]).stem) for row in rows]


def real_files():
    """Return the contracts of the corpus that are right, or one row that is skipped."""
    if CORPUS is None:
        return [pytest.param("", marks=pytest.mark.skip(reason="PVCHECK_CORPUS is not set"), id="unset")]
    return [
        pytest.param(path, id=str(path.relative_to(CORPUS)))
        for path in sorted(CORPUS.rglob("*.yaml"))
        if path.name not in WRONG
    ]


@pytest.mark.parametrize(("path", "rule"), hostile_rows())
def test_a_hostile_file_gets_its_answer(pv, path, rule):
    """What the reader must refuse is refused by one of its codes, what is legal is not, and nothing changes."""
    before = sha256(path.read_bytes())

    status, out, err = pv("validate", "--format", "concise", path)

    of_reader = [code for code in CODE.findall(out) if code.startswith("PV1")]
    assert status in {0, 1}
    assert err == ""
    assert sha256(path.read_bytes()) == before
    if rule == "-":
        assert of_reader == []
    elif rule.startswith("YAML-"):
        assert status == 1
        assert of_reader or path.stem in AS_TEXT
    assert [line for line in out.splitlines() if not line.isprintable() or line.startswith("::")] == []


TIMED = """
import json, sys, time
from pathlib import Path
from pvcheck.pipeline import checking

seconds = {}
for path in sys.argv[1:]:
    began = time.process_time()
    checking.check_all([Path(path)])
    seconds[path] = time.process_time() - began
print(json.dumps(seconds))
"""


def test_every_hostile_file_is_answered_within_a_second():
    """Measured in a process of its own: what watches the lines of a test run makes them three times as slow."""
    if HOSTILE is None:
        pytest.skip("PVCHECK_HOSTILE is not set")
    files = [str(path) for path in sorted((HOSTILE / "yaml").iterdir())]

    done = subprocess.run([sys.executable, "-c", TIMED, *files], check=True, capture_output=True, env=untraced())

    seconds = json.loads(done.stdout)
    assert len(seconds) == len(files) > 100
    assert {path: each for path, each in seconds.items() if each >= 1} == {}


@pytest.mark.parametrize("path", real_files())
def test_a_real_contract_validates(pv, path):
    """Nothing that is in use is refused, and its falsifiers are counted as claimed."""
    status, out, err = pv("validate", "--format", "concise", path)

    verdict = out.splitlines()[-1]
    assert (status, err) == (0, "")
    assert verdict.startswith("1 contract, ")
    assert "; no errors" in verdict
    count = int(re.match(r"1 contract, (\d+) falsifier", verdict)[1])
    assert (f"{count} unbound" in verdict) == ("of files without metadata.schema: claimed" in verdict) or count == 0


@needs_corpus
def test_the_whole_corpus_fails_for_two_files_only(pv):
    """The registry is told as one, and the verdict has a denominator for everything."""
    status, out, err = pv("validate", "--format", "concise", CORPUS)

    lines = out.splitlines()
    errors = {(Path(line.split(":")[0]).name, CODE.search(line)[1]) for line in lines[:-1] if "[warning]" not in line}
    assert (status, err) == (1, "")
    assert errors == set(WRONG.items())
    assert re.fullmatch(
        r"89 contracts, (\d+) falsifiers: 0 of \1 bound; \1 unbound; "
        r"\1 falsifiers of files without metadata\.schema: claimed, not measured; "
        r"\d+ keys not understood; 9 errors, \d+ warnings",
        lines[-1],
    )


@needs_corpus
def test_obligations_that_upstream_drops_are_named(pv):
    """A warning with the place of the key, in each file that has one."""
    _, out, _ = pv("validate", "--format", "concise", CORPUS)

    message = r'^(.*):\d+:1: PV207 the key "obligations" is not known here and is near "proof_obligations" \[warning\]$'
    named = re.findall(message, out, re.MULTILINE)
    assert [str(Path(path).relative_to(CORPUS)) for path in named] == list(OBLIGATIONS)


@needs_corpus
def test_no_claim_of_the_corpus_is_promoted(pv, tmp_path):
    """A run over a contract without metadata.schema selects nothing and leaves it as it is."""
    source = CORPUS / OBLIGATIONS[0]
    path = tmp_path / "c.yaml"
    path.write_bytes(source.read_bytes())

    status, _, err = pv("run", "--write", path)

    assert (status, err) == (4, "")
    assert path.read_bytes() == source.read_bytes()
