"""One record: an in-toto Statement about one evaluation, as values and as canonical JSON.

Times and the host are in it and in no comparison. Floats are hex, with a decimal beside them for people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain import bounds, canonical, numbers
from pvcheck.domain.claim import claim_hash
from pvcheck.domain.digest import PREFIX, sha256
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pvcheck.domain.bounds import Bound
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import Value

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:pvcheck:evaluation:v1"
DECIDED = frozenset({Outcome.HELD, Outcome.REFUTED})
"""The outcomes that can move a status; the others follow from no metric."""


class RecordError(ValueError):
    """The JSON is no record; the message says what is missing or of the wrong kind."""


class Metric(NamedTuple):
    """One metric as it was measured."""

    type: MetricType
    value: Value


class Judged(NamedTuple):
    """One bound, in normal form, and what it said."""

    metric: str
    bound: str
    held: bool
    margin: float | None


class Record(NamedTuple):
    """One evaluation.

    ``details`` is what the evaluator reported beside its metrics (populations, conditions, ratios, what
    was skipped), ``guards`` what the host found in it. ``inputs`` has digests and the ranges that were
    read; ``made_by`` the evaluator and its versions; ``made_at`` times and host.
    """

    contract: str
    falsifier: str
    claim: dict[str, JSON]
    outcome: Outcome
    metrics: Mapping[str, Metric]
    judged: tuple[Judged, ...]
    details: JSON
    guards: JSON
    inputs: dict[str, JSON]
    made_by: dict[str, JSON]
    made_at: dict[str, JSON]

    def statement(self) -> dict[str, JSON]:
        """Return the in-toto Statement."""
        return {
            "_type": STATEMENT,
            "subject": _subject(self.falsifier, self.claim, self.inputs),
            "predicateType": PREDICATE,
            "predicate": {
                "contract": self.contract,
                "falsifier": self.falsifier,
                "claim": self.claim,
                "outcome": str(self.outcome),
                "metrics": {
                    name: {"type": str(each.type), "value": numbers.encode(each.value, each.type)}
                    for name, each in self.metrics.items()
                },
                "expectations": [
                    {"metric": each.metric, "bound": each.bound, "held": each.held}
                    | ({} if each.margin is None else {"margin": numbers.encode(each.margin, MetricType.F64)})
                    for each in self.judged
                ],
                "details": self.details,
                "guards": self.guards,
                "inputs": self.inputs,
                "made_by": self.made_by,
                "made_at": self.made_at,
            },
        }

    def data(self) -> bytes:
        """Return the bytes of the record, which its digest is taken over."""
        return canonical.dumps(self.statement())

    @property
    def reference(self) -> str:
        """Return what a contract writes after ``evidence``."""
        return PREFIX + sha256(self.data())

    def essence(self) -> bytes:
        """Return what two records must share to be the same result: claim, metrics, details, guards, bounds.

        Bounds are in it although they are not measured: a record made under other bounds does not show
        that today's were held.
        """
        predicate = self.statement()["predicate"]
        keys = ("claim", "outcome", "metrics", "expectations", "details", "guards")
        return canonical.dumps({key: predicate[key] for key in keys})


def _subject(falsifier: str, claim: dict[str, JSON], inputs: Mapping[str, JSON]) -> list[JSON]:
    """Return what a statement is about: the claim and the files that were measured, each with its digest."""
    files = [
        {"name": f"input:{name}", "digest": {"sha256": each.get("sha256") or each["read_sha256"]}}
        for name, each in sorted(inputs.items())
    ]
    return [{"name": f"claim:{falsifier}", "digest": {"sha256": claim_hash(claim)}}, *files]


def judge(metrics: Mapping[str, Metric], expected: Iterable[tuple[str, Bound]]) -> tuple[tuple[Judged, ...], Outcome]:
    """Judge metrics under bounds: held if there is a bound and all accept, refuted if one does not.

    A bound on a metric that was not reported is not accepted.
    """
    judged = tuple(_judged(metrics.get(name), name, bound) for name, bound in expected)
    if not judged:
        return judged, Outcome.NOT_MEASURED
    return judged, Outcome.HELD if all(each.held for each in judged) else Outcome.REFUTED


def contradictions(record: Record) -> Iterator[str]:
    """Yield what a record says and its own metrics do not: outcome, marks, margins. A measurement makes none.

    Each is a sentence that goes on after "the record".
    """
    judged, outcome = judge(record.metrics, [(each.metric, bounds.parse(each.bound)) for each in record.judged])
    if outcome != record.outcome and (judged or record.outcome in DECIDED):
        yield f"says {record.outcome}, but its own metrics say {outcome}"
    for told, found in zip(record.judged, judged, strict=True):
        name = f"{escaped(told.metric, 60)} {told.bound}"
        if told.held != found.held:
            yield f"says that {name} {_VERDICTS[told.held]}, but its own metrics say that it {_VERDICTS[found.held]}"
        elif told.margin != found.margin:
            yield f"says that {name} has the margin {told.margin}, but its own metrics say {found.margin}"
    if record.claim["id"] != record.falsifier:
        yield f"is about {quoted(record.falsifier)}, but its claim about {quoted(str(record.claim['id']))}"


_VERDICTS = {True: "held", False: "was refuted"}


def _judged(metric: Metric | None, name: str, bound: Bound) -> Judged:
    """Judge one metric under one bound."""
    if metric is None:
        return Judged(name, bound.text, held=False, margin=None)
    margin = bound.margin(metric.value, metric.type)
    finite = margin is not None and margin - margin == 0
    return Judged(name, bound.text, bound.accepts(metric.value, metric.type), margin if finite else None)


def parse(data: bytes) -> Record:
    """Return the record that bytes hold.

    :raises RecordError: if they are no canonical JSON, or not a record of this kind.
    """
    try:
        statement = canonical.loads(data)
        if statement["predicateType"] != PREDICATE:
            kind = escaped(str(statement["predicateType"]), 60)
            raise RecordError(f"the record is of another kind ({kind}): a newer pv may have made it")
        return _record(statement["predicate"], statement["subject"])
    except canonical.NotCanonical as error:
        raise RecordError(str(error)) from None
    except RecordError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise RecordError(f"the record lacks something or has it in another form: {error!r:.80}") from None


def _record(predicate: dict[str, JSON], subject: JSON) -> Record:
    """Return a record from its predicate; the subject must be the claim it holds."""
    claim = claim_of(predicate["claim"])
    inputs = {name: _input(each) for name, each in predicate["inputs"].items()}
    if subject != _subject(predicate["falsifier"], claim, inputs):
        raise RecordError("the subject is not the claim and the inputs that the record holds")
    metrics = {
        name: Metric(kind := MetricType(each["type"]), numbers.decode(each["value"], kind))
        for name, each in predicate["metrics"].items()
    }
    judged = tuple(
        Judged(
            _text(each, "metric"),
            bounds.parse(each["bound"]).text,
            each["held"] is True,
            _margin(each),
        )
        for each in predicate["expectations"]
    )
    return Record(
        contract=_text(predicate, "contract"),
        falsifier=_text(predicate, "falsifier"),
        claim=claim,
        outcome=Outcome(predicate["outcome"]),
        metrics=metrics,
        judged=judged,
        details=predicate["details"],
        guards=[table(each) for each in predicate["guards"]],
        inputs=inputs,
        made_by=table(predicate["made_by"]),
        made_at=table(predicate["made_at"]),
    )


def _text(table: dict[str, JSON], key: str) -> str:
    """Return a text of a table."""
    value = table[key]
    if not isinstance(value, str):
        raise RecordError(f"{key} must be text")
    return value


def table(value: JSON) -> dict[str, JSON]:
    """Return a copy of a table: a list of pairs would make one as well, with keys that no JSON has."""
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.40} is no table")
    return dict(value)


def claim_of(value: JSON) -> dict[str, JSON]:
    """Return a claim that has every part a claim has."""
    claim = {
        "id": value["id"],
        "evaluator": value["evaluator"],
        "with": dict(value["with"]),
        "inputs": dict(value["inputs"]),
    }
    if claim != value:
        raise RecordError("the claim has parts that no claim has")
    return claim


def _input(value: JSON) -> dict[str, JSON]:
    """Return what is recorded of an input: digests as text, ranges as pairs of numbers."""
    for offset, size in value["ranges"]:
        if not (isinstance(offset, int) and isinstance(size, int) and offset >= 0 and size >= 0):
            raise RecordError("the ranges of an input must be pairs of numbers")
    if not isinstance(value["read_sha256"], str) or not isinstance(value.get("sha256", ""), str):
        raise RecordError("the digests of an input must be text")
    return dict(value)


def _margin(each: dict[str, JSON]) -> float | None:
    """Return the margin of one expectation, if it has a size."""
    if "margin" not in each:
        return None
    value = numbers.decode(each["margin"], MetricType.F64)
    if not isinstance(value, float):
        raise RecordError("a margin must be one number")
    return value
