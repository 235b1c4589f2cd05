"""Ours against gguf (NumPy) and a native ggml, side by side in one run: medians, ratios, share of memory bandwidth.

    python benchmarks/kernels.py [--rows NAME] [--markdown | --write] [--quick]

Each pair is timed in turn, round after round, at equal threads, after both sides were seen to compute the same.
Exits 0 if every gate that was measured holds, else 1; the last line counts the rows that were not measured.
docs/speed.md says how to read the table, and holds one that ``--write`` put there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np
from bench import Bench, check_bits, check_close, check_file, matvec_chain, source
from measuring import Times, ended, process, pv
from native import Missing
from page import Table, options, selected, tell
from verdicts import COLUMNS, DIFFERS, FAILED, DiffersError, Goal, Line, Result, Row, line, notes, status, unmeasured

from pvcheck_q4k import cpu, cpu_q6k
from pvcheck_q4k.gguf_file import GgufFile
from pvcheck_q4k.plugin import pv_evaluators

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

COMMAND = "python benchmarks/kernels.py --write"
KERNELS = {"q4_K": cpu, "q6_K": cpu_q6k}
TYPES = {"q4_K": gguf.GGMLQuantizationType.Q4_K, "q6_K": gguf.GGMLQuantizationType.Q6_K}


def read_memory(bench: Bench, threads: int) -> Result:
    """Measure reading: what the shares below are shares of."""
    return Result(bench.bandwidth.read(threads), counted=bench.bandwidth.size)


def copy_memory(bench: Bench, threads: int) -> Result:
    """Measure copying; each byte counts twice, once read and once written."""
    return Result(bench.bandwidth.copy(threads), counted=2 * bench.bandwidth.size)


def path_b(bench: Bench, threads: int, kind: str) -> Result:
    """Compare path B with a loop over ggml's dot product, on the codes that ggml made."""
    raw, native = bench.matrix(kind), bench.native
    q8 = native.quantise(bench.activation)
    scales = np.ascontiguousarray(q8[:, :4]).view(np.float32).reshape(-1)
    codes = np.ascontiguousarray(q8[:, 4:260]).view(np.int8)
    ours = partial(KERNELS[kind].matvec_b, raw, scales, codes, threads)
    theirs = partial(native.matvec_b, kind, raw, q8, threads)
    check_close(ours().values, theirs(), bench.magnitudes(kind))
    return _read(bench, *bench.pair(ours, theirs), raw.nbytes, threads)


def path_a(bench: Bench, threads: int, kind: str) -> Result:
    """Compare path A with ggml's decoder and a strict left fold in C: equal to the bit."""
    raw, x, native = bench.matrix(kind), bench.activation, bench.native
    ours = partial(KERNELS[kind].matvec_a, raw, x, threads)
    theirs = partial(native.matvec_a, kind, raw, x, threads)
    check_bits(ours().values, theirs())
    return _read(bench, *bench.pair(ours, theirs), raw.nbytes, threads)


def path_a_numpy(bench: Bench, threads: int, kind: str) -> Result:
    """Compare path A with gguf's decoder and a product in NumPy, which both use one thread."""
    raw, x = bench.matrix(kind), bench.activation
    flat = raw.reshape(raw.shape[0], -1)
    ours = partial(KERNELS[kind].matvec_a, raw, x, threads)

    def theirs() -> npt.NDArray[np.float32]:
        return np.asarray(np.einsum("ij,j->i", gguf.quants.dequantize(flat, TYPES[kind]), x))

    weights = gguf.quants.dequantize(flat, TYPES[kind])
    magnitudes = np.einsum("ij,j->i", np.abs(weights, out=weights), np.abs(x)).astype(np.float64)
    del weights
    check_close(ours().values, theirs(), magnitudes)
    return _read(bench, *bench.pair(ours, theirs), raw.nbytes, threads)


