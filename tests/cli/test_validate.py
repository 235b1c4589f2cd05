"""``pv validate``: what it selects, how it tells what it found, and the status it ends with."""

from __future__ import annotations

import os
import stat

import pytest
from helpers import CONTRACT

VERDICT = "1 contract, 2 falsifiers: 0 discharged, 0 falsified, 1 pending; 1 unbound; no errors\n"
WARNED = CONTRACT.replace("evaluator: probe", "evaluator: unheard-of")


def test_a_valid_contract_is_a_verdict_and_nothing_else(project, pv):
    """One line with its denominator, the same whichever way the file is named."""
    expected = (0, VERDICT, "")

    assert pv("validate") == expected
    assert pv("validate", "contracts") == expected
    assert pv("validate", "contracts/c.yaml") == expected
    assert pv("validate", project.contract) == expected


def test_findings_come_in_the_order_of_the_file_with_the_way_out(project, pv):
    """Full form: place, code, fault, and a hint below each."""
    project.edit("growth: < 18", "growth: around 18")
    project.edit("status: PROPOSED", "status: DISCHARGED")

    status, out, err = pv("validate")

    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == 'contracts/c.yaml:16:13: PV301 not a bound: "around 18"'
    assert lines[1:5] == [
        "   14 |   with: {model: model, layers: 0-3}",
        "   15 |   expect:",
        "   16 |     growth: around 18",
        "      |             ^^^^^^^^^",
    ]
    assert lines[5].startswith("  hint: ")
    assert lines[-2] == "next: pv explain PV301 tells what it means and shows a right form"
    assert lines[-1].endswith("; 1 error")


def test_concise_form_leaves_the_hints_out(project, pv):
    """One finding, one line, for a hook's log."""
    project.edit("growth: < 18", "growth: around 18")

    status, out, _ = pv("validate", "--format", "concise")

    assert status == 1
    assert out.splitlines()[0] == 'contracts/c.yaml:16:13: PV301 not a bound: "around 18"'
    assert len(out.splitlines()) == 2


def test_a_warning_fails_only_where_it_was_asked_to(project, pv):
    """An evaluator that nobody listed is counted, and fails with --fail-on warning."""
    project.contract.write_text(WARNED)

    passed = pv("validate")
    failed = pv("validate", "--fail-on", "warning")

    assert (passed[0], failed[0]) == (0, 1)
    assert passed[1] == failed[1]
    assert "contracts/c.yaml:13:14: PV" in passed[1]
    assert " [warning]\n" in passed[1]
    assert passed[1].endswith("; no errors, 1 warning\n")


def test_several_files_are_checked_in_the_order_they_are_named(project, pv):
    """A broken one costs the others nothing."""
    other = project.contract.with_name("b.yaml")
    other.write_text("a: [")

    status, out, _ = pv("validate", "--format", "concise", project.contract, other)

    assert status == 1
    assert out.splitlines()[0].startswith(f"{other}:1:5: PV110 ")
    assert out.splitlines()[-1].startswith("2 contracts, 2 falsifiers: ")


def test_a_folder_is_searched_in_order_and_hidden_folders_are_not(project, pv):
    """Files of both suffixes, by name; nothing of .git."""
    for name in ("z.yml", "a.yaml", "deep/b.yaml", ".hidden/no.yaml", "note.txt"):
        path = project.contract.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a: [")

    status, out, _ = pv("validate", "--format", "concise")

    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == [
        "contracts/a.yaml",
        "contracts/z.yml",
        "contracts/deep/b.yaml",
    ]


def test_a_file_that_is_named_twice_counts_once(project, pv):
    """By its name, by another way to it, and through a link."""
    link = project.contract.with_name("link.yaml")
    link.symlink_to("c.yaml")

    status, out, _ = pv("validate", "contracts/c.yaml", project.contract, "contracts", link)

    assert (status, out) == (0, VERDICT)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(lambda _: None, "no such file or directory", id="missing"),
        pytest.param(os.mkfifo, "not a regular file", id="pipe"),
        pytest.param(lambda path: path.symlink_to("nowhere"), "no such file or directory", id="dangling link"),
        pytest.param(lambda path: path.symlink_to(path.name), "too many levels of symbolic links", id="looping link"),
    ],
)
def test_a_named_file_that_cannot_be_read_exits_3(project, pv, make, why):
    """A typo is no success, and nothing hangs."""
    path = project.root / "x.yaml"
    make(path)

    assert pv("validate", "x.yaml") == (
        3,
        (
            f"x.yaml: PV708 cannot read: {why}\n  hint: check the path and its permissions\n"
            "next: pv explain PV708 tells what it means and shows a right form\n"
            "1 contract, 0 falsifiers: 0 of 0 bound; 0 unbound; 1 error\n"
        ),
        "",
    )


