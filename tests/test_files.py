"""Touching the file system: reads that never hang, writes that never leave half a file, one lock."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pvcheck import files
from pvcheck.errors import NotMeasuredError


class Disk:
    """The os module with calls that can be made to fail."""

    def __init__(self, **replaced) -> None:
        self.replaced = replaced

    def __getattr__(self, name: str):
        return self.replaced.get(name, getattr(os, name))


def failing(number: int):
    """Return a call that the system refuses."""

    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    return refuse


# --- reading ---


def test_a_file_is_read_whole(tmp_path):
    """The bytes come as they are."""
    (tmp_path / "c.yaml").write_bytes(b"a\r\nb\xff")

    assert files.read(tmp_path / "c.yaml", 100) == b"a\r\nb\xff"


def test_a_read_is_bounded(tmp_path):
    """One byte more than the limit is read, so that the caller sees it was passed."""
    (tmp_path / "big").write_bytes(b"x" * 50)

    assert files.read(tmp_path / "big", 10) == b"x" * 11
    assert files.read(tmp_path / "big", 50) == b"x" * 50


def test_a_read_that_comes_in_parts_goes_on(tmp_path, monkeypatch):
    """A system that gives two bytes at a time gives the whole file in the end."""
    (tmp_path / "c").write_bytes(b"abcdefg")
    monkeypatch.setattr(files, "os", Disk(read=lambda descriptor, size: os.read(descriptor, min(size, 2))))

    assert files.read(tmp_path / "c", 6) == b"abcdefg"


def refused(path: Path, limit: int = 100) -> str:
    """Return what a refused read says, without the folder."""
    with pytest.raises(files.UnreadableError) as caught:
        files.read(path, limit)
    finding = caught.value.findings[0]
    assert (finding.hint, finding.exit_code, caught.value.exit_code) == ("check the path and its permissions", 3, 3)
    return str(finding).replace(f"{path.parent}/", "")


def test_a_missing_file_is_told(tmp_path):
    """A path that leads nowhere is named."""
    assert refused(tmp_path / "c.yaml") == "c.yaml: PV708 cannot read: no such file or directory"


def test_a_folder_is_no_file(tmp_path):
    """A folder is refused before anything is read."""
    (tmp_path / "folder").mkdir()

    assert refused(tmp_path / "folder") == "folder: PV708 cannot read: not a regular file"


def test_a_pipe_does_not_hang(tmp_path):
    """A pipe without a writer is refused at once."""
    os.mkfifo(tmp_path / "pipe")
    begun = time.monotonic()

    assert refused(tmp_path / "pipe") == "pipe: PV708 cannot read: not a regular file"
    assert time.monotonic() - begun < 1


def test_a_device_is_no_file():
    """An endless device is refused before a byte is read."""
    assert refused(Path("/dev/zero")) == "zero: PV708 cannot read: not a regular file"


def test_a_link_in_a_circle_is_told(tmp_path):
    """A link to itself ends in a refusal."""
    (tmp_path / "loop").symlink_to("loop")

    assert refused(tmp_path / "loop") == "loop: PV708 cannot read: too many levels of symbolic links"


def test_a_path_that_no_system_takes_is_told(tmp_path):
    """A NUL in a name is refused and shown escaped."""
    assert refused(tmp_path / "a\0b") == "a\\x00b: PV708 cannot read: embedded null byte"


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    """The system's reason is in the message."""
    (tmp_path / "c").write_bytes(b"x")
    monkeypatch.setattr(files, "os", Disk(open=failing(errno.EACCES)))

    assert refused(tmp_path / "c") == "c: PV708 cannot read: permission denied"


def test_reading_leaves_no_descriptor_open(tmp_path):
    """Good and refused reads give back what they opened."""
    (tmp_path / "c").write_bytes(b"x")
    before = len(list(Path("/proc/self/fd").iterdir()))

    files.read(tmp_path / "c", 1)
    refused(tmp_path)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


