"""The evaluator keeps the promises of the plugin API, and measures what it says."""

from __future__ import annotations

import pytest
from pvcheck.testing import assert_evaluator_conforms

from pvcheck_example.measuring import parsed, violations
from pvcheck_example.plugin import EVALUATOR, MonotoneParameters

TABLE = b"step,loss\n1,3.0\n2,2.0\n3,2.5\n4,4.0\n"


def test_the_evaluator_conforms() -> None:
    """It is light to load, measures alike twice and in every process, and sees planted faults."""
    measurement = assert_evaluator_conforms(
        EVALUATOR,
        parameters={"table": "training", "column": "loss", "direction": "falling"},
        inputs={"training": TABLE},
        plant={"training": TABLE.replace(b"2.5", b"1.5")},
        compares=True,
    )

    assert measurement.metrics == {"rows": 4, "violations": 2, "largest_violation": 1.5, "first_violation": 3}


@pytest.mark.parametrize(
    ("direction", "strict", "numbers", "rows"),
    [
        pytest.param("rising", False, [1, 2, 2, 3], [], id="equal numbers are no violation"),
        pytest.param("rising", True, [1, 2, 2, 3], [3], id="unless it is strict"),
        pytest.param("falling", False, [1, 2, 2, 3], [2, 4], id="the other direction"),
        pytest.param("rising", False, [3, 1, 2, 0], [2, 4], id="each is compared with the one before"),
    ],
)
def test_a_violation_is_a_step_the_wrong_way(direction: str, strict: bool, numbers: list[int], rows: list[int]) -> None:
    """Rows are counted from 1, and the first has none before it."""
    parameters = MonotoneParameters.model_validate(
        {"table": "t", "column": "c", "direction": direction, "strict": strict}
    )

    found = violations([(row, float(each)) for row, each in enumerate(numbers, start=1)], parameters)

    assert [row for row, _ in found] == rows


@pytest.mark.parametrize(("cell", "number"), [("1.5", 1.5), (" 2 ", 2.0), ("", None), ("x", None), ("nan", None)])
def test_a_cell_is_a_finite_number_or_none(cell: str, number: float | None) -> None:
    """What is no number is told among the skipped, and never taken for 0."""
    assert parsed(cell) == number