@pytest.mark.parametrize("name", ["empty", "folder.yaml", "nowhere"])
def test_a_folder_without_contracts_exits_4(project, pv, name):
    """A folder is a folder whatever its name, and a green answer about nothing means nothing."""
    if name != "nowhere":
        (project.root / name).mkdir()

    assert pv("validate", name) == (
        4,
        "",
        f"{name}: PV707 there is no contract here\n  hint: name a file or a folder with *.yaml\n",
    )


def test_a_pipe_among_the_contracts_does_not_hang(project, pv):
    """A folder may hold anything."""
    os.mkfifo(project.contract.with_name("pipe.yaml"))

    status, out, _ = pv("validate", "--format", "concise")

    assert status == 3
    assert out.splitlines()[0] == "contracts/pipe.yaml: PV708 cannot read: not a regular file"
    assert out.splitlines()[1].startswith("2 contracts, 2 falsifiers: ")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a" * 300 + ".yaml", id="long name"),
        pytest.param("b" * 5000 + ".yaml", id="long path"),
        pytest.param("loop/x.yaml", id="loop"),
        pytest.param("c.yaml/x.yaml", id="under a file"),
    ],
)
def test_a_path_that_no_system_can_follow_exits_3(project, pv, name):
    """It is the path that is at fault, not pvcheck."""
    (project.root / "loop").symlink_to("loop")
    (project.root / "c.yaml").write_text(CONTRACT)

    status, _, err = pv("validate", name)

    assert (status, err) == (3, "")


def test_validation_changes_no_byte_and_no_mode(project, pv):
    """Neither of what it reads nor of what lies beside it."""
    project.contract.chmod(0o400)
    before = project.state()

    pv("validate")

    assert project.state() == before
    assert stat.S_IMODE(project.contract.stat().st_mode) == 0o400


def test_a_contract_is_validated_from_any_folder(project, pv, monkeypatch):
    """The settings and the root are those of the contract, and the path is told as it was given."""
    monkeypatch.chdir("/")
    project.edit("path: model.bin", "path: ../../model.bin")

    status, out, _ = pv("validate", "--format", "concise", project.contract)

    assert status == 1
    assert out.startswith(f'{project.contract}:9:11: PV304 the path of input model leads out of "project"')


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("a" * 300, id="long name"),
        pytest.param("b/" * 3000, id="long path"),
        pytest.param("loop", id="loop"),
        pytest.param("loop/x", id="in a loop"),
        pytest.param("c.yaml/x", id="under a file"),
        pytest.param("pipe", id="pipe"),
        pytest.param("/dev/zero", id="device"),
        pytest.param("/proc/self/mem", id="memory"),
        pytest.param(".", id="folder"),
    ],
)
def test_an_input_that_no_system_can_follow_is_no_bug(project, pv, path):
    """A contract is data from strangers: a path may be anything that the schema lets through."""
    pv("run", "--write")
    (project.contract.parent / "loop").symlink_to("loop")
    os.mkfifo(project.contract.parent / "pipe")
    project.edit("path: model.bin", f"path: {path}")

    assert pv("validate")[0] in {0, 1}
    assert pv("status")[0] == 0
    assert pv("run", "-q")[0] in {1, 3}
