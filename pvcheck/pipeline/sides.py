"""The two sides of a contract that are to be brought together, and the text that both came from.

Where git is stopped in the file they stand in the index; otherwise they are looked up in commits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import ContractError, Finding, escaped, quoted
from pvcheck.loading import contract as loading
from pvcheck.pipeline import bumping
from pvcheck.text import Document, codes

if TYPE_CHECKING:
    from pathlib import Path

    from pvcheck.history import Repository

CONTINUE = {
    "merge": "git commit",
    "rebase": "git rebase --continue",
    "cherry-pick": "git cherry-pick --continue",
    "revert": "git revert --continue",
}
"""How git goes on, by what it is stopped in."""


class Sides(NamedTuple):
    """The texts of one contract on both sides and where they parted.

    ``disk`` is the file as it lies there. ``decided`` is its text where git is stopped in it and somebody has
    decided by hand what to keep. ``hint`` says how to go on.
    """

    base: bytes
    ours: bytes
    theirs: bytes
    disk: bytes
    hint: str
    decided: bytes | None = None


class Case(NamedTuple):
    """One file that is to be re-done on top of a commit; ``name`` is what people call the commit."""

    path: Path
    repository: Repository
    place: str
    commit: str
    name: str
    disk: bytes

    def refusal(self, code: str, message: str, hint: str) -> ContractError:
        """Return the refusal of the whole file."""
        return ContractError(Finding(code, message, escaped(str(self.path)), hint=hint))

    @property
    def go_on(self) -> str:
        """What to do when the file is mended, where git is stopped."""
        return f"git add {escaped(str(self.path))} && {CONTINUE.get(self.repository.state(), 'git commit')}"


class Stages(NamedTuple):
    """The three versions that the index has of a file in which git is stopped: base, HEAD's, the other one's."""

    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


def apart(case: Case) -> Sides | str:
    """Return the sides of a branch that is not being merged, or why there is nothing to do."""
    head = case.repository.commit("HEAD")
    parted = None if head is None else case.repository.merge_base(head, case.commit)
    if parted is None:
        deeper = "; this clone is shallow: git fetch --unshallow" if case.repository.is_shallow() else ""
        message = f"this branch and {quoted(case.name)} have no commit in common"
        raise case.refusal("PV458", message, f"name the branch that this one came from{deeper}")
    loaded = loading.load(case.disk, str(case.path))
    wanted = loaded.contract.id if loaded.contract is not None else None
    base = bumping.find(case.repository, parted, case.place, wanted)
    theirs = bumping.find(case.repository, case.commit, case.place, wanted)
    if base is None:
        if theirs is None or theirs.data == case.disk:
            return f"is not in {escaped(case.name)}: nothing to re-do"
        raise _no_base(case)
    if unix(case.disk) == unix(base.data):
        return "was not changed on this side: nothing to re-do"
    if theirs is None:
        raise _dropped(case, f"{quoted(case.name)} dropped this contract, which this side changed")
    if theirs.data == base.data:
        return f"was not changed in {escaped(case.name)}: pv bump gives it its version"
    hint = (
        f"git merge {escaped(case.name)} will stop in this file, for both sides set the version: "
        f"run pv bump --onto {escaped(case.name)} again there, and git add the file"
    )
    if theirs.path != case.place:
        hint = f"it is {escaped(theirs.path)} there: git mv it, with its evidence; {hint}"
    if case.repository.commit("MERGE_HEAD") == case.commit:  # the file is merged already, by git or by a person
        return Sides(base.data, case.disk, theirs.data, case.disk, case.go_on, case.disk)
    return Sides(base.data, case.disk, theirs.data, case.disk, hint)


def _no_base(case: Case) -> ContractError:
    """Return the refusal of a contract that both sides added."""
    message = f"this side and {quoted(case.name)} each added this contract, so there is nothing both came from"
    return case.refusal("PV458", message, "keep one of the two texts, and make the edits of the other in it by hand")


def _dropped(case: Case, message: str) -> ContractError:
    """Return the refusal of a contract that one side dropped."""
    return case.refusal("PV457", message, f"git rm {escaped(str(case.path))} drops it, git add keeps it as it is here")


def stopped(case: Case, stages: Stages) -> Sides:
    """Return the sides of a file in which a merge, a rebase or a cherry-pick is stopped.

    In a rebase, git's "ours" is the branch that is built on, and its "theirs" is the commit of this side.
    """
    if stages.theirs is None or stages.ours is None:
        raise _dropped(case, "one side dropped this contract and the other changed it")
    found = bumping.find(case.repository, case.commit, case.place, None)
    is_head = found is not None and found.data == stages.ours
    if not is_head and (found is None or found.data != stages.theirs):
        if case.repository.state() == "merge":
            message = f"the merge that is stopped in this file is not with {quoted(case.name)}"
            raise case.refusal("PV459", message, "pv bump --onto MERGE_HEAD re-does this side on top of what is merged")
        is_head = True
    theirs, ours = (stages.ours, stages.theirs) if is_head else (stages.theirs, stages.ours)
    if stages.base is None:
        raise _no_base(case)
    decided = None if _has_markers(case) else case.disk
    return Sides(stages.base, ours, theirs, case.disk, case.go_on, decided)


def _has_markers(case: Case) -> bool:
    """Say whether the file still has the conflicts that git wrote into it."""
    try:
        Document.parse(case.disk, str(case.path))
    except ContractError as error:
        if any(each.code == codes.CONFLICT for each in error.findings):
            return True
        raise
    return False


def unix(data: bytes) -> bytes:
    """Return a text with line feeds only, as git keeps it."""
    return data.replace(b"\r\n", b"\n")
