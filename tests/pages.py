"""Pages of the documentation: their blocks, the commands in them, and a shell that runs these as a reader would.

A block is one of

* ``console``: lines that start with ``$ `` are commands, what follows each is what it prints; a line ``...`` stands for
  any lines;
* ``sh`` or ``bash``, or an indented block of commands: each line is a command, and nothing is compared;
* a file, if the comment ``<!-- file: PATH -->`` stands before it;
* a change, if it is a ``diff`` whose first line is ``--- PATH``: each part must fit one place of that file;
* anything else, which must hold no command.

``<!-- not run: REASON -->`` before a block of commands leaves it out; the reason starts with one of ``REASONS``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGES = {str(path.relative_to(ROOT)): path for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
REASONS = ("needs a network", "needs a GPU", "needs a big file", "needs other machines", "takes minutes")
HOME = "/home/you"
PROGRAM = re.compile(r"(?:[A-Z_]+=\S+ )*(?:(?:pv|pvcheck|pip|python3?|pytest|git|pre-commit|dask|bash) |\.ci/\w)")
COMMENT = re.compile(r"<!-- (file|not run): (.+?) -->")
CHANGING = (
    (re.compile(r"\b\d+(\.\d+)? (ms|s|seconds|minutes)\b"), "N s"),
    (re.compile(r"\b\d+\.\d+s\b"), "N s"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"(?<=evidence )[0-9a-f]{8}\b"), "<digest>"),
    (re.compile(r"(?<=sha256:)[0-9a-f]{8}\b"), "<digest>"),
    (re.compile(r"(?<=; key )[0-9a-f]{16}\b"), "<key>"),
    (re.compile(r"(?<=[( ])(?=[0-9a-f]*[0-9])[0-9a-f]{9}(?=\W|$)"), "<commit>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:.+Z]+)?\b"), "<day>"),
    (re.compile(r"(?<=pv-demo-)\w+"), "<name>"),
    (re.compile(r"(?<=(?:made|ured) on )[\w.-]+(?=[,;])"), "<host>"),
    (re.compile(r"(?<= s, on )[\w.-]+$"), "<host>"),
    (re.compile(r"(?<=, on )[^,]+(?=, seed \d)"), "<processor>"),
    (re.compile(r"\b(numpy|python|pvcheck|numba|gguf) \d+(\.\d+)+"), r"\1 <version>"),
    (re.compile(r"\d+(\.\d+)? (KiB|MiB|MB|KB)\b"), "N bytes"),
    (re.compile(r" {2,}"), "  "),  # columns are as wide as the longest duration in them
)
LIKE = 0.6
"""How alike a line must be to the one that a page showed, to be shown in its place."""


class Block(NamedTuple):
    """A block of code: what it is, its text, and its first and last line in the page, counted from 0."""

    kind: str
    text: str
    start: int
    end: int
    path: str = ""
    reason: str = ""


class Step(NamedTuple):
    """One command of a block, and the lines that the page shows after it; None shows nothing."""

    command: str
    shown: list[str] | None


def blocks(text: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    found: list[Block] = []
    said: dict[str, str] = {}
    for token in MarkdownIt().parse(text):
        if token.type == "html_block":
            said = dict(COMMENT.findall(token.content))
        elif token.type in {"fence", "code_block"}:
            start, end = token.map or (0, 0)
            kind = _kind(token.info.strip(), token.content, said)
            found.append(Block(kind, token.content, start, end, said.get("file", ""), said.get("not run", "")))
            said = {}
        elif token.type in {"inline", "heading_open"}:
            said = {}
    return found


def _kind(info: str, text: str, said: dict[str, str]) -> str:
    """Return what a block is."""
    if "file" in said:
        return "file"
    if info == "diff" and text.startswith("--- "):
        return "change"
    if info in {"console", "sh", "bash"}:
        return "console" if info == "console" else "script"
    lines = [line for line in text.splitlines() if line.strip()]
    return "script" if not info and all(PROGRAM.match(line) for line in lines) else "other"


def hides_a_command(block: Block) -> bool:
    """Return whether a block that nobody runs has a line that looks like a command."""
    return block.kind == "other" and any(line[:2] == "$ " or PROGRAM.match(line) for line in block.text.splitlines())


def steps(block: Block) -> list[Step]:
    """Return the commands of a block."""
    if block.kind == "script":
        return [Step(line, None) for line in block.text.splitlines() if line.strip()]
    found: list[Step] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], []))
        else:
            shown = found[-1].shown
            assert shown is not None
            shown.append(line)
    return found


def plain(line: str) -> str:
    """Return a line without what differs from run to run."""
    for pattern, new in CHANGING:
        line = pattern.sub(new, line)
    return line.rstrip()


def agrees(shown: list[str], printed: list[str]) -> bool:
    """Return whether lines are those that a page shows; ``...`` in the page stands for any number of them."""
    if not shown:
        return not printed
    head, *rest = shown
    if head.strip() == "...":
        return any(agrees(rest, printed[at:]) for at in range(len(printed) + 1))
    return bool(printed) and plain(head) == plain(printed[0]) and agrees(rest, printed[1:])


def shortened(shown: list[str], printed: list[str]) -> list[str]:
    """Return what is printed, left out where the page leaves lines out: beside those most like the ones it shows."""
    if "..." not in shown:
        return printed
    made: list[str] = []
    start = 0
    for line in (line for line in shown if line != "..."):
        likeness = [SequenceMatcher(None, plain(line), plain(each)).ratio() for each in printed[start:]]
        if max(likeness, default=0) < LIKE:
            continue
        at = start + likeness.index(max(likeness))
        made += (["..."] if at > start else []) + [printed[at]]
        start = at + 1
    return made + (["..."] if start < len(printed) else [])


class Shell:
    """A shell in a home of its own, with the programs that are installed here, no colour and no terminal."""

    def __init__(self, home: Path, cache: Path) -> None:
        self.home = home
        self.status = 0
        dropped = ("COVERAGE_", "COV_", "PYTEST_", "GIT_", "PYTHON", "PRE_COMMIT", "CI", "GITHUB_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        variables = kept | {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "TERM": "dumb",
            "COLUMNS": "120",
        }
        (home / ".gitconfig").write_text("[user]\nname = You\nemail = you@example.org\n[init]\ndefaultBranch = main\n")
        self._bash = subprocess.Popen(
            ["bash", "--norc"],
            cwd=home,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate()

    def run(self, command: str) -> list[str]:
        """Run one command, and return the lines that it prints; its exit status is kept."""
        end = "pvcheck-end-of-output"
        reader, writer = self._bash.stdout, self._bash.stdin
        assert reader
        assert writer
        writer.write(f"(exit {self.status})\n{{ {command}\n}} </dev/null\nprintf '\\n{end} %s\\n' $?\n")
        writer.flush()
        lines: list[str] = []
        for line in reader:
            if line.startswith(end):
                self.status = int(line.split()[1])
                break
            lines.append(line.rstrip("\n").replace(str(self.home), HOME))
        if lines[-1:] == [""]:
            lines.pop()  # the line feed that keeps the mark on a line of its own
        return lines

    def folder(self) -> Path:
        """Return the folder that the shell is in."""
        return Path(self.run("pwd")[0].replace(HOME, str(self.home)))

    def write(self, path: str, text: str) -> None:
        """Write a file, as a reader does with an editor."""
        target = self.folder() / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def change(self, block: str) -> None:
        """Make the changes of a block."""
        head, _, rest = block.partition("\n")
        target = self.folder() / head.removeprefix("--- ")
        text = target.read_text(encoding="utf-8")
        for part in re.split(r"^@@\n", rest, flags=re.MULTILINE):
            lines = part.splitlines(keepends=True)
            old, new = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
            assert text.count(old) == 1, f"{target}\n{old}"
            text = text.replace(old, new)
        target.write_text(text, encoding="utf-8")


def follow(text: str, shell: Shell) -> Iterator[tuple[Block, str]]:
    """Do what a page says, block by block, and yield each block of commands with what it should show.

    A command that fails must be followed by ``echo $?``, so that a reader is told; one of a script must not fail.
    """
    for block in blocks(text):
        if block.kind == "file":
            shell.write(block.path, block.text)
        elif block.kind == "change":
            shell.change(block.text)
        elif block.kind in {"console", "script"} and not block.reason:
            yield block, _followed(block, shell)


def _followed(block: Block, shell: Shell) -> str:
    """Run the commands of a block, and return its text with what they print where that is not what it shows."""
    text: list[str] = []
    found = steps(block)
    for number, (command, shown) in enumerate(found):
        printed = shell.run(command)
        told = found[number + 1].command.startswith("echo $?") if number + 1 < len(found) else False
        assert shell.status == 0 or told, "\n".join([f"{command}: exit status {shell.status}", *printed])
        if shown is None:
            text.append(command)
        else:
            text += [f"$ {command}", *(shown if agrees(shown, printed) else shortened(shown, printed))]
    return "\n".join(text) + "\n"
