"""Strange surroundings: variables, streams, clocks and limits cost time or a message, and never a verdict."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import json
import os
import pwd
import re
import resource
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pytest
from cli import conftest as processes
from helpers import CONTRACT, untraced
from pipeline import conftest as projects

from pvcheck import files
from pvcheck.errors import ContractError
from pvcheck.loading import contract as loading
from pvcheck.loading import schema
from pvcheck.pipeline import fleets

command = processes.command
measured = projects.project
CORPUS = os.environ.get("PVCHECK_CORPUS", "")
HOSTILE = os.environ.get("PVCHECK_HOSTILE", "")


def alone(folder, *words, program=("-m", "pvcheck"), **variables):
    """Run the command with these variables and no others but the search path."""
    kept = {"PATH": os.environ["PATH"]} | {key: value for key, value in variables.items() if value is not None}
    command = [sys.executable, *program, *words]
    return subprocess.run(command, cwd=folder, env=kept, capture_output=True, check=False)


@pytest.fixture
def many(project):
    """Give as many contracts as are remembered between runs, in a repository."""
    for number in range(fleets.MANY):
        project.contract(
            CONTRACT.replace("C-TEST", f"C-{number}").replace("model.bin", f"{number}.bin"), f"c{number}.yaml"
        )
    subprocess.run(["git", "init", "-q", project.root], check=True)
    subprocess.run(["git", "-C", project.root, "add", "-A"], check=True)
    return project


PLACES = {
    "no home": {},
    "no such home": {"HOME": "/proc/self/nowhere"},
    "home is a file": {"HOME": os.devnull},
    "relative": {"HOME": "here", "XDG_CACHE_HOME": "there", "XDG_CONFIG_HOME": "../x"},
    "a cache that is a file": {"XDG_CACHE_HOME": os.devnull, "TMPDIR": "/nowhere"},
    "line breaks": {"HOME": "/proc/self/a\nb", "TMPDIR": "a\nb", "XDG_CACHE_HOME": "\x1b"},
}


@pytest.mark.parametrize("variables", PLACES.values(), ids=PLACES)
def test_160_without_a_place_of_its_own_the_tool_works(many, variables):
    """No home, none that could hold a cache, no temporary folder: checked all the same, and nothing is left around."""
    before = sorted(each for each in many.root.rglob("*") if ".git" not in each.parts)

    told = [alone(many.root, "validate", *words, **variables) for words in ([], ["--staged"])]

    assert [(each.returncode, each.stderr) for each in told] == [(0, b"")] * 2
    assert sorted(each for each in many.root.rglob("*") if ".git" not in each.parts) == before


def test_160_a_user_without_a_name_is_no_error(many, monkeypatch):
    """Containers run as numbers that no table knows; then there is no home either."""

    def unknown(*_):
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    for name in ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    told = {words: many.run(*words).status for words in (("validate",), ("status",), ("run",), ("cache",), ("list",))}

    assert told == {("validate",): 0, ("status",): 0, ("run",): 3, ("cache",): 0, ("list",): 0}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE])
def test_160_a_temporary_folder_without_room_is_said_plainly(many, monkeypatch, number):
    """No bug of ours: could not tell, and where to make room."""

    def full(*_, **__):
        raise OSError(number, os.strerror(number), "full/pv-x")

    monkeypatch.setattr(tempfile, "mkdtemp", full)

    for words in (["validate", "--staged"], ["demo"]):
        result = many.run(*words)
        assert (result.status, result.out) == (3, "")
        assert result.err.startswith(f"full/pv-x: PV711 cannot write: {os.strerror(number).lower()}\n  hint: make room")


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "utf-16"},
        {"LC_ALL": "xx_YY.nonsense"},
    ],
    ids=lambda each: " ".join(each.values()),
)
def test_162_no_encoding_changes_the_status(project, variables):
    """What a stream cannot hold is escaped; two falsifiers, one letter of which few encodings have."""
    project.contract(
        CONTRACT.replace("growth is bounded", "\N{GREEK SMALL LETTER SIGMA}").replace("< 18", "around \N{SNOWMAN}")
    )

    plain = alone(project.root, "validate", PYTHONUTF8="1")
    other = alone(project.root, "validate", **variables)

    assert (other.returncode, other.stderr) == (plain.returncode, b"") == (1, b"")
    assert other.stdout.count(b"PV") == plain.stdout.count(b"PV") or "utf-16" in variables.values()


def seen(folder, *words, width, **variables):
    """Return the status of a command whose output is a terminal of some width, and what the terminal got."""
    import pty

    end, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    attributes = termios.tcgetattr(other)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(other, termios.TCSANOW, attributes)
    variables = {"TERM": "xterm"} | variables
    command = [sys.executable, "-m", "pvcheck", *words]
    environment = {
        key: value for key, value in untraced(**variables).items() if key != "COLUMNS" or "COLUMNS" in variables
    }
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=other, stderr=other, stdin=subprocess.DEVNULL
    ) as process:
        os.close(other)
        told = b""
        try:
            while piece := os.read(end, 65536):
                told += piece
        except OSError:  # the other end is closed
            pass
    os.close(end)
    return process.returncode, told.decode()


@pytest.mark.parametrize(
    ("width", "variables"),
    [(0, {}), (1, {}), (20, {}), (65535, {})] + [(80, {"COLUMNS": each}) for each in ("abc", "0", "-5", "1000000", "")],
)
def test_163_no_width_breaks_the_output(project, width, variables):
    """Of a terminal or of a variable; words stay whole, and without colours there is no escape."""
    project.contract(CONTRACT)

    status, told = seen(project.root, "validate", width=width, NO_COLOR="1", **variables)

    assert status == 0
    assert "\x1b" not in told
    assert "PV309" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"TERM": "nonsense"}, True), ({}, True)],
)
def test_163_colours_follow_the_environment(project, variables, coloured):
    """Seen by a terminal itself; a pipe never gets an escape."""
    project.contract(CONTRACT)

    _, told = seen(project.root, "validate", width=80, **variables)

    assert ("\x1b[" in told) is coloured
    assert "\x1b" not in project.run("validate").out


def test_164_a_slow_reader_gets_every_line(project):
    """A pipe that is full for a while makes the command wait and lose nothing."""
    for number in range(400):
        project.contract(f"metadata:\n  schema: 1\n  id: C-{number}\n  version: {number}\n", f"c{number}.yaml")
    command = [sys.executable, "-m", "pvcheck", "validate"]

    with subprocess.Popen(command, cwd=project.root, env=untraced(), stdout=subprocess.PIPE) as process:
        first = process.stdout.read(1)
        time.sleep(0.3)  # longer than it takes to fill the pipe
        told = first + process.stdout.read()

    assert process.returncode == 1
    assert len(told) > 1 << 16
    assert told.splitlines()[-1].startswith(b"400 contracts, ")


def test_165_what_windows_made_is_read_and_written_as_it_is(measured, pv):
    """Line ends, a name that is a device there, and a path of more than 260 characters."""
    folder = measured.root.joinpath("contracts", *["f" * 60] * 5)
    folder.mkdir(parents=True)
    place = folder / "con.yaml"
    place.write_bytes(measured.contract.read_text().replace("\n", "\r\n").encode())
    measured.contract.unlink()
    (folder / "model.bin").write_bytes((measured.root / "contracts" / "model.bin").read_bytes())

    status, _, _ = pv("run", "--write", "-q")

    written = place.read_bytes()
    assert status == 0
    assert b"status: DISCHARGED\r\n" in written
    assert written.count(b"\n") == written.count(b"\r\n")
    assert pv("validate")[0] == 0
    assert place.read_bytes() == written


SHADOWED = ("click", "yaml", "json", "pluggy", "numpy", "jsonschema_rs", "pydantic", "socket", "sitecustomize")


@pytest.mark.parametrize(
    "program", [["-m", "pvcheck"], ["-P", "-c", "from pvcheck.cli import main; main()"]], ids=["-m", "pv"]
)
def test_166_no_module_of_the_checkout_is_imported(measured, program):
    """Neither by the command, whichever way it is started, nor by its workers."""
    mark = measured.root / "it-ran"
    for name in SHADOWED:
        (measured.root / f"{name}.py").write_text(f"open({str(mark)!r}, 'w').close()\nraise SystemExit(9)\n")
    (measured.root / "start.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    variables = {"PYTHONPATH": os.environ["PYTHONPATH"], "PYTHONSTARTUP": str(measured.root / "start.py")}

    told = [alone(measured.root, *words, program=program, **variables) for words in (["validate"], ["run", "--write"])]

    assert [each.returncode for each in told] == [0, 0], told
    assert not mark.exists()
    assert "status: DISCHARGED" in measured.contract.read_text()


VARIABLES = (
    {"PYTHONHASHSEED": "12345", "TZ": "Asia/Kathmandu", "NUMBA_NUM_THREADS": "0"},
    {"PYTHONDONTWRITEBYTECODE": "1", "TZ": "garbage", "OMP_NUM_THREADS": "abc", "MKL_NUM_THREADS": "-1"},
)


def test_167_no_variable_changes_a_verdict(measured):
    """The same claim, the same metrics, the same words; only the times differ."""
    words = ["run", "--format", "json"]
    path = os.environ["PYTHONPATH"]

    ways = [alone(measured.root, *words, PYTHONPATH=path, **each) for each in ({}, *VARIABLES)]

    plain, *others = (json.loads(each.stdout)["contracts"][0]["falsifiers"][0]["result"] for each in ways)
    assert [(each.returncode, each.stderr) for each in ways] == [(0, b"")] * 3
    assert plain["outcome"] == "held"
    for key in ("outcome", "metrics", "bounds", "guards"):
        assert [each[key] for each in others] == [plain[key]] * 2


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="there is no Numba here")
def test_167_a_compiler_that_cannot_start_gives_no_verdict(monkeypatch, tmp_path, pv):
    """Numba refuses no threads: an error of each claim, which says so, and nothing is promoted."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "0")

    status, out, _ = pv("demo", "--into", tmp_path / "demo")

    assert status == 3
    assert "0 discharged, 0 falsified, 2 pending" in out


