"""What would be committed, or a commit that is pushed, in a temporary folder: contracts, records, settings, catalogue.

A file that was staged in part is judged by its staged text. What no contract mentions is left out, and no filter of
the repository is run.
"""

from __future__ import annotations

import os
import posixpath
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, discovery, history
from pvcheck.errors import ConfigError, Finding, PvError, escaped, quoted
from pvcheck.pipeline.snapshots import is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pvcheck.history import Entry, Repository
    from pvcheck.pipeline.checking import Checked

SETTINGS = frozenset({"pv.toml", "pyproject.toml"})
CATALOGUE = "schemas/evaluators.json"
MAX_FILE = 16 << 20
"""Bytes of the largest file that is written as it is: validation reads no larger one."""

_WORD = re.compile(rb"""[^\s'"`()\[\]{},:;<>|*?\x00]+""")
"""What may be a path in the text of a contract."""


class Mirror(NamedTuple):
    """The index, or a commit, in a folder. ``folder`` stands for the top of the repository."""

    repository: Repository
    folder: Path
    here: Path
    entries: dict[str, Entry]
    unmerged: frozenset[str]
    commit: str | None = None

    def place(self, path: str) -> Path:
        """Return where a file of the repository lies in the mirror."""
        return self.folder / path

    def shown(self, path: str) -> str:
        """Return a path of the repository as a person standing in ``here`` writes it."""
        return os.path.relpath(self.repository.top / path, self.here)

    def relative(self, path: Path) -> str:
        """Return a path of the mirror relative to the top."""
        return path.relative_to(self.folder).as_posix()

    def home(self, root: Path) -> Path:
        """Return the folder of the work tree that one of the mirror stands for; one outside stands for itself."""
        return self.repository.top / self.relative(root) if root.is_relative_to(self.folder) else root

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of the index that could be a contract, with its bytes."""
        chosen = [each for path, each in self.entries.items() if path.endswith(discovery.SUFFIXES)]
        for each, data in zip(chosen, self.repository.contents(chosen), strict=True):
            if data is not None:
                yield each.path, data

    def real(self, checked: Checked) -> Checked:
        """Return a checked file under its real path."""
        found = tuple(self.told(each) for each in checked.findings)
        inside = checked.path.is_relative_to(self.folder)
        path = Path(self.shown(self.relative(checked.path))) if inside else checked.path
        return checked._replace(path=path, findings=found)

    def told(self, finding: Finding) -> Finding:
        """Return a finding with the real paths in place of those of the mirror."""
        inside = f"{self.folder}{os.sep}"
        parts = finding.path.split(", ")  # a refusal can be about several paths
        parts = [self.shown(each.removeprefix(inside)) if each.startswith(inside) else each for each in parts]
        message, hint = (
            text.replace(inside, f"{self.repository.top}{os.sep}") for text in (finding.message, finding.hint)
        )
        return finding._replace(path=", ".join(parts), message=message, hint=hint)


@contextmanager
def mirrored(repository: Repository, here: Path, commit: str | None = None) -> Iterator[Mirror]:
    """Give the index of a repository, or one of its commits; errors inside are told with the real paths."""
    entries = repository.index() if commit is None else repository.tree(commit)
    with tempfile.TemporaryDirectory(prefix="pv-") as temporary:
        folder = Path(os.path.realpath(temporary)) / repository.top.name  # messages name the folder of a project
        (folder / ".git").mkdir(parents=True)  # the search for settings ends at the top of a repository
        settled = {each.path: each for each in entries if not each.stage and _is_plain(each.path)}
        unmerged = frozenset(each.path for each in entries if each.stage)
        mirror = Mirror(repository, folder, here, settled, unmerged, commit)
        _write(mirror, lambda path: posixpath.basename(path) in SETTINGS or f"/{path}".endswith(f"/{CATALOGUE}"))
        try:
            yield mirror
        except PvError as error:
            raise type(error)([mirror.told(each) for each in error.findings]) from None


def scope(mirror: Mirror, paths: Sequence[str]) -> list[str]:
    """Return what is looked at, relative to the top: the paths that were named, or what the settings name.

    :raises ConfigError: if a path is not in the repository, or a file is not in its index.
    """
    wanted = [_inside(mirror, Path(path)) for path in paths]
    for path in wanted:
        if os.path.isdir(mirror.repository.top / path):  # noqa: PTH112 - as below
            mirror.place(path).mkdir(parents=True, exist_ok=True)  # it is there, with or without files of the index
        if path not in {*mirror.entries, *mirror.unmerged} and os.path.isfile(mirror.repository.top / path):  # noqa: PTH113 - as in discovery
            raise ConfigError(_absent(mirror, path))
    here = mirror.place(_inside(mirror, mirror.here))
    here.mkdir(parents=True, exist_ok=True)
    return wanted or settled(mirror)


def _absent(mirror: Mirror, path: str) -> Finding:
    """Return the refusal of a file that lies in the work tree only."""
    message, hint = "the file is not in the index, so nothing of it would be committed", "git add it"
    if mirror.commit is not None:
        message, hint = f"the file is not in the commit {mirror.commit[:9]}", "leave it out, or commit it first"
    return Finding("PV723", message, escaped(mirror.shown(path)), hint=hint, exit_code=2)


def settled(mirror: Mirror) -> list[str]:
    """Return where the settings of the index look for contracts."""
    known = config.of_folder(mirror.place(_inside(mirror, mirror.here)))
    return [_inside(mirror, mirror.repository.top / mirror.relative(known.root) / each) for each in known.contracts]


def contracts(mirror: Mirror, looked_at: Sequence[str]) -> list[Path]:
    """Write the contracts of a scope with what they mention, and return where they lie in the mirror.

    :raises EmptyError: if there is none.
    """
    known = settled(mirror)
    wanted = [*looked_at, *known]
    _write(mirror, lambda path: path.endswith(discovery.SUFFIXES) and is_within(path, wanted))
    paths = [str(mirror.place(each)) for each in looked_at]
    found = discovery.contracts(paths, mirror.folder, lenient=list(looked_at) == known)
    _write(mirror, _mentioned(mirror, found).__contains__)
    return found


def torn(mirror: Mirror, looked_at: Sequence[str]) -> Iterator[tuple[str, Finding]]:
    """Yield each contract of a scope that a merge left in several versions, with the finding that says so."""
    hint = "resolve the conflict (pv bump --onto puts one side on top of the other), then git add it"
    for path in sorted(mirror.unmerged):
        if path.endswith(discovery.SUFFIXES) and is_within(path, looked_at):
            message = "the index holds the sides of a conflict in place of the file"
            yield path, Finding("PV724", message, str(mirror.place(path)), hint=hint)


def _inside(mirror: Mirror, path: Path) -> str:
    """Return a real path relative to the top of the repository.

    :raises ConfigError: if it leads out of it.
    """
    whole = mirror.here / path
    place = Path(os.path.realpath(whole))
    if not whole.is_dir():  # a file that is a link is the link
        place = Path(os.path.realpath(whole.parent)) / whole.name
    top = Path(os.path.realpath(mirror.repository.top))
    if not place.is_relative_to(top):
        raise history.refused(
            "PV716", f"{quoted(str(path))} is not in the repository {quoted(str(top))}", "name a path inside it"
        )
    return place.relative_to(top).as_posix()


def _is_plain(path: str) -> bool:
    """Say whether a path of the index stays inside the folder it is written to."""
    return not {"..", ".git", ""} & set(path.lower().split("/"))


def _mentioned(mirror: Mirror, places: Iterable[Path]) -> set[str]:
    """Return the records of contracts, and the files that their text names, relative to them or to their root."""
    found: set[str] = set()
    for place in places:
        own = posixpath.dirname(mirror.relative(place))
        records = posixpath.join(own, "evidence", place.stem) + "/"
        found.update(path for path in mirror.entries if path.startswith(records))
        root = mirror.relative(config.of_folder(place.parent).root)
        words = {os.fsdecode(each) for each in _WORD.findall(place.read_bytes())} if place.is_file() else set()
        for start in (own, root):
            found.update(posixpath.normpath(posixpath.join(start, each)) for each in words)
    return found & mirror.entries.keys()


def _write(mirror: Mirror, wanted: Callable[[str], bool]) -> None:
    """Write the files of the index that are wanted; links last, so that nothing is written through one."""
    chosen = [each for path, each in mirror.entries.items() if wanted(path) and not os.path.lexists(mirror.place(path))]
    sizes = dict(zip(chosen, mirror.repository.sizes(chosen), strict=True))
    large = {each: size for each, size in sizes.items() if size > MAX_FILE}
    rest = sorted((each for each in chosen if each not in large), key=lambda each: each.is_link)
    targets: list[str] = []
    for entry, data in zip(rest, mirror.repository.contents(rest), strict=True):
        place = _made(mirror, entry)
        if entry.is_link:
            place.symlink_to(os.fsdecode(data or b"."))
            targets.append(posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), os.fsdecode(data or b""))))
        elif data is not None:
            place.write_bytes(data)
    for entry, size in large.items():
        with _made(mirror, entry).open("wb") as file:
            file.truncate(size)  # it is there, and nobody will read it
    if targets:
        _write(mirror, lambda path: is_within(path, targets))


def _made(mirror: Mirror, entry: Entry) -> Path:
    """Return where a file will be written, its folder made."""
    place = mirror.place(entry.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
