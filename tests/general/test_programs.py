"""Programs and tests that are run: what is read from them, how they are ended, and when nothing was measured."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from general.fixtures import measure

from pvcheck.plugin import InputError, NotMeasured, Skip
from pvcheck_general import programs, pytest_run


def command(code, root, **parameters):
    """Run a line of Python as a command in ``root``."""
    return measure("command", {"argv": [sys.executable, "-S", "-c", code], **parameters}, root=str(root))


def test_exit_status_and_lines_are_metrics(tmp_path):
    """An unfinished last line is a line; without pattern or pointer nothing else is told."""
    found = command("import sys; print('a'); sys.stdout.write('b'); sys.stderr.write('c'); sys.exit(3)", tmp_path)

    assert found.metrics == {"exit_status": 3, "stdout_lines": 2, "stderr_lines": 1}
    assert found.notes[0].startswith("ran '")


def test_a_pattern_reads_numbers(tmp_path):
    """Every match of the group is a number; the first is the value."""
    metrics = command("print('x=1.5 x=-2e-3 x=nan')", tmp_path, pattern=r"x=(\S+)").metrics

    assert metrics["value"] == 1.5
    assert metrics["values"][:2] == (1.5, -0.002)
    assert metrics["matches"] == 3


def test_a_pattern_without_match_gives_no_value(tmp_path):
    """The metric is left out; a group that took no part in its match is no number."""
    metrics = command("print('b')", tmp_path, pattern=r"(a)?b").metrics

    assert metrics == {"exit_status": 0, "stdout_lines": 1, "stderr_lines": 0, "matches": 0, "values": ()}


@pytest.mark.parametrize(("pointer", "values"), [("/r/1", (0.25,)), ("/r", (1.0, 0.25))], ids=["number", "list"])
def test_a_pointer_reads_numbers_of_either_stream(tmp_path, pointer, values):
    """The output is JSON, and the pointer leads to a number or to a list of them."""
    code = """import sys; sys.stderr.write('{"r": [1, 0.25]}')"""

    assert command(code, tmp_path, pointer=pointer, stream="stderr").metrics["values"] == values


def test_what_should_be_a_number_and_is_none_is_refused(tmp_path):
    """The message says where it was found."""
    message = "^what the pattern finds in the program's stdout must be a number of at most 40 characters, got 'fast'$"
    with pytest.raises(InputError, match=message):
        command("print('speed: fast')", tmp_path, pattern=r"speed: (\w+)")


def test_too_many_numbers_are_refused(tmp_path):
    """A series has a limit."""
    message = "^what the pattern finds in the program's stdout must be at most 10000 numbers, got 10001$"
    with pytest.raises(InputError, match=message):
        command("print('1 ' * 10001)", tmp_path, pattern=r"(1)")


def test_a_program_runs_in_the_project_with_empty_input_and_no_shell(tmp_path):
    """The folder is the project's, standard input is at its end, and nothing is expanded."""
    code = "import os, sys; print(os.getcwd()); print(repr(sys.stdin.read())); print(sys.argv[1])"
    ended = programs.run([sys.executable, "-S", "-c", code, "$HOME *"], str(tmp_path), 60)

    assert ended.stdout.splitlines() == [str(tmp_path.resolve()), "''", "$HOME *"]


def test_a_program_does_not_read_what_the_worker_could(tmp_path):
    """Text that waits on the standard input of this process is not handed on."""
    ours, theirs = os.pipe()
    kept = os.dup(0)
    try:
        os.write(theirs, b"secret")
        os.close(theirs)
        os.dup2(ours, 0)
        ended = programs.run(["cat"], str(tmp_path), 60)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(ours)

    assert ended.stdout == ""


@pytest.mark.parametrize("root", ["", "/nonexistent"])
def test_without_a_project_nothing_is_run(root):
    """The host that names no folder gets no answer."""
    message = "^the folder of the project is not known here, so no program can be run in it$"
    with pytest.raises(NotMeasured, match=message):
        measure("command", {"argv": ["true"]}, root=root)


def test_a_program_that_is_not_there_is_not_measured(tmp_path):
    """A machine without the program moves no status."""
    with pytest.raises(NotMeasured, match=r"^the program 'no\\x07such' cannot be run: No such file or directory$"):
        measure("command", {"argv": ["no\asuch"]}, root=str(tmp_path))


