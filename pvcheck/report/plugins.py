"""Installed plugins as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.host import LoadedPlugin
from pvcheck.plan import is_allowed
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.config import Config
    from pvcheck.host import BrokenPlugin, OfferedEvaluator, PluginSet
    from pvcheck.plugin import Evaluator


def lines(found: PluginSet) -> Iterator[str]:
    """Yield each plugin and what it offers, then the broken ones."""
    for plugin in found.plugins:
        yield f"{escaped(plugin.name)}  {escaped(plugin.distribution)} {escaped(plugin.version)}"
        for offered in found.evaluators.values():
            if offered.plugin == plugin.name:
                yield from _evaluator(offered)
    for broken in found.broken:
        yield f"{escaped(broken.name)}  {escaped(broken.distribution)} {escaped(broken.version)}  BROKEN"
        yield f"  {escaped(broken.reason, 1000)}"
    total = len(found.plugins) + len(found.broken)
    offers = count(len(found.evaluators), "evaluator")
    yield f"{count(total, 'plugin')}: {offers}; {len(found.broken)} broken"


def one(plugin: LoadedPlugin | BrokenPlugin, found: PluginSet, settings: Config) -> Iterator[str]:
    """Yield all there is to know about one plugin."""
    yield escaped(plugin.name)
    yield f"  distribution  {escaped(plugin.distribution)} {escaped(plugin.version)}"
    if plugin.module:
        yield f"  module        {escaped(plugin.module)}"
    if not isinstance(plugin, LoadedPlugin):
        yield f"  broken        {plugin.code} {escaped(plugin.reason, 1000)}"
        return
    yield f"  plugin API    {plugin.api[0]}.{plugin.api[1]}"
    yield f"  offers        {count(len(plugin.evaluators), 'evaluator')}"
    for evaluator in plugin.evaluators:
        yield ""
        yield from _whole(evaluator, plugin, found, settings)


def _evaluator(offered: OfferedEvaluator) -> Iterator[str]:
    """Yield one evaluator with its parameters and metrics."""
    evaluator = offered.evaluator
    yield f"  {_title(evaluator)}"
    for parameter in _parameters(evaluator):
        yield f"    with {parameter}"
    for metric in _metrics(evaluator):
        yield f"    {metric}"


def _whole(evaluator: Evaluator, plugin: LoadedPlugin, found: PluginSet, settings: Config) -> Iterator[str]:
    """Yield one evaluator with everything its light half says, and whether it may run here."""
    yield _title(evaluator)
    yield f"  {_standing(evaluator, plugin, found, settings)}"
    runs = ", runs programs" if evaluator.runs_programs else ""
    yield f"  measured by {escaped(evaluator.implementation)} on {escaped(', '.join(evaluator.devices))}{runs}"
    parts = {
        "with": list(_parameters(evaluator)),
        "metrics": list(_metrics(evaluator)),
        "faults": [f"{escaped(each.name)}: {escaped(each.doc)}" for each in evaluator.faults],
    }
    for name, told in parts.items():
        yield f"  {name}:" if told else f"  {name}: none"
        yield from (f"    {each}" for each in told)


def _standing(evaluator: Evaluator, plugin: LoadedPlugin, found: PluginSet, settings: Config) -> str:
    """Say whether the settings let an evaluator run."""
    offered = found.evaluators.get(evaluator.name)
    if offered is None:
        return "not usable: another plugin offers one of that name, see pv plugins doctor"
    if offered.plugin != plugin.name:
        return f"not used: the settings choose the one of the plugin {escaped(offered.plugin)}"
    if not is_allowed(offered, settings):
        return "not allowed: add it to 'evaluators' in pv.toml"
    return "allowed"


def _title(evaluator: Evaluator) -> str:
    """Return name, version and what it is for."""
    return f"{evaluator.name} {escaped(evaluator.version)}: {escaped(evaluator.doc)}"


def _parameters(evaluator: Evaluator) -> Iterator[str]:
    """Yield what a contract writes under ``with``."""
    for name, field in evaluator.parameters.model_fields.items():
        needed = "needed" if field.is_required() else f"default {escaped(repr(field.default))}"
        yield f"{name} ({needed}): {escaped(field.description or '')}"


def _metrics(evaluator: Evaluator) -> Iterator[str]:
    """Yield what a contract can bound."""
    for metric in evaluator.metrics:
        kind = f"{metric.type} series" if metric.series else str(metric.type)
        unit = "" if metric.unit == "1" else f", {metric.unit}"
        yield f"{metric.name} ({kind}{unit}): {escaped(metric.doc)}"
