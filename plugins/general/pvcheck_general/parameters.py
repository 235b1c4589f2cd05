"""What a contract may write under ``with`` of the general evaluators. Light: loads no numerical library."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from pvcheck.plugin import Parameters, input_field
from pvcheck_general.patterns import PATTERN_MAX, compiled, with_one_group

Word = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Pattern = Annotated[str, Field(min_length=1, max_length=PATTERN_MAX)]
Pointer = Annotated[str, Field(max_length=500, pattern=r"^(/[^/]*)*$")]
Name = Annotated[str, Field(min_length=1, max_length=256)]
NodeId = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[^-@/\x00][^\x00]*$")]
Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Finite = Annotated[int | float, Field(ge=-1e100, le=1e100)]
Rows = Literal["all", "last"]

TIMEOUT_MAX: Final = 3600
_SECONDS: Final = "seconds until the program and all of its process group are killed; the host's own limit stays"
_TENSOR: Final = "the array in the {} file; may be left out where the file holds one"


def _optional_input(description: str) -> str | None:
    """Return the field of a parameter that may hold the name of an entry of the contract's ``inputs``."""
    field: str | None = Field(default=None, description=description, json_schema_extra={"x-pv-input": True})
    return field


class CommandParameters(Parameters):
    """The parameters of ``command``."""

    argv: tuple[Word, ...] = Field(
        description="the program and its arguments, run in the project's folder without a shell",
        min_length=1,
        max_length=64,
    )
    stream: Literal["stdout", "stderr"] = Field(default="stdout", description="the output that numbers are read from")
    pattern: Pattern | None = Field(
        default=None, description="a regular expression with one group; each match of the group is a number"
    )
    pointer: Pointer | None = Field(
        default=None, description='a JSON pointer, such as "/result/drift", into the output: a number or a list of them'
    )
    timeout: int | float = Field(default=60, description=_SECONDS, gt=0, le=TIMEOUT_MAX)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pattern is not None and self.pointer is not None:
            raise ValueError("give a pattern or a pointer, not both")
        if self.pattern is not None:
            with_one_group(self.pattern)
        return self


class PytestParameters(Parameters):
    """The parameters of ``pytest``. Options cannot be given: those of the project's own settings hold."""

    paths: tuple[NodeId, ...] = Field(
        description="files, folders or node ids, relative to the project's folder", min_length=1, max_length=100
    )
    timeout: int | float = Field(default=60, description=_SECONDS, gt=0, le=TIMEOUT_MAX)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for path in self.paths:
            if ".." in path.partition("::")[0].split("/"):
                raise ValueError(f"a path must stay inside the project, got {path}")
        if len(set(self.paths)) != len(self.paths):
            raise ValueError("a path must stand once")
        return self


class TextMatchParameters(Parameters):
    """The parameters of ``text-match``."""

    text: str = input_field("the UTF-8 text to search, an entry of the contract's inputs")
    pattern: Pattern = Field(description="a regular expression, or the text itself where literal is true")
    literal: bool = Field(default=False, description="true: the pattern is the text to find")
    ignore_case: bool = Field(default=False, description="true: capital and small letters are alike")
    per_line: bool = Field(
        default=False, description="true: search line by line, so that ^ and $ are the ends of a line"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.literal:
            compiled(self.pattern)
        return self


class ArrayCompareParameters(Parameters):
    """The parameters of ``array-compare``."""

    left: str = input_field("the file with the first array, which relative differences are relative to")
    right: str = input_field("the file with the second array")
    left_name: Name | None = Field(default=None, description=_TENSOR.format("left"))
    right_name: Name | None = Field(default=None, description=_TENSOR.format("right"))


class TraceStdParameters(Parameters):
    """The parameters of ``trace-std``."""

    left: str = input_field("the first trace, the numerator of the ratio")
    right: str = input_field("the second trace, the denominator of the ratio")
    left_name: Name | None = Field(default=None, description=_TENSOR.format("left"))
    right_name: Name | None = Field(default=None, description=_TENSOR.format("right"))
    left_rows: Rows = Field(default="all", description="the rows (tokens) of the left trace that count")
    right_rows: Rows = Field(default="all", description="the rows (tokens) of the right trace that count")


class RecordedSeriesParameters(Parameters):
    """The parameters of ``recorded-series``."""

    series: str = input_field("the file with the recorded numbers: CSV with a header, or JSON")
    column: Name | None = Field(default=None, description="the column of a CSV file; it or pointer is needed")
    pointer: Pointer | None = Field(default=None, description="a JSON pointer to the list of a JSON file")
    labels: Annotated[str, Field(max_length=500)] | None = Field(
        default=None, description="a column, or a JSON pointer to a list of texts, that names the positions"
    )
    unit: Literal["percent", "factor"] = Field(description="the unit of the file; metrics are factors, 1 % is 0.01")
    host: Name = Field(description="the machine that the numbers were recorded on")
    date: str = Field(description="the day they were recorded", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    reference: str | None = _optional_input("a second recorded series, in the same form, to compare the first N with")
    claimed_ratio: Annotated[int | float, Field(gt=0, le=1e100)] | None = Field(
        default=None, description="a ratio that was claimed for two positions of the series"
    )
    tolerance: float = Field(
        default=0.001, description="how far a ratio may be from the claimed one, relative to it", ge=0, le=1
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.column is None) is (self.pointer is None):
            raise ValueError("give a column or a pointer, one of the two")
        if self.pointer is not None and self.labels is not None and self.labels[:1] not in {"", "/"}:
            raise ValueError("labels must be a JSON pointer, as the series is")
        return self


class Power(Parameters):
    """A power with a rational exponent, over names of numbers."""

    base: Key = Field(description="the number that is raised, above 0")
    numerator: Key = Field(description="the numerator of the exponent")
    denominator: Key | None = Field(default=None, description="the denominator of the exponent; 1 if left out")


class ArithmeticParameters(Parameters):
    """The parameters of ``arithmetic``."""

    numbers: dict[Key, Finite] = Field(description="numbers by name", min_length=1, max_length=100)
    product: tuple[Key, ...] = Field(
        default=(), description="the names of the numbers that are multiplied", max_length=100
    )
    against: Key | None = Field(default=None, description="the number that is divided by the product")
    power: Power | None = Field(default=None, description="a power: base ** (numerator / denominator)")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.product and self.power is None:
            raise ValueError("give a product or a power, else nothing is computed")
        if self.against is not None and not self.product:
            raise ValueError("against needs a product")
        power = (self.power.base, self.power.numerator, self.power.denominator) if self.power else ()
        used = {name for name in (*self.product, self.against, *power) if name is not None}
        if unknown := sorted(used - self.numbers.keys()):
            raise ValueError(f"there is no number named {unknown[0]}")
        if unused := sorted(self.numbers.keys() - used):
            raise ValueError(f"the number {unused[0]} is used nowhere")
        if self.power is not None and self.numbers[self.power.base] <= 0:
            raise ValueError(f"the base of a power must be above 0, got {self.numbers[self.power.base]}")
        return self
