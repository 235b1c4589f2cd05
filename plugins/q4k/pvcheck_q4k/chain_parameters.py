"""What a contract may write under ``with`` of ``q4k-matvec-chain`` and ``q4k-ffn-chain``. Light, like the plugin."""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from pvcheck.plugin import Parameters, input_field
from pvcheck_q4k.fixture_parameters import Terms
from pvcheck_q4k.parameters import LAYER_MAX, layer_numbers

ROW_MAX: Final = (1 << 24) - 1
RANGES_MAX: Final = 4096

Pattern = Annotated[str, Field(pattern=r"\{layer\}", max_length=256)]
NumbersText = Annotated[
    str, Field(max_length=40_000, pattern=r"^[0-9]{1,8}(-[0-9]{1,8})?(,[0-9]{1,8}(-[0-9]{1,8})?)*$")
]


class Span(NamedTuple):
    """Rows from ``start`` to before ``stop``."""

    start: int
    stop: int


class CarryingParameters(Parameters):
    """What both chains take: a model, its layers and the first activation."""

    model: str = input_field("the GGUF or APR file to measure, an entry of the contract's inputs")
    layers: Annotated[int, Field(ge=0, le=LAYER_MAX)] | NumbersText = Field(
        description='the layers in ascending order: numbers and ranges, as in "0-27" or "0,2,5-8"'
    )
    activation: Terms | None = Field(
        default=None,
        description="the numbers that the first layer starts from: the float32 sum of its terms, from left to right, "
        "at each index; left out: (i - 128) * 0.05 + (i % 7) * 0.01 for i = 0 to 255, again and again",
    )

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, value: int | str) -> int | str:
        layer_numbers(value)
        return value


class MatvecChainParameters(CarryingParameters):
    """The parameters of ``q4k-matvec-chain``."""

    tensor: Pattern = Field(description="the name of a layer's tensor; {layer} in it stands for the layer's number")
    cover: Literal["first-blocks", "rows", "all"] = Field(
        default="first-blocks",
        description="what of each tensor is measured: the first super-block of the first 256 rows, whole rows that "
        "are named under rows, or all of it",
    )
    rows: Annotated[int, Field(ge=0, le=ROW_MAX)] | NumbersText | None = Field(
        default=None, description='the rows for cover: rows, numbers and ranges that ascend, as in "0-255,1024"'
    )
    fit: Literal["refuse", "repeat"] = Field(
        default="refuse",
        description="what happens where a layer has not as many results as the next one takes numbers: nothing is "
        "measured, or the results are repeated from the first on until there are enough, and what is too many is "
        "left out",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cover == "rows") is (self.rows is None):
            raise ValueError("rows and cover: rows go together")
        if self.rows is not None:
            row_spans(self.rows)
        return self


class FfnChainParameters(CarryingParameters):
    """The parameters of ``q4k-ffn-chain``."""

    gate: Pattern = Field(default="blk.{layer}.ffn_gate.weight", description="the name of a layer's gate tensor")
    up: Pattern = Field(default="blk.{layer}.ffn_up.weight", description="the name of a layer's up tensor")
    down: Pattern = Field(default="blk.{layer}.ffn_down.weight", description="the name of a layer's down tensor")
    norm: Pattern | None = Field(
        default="blk.{layer}.ffn_norm.weight",
        description="the name of a layer's norm weights, F32; null, or a layer without them: every weight is 1",
    )
    cover: Literal["first-blocks", "all"] = Field(
        default="first-blocks",
        description="what of each tensor is measured: the first super-block of the first 256 rows, as if the model "
        "were 256 wide, or all of it",
    )


def row_spans(text: int | str) -> tuple[Span, ...]:
    """Return the rows that a text such as "0-255,1024" names.

    :raises ValueError: if they do not ascend, if one stands twice or is over 16,777,215, or if there are over 4,096
        ranges.
    """
    parts = str(text).split(",")
    if len(parts) > RANGES_MAX:
        raise ValueError(f"there must be at most {RANGES_MAX} ranges of rows, got {len(parts)}")
    spans: list[Span] = []
    for part in parts:
        first, _, last = part.partition("-")
        start, stop = int(first), int(last or first) + 1
        if stop <= start:
            raise ValueError(f"a range of rows must ascend, got {part}")
        if spans and start < spans[-1].stop:
            raise ValueError(f"rows must ascend and stand once, got {start} after {spans[-1].stop - 1}")
        if stop > ROW_MAX + 1:
            raise ValueError(f"a row must be at most {ROW_MAX}, got {stop - 1}")
        spans.append(Span(start, stop))
    return tuple(spans)
