"""The light part of the plugin: what it offers, without a numerical library.

The heavy parts, one module an evaluator, are loaded by a worker process to measure.
"""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Evaluator, hookimpl
from pvcheck_general import catalogue, parameters, planting

PV_API: Final = (1, 1)
_FILES: Final = "NumPy .npy and .npz, safetensors, GGUF, or JSON, told apart by their first bytes"

EVALUATORS: Final = (
    Evaluator(
        name="command",
        version="1.0.0",
        doc="Runs a program in the project's folder, without a shell and with empty standard input, and reads its "
        "exit status and the numbers that a pattern or a JSON pointer finds in its output (at most 1 MiB). For "
        "several numbers of one program, write several falsifiers. A slow pattern ends in the host's timeout.",
        parameters=parameters.CommandParameters,
        metrics=catalogue.COMMAND,
        implementation="pvcheck_general.command:measure",
        runs_programs=True,
    ),
    Evaluator(
        name="pytest",
        version="1.0.0",
        doc="Runs tests of the project with pytest, in the worker's own Python and the project's folder, and counts "
        "how they ended. What is asked for and not there is counted as missing, never as passed.",
        parameters=parameters.PytestParameters,
        metrics=catalogue.PYTEST,
        implementation="pvcheck_general.pytest_run:measure",
        runs_programs=True,
    ),
    Evaluator(
        name="text-match",
        version="1.0.0",
        doc="Counts the matches of a pattern in a UTF-8 text of at most 16 MiB. A slow regular expression ends in "
        "the host's timeout.",
        parameters=parameters.TextMatchParameters,
        metrics=catalogue.TEXT_MATCH,
        implementation="pvcheck_general.text_match:measure",
        faults=planting.TEXT_FAULTS,
    ),
    Evaluator(
        name="array-compare",
        version="1.1.0",
        doc=f"Compares two arrays element by element, never broadcast: bits, largest difference, steps of the float "
        f"type, relative L2 difference and cosine. Files are {_FILES}.",
        parameters=parameters.ArrayCompareParameters,
        metrics=catalogue.ARRAY_COMPARE,
        implementation="pvcheck_general.array_compare:measure",
        faults=planting.ARRAY_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="trace-std",
        version="1.0.0",
        doc=f"Compares the population standard deviations of one tensor in two traces. The last axis holds the "
        f"features, the others together the rows (tokens); 'last' selects the last row. All rows of one side against "
        f"the last row of the other is refused by the population guard. Files are {_FILES}.",
        parameters=parameters.TraceStdParameters,
        metrics=catalogue.TRACE_STD,
        implementation="pvcheck_general.trace_std:measure",
        faults=planting.TRACE_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="recorded-series",
        version="1.0.0",
        doc="Computes the statistics that were published for a series of numbers recorded elsewhere, says which pairs "
        "of positions reproduce a claimed ratio, and compares the series with a reference. It judges the record, not "
        "the program that was recorded.",
        parameters=parameters.RecordedSeriesParameters,
        metrics=catalogue.RECORDED_SERIES,
        implementation="pvcheck_general.recorded_series:measure",
        faults=planting.SERIES_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="arithmetic",
        version="1.0.0",
        doc="Computes a product, a quotient and a power of numbers that a contract names, so that a sum in prose can "
        "be refuted. Numbers are taken as the shortest decimals of their binary64 values, computed with to 60 digits "
        "and rounded once.",
        parameters=parameters.ArithmeticParameters,
        metrics=catalogue.ARITHMETIC,
        implementation="pvcheck_general.arithmetic:measure",
        faults=planting.ARITHMETIC_FAULTS,
    ),
)


@hookimpl
def pv_evaluators() -> tuple[Evaluator, ...]:
    """Offer the evaluators."""
    return EVALUATORS
