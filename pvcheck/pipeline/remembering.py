"""What a check of one contract found, kept so that the next run need not check it again.

A check is a function of what it reads. So two things are kept:

* **results**, by the digest of all that is known before a check begins: pvcheck itself, the settings, the catalogue of
  evaluators, the day where the settings look at it, the contract's place in the project and its bytes. With a result
  stands everything the check asked the disk for, and the digest of each answer: it holds only where every question
  has the same answer today.
* **seals**, by the place of a contract: the digest of its bytes, and one over the stamps of all files that its check
  read: device, inode, size and times, as git's index has them. They only save reading: where the stamps are the same,
  no file is read again; where one is not, all of them are, and their digests decide.

A file that changed less than ``SETTLED`` before it was read leaves no seal, since the next change might leave the same
times. What a stamp cannot see is a change that leaves the kernel's own change time as it was: by who can set the
clock, write the disk below the file system, or keep the file mapped for writing. Who has to rule that out uses
``--no-cache``, or starts with an empty folder, as a CI job does.
"""

from __future__ import annotations

import json
import marshal
import os
import stat
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import __version__, cache, files
from pvcheck.pipeline import outlining
from pvcheck.pipeline.checking import MAX_CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from pvcheck.cache import Lines
    from pvcheck.config import Config
    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.checking import Checked

SETTLED = 2_000_000_000
"""Nanoseconds: the coarsest times that a file system keeps."""
LIBRARIES = ("yaml", "jsonschema_rs", "jsonschema", "referencing")
"""What the findings of a file depend on beside our own code."""

Stamp = list[int]


class Sight(NamedTuple):
    """What is known of one file: its stamp, where it has one that can be relied on, and the digest of its bytes.

    The digest is empty where the file cannot be read.
    """

    stamp: Stamp | None
    digest: str


def stamp_of(place: str) -> Stamp | None:
    """Return the stamp of a regular file, empty where nothing is; None for a link and whatever else there is."""
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def settled(before: Stamp | None, after: Stamp | None, now: int) -> Stamp | None:
    """Return the stamp of a file that was read, if no change that comes could leave it the same."""
    is_old = before is not None and before == after and max(before[3:], default=0) < now - SETTLED
    return before if is_old else None


def seal_of(stamps: list[Stamp | None]) -> bytes:
    """Return what stands for all stamps together; nothing where one of them cannot be relied on."""
    return b"" if None in stamps else _digest(marshal.dumps(stamps, 2))  # 2: the last form in which equal is the same


class Recorder(files.Disk):
    """The disk as one check sees it: what was asked, and the digests of the answers.

    ``is_whole`` turns false where something was asked that could not be asked again from another run.
    """

    def __init__(self, contract: Path, folder: str, root: str) -> None:
        near = str(contract.parent)
        self.near = "" if near == "." else near.rstrip("/") + "/"
        self.folder = folder
        self.root = root
        self.top = root.rstrip("/") + "/"
        self.asked: dict[tuple[str, str], JSON] = {}
        self.stamps: dict[str, Stamp | None] = {}
        self.is_whole = True

    def read(self, path: Path, limit: int) -> bytes:
        """Return the bytes of a file, and remember their digest."""
        place = self._place(path)
        whole = os.path.join(self.root, place)  # noqa: PTH118 - texts, as below
        now, before = time.time_ns(), stamp_of(whole)
        found = ""
        try:
            data = files.read_inside(Path(whole), Path(self.root), limit)
            found = sha256(data).hexdigest()
        finally:
            self._keep(("read", place), [limit, found])
            self.stamps[place] = settled(before, stamp_of(whole), now)
        return data

    def inside(self, path: Path, root: Path) -> Path | None:
        """Return where a path arrives, and remember it."""
        place = super().inside(path, root)
        near = self._near(path)
        if near is None:
            self.is_whole = False  # an absolute path, which is the same from every folder only by chance
            return place
        told = None if place is None else self._under_root(str(place))
        self._keep(("inside", near), told)
        return place

    def finds(self, name: str, look: Callable[[str], bool]) -> bool:
        """Say whether a file is there that a contract names in words, and remember it."""
        found = super().finds(name, look)
        self._keep(("finds", name), found)
        return found

    def _keep(self, question: tuple[str, str], answer: JSON) -> None:
        """Remember an answer; two answers to one question are of a disk that moves."""
        self.is_whole &= self.asked.setdefault(question, answer) == answer

    def _place(self, path: Path) -> str:
        """Return a path relative to the root: one beside the contract, or one that was found to lie inside."""
        near = self._near(path)
        whole = str(path) if near is None else os.path.join(self.folder, near)  # noqa: PTH118 - texts, as os.lstat wants them
        self.is_whole &= os.path.isabs(whole) and ".." not in path.parts  # noqa: PTH117 - as above
        return self._under_root(whole)

    def _near(self, path: Path) -> str | None:
        """Return a path relative to the folder of the contract, or None where it is not told from there.

        A text, because the methods of paths take longer than the file.
        """
        told = str(path)
        is_near = told.startswith(self.near) if self.near else not path.is_absolute()
        return told[len(self.near) :] if is_near and not told.startswith("//") else None

    def _under_root(self, whole: str) -> str:
        """Return what ``os.path.relpath`` does, which takes longer where the way down is plain."""
        is_plain = whole.startswith(self.top) and ".." not in whole and "//" not in whole
        return whole[len(self.top) :] if is_plain else os.path.relpath(whole, self.root)


