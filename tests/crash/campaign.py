"""Every command that writes, killed or refused by the disk at every call it makes, and killed at random moments.

    python tests/crash/campaign.py faults [--every N] [--only NAME]
    python tests/crash/campaign.py kills [--number 1000] [--seed 1]

Commands run in forks of this process, in a project of their own. ``files.os`` and ``cache.os`` are the one way to the
disk, so a call that fails there is a disk that fails. After each fault:

- there is no traceback, and the exit status is one that a disk can cause;
- the contract is valid: no status without its evidence; what else was written is whole or not there;
- the same command, run again, ends as it does on a sound disk, and leaves no temporary file.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.test_kill import Faulty
from points.test_e_tampering import CONTRACT, NUMBERS

from pvcheck import cache, config, files
from pvcheck.cli import cli
from pvcheck.cli.output import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

ERRORS = {name: getattr(errno, name) for name in ("EIO", "ENOSPC", "EACCES", "EROFS", "EDQUOT")}
KINDS = ("kill", *(f"{name} {how}" for name in ERRORS for how in ("once", "from then on")))
ALLOWED = {0, 2, 3, 5}
"""Exit statuses of a command whose disk failed: it did not matter, no contract could be found, it could not be written
or read, and what is there is not what it says it is."""
STARTING = ("PATH", "HOME", "LANG")


class Command(NamedTuple):
    """A command that writes: its words, what must have happened before, and the files it writes beside contracts."""

    name: str
    words: tuple[str, ...]
    after: tuple[tuple[str, ...], ...] = ()
    edit: tuple[str, str] | None = None
    outputs: tuple[str, ...] = ()
    refuses: bool = False
    """Whether it refuses to write over what it wrote."""
    measures: bool = False
    """Whether it starts workers, which takes long: each of its calls fails in three of the ways, in turn."""
    caches: bool = False
    """Whether what it writes is the cache, so that no two states are the same."""


RUN = ("run", "--write", "-q")
COMMIT = ("git",)
KEY = "../secret/key.pem"
CLAIM = ("--evaluator", "text-match", "--input", "text=contracts/series.csv", "--with", "pattern=percent")
CLAIM += ("--expect", "matches=>= 1", "--rule", "it is there", "--prediction", "it is found", "--if-fails", "it is not")
COMMANDS = (
    Command("run --write", RUN, measures=True),
    Command("run --results", ("run", "-q", "--results", "r.jsonl"), outputs=("r.jsonl",), measures=True),
    Command("apply", ("apply", "../results.jsonl"), (("run", "-q", "--results", "../results.jsonl"),)),
    Command("bump", ("bump", "--against=HEAD"), (RUN, COMMIT), ("finite\n", "finite ones\n")),
    Command("challenge --write", ("challenge", "--write"), (RUN,), measures=True),
    Command(
        "new contract",
        ("new", "contract", "contracts/new.yaml", *CLAIM),
        outputs=("contracts/new.yaml",),
        refuses=True,
    ),
    Command(
        "new falsifier",
        ("new", "falsifier", "contracts/series.yaml", *CLAIM),
        refuses=True,
    ),
    Command("schema --plugins", ("schema", "--plugins", "--write"), outputs=("schemas/evaluators.json",)),
    Command("schema --editor", ("schema", "--editor", "--write"), outputs=("schemas/contract-1.editor.schema.json",)),
    Command("report --html", ("report", "--html", "page.html"), (RUN,), outputs=("page.html",)),
    Command("validate --report", ("validate", "--report", "json=r.json"), (RUN,), outputs=("r.json",)),
    Command("validate", ("validate",), (RUN,), caches=True),
    Command("evidence export", ("evidence", "export", "-o", "out.jsonl"), (RUN,), outputs=("out.jsonl",)),
    Command(
        "evidence keygen",
        ("evidence", "keygen", "--out", "../new/new.pem"),
        outputs=("../new/new.pem",),
        refuses=True,
    ),
    Command("evidence sign", ("evidence", "sign", "--key", KEY), (RUN, ("evidence", "keygen", "--out", KEY))),
)


class Ended(NamedTuple):
    """How a command ended: its status, negative for a signal, what it told, and the calls it made."""

    status: int
    told: str
    calls: int


class Survivors:
    """Counts what was tried, and what did not survive."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.lost: list[str] = []

    def note(self, kind: str, what: str, problems: list[str]) -> None:
        """Count one fault, and keep what went wrong."""
        self.tried[kind] += 1
        self.lost += [f"{what}: {each}" for each in problems]


