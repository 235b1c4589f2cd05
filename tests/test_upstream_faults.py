"""The table of faults that upstream's tool lets pass, made by running ours: every message in it was printed.

Adding a row is adding a file to ``tests/cases/upstream-faults``: comments with section, fault and code (``-`` for the
last line of the output), then a contract. ``# run:`` has other words for pv, ``# settings:`` lines of ``pv.toml``,
``# ---- beside: FILE ----`` starts another file, and ``# ---- after ----`` the contract as it became: the contract
before lies beside it, and is what was committed where pv is run with ``--against``.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from pvcheck.testing import Project

ROOT = Path(__file__).resolve().parent.parent
CASES = sorted((ROOT / "tests" / "cases" / "upstream-faults").glob("*.yaml"))
PAGE = ROOT / "docs" / "upstream-faults.md"
HEAD = re.compile(r"^# (section|fault|code|run|settings): (.*)\n", re.MULTILINE)
PART = re.compile(r"^# ---- (after|beside: \S+) ----\n", re.MULTILINE)
INTRO = """\
# Faults that upstream's tool lets pass

Contracts of upstream's kind come with a tool that checks their shape. Its users and its own issues report what it
does not see. Each row has one such fault, the code that pv gives it (`pv explain CODE` tells more), the exit status,
and the line that pv prints for a minimal file. The table is made by `tests/test_upstream_faults.py` from the files in
`tests/cases/upstream-faults`: nothing in it was typed. A warning changes no exit status, but with `--fail-on warning`;
in a contract with `metadata.schema: 1` most of them are errors. Where two versions are compared, `pv diff` tells the
weight of each change, and `pv validate --against REF` refuses a version that rose by less.

| fault | code | exit | what pv prints |
| --- | --- | --- | --- |
"""


class Case(NamedTuple):
    """One fault: what is wrong, the code it must have, how pv is called, and the files."""

    fault: str
    code: str
    words: list[str]
    settings: str
    files: dict[str, str]


def read(path):
    """Return the case of a file."""
    text = path.read_text(encoding="utf-8")
    told = HEAD.findall(text)
    first, *rest = PART.split(HEAD.sub("", text))
    files = {"contracts/contract.yaml": first}
    for name, content in zip(rest[::2], rest[1::2], strict=True):
        if name == "after":
            files |= {"before.yaml": files["contracts/contract.yaml"], "contracts/contract.yaml": content}
        else:
            files["contracts/" + name.removeprefix("beside: ")] = content
    about = dict(told)
    settings = "".join(f"{line}\n" for key, line in told if key == "settings")
    return Case(about["fault"], about["code"], about.get("run", "validate contracts").split(), settings, files)


def run(case, project):
    """Return the exit status, and the line that a case is about, without its place."""
    project.settings(case.settings)
    (project.root / "empty").mkdir()
    if "--against=HEAD" in case.words:
        project.file("contracts/contract.yaml", case.files["before.yaml"])
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@example.org commit -q -m before"):
            subprocess.run(["git", *words.split()], cwd=project.root, check=True)
    for name, text in case.files.items():
        project.file(name, text)
    output = project.run(case.words[0], "--format", "concise", *case.words[1:]) if "validate" in case.words else None
    result = output or project.run(*case.words)
    lines = [line for line in (result.out + result.err).splitlines() if line and not line.startswith("  hint: ")]
    if case.code == "-":
        return result.status, lines[-1]
    line = next((line for line in lines if re.search(rf"\b{case.code} ", line)), f"none of: {lines}")
    return result.status, line[max(line.find(case.code), 0) :].replace(str(project.root), "")


def row(case, project):
    """Return the row of a case."""
    status, line = run(case, project)
    code = "" if case.code == "-" else case.code
    message = line.removeprefix(f"{code} ").replace("|", "\\|")
    return f"| {case.fault} | {code} | {status} | `{message}` |\n"


def rows():
    """Return the rows of the page by their first cells."""
    lines = PAGE.read_text(encoding="utf-8").splitlines(keepends=True) if PAGE.is_file() else []
    return {line.split(" | ")[0].removeprefix("| "): line for line in lines if line.startswith("| ")}


WRITTEN: dict[str, str] = {}


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_a_fault_is_told_as_the_page_says(path, tmp_path):
    """The code, the exit status and the message are those of a run."""
    case = read(path)

    made = row(case, Project(tmp_path))

    if os.environ.get("PVCHECK_UPDATE_DOCS") == "1":
        WRITTEN[path.stem] = made
        PAGE.write_text(INTRO + "".join(WRITTEN[each.stem] for each in CASES if each.stem in WRITTEN), encoding="utf-8")
    assert "none of: [" not in made
    assert rows()[case.fault] == made


def test_the_page_has_a_row_for_each_case_in_their_order_and_no_other():
    """A case whose row was not written, or a row whose case is gone, is found."""
    faults = [read(path).fault for path in CASES]

    assert list(rows())[2:] == faults
    assert len(set(faults)) == len(faults) >= 60
    assert PAGE.read_text(encoding="utf-8").startswith(INTRO)
