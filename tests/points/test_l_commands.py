"""Misuse of the command line: nothing that was asked for wrongly looks like success."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest
from helpers import CONTRACT, untraced

from pvcheck.cli import COMMANDS

NAMED = ("apply", "bump", "challenge", "changelog", "graph", "list", "run", "status", "validate")
"""Commands that take contracts and need nothing else."""
GROUPS = ("evidence", "model", "new", "plugins")
SOUND = CONTRACT.replace("  evaluator: probe\n  with: {model: model, layers: 0-3}\n", "").replace(
    "  expect:\n    growth: < 18\n    count: '>= 4'\n", ""
)
"""A contract about which nothing is found and nothing is measured."""


def pv(folder, *words, flags=(), **variables):
    """Run the command in a process of its own, in a folder."""
    return subprocess.run(
        [sys.executable, *flags, "-m", "pvcheck", *map(str, words)],
        cwd=folder,
        env=untraced(**variables),
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [[], *([group] for group in GROUPS), ["nope"], ["--nope"], *([group, "nope"] for group in GROUPS)],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_145_no_command_or_an_unknown_one_is_a_usage_error(project, words):
    """Help is told on standard error, so that a script which pipes on gets nothing."""
    result = project.run(*words)

    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("Usage: pv")
    assert "\\n" not in result.err


@pytest.mark.parametrize("command", COMMANDS)
def test_145_an_unknown_option_is_a_usage_error(project, command):
    """Of every command there is."""
    result = project.run(command, "--no-such-option")

    assert (result.status, result.out) == (2, "")
    assert "No such option '--no-such-option'" in result.err


@pytest.mark.parametrize("command", NAMED)
@pytest.mark.parametrize("path", ["nowhere", "empty", "no*", "nowhere.yaml", "no*.yaml", ""])
def test_145_a_path_that_holds_nothing_is_no_success(project, command, path):
    """A folder that is missing or empty, a pattern that the shell left as it is, a file that is not there."""
    (project.root / "empty").mkdir()
    project.file("results.jsonl", "")
    words = ["results.jsonl"] if command == "apply" else []

    result = project.run(command, *words, path)

    assert result.status in {2, 3, 4}, str(result)
    assert "PV" in result.out + result.err or "(cannot be read)" in result.out


@pytest.mark.parametrize("command", ["validate", "run", "status", "list"])
def test_145_a_path_that_is_not_there_is_told_beside_one_that_is(project, command):
    """A typing error among ten paths is as bad as alone: what it means was not looked at."""
    project.contract(SOUND)

    result = project.run(command, "contracts", "contarcts")

    assert result.status == 3
    assert "contarcts" in result.out
    assert "cannot be read" in result.out or "PV708 cannot read: no such file or directory" in result.out


def test_146_what_is_named_in_several_ways_is_checked_once(project):
    """Twice, with its folder, by a detour, through a link to it and through a link to its folder."""
    path = project.contract(SOUND)
    (project.root / "link.yaml").symlink_to(path)
    (project.root / "folder").symlink_to(path.parent)
    (path.parent / "inside.yaml").symlink_to(path.name)
    ways = [
        path,
        path,
        "contracts",
        "./contracts/../contracts/contract.yaml",
        "link.yaml",
        "folder",
        "folder/inside.yaml",
    ]

    for command in ("validate", "run", "status", "list"):
        alone, many = project.run(command, "contracts/contract.yaml"), project.run(command, *reversed(ways))
        assert alone.out.splitlines()[-1] == many.out.splitlines()[-1]
    assert "1 contract, 2 falsifiers" in project.run("validate", *ways).out


MISTAKES = {
    "empty folder": (["validate", "empty"], 4),
    "missing file": (["validate", "nowhere.yaml"], 3),
    "one of two missing": (["validate", "contracts", "nowhere"], 3),
    "no such commit": (["validate", "--against=nope"], 2),
    "no repository": (["validate", "--staged"], 2),
    "nothing selected": (["run", "-k", "nope"], 4),
    "nothing to run": (["run", "empty"], 4),
    "unknown input": (["run", "--input", "nope=x"], 2),
    "unknown executor": (["run", "--executor", "nope"], 2),
    "bad settings": (["validate"], 2),
    "nothing to challenge": (["challenge", "-k", "nope"], 4),
    "a file that is no contract": (["validate", "other.yaml"], 1),
}


@pytest.mark.parametrize("form", ["json", "sarif"])
@pytest.mark.parametrize(("words", "status"), MISTAKES.values(), ids=MISTAKES)
def test_147_what_fails_is_one_document_too(project, words, status, form):
    """Standard output is what the format says, whatever went wrong; all other text is on standard error."""
    project.contract(CONTRACT)
    project.file("other.yaml", "a: [")
    (project.root / "empty").mkdir()
    if status == 2 and words == ["validate"]:
        project.settings("nope = 1\n")

    result = project.run(*words, "--format", form)

    made = json.loads(result.out)
    assert result.status == status, str(result)
    assert status == (made["exit_status"] if form == "json" else status)


@pytest.mark.parametrize("words", [["nope"], ["validate", "--nope"], ["run", "-j", "0"]])
def test_147_a_command_line_that_is_not_understood_puts_nothing_on_standard_output(project, words):
    """Who asks for a format there has not been understood either: no half of a document, and status 2."""
    result = project.run(*words, "--format", "json")

    assert (result.status, result.out) == (2, "")
    assert "Error: " in result.err


VALUES = {
    "--jobs": ["0", "-1", "1000000000", "1e9", "257", "nan", "", "\u0663"],
    "--timeout": ["nan", "inf", "-inf", "-1", "0", "1e400", "1e9", "", "x"],
    "--retries": ["-1", "101", "1e1"],
    "--repeat": ["0", "1001", "-1"],
    "--seed": ["-1", "4294967296", "1.5"],
    "--durations": ["0", "100001"],
    "--device": ["tpu", ""],
    "--input": ["x", "=x", "x="],
}


@pytest.mark.parametrize(("option", "value"), [(option, each) for option in VALUES for each in VALUES[option]])
def test_148_a_value_out_of_range_is_refused_before_anything_is_read(project, option, value):
    """NaN is no number of seconds, and a billion workers are none."""
    result = project.run("run", f"{option}={value}", "nowhere.yaml")

    assert (result.status, result.out) == (2, "")
    assert f"Invalid value for '{option}'" in result.err or f"'{option}':" in result.err


@pytest.mark.parametrize("reference", ["nope", "", "HEAD..HEAD", "@{-1}", ":/x", "a b", "a\nb", "-x", "--output=x"])
@pytest.mark.parametrize(
    "words",
    [["validate", "--against="], ["run", "--against="], ["run", "--changed="], ["bump", "--onto="]],
    ids=" ".join,
)
def test_148_a_reference_that_names_no_commit_is_refused(project, words, reference):
    """Whatever it looks like, it is no option of git and no file is made of it."""
    project.contract(CONTRACT)
    subprocess.run(["git", "init", "-q", project.root], check=True)
    before = sorted(project.root.rglob("[!.]*"))
    command, option = words

    result = project.run(command, f"{option}{reference}")

    assert (result.status, result.out) == (2, "")
    assert sorted(project.root.rglob("[!.]*")) == before


def test_149_fifty_thousand_paths_are_taken(project):
    """About as many as a system hands over at once; they lead to two files, the name of one of which is no text."""
    project.contract(SOUND)
    name = os.fsdecode(b"contracts/\xff.yaml")
    project.file(name, SOUND.replace("C-TEST", "C-OTHER"))

    done = pv(project.root, "validate", *["contracts/contract.yaml"] * 50_000, name)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[-1].startswith(b"2 contracts, 4 falsifiers")


@pytest.mark.parametrize("command", ["validate", "run", "challenge"])
@pytest.mark.parametrize("place", ["contracts/contract.yaml", "link.json", "pv.toml", "nowhere/r.json", "contracts"])
def test_150_no_output_takes_the_place_of_an_input(project, monkeypatch, command, place):
    """Told before any work starts, and every file stays as it was."""
    from pvcheck.pipeline import checking

    path = project.contract(CONTRACT)
    (project.root / "link.json").symlink_to(path)
    before = path.read_bytes(), (project.root / "pv.toml").read_bytes()
    monkeypatch.setattr(checking, "check_all", lambda *_: 1 / 0)  # the work

    result = project.run(command, f"--report=json={place}")

    assert (result.status, [each.code for each in result.findings]) == (2, ["PV472"])
    assert (path.read_bytes(), (project.root / "pv.toml").read_bytes()) == before


def test_150_a_file_that_is_there_already_is_replaced_as_a_whole(project):
    """A report of yesterday is no reason to stop."""
    project.contract(SOUND)
    old = project.file("r.json", "x" * 100_000)

    assert project.run("validate", "--report=json=r.json").status == 0
    assert json.loads(old.read_text())["exit_status"] == 0


def test_151_without_plugins_contracts_are_checked_and_nothing_is_measured(project, monkeypatch):
    """A hook needs no plugin; a run says of each claim which evaluator is missing, and promotes nothing."""
    path = project.contract(CONTRACT)
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    before = path.read_bytes()

    checked, ran, shown = project.run("validate"), project.run("run", "--write"), project.run("plugins", "list")

    assert (checked.status, ran.status, shown.status) == (0, 3, 0)
    ran.assert_outcomes(error=1)
    assert 'no installed plugin offers the evaluator "probe"' in ran.out
    assert path.read_bytes() == before


FLAGS = {"-O": ["-O"], "-OO": ["-OO"], "-I": ["-I"], "-P -s -E -B": ["-P", "-s", "-E", "-B"], "-X dev": ["-X", "dev"]}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_152_the_flags_of_the_interpreter_change_no_verdict(project, flags):
    """Neither a refusal nor an acceptance rests on an assertion or on what surrounds the installation."""
    project.contract(CONTRACT)
    project.contract(CONTRACT.replace("C-TEST", "C-BAD").replace("growth: < 18", "growth: around 18"), "bad.yaml")

    plain, other = pv(project.root, "validate"), pv(project.root, "validate", flags=flags)

    assert plain.returncode == 1
    assert (other.returncode, other.stdout, other.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def narrows(node):
    """Say whether an assertion tells the type checker what a value is, and checks nothing else."""
    is_type = isinstance(node.test, ast.Call) and getattr(node.test.func, "id", "") == "isinstance"
    return is_type or (isinstance(node.test, ast.Compare) and ast.unparse(node.test).endswith(" is not None"))


def test_152_no_check_is_an_assertion(checkout):
    """``python -O`` leaves assertions out: those that are there say what a value is for the type checker."""
    sources = [each for part in ("pvcheck", "plugins") for each in (checkout / part).rglob("*.py")]
    kept = [each for each in sources if not {"testing", "tests", "scaffold"} & set(each.parts)]

    asserting = [each for each in kept if "assert " in each.read_text(encoding="utf-8")]
    found = [
        node for each in asserting for node in ast.walk(ast.parse(each.read_bytes())) if isinstance(node, ast.Assert)
    ]

    assert len(kept) > 200
    assert [ast.unparse(node) for node in found if not narrows(node)] == []


def test_152_from_an_archive_there_is_no_verdict(project, checkout, tmp_path):
    """Schemas are read as files: in a zip application there are none, and that is said in place of a verdict."""
    project.contract(CONTRACT)
    archive = tmp_path / "pv.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("__main__.py", "from pvcheck.cli import main\nmain()\n")
        for each in (checkout / "pvcheck").rglob("*.py"):
            file.write(each, each.relative_to(checkout))
    command = [sys.executable, archive, "validate"]

    done = subprocess.run(command, cwd=project.root, env=untraced(), capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (70, b"")
    assert done.stderr.startswith(b"PV902 the schema contract-1.schema.json is missing from the installation\n")
