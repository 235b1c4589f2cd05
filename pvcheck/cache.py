"""What validation remembers between processes: packs of lines in a folder that only this user can write.

    $XDG_CACHE_HOME/pvcheck/validate/<digest of a project's folder and of pvcheck>.pack

A pack is a line with its own digest and then lines of a key and a value, the longest unused ones first. It is read
whole or not at all: one that is damaged, of another form or writable by others counts as not there. Nothing here
raises for what the disk does, because a cache may cost time and never an answer. What the lines mean is told where
they are made (``pipeline.remembering``); they hold digests and JSON, so nothing in one can run.
"""

from __future__ import annotations

import os
import re
import stat
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "PVCHECK_CACHE"
"""Set it to ``off`` to remember nothing and to believe nothing remembered."""
NAMES = ("pvcheck", "validate")
FORM = b"pvcheck validate 1 "
MAX_PACK = 32 << 20
"""Bytes of one pack: twenty thousand contracts of five falsifiers. What was not used for longest is dropped."""
MAX_PACKS = 16
"""Projects that are remembered, each for one version of pvcheck. The one that was written longest ago is dropped."""

_NAME = r"[0-9a-f]{32}\.pack"
_LEFT = rf"{_NAME}\.[0-9]{{1,10}}\.new"

AGED = 3600
"""Seconds after which nobody is still writing a pack."""

Lines = dict[bytes, bytes]


class Stored(NamedTuple):
    """One pack as it lies there: its file, its bytes, and how many entries it has; None if it cannot be used."""

    path: Path
    size: int
    entries: int | None


def root(environment: Mapping[str, str]) -> Path | None:
    """Return the user's cache folder: ``XDG_CACHE_HOME`` if that is absolute, else ``~/.cache``, else None."""
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given
    home = Path(environment.get("HOME", ""))
    return home / ".cache" if home.is_absolute() else None


def place(environment: Mapping[str, str]) -> Path | None:
    """Return the folder of the packs, there or not, or None where no folder is the user's."""
    start = root(environment)
    return None if start is None else start.joinpath(*NAMES)


def wanted(environment: Mapping[str, str]) -> Path | None:
    """Return the folder of the packs, unless the user wants none."""
    return None if environment.get(VARIABLE) == "off" else place(environment)


def name_of(project: str, code: bytes = b"") -> str:
    """Return the file name of a project's pack, as one pvcheck writes it."""
    return sha256(code + b"\0" + os.fsencode(project)).hexdigest()[:32] + ".pack"


def is_private(folder: Path) -> bool:
    """Say whether a folder of packs is there and nobody else could put one into it or in place of it.

    The folders of ``NAMES`` must be ours and writable by nobody else. Above them nobody may be able to rename: each
    is ours or root's, and not writable by everybody unless it is sticky, as ``/tmp`` is.
    """
    me = os.geteuid()
    try:
        for each in (folder, *folder.parents)[: len(NAMES)]:
            status = os.lstat(each)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != me or status.st_mode & 0o022:
                return False
    except (OSError, ValueError):
        return False
    return _is_safe(folder.parents[len(NAMES) - 1])


def _is_safe(start: Path) -> bool:
    """Say whether only root and we can rename the folders that lead to a folder, links followed."""
    try:
        arrival = Path(os.path.realpath(start))
        for each in {start, *start.parents, arrival, *arrival.parents}:
            status = each.stat()
            is_loose = status.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH
            if is_loose or status.st_uid not in {0, os.geteuid()}:
                return False
    except (OSError, ValueError):
        return False
    return True


def load(path: Path) -> Lines:
    """Return the lines of a pack by their keys; nothing where it is not there, not private or not whole."""
    data = _read(path) if is_private(path.parent) else b""
    head, _, rest = data.partition(b"\n")
    if head != FORM + sha256(rest).hexdigest().encode():
        return {}
    lines: Lines = {}
    for line in rest.split(b"\n")[:-1]:
        key, _, value = line.partition(b" ")
        lines[key] = value
    return lines


def save(path: Path, lines: Lines) -> bool:
    """Put lines in place of a pack, and say whether that worked. Of two that do so at once, the last one wins."""
    if not _made(path.parent):
        return False
    rest = _joined(lines)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            left = memoryview(FORM + sha256(rest).hexdigest().encode() + b"\n" + rest)
            while left:
                left = left[os.write(descriptor, left) :]
        finally:
            os.close(descriptor)
        os.replace(temporary, path)  # noqa: PTH105 - as files.write, without waiting for the disk: a lost pack costs time
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - as above
        return False
    _bound(path.parent)
    return True


def stored(folder: Path) -> Iterator[Stored]:
    """Yield the packs of a folder, by name, each looked at as a run would."""
    for path in _packs(folder):
        with suppress(OSError):
            yield Stored(path, path.lstat().st_size, len(load(path)) or None)


def clear(folder: Path) -> tuple[int, int]:
    """Remove every pack and what a killed run left of one; return how many files, and their bytes.

    Nothing else is removed: other files stay, and so do folders that are not ours alone.
    """
    count = size = 0
    if is_private(folder):
        for path in [*_packs(folder), *_packs(folder, _LEFT)]:
            with suppress(OSError):
                freed = path.lstat().st_size
                path.unlink()
                count, size = count + 1, size + freed
    return count, size


def _read(path: Path) -> bytes:
    """Return the bytes of a regular file of ours that nobody else can write; nothing for any other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (OSError, ValueError):
        return b""
    with suppress(OSError), os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
        return file.read(MAX_PACK + 1024) if ours and status.st_size <= MAX_PACK + 1024 else b""
    return b""


def _made(folder: Path) -> bool:
    """Make the folder of the packs where it is not there, and say whether it can be used."""
    try:
        start = folder.parents[len(NAMES) - 1]
        start.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe(start):  # such as that of another user, whom a folder of ours would only stand in the way
            return False
        for each in reversed((folder, *folder.parents)[: len(NAMES)]):
            each.mkdir(mode=0o700, exist_ok=True)
    except (OSError, ValueError):
        return False
    return is_private(folder)


def _joined(lines: Lines) -> bytes:
    """Return lines as they are written: the last ones, as many as fit."""
    left = MAX_PACK
    kept: list[bytes] = []
    for key, value in reversed(lines.items()):
        left -= len(key) + len(value) + 2
        if left < 0:
            break
        kept.append(b"%b %b\n" % (key, value))
    return b"".join(reversed(kept))


def _packs(folder: Path, name: str = _NAME) -> list[Path]:
    """Return the files of a folder whose names are of a form that only this module gives."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is asked for
    except OSError:
        return []
    return [folder / each for each in names if re.fullmatch(name, each)]


def _bound(folder: Path) -> None:
    """Remove the packs that were written longest ago where there are too many, and what killed runs left of one."""
    with suppress(OSError):
        for path in sorted(_packs(folder), key=lambda each: each.lstat().st_mtime_ns)[:-MAX_PACKS]:
            path.unlink(missing_ok=True)
        for path in _packs(folder, _LEFT):
            if path.lstat().st_mtime < time.time() - AGED:
                path.unlink(missing_ok=True)