# --- writing ---


def names(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_mode_of_the_umask(tmp_path):
    """A new file is readable as any other new file is, and nothing lies beside it."""
    mask = os.umask(0o027)
    try:
        files.write(tmp_path / "new", b"data")
    finally:
        os.umask(mask)

    assert (tmp_path / "new").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert names(tmp_path) == ["new"]


def test_the_umask_stays_as_it_was(tmp_path):
    """The mask can only be read by setting it, so it is put back."""
    mask = os.umask(0o027)
    try:
        files.write(tmp_path / "new", b"")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mask)


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o444])
def test_a_write_keeps_the_mode(tmp_path, mode):
    """A file keeps its permissions when its bytes are replaced."""
    (tmp_path / "c").write_bytes(b"old")
    (tmp_path / "c").chmod(mode)

    files.write(tmp_path / "c", b"new")

    assert (tmp_path / "c").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == mode


def test_a_link_keeps_pointing(tmp_path):
    """The file behind a link is replaced, not the link."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("deep/real")

    files.write(tmp_path / "link", b"new")

    assert (tmp_path / "link").readlink() == Path("deep/real")
    assert (tmp_path / "deep" / "real").read_bytes() == b"new"
    assert names(tmp_path / "deep") == ["real"]


def test_119_a_short_write_goes_on(tmp_path, monkeypatch):
    """A system that takes three bytes at a time takes them all in the end."""
    monkeypatch.setattr(files, "os", Disk(write=lambda descriptor, data: os.write(descriptor, data[:3])))

    files.write(tmp_path / "c", b"0123456789")

    assert (tmp_path / "c").read_bytes() == b"0123456789"


def test_data_is_on_the_disk_before_the_name_moves(tmp_path, monkeypatch):
    """Bytes are flushed, then the file is renamed, then the folder is flushed."""
    calls: list[str] = []

    def noted(name: str):
        def call(*words):
            calls.append(name)
            return getattr(os, name)(*words)

        return call

    monkeypatch.setattr(files, "os", Disk(**{name: noted(name) for name in ("write", "fchmod", "fsync", "replace")}))

    files.write(tmp_path / "c", b"x")

    assert calls == ["write", "fchmod", "fsync", "replace", "fsync"]


@pytest.mark.parametrize("call", ["open", "write", "fchmod", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "why"),
    [(errno.ENOSPC, "no space left on device"), (errno.EACCES, "permission denied"), (errno.EIO, "input/output error")],
    ids=["full", "forbidden", "broken"],
)
def test_a_disk_that_refuses_leaves_the_file_as_it_was(tmp_path, monkeypatch, call, number, why):
    """Whichever call fails, the old bytes stay, nothing lies beside them, and the reason is told."""
    target = tmp_path / "c"
    target.write_bytes(b"old")
    monkeypatch.setattr(files, "os", Disk(**{call: failing(number)}))

    with pytest.raises(NotMeasuredError) as caught:
        files.write(target, b"new")

    assert str(caught.value) == f"{target}: PV711 cannot write: {why}"
    assert caught.value.findings[0].hint == "make room or mend permissions, and run again"
    assert caught.value.findings[0].exit_code == 3
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["c"]


def test_a_write_that_the_disk_did_not_confirm_is_told_as_such(tmp_path, monkeypatch):
    """The file is the new one, and only a loss of power could undo it: "nothing was written" would be a lie."""
    target = tmp_path / "c"
    target.write_bytes(b"old")
    calls = iter([os.fsync, failing(errno.EIO)])

    def fsync(descriptor: int) -> None:
        next(calls)(descriptor)

    monkeypatch.setattr(files, "os", Disk(fsync=fsync))

    with pytest.raises(NotMeasuredError) as caught:
        files.write(target, b"new")

    assert str(caught.value) == f"{target}: PV711 written, but the disk did not confirm it: input/output error"
    assert (names(tmp_path), target.read_bytes()) == (["c"], b"new")


def test_a_folder_that_cannot_be_opened_for_the_lock_is_told(tmp_path):
    """The machine is at fault, and the message says how."""
    with pytest.raises(NotMeasuredError) as caught, files.locked(tmp_path / "nowhere"):
        pass

    assert str(caught.value) == f"{tmp_path}/nowhere: PV711 cannot lock the folder: no such file or directory"


def test_a_disk_that_fills_in_the_middle_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """Half a temporary file is removed."""
    target = tmp_path / "c"
    target.write_bytes(b"old")
    calls = iter([lambda descriptor, data: os.write(descriptor, data[:2]), failing(errno.ENOSPC)])

    def write(descriptor: int, data: memoryview) -> int:
        return next(calls)(descriptor, data)

    monkeypatch.setattr(files, "os", Disk(write=write))

    with pytest.raises(NotMeasuredError):
        files.write(target, b"new bytes")

    assert (names(tmp_path), target.read_bytes()) == (["c"], b"old")


def test_an_interrupt_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    """Ctrl-C in the middle of a write passes on and leaves nothing behind."""
    target = tmp_path / "c"
    target.write_bytes(b"old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "os", Disk(fsync=interrupt))

    with pytest.raises(KeyboardInterrupt):
        files.write(target, b"new")

    assert (names(tmp_path), target.read_bytes()) == (["c"], b"old")


def test_130_the_leftovers_of_killed_runs_are_removed(tmp_path):
    """Temporary files in the folder go, whatever they were for: who writes holds its lock."""
    target = tmp_path / "c[1].yaml"
    for name in (".c[1].yaml.123.pvtmp", ".other.123.pvtmp", "c[1].yaml.pvtmp"):
        (tmp_path / name).write_bytes(b"half")

    files.write(target, b"new")

    assert names(tmp_path) == ["c[1].yaml", "c[1].yaml.pvtmp"]


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path):
    """While a file is replaced again and again, no reader sees half of it."""
    target = tmp_path / "c"
    files.write(target, b"a" * 5000)
    done = threading.Event()

    def turn() -> None:
        for _ in range(15):
            files.write(target, b"b" * 5000)
            files.write(target, b"a" * 5000)
        done.set()

    writer = threading.Thread(target=turn)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(files.read(target, 10_000))
    writer.join()

    assert seen <= {b"a" * 5000, b"b" * 5000}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the child only writes and dies
def test_a_write_killed_at_any_call_leaves_old_or_new(tmp_path):
    """A process that dies before each call in turn leaves a whole file, and the next write clears up."""
    target = tmp_path / "c"
    for call in ("open", "write", "fchmod", "fsync", "replace"):
        target.write_bytes(b"old")
        child = os.fork()
        if child == 0:
            files.os = Disk(**{call: lambda *_: os._exit(9)})
            files.write(target, b"new")
            os._exit(0)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert target.read_bytes() == b"old"
        files.write(target, b"next")
        assert (names(tmp_path), target.read_bytes()) == (["c"], b"next")


# --- folders ---


def test_a_folder_is_made_with_those_above_it(tmp_path):
    """A folder that is there already is no error."""
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    """A file in the way is the system's reason."""
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(NotMeasuredError) as caught:
        files.make_folder(tmp_path / "a" / "b")

    assert str(caught.value) == f"{tmp_path}/a/b: PV711 cannot make the folder: not a directory"
    assert caught.value.findings[0].hint == "make room or mend permissions, and run again"