def pv(root: Path, words: tuple[str, ...], fault: Faulty | None = None, wait: float | None = None) -> Ended:
    """Run the command line in a fork of this process.

    :param fault: stands for the module os.
    :param wait: seconds after which the process is killed.
    """
    if words == COMMIT:
        return _committed(root)
    told = root.parent / "told"
    child = os.fork()
    if child == 0:
        _run(root, words, fault, told)
    if wait is not None:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    text = told.read_text(errors="replace") if told.exists() else ""
    calls = re.search(r"\ncalls (\d+)\n\Z", text)
    return Ended(os.waitstatus_to_exitcode(status), text, int(calls[1]) if calls else 0)


def _run(root: Path, words: tuple[str, ...], fault: Faulty | None, told: Path) -> None:
    """Run the command line and end."""
    status = 99
    try:
        os.chdir(root)
        os.environ |= {"XDG_CACHE_HOME": str(root.parent / "cache"), "TMPDIR": str(root.parent / "tmp")}
        tempfile.tempdir = None
        config.of_folder.cache_clear()
        counting = fault or Faulty()
        with told.open("w") as out, redirect_stdout(out), redirect_stderr(out):
            files.os = cache.os = counting
            status = guarded(lambda: cli.main(list(words), prog_name="pv", standalone_mode=False))
            files.os = cache.os = os
            out.write(f"\ncalls {counting.calls}\n")
    finally:
        os._exit(status)


