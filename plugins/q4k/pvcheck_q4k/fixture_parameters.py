"""What a contract may write under ``with`` of the evaluators on made-up numbers. Light: loads no numerical library.

A fixture is written down as patterns, so that a contract holds the numbers it speaks of and no program has to be
believed for them.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pvcheck.plugin import Parameters

WHOLE_MAX: Final = 65_536
LENGTH_MAX: Final = 65_536
PRODUCTS_MAX: Final = 1 << 22  # products of one matrix product: a second of NumPy, not a minute

Whole = Annotated[int, Field(ge=-WHOLE_MAX, le=WHOLE_MAX)]
Finite = Annotated[int | float, Field(ge=-1e30, le=1e30)]
Half = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{4}$")]
Change = Annotated[float, Field(gt=0, le=1)]


class Term(Parameters):
    """One term of a pattern: (((times * i + plus) % modulo) + shift) * scale at index i.

    Everything up to the product with ``scale`` is a whole number, turned into float32 once; a ``times`` that is no
    whole number is a float32, multiplied by i and added to ``plus`` in float32.
    """

    times: Whole | Annotated[float, Field(ge=-WHOLE_MAX, le=WHOLE_MAX)] = Field(
        default=1, description="what the index is multiplied by"
    )
    plus: Whole = Field(default=0, description="what is added to that")
    modulo: Annotated[int, Field(ge=1, le=WHOLE_MAX)] | None = Field(
        default=None, description="what the sum is a remainder of, from 0 up; left out: the sum itself"
    )
    shift: Whole = Field(default=0, description="what is added to the remainder")
    scale: Finite = Field(default=1, description="the float32 that the whole number is multiplied by")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if isinstance(self.times, float) and (self.modulo is not None or self.shift):
            raise ValueError("modulo and shift need times to be a whole number")
        return self


Terms = Annotated[tuple[Term, ...], Field(min_length=1, max_length=8)]


def terms_field(what: str) -> tuple[Term, ...]:
    """Return the field of a pattern of numbers."""
    field: tuple[Term, ...] = Field(description=f"{what}: the float32 sum of its terms, from left to right")
    return field


class BytePattern(Parameters):
    """Bytes: (times * i + plus + per_row * row + per_tensor * tensor) % 256 at index i."""

    times: Whole = Field(default=0, description="what the index is multiplied by")
    plus: Whole = Field(default=0, description="what is added to that")
    per_row: Whole = Field(default=0, description="what is added for each row, from row 0")
    per_tensor: Whole = Field(default=0, description="what is added for each tensor, from tensor 0")


class BlockPattern(Parameters):
    """Super-blocks of 144 bytes, one a row."""

    d: Half = Field(description="the two bytes of the scale, in file order, as four hex digits in quotes")
    dmin: Half = Field(description="the two bytes of the scale of the minimums, in file order, as d")
    scales: BytePattern = Field(description="the 12 bytes of six-bit scales and minimums")
    codes: BytePattern = Field(description="the 128 bytes of four-bit codes")


class OneBlock(Parameters):
    """One super-block: made by a pattern, or taken from a model."""

    block: BlockPattern | None = Field(default=None, description="the pattern of the super-block (row 0, tensor 0)")
    model: str | None = Field(
        default=None,
        description="the GGUF file that has the super-block, an entry of the contract's inputs; instead of block",
        json_schema_extra={"x-pv-input": True},
    )
    tensor: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="the name of the model's tensor"
    )
    super_block: Annotated[int, Field(ge=0, le=2**40)] = Field(
        default=0, description="the number of the super-block in the tensor, from 0"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.block is None) is (self.model is None):
            raise ValueError("give a block or a model, one of the two")
        if (self.model is None) is not (self.tensor is None):
            raise ValueError("a model needs a tensor, and a tensor a model")
        if self.block is not None and self.super_block:
            raise ValueError("super_block needs a model")
        return self


class DecodeParameters(OneBlock):
    """The parameters of ``q4k-decode-identity``."""


class PathsParameters(OneBlock):
    """The parameters of ``q4k-paths``."""

    activation: Terms = terms_field("the 256 activations")


class SweepParameters(Parameters):
    """The parameters of ``q4k-scale-sweep``."""

    block: BlockPattern = Field(description="the super-block; its d is replaced by each of scales_d")
    scales_d: tuple[Half, ...] = Field(
        description="the values of d, each as two bytes in file order", min_length=2, max_length=1000
    )
    activation: Terms = terms_field("the 256 activations")


class ChainedParameters(Parameters):
    """The parameters of ``q4k-chained-matvec``."""

    block: BlockPattern = Field(description="the 256 rows of each tensor, one super-block a row")
    tensors: Annotated[int, Field(ge=1, le=16)] = Field(description="how many products are chained, from tensor 0 on")
    activation: Terms = terms_field("the 256 activations of token 0; token t adds t to the shift of the last term")
    tokens: Annotated[int, Field(ge=1, le=32)] = Field(default=1, description="how many tokens run, each on its own")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tokens > 1 and isinstance(self.activation[-1].times, float):
            raise ValueError("several tokens need a last term whose times is a whole number")
        return self


class ReductionParameters(Parameters):
    """The parameters of ``f32-reduction-order``."""

    length: Annotated[int, Field(ge=8, le=LENGTH_MAX, multiple_of=8)] = Field(description="the numbers of each vector")
    left: Terms = terms_field("the first vector")
    right: Terms = terms_field("the second vector")


class MatmulParameters(Parameters):
    """The parameters of ``f32-matmul-repeat``."""

    inputs: Annotated[int, Field(ge=2, le=4096)] = Field(description="numbers of an input row, the length of each sum")
    outputs: Annotated[int, Field(ge=1, le=4096)] = Field(description="numbers of an output row")
    rows: Annotated[int, Field(ge=1, le=256)] = Field(default=1, description="input rows")
    activation: Terms = terms_field("the input, rows x inputs, over the flat row-major index")
    weights: Terms = terms_field("the weights, outputs x inputs, over the flat row-major index")
    threads: Annotated[tuple[Annotated[int, Field(ge=1, le=16)], ...], Field(min_length=1, max_length=8)] = Field(
        default=(1, 2, 4), description="the numbers of threads to try"
    )
    chunks: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(min_length=1, max_length=8)] = Field(
        description="the numbers of outputs that a thread takes at a time, to try"
    )
    repeats: Annotated[int, Field(ge=1, le=16)] = Field(default=2, description="runs of each choice")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.inputs * self.outputs * self.rows > PRODUCTS_MAX:
            raise ValueError(f"inputs x outputs x rows must be at most {PRODUCTS_MAX}")
        if len(self.threads) * len(self.chunks) * self.repeats < 2:
            raise ValueError("there must be two runs or more, else nothing is compared")
        return self


class SoftmaxParameters(Parameters):
    """The parameters of ``f32-softmax-drift``."""

    logits: tuple[Annotated[int | float, Field(ge=-1e4, le=1e4)], ...] = Field(
        description="the logits", min_length=2, max_length=4096
    )
    position: Annotated[int, Field(ge=0, le=4095)] = Field(description="the logit that is changed, from 0")
    change: Change = Field(description="what is added to it")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.position >= len(self.logits):
            raise ValueError(f"position must be below {len(self.logits)}, the number of logits, got {self.position}")
        if not any(self.logits):
            raise ValueError("a logit must differ from 0, else the input drift has nothing to be relative to")
        return self


class RopeParameters(Parameters):
    """The parameters of ``f32-rope-drift``."""

    head: Annotated[int, Field(ge=2, le=4096, multiple_of=2)] = Field(description="numbers of a head")
    base: Annotated[int | float, Field(gt=1, le=1e9)] = Field(default=10000, description="the base of the angles")
    query: Terms = terms_field("the query")
    key: Terms = terms_field("the key")
    query_position: Annotated[int, Field(ge=0, le=2**20)] = Field(description="the position of the query")
    key_position: Annotated[int, Field(ge=0, le=2**20)] = Field(description="the position of the key")
    change: Change = Field(description="the query is multiplied by 1 + change")


class SignPattern(Parameters):
    """Signs: + where (times * i + plus) % modulo < below, else -."""

    times: Whole = Field(description="what the index is multiplied by")
    plus: Whole = Field(default=0, description="what is added to that")
    modulo: Annotated[int, Field(ge=1, le=WHOLE_MAX)] = Field(description="what the sum is a remainder of")
    below: Annotated[int, Field(ge=0, le=WHOLE_MAX)] = Field(description="remainders below this have a +")


class RmsNormParameters(Parameters):
    """The parameters of ``f32-rmsnorm-drift``."""

    length: Annotated[int, Field(ge=1, le=LENGTH_MAX)] = Field(description="the numbers of the vector")
    vector: Terms = terms_field("the vector x")
    signs: SignPattern = Field(description="the signs s of the change x + s |x| change")
    change: Change = Field(description="the relative change of each number")
    epsilon: Annotated[float, Field(gt=0, le=1)] = Field(description="what is added to the mean square")