def test_a_program_that_takes_too_long_is_killed_with_its_group(tmp_path):
    """What it started in the background dies too."""
    code = (
        "import os, pathlib, time\n"
        "if os.fork():\n    time.sleep(60)\n"
        "pathlib.Path('child').write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    began = time.monotonic()

    with pytest.raises(NotMeasured, match=r"^the program '.*' was still running after 0\.7 s$"):
        command(code, tmp_path, timeout=0.7)

    assert time.monotonic() - began < 10
    assert _is_gone(int(Path(tmp_path, "child").read_text()))


def test_a_program_that_leaves_a_child_behind_is_done_when_it_ends(tmp_path):
    """The child holds the pipes; it is killed, and what was written is read."""
    code = (
        "import os, pathlib, time\n"
        "if os.fork():\n    print(1, flush=True); time.sleep(0.2); os._exit(0)\n"
        "pathlib.Path('child').write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    began = time.monotonic()

    metrics = command(code, tmp_path, pattern="(1)").metrics

    assert time.monotonic() - began < 10
    assert metrics["value"] == 1.0
    assert _is_gone(int(Path(tmp_path, "child").read_text()))


def test_a_program_may_close_its_outputs_and_go_on(tmp_path):
    """Its exit status is waited for."""
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.2); os._exit(5)"

    assert command(code, tmp_path).metrics["exit_status"] == 5


def test_output_without_end_is_refused(tmp_path):
    """The program is killed at the first byte over 1 MiB."""
    with pytest.raises(InputError, match=r"^the program '.*' wrote more than 1048576 bytes$"):
        command("while True: print('y' * 1000)", tmp_path)


def test_a_signal_is_a_negative_status(tmp_path):
    """As Python tells it."""
    assert command("import os; os.kill(os.getpid(), 9)", tmp_path).metrics["exit_status"] == -9


def test_output_that_is_no_utf8_is_kept(tmp_path):
    """Bytes that are no text become the replacement character."""
    ended = programs.run(["printf", r"\377"], str(tmp_path), 60)

    assert ended.stdout == "\ufffd"


def _is_gone(pid):
    """Wait a moment for a process to end; one that nobody has reaped counts as gone."""
    for _ in range(100):
        try:
            state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


# pytest.

TESTS = """
import pytest

def test_passes(): pass
def test_fails(): assert 0
@pytest.mark.skip
def test_skips(): pass
@pytest.mark.parametrize("n", [1])
def test_case(n): pass
@pytest.fixture
def broken():
    yield
    raise ValueError
def test_tears_down(broken): pass
"""


@pytest.fixture
def project(tmp_path):
    """Return a project with tests of every end."""
    (tmp_path / "test_ends.py").write_text(TESTS)
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    return tmp_path


def run(project, *paths, **parameters):
    """Run tests of the project."""
    return measure("pytest", {"paths": paths, **parameters}, root=str(project))


def test_every_end_is_counted(project, monkeypatch):
    """Passed, failed, skipped, and errors of collecting and tear-down; what the shell adds to pytest is left out."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")

    found = run(project, "test_ends.py", "test_broken.py", "test_ends.py::test_case[1]")

    assert found.metrics == {
        "passed": 0, "failed": 0, "skipped": 0, "errors": 1, "total": 1, "missing": 0, "exit_status": 2,
    }  # fmt: skip
    assert run(project, "test_ends.py").metrics == {
        "passed": 2, "failed": 1, "skipped": 1, "errors": 1, "total": 5, "missing": 0, "exit_status": 1,
    }  # fmt: skip
    assert not list(project.rglob(".pytest_cache"))


def test_what_is_not_there_is_missing_and_the_rest_is_run(project):
    """Files, tests and cases that pytest does not find are named among the skipped."""
    paths = ("test_ends.py::test_passes", "no_file.py", "test_ends.py::test_gone", "test_ends.py::test_case[2]")

    found = run(project, *paths)

    assert found.metrics == {
        "passed": 1, "failed": 0, "skipped": 0, "errors": 0, "total": 1, "missing": 3, "exit_status": 4,
    }  # fmt: skip
    assert found.skipped == tuple(Skip(what=path, reason="pytest does not find it") for path in paths[1:])


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (("no_file.py", "no_other.py"), "pytest found no test: 2 of 2 paths are not there"),
        (("empty.py",), "pytest found no test"),
        (("test_ends.py::test_skips",), "pytest skipped every test that it found (1)"),
    ],
    ids=["missing", "empty", "skipped"],
)
def test_a_run_without_a_test_is_not_measured(project, paths, message):
    """No failed test among none is no verdict."""
    with pytest.raises(NotMeasured) as caught:
        run(project, *paths)

    assert str(caught.value) == message


def test_without_pytest_nothing_is_measured(project, monkeypatch):
    """A machine without pytest moves no status."""
    monkeypatch.setattr(pytest_run, "find_spec", lambda _: None)

    with pytest.raises(NotMeasured, match=r"^pytest is not installed in the Python that measures$"):
        run(project, "test_ends.py")


def test_settings_that_pytest_refuses_are_told(project):
    """Where there is no report, the last line that pytest wrote is the reason."""
    (project / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")

    with pytest.raises(InputError) as caught:
        run(project, "test_ends.py")

    assert str(caught.value).startswith("pytest ended with status 4 and left no report: ")


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (b"<a>", "the report of pytest is not XML: no element found: line 1, column 3"),
        (b"<a>" * 20, "the report of pytest must have at most 50 bytes"),
        (b"<!DOCTYPE a []><a/>", "the report of pytest holds a DOCTYPE, which pytest does not write"),
    ],
    ids=["broken", "large", "doctype"],
)
def test_a_report_that_a_test_overwrote_is_refused(tmp_path, monkeypatch, report, message):
    """Tests can write anywhere; what is no report is not counted."""
    monkeypatch.setattr(pytest_run, "REPORT_MAX", 50)
    path = tmp_path / "report.xml"
    path.write_bytes(report)

    with pytest.raises(InputError) as caught:
        pytest_run._counts(path, programs.Ended(0, "", ""))

    assert str(caught.value) == message


# Through the host.


def test_a_program_runs_only_where_settings_allow_it(tmp_path, pv):
    """Shipping with pvcheck is not enough: the contract says which program."""
    marker = tmp_path / "ran"
    contract = {
        "metadata": {"schema": 1, "id": "C-X", "version": "1.0.0"},
        "falsification_tests": [
            {
                "id": "F-1",
                "rule": "r",
                "evaluator": "command",
                "with": {"argv": ["touch", str(marker)]},
                "expect": {"exit_status": "== 0"},
                "status": "PENDING",
            }
        ],
    }
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps(contract))
    os.makedirs(tmp_path / ".git")  # noqa: PTH103 - the end of the project

    status, out, _ = pv("run", path)

    assert status == 3
    assert "pv.toml does not allow the evaluator command: add it to 'evaluators'" in out
    assert not marker.exists()
