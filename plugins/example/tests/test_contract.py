"""The contract of this repository holds, and can fail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pvcheck.testing import Project

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"


def test_the_contract_holds(project: Project) -> None:
    """Measured and judged as `pv run` does it, in a copy: nothing of this repository is written."""
    project.allow("monotone")
    project.add(CONTRACTS)

    result = project.run("run")

    result.assert_outcomes(held=2)
    assert result.status == 0


@pytest.mark.parametrize(
    ("before", "after", "outcomes", "status"),
    [
        pytest.param("1.2104", "1.4", {"held": 1, "refuted": 1}, 1, id="the loss rises"),
        pytest.param("1.2104", "nan", {"held": 1, "invalid": 1}, 3, id="a number is lost"),
        pytest.param("600,1.1873,0.025\n", "", {"refuted": 2}, 1, id="a row is lost"),
        pytest.param("step,loss", "step,lost", {"held": 1, "error": 1}, 3, id="the column has another name"),
        pytest.param("500,", "400,", {"held": 1, "refuted": 1}, 1, id="a step stands twice"),
    ],
)
def test_the_contract_can_fail(
    project: Project, before: str, after: str, outcomes: dict[str, int], status: int
) -> None:
    """Each change of the table is told as what it is: a refutation, or no verdict."""
    project.allow("monotone")
    project.add(CONTRACTS)
    table = (CONTRACTS / "loss.csv").read_text(encoding="utf-8")
    project.file("contracts/loss.csv", table.replace(before, after))

    result = project.run("run")

    result.assert_outcomes(**outcomes)
    assert result.status == status


def test_a_promotion_is_earned_and_stays(project: Project) -> None:
    """After `pv run --write`, validation has nothing to say and a second run writes nothing."""
    project.allow("monotone")
    contracts = project.add(CONTRACTS)

    first = project.run("run", "--write")
    text = (contracts / "loss.yaml").read_text(encoding="utf-8")
    project.run("run", "--write")

    first.assert_outcomes(held=2)
    assert text.count("status: DISCHARGED") == 4
    assert project.run("validate").findings == ()
    assert (contracts / "loss.yaml").read_text(encoding="utf-8") == text


def test_the_contract_is_valid(project: Project) -> None:
    """`pv validate` knows the evaluator, and has nothing to say."""
    project.allow("monotone")
    project.add(CONTRACTS)

    result = project.run("validate")

    assert (result.status, result.findings) == (0, ())
