"""Rules against the catalogue: evaluators must exist, parameters and bounds must fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import Finding, Severity, escaped, quoted
from pvcheck.loading import keys, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.contract import Contract, Falsifier
    from pvcheck.loading.catalogue import Entry
    from pvcheck.text import Document


def check(contract: Contract, document: Document, catalogue: Mapping[str, Entry]) -> Iterator[Finding]:
    """Yield what does not fit the evaluators that the catalogue lists."""
    for each in contract.falsifiers:
        if each.evaluator is None:
            continue
        entry = catalogue.get(each.evaluator)
        if entry is None:
            near = keys.nearest(each.evaluator, catalogue)
            message = f"the evaluator {quoted(each.evaluator)} is not in schemas/evaluators.json" + (
                f" (did you mean {quoted(near)}?)" if near else ""
            )
            hint = "install its plugin and run pv schema --plugins, so that its parameters can be checked"
            place = (*each.route, "evaluator")
            yield document.finding("PV309", message, place, hint=hint, severity=Severity.WARNING)
        else:
            yield from parameters(each, contract, document, entry)
            yield from expectations(each, document, entry)


def parameters(each: Falsifier, contract: Contract, document: Document, entry: Entry) -> Iterator[Finding]:
    """Refuse parameters that the evaluator's schema refuses, and names of inputs that are not declared."""
    route, told = (*each.route, "with"), escaped(each.evaluator or "")
    known = entry.parameters.get("properties", {})
    for key, value in each.parameters.items():
        if key not in known and entry.parameters.get("additionalProperties") is False:
            near = keys.nearest(key, known)
            message = f"{told} has no parameter {quoted(key)}" + (f" (did you mean {escaped(near)}?)" if near else "")
            hint = f"use one of {escaped(', '.join(sorted(known)), schema.MAX_CHOICES)}"
            yield document.finding("PV306", message, (*route, key), hint=hint, at_key=True)
        elif known.get(key, {}).get("x-pv-input") and isinstance(value, str) and value not in contract.inputs:
            message = f"there is no input {schema.shown(value)}"
            declared = escaped(", ".join(sorted(contract.inputs)), schema.MAX_CHOICES) or "none"
            hint = f"declare it under inputs (declared: {declared})"
            yield document.finding("PV305", message, (*route, key), hint=hint)
    for fault in schema.faults(entry.parameters, dict(each.parameters)):
        found = schema.at(dict(each.parameters), fault.route)
        if fault.keyword == "required":
            place = (*route, *fault.route) if fault.route else (*each.route, "evaluator")
            where = "here" if fault.route else "under with"
            for key in (key for key in fault.demand if key not in found):
                name = escaped(key)
                message = f"{told} needs the parameter '{name}'"
                yield document.finding("PV306", message, place, hint=f"add '{name}: ...' {where}")
        elif fault.keyword != "additionalProperties":
            _, message, hint = schema.worded(fault, found)
            yield document.finding("PV306", message, (*route, *fault.route), hint=hint)
        elif fault.route:
            message = f"{told} does not know every key of this block"
            yield document.finding("PV306", message, (*route, *fault.route), hint="see pv plugins show")


def expectations(each: Falsifier, document: Document, entry: Entry) -> Iterator[Finding]:
    """Refuse bounds on metrics that the evaluator does not report, or that cannot judge their type."""
    told = escaped(each.evaluator or "")
    for expectation in each.expectations:
        spec = entry.metrics.get(expectation.metric)
        if spec is None:
            near = keys.nearest(expectation.metric, entry.metrics)
            message = f"{told} has no metric {quoted(expectation.metric)}" + (
                f" (did you mean {escaped(near)}?)" if near else ""
            )
            hint = f"pv plugins list names the metrics of {told}"
            yield document.finding("PV307", message, expectation.route, hint=hint)
        elif misfit := expectation.bound.misfit(spec.type, series=spec.series):
            message = f"the bound {quoted(expectation.bound.text)} does not fit {escaped(expectation.metric)}: {misfit}"
            yield document.finding("PV308", message, expectation.route, hint="change the bound")
