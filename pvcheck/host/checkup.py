"""A look at all installed plugins: what keeps them out, what slows them down, what the settings and the catalogue say.

It changes nothing. ``pv plugins doctor`` prints it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pvcheck import files
from pvcheck.errors import ConfigError, Finding, PvError, escaped, quoted
from pvcheck.host import codes, discovery, listing
from pvcheck.loading import catalogue, keys, schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.discovery import BrokenPlugin, LoadedPlugin, PluginSet

SLOW: Final = 0.5
"""Seconds that the light half of a plugin may take: everybody who runs any evaluator waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the settings of a project say about plugins; ``evaluators`` is None where they say nothing."""

    root: Path
    disabled: frozenset[str]
    chosen: Mapping[str, str]
    evaluators: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found. All texts are fit for a terminal."""

    found: PluginSet
    clashes: tuple[Finding, ...]
    """Names that two plugins have, and choices that cannot be made."""
    unlisted: tuple[Finding, ...]
    """Evaluators that no catalogue can hold."""
    altered: Mapping[str, tuple[str, ...]]
    """By distribution, the files that are not the ones its installer wrote."""
    catalogue: str
    differences: tuple[str, ...]
    """How the catalogue differs from what the plugins offer."""
    unused: tuple[str, ...]
    """Settings that name nothing."""


def check_up(settings: Settings) -> Checkup:
    """Look at the installed plugins, with the settings of a project."""
    found, clashes = discovery.survey(disabled=settings.disabled, choose=settings.chosen)
    entries: dict[str, JSON] = {}
    unlisted: list[Finding] = []
    for name, offered in found.evaluators.items():
        try:
            entries[name] = json.loads(json.dumps(listing.entry(offered)))
        except ConfigError as error:
            unlisted += error.findings
    own = settings.root / "schemas" / catalogue.NAME
    path = own if own.is_file() else schema.file_of(catalogue.NAME)
    distributions = sorted({each.distribution for each in found.plugins})
    return Checkup(
        found=found,
        clashes=clashes,
        unlisted=tuple(unlisted),
        altered={name: told for name in distributions if (told := tuple(_altered(name)))},
        catalogue=escaped(str(path)),
        differences=tuple(_differences(path, entries, found)),
        unused=tuple(_unused(settings, found)),
    )


def _altered(distribution: str) -> Iterator[str]:
    """Yield the files of a distribution that differ from the digests of its own record.

    An editable installation has no digests of its modules, so work on a plugin is no alteration.
    """
    for name, place, wanted in _recorded(distribution):
        try:
            data = place.read_bytes()
        except OSError:
            yield f"{escaped(name)} is missing"
            continue
        if base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=") != wanted:
            yield f"{escaped(name)} was changed"


def _recorded(distribution: str) -> list[tuple[str, Path, str]]:
    """Return name, place and SHA-256 of the files in a distribution's record; one that cannot be read has none.

    The record is read here, as ``Distribution.files`` leaves out files that are gone, in newer versions of Python and
    wherever a plugin has imported the package importlib_metadata.
    """
    from importlib import metadata  # noqa: PLC0415 - it takes 40 ms, and few commands want plugins

    try:
        found = metadata.distribution(distribution)
        rows = [row for row in csv.reader((found.read_text("RECORD") or "").splitlines()) if row]
        digests = [(name, hashed.partition("=")) for name, hashed, _ in rows]
        return [
            (name, Path(str(found.locate_file(name))), wanted)
            for name, (kind, _, wanted) in digests
            if kind == "sha256"
        ]
    except Exception:  # noqa: BLE001 - a record may hold anything, and one that cannot be read accuses nobody
        return []


def _differences(path: Path, entries: Mapping[str, JSON], found: PluginSet) -> Iterator[str]:
    """Yield how a catalogue differs from the entries it should have."""
    try:
        recorded = json.loads(files.read(path, catalogue.MAX_CATALOGUE))["evaluators"]
        catalogue.entries({"evaluators": recorded})
        told = {name: dict(entry) for name, entry in recorded.items()}
    except (PvError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        yield f"it cannot be read: {escaped(str(error) or type(error).__name__)}"
        return
    broken = {each.name for each in found.broken}
    for name in sorted(told | dict(entries)):
        if name not in told:
            yield f"{quoted(name)} is missing from it"
        elif name not in entries:
            # What a broken plugin offers is not known: it is told as broken, and not a second time.
            if name not in found.evaluators and told[name].get("plugin") not in broken:
                yield f"{quoted(name)} is in it, and no plugin offers it"
        elif odd := sorted(key for key in told[name] | entries[name] if _differs(key, told[name], entries[name])):
            yield f"{quoted(name)} differs in {', '.join(escaped(key, 40) for key in odd)}"


def _differs(key: str, recorded: Mapping[str, JSON], entry: Mapping[str, JSON]) -> bool:
    """Say whether two entries differ at a key. Text is compared: 1, 1.0 and true are three things."""
    return json.dumps(recorded.get(key), sort_keys=True) != json.dumps(entry.get(key), sort_keys=True)


def _unused(settings: Settings, found: PluginSet) -> Iterator[str]:
    """Yield the settings that name no plugin or no evaluator."""
    declared = {each.name for each in discovery.declared_plugins()} | {each.name for each in found.broken}
    for name in sorted(settings.disabled - declared):
        yield f"plugins.disable names {quoted(name)}, and no plugin has that name"
    offered = {each.name for plugin in found.plugins for each in plugin.evaluators}
    for name in sorted(set(settings.chosen) - offered):
        yield f"plugins.choose names the evaluator {quoted(name)}, and no plugin offers it"
    for name in sorted((settings.evaluators or frozenset()) - offered):
        yield f"evaluators names {quoted(name)}, and no plugin offers it"


def plugin_of(name: str, found: PluginSet, clashes: Sequence[Finding]) -> LoadedPlugin | BrokenPlugin:
    """Return the plugin of a name, or the one that offers an evaluator of that name.

    :raises ConfigError: if there is none; if its name clashes with another's, that is said instead.
    """
    everyone: list[LoadedPlugin | BrokenPlugin] = [*found.plugins, *found.broken]
    by_name = {each.name: each for each in everyone}
    by_evaluator = {each.name: plugin for plugin in found.plugins for each in plugin.evaluators}
    if plugin := by_name.get(name) or by_evaluator.get(name):
        return plugin
    if twice := [
        each for each in clashes if each.code == codes.TWO_PLUGINS and f"the plugin {quoted(name)} " in each.message
    ]:
        raise ConfigError(twice)
    known = sorted(by_name)
    near = keys.nearest(name, known)
    message = f"no plugin named {quoted(name)} is installed" + (f" (did you mean {quoted(near)}?)" if near else "")
    hint = f"installed: {escaped(', '.join(known)) or 'none'}"
    raise ConfigError(Finding(codes.NO_PLUGIN, message, hint=hint, exit_code=ConfigError.exit_code))
