"""Rules of output: nothing foreign starts a line, every end has one message and one status, no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers import CONTRACT, commands_in

from pvcheck import cli
from pvcheck.cli import output
from pvcheck.pipeline import checking

FORGED = '"x\\n::error::y\\r\\n::warning::z"'
SOUND = {"metrics": {"growth": 1.5, "count": 4}}


def assert_harmless(*texts):
    """No line starts a workflow command, and no character moves a cursor."""
    for text in texts:
        assert commands_in(text) == []
        assert [char for char in text if not char.isprintable() and char != "\n"] == []


@pytest.mark.parametrize(
    "old",
    [
        "id: C-TEST",
        "version: 1.2.3",
        "status: ACTIVE",
        "  model:",
        "format: gguf",
        "path: model.bin",
        "id: F-1",
        "rule: growth is bounded",
        "evaluator: probe",
        "{model: model",
        "layers: 0-3",
        "growth: < 18",
        "    growth:",
        "status: PENDING",
        "id: M-1",
        "[F-1]",
        "implementation_stages:",
        "amendments: []",
    ],
)
def test_no_text_of_a_contract_starts_a_line(project, pv, old):
    """A value or key with line breaks and a workflow command in it is shown escaped, by every command."""
    key, colon, _ = old.partition(": ")
    new = f"{key}: {FORGED}" if colon else old.replace(old.strip(" :{[]").split(":")[0], FORGED)
    project.edit(old, new)

    told = [pv(*words) for words in (["validate"], ["status"], ["run"], ["run", "--diff"])]

    assert [status for status, _, _ in told if status in {70, 130}] == []
    assert_harmless(*(text for _, out, err in told for text in (out, err)))


def test_the_evidence_word_of_a_contract_is_shown_escaped(project, pv):
    """Prose under evidence may be anything."""
    project.edit("status: PENDING\n", f"status: PENDING\n  evidence: {FORGED}\n")

    assert_harmless(pv("status")[1], pv("validate")[1], pv("run", "-q")[1])


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"absent": "a\n::error::b\x1b[2J"}, id="reason"),
        pytest.param({"fail": "a\n::error::b\x1b[2J"}, id="exception"),
        pytest.param(SOUND | {"notes": ["a\n::error::b\x1b[2J"]}, id="note"),
        pytest.param({"metrics": {"a\n::error::b\x1b[2J": 1}}, id="metric"),
    ],
)
def test_no_text_of_an_evaluator_starts_a_line(project, pv, told):
    """What a plugin says is as foreign as a file."""
    project.measure(told)

    status, out, err = pv("run")

    assert status in {0, 3}
    assert_harmless(out, err)


def test_no_file_name_starts_a_line(project, pv):
    """Names may hold line breaks and escape sequences."""
    (project.contract.parent / "a\n::error::b\x1b[2J.yaml").write_text(CONTRACT)
    (project.contract.parent / "c\n::error::d.yaml").write_text("a: [")

    told = [pv(*words) for words in (["validate"], ["status"], ["run"], ["run", "--diff"], ["run", "--write"])]

    assert [status for status, _, _ in told] == [1, 0, 1, 1, 1]
    assert_harmless(*(text for _, out, err in told for text in (out, err)))


@pytest.mark.parametrize("name", ["::error file=a,line=1::b.yaml", "  ::stop-commands::b.yaml", "##[add-mask]b.yaml"])
def test_no_file_name_is_a_command(project, pv, monkeypatch, name):
    """A path begins the line of its finding, of a diff and of a table: CI reads no command there."""
    (project.root / name).write_text(CONTRACT.replace("C-TEST", "C-OTHER").replace("version: 1.2.3", "version: 1"))
    (project.root / f"{name[:-5]}-2.yaml").write_text("a: [")
    monkeypatch.chdir(project.root)

    told = [
        pv(*words)
        for words in (
            *([command, "."] for command in ("validate", "status", "list", "graph", "changelog", "challenge", "bump")),
            *(["validate", ".", "--format", form] for form in ("concise", "json", "sarif", "junit", "markdown")),
            ["run", ".", "--diff"],
            ["graph", ".", "--format", "json"],
        )
    ]

    assert [status for status, _, _ in told if status in {70, 130}] == []
    assert_harmless(*(text for _, out, err in told for text in (out, err)))


def test_no_line_of_a_diff_is_a_command(project, pv):
    """A line that did not change stands there as it is, behind a blank that GitHub does not mind."""
    project.edit("count: '>= 4'\n", "count: '>= 4'\n  if_fails: |\n    ::error::a\n    ##[error]b\n")
    project.measure(SOUND)

    status, out, err = pv("run", "--diff")

    assert status == 0
    assert "     \\x3a:error::a\n     \\x23#[error]b\n" in out
    assert_harmless(out, err)


@pytest.mark.parametrize(
    "words",
    [
        ["no\n::error::x"],
        ["--no\n::error::x"],
        ["validate", "--no\n::error::x\x1b[2J"],
        ["validate", "--format", "no\r::error::x"],
        ["explain", "a", "b\n##[error]x"],
        ["run", "-j", "1\n::error::x"],
    ],
)
def test_no_misuse_starts_a_line(pv, words):
    """What click quotes of the command line is as foreign as a file name."""
    status, out, err = pv(*words)

    assert (status, out) == (2, "")
    assert err.startswith("Usage: pv")
    assert_harmless(err)


@pytest.mark.parametrize("words", [["validate", "no\n::error::x\x1b[2J"], ["explain", "no\n::error::x\x1b[2J"]])
def test_no_word_of_the_command_line_starts_a_line(pv, words):
    """A word is shown escaped in the message that refuses it."""
    _, out, err = pv(*words)

    assert err
    assert_harmless(out, err)


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        pytest.param({"PYTHONIOENCODING": "ascii"}, "\\u03c3.yaml", id="ascii"),
        pytest.param({"PYTHONIOENCODING": "cp1252"}, "\\u03c3.yaml", id="cp1252"),
        pytest.param(
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "\\udccf\\udc83.yaml", id="locale"
        ),
    ],
)
def test_162_characters_that_the_output_lacks_are_escaped(command, variables, name):
    """No locale makes a command fail."""
    command.folder.joinpath("\N{GREEK SMALL LETTER SIGMA}.yaml").write_text("a: [")

    status, out, err = command(
        "validate", "--format", "concise", "\N{GREEK SMALL LETTER SIGMA}.yaml", variables=variables
    )

    assert (status, err) == (1, "")
    assert out.startswith(f"{name}:1:5: PV110 ")


def test_149_a_file_name_that_is_no_text_is_escaped(command):
    """Bytes that are not UTF-8 are a legal name."""
    name = os.fsdecode(b"\xff.yaml")
    command.folder.joinpath(name).write_text("a: [")

    status, out, err = command("validate", "--format", "concise", name)

    assert (status, err) == (1, "")
    assert out.startswith("\\udcff.yaml:1:5: PV110 ")


@pytest.mark.parametrize("words", [["schema"], ["--help"], ["validate", "no.yaml"], ["explain", "PV101"]])
def test_164_a_reader_that_has_had_enough_ends_a_command_quietly(command, words):
    """`| head -1`: no traceback, no complaint, and the status of a command that was not at fault."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        status, _, err = command(*words, stdout=writing)
    finally:
        os.close(writing)

    assert (status, err) == (0, "")


