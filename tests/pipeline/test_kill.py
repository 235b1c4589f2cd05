"""The fault loop: a run is killed, or its disk fails, at every call that it makes to the file system.

Whatever the moment, the contract is the old one or the new one, every record is sound, and the next run
finishes the work.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import CONTRACT, a_record, load

from pvcheck import files, writeback
from pvcheck.cli import cli
from pvcheck.cli.output import guarded
from pvcheck.errors import NotMeasuredError
from pvcheck.evidence import store

DAY = "2026-11-22"
LOCK = 1
"""The call that opens the folder whose lock is taken."""
ENOUGH = 10
"""Calls of one write that must be covered; fewer would mean that the loop counts nothing."""

FAULTY = """\
import os, signal, stat

HARMLESS = {"fsdecode", "fsencode", "fspath", "getpid", "strerror", "umask"}


class Faulty:
    \"\"\"The module os, whose calls are counted; call number ``at`` fails, and with ``stays`` all after it.\"\"\"

    def __init__(self, at=0, error=None, stays=False):
        self.at, self.error, self.stays, self.calls = at, error, stays, 0

    def __getattr__(self, name):
        found = getattr(os, name)
        if not callable(found) or isinstance(found, type) or name in HARMLESS:
            return found
        return lambda *words, **options: self.call(found, words, options)

    def call(self, found, words, options):
        self.calls += 1
        if self.calls == self.at and self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if found is os.close and stat.S_ISDIR(os.fstat(words[0]).st_mode):
            return found(*words)  # nothing was written through it, so nothing can fail
        if self.error and self.at and (self.calls == self.at or (self.stays and self.calls > self.at)):
            if found is os.close:
                found(*words)
            raise OSError(self.error, os.strerror(self.error))
        return found(*words, **options)
"""
"""Used here and, as text, in the processes that are killed."""
SPACE: dict[str, type] = {}
exec(FAULTY, SPACE)  # noqa: S102 - one text for both, so that they count the same calls
Faulty = SPACE["Faulty"]

KILLED = (
    FAULTY
    + """
import sys
from pvcheck import files
from pvcheck.cli import main
faulty = files.os = Faulty(at=int(sys.argv.pop(1)))
try:
    main()
finally:
    if told := os.environ.get("CALLS"):
        with open(told, "w") as file:
            file.write(str(faulty.calls))
"""
)


def variables(**more):
    """Return an environment in which nobody measures coverage: a process that is killed has none to tell."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COVERAGE_", "COV_"))}
    return kept | more


def leftovers(root):
    """Return temporary files."""
    return sorted(path.name for path in root.rglob("*.pvtmp"))


def records(root):
    """Return the names of records."""
    return sorted(path.name for path in root.rglob("evidence/**/*.json"))


def assert_sound(contract):
    """Every record has the bytes that its name promises."""
    for path in store.folder(contract).glob("*.json"):
        store.load(contract, f"sha256:{path.stem}")


class Written:
    """A contract beside which one record is to be written, without an evaluator."""

    def __init__(self, folder):
        self.path = folder / "c.yaml"
        self.path.write_text(CONTRACT)

    def write(self):
        """Measure once, as it were, and write what follows."""
        loaded = load(self.path.read_text(), str(self.path))
        update = writeback.decide(loaded.contract, self.path, [a_record(loaded)])
        if update.is_empty:
            return False
        after = writeback.edited(loaded.document, loaded.contract, update, DAY)
        writeback.write(self.path, loaded.document, after, update)
        return True


DRIVER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from pvcheck import files
from pipeline.test_kill import Faulty, Written
made = object.__new__(Written)
for at in range(int(sys.argv[1]), 10000):
    folder = Path(sys.argv[2]) / str(at)
    child = __import__("os").fork()
    if not child:
        folder.mkdir()
        made = Written(folder)
        files.os = Faulty(at=at)
        made.write()
        __import__("os")._exit(0)
    _, status = __import__("os").waitpid(child, 0)
    if status != 9:
        raise SystemExit(0 if status == 0 else 1)
