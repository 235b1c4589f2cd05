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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck.errors import Finding, NotMeasuredError, PvError, escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPORARY = ".pvtmp"
PATIENCE = 10.0
"""Seconds to wait for another pv that is writing."""


class UnreadableError(PvError):
    """A file that was named cannot be read. Nothing can be told about it."""

    exit_code = 3


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, at most ``limit + 1`` of them.

    Pipes and devices are refused before a byte is read, so nothing can hang here.

    :raises UnreadableError: if it is missing, no regular file, or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
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
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        shown = escaped(str(path))
        raise UnreadableError(
            Finding(
                "PV708", f"cannot read: {why.lower()}", shown, hint="check the path and its permissions", exit_code=3
            )
        ) from None


class Disk:
    """What the rules may ask of the file system. Who keeps answers puts a disk here that remembers what was asked."""

    def read(self, path: Path, limit: int) -> bytes:
        """Return the bytes of a file, as ``read`` does."""
        return read(path, limit)

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


def write(path: Path, data: bytes) -> None:
    """Put bytes in place of a file, or make a new one; a link keeps pointing, a mode stays.

    :raises NotMeasuredError: if the disk refuses. The file is then as it was, unless the message says that it
        was written and only not confirmed.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}{TEMPORARY}")
    try:
        _remove_leftovers(target.parent)
        try:
            mode = stat.S_IMODE(os.stat(target).st_mode)
        except FileNotFoundError:
            mode = 0o666 & ~_umask()
        try:
            _fill(temporary, data, mode)
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


def create(path: Path, data: bytes, mode: int) -> bool:
    """Make a new file with a mode, and say whether nothing stood in its place, not even a link.

    Nobody sees half of it, nor with another mode.

    :raises NotMeasuredError: if the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        try:
            _fill(temporary, data, mode)
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            _unlink(temporary)
        _flush_folder(path.parent)
    except OSError as error:
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
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
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
        cannot be opened.
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
        yield
    finally:
        os.close(descriptor)


def _fill(temporary: Path, data: bytes, mode: int) -> None:
    """Write and flush a new file; a short write goes on where it stopped."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
