"""The products of one tensor with several activations, part by part of its rows, on the threads of an evaluation.

Each part of the rows is multiplied with everything that is asked for while it is in a cache. A row is one sum on one
thread, so neither the parts nor the threads can change a bit.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self, cast

import numpy as np

from pvcheck.plugin import NotMeasured
from pvcheck_q4k import blocks, faulty
from pvcheck_q4k.kernels import BACKENDS, Q6K_BACKENDS, kernels_of
from pvcheck_q4k.reference import joined
from pvcheck_q4k.results import Product
from pvcheck_q4k.tensor_rows import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.results import Sums
    from pvcheck_q4k.tensor_rows import Matrix

    F32s = npt.NDArray[np.float32]
    F64s = npt.NDArray[np.float64]
    I8 = npt.NDArray[np.int8]
    U8 = npt.NDArray[np.uint8]

FORMATS: Final[Mapping[str, Mapping[str, str]]] = {"Q4_K": BACKENDS, "Q6_K": Q6K_BACKENDS}
FAULTY: Final = "Q4_K"
FAULTY_BLOCKS: Final = 4096
"""Super-blocks of a tensor that path B multiplies with a fault, in NumPy: a tenth of a second of it."""


class RowKernels(Protocol):
    """A module of kernels for rows of one format."""

    def matvec_a(self, raw: U8, x: F32s, /) -> Product:
        """Return path A over rows."""

    def matvec_b(self, raw: U8, scales: F32s, codes: I8, /) -> Product:
        """Return path B over rows."""

    def row_sums(self, raw: U8, x: F32s, /) -> Sums:
        """Return the sums of x w and |x w| of rows."""


class Asked(NamedTuple):
    """The activations of one tensor: of path A, of path B, of path B without the chain, and of path A if changed."""

    a: F32s
    b: F32s
    alone: F32s
    changed: F32s | None = None


class Answered(NamedTuple):
    """What the activations come to, a number a row, and path A's sums in float64 if they were asked for."""

    a: Product
    b: Product
    alone: Product
    changed: Product | None
    totals: F64s
    magnitudes: F64s


class Codes(NamedTuple):
    """An activation of whole super-blocks, and what path B makes of it: a scale and 256 codes each."""

    x: F32s
    scales: F32s
    codes: I8


class Job(NamedTuple):
    """What is done with each part of a tensor's rows."""

    kernels: RowKernels
    summing: RowKernels | None
    a: F32s
    b: Codes
    alone: Codes
    changed: F32s | None


class Part(NamedTuple):
    """Rows as they are, as path B reads them, and how many of the first get a fault of path B."""

    raw: U8
    read: U8
    planted: int


