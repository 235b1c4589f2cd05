"""The light part of all evaluators as JSON, for ``schemas/evaluators.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import ConfigError, Finding, escaped, quoted
from pvcheck.host import codes

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON
    from pvcheck.host.discovery import OfferedEvaluator, PluginSet

SCHEMA = 1


def catalogue(found: PluginSet) -> dict[str, JSON]:
    """Return what validation must know of the evaluators, so that it need not load the plugins.

    ``version`` is the evaluator's own: a release that leaves the evaluators alone leaves the file alone.

    :raises ConfigError: if the parameters of an evaluator have no JSON Schema.
    """
    return {"schema": SCHEMA, "evaluators": {name: entry(each) for name, each in found.evaluators.items()}}


def entry(offered: OfferedEvaluator) -> dict[str, JSON]:
    """Return one evaluator as JSON.

    :raises ConfigError: if its parameters have no JSON Schema.
    """
    evaluator = offered.evaluator
    try:
        parameters = evaluator.parameters.model_json_schema()
    except Exception as error:  # pydantic has several, and a model may override the method
        message = f"the parameters of the evaluator {quoted(evaluator.name)} have no JSON Schema: {escaped(str(error))}"
        hint = f"a fault of {escaped(offered.distribution)} {escaped(offered.version)}"
        raise ConfigError(Finding(codes.BROKEN_PLUGIN, message, hint=hint, exit_code=ConfigError.exit_code)) from error
    return {
        "plugin": offered.plugin,
        "distribution": offered.distribution,
        "version": evaluator.version,
        "doc": evaluator.doc,
        "parameters": parameters,
        "metrics": [
            {"name": each.name, "type": str(each.type), "unit": each.unit, "series": each.series, "doc": each.doc}
            | ({"compares": True} if each.compares else {})
            for each in evaluator.metrics
        ],
        "devices": list(evaluator.devices),
        "faults": [{"name": each.name, "doc": each.doc} for each in evaluator.faults],
        "takes_arrays": evaluator.takes_arrays,
        "runs_programs": evaluator.runs_programs,
    }