"""


@pytest.fixture(scope="module")
def new_text(tmp_path_factory):
    """Return the contract after a write that nothing disturbs."""
    made = Written(tmp_path_factory.mktemp("undisturbed"))
    assert made.write()
    return made.path.read_text()


def test_117_a_write_that_is_killed_at_any_call_leaves_the_old_or_the_new(tmp_path, new_text, capsys):
    """SIGKILL at call 1, 2, ... until a write survives: after each the next write finishes the work."""
    driver = DRIVER.format(tests=str(Path(__file__).resolve().parent.parent))
    done = subprocess.run([sys.executable, "-c", driver, "1", str(tmp_path)], env=variables(), check=False)

    folders = sorted((path for path in tmp_path.iterdir() if path.is_dir()), key=lambda path: int(path.name))
    assert done.returncode == 0
    seen = set()
    for folder in folders:
        made = object.__new__(Written)
        made.path = folder / "c.yaml"
        seen.add(made.path.read_text() == new_text)
        assert made.path.read_text() in {CONTRACT, new_text}
        assert_sound(made.path)
        was_new = made.path.read_text() == new_text
        assert made.write() == (not was_new)
        assert made.path.read_text() == new_text
        assert len(records(folder)) == 1
        assert not made.write()
        if not was_new:
            assert leftovers(folder) == []
    assert seen == {True, False}
    assert len(folders) > ENOUGH
    with capsys.disabled():
        print(f"\nfault loop: a write killed at {len(folders) - 1} points")  # noqa: T201 - the figure is the point


@pytest.mark.parametrize("stays", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [28, 5, 13], ids=["no space", "broken disk", "no permission"])
def test_117_a_disk_that_fails_at_any_call_leaves_the_old_or_the_new(tmp_path, new_text, monkeypatch, error, stays):
    """The error is told as the machine's, no temporary file stays, and the next write finishes the work."""
    at, failed = LOCK, 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        made = Written(folder)
        faulty = Faulty(at, error, stays)
        monkeypatch.setattr(files, "os", faulty)
        status = status_of(made)
        monkeypatch.setattr(files, "os", os)
        assert status in {0, 3}
        failed += status == 3
        assert made.path.read_text() in {CONTRACT, new_text}
        assert_sound(made.path)
        if not stays:  # a disk that refuses everything refuses the tidying as well
            assert leftovers(folder) == []
        made.write()
        assert made.path.read_text() == new_text
        assert (len(records(folder)), leftovers(folder), made.write()) == (1, [], False)
        if faulty.calls < at:
            break
    assert failed > ENOUGH
    assert at - LOCK - 1 >= failed


def status_of(made):
    """Return the exit status that a write asks for."""
    try:
        made.write()
    except (NotMeasuredError, files.UnreadableError) as error:
        return max(each.exit_code for each in error.findings)
    return 0


def test_a_lock_that_cannot_be_taken_exits_3(tmp_path, monkeypatch):
    """Too many open files, or a folder without permission, are the machine's fault."""
    made = Written(tmp_path)
    monkeypatch.setattr(files, "os", Faulty(LOCK, 24))

    assert status_of(made) == 3


def test_what_a_killed_run_left_among_the_records_is_removed(project, pv):
    """A record has the time in it, so the next one has another name."""
    folder = store.folder(project.contract)
    folder.mkdir(parents=True)
    (folder / f".{'0' * 64}.json.1.pvtmp").write_text("{")

    assert pv("run", "--write", "-q")[0] == 0
    assert leftovers(project.root) == []


def run(project, *words, at=0, **more):
    """Run the command in a process whose call number ``at`` kills it, and return the status."""
    command = [sys.executable, "-c", KILLED, str(at), "run", "--write", "-q", *words]
    done = subprocess.run(command, cwd=project, env=variables(**more), capture_output=True, check=False)
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode


