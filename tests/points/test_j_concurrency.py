"""Points 132 to 137: who else writes while pv does: another pv, an editor, git.

Point 131 is in tests/pipeline/test_simultaneous.py and tests/pipeline/test_kill.py.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
from helpers import untraced
from isolation.conftest import CONTRACT as FRAME
from isolation.conftest import FALSIFIER
from pipeline.test_kill import Written
from points.test_i_filesystem import claiming, is_promoted, leftovers
from test_files import HOLDER

from pvcheck import files
from pvcheck.errors import NotMeasuredError

BUSY = "PV709 another pv is writing here"
CHANGED = "PV710 the contract changed in the meantime, so nothing was written"


@contextmanager
def held(folder):
    """Hold the lock of a folder, as another pv does."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(descriptor)


@pytest.fixture
def impatient(monkeypatch):
    """Wait for no lock."""
    monkeypatch.setattr(files.locked.__wrapped__, "__defaults__", (0.0,))


def test_132_a_lock_that_is_held_is_named_with_its_folder(project, impatient):
    """Status 3, with what to do; a contract in another folder is written, and nothing of this one has changed."""
    del impatient
    contract = claiming(project, "c")
    other = project.contract(contract.read_text().replace("C-C", "C-D"), "below/d.yaml")
    before = contract.read_bytes()

    with held(contract.parent):
        told = project.run("run", "--write")

    (busy,) = (each for each in told.findings if each.code == "PV709")
    assert told.status == 3
    assert (busy.path, busy.hint) == (str(contract.parent.resolve()), "wait for it, and run again")
    assert contract.read_bytes() == before
    assert not (contract.parent / "evidence").exists()
    assert is_promoted(other)


