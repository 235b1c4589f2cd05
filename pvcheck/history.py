"""What commits and the index hold: read from git's objects, never from the work tree, never cloned, never fetched.

Nothing that a repository configures is run: no hooks, no file-system monitor, no pager, no filters, no transport.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config
from pvcheck.config import NOTHING, Config
from pvcheck.errors import ConfigError, Finding, escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", "--no-pager")
SECONDS = 30
SURROUNDINGS = {
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone would fetch what it lacks, through a program of its settings
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a replaced commit is another history than the one that others see
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
LINK, SUBMODULE = "120000", "160000"
UNDER_WAY = (
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
)
"""What git leaves in its folder while it is stopped, the one that explains the others first."""


class Entry(NamedTuple):
    """One file of the index or of a commit. ``stage`` is 0, or the side of a conflict: 1 base, 2 ours, 3 theirs."""

    path: str
    stage: int
    mode: str
    object: str

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == LINK


class Repository:
    """The repository that a folder lies in. Paths are relative to its top, with slashes."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._folder: Path | None = None

    @classmethod
    def of(cls, folder: Path) -> Repository | None:
        """Return the repository of a folder, or None where it lies in none that has a work tree.

        :raises ConfigError: if there is no git, or it does not trust the owner of the folder.
        """
        done = call(folder, "rev-parse", "--show-toplevel")
        if b"dubious ownership" in done.stderr:
            hint = f"if you trust it: git config --global --add safe.directory {escaped(str(folder))}"
            raise refused("PV722", f"git does not trust the owner of {quoted(str(folder))}", hint)
        top = done.stdout.removesuffix(b"\n")
        return cls(Path(os.fsdecode(top))) if done.returncode == 0 and top else None

    @property
    def folder(self) -> Path:
        """Git's own folder of this work tree: ``.git``, or the one that a worktree or submodule has elsewhere."""
        if self._folder is None:
            self._folder = Path(os.fsdecode((self._told("rev-parse", "--absolute-git-dir") or b"").removesuffix(b"\n")))
        return self._folder

    def commit(self, reference: str) -> str | None:
        """Return the full name of a commit, or None where this clone has none of that name."""
        return _text(self._told("rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}"))

    def merge_base(self, one: str, *others: str) -> str | None:
        """Return the best common ancestor of a commit and others, or of what a merge of the others would be."""
        return _text(self._told("merge-base", "--end-of-options", one, *others))

    def symbol(self, reference: str) -> str | None:
        """Return the full name of the branch that a reference stands for, such as ``refs/heads/main``."""
        name = self._told("rev-parse", "--symbolic-full-name", "--verify", "--quiet", "--end-of-options", reference)
        return _text(name)

    def blob(self, commit: str, path: str) -> bytes | None:
        """Return the bytes of a file of a commit, links followed inside the commit; None where it has none."""
        return self.blobs(commit, [path])[path]

    def blobs(self, commit: str, paths: Iterable[str]) -> dict[str, bytes | None]:
        """Return the bytes of several files of a commit, by path, asking git once."""
        wanted = list(dict.fromkeys(paths))
        return dict(zip(wanted, self._objects([self._spelled(commit, path) for path in wanted]), strict=True))

    def staged(self, path: str, stage: int = 0) -> bytes | None:
        """Return the bytes of a file of the index, or None where it has none at that stage."""
        entry = next((each for each in self.index() if each.path == path and each.stage == stage), None)
        return None if entry is None else self.contents([entry])[0]

    def contents(self, entries: Iterable[Entry]) -> list[bytes | None]:
        """Return the bytes of entries, asking git once."""
        return self._objects([each.object for each in entries])

    def sizes(self, entries: Iterable[Entry]) -> list[int]:
        """Return how many bytes entries have, 0 where git does not know, asking git once."""
        asked = "".join(f"{each.object}\n" for each in entries).encode()
        told = call(self.top, "cat-file", "--batch-check=%(objectsize)", data=asked).stdout if asked else b""
        return [int(each) if each.isdigit() else 0 for each in told.splitlines()]

    def index(self) -> tuple[Entry, ...]:
        """Return every file of the index that a commit made now would be made of, submodules left out."""
        done = call(self.top, "ls-files", "--stage", "-z", "--full-name", variables=self._index_file())
        return tuple(each for each in map(_entry, done.stdout.split(b"\0")[:-1]) if each.mode != SUBMODULE)

    def left_out(self) -> frozenset[str]:
        """Return the files of the index that are meant not to be in the work tree: a sparse checkout has some."""
        told = self._told("ls-files", "-t", "-z", "--full-name") or b""
        return frozenset(os.fsdecode(each[2:]) for each in told.split(b"\0") if each.startswith(b"S "))

    def files(self, commit: str, folder: str = "") -> tuple[str, ...]:
        """Return the paths of the files in a folder of a commit and below; of all of it without a folder."""
        return tuple(each.path for each in self.tree(commit, folder))

    def tree(self, commit: str, folder: str = "") -> tuple[Entry, ...]:
        """Return the files in a folder of a commit and below, or one file; all of it without a folder."""
        within = (folder,) if folder not in {"", "."} else ()
        told = self._told("ls-tree", "-r", "-z", "--full-tree", "--", commit, *within) or b""
        found = (line.partition(b"\t") for line in told.split(b"\0")[:-1])
        parts = ((about.decode().split(), os.fsdecode(path)) for about, _, path in found)
        return tuple(Entry(path, 0, mode, name) for (mode, kind, name), path in parts if kind == "blob")

    def lacks(self, commit: str, path: str) -> bool:
        """Say whether a commit has a file, not a link, whose bytes this clone was made without."""
        found = [each for each in self.tree(commit, path) if each.path == path]
        return bool(found) and self.contents(found) == [None]

    def state(self) -> str:
        """Return what git is stopped in: ``merge``, ``rebase``, ``cherry-pick``, ``revert``, or nothing."""
        return next((word for name, word in UNDER_WAY if (self.folder / name).exists()), "")

    def is_shallow(self) -> bool:
        """Say whether the history of this clone was cut off."""
        return _text(self._told("rev-parse", "--is-shallow-repository")) == "true"

    def _index_file(self) -> Mapping[str, str]:
        """Return the variable that names the index of a commit in the making: ``git commit PATH`` makes one of its own.

        One of another repository, which an outer hook may have left in our environment, does not count.
        """
        named = os.environ.get("GIT_INDEX_FILE")
        path = Path(os.path.realpath(self.top / named)) if named else None
        is_ours = path is not None and path.parent == Path(os.path.realpath(self.folder))
        return {"GIT_INDEX_FILE": str(path)} if is_ours else {}

    def _spelled(self, commit: str, path: str) -> str:
        """Return how git is asked for a file on one line; a name that holds a line break is looked up first."""
        if "\n" not in path:
            return f"{commit}:{path}"
        folder = path.rpartition("/")[0]
        return next((each.object for each in self.tree(commit, folder) if each.path == path), "0" * 40)

    def _objects(self, names: list[str]) -> list[bytes | None]:
        """Return what git holds under each name, None where it is no file."""
        if not names:
            return []
        asked = b"".join(os.fsencode(name) + b"\n" for name in names)
        told = call(self.top, "cat-file", "--batch", "--follow-symlinks", data=asked).stdout
        found: list[bytes | None] = []
        at = 0
        while at < len(told):
            end = told.index(b"\n", at)
            words = told[at:end].rsplit(b" ", 2)
            at = end + 1
            if words[-1].isdigit():  # so many bytes follow: of the file, or of a name where a link leads nowhere
                size = int(words[-1])
                found.append(told[at : at + size] if words[-2] == b"blob" else None)
                at += size + 1
            else:
                found.append(None)
        return found + [None] * (len(names) - len(found))  # git ends where an object is damaged

    def _told(self, *words: str) -> bytes | None:
        """Return what git prints, or None where it says no."""
        done = call(self.top, *words)
        return done.stdout if done.returncode == 0 else None


