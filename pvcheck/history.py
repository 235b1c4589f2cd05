"""What a commit holds: read from git's objects, never from the work tree, and never cloned.

Nothing that a repository configures is run: no hooks, no file-system monitor, no pager, no filters.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pvcheck import config
from pvcheck.config import Config
from pvcheck.errors import ConfigError, Finding, quoted

GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", "--no-pager")
SECONDS = 30


def settings(reference: str, folder: Path) -> Config:
    """Return the settings that held in a folder at a commit.

    So a change cannot allow itself what the branch it wants to join does not allow.

    :raises ConfigError: if the folder is in no repository, the commit is not there, or its settings cannot
        be understood.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        raise _refused(f"{quoted(str(folder))} is in no git repository", "run it in a checkout, or leave --against out")
    root = Path(os.fsdecode(top).rstrip("\n"))
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if commit is None:
        hint = "fetch it first: a shallow clone has few commits"
        raise _refused(f"there is no commit {quoted(reference)} in this clone", hint)
    name = commit.decode().strip()

    def read(path: Path) -> bytes | None:
        return _git(root, "cat-file", "blob", f"{name}:{path.relative_to(root).as_posix()}")

    place = folder.resolve()
    while True:
        found = config.at(place, read)
        if found is not None:
            return found
        if place in {root, place.parent}:
            return Config(root=root)
        place = place.parent


def _git(folder: Path, *words: str) -> bytes | None:
    """Return what git prints, or None where it says no.

    :raises ConfigError: if there is no git.
    """
    # A hook hands its own repository down in these variables; ours is the one that the folder lies in.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            [*GIT, "-C", str(folder), *words], capture_output=True, check=False, env=environment, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _refused(f"git does not answer: {error}", "install git, or leave --against out") from None
    return done.stdout if done.returncode == 0 else None


def _refused(message: str, hint: str) -> ConfigError:
    """Return the refusal of a commit."""
    return ConfigError(Finding("PV716", message, hint=hint, exit_code=2))
