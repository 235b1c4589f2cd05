"""The light half of the plugin: what it offers. It is loaded to plan a run, so it imports nothing heavy."""

from __future__ import annotations

from typing import Literal

from pvcheck.plugin import Evaluator, Fault, MetricSpec, MetricType, Parameters, hookimpl, input_field
from pydantic import Field

PV_API = (1, 1)
"""The version of the plugin API that this was written for."""


class MonotoneParameters(Parameters):
    """What a contract may write under ``with``."""

    table: str = input_field("the CSV file with a header, an entry of the contract's inputs")
    column: str = Field(description="the name of the column, as the header has it", min_length=1)
    direction: Literal["rising", "falling"] = Field(default="rising", description="where the numbers should go")
    strict: bool = Field(default=False, description="whether two equal numbers in a row are a violation")


EVALUATOR = Evaluator(
    name="monotone",
    version="0.1.0",
    doc="Counts the places where a column of a table goes the wrong way, each number compared with the one before.",
    parameters=MonotoneParameters,
    metrics=(
        MetricSpec("rows", MetricType.INT, "rows of the table, without the header", "count"),
        MetricSpec(
            "violations",
            MetricType.INT,
            "rows whose number goes the wrong way from the row before",
            "count",
            compares=True,
        ),
        MetricSpec(
            "largest_violation",
            MetricType.F64,
            "the largest step the wrong way, 0 without any",
            "of the column",
            compares=True,
        ),
        MetricSpec("first_violation", MetricType.INT, "the first such row, from 1; left out without any", "row"),
    ),
    implementation="pvcheck_example.measuring:measure",
    faults=(
        Fault(name="against-first", doc="each number is compared with the first one and not with the one before"),
        Fault(name="last-row-lost", doc="the last row is not read"),
    ),
    takes_arrays=True,
)


@hookimpl
def pv_evaluators() -> tuple[Evaluator, ...]:
    """Offer the evaluator."""
    return (EVALUATOR,)
