"""What a record keeps beside its metrics, read back for the guards: populations, conditions, links, ratios, claims.

The names are those of ``pvcheck.plugin``, so that a guard looks at a measurement and at a record in one way; the
types are light, because a hook reads many records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.evidence.record import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import Value
    from pvcheck.evidence.record import Record


class Population(NamedTuple):
    """One side of a comparison."""

    count: int  # type: ignore[assignment]  # a field, not the method that every tuple has
    shape: tuple[int, ...]
    selection: str
    non_finite: int


class Comparison(NamedTuple):
    """Two populations that the named metrics compare."""

    metrics: tuple[str, ...]
    left: Population
    right: Population


class Condition(NamedTuple):
    """Condition number and backward error of a metric, or of one position of it."""

    metric: str
    position: int | None
    number: float
    backward_error: float


class ChainLink(NamedTuple):
    """How much of a change at one step reaches the next."""

    position: int
    label: str
    carry: float


class Ratio(NamedTuple):
    """Both ends of a ratio."""

    metric: str
    numerator: str
    denominator: str
    numerator_value: float
    denominator_value: float


class ClaimedRatio(NamedTuple):
    """A ratio that was claimed elsewhere."""

    metric: str
    value: float
    tolerance: float


class Skip(NamedTuple):
    """What was left out, and why."""

    what: str
    reason: str


class Reported(NamedTuple):
    """What a record says of its measurement, as far as the guards look at it."""

    metrics: Mapping[str, Value]
    labels: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    conditions: tuple[Condition, ...] = ()
    links: tuple[ChainLink, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    claims: tuple[ClaimedRatio, ...] = ()
    skipped: tuple[Skip, ...] = ()


def reported(record: Record) -> Reported:
    """Return what a record says of its measurement. What an older record does not have is empty.

    :raises RecordError: if its details have another form.
    """
    metrics = {name: each.value for name, each in record.metrics.items()}
    try:
        details = dict(record.details)
        return Reported(
            metrics=metrics,
            labels=tuple(_text(each) for each in details.get("labels", ())),
            comparisons=tuple(_comparison(each) for each in details.get("comparisons", ())),
            conditions=tuple(_condition(each) for each in details.get("conditions", ())),
            links=tuple(
                ChainLink(_count(each["position"]), _text(each["label"]), _float(each["carry"]))
                for each in details.get("links", ())
            ),
            ratios=tuple(_ratio(each) for each in details.get("ratios", ())),
            claims=tuple(
                ClaimedRatio(_text(each["metric"]), _float(each["value"]), _float(each["tolerance"]))
                for each in details.get("claims", ())
            ),
            skipped=tuple(Skip(_text(each["what"]), _text(each["reason"])) for each in details.get("skipped", ())),
        )
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RecordError(f"its details lack something or have it in another form: {error!r:.80}") from None


def _comparison(told: JSON) -> Comparison:
    """Return one comparison."""
    names = tuple(_text(each) for each in told["metrics"])
    return Comparison(names, _population(told["left"]), _population(told["right"]))


def _population(told: JSON) -> Population:
    """Return one side."""
    shape = tuple(_count(each) for each in told["shape"])
    return Population(_count(told["count"]), shape, _text(told["selection"]), _count(told["non_finite"]))


def _condition(told: JSON) -> Condition:
    """Return one condition."""
    position = None if told["position"] is None else _count(told["position"])
    return Condition(_text(told["metric"]), position, _float(told["number"]), _float(told["backward_error"]))


def _ratio(told: JSON) -> Ratio:
    """Return both ends of one ratio."""
    return Ratio(
        _text(told["metric"]),
        _text(told["numerator"]),
        _text(told["denominator"]),
        _float(told["numerator_value"]),
        _float(told["denominator_value"]),
    )


def _text(told: JSON) -> str:
    """Return a text."""
    if type(told) is not str:
        raise RecordError(f"its details have {told!r:.40} where a text must be")
    return told


def _count(told: JSON) -> int:
    """Return a number of 0 or more."""
    if type(told) is not int or told < 0:
        raise RecordError(f"its details have {told!r:.40} where a count must be")
    return told


def _float(told: JSON) -> float:
    """Return one number from its hex; the decimal beside it is for people, and a hook has thousands to read."""
    return float.fromhex(told["hex"])
