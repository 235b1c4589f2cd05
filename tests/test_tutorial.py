"""The tutorial: every command is run in an environment of its own, every change is made, every output compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial-plugin.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HOME = "/home/you"
CHANGING = (
    (re.compile(r"\b\d+ ms\b"), "N ms"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in N s"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<64 digits>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "<a day>"),
)


def plain(text: str) -> str:
    """Return a text without what differs from run to run."""
    for pattern, new in CHANGING:
        text = pattern.sub(new, text)
    return text


class Shell:
    """A shell with an environment and a home of its own, which sees what is installed here, and no network."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home
        place = home.parent / "venv"
        venv.create(place, with_pip=False)
        theirs = next((place / "lib").glob("python*/site-packages"))
        for package in Path(sysconfig.get_path("purelib")).iterdir():
            (theirs / package.name).symlink_to(package)
        for program, module in (("pv", "pvcheck"), ("pip", "pip"), ("pytest", "pytest")):
            script = place / "bin" / program
            script.write_text(f'#!/bin/sh\nexec "{place}/bin/python" -m {module} "$@"\n')
            script.chmod(0o755)
        dropped = ("COVERAGE_", "COV_", "PYTEST_", "GIT_", "PYTHON")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        self.variables = kept | {
            "HOME": str(home),
            "PATH": f"{place}/bin{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it so: what builds the package is installed here
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, command: str) -> str:
        """Run one line and return all it says, its folder replaced. It must succeed."""
        line = f"set -eo pipefail; {command}\npwd >&3"
        reader, writer = os.pipe()
        done = subprocess.run(
            ["bash", "-c", line.replace(">&3", f">&{writer}")],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            pass_fds=(writer,),
        )
        os.close(writer)
        with os.fdopen(reader) as told:
            folder = told.read().strip()
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        self.folder = Path(folder)
        return done.stdout.replace(str(self.home), HOME)

    def apply(self, block: str) -> None:
        """Make the changes of a block: its first line names the file, and each part must fit one place of it."""
        head, _, rest = block.partition("\n")
        path = self.folder / head.removeprefix("--- ")
        text = path.read_text(encoding="utf-8")
        for part in re.split(r"^@@\n", rest, flags=re.MULTILINE):
            lines = part.splitlines(keepends=True)
            old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
            assert text.count(old) == 1, f"{path}\n{old}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")


def console(shell: Shell, block: str) -> str:
    """Run the commands of a block and return it with what they say."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"$ {command}\n{shell.run(command)}" for command in commands)


def test_the_tutorial_does_what_it_says(tmp_path):
    """From `pv new plugin` to a status that was earned, and to a refutation.

    ``PVCHECK_UPDATE_DOCS=1`` writes what the commands say into the tutorial; it is then to be read in review.
    """
    assert sys.platform == "linux"
    home = tmp_path / "home"
    home.mkdir()
    shell = Shell(home)
    text = TUTORIAL.read_text(encoding="utf-8")

    def made(match: re.Match[str]) -> str:
        kind, block = match.groups()
        if kind == "diff":
            shell.apply(block)
            return match[0]
        said = console(shell, block)
        return match[0] if plain(said) == plain(block) else f"```{kind}\n{said}```"

    after = BLOCK.sub(made, text)

    if os.environ.get("PVCHECK_UPDATE_DOCS") == "1":
        TUTORIAL.write_text(after, encoding="utf-8")
    assert {match[1] for match in BLOCK.finditer(text)} == {"console", "diff"}
    assert plain(after) == plain(TUTORIAL.read_text(encoding="utf-8"))