class Memory:
    """What is remembered of the contracts of one project. Each question about a file is asked once a run.

    A copy of a project, such as what is staged, shares the results of the one that it stands for. It leaves no seals:
    nobody meets its files again.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a part of what makes two runs alike, but for the last
        self,
        settings: Config,
        context: bytes,
        folder: Path | None,
        code: bytes,
        stands_for: Path | None = None,
        places: files.Places | None = None,
    ) -> None:
        self.settings = settings
        self.root = os.path.realpath(settings.root)
        self.is_copy = stands_for is not None
        self.top = self.root.rstrip("/") + "/"
        self.context = context
        home = self.root if stands_for is None else os.path.realpath(stands_for)
        self.path = None if folder is None else folder / cache.name_of(home, code)
        self.lines: Lines = {} if self.path is None else cache.load(self.path)
        self.seen: dict[str, Sight] = {}
        self.places = places or files.Places()
        self.changed = False

    def place(self, path: Path) -> str:
        """Return where a contract lies, relative to the root; nothing where it does not lie inside."""
        folder, name = os.path.split(path)
        return self.under_root(os.path.join(self.places.folder(folder), name)) or ""  # noqa: PTH118 - a text

    def under_root(self, place: str) -> str | None:
        """Return a real path relative to the root, or None where it lies outside."""
        return "." if place == self.root else place[len(self.top) :] if place.startswith(self.top) else None

    def known(self, path: Path) -> Checked | None:
        """Return what a check of a contract would find, if that is known."""
        if not self.lines:
            return None
        place = self.place(path)
        name = _name(place)
        digest, _, seal = self.lines.get(name, b"").partition(b" ")
        line = self.lines.get(self.key(place, digest.decode()))
        if seal and line is not None:
            reads, others, answer = json.loads(line)
            if self._sealed(place, reads) == seal:
                same = all(self.asked_again(path, *each) for each in others)
                return outlining.restored(answer, path, self.settings) if same else None
        return self._reread(path, place, name)

    def _reread(self, path: Path, place: str, name: bytes) -> Checked | None:
        """Return what is known of a contract by the digests of its files, and seal them again."""
        own = self.sight(place, MAX_CONTRACT)
        line = self.lines.get(self.key(place, own.digest)) if own.digest and not os.path.islink(path) else None  # noqa: PTH114 - a text
        if line is None:
            return None
        reads, others, answer = json.loads(line)
        stamps = [own.stamp]
        for file, limit, told in reads:
            sight = self.sight(file, limit)
            stamps.append(sight.stamp)
            if sight.digest != told:
                return None
        if not all(self.asked_again(path, *each) for each in others):
            return None
        if (seal := seal_of(stamps)) and not self.is_copy:
            self.take([(name, own.digest.encode() + b" " + seal)])
        return outlining.restored(answer, path, self.settings)

    def key(self, place: str, digest: str) -> bytes:
        """Return the key of a result."""
        return b"r" + _digest(b"\0".join((self.context, os.fsencode(place), digest.encode())))

    def asked_again(self, path: Path, kind: str, name: str, told: JSON) -> bool:
        """Ask one thing of the disk again that is no file to read, and say whether the answer is the same."""
        if kind == "inside":
            place = os.path.join(self.places.folder(os.path.dirname(path)), name)  # noqa: PTH118, PTH120 - texts
            return bool(self.under_root(self.places.real(place)) == told)
        from pvcheck.rules import paths as named  # noqa: PLC0415 - few contracts name files in words

        return bool(named.seeker(path, self.settings.root)(name)) is told

    def _sealed(self, place: str, reads: list[list[JSON]]) -> bytes:
        """Return the seal of the files as they are, which is nobody's where one is no regular file."""
        return seal_of([stamp_of(self.top + each) for each in (place, *(file for file, _, _ in reads))])

    def sight(self, place: str, limit: int) -> Sight:
        """Look at a file: each is read once a run."""
        name = f"{limit} {place}"
        if name not in self.seen:
            self.seen[name] = self._sight(self.top + place, limit)
        return self.seen[name]

    def _sight(self, whole: str, limit: int) -> Sight:
        """Read a file between two looks at its stamp."""
        now, before = time.time_ns(), stamp_of(whole)
        try:
            digest = sha256(files.read_inside(Path(whole), Path(self.root), limit)).hexdigest()
        except files.UnreadableError:
            digest = ""
        return Sight(settled(before, stamp_of(whole), now), digest)

    def learnt(self, path: Path, check: Callable[[Path, files.Disk], Checked]) -> bytes | None:
        """Check a contract, and return on one line what to remember of it; None where it cannot be told again."""
        place = self.place(path)
        if not place or os.path.islink(path):  # noqa: PTH114 - as below
            return None
        recorder = Recorder(path, self.places.folder(os.path.dirname(path)), self.root)  # noqa: PTH120 - a text
        answer = outlining.told(check(path, recorder))
        own = recorder.asked.pop(("read", place), None)
        if answer is None or own is None or not own[1] or not recorder.is_whole:
            return None
        reads = [[name, *told] for (kind, name), told in recorder.asked.items() if kind == "read"]
        others = [[kind, name, told] for (kind, name), told in recorder.asked.items() if kind != "read"]
        seal = seal_of([recorder.stamps[name] for name in (place, *(name for name, _, _ in reads))])
        return _text([place, own[1], seal.decode(), [reads, others, answer]])

    def taught(self, path: Path, line: bytes) -> Checked:
        """Remember what a check found, and return it."""
        place, digest, seal, result = json.loads(line)
        sealed = [] if self.is_copy else [(_name(place), f"{digest} {seal}".encode())]
        self.take([*sealed, (self.key(place, digest), _text(result))])
        return outlining.restored(result[-1], path, self.settings)

    def outlined(self, checked: Checked) -> Checked:
        """Return a contract that cannot be remembered in the form of those that are, to be compared with them."""
        answer = outlining.told(checked)
        return checked if answer is None else outlining.restored(answer, checked.path, self.settings)

    def take(self, lines: list[tuple[bytes, bytes]]) -> None:
        """Remember lines as those that were used last."""
        for key, value in lines:
            self.lines.pop(key, None)
            self.lines[key] = value
            self.changed = True

    def save(self) -> None:
        """Keep what is new for the next run."""
        if self.changed and self.path is not None:
            cache.save(self.path, self.lines)