def call(
    folder: Path, *words: str, data: bytes = b"", variables: Mapping[str, str] = NOTHING
) -> subprocess.CompletedProcess[bytes]:
    """Call git in a folder, with nothing run that the repository configures, and return how it ended.

    :raises ConfigError: if there is no git, or it takes too long.
    """
    try:
        return subprocess.run(
            [*GIT, "-C", str(folder), *words],
            input=data,
            capture_output=True,
            check=False,
            env={**_environment(), **variables},
            timeout=SECONDS,
        )
    except ValueError:  # a null character: git knows no such name
        return subprocess.CompletedProcess(words, 128, b"", b"")
    except (OSError, subprocess.TimeoutExpired) as error:
        why = f"it took more than {SECONDS} seconds" if isinstance(error, subprocess.TimeoutExpired) else str(error)
        hint = "install git, or leave --against and --staged out"
        raise refused("PV722", f"git does not answer: {escaped(why)}", hint) from None


def settings(reference: str, folder: Path) -> Config:
    """Return the settings that held in a folder at a commit.

    So a change cannot allow itself what the branch it wants to join does not allow.

    :raises ConfigError: if the folder is in no repository, the commit is not there, or its settings cannot
        be understood.
    """
    repository = at(folder)
    commit = repository.commit(reference)
    if commit is None:
        raise absent(reference)
    return settings_at(repository, commit, folder)


def settings_at(repository: Repository, commit: str, folder: Path) -> Config:
    """Return the settings that held in a folder at a commit whose full name is known.

    :raises ConfigError: if they cannot be understood.
    """
    root = repository.top

    def read(path: Path) -> bytes | None:
        return repository.blob(commit, path.relative_to(root).as_posix())

    place = folder.resolve()
    while True:
        found = config.at(place, read)
        if found is not None:
            return found
        if place in {root, place.parent}:
            return Config(root=root)
        place = place.parent


def at(folder: Path) -> Repository:
    """Return the repository of a folder.

    :raises ConfigError: if it lies in none.
    """
    found = Repository.of(folder)
    if found is None:
        hint = "run it in a checkout, or leave --against out"
        raise refused("PV716", f"{quoted(str(folder))} is in no git repository", hint)
    return found


def absent(reference: str) -> ConfigError:
    """Return the refusal of a commit that is not there."""
    hint = "fetch it first: a shallow clone has few commits"
    return refused("PV716", f"there is no commit {quoted(reference)} in this clone", hint)


def refused(code: str, message: str, hint: str) -> ConfigError:
    """Return the refusal of something that git was asked for."""
    return ConfigError(Finding(code, message, hint=hint, exit_code=2))


def _environment() -> Mapping[str, str]:
    """Return the variables that git is called with."""
    # A hook hands its own repository down in these variables; ours is the one that the folder lies in.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | SURROUNDINGS


def _entry(line: bytes) -> Entry:
    """Return one line of the index."""
    about, _, path = line.partition(b"\t")
    mode, name, stage = about.decode().split()
    return Entry(os.fsdecode(path), int(stage), mode, name)


def _text(told: bytes | None) -> str | None:
    """Return the one word that git printed, or None."""
    return None if told is None else told.decode(errors="replace").strip() or None
