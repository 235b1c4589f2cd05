"""Every touch of the file system that pvcheck's own process makes: bounded reads, atomic writes, one lock.

A write is a temporary file beside the target, flushed, then renamed over it: killed at any point, the
target is the old file or the new one. A reader never blocks and never sees half a file.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck.errors import Finding, NotMeasuredError, PvError, escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPORARY = ".pvtmp"
LONGEST = 220
"""Bytes of a name that a temporary file takes over: systems allow 255, and the rest of its name is short."""
PATIENCE = 10.0
"""Seconds to wait for another pv that is writing."""

_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""A folder is passed through, which asks for no right to list it where the system has a flag for that."""


_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})


class UnreadableError(PvError):
    """A file that was named cannot be read. Nothing can be told about it."""

    exit_code = 3


class GoneError(UnreadableError):
    """There is no file of that name."""


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, at most ``limit + 1`` of them.

    Pipes and devices are refused before a byte is read, so nothing can hang here.

    :raises UnreadableError: if it is missing, no regular file, or cannot be read.
    """
    return _read(path, limit, lambda: os.open(path, _READING))


def read_inside(path: Path, root: Path, limit: int) -> bytes:
    """Return the bytes of a regular file in a folder or below, as ``read`` does; links may not lead out.

    Each step is opened from the descriptor of the one before, and none through a link: what was found to lie inside
    is what is read, whoever renames folders meanwhile.

    :param root: where it must lie, best without links.
    :raises UnreadableError: as ``read``, and if it leads out.
    """
    return _read(path, limit, lambda: _open_inside(str(path), str(root)))


def _read(path: Path, limit: int, opened: Callable[[], int]) -> bytes:
    """Return the bytes of a regular file that is opened here."""
    try:
        descriptor = opened()
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            parts: list[bytes] = []
            left = limit + 1
            while left and (part := os.read(descriptor, left)):
                parts.append(part)
                left -= len(part)
            return b"".join(parts)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        is_out = isinstance(error, OSError) and error.errno == errno.EXDEV
        kind = GoneError if isinstance(error, OSError) and error.errno in _GONE else UnreadableError
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        told = f"cannot read: {why if is_out else why.lower()}"
        hint = "put the file itself in the place of the link" if is_out else "check the path and its permissions"
        raise kind(Finding("PV708", told, escaped(str(path)), hint=hint, exit_code=3)) from None


def _open_inside(path: str, root: str) -> int:
    """Return a descriptor of a file below a folder; a link on the way costs a look at where it leads."""
    steps = _steps(path if path.startswith("/") else f"{os.getcwd()}/{path}", root)
    if steps is not None:
        try:
            return _descend(root, steps)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                raise
    top = os.path.realpath(root)
    steps = _steps(os.path.realpath(path), top)
    if steps is None:
        raise OSError(errno.EXDEV, f"it leads out of {quoted(os.path.basename(top) or top)}")
    return _descend(top, steps)


def _steps(path: str, root: str) -> list[str] | None:
    """Return the names that lead from a folder down to a file, or None where a path does not say so."""
    top = root.rstrip("/") + "/"
    steps = path[len(top) :].split("/")
    return steps if path.startswith(top) and not {"", ".", ".."} & {*steps} else None


def _descend(root: str, steps: list[str]) -> int:
    """Return a descriptor of a file, each step opened from the one before and none of them a link."""
    here = os.open(root, _STEP)
    try:
        for step in steps[:-1]:
            below = os.open(step, _STEP | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        return os.open(steps[-1], _READING | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


class Disk:
    """What the rules may ask of the file system. Who keeps answers puts a disk here that remembers what was asked.

    With a root, nothing is read outside of it.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._within = root

    def read(self, path: Path, limit: int) -> bytes:
        """Return the bytes of a file, as ``read_inside`` does, or ``read`` without a root."""
        return read(path, limit) if self._within is None else read_inside(path, self._within, limit)

    def inside(self, path: Path, root: Path) -> Path | None:
        """Return where a path arrives, links followed, or None where that is outside of a folder."""
        place = Path(os.path.realpath(path))
        return place if place.is_relative_to(os.path.realpath(root)) else None

    def finds(self, name: str, look: Callable[[str], bool]) -> bool:
        """Say whether a file is there that a contract names in words."""
        return look(name)


DISK = Disk()
"""The file system as it is."""


class Places:
    """Where paths arrive, links followed. Each folder is asked for once, since many files lie in one."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._folders: dict[str, str] = {}

    def real(self, path: str) -> str:
        """Return what ``os.path.realpath`` returned when it was first asked."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._real(path)
        return found

    def plain(self, folder: str, name: str) -> str:
        """Return where a file of a folder arrives that is known to be no link."""
        found = os.path.join(folder, name)
        self._known[found] = os.path.join(self.folder(folder), name)
        return found

    def folder(self, path: str) -> str:
        """Return where a folder arrives."""
        if path not in self._folders:
            self._folders[path] = os.path.realpath(path)
        return self._folders[path]

    def _real(self, path: str) -> str:
        folder, name = os.path.split(path)
        whole = os.path.join(self.folder(folder), name)
        is_plain = name not in {"", ".", ".."} and not os.path.islink(whole)
        return whole if is_plain else os.path.realpath(path)