def test_144_a_run_that_is_killed_is_finished_by_the_next(project, pv, tmp_path, monkeypatch, capsys):
    """The whole command, killed at points spread over its writing: the contract stays valid at each."""
    told = tmp_path / "calls"
    copy = tmp_path / "whole"
    shutil.copytree(project.root, copy)
    assert run(copy, CALLS=str(told)) == 0
    new, calls = (copy / "contracts" / "c.yaml").read_text(), int(told.read_text())
    points = sorted({calls - back for back in range(0, 90, 5) if back < calls})

    with ThreadPoolExecutor(2) as pool:
        places = [tmp_path / str(point) for point in points]
        for place in places:
            shutil.copytree(project.root, place)
        statuses = list(pool.map(lambda pair: run(pair[0], at=pair[1]), zip(places, points, strict=True)))
    assert statuses == [-signal.SIGKILL] * len(points)

    kept, found = 0, set()
    for place in places:
        contract = place / "contracts" / "c.yaml"
        is_old = contract.read_text() == CONTRACT
        found.add(is_old)
        assert is_old or without_digest(contract.read_text()) == without_digest(new)
        assert_sound(contract)
        monkeypatch.chdir(place)
        assert pv("validate")[0] == 0
        first = records(place)
        assert pv("run", "--write", "-q")[0] == 0
        kept += bool(first) and is_old
        assert records(place)[: len(first)] == first or not first
        assert len(records(place)) == 1
        assert f"evidence: sha256:{records(place)[0].removesuffix('.json')}\n" in contract.read_text()
        assert pv("validate")[0] == 0
        before = state(place)
        assert pv("run", "--write", "-q")[0] == 0
        assert state(place) == before
        assert list(contract.parent.glob(".*.pvtmp")) == []
    assert found == {True, False}
    assert kept
    with capsys.disabled():
        print(f"\nfault loop: a run of {calls} calls killed at {len(points)} points")  # noqa: T201 - for -s


def state(root):
    """Return the bytes of every file."""
    paths = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {str(path): path.read_bytes() for path in paths}


def without_digest(text):
    """Return a contract without the names of its records, which hold the time."""
    return [line.partition("sha256:")[0] for line in text.splitlines()]


def test_131_eight_runs_at_once_leave_one_valid_contract(project, pv):
    """Each ends with 0 or says that it could not tell; the next finishes, and the one after changes nothing."""
    project.measure({"metrics": {"growth": 1.5, "count": 4}})
    command = [sys.executable, "-m", "pvcheck", "run", "--write", "-q"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

    running = [subprocess.Popen(command, cwd=project.root, env=variables(), **streams) for _ in range(8)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in running]

    assert {status for *_, status in ended} <= {0, 3}, ended
    assert [err for _, err, _ in ended if err] == []
    assert len(records(project.root)) == 1
    assert pv("validate")[0] == 0
    assert pv("run", "--write", "-q")[0] == 0
    before = project.state()
    assert pv("run", "--write", "-q")[0] == 0
    assert project.state() == before
    assert leftovers(project.root) == []
    assert project.contract.read_text().count("\n- version: ") == 1


@pytest.mark.parametrize("error", [28, 5], ids=["no space", "broken disk"])
def test_a_whole_run_on_a_failing_disk_exits_3(project, monkeypatch, capsys, error):
    """The command says that it could not write, promotes nothing, and the next run does."""
    before = project.state()
    statuses = []
    for name in ("replace", "fsync", "write"):

        class Disk(Faulty):
            """Refuses one kind of call."""

            def __init__(self, kind):
                super().__init__()
                self.kind = kind

            def call(self, found, words, options):
                if found is getattr(os, self.kind):
                    raise OSError(error, os.strerror(error))
                return found(*words, **options)

        monkeypatch.setattr(files, "os", Disk(name))
        statuses.append(guarded(lambda: cli.main(["run", "--write", "-q"], prog_name="pv", standalone_mode=False)))
        monkeypatch.setattr(files, "os", os)
        assert "PV711 cannot write: " in capsys.readouterr().out
        assert project.state() == before

    assert statuses == [3, 3, 3]
    assert guarded(lambda: cli.main(["run", "--write", "-q"], prog_name="pv", standalone_mode=False)) == 0
    assert json.loads(next(project.root.rglob("evidence/c/*.json")).read_text())
