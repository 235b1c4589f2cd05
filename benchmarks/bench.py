"""What the rows of kernels.py measure on: matrices, activations, files, baselines, each made once and when needed."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

import model_files
import numpy as np
from bandwidth import Bandwidth
from measuring import Times, interleaved, pv
from model_files import DOWN, Shape
from native import Native
from verdicts import DiffersError

from pvcheck.plugin import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from pvcheck_q4k.gguf_file import GgufFile

SIZES = {"q4_K": 144, "q6_K": 210}
SAME = 1e-5
"""How far sums in another order may lie apart, relative to the sum of magnitudes."""

CONTRACT = """\
metadata: {{schema: 1, id: C-BENCHMARK, version: 1.0.0, status: ACTIVE}}
inputs: {{model: {{format: gguf, path: {file}}}}}
falsification_tests:
- id: FALSIFY-BENCHMARK-001
  rule: the chain runs through all layers
  prediction: each layer is measured
  if_fails: the reader or a kernel is wrong
  evaluator: q4k-chain
  with: {{model: model, tensor: 'blk.{{layer}}.ffn_down.weight', layers: 0-{last}, propagation: scalar-scale}}
  accept: {{carry: 'the time is measured, not the growth'}}
  expect: {{layers_measured: == {layers}, non_finite: == 0}}
  status: PENDING
implementation_stages: []
amendments: []
"""


class Bench:
    """The material of one run. ``quick`` makes everything small, and nothing about its speed means anything."""

    def __init__(self, place: Path, *, quick: bool, rounds: int) -> None:
        """Take a folder for files, and the most rounds of a row."""
        self.place = place
        self.quick = quick
        self.rounds = 1 if quick else rounds
        self.budget = 8.0
        self.down = Shape(64, 2) if quick else DOWN
        self.layers = 2 if quick else 28
        self.tokens = 1024 if quick else 262_144
        self.bandwidth = Bandwidth(1 << (22 if quick else 29), self.rounds)
        self.matrix = cache(self._matrix)
        self.magnitudes = cache(self._magnitudes)

    @cached_property
    def native(self) -> Native:
        """Return the baseline in C.

        :raises Missing: if this machine has none.
        """
        return Native(self.place)

    @cached_property
    def activation(self) -> npt.NDArray[np.float32]:
        """Return one activation, as long as a row."""
        rng = np.random.default_rng(model_files.SEED)
        return rng.standard_normal(self.down.blocks * model_files.BLOCK_WEIGHTS).astype(np.float32)

    @cached_property
    def vocabulary(self) -> Path:
        """Return a file with a large vocabulary."""
        return model_files.write_vocabulary(self.place / "vocabulary.gguf", self.tokens)

    @cached_property
    def dense(self) -> Path:
        """Return the 7B-shaped file with blocks everywhere."""
        tensors = model_files.down_tensors(self.layers, self.down)
        return model_files.write_model(self.place / "dense.gguf", tensors, dense=True)

    @cached_property
    def contract(self) -> Path:
        """Return a contract over the 7B-shaped file that is a hole outside the blocks used."""
        tensors = model_files.down_tensors(self.layers, self.down)
        file = model_files.write_model(self.place / "sparse.gguf", tensors, dense=False)
        return write_contract(file, self.layers)

    def pair(self, ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[Times, Times]:
        """Time two sides that have both been called before."""
        times = interleaved({"ours": ours, "theirs": theirs}, self.rounds, self.budget, warm=False)
        return times["ours"], times["theirs"]

    def beside_memory(self, ours: Callable[[], object], size: int, threads: int) -> tuple[Times, Times]:
        """Time one side beside what reading ``size`` bytes takes in the same rounds, so that a load slows both."""
        self.bandwidth.once(threads)
        times, reads = self.pair(ours, lambda: self.bandwidth.once(threads))
        return times, Times(tuple(each * size / self.bandwidth.size for each in reads.seconds))

    def alone(self, ours: Callable[[], object]) -> Times:
        """Time one side."""
        return interleaved({"ours": ours}, self.rounds, self.budget)["ours"]

    def _matrix(self, kind: str) -> npt.NDArray[np.uint8]:
        """Return the matrix of a kind, shape (rows, blocks, bytes)."""
        return model_files.random_rows(self.down, SIZES[kind])

    def _magnitudes(self, kind: str) -> npt.NDArray[np.float64]:
        """Return the sum of magnitudes of each row's products, by ggml's decoder."""
        size = np.abs(self.activation.astype(np.float64))
        rows = (self.native.decode(kind, row) for row in self.matrix(kind))
        return np.array([np.abs(weights.reshape(-1)) @ size for weights in rows])


def write_contract(file: Path, layers: int, digest: str = "") -> Path:
    """Write a contract of one falsifier, the chain through all layers of a file, beside it; return its path."""
    path = file.with_suffix(".yaml")
    named = f"{file.name}, sha256: {digest}" if digest else file.name
    path.write_text(CONTRACT.format(file=named, last=layers - 1, layers=layers))
    return path


def matvec_chain(file: Path, layers: int) -> list[str]:
    """Return the command of the chain of whole products: all rows and blocks of all layers of a file."""
    tensor = "tensor=blk.{layer}.ffn_down.weight"
    rest = ("model=model", tensor, f"layers=0-{layers - 1}", "cover=all", "fit=repeat")
    return pv("measure", "q4k-matvec-chain", "--input", f"model={file}", *rest)


def check_bits(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> None:
    """Refuse two sides that are not equal to the bit, and ones that are all 0.

    :raises DiffersError: if they are.
    """
    check_alive(theirs)
    wrong = int((ours.view(np.uint32) != theirs.view(np.uint32)).sum())
    if wrong:
        raise DiffersError(f"{wrong} of {ours.size} numbers have other bits")


def check_close(
    ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32], magnitudes: npt.NDArray[np.float64]
) -> None:
    """Refuse sums that another order cannot explain, and ones that are all 0.

    :raises DiffersError: if they are.
    """
    check_alive(theirs)
    apart = np.abs(ours.astype(np.float64) - theirs) / magnitudes
    if not apart.max() <= SAME:  # a NaN is one, too
        raise DiffersError(f"sums lie {apart.max():.1e} of their magnitudes apart, at most {SAME:g} is rounding")


def check_alive(theirs: npt.NDArray[np.float32]) -> None:
    """Refuse a baseline that computed nothing.

    :raises DiffersError: if it is all 0.
    """
    if not theirs.any():
        raise DiffersError("theirs is 0 everywhere: it computed nothing")


def check_file(ours: GgufFile, theirs: object) -> None:
    """Refuse two readings of one file that have other tensors or another vocabulary; ``theirs`` is a GGUFReader.

    :raises DiffersError: if they have.
    """
    told = {each.name: (int(each.data_offset), int(each.n_bytes)) for each in theirs.tensors}  # type: ignore[attr-defined]
    read = {name: (info.offset, info.size) for name, info in ours.tensors.items()}
    tokens = len(theirs.fields["tokenizer.ggml.tokens"].data)  # type: ignore[attr-defined]
    if told != read or ours.metadata["tokenizer.ggml.tokens"].count != tokens:  # type: ignore[union-attr]
        raise DiffersError("the two readers tell other tensors or another vocabulary")


def source(path: Path) -> Source:
    """Open a file as evaluators get it."""
    return Source(str(path))