def _committed(root: Path) -> Ended:
    """Commit everything."""
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "-A"], ["commit", "-qm", "as it is"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    return Ended(0, "", 0)


def made(place: Path, command: Command) -> Path:
    """Return a project in which a command has something to write."""
    root = place / "project"
    for folder in ("contracts", "../secret", "../new", "../tmp"):
        (root / folder).mkdir(parents=True)
    (root / "pv.toml").write_text('contracts = ["contracts"]\n')
    (root / "contracts" / "series.yaml").write_text(CONTRACT)
    (root / "contracts" / "series.csv").write_text(NUMBERS)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for words in command.after:
        ended = pv(root, words)
        assert ended.status == 0, ended.told
    if command.edit is not None:
        path = root / "contracts" / "series.yaml"
        text = path.read_text()
        assert command.edit[0] in text
        path.write_text(text.replace(*command.edit, 1))
    return root


def copied(source: Path, place: Path) -> Path:
    """Return a copy of a project and of what lies beside it."""
    shutil.copytree(source.parent, place, symlinks=True)
    return place / source.name


def problems(command: Command, root: Path, ended: Ended, kind: str, known: set[str]) -> Iterator[str]:
    """Yield what a fault of a kind broke; the command is run again.

    :param known: the states that were looked at.
    """
    if "Traceback" in ended.told:
        yield f"a traceback: {ended.told[-500:]}"
    if ended.status not in ({-signal.SIGKILL, 0} if kind == "kill" else ALLOWED):
        yield f"ended with {ended.status}: {ended.told[-300:]}"
    if kind.endswith("once") and leftovers(root):
        yield f"left {leftovers(root)}"
    now = state(root)
    if now in known:
        return  # the same files, byte for byte
    known |= set() if command.caches else {now}
    yield from broken(command, root)
    was_there = not command.outputs or any((root / each).exists() for each in command.outputs)
    again = pv(root, command.words)
    if again.status not in ({0, 2} if command.refuses and was_there else {0}):
        yield f"run again, it ended with {again.status}: {again.told[-300:]}"
    yield from (f"after another run {each}" for each in broken(command, root))
    if leftovers(root):
        yield f"another run left {leftovers(root)}"


def broken(command: Command, root: Path) -> Iterator[str]:
    """Yield what is not as it must be: a contract, its evidence, a file that was written."""
    checked = pv(root, ("validate", "--no-cache", "--format", "concise"))
    if checked.status != 0:
        yield f"validation ended with {checked.status}: {checked.told[-300:]}"
    for name in command.outputs:
        path = root / name
        if path.exists() and not _is_whole(path):
            yield f"{name} is not whole"


def _is_whole(path: Path) -> bool:
    """Say whether a file that a command wrote has all of it."""
    data = path.read_bytes()
    ends = {".html": b"</html>\n", ".pem": b"-----END PRIVATE KEY-----\n", ".yaml": b"\n"}
    if path.suffix in ends:
        return data.endswith(ends[path.suffix])
    try:
        return all(json.loads(each) for each in ([data] if path.suffix == ".json" else data.splitlines()))
    except ValueError:
        return False


def state(root: Path) -> str:
    """Return a digest of a project and what lies beside it, without the cache, which may hold times."""
    found = hashlib.sha256()
    for path in sorted(root.parent.rglob("*")):
        name = path.relative_to(root.parent)
        if path.is_file() and name.parts[0] not in {"cache", "told"}:
            found.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()


def leftovers(root: Path) -> list[str]:
    """Return temporary files in a project and beside it."""
    return sorted(path.name for path in root.parent.rglob("*.pvtmp") if "cache" not in path.parts)


def faults(command: Command, place: Path, survivors: Survivors, every: int, kinds: tuple[str, ...] = KINDS) -> int:
    """Fail every call of a command in every way, and return how many calls it makes.

    :param every: try each call of so many only.
    """
    template = made(place / "template", command)
    clean = pv(copied(template, place / "clean"), command.words)
    assert clean.status == 0, clean.told
    known: set[str] = set()
    for at in range(1, clean.calls + 1, every):
        for kind in _in_turn(kinds, at) if command.measures else kinds:
            root = copied(template, place / "copy")
            name, _, how = kind.partition(" ")
            fault = Faulty(at=at) if kind == "kill" else Faulty(at, ERRORS[name], how != "once")
            ended = pv(root, command.words, fault)
            what = f"{command.name}, call {at} of {clean.calls}, {kind}"
            survivors.note(kind, what, list(problems(command, root, ended, kind, known)))
            shutil.rmtree(root.parent)
    shutil.rmtree(place / "template")
    shutil.rmtree(place / "clean")
    return clean.calls


def _in_turn(kinds: tuple[str, ...], at: int) -> tuple[str, ...]:
    """Return a kill and two of the other ways, one that passes and one that stays; ten calls see all of them."""
    kill, *others = kinds
    return kill, others[at % len(others)], others[(at + 5) % len(others)]


KILLED = ("run --write", "apply", "bump", "challenge --write", "evidence sign", "new falsifier", "validate")


def kills(place: Path, number: int, seed: int, survivors: Survivors) -> None:
    """Kill commands at random moments of their run, their workers with them."""
    drawn = random.Random(seed)  # noqa: S311 - the same moments in every run
    chosen = [each for each in COMMANDS if each.name in KILLED]
    templates = {each.name: made(place / each.name.replace(" ", "-"), each) for each in chosen}
    took = {each.name: _seconds(each, templates[each.name], place) for each in chosen}
    for count in range(number):
        command = chosen[count % len(chosen)]
        root = copied(templates[command.name], place / "copy")
        ended = pv(root, command.words, wait=drawn.uniform(0, took[command.name]))
        found = list(problems(command, root, ended, "kill", set()))
        if orphans := _living(root.parent):
            found.append(f"left the processes {orphans}")
        survivors.note(command.name, f"{command.name}, kill {count}", found)
        shutil.rmtree(root.parent)


def _seconds(command: Command, template: Path, place: Path) -> float:
    """Return how long a command takes on a sound disk."""
    root = copied(template, place / "clean")
    began = time.perf_counter()
    assert pv(root, command.words).status == 0
    took = time.perf_counter() - began
    shutil.rmtree(place / "clean")
    return took


def _living(place: Path) -> list[str]:
    """Return the processes that still work below a folder two seconds later."""
    deadline = time.monotonic() + 2
    while found := [each.name for each in Path("/proc").glob("[0-9]*") if _is_below(each, place)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return found


def _is_below(process: Path, place: Path) -> bool:
    """Say whether a process works below a folder."""
    try:
        return (process / "cwd").readlink().is_relative_to(place)
    except OSError:
        return False


def main() -> int:
    """Run a campaign, and print what survived."""
    options = argparse.ArgumentParser(description="Fail and kill every command that writes.")
    options.add_argument("what", choices=["faults", "kills"])
    options.add_argument("--every", type=int, default=1)
    options.add_argument("--only", default="")
    options.add_argument("--number", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    survivors = Survivors()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.what == "kills":
            kills(Path(folder), chosen.number, chosen.seed, survivors)
        else:
            _all_faults(Path(folder), chosen.only, chosen.every, survivors)
    return told(chosen.what, survivors)


def _all_faults(place: Path, only: str, every: int, survivors: Survivors) -> None:
    """Fail the calls of every command, and print each as it is done."""
    for command in COMMANDS:
        if only in command.name:
            before = sum(survivors.tried.values())
            calls = faults(command, place / command.name.replace(" ", "-"), survivors, every)
            tried = sum(survivors.tried.values()) - before
            show(f"{command.name:<20} {calls:>3} calls, {tried:>5} faults")


def show(line: str) -> None:
    """Print a line at once: who waits for half an hour wants to see that it goes on."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def told(what: str, survivors: Survivors) -> int:
    """Show what was tried, and what did not survive."""
    for kind, number in survivors.tried.items():
        show(f"  {kind:<20} {number:>5}")
    for each in survivors.lost:
        show(f"LOST  {each}")
    number = sum(survivors.tried.values())
    lost = len({each.partition(":")[0] for each in survivors.lost})
    show(f"{what}: {number - lost} of {number} survived")
    return int(bool(survivors.lost))


if __name__ == "__main__":
    sys.exit(main())