STEP = 1 if os.environ.get("PVCHECK_POINTS") == "long" else 4
"""Of so many files one is taken."""


def instances():
    """Return contracts that others wrote, and hostile files, as the validators get them."""
    for path in sorted([*Path(CORPUS).rglob("*.yaml"), *(Path(HOSTILE) / "yaml").iterdir()])[::STEP]:
        try:
            yield path, loading.load(files.read(path, 1 << 20), str(path)).instance
        except (ContractError, files.UnreadableError):
            continue


@pytest.mark.skipif(not (CORPUS and HOSTILE), reason="PVCHECK_CORPUS and PVCHECK_HOSTILE name no folders")
def test_168_both_validators_accept_the_same_files():
    """The fast one and the reference find the same places, under our schema and under that of upstream."""
    found = list(instances())

    differing = [
        (path.name, name)
        for path, instance in found
        for name in ("contract-1", "upstream")
        if {(each.route, each.keyword) for each in schema.faults(schema.load(name), instance)}
        != {(each.route, each.keyword) for each in schema.by_reference(schema.load(name), instance)}
    ]

    assert len(found) > 80 / STEP
    assert differing == []


def test_168_the_parser_in_python_is_refused(project, monkeypatch):
    """It reads other texts than the one in C: one accept set, or none."""
    import yaml

    project.contract(CONTRACT)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)

    result = project.run("validate")

    assert result.status == 2
    assert "PyYAML must be installed with its C parser (libyaml), got the pure-Python one" in result.err + result.out