# --- the lock ---

HOLDER = """
import sys, time
from pathlib import Path
from pvcheck import files
with files.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Start another process that holds the lock of a folder."""
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_the_lock_keeps_another_process_out(tmp_path, holder):
    """After the patience the other one is named, and nothing was written."""
    del holder
    begun = time.monotonic()

    with pytest.raises(NotMeasuredError) as caught, files.locked(tmp_path, patience=0.1):
        pytest.fail("the lock was given twice")

    assert str(caught.value) == f"{tmp_path}: PV709 another pv is writing here"
    assert caught.value.findings[0].hint == "wait for it, and run again"
    assert 0.1 <= time.monotonic() - begun < 5
    assert names(tmp_path) == []


def test_a_killed_holder_holds_nothing(tmp_path, holder):
    """The lock dies with its process, and whoever waits gets it."""
    threading.Timer(0.1, holder.send_signal, [signal.SIGKILL]).start()

    with files.locked(tmp_path, patience=10):
        assert names(tmp_path) == []


def test_the_lock_is_given_back(tmp_path):
    """After the block, also one that fails, the next one may write."""
    with pytest.raises(ZeroDivisionError), files.locked(tmp_path, patience=0):
        raise ZeroDivisionError

    with files.locked(tmp_path, patience=0):
        pass


