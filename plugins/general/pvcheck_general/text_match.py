"""The evaluator ``text-match``: how often, and where, a pattern stands in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import Measurement, NotMeasured
from pvcheck_general import planting
from pvcheck_general.foreign import path_of, source_of, text_of
from pvcheck_general.patterns import compiled

if TYPE_CHECKING:
    from pvcheck.plugin import Context
    from pvcheck_general.parameters import TextMatchParameters

TEXT_MAX: Final = 16 << 20


def measure(parameters: TextMatchParameters, context: Context) -> Measurement:
    """Count matches and the lines they begin in. Lines end with a line feed; a carriage return before it goes.

    :raises InputError: if the text is over 16 MiB, or not UTF-8.
    :raises NotMeasured: if it is empty: no count of an empty file says anything.
    """
    source = source_of(context, parameters.text)
    text = text_of(source, TEXT_MAX).replace("\r\n", "\n")
    if not text:
        raise NotMeasured(f"{path_of(source)} is empty")
    metrics = _counted(parameters, text, context.fault)
    if context.fault is not None:
        planting.refuse_same(context.fault, is_same=metrics == _counted(parameters, text, None))
    return Measurement(metrics=metrics, backend="re")


def _counted(parameters: TextMatchParameters, text: str, fault: str | None) -> dict[str, int]:
    """Return the metrics of a text."""
    wanted = re.escape(parameters.pattern) if parameters.literal else parameters.pattern
    expression = compiled(wanted, ignore_case=parameters.ignore_case is not (fault == planting.OTHER_CASE))
    lines = text.removesuffix("\n").split("\n")
    if fault == planting.LOST_LINE:
        lines = lines[:-1]
        text = "\n".join(lines)
    found = _by_line(expression, lines) if parameters.per_line else _in_whole(expression, text, len(lines))
    if fault == planting.ONE_A_LINE:
        found = dict.fromkeys(found, 1)
    metrics = {"matches": sum(found.values()), "lines": len(lines), "matching_lines": len(found)}
    return metrics | ({"first_line": min(found)} if found else {})


def _by_line(expression: re.Pattern[str], lines: list[str]) -> dict[int, int]:
    """Return how many matches each line has, by its number from 1, where it has any."""
    counts = {number: sum(1 for _ in expression.finditer(line)) for number, line in enumerate(lines, 1)}
    return {number: count for number, count in counts.items() if count}


def _in_whole(expression: re.Pattern[str], text: str, lines: int) -> dict[int, int]:
    """Return how many matches begin in each line, by its number from 1; one at the very end counts to the last."""
    counts: dict[int, int] = {}
    number, at = 1, 0
    for match in expression.finditer(text):
        number += text.count("\n", at, match.start())
        at = match.start()
        line = min(number, lines)
        counts[line] = counts.get(line, 0) + 1
    return counts