def test_132_a_lock_that_comes_free_is_waited_for(project):
    """Two writers that meet both get their turn."""
    contract = claiming(project, "c")
    descriptor = os.open(contract.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    began = time.monotonic()
    threading.Timer(0.5, os.close, [descriptor]).start()

    told = project.run("run", "--write")

    assert time.monotonic() - began > 0.5
    assert told.status == 0
    assert is_promoted(contract)


def test_132_a_holder_that_is_killed_is_waited_for_by_nobody(project, impatient):
    """The system gives the lock back at once, and no file of it is left that somebody would have to remove."""
    del impatient
    contract = claiming(project, "c")
    command = [sys.executable, "-c", HOLDER, str(contract.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=untraced()) as holder:
        assert holder.stdout.readline() == b"held\n"
        busy = project.run("run", "--write")
        holder.send_signal(signal.SIGKILL)

    told = project.run("run", "--write")

    assert (busy.status, told.status) == (3, 0)
    assert BUSY in busy.out
    assert is_promoted(contract)


SAVES = {
    "in-place": ("with open(path, 'a') as file: file.write('# saved\\n')", CHANGED),
    "by-a-rename": (
        "text = open(path).read()\nopen(path + '~', 'w').write(text + '# saved\\n')\nos.replace(path + '~', path)",
        CHANGED,
    ),
    "cut-short": ("os.truncate(path, 40)", CHANGED),
    "emptied": ("os.truncate(path, 0)", CHANGED),
    "as-a-link": (
        "os.rename(path, path + '~')\nopen(path + '.new', 'w').close()\nos.symlink(path + '.new', path)",
        CHANGED,
    ),
    "removed": ("os.unlink(path)", "PV708 cannot read: no such file or directory"),
    "a-folder-now": ("os.unlink(path)\nos.mkdir(path)", "PV708 cannot read: not a regular file"),
}
"""What an editor does while a measurement goes on, and what is said of it."""
SAME = {
    "only-touched": "os.utime(path)",
    "the-same-bytes": "text = open(path).read()\nopen(path + '~', 'w').write(text)\nos.replace(path + '~', path)",
}
"""What leaves the text as it was."""


def harming(lab, cases):
    """Put one contract a case into the project; measuring its claim does to it what the case says."""
    lab.misbehaves({name: f"path = {str(path_of(lab, name))!r}\n{body}" for name, body in cases.items()})
    lab.contract.unlink()
    for name in cases:
        claim = FALSIFIER.format(id="F-1", evaluator="bad", parameters=f"case: '{name}'")
        path_of(lab, name).write_text(FRAME.format(falsifiers=claim).replace("C-ISOLATION", f"C-{name.upper()}"))


def path_of(lab, name):
    """Return the contract of a case."""
    return lab.contract.with_name(f"{name}.yaml")


def test_133_what_an_editor_saved_meanwhile_is_kept(lab):
    """Bytes are compared under the lock, not times: who has touched a file only has changed nothing."""
    harming(lab, {name: body for name, (body, _) in SAVES.items()} | SAME)
    before = {name: path_of(lab, name).read_text() for name in (*SAVES, *SAME)}

    status, out, err = lab.pv("run", "--write", "-q")

    saved = {name: path_of(lab, name).read_text() for name in SAVES if path_of(lab, name).is_file()}
    whole = before["in-place"] + "# saved\n"
    assert (status, err) == (3, "")
    for name, (_, said) in SAVES.items():
        assert f"contracts/{name}.yaml: {said}\n" in out
        assert not (lab.contract.parent / "evidence" / name).exists()
    assert saved == {
        "in-place": whole,
        "by-a-rename": whole.replace("IN-PLACE", "BY-A-RENAME").replace("in-place", "by-a-rename"),
        "cut-short": before["cut-short"][:40],
        "emptied": "",
        "as-a-link": "",
    }
    assert path_of(lab, "as-a-link").is_symlink()
    assert [is_promoted(path_of(lab, name)) for name in SAME] == [True, True]
    assert leftovers(lab.root) == []


class Saving:
    """The module os; before one of its calls somebody saves the contract in an editor."""

    def __init__(self, contract, at=0):
        self.contract, self.at, self.names = contract, at, []

    def __getattr__(self, name):
        found = getattr(os, name)
        return found if not callable(found) or isinstance(found, type) else partial(self.call, name)

    def call(self, name, *words, **options):
        """Count the call, and save before the one that is meant."""
        self.names.append(name)
        if len(self.names) == self.at:
            with self.contract.open("a") as file:
                file.write("# saved\n")
        return getattr(os, name)(*words, **options)


def test_133_what_an_editor_saves_while_pv_writes_is_kept(tmp_path, monkeypatch):
    """Before any call but the few of the last look and the rename: the text is compared first and at last."""
    (tmp_path / "clean").mkdir()
    clean = Written(tmp_path / "clean")
    watched = Saving(clean.path)
    monkeypatch.setattr(files, "os", watched)
    assert clean.write()
    rename = len(watched.names) - watched.names[::-1].index("replace")
    look = rename - watched.names[:rename][::-1].index("open")
    refused = []

    for at in (*range(1, look + 1), *range(rename + 1, len(watched.names) + 1)):
        (tmp_path / str(at)).mkdir()
        made = Written(tmp_path / str(at))
        monkeypatch.setattr(files, "os", Saving(made.path, at))
        try:
            made.write()
        except NotMeasuredError as error:
            refused.append((at, error.findings[0].code))
        assert "# saved\n" in made.path.read_text(), (at, watched.names)
        assert is_promoted(made.path) is (at > rename)
        assert leftovers(tmp_path) == []

    assert refused == [(at, "PV710") for at in range(1, look + 1)]
    assert look > 20
    assert rename - look < 8


GIT = "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false "
GITS = {
    "checkout": ("git switch -q other", CHANGED),
    "checkout-where-it-is-not": ("git switch -q without", "PV708 cannot read: no such file or directory"),
    "stash": (f"{GIT}stash -q", CHANGED),
    "rebase": (f"{GIT}rebase -q other", CHANGED),
    "restore": ("git checkout -q -- .", CHANGED),
}
"""What somebody does in another terminal, and what is said of the contract."""
DIRTY = {"stash", "restore"}
"""Where the work tree has changes that are not committed."""


def branched(lab):
    """Make a repository: main with a contract, one branch with another text of it, one without it, one of ours."""
    root = str(lab.root)
    harming(
        lab, {name: f"subprocess.run({git!r}, shell=True, check=True, cwd={root!r})" for name, (git, _) in GITS.items()}
    )
    for name in GITS:
        path_of(lab, name).unlink()
    contract = lab.contract
    claim = FALSIFIER.format(id="F-1", evaluator="bad", parameters="case: 'CASE'")
    contract.write_text(FRAME.format(falsifiers=claim))
    script = f"""
        set -e
        git init -q -b main . && git add . && {GIT}commit -qm first
        git switch -qc other && sed -i 's/is small/stays small/' contracts/c.yaml && {GIT}commit -qam other
        git switch -qc without main && git rm -q contracts/c.yaml && {GIT}commit -qm gone
        git switch -qc ours main && echo more > notes && git add . && {GIT}commit -qm ours
    """
    subprocess.run(["sh", "-c", script], cwd=lab.root, check=True)
    return contract


@pytest.mark.parametrize("name", GITS)
def test_134_nothing_is_written_into_another_branch(lab, name):
    """The claim that was measured is not the one that lies there now: status 3, and git sees no change."""
    contract = branched(lab)
    contract.write_text(contract.read_text().replace("CASE", name))
    if name not in DIRTY:
        subprocess.run([*GIT.split(), "commit", "-qam", "case"], cwd=lab.root, check=True)
    there = lab.root / "contracts" / "evidence"

    status, out, err = lab.pv("run", "--write", "-q")

    changes = subprocess.run(["git", "status", "--porcelain"], cwd=lab.root, capture_output=True, check=True).stdout
    assert (status, err) == (3, "")
    assert GITS[name][1] in out
    assert changes == b""
    assert not there.exists()


def test_135_two_that_apply_one_record_at_once_both_succeed(project, monkeypatch):
    """One file, one amendment: the second finds that what it was to write is there."""
    contract = claiming(project, "c")
    assert project.run("run", "--results", "results.jsonl").status == 0
    others = []
    real = files.locked

    def locked(folder):
        """Let another one be faster by a moment."""
        if not others:
            others.append(None)
            others[0] = project.run("apply", "results.jsonl")
            os.chdir(project.root)
        return real(folder)

    monkeypatch.setattr(files, "locked", locked)
    told = project.run("apply", "results.jsonl")

    assert (others[0].status, told.status) == (0, 0), told
    assert len(list((contract.parent / "evidence" / "c").iterdir())) == 1
    assert contract.read_text().count("\n- version: ") == 1
    assert project.run("validate").status == 0


def test_135_what_is_measured_again_is_the_same_record(project):
    """The second run adopts what the first one recorded, though its clock says another time."""
    contract = claiming(project, "c")
    assert project.run("run", "--write").status == 0
    once = {path: path.read_bytes() for path in contract.parent.rglob("*") if path.is_file()}

    told = project.run("run", "--write")

    assert told.status == 0
    assert {path: path.read_bytes() for path in contract.parent.rglob("*") if path.is_file()} == once


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_136_a_file_system_without_locks_is_not_written(project, monkeypatch, number):
    """Some networks have none: status 3 and the folder, whose contract is as it was."""
    contract = claiming(project, "c")
    before = contract.read_bytes()

    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.fcntl, "flock", flock)

    told = project.run("run", "--write")

    (refused,) = told.findings
    assert told.status == 3
    assert (refused.code, refused.path) == ("PV711", str(contract.parent.resolve()))
    assert refused.message == f"cannot lock the folder: {os.strerror(number).lower()}"
    assert contract.read_bytes() == before
    assert project.run("validate").status == 0


def test_136_a_folder_that_cannot_be_opened_is_not_written(project, monkeypatch):
    """The lock lies on the folder itself: without the right to open it there is none."""
    contract = claiming(project, "c")
    before = contract.read_bytes()

    class Shut:
        """The module os, for which one folder is shut."""

        def __getattr__(self, name):
            return getattr(os, name)

        def open(self, path, *words, **options):
            if os.fspath(path) == str(contract.parent.resolve()):
                raise OSError(errno.EACCES, "Permission denied")
            return os.open(path, *words, **options)

    monkeypatch.setattr(files, "os", Shut())

    told = project.run("run", "--write")

    assert told.status == 3
    assert "PV711 cannot lock the folder: permission denied" in told.out
    assert contract.read_bytes() == before


def test_136_two_names_of_a_folder_have_one_lock(project, impatient):
    """A link to the folder leads to the lock of the folder, and stays a link."""
    del impatient
    contract = claiming(project, "c")
    link = project.root / "linked"
    link.symlink_to("contracts")

    with held(contract.parent):
        busy = project.run("run", "--write", "linked/c.yaml")
    told = project.run("run", "--write", "linked/c.yaml")

    assert (busy.status, told.status) == (3, 0)
    assert BUSY in busy.out
    assert link.is_symlink()
    assert is_promoted(contract)


def test_136_the_lock_leaves_no_file(project):
    """So no pipe, link or file without permission can stand in its place."""
    contract = claiming(project, "c")
    before = {path.name for path in contract.parent.iterdir()}

    assert project.run("run", "--write").status == 0

    assert {path.name for path in contract.parent.iterdir()} - before == {"evidence"}


def test_137_validation_waits_for_no_lock(project):
    """Whoever only reads is never held up."""
    contract = claiming(project, "c")
    began = time.monotonic()

    with held(contract.parent):
        told = [project.run(*words) for words in (["validate"], ["status"], ["list"], ["run"], ["run", "--diff"])]

    assert [each.status for each in told] == [0] * 5
    assert time.monotonic() - began < files.PATIENCE


def test_137_validation_between_any_two_steps_of_a_write_sees_the_old_or_the_new(project, monkeypatch):
    """Before each call to the file system somebody validates: no half contract, no status before its record."""
    contract = claiming(project, "c")
    seen = []

    class Watched:
        """The module os; whoever looks at each of its calls makes calls too."""

        is_looked_at = False

        def __getattr__(self, name):
            found = getattr(os, name)
            return found if not callable(found) or isinstance(found, type) else partial(self.call, found)

        def call(self, found, *words, **options):
            if not self.is_looked_at:
                self.is_looked_at = True
                told = project.run("validate")
                seen.append((told.status, "1 discharged" in told.out, "0 discharged" in told.out))
                self.is_looked_at = False
            return found(*words, **options)

    monkeypatch.setattr(files, "os", Watched())
    told = project.run("run", "--write")
    monkeypatch.undo()

    old, new = (0, False, True), (0, True, False)
    assert told.status == 0
    assert is_promoted(contract)
    assert set(seen) == {old, new}
    assert seen == sorted(seen)
    assert seen.count(old) > 10


def test_137_validation_during_a_run_sees_the_old_or_the_new(project):
    """Never half a contract, nor a status whose record is not there yet."""
    contract = claiming(project, "c")
    command = [sys.executable, "-m", "pvcheck", "run", "--write", "-q"]
    seen = []

    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.PIPE, env=untraced()) as run:
        while run.poll() is None:
            seen.append((project.run("validate").status, project.run("validate").out))
        run.communicate()
    seen.append((project.run("validate").status, project.run("validate").out))

    assert run.returncode == 0
    assert {status for status, _ in seen} == {0}
    assert len(seen) > 2
    assert "0 discharged" in seen[0][1]
    assert "1 discharged" in seen[-1][1]
    assert is_promoted(contract)
