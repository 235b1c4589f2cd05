"""What a contract may write under ``with`` of ``q4k-matvec-sweep``. Light, like the plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, field_validator

from pvcheck_q4k.chain_parameters import ROW_MAX, CarryingParameters, NumbersText, Pattern, Span, row_spans
from pvcheck_q4k.fixture_parameters import Terms  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PART_ROWS: Final = 1024


class MatvecSweepParameters(CarryingParameters):
    """The parameters of ``q4k-matvec-sweep``; those of a part have the same form: one layer, and its rows."""

    tensor: Pattern = Field(description="the name of a layer's tensor; {layer} in it stands for the layer's number")
    rows: Annotated[int, Field(ge=0, le=ROW_MAX)] | NumbersText | None = Field(
        default=None,
        description='the rows of each tensor: numbers and ranges that ascend, as in "0-255,1024"; left out: all',
    )
    part_rows: int = Field(
        default=PART_ROWS,
        ge=1,
        le=ROW_MAX + 1,
        description="the most rows that are measured as one part. Sums are rounded once a part and once a layer, so "
        "another number may change last digits",
    )
    activation: Terms | None = Field(
        default=None,
        description="the numbers that every layer is multiplied with: the float32 sum of its terms, from left to "
        "right, at each index; left out: (i - 128) * 0.05 + (i % 7) * 0.01 for i = 0 to 255, again and again",
    )

    @field_validator("rows")
    @classmethod
    def _check_rows(cls, value: int | str | None) -> int | str | None:
        if value is not None:
            row_spans(value)
        return value


def runs(spans: Sequence[Span], most: int) -> Iterator[tuple[Span, ...]]:
    """Yield the rows of some spans in their order, at most ``most`` at a time."""
    taken: list[Span] = []
    room = most
    for start, stop in spans:
        at = start
        while at < stop:
            end = min(stop, at + room)
            taken.append(Span(at, end))
            room -= end - at
            at = end
            if room == 0:
                yield tuple(taken)
                taken, room = [], most
    if taken:
        yield tuple(taken)


def text_of(spans: Sequence[Span]) -> str:
    """Return rows as a contract would name them: what ``row_spans`` reads."""
    return ",".join(f"{start}" if stop == start + 1 else f"{start}-{stop - 1}" for start, stop in spans)
