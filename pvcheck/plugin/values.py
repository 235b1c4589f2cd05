"""The values an evaluator hands to the host: numbers and how they were got, never a verdict.

All are frozen. Floats may be NaN or infinite: the host's guards see them, and no bound accepts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.metric import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """What one side of a comparison was computed over.

    ``count`` is the number of elements seen, ``shape`` their arrangement, ``selection`` says in words
    which ones ("all tokens", "first super-block of row 0"), ``non_finite`` how many were NaN or infinite.
    """

    count: int
    shape: tuple[int, ...]
    selection: str
    non_finite: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two populations that the named metrics compare; unlike ones make the measurement invalid."""

    metrics: tuple[str, ...]
    left: Population
    right: Population


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How well a relative error is conditioned: condition number and backward error, both unitless.

    For a sum, the condition number is sum|x w| / |sum x w| and the backward error |a - b| / sum|x w|.
    ``position`` is the index into a series metric, or None for a scalar one.
    """

    metric: str
    position: int | None
    number: float
    backward_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """How much of a change at one step of a chain reaches the next.

    ``carry`` is the relative response of step ``position + 1`` to a relative change of step
    ``position``: near 0, the chain carries nothing and its growth is not cumulative.
    """

    position: int
    label: str
    carry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Both ends of a metric that is a ratio, in words and as numbers."""

    metric: str
    numerator: str
    denominator: str
    numerator_value: float
    denominator_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRatio:
    """A ratio that somebody claimed for a metric: it counts as found within ``tolerance``, relative to it.

    Where the ends of the metric's ``Ratio`` do not give it, the host looks for others in the labelled series that do.
    """

    metric: str
    value: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that an evaluator can plant in its own measuring code, so that bounds can be challenged."""

    name: str
    doc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """One thing that was asked for and left out, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Named metrics, how they were got, and what the guards need to know.

    ``labels`` names the positions of the series metrics ("layer 0", ...); every series with as many
    numbers as labels becomes a column of the table a reader sees.
    """

    metrics: Mapping[str, Value]
    backend: str
    labels: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    conditions: tuple[Condition, ...] = ()
    links: tuple[ChainLink, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    claims: tuple[ClaimedRatio, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
