"""Peak memory above the mapped file, in every mode that reads a model, on files of the shapes of a 7B model.

    python benchmarks/memory.py [--rows NAME] [--markdown | --write] [--quick]

A mapped file is no memory that the process needs: the system takes it back when it wants. What counts is anonymous
memory, RssAnon of /proc/PID/status, added up over pv and its workers and sampled every few milliseconds; the limit is
1 GB. "resident" is VmHWM of the largest process, the mapped file included, which the system itself keeps and no sample
can miss. Exits 0 if every mode that was measured stays below the limit, else 1.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench import matvec_chain, write_contract
from measuring import duration, ended, pv
from model_files import DOWN, UP, Shape, down_tensors, ffn_tensors, write_model
from page import Table, options, selected, tell

from pvcheck_q4k.plugin import pv_evaluators

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMAND = "python benchmarks/memory.py --write"
COLUMNS = ("mode", "file", "time", "anonymous", "resident", "limit", "verdict")
LIMIT = 10**9
EVERY = 0.003
PASS, OVER, FAILED, NOT_MEASURED = "PASS", "over limit", "failed", "not measured"


class Files:
    """The files that are measured on, each made once and when needed; small ones if ``quick``."""

    def __init__(self, place: Path, *, quick: bool) -> None:
        """Take the folder."""
        self.place = place
        self.layers = 2 if quick else 28
        self.ffn_layers = 2 if quick else 4
        self.shapes = (Shape(512, 1), Shape(256, 2)) if quick else (UP, DOWN)

    @cached_property
    def down(self) -> Path:
        """Return a file with one ffn_down a layer, blocks everywhere: 1.07 GB."""
        tensors = down_tensors(self.layers, self.shapes[1])
        return write_model(self.place / "down.gguf", tensors, dense=True)

    @cached_property
    def ffn(self) -> Path:
        """Return a file with gate, up and down of a few layers: one layer bounds the memory, not their number."""
        return write_model(self.place / "ffn.gguf", ffn_tensors(self.ffn_layers, *self.shapes), dense=True)


class Mode(NamedTuple):
    """One line of the table: the file it reads, and its command on that file."""

    name: str
    what: str
    file: Callable[[Files], Path]
    command: Callable[[Files], list[str]]
    evaluator: str = "q4k-chain"

    @property
    def offered(self) -> bool:
        """Return whether the plugin has the evaluator."""
        return self.evaluator in {each.name for each in pv_evaluators()}


class Peaks(NamedTuple):
    """The most bytes of anonymous memory of all processes together, the most of one with its maps, and the seconds."""

    anonymous: int
    resident: int
    seconds: float


class Line(NamedTuple):
    """The cells of a mode, and why it has no numbers, if so."""

    cells: tuple[str, ...]
    reason: str = ""

    @property
    def verdict(self) -> str:
        """Return the last cell."""
        return self.cells[-1]


def run_chain(files: Files) -> list[str]:
    """Return a run of the chain whose input has no declared digest: what is read is hashed, 4 KB."""
    return pv("run", "-q", str(write_contract(files.down, files.layers)))


def run_with_digest(files: Files) -> list[str]:
    """Return the same with the declared digest of the whole file, which the run has to compare."""
    with files.down.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return pv("run", "-q", str(write_contract(files.down, files.layers, digest)))


def run_matvec_chain(files: Files) -> list[str]:
    """Return the chain of whole products, all rows and blocks of all layers."""
    return matvec_chain(files.down, files.layers)


def run_ffn_chain(files: Files) -> list[str]:
    """Return the chain through gate, up and down, all rows and blocks of all layers."""
    rest = ("model=model", f"layers=0-{files.ffn_layers - 1}", "cover=all")
    return pv("measure", "q4k-ffn-chain", "--input", f"model={files.ffn}", *rest)


MODES = (
    Mode("chain", "q4k-chain, pv run", lambda files: files.down, run_chain),
    Mode("chain-digest", "q4k-chain, whole-file digest", lambda files: files.down, run_with_digest),
    Mode("matvec", "q4k-matvec-chain, all", lambda files: files.down, run_matvec_chain, "q4k-matvec-chain"),
    Mode("ffn", "q4k-ffn-chain, all", lambda files: files.ffn, run_ffn_chain, "q4k-ffn-chain"),
    Mode("show", "pv model show", lambda files: files.down, lambda files: pv("model", "show", str(files.down))),
    Mode(
        "show-digest",
        "pv model show --digest",
        lambda files: files.down,
        lambda files: pv("model", "show", str(files.down), "--digest"),
    ),
)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = options(__doc__)
    chosen = parser.parse_args(words)
    modes = selected(parser, chosen, MODES)
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder), quick=chosen.quick)
        lines = [measured(mode, files) for mode in modes]
    told = [
        f"{mode.name}: {each.verdict}: {each.reason}" for mode, each in zip(modes, lines, strict=True) if each.reason
    ]
    tell(chosen, Table(COMMAND, COLUMNS, [each.cells for each in lines], [*told, counts(lines)]))
    return int(any(each.verdict in {OVER, FAILED} for each in lines))


def measured(mode: Mode, files: Files) -> Line:
    """Return the line of one mode."""
    print(mode.what, file=sys.stderr)
    limit = megabytes(LIMIT)
    if not mode.offered:
        return Line((mode.what, "-", "-", "-", "-", limit, NOT_MEASURED), f"no evaluator {mode.evaluator}")
    size = megabytes(mode.file(files).stat().st_size)
    try:
        found = peaks(mode.command(files))
    except subprocess.CalledProcessError as error:
        return Line((mode.what, size, "-", "-", "-", limit, FAILED), ended(error))
    told = (duration(found.seconds), megabytes(found.anonymous), megabytes(found.resident))
    return Line((mode.what, size, *told, limit, PASS if found.anonymous < LIMIT else OVER))


def counts(lines: Sequence[Line]) -> str:
    """Return how many lines have each verdict."""
    verdicts = [each.verdict for each in lines]
    below, over, failed, missing = map(verdicts.count, (PASS, OVER, FAILED, NOT_MEASURED))
    return f"{len(lines)} modes: {below} below the limit, {over} over it, {failed} failed, {missing} not measured"


def peaks(command: Sequence[str]) -> Peaks:
    """Run a command and return the peaks of it and its children.

    :raises subprocess.CalledProcessError: if it fails.
    """
    anonymous = resident = 0
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            now = [status(pid) for pid in family(process.pid)]
            anonymous = max(anonymous, sum(each.get("RssAnon", 0) for each in now))
            resident = max([resident, *(each.get("VmHWM", 0) for each in now)])
            time.sleep(EVERY)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return Peaks(anonymous, resident, seconds)


def family(first: int) -> set[int]:
    """Return a process, its children, theirs, and so on."""
    parents = {int(place.name): status(int(place.name)).get("PPid") for place in Path("/proc").glob("[0-9]*")}
    found = {first}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def status(pid: int) -> dict[str, int]:
    """Return the numbers of /proc/PID/status, sizes in bytes; nothing if the process is gone."""
    numbers = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            key, _, value = line.partition(":")
            words = value.split()
            if key in {"PPid", "RssAnon", "VmHWM"}:
                numbers[key] = int(words[0]) * (1024 if words[1:] else 1)  # a size is told in kB, a process is not
    return numbers


def megabytes(size: int) -> str:
    """Return a size in units of a million bytes."""
    return f"{size / 1e6:,.0f} MB"


if __name__ == "__main__":
    raise SystemExit(main())