def context(settings: Config, code: bytes, today: date) -> bytes:
    """Return the digest of what every check of a project depends on, but for the contract and what it names."""
    from pvcheck.loading import catalogue  # noqa: PLC0415 - not where nothing is remembered

    ignores = [repr(each[:-1]) for each in settings.ignores]
    day = str(today) if any(each.until is not None for each in settings.ignores) else ""
    told = [settings.root.name, settings.conditioning, settings.challenge, ignores, day, _demand(settings)]
    return _digest(_text(told) + code + catalogue.data(settings.root))


def _demand(settings: Config) -> JSON:
    """Return the keys that a project demands signatures of, and the stamp of the library that verifies them."""
    if not settings.signatures.required:
        return None
    from importlib.util import find_spec  # noqa: PLC0415 - few projects sign

    spec = find_spec("cryptography")
    place = (spec.origin or "") if spec is not None else ""
    return [place, stamp_of(place), [[name, str(key)] for name, key in settings.signatures.keys.items()]]


def code_of() -> bytes | None:
    """Return the digest of what this pvcheck is: its version, and the stamp of each of its files and libraries.

    None where a file changed while we may have been importing it: then nobody can say whose results these are.
    """
    now = time.time_ns()
    here = Path(__file__).resolve().parent.parent
    places = [*_sources(str(here)), *_sources(str(here.parent / "schemas")), *_libraries()]
    stamps = [(place, stamp_of(place)) for place in places]
    if any(stamp and stamp[4] > now - SETTLED for _, stamp in stamps):
        return None
    return _digest(_text([__version__, sys.version, stamps]))


def _sources(folder: str) -> Iterator[str]:
    """Yield the files of a folder that decide what a check says, sorted."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((each.path, each.is_dir(follow_symlinks=False)) for each in entries)
    except OSError:
        return
    for place, is_folder in found:
        if is_folder and not place.endswith("__pycache__"):
            yield from _sources(place)
        elif place.endswith((".py", ".json")):
            yield place


def _libraries() -> Iterator[str]:
    """Yield the first file of each library, found without importing it."""
    from importlib.util import find_spec  # noqa: PLC0415 - only where something is remembered

    for name in LIBRARIES:
        spec = find_spec(name)
        yield (spec.origin or "") if spec is not None else ""


def _name(place: str) -> bytes:
    """Return the key of the seal of a contract."""
    return b"s" + _digest(os.fsencode(place))[:32]


def _digest(data: bytes) -> bytes:
    """Return a digest as text."""
    return sha256(data).hexdigest().encode()


def _text(value: JSON) -> bytes:
    """Return JSON on one line."""
    return json.dumps(value, separators=(",", ":")).encode()