def write(path: Path, data: bytes, at_last: Callable[[], None] | None = None) -> None:
    """Put bytes in place of a file, or make a new one; a link keeps pointing. The caller holds the folder's lock.

    Mode, access lists and the attributes of users stay, and owner and group where the system lets them.

    :param at_last: called directly before the file is replaced; what it raises leaves the file as it was.
    :raises NotMeasuredError: if the disk refuses. The file is then as it was, unless the message says that it
        was written and only not confirmed.
    """
    target = Path(os.path.realpath(path))
    temporary = _beside(target)
    try:
        _remove_leftovers(target.parent)
        try:
            old = os.stat(target)
        except FileNotFoundError:
            old = None
        try:
            if old is None:
                _fill(temporary, data, 0o666 & ~_umask())
            else:
                _fill(temporary, data, stat.S_IMODE(old.st_mode), partial(_keep, target, old))
            if at_last is not None:
                at_last()
            os.replace(temporary, target)
        except BaseException:
            _unlink(temporary)
            raise
    except OSError as error:
        raise _refused("cannot write", error, path) from None
    try:
        _flush_folder(target.parent)
    except OSError as error:
        raise _refused("written, but the disk did not confirm it", error, path) from None


def put(path: Path, data: bytes) -> None:
    """Write bytes as ``write`` does, under the lock of the file's folder.

    :raises NotMeasuredError: as ``write`` and ``locked`` do.
    """
    with locked(Path(os.path.realpath(path)).parent):
        write(path, data)


def rehearse(path: Path, size: int) -> None:
    """Make a file beside one that is to be written, of as many bytes, and remove it; the caller holds the lock.

    :raises NotMeasuredError: if the disk refuses, as it would when the work is done.
    """
    target = Path(os.path.realpath(path))
    temporary = _beside(target)
    try:
        _remove_leftovers(target.parent)
        try:
            descriptor = os.open(temporary, _NEW, 0o600)
            try:
                _pour(descriptor, bytes(size))
            finally:
                os.close(descriptor)
        finally:
            _unlink(temporary)
    except OSError as error:
        with suppress(OSError):
            _unlink(temporary)  # it may be the removal that failed
        raise _refused("cannot write", error, path) from None


def create(path: Path, data: bytes, mode: int) -> bool:
    """Make a new file with a mode, and say whether nothing stood in its place, not even a link.

    Nobody sees half of it, nor with another mode.

    :raises NotMeasuredError: if the disk refuses, or as ``locked`` does.
    """
    temporary = _beside(path)
    with locked(path.parent):
        try:
            _remove_leftovers(path.parent)
            try:
                _fill(temporary, data, mode)
                os.link(temporary, path)
            except FileExistsError:
                return False
            finally:
                _unlink(temporary)
            _flush_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                _unlink(temporary)  # it may be the removal that failed
            raise _refused("cannot write", error, path) from None
    return True


def append(path: Path, data: bytes) -> None:
    """Put bytes behind those of a file, or make a new one; the file is one that several programs write in turn.

    :raises NotMeasuredError: if the disk refuses, or the file is no regular one.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            _pour(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _refused("cannot write", error, path) from None


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    :raises NotMeasuredError: if the disk refuses.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise _refused("cannot make the folder", error, path) from None


def _refused(what: str, error: OSError, path: Path) -> NotMeasuredError:
    """Return what the disk said, as the end of a command."""
    why = (error.strerror or str(error)).lower()
    hint = "make room or mend permissions, and run again"
    return NotMeasuredError(Finding("PV711", f"{what}: {why}", escaped(str(path)), hint=hint, exit_code=3))


@contextmanager
def locked(folder: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the writing lock of a folder. It lies on the folder itself, so it leaves no file and dies with us.

    :raises NotMeasuredError: if another process keeps it for longer than ``patience`` seconds, or the folder
        cannot be opened or locked.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _refused("cannot lock the folder", error, folder) from None
    try:
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise NotMeasuredError(
                        Finding(
                            "PV709",
                            "another pv is writing here",
                            escaped(str(folder)),
                            hint="wait for it, and run again",
                            exit_code=3,
                        )
                    ) from None
                time.sleep(0.02)
            except OSError as error:  # a file system without locks
                raise _refused("cannot lock the folder", error, folder) from None
        yield
    finally:
        os.close(descriptor)


def _beside(target: Path) -> Path:
    """Return the temporary file of a target; it has a part of a name that leaves no room for more."""
    name = os.fsdecode(os.fsencode(target.name)[:LONGEST])
    return target.with_name(f".{name}.{os.getpid()}{TEMPORARY}")


def _fill(temporary: Path, data: bytes, mode: int, keep: Callable[[int], None] | None = None) -> None:
    """Write and flush a new file.

    :param keep: gives the open file what else the one has that it will replace.
    """
    descriptor = os.open(temporary, _NEW, 0o600)
    try:
        _pour(descriptor, data)
        os.fchmod(descriptor, mode)
        if keep is not None:
            keep(descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pour(descriptor: int, data: bytes) -> None:
    """Write all of some bytes; a short write goes on where it stopped."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _keep(target: Path, old: os.stat_result, descriptor: int) -> None:
    """Give a new file the owner, the group, the access lists and the attributes of the one that it will replace.

    Labels of the system ("security") are its own to give. An owner that may not be given is not: whoever may write
    the file may have another one. An attribute that cannot be kept is an error.
    """
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))  # a new owner costs the bits of setuid and setgid
    for name in _attributes(target):
        os.setxattr(descriptor, name, os.getxattr(target, name))


def _attributes(target: Path) -> list[str]:
    """Return the names of the access lists and user's attributes of a file, where the system has such a thing."""
    if not hasattr(os, "listxattr"):
        return []
    try:
        return [each for each in os.listxattr(target) if each.startswith(("user.", "system."))]
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise


def _flush_folder(folder: Path) -> None:
    """Make a rename durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder: Path) -> None:
    """Remove temporary files of runs that were killed; the caller holds the lock, so none is in use."""
    for leftover in folder.glob(f".*{TEMPORARY}"):
        _unlink(leftover)


def _unlink(path: Path) -> None:
    """Remove a file that may be gone already."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _umask() -> int:
    """Return the process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
