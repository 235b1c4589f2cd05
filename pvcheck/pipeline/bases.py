"""What a change is compared with: a reference that was given, or the base that the surroundings tell of.

The base is the best common ancestor of our commit and the tip of the branch that the change wants to join. That the
branch has moved on since is no fault of the change; the tip is kept beside it to see versions that were given twice.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import history
from pvcheck.errors import escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pvcheck.errors import ConfigError
    from pvcheck.history import Repository

AUTO = "auto"
"""The reference that says: find it."""

BRANCHES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "CHANGE_TARGET",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
)
"""Variables in which CI systems name the branch that a change wants to join; empty where there is no such change."""

COMMITS = ("CI_MERGE_REQUEST_DIFF_BASE_SHA",)
"""Variables with the commit itself: where a runner fetched no branch."""

REMOTE = "PRE_COMMIT_REMOTE_NAME"
PUSHED_FROM = "PRE_COMMIT_FROM_REF"
PUSHED = "PRE_COMMIT_TO_REF"
"""What pre-commit tells a hook: the remote that is pushed to, what its branch was before, and what it shall be."""

HEADS, REMOTES = "refs/heads/", "refs/remotes/"
UNSHALLOW = "git fetch --unshallow, or fetch-depth: 0 in CI, brings the rest"


class Base(NamedTuple):
    """What is compared with. ``base`` is None where there is no commit yet; ``tip`` is where the branch is now."""

    name: str
    base: str | None
    tip: str | None

    def __str__(self) -> str:
        if self.base is None or self.tip is None:
            return "first commit, so nothing to compare with"
        forked = f", merge base {self.base[:9]}" if self.base != self.tip else ""
        return f"against {escaped(self.name)} ({self.tip[:9]}){forked}"


def of(
    repository: Repository, reference: str, variables: Mapping[str, str], setting: str | None, head: str = "HEAD"
) -> Base:
    """Return what a reference, or ``auto``, is compared with.

    :param head: what the change ends at.
    :param variables: of the environment, where CI systems and hooks say what a change wants to join.
    :param setting: the branch that the settings name, if they do.
    :raises ConfigError: if no base is found, or it is not in this clone.
    """
    if reference == AUTO:
        reference, tip = find(repository, variables, setting)
        return Base(reference, fork(repository, reference, tip, head), tip)
    named = repository.commit(reference)
    if named is None:
        raise _lacking(repository, reference)
    return Base(reference, fork(repository, reference, named, head), named)


def of_head(repository: Repository) -> Base:
    """Return what is compared with before a commit: the commit it will stand on.

    While a merge is being made, that is the branch that is merged in, where it is no fault of ours what it brings.
    """
    head = repository.commit("HEAD")
    merged = repository.commit("MERGE_HEAD") if repository.state() == "merge" else None
    if head is None or merged is None:
        return Base("HEAD", head, head)
    return Base("MERGE_HEAD", repository.merge_base(merged, head) or head, merged)


def pushed(repository: Repository, variables: Mapping[str, str]) -> str | None:
    """Return the commit that a push is about, where a hook says so: it need not be the one that is checked out."""
    name = variables.get(PUSHED, "")
    return repository.commit(name) if name.strip("0") else None


def fork(repository: Repository, name: str, tip: str, end: str = "HEAD") -> str:
    """Return the commit at which our history left that of a branch; its tip where they share none.

    :raises ConfigError: if the history was cut off before it.
    """
    head = repository.commit(end)
    if head is None:
        return tip
    merged = repository.commit("MERGE_HEAD") if end == "HEAD" and repository.state() == "merge" else None
    found = repository.merge_base(tip, head, *([merged] if merged else []))
    if found is None and repository.is_shallow():
        message = f"this is a shallow clone: its history ends before the one of {quoted(name)} begins"
        raise history.refused("PV721", message, UNSHALLOW)
    return found or tip


def find(repository: Repository, variables: Mapping[str, str], setting: str | None) -> tuple[str, str]:
    """Return the name and the commit of the base that the surroundings tell of.

    What CI and settings name is not guessed around: where it is missing, nothing else takes its place. The setting is
    one of the change itself, so it never takes the place of what CI names.

    :raises ConfigError: if there is none.
    """
    named = _of_ci(variables) or [*_of_range(variables), *([setting] if setting else [])]
    for name in named or _guesses(repository, variables):
        commit = repository.commit(name)
        if commit is not None:
            return name.removeprefix(REMOTES).removeprefix(HEADS), commit
    if named:
        raise _lacking(repository, named[0])
    if repository.is_shallow():
        message = "this is a shallow clone, and no branch in it is one that a change would join"
        raise history.refused("PV721", message, UNSHALLOW)
    hint = "name it: --against=origin/main, or base = 'origin/main' in pv.toml"
    raise history.refused("PV720", "nothing says which branch or commit to compare with", hint)


def _of_ci(variables: Mapping[str, str]) -> list[str]:
    """Return what the variables of a CI system name, the branch first."""
    branches = [variables[name].removeprefix(HEADS) for name in BRANCHES if variables.get(name)]
    return [f"{REMOTES}origin/{each}" for each in branches] + [
        variables[name] for name in COMMITS if variables.get(name)
    ]


def _of_range(variables: Mapping[str, str]) -> list[str]:
    """Return where a range of commits starts that was given to pre-commit by hand; a push says where its branch was."""
    start = variables.get(PUSHED_FROM, "")
    return [start] if start.strip("0") and not variables.get(REMOTE) else []


def _guesses(repository: Repository, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield what a change most probably wants to join, the best guess first.

    A branch usually follows its own copy on the remote. That holds what was pushed before, so it is no better
    than a guess of the last resort: comparing with it would ask for a new version at every push.
    """
    remote = variables.get(REMOTE) or "origin"
    upstream = repository.symbol("@{upstream}")
    branch = repository.symbol("HEAD")
    if upstream and branch and not upstream.endswith(branch.removeprefix("refs/heads")):
        yield upstream
    for place in dict.fromkeys((remote, "origin")):
        head = repository.symbol(f"{REMOTES}{place}/HEAD")
        yield from [head] if head else []
        yield from (f"{REMOTES}{place}/main", f"{REMOTES}{place}/master")
    if repository.is_shallow():
        return  # the branch may be one of those that were left out
    pushed_from = variables.get(PUSHED_FROM, "")
    yield from [pushed_from] if pushed_from.strip("0") else []
    yield from [upstream] if upstream else []
    yield from (f"{HEADS}main", f"{HEADS}master")


def _lacking(repository: Repository, reference: str) -> ConfigError:
    """Return the refusal of a reference that this clone does not hold."""
    shown = reference.removeprefix(REMOTES)
    if repository.is_shallow():
        message = f"this is a shallow clone, and it does not hold {quoted(shown)}"
        return history.refused("PV721", message, UNSHALLOW)
    if _is_file(repository.top, reference):
        message = f"--against takes a commit, and {quoted(shown)} is a file"
        return history.refused("PV716", message, f"write --against=auto {escaped(shown)}")
    return history.absent(shown)


def _is_file(top: Path, name: str) -> bool:
    """Say whether a reference names a file, as happens where its own value was left out."""
    return os.path.isfile(name) or os.path.isfile(top / name)  # noqa: PTH113 - a name that is too long is none
