"""Whether an evaluator says which of its metrics compare two sides; one that does not may look as if it did."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pvcheck.domain.metric import MetricSpec
    from pvcheck.plugin import Evaluator, Measurement

NAMES: Final = frozenset({
    "against", "amplification", "cosine", "deviation", "diff", "differ", "difference", "differing",
    "distance", "drift", "error", "errors", "excess", "growth", "identical", "mismatch", "mismatches", "over",
    "ratio", "rel", "relative", "residual", "speedup", "ulp", "ulps", "versus", "vs",
})  # fmt: skip
"""Words of a metric's name that speak of two sides."""
UNITS: Final = frozenset({"%", "percent", "ratio", "times", "ulp", "ulps", "dB"})
"""Units of a number that says how one side stands to another."""
DOC: Final = re.compile(
    r"\bagainst\b|\bcompared (?:with|to)\b|\brelative to\b|\bdifference (?:from|between|of|to)\b"
    r"|\bdistance (?:from|between|of|to)\b|\bratio (?:of|to)\b|\bdiffers? from\b|\bover that of\b",
    re.IGNORECASE,
)
"""Words of a metric's description that do."""


def refuse_hidden(evaluator: Evaluator, measurement: Measurement, *, compares: bool | None) -> None:
    """Refuse a measurement that compares and whose evaluator does not declare it.

    :param compares: False says that there is one side only, whatever the metrics look like.
    :raises AssertionError: with the metric, what gives it away, and what to do.
    """
    __tracebackhide__ = True
    told = {name for each in measurement.comparisons for name in each.metrics}
    for spec in evaluator.metrics:
        if spec.compares or spec.name not in measurement.metrics:
            continue
        if spec.name in told:
            raise AssertionError(
                f"a comparison of {evaluator.name} names the metric {spec.name}, which is not declared to compare: say "
                "MetricSpec(..., compares=True), so that a measurement without its populations is refused"
            )
        if compares is not False and (sign := sign_of(spec)):
            raise AssertionError(
                f"the metric {spec.name} of {evaluator.name} looks like a comparison ({sign}) and is not declared as "
                "one: say MetricSpec(..., compares=True) and return a Comparison with both populations, or say "
                "compares=False here if there is one side only"
            )


def sign_of(spec: MetricSpec) -> str:
    """Return what makes a metric look like a comparison, or nothing."""
    if found := sorted(NAMES.intersection(re.split(r"[_-]", spec.name.lower()))):
        return f"its name says {found[0]!r}"
    if spec.unit in UNITS:
        return f"its unit is {spec.unit!r}"
    match = DOC.search(spec.doc)
    return f"its doc says {match[0]!r}" if match else ""
