"""Give every file of a folder to commands that read it, each in a process of its own, and print what the worst cost.

``python tests/security/enduring.py FOLDER...`` gives each file to ``pv validate``, ``pv model show`` and
``pv measure array-compare``, whatever it is; the exit status is 1 where one ends in a traceback, takes too long, takes
too much memory, or changes a file. A process is forked from one that has imported the command line, so that what is
measured is the file.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

SECONDS = 1.0
MEBIBYTES = 200
AGAIN = 2
PATIENCE = 20
"""Seconds after which a process is killed that has not ended."""
COMMANDS = (
    ("validate", "--no-cache", "--", "{}"),
    ("model", "show", "--", "{}"),
    ("measure", "--in-process", "array-compare", "left={}", "right={}"),
)
ENDS = {0, 1, 2, 3, 4, 5}


class Cost(NamedTuple):
    """What one command on one file came to."""

    seconds: float
    mebibytes: float
    status: int
    told: str
    words: tuple[str, ...]

    @property
    def fault(self) -> str:
        """What is wrong with it, or nothing."""
        if self.status not in ENDS or "Traceback" in self.told or "PV900" in self.told:
            return f"it ended with {self.status}: {self.told[-300:]}"
        if self.seconds > SECONDS:
            return f"it took {self.seconds:.2f} s"
        return f"it took {self.mebibytes:.0f} MiB" if self.mebibytes > MEBIBYTES else ""


def least(words: tuple[str, ...]) -> Cost:
    """Run a command, and again if it took too long: a busy machine must not look like a hang."""
    cost = run(words)
    for _ in range(AGAIN):
        if cost.seconds <= SECONDS:
            break
        cost = min(cost, run(words))
    return cost


def run(words: tuple[str, ...]) -> Cost:
    """Run a command in a child of this process."""
    with tempfile.TemporaryFile() as told:
        begun = time.monotonic()
        child = os.fork()
        if not child:
            _child(words, told.fileno())
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.monotonic() - begun - _queued(child)
        _, status, used = os.wait4(child, 0)
        told.seek(0)
        text = told.read().decode(errors="replace")
    return Cost(seconds, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), text, words)


def _queued(process: int) -> float:
    """Return the seconds that a process waited for a processor, where the system says so: others had it."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def _child(words: tuple[str, ...], told: int) -> None:
    """Be the command, and end."""
    from pvcheck.cli import cli
    from pvcheck.cli.output import guarded

    os.dup2(told, 1)
    os.dup2(told, 2)
    status = 70
    try:
        status = guarded(lambda: cli.main(list(words), prog_name="pv", standalone_mode=False))
        sys.stdout.flush()
    finally:
        os._exit(status)


def digests(places: list[Path]) -> dict[Path, str]:
    """Return the digest of every file."""
    return {place: hashlib.sha256(place.read_bytes()).hexdigest() for place in places}


def files(folder: Path) -> list[Path]:
    """Return the regular files of a folder."""
    return sorted(each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())


def main(folders: list[str]) -> int:
    """Run every command on every file, and print the worst of it."""
    import pvcheck.cli.measure
    import pvcheck.cli.model
    import pvcheck.cli.validate
    import pvcheck.loading.contract  # noqa: F401 - the children have them

    places = [place for folder in folders for place in files(Path(folder))]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    before = digests(places)
    costs = [least(tuple(word.format(place) for word in words)) for place in places for words in COMMANDS]
    faults = [f"pv {' '.join(each.words)}: {each.fault}" for each in costs if each.fault]
    if [place for folder in folders for place in files(Path(folder))] != places or digests(places) != before:
        faults.append("a file is not what it was")
    slow, large = max(costs), max(costs, key=lambda each: each.mebibytes)
    faults.append(
        f"{len(places)} files, {len(costs)} commands, {len(faults)} faults; "
        f"at most {slow.seconds:.2f} s (pv {slow.words[0]}, {Path(slow.words[-1]).name}) and {large.mebibytes:.0f} MiB "
        f"(pv {large.words[0]}, {Path(large.words[-1]).name}), of which {own:.0f} before the file\n"
    )
    sys.stdout.write("\n".join(faults))
    return 1 if len(faults) > 1 else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