@pytest.mark.parametrize("words", [["schema"], ["--help"], ["validate", "no.yaml"]])
def test_164_a_full_disk_under_the_output_exits_3(command, words):
    """Results that could not be written are no results."""
    with Path("/dev/full").open("w") as full:
        status, _, err = command(*words, stdout=full)

    assert (status, err) == (
        3,
        "PV711 cannot write: no space left on device\n  hint: make room, or send the output elsewhere\n",
    )


@pytest.mark.parametrize(("closed", "status"), [("1>&-", 3), ("2>&-", 3), ("0<&- 1>&- 2>&-", 3)])
def test_164_closed_streams_change_no_status(command, closed, status):
    """A command without output still has an answer, and opens no file where a stream should be."""
    words = ["validate", "no.yaml"]
    shell = ["sh", "-c", f'"$0" -m pvcheck {" ".join(words)} {closed}', os.sys.executable]

    done = subprocess.run(shell, cwd=command.folder, capture_output=True, check=False)

    assert done.returncode == status
    assert b"Traceback" not in done.stderr


def test_164_a_worker_needs_no_open_streams(project):
    """Its pipes do not get the numbers of the streams that are closed."""
    shell = ["sh", "-c", '"$0" -m pvcheck run --write 0<&- 1>&- 2>&-', os.sys.executable]

    done = subprocess.run(shell, cwd=project.root, check=False)

    assert done.returncode == 0
    assert "status: DISCHARGED" in project.contract.read_text()


@pytest.mark.parametrize("words", [["explain", "PV999"], ["nope"]])
def test_164_an_error_that_nobody_can_read_keeps_its_status(command, words):
    """The status is all that is left to tell it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        status, _, _ = command(*words, stdout=writing, stderr=writing)
    finally:
        os.close(writing)

    assert status == 2


def children(pid):
    """Return the processes that a process has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if words[0] != "Z" and int(words[1]) == pid:
            found.append(int(place.parent.name))
    return found