def test_a_new_file_has_its_mode_and_stands_in_nobodys_place(tmp_path):
    """Neither a file nor a link that leads nowhere is replaced."""
    for name in ("file", "link"):
        (tmp_path / name).symlink_to("nowhere") if name == "link" else (tmp_path / name).write_bytes(b"old")

    assert files.create(tmp_path / "new", b"secret", 0o600)
    assert [files.create(tmp_path / name, b"secret", 0o600) for name in ("new", "file", "link")] == [False] * 3

    assert (tmp_path / "new").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file", "link", "new"]


@pytest.mark.parametrize("call", ["open", "write", "fchmod", "fsync", "link"])
def test_a_disk_that_refuses_makes_no_new_file(tmp_path, monkeypatch, call):
    """Not even a part of one."""
    monkeypatch.setattr(files, "os", Disk(**{call: failing(errno.ENOSPC)}))

    with pytest.raises(NotMeasuredError) as caught:
        files.create(tmp_path / "new", b"secret", 0o600)

    place, what = (tmp_path, "cannot lock the folder") if call == "open" else (tmp_path / "new", "cannot write")
    assert str(caught.value) == f"{place}: PV711 {what}: no space left on device"
    assert names(tmp_path) == []


def test_a_new_file_finds_no_leftovers_beside_it(tmp_path):
    """Those of runs that were killed go, and a removal that fails once is made again."""
    (tmp_path / ".new.4000000.pvtmp").write_bytes(b"sec")

    assert files.create(tmp_path / "new", b"secret", 0o600)

    assert names(tmp_path) == ["new"]


def test_a_new_file_leaves_nothing_beside_it_if_a_removal_fails(tmp_path, monkeypatch):
    """It is there, and the trouble is told."""
    failed = []

    def refuse(path):
        if not failed:
            failed.append(path)
            raise OSError(errno.EIO, "Input/output error")
        os.unlink(path)  # noqa: PTH108 - what is tested calls it so

    monkeypatch.setattr(files, "os", Disk(unlink=refuse))

    with pytest.raises(NotMeasuredError, match="PV711 cannot write: input/output error"):
        files.create(tmp_path / "new", b"secret", 0o600)

    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("name", ["open", "write", "close", "unlink"])
def test_a_rehearsal_leaves_nothing_whatever_fails(tmp_path, monkeypatch, name):
    """The disk refuses once, at any of its calls: that is told, and no file stays."""
    path = tmp_path / "c.yaml"
    path.write_bytes(b"old")
    calls = []
    found = getattr(os, name)

    def refuse(*words, **options):
        calls.append(words)
        if len(calls) > 1:
            return found(*words, **options)
        if name == "close":
            found(*words)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, name, refuse)

    with pytest.raises(NotMeasuredError, match="PV711 cannot write: input/output error"):
        files.rehearse(path, 100_000)

    monkeypatch.undo()
    assert [each.name for each in tmp_path.iterdir()] == ["c.yaml"]
    assert path.read_bytes() == b"old"