def decode(bench: Bench, threads: int, kind: str, against: str) -> Result:
    """Compare decoding a quarter of the matrix, into new memory on both sides: equal to the bit."""
    matrix = bench.matrix(kind)
    raw = np.ascontiguousarray(matrix[: len(matrix) // 4].reshape(-1, matrix.shape[2]))
    if against == "ggml":
        theirs = partial(bench.native.decode, kind, raw)
    else:
        theirs = partial(gguf.quants.dequantize, raw, TYPES[kind])
    ours = partial(KERNELS[kind].decode, raw)
    weights = ours().weights
    check_bits(weights, theirs())
    times = bench.pair(ours, theirs)
    needed = (raw.nbytes + weights.nbytes) / (2 * bench.bandwidth.size) * bench.bandwidth.copy(threads).least
    return Result(*times, counted=weights.nbytes, share=needed / times[0].median)


def open_file(bench: Bench, _threads: int) -> Result:
    """Compare opening a file with a large vocabulary with gguf's reader."""
    path = bench.vocabulary

    def ours() -> GgufFile:
        with source(path) as opened:
            return GgufFile.open(opened)

    theirs = partial(gguf.GGUFReader, path)
    check_file(ours(), theirs())
    return Result(*bench.pair(ours, theirs))


def chain(bench: Bench, _threads: int) -> Result:
    """Measure the chain of falsifier 017 as a whole process, its kernels compiled before."""
    return Result(bench.alone(process(pv("run", "-q", str(bench.contract)))))


def whole_file(bench: Bench, threads: int) -> Result:
    """Run both paths over all rows and blocks of the file; theirs is the time that reading it once would take."""
    with source(bench.dense) as opened:
        file = GgufFile.open(opened)
        shape = (bench.down.rows, bench.down.blocks, 144)
        matrices = [
            np.frombuffer(file.bytes_of(name, 0, info.size), np.uint8).reshape(shape)
            for name, info in file.tensors.items()
        ]
        quantised = cpu.quantise(bench.activation)

        def both(raw: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            a = cpu.matvec_a(raw, bench.activation, threads)
            b = cpu.matvec_b(raw, quantised.scales, quantised.codes, threads)
            return np.concatenate([a.values, b.values])

        expected = both(bench.matrix("q4_K"))
        for raw in matrices:
            check_bits(both(raw), expected)  # each layer holds the same blocks
        size = sum(raw.nbytes for raw in matrices)
        times = bench.beside_memory(lambda: [both(raw) for raw in matrices], size, threads)
        matrices.clear()  # the views hold the map
    return _read(bench, *times, size, threads)


def whole_chain(bench: Bench, threads: int) -> Result:
    """Run the chain of whole products over all rows and blocks of the file, as a whole process.

    It runs more products than the two paths: what conditions and carry need, too.

    :raises Missing: if the plugin has no such evaluator.
    """
    if not any(each.name == "q4k-matvec-chain" for each in pv_evaluators()):
        raise Missing("no evaluator q4k-matvec-chain")
    run = process(matvec_chain(bench.dense, bench.layers))
    run()  # compiles
    size = bench.dense.stat().st_size
    return _read(bench, *bench.beside_memory(run, size, threads), size, threads)


def _read(bench: Bench, ours: Times, theirs: Times, size: int, threads: int) -> Result:
    """Return the result of a product that has to read so many bytes."""
    return Result(ours, theirs, size, bench.bandwidth.needed(size, threads) / ours.median)


PATH_B, PATH_A = Goal(0.8, 1.3), Goal(1.5, 5)
ROWS = (
    *(Row("read", "read memory", threads, read_memory) for threads in ("1", "all")),
    *(Row("copy", "copy memory", threads, copy_memory) for threads in ("1", "all")),
    *(Row("b-q4k", "path B Q4_K, ggml", n, partial(path_b, kind="q4_K"), PATH_B) for n in ("1", "all")),
    *(Row("b-q6k", "path B Q6_K, ggml", n, partial(path_b, kind="q6_K")) for n in ("1", "all")),
    *(Row("a-q4k", "path A Q4_K, ggml+C", n, partial(path_a, kind="q4_K"), PATH_A) for n in ("1", "all")),
    *(Row("a-q6k", "path A Q6_K, ggml+C", n, partial(path_a, kind="q6_K")) for n in ("1", "all")),
    Row("a-q4k-numpy", "path A Q4_K, gguf", "1", partial(path_a_numpy, kind="q4_K")),
    Row("d-q4k", "decode Q4_K, ggml", "1", partial(decode, kind="q4_K", against="ggml")),
    Row("d-q6k", "decode Q6_K, ggml", "1", partial(decode, kind="q6_K", against="ggml")),
    Row("d-q4k-numpy", "decode Q4_K, gguf", "1", partial(decode, kind="q4_K", against="gguf")),
    Row("d-q6k-numpy", "decode Q6_K, gguf", "1", partial(decode, kind="q6_K", against="gguf")),
    Row("open", "open 262k tokens", "1", open_file, Goal(100, 300)),
    Row("chain", "28-layer chain", "1", chain, Goal(1.5, 1, "s")),
    *(Row("file", "7B file A+B, read", n, whole_file, Goal(0.1)) for n in ("1", "all")),
    Row("file-chain", "7B file chain, read", "all", whole_chain),
)
"""All lines of the table, in its order; "what" ends with what ours is compared with."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="at most; a row takes about 8 seconds (default 25)")
    chosen = parser.parse_args(words)
    rows = selected(parser, chosen, ROWS)
    lines = measured(rows, quick=chosen.quick, rounds=chosen.rounds)
    tell(chosen, Table(COMMAND, COLUMNS, [each.cells for each in lines], notes(lines)))
    return status(lines)


def measured(rows: Sequence[Row], *, quick: bool, rounds: int) -> list[Line]:
    """Measure rows one after the other; tell on standard error which one it is at."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), quick=quick, rounds=rounds)
        for row in rows:
            print(f"{row.what} ({row.threads})", file=sys.stderr)
            try:
                lines.append(line(row, row.measure(bench, row.workers), gated=not quick))
            except Missing as reason:
                lines.append(unmeasured(row, str(reason)))
            except DiffersError as reason:
                lines.append(unmeasured(row, str(reason), DIFFERS))
            except subprocess.CalledProcessError as error:
                lines.append(unmeasured(row, ended(error), FAILED))
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
