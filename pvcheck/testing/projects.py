"""A project in a temporary folder, and ``pv`` run in it without a process of its own."""

from __future__ import annotations

import re
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path  # noqa: TC003 - pytest looks at what a fixture says it returns
from typing import TYPE_CHECKING, Final

import pytest

from pvcheck import config
from pvcheck.cli import cli
from pvcheck.cli.output import guarded
from pvcheck.domain.status import Outcome
from pvcheck.errors import Finding, Severity
from pvcheck.report.run import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS: Final = {NAMES.get(each, str(each)): each for each in Outcome}
_OUTCOME: Final = re.compile(rf"  ({'|'.join(map(re.escape, _WORDS))}) +(\S+)(?: +[0-9]+ ms, .*|  was .*)?")
_FINDING: Final = re.compile(
    r"(?:(?P<path>\S.*?)(?::(?P<line>[0-9]+):(?P<column>[0-9]+))?: )?(?P<code>PV[0-9]{3}) (?P<message>.*?)"
    r"(?: \[(?P<severity>warning|note)\])?",
    re.ASCII,
)
_HINT: Final = "  hint: "
_EXCERPT: Final = re.compile(r" *[0-9]* \|.*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run of ``pv`` came to: exit status, standard output and standard error."""

    status: int
    out: str
    err: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, in the order it was told: code, message, place, hint and severity."""
        return tuple(_findings(self.out + self.err))

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The outcome of each falsifier that was run, by its id."""
        told = (_OUTCOME.fullmatch(line) for line in self.out.splitlines())
        return {match[2]: _WORDS[match[1]] for match in told if match}

    def assert_outcomes(self, **wanted: int) -> None:
        """Assert how many falsifiers came to which outcome; those that are not named must be 0.

        The names are held, refuted, not_measured, invalid, error and timeout.
        """
        __tracebackhide__ = True
        if unknown := sorted(wanted.keys() - {str(each) for each in Outcome}):
            raise TypeError(f"there is no outcome {unknown[0]!r}: use {', '.join(map(str, Outcome))}")
        counted = [str(each) for each in self.outcomes.values()]
        got = {name: counted.count(name) for name in sorted(set(counted))}
        if got != {name: number for name, number in sorted(wanted.items()) if number}:
            raise AssertionError(f"the outcomes must be {_told(wanted)}, got {_told(got)}\n{self}")

    def __str__(self) -> str:
        return f"exit status {self.status}\n{self.out}{self.err}"


class Project:
    """A folder with settings, contracts and files, all of which a test puts there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def file(self, path: str, content: str | bytes) -> Path:
        """Write a file, and the folders above it; the path is relative to the project."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return place

    def add(self, source: Path) -> Path:
        """Copy a file or a folder into the project, under its own name."""
        place = self.root / source.name
        if source.is_dir():
            shutil.copytree(source, place, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, place)
        return place

    def contract(self, text: str, name: str = "contract.yaml") -> Path:
        """Write a contract into ``contracts``, where ``pv`` looks when it is given no path."""
        return self.file(f"contracts/{name}", text)

    def settings(self, text: str) -> Path:
        """Write ``pv.toml``."""
        return self.file("pv.toml", text)

    def allow(self, *evaluators: str) -> None:
        """Allow evaluators in ``pv.toml``, and write ``schemas/evaluators.json`` so that ``pv validate`` knows them.

        :raises AssertionError: if no installed plugin offers one of them.
        """
        __tracebackhide__ = True
        names = ", ".join(f'"{each}"' for each in evaluators)
        self.settings(f"evaluators = [{names}]\n")
        result = self.run("schema", "--plugins", "--write")
        written = self.root / "schemas" / "evaluators.json"
        known = written.read_text(encoding="utf-8") if result.status == 0 else ""
        for each in evaluators:
            if f'"{each}":' not in known:
                raise AssertionError(
                    f"no installed plugin offers the evaluator {each!r}: install yours with "
                    f"pip install -e . --no-deps, and see pv plugins list\n{result}"
                )

    def run(self, *words: object) -> Result:
        """Run ``pv`` with these words in the project, in this process.

        Evaluators run in worker processes all the same. Settings are read anew each time; plugins that
        this process has imported stay as they are.
        """
        out, err = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        config.of_folder.cache_clear()
        with chdir(self.root), redirect_stdout(out), redirect_stderr(err):
            arguments = [str(word) for word in words]
            status = guarded(lambda: cli.main(arguments, prog_name="pv", standalone_mode=False))
        config.of_folder.cache_clear()
        return Result(status, _text(out), _text(err))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give an empty project in a folder of its own; it stands in no repository, and nothing is allowed in it."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pv.toml").touch()
    return Project(root)


def _text(stream: TextIOWrapper) -> str:
    """Return what was written to a stream."""
    stream.flush()
    buffer = stream.buffer
    return buffer.getvalue().decode() if isinstance(buffer, BytesIO) else ""


def _findings(text: str) -> Iterator[Finding]:
    """Yield the findings that lines tell: each stands at the beginning of a line, its hint below it and its source."""
    lines = [line for line in text.splitlines() if not _EXCERPT.fullmatch(line)]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        match = _FINDING.fullmatch(line)
        if match:
            yield Finding(
                match["code"],
                match["message"],
                match["path"] or "",
                int(match["line"] or 0),
                int(match["column"] or 0),
                after.removeprefix(_HINT) if after.startswith(_HINT) else "",
                Severity(match["severity"] or "error"),
            )


def _told(counts: dict[str, int]) -> str:
    """Return counts as words."""
    return ", ".join(f"{name}={number}" for name, number in sorted(counts.items()) if number) or "none"