class Desk:
    """Where the products of one evaluation are computed: kernels, threads, progress, and path B as it is on trial."""

    def __init__(self, name: str, context: Context) -> None:
        """Take up the kernels of the context's device, for the evaluator ``name``.

        :raises NotMeasured: if there are none here, or the context asks for a fault that is not declared.
        """
        self._base = kernels_of(name, context)
        self._context = context
        self._modules = {kind: _module(table[context.device]) for kind, table in FORMATS.items()}
        # Exact products added from left to right in float64: those of the CPU are those of every device.
        device = "cpu" if context.device == "cuda" else context.device
        self._summing = {kind: _module(table[device]) for kind, table in FORMATS.items()}
        # A GPU takes one launch after the other, and has threads of its own.
        self._threads = 1 if context.device == "cuda" else max(1, context.threads)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None
        self._rows = self._done = 0
        self._fault = context.fault if context.fault in faulty.PATH_B else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # the parts that are being computed take milliseconds

    @property
    def backend(self) -> str:
        """The name of the kernels, and on the CPU the form of them that it gets."""
        if self._context.device != "cpu":
            return self._base.NAME
        from pvcheck_q4k import forms  # noqa: PLC0415 - it loads the compiler, which the reference does without

        return f"{self._base.NAME} {forms.chosen().name}"

    @property
    def libraries(self) -> dict[str, str]:
        """The libraries that the kernels use, and their versions."""
        return dict(self._base.LIBRARIES)

    def expect(self, matrices: Sequence[Matrix]) -> None:
        """Take note of what will be multiplied, for the progress and for the digest of what is read.

        :raises NotMeasured: if there is a fault of path B to plant, and none of them has a place for it.
        """
        self._rows = sum(each.rows for each in matrices)
        if self._fault and all(each.kind != FAULTY for each in matrices):
            raise NotMeasured(f"not planted: {self._fault} is one of {FAULTY}, and no tensor here is in it")
        for each in matrices:
            each.ask()
        matrices[0].model.source.asked_for_all()

    def multiply(self, matrix: Matrix, asked: Asked, *, sums: bool = True) -> Answered:
        """Return the products of a tensor with all activations, and path A's sums if they are asked for.

        :raises Cancelled: if the host wants the evaluation to stop.
        """
        parts = list(self._parts(matrix))
        x_b = self._context.received(asked.b, "the activation of path B")
        b = self._codes(filled(x_b, matrix.taken))
        job = Job(
            kernels=self._modules[matrix.kind],
            summing=self._summing[matrix.kind] if sums else None,
            a=filled(asked.a, matrix.taken),
            b=b,
            alone=b if asked.alone is x_b else self._codes(filled(asked.alone, matrix.taken)),
            changed=None if asked.changed is None else filled(asked.changed, matrix.taken),
        )
        run = partial(self._answer, job)
        answers = []
        for part, answer in zip(parts, self._pool.map(run, parts) if self._pool else map(run, parts), strict=True):
            answers.append(answer)
            self._done += len(part.raw)
            self._context.progress(self._done, self._rows)
            self._context.check()
        return _whole(answers)

    def _parts(self, matrix: Matrix) -> Iterator[Part]:
        """Yield the rows of a tensor in parts, and where a fault of path B goes."""
        left = -(-FAULTY_BLOCKS // matrix.taken) if self._fault and matrix.kind == FAULTY else 0
        for raw in matrix.parts(self._threads):
            planted = min(left, len(raw))
            left -= planted
            yield Part(raw, self._context.received(raw, "rows of super-blocks as path B reads them"), planted)

    def _codes(self, x: F32s) -> Codes:
        """Return an activation as path B takes it."""
        quantised = self._base.quantise(x)
        return Codes(x, quantised.scales, quantised.codes)

    def _answer(self, job: Job, part: Part) -> Answered:
        """Multiply one part with everything. It runs on a thread of its own."""
        totals, magnitudes = job.summing.row_sums(part.raw, job.a) if job.summing else (np.empty(0), np.empty(0))
        b = self._path_b(job.kernels, part, job.b)
        return Answered(
            a=job.kernels.matvec_a(part.raw, job.a),
            b=b,
            alone=b if job.alone is job.b else self._path_b(job.kernels, part, job.alone),
            changed=None if job.changed is None else job.kernels.matvec_a(part.raw, job.changed),
            totals=totals,
            magnitudes=magnitudes,
        )

    def _path_b(self, kernels: RowKernels, part: Part, x: Codes) -> Product:
        """Return path B over one part, with the fault that is on trial in its first rows."""
        raw, rest = part.read[: part.planted], part.read[part.planted :]
        products = []
        if len(raw):
            products.append(joined(faulty.path_b(raw, x.x, self._fault, _next(raw))))
        if len(rest):
            products.append(kernels.matvec_b(rest, x.scales, x.codes))
        return _joined(products)


def _module(name: str) -> RowKernels:
    """Return a module of kernels."""
    return cast(RowKernels, importlib.import_module(name))


def _next(raw: U8) -> U8:
    """Return the super-block after each one of some rows, and before it at the end of them."""
    flat = raw.reshape(-1, blocks.BLOCK_BYTES)
    return np.concatenate([flat[1:], flat[-2:-1] if len(flat) > 1 else flat]).reshape(raw.shape)


def _whole(answers: Sequence[Answered]) -> Answered:
    """Return what the parts of a tensor's rows came to as one."""
    changed = [each.changed for each in answers if each.changed is not None]
    return Answered(
        a=_joined([each.a for each in answers]),
        b=_joined([each.b for each in answers]),
        alone=_joined([each.alone for each in answers]),
        changed=_joined(changed) if changed else None,
        totals=np.concatenate([each.totals for each in answers]),
        magnitudes=np.concatenate([each.magnitudes for each in answers]),
    )


def _joined(products: Sequence[Product]) -> Product:
    """Return the products of several parts as one."""
    return Product(
        np.concatenate([each.values for each in products]),
        sum(each.seen for each in products),
        sum(each.non_finite for each in products),
    )
