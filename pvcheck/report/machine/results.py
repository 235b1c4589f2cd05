"""One evaluation as JSON: how it ended, every number with its bits, each bound with its margin, guards, digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.domain.claim import claim_hash
from pvcheck.domain.digest import PREFIX
from pvcheck.domain.metric import MetricType, bits
from pvcheck.domain.numbers import FLOATS, decimal, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import MetricSpec, Number, Value
    from pvcheck.evidence.record import Judged, Record
    from pvcheck.pipeline.results import Result

MAKERS: Final = (
    *("evaluator", "evaluator_version", "plugin", "distribution", "distribution_version"),
    *("api", "backend", "device", "processor"),
)
"""What a record keeps of who measured, each as text."""


def told(result: Result) -> JSON:
    """Return one evaluation."""
    measurement = result.measurement
    return {
        "outcome": str(result.outcome),
        "reason": result.reason,
        "exit_status": result.exit_code,
        "regression": result.is_regression,
        "seconds": round(result.seconds, 6),
        "tries": result.tries,
        "repeated": result.repeated,
        "unlike": result.unlike or None,
        "withheld": result.withheld or None,
        "note": result.since or None,
        "device": _device(result),
        "metrics": list(_metrics(result)),
        "labels": list(measurement.labels) if measurement else [],
        "skipped": [{"what": one.what, "reason": one.reason} for one in measurement.skipped] if measurement else [],
        "notes": list(measurement.notes) if measurement else [],
        "bounds": [_bound(each) for each in result.judged],
        "guards": list(_guards(result)),
        "digests": None if result.record is None else _digests(result.record),
        "made_by": None if result.record is None else _made_by(result.record),
    }


def value(number: Value, kind: MetricType) -> JSON:
    """Return a number or a series: decimals that read back as the same bits, and for floats hex and the bits."""
    series = number if isinstance(number, tuple) else (number,)
    decimals = [_decimal(each, kind) for each in series]
    hexes = [hexadecimal(each) for each in series] if kind in FLOATS else []
    patterns = [bits(each, kind) for each in series] if kind in FLOATS else []
    if isinstance(number, tuple):
        floats = kind in FLOATS
        return {"decimal": decimals, "hex": hexes if floats else None, "bits": patterns if floats else None}
    return {"decimal": decimals[0], "hex": next(iter(hexes), None), "bits": next(iter(patterns), None)}


def _decimal(number: Number, kind: MetricType) -> str:
    """Return a number as text, so that no reader rounds it."""
    if kind in FLOATS:
        return decimal(number, kind)
    return str(number).lower()


def _metrics(result: Result) -> Iterator[JSON]:
    """Yield each metric with its type, its unit and its numbers."""
    if result.measurement is None or result.specs is None:
        return
    for name, number in result.measurement.metrics.items():
        spec: MetricSpec = result.specs[name]
        yield {"name": name, "type": str(spec.type), "unit": spec.unit, "series": spec.series} | value(
            number, spec.type
        )


def _bound(judged: Judged) -> JSON:
    """Return what one bound said, and how far inside it the number lies."""
    margin = None if judged.margin is None else value(judged.margin, MetricType.F64)
    return {"metric": judged.metric, "bound": judged.bound, "held": judged.held, "margin": margin}


def _guards(result: Result) -> Iterator[JSON]:
    """Yield what the guards say, and why the contract accepts it where it does."""
    accepted = result.falsifier.accept
    for each in result.guarded:
        yield each.json() | {
            "invalid": each.invalid,
            "positions": list(each.positions),
            "accepted": accepted.get(each.guard),
        }
    for lean in result.leaning:
        yield {
            "code": "PV603",
            "guard": "conditioning",
            "metric": lean.expectation.metric,
            "message": lean.message,
            "invalid": "conditioning" not in accepted,
            "positions": [],
            "accepted": accepted.get("conditioning"),
        }


def _device(result: Result) -> JSON:
    """Return what measured, and why on that device."""
    if result.measurement is None:
        return None
    choice = result.choice
    return {
        "backend": result.measurement.backend,
        "name": choice.device if choice else None,
        "why": (choice.why or None) if choice else None,
    }


def _digests(record: Record) -> JSON:
    """Return the digests of the record, of the claim, and of the inputs as they were read."""
    return {
        "record": record.reference,
        "claim": PREFIX + claim_hash(record.claim),
        "inputs": [
            {
                "name": name,
                "sha256": each.get("sha256"),
                "read_sha256": each["read_sha256"],
                "size": each["size"],
            }
            for name, each in sorted(record.inputs.items())
        ],
    }


def _made_by(record: Record) -> JSON:
    """Return who measured, as the record keeps it."""
    libraries = dict(record.made_by.get("libraries") or {})
    return {
        **{name: str(record.made_by.get(name, "")) for name in MAKERS},
        "seed": record.made_by.get("seed"),
        "libraries": [{"name": name, "version": str(each)} for name, each in sorted(libraries.items())],
    }