def wait_for(condition, seconds=20):
    """Return what a condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def test_an_interrupted_run_exits_130_and_leaves_nobody_behind(project, command, tmp_path):
    """Ctrl-C while an evaluator sleeps: the worker ends, its folder goes, and no file has changed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    project.measure(SOUND | {"sleep": 60})
    before = project.state()
    command.folder = project.root
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    with command.start("run", "--write", variables={"TMPDIR": str(scratch)}, **streams) as process:
        workers = wait_for(lambda: children(process.pid))
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (130, b"", b"\ninterrupted\n")
    wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in workers), 5)
    assert list(scratch.iterdir()) == []
    assert project.state() == before


def test_an_interrupt_is_told_in_one_word(project, pv, monkeypatch):
    """Whatever was going on."""
    monkeypatch.setattr(checking, "check_all", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))

    assert pv("validate") == (130, "", "\ninterrupted\n")


def test_a_bug_exits_70_without_a_traceback(project, pv, monkeypatch):
    """It says that it is ours, and how to see more."""
    monkeypatch.setattr(checking, "check_all", lambda _: 1 / 0)

    assert pv("validate") == (
        70,
        "",
        (
            "PV900 a bug of pvcheck: ZeroDivisionError('division by zero')\n"
            "  hint: run again with PV_DEBUG=1 and report the traceback\n"
        ),
    )


def test_a_bug_shows_its_traceback_to_who_asks(project, pv, monkeypatch):
    """The status stays: a bug is no verdict."""
    monkeypatch.setattr(checking, "check_all", lambda _: 1 / 0)
    monkeypatch.setenv("PV_DEBUG", "1")

    status, out, err = pv("validate")

    assert (status, out) == (70, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert "ZeroDivisionError: division by zero\n" in err


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        pytest.param(BrokenPipeError(), 0, "", id="pipe"),
        pytest.param(SystemExit(1), 0, "", id="pipe, as click tells it"),
        pytest.param(OSError(5, "Input/output error"), 3, "PV711 cannot write: input/output error\n", id="disk"),
        pytest.param(OSError(5, "Input/output error", "a file"), 70, "PV900 a bug of pvcheck: ", id="file"),
    ],
)
def test_an_output_that_breaks_has_a_status(project, pv, monkeypatch, error, status, told):
    """Only an error that names no file is about the output."""
    muted = []
    monkeypatch.setattr(checking, "check_all", lambda _: (_ for _ in ()).throw(error))
    monkeypatch.setattr(output, "_mute", lambda: muted.append(True))

    ended, _, err = pv("validate")

    assert ended == status
    assert err.startswith(told)
    assert muted == ([] if status else [True])


def test_the_last_door_escapes_what_a_message_forgot(capsys):
    """Tabs stay: the lines of a diff have them."""
    output.show(["a\tb\x1b[2J\n::error::c\r\u2028d\u202e"])

    assert capsys.readouterr().out == "a\tb\\x1b[2J\\n::error::c\\r\\u2028d\\u202e\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_stream_that_is_not_there_is_no_error(monkeypatch, stream):
    """Python has None where a descriptor was closed."""
    monkeypatch.setattr(output.sys, stream, None)

    output.show(["a"])
    output.complain(["b"])


def test_the_program_ends_with_the_status_of_its_command(monkeypatch):
    """What the console script calls."""
    monkeypatch.setattr("sys.argv", ["pv", "explain", "PV999"])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == 2


def test_each_closed_descriptor_is_taken_by_the_null_device(monkeypatch):
    """So that no pipe of a worker gets the number of a standard stream."""
    opened = []

    class Closed:
        """The module os of a process whose standard output is closed."""

        devnull, O_RDWR = os.devnull, os.O_RDWR
        open = staticmethod(lambda path, mode: opened.append((path, mode)))

        @staticmethod
        def fstat(descriptor):
            """Refuse one descriptor."""
            if descriptor == 1:
                raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(cli, "os", Closed)

    cli._occupy()

    assert opened == [(os.devnull, os.O_RDWR)]


def test_an_output_that_nobody_reads_is_sent_nowhere(monkeypatch):
    """The interpreter flushes it once more at its end."""
    sent = []
    monkeypatch.setattr(output.os, "dup2", lambda source, target: sent.append((os.fstat(source).st_rdev, target)))

    output._mute()

    assert sent == [(Path(os.devnull).stat().st_rdev, 1)]