def test_169_a_clock_that_jumps_back_makes_no_negative_time(measured, pv, monkeypatch):
    """Durations come from a clock that only goes on; dates may be wrong, and are compared with nothing."""
    ticks = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    monkeypatch.setattr(time, "time_ns", lambda: next(ticks) * 10**9)

    status, out, err = pv("run", "--write", "--format", "json")
    again = pv("validate")

    seconds = json.loads(out)["contracts"][0]["falsifiers"][0]["result"]["seconds"]
    (record,) = (measured.contract.parent / "evidence/c").glob("*.json")
    assert (status, err, again[0]) == (0, "", 0)
    assert seconds >= 0
    assert not re.search(r'"seconds": -', record.read_text())


def test_170_little_memory_and_half_a_processor_give_no_false_verdict(measured):
    """Two gigabytes of data, one processor, and a stop every other tenth of a second: held, or not told in time."""

    def narrow():
        resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30))
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    command = [sys.executable, "-m", "pvcheck", "run", "--write"]
    options = {"cwd": measured.root, "env": untraced(), "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen(command, preexec_fn=narrow, **options) as process:  # noqa: PLW1509 - no thread runs here
        throttle(process)
        out = process.stdout.read().decode()

    assert process.returncode in {0, 3}, out
    assert "REFUTED" not in out
    assert ("status: DISCHARGED" in measured.contract.read_text()) is (process.returncode == 0)


def throttle(process, seconds=20):
    """Let a process and what it started run for every other twentieth of a second only, as a quota does."""
    import signal

    from cli.test_output import children

    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        stopped = [process.pid, *children(process.pid)]
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for each in stopped:
                try:
                    os.kill(each, number)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)
