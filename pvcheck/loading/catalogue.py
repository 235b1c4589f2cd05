"""The evaluators a repository knows, as ``schemas/evaluators.json`` says: names, parameters, metrics.

Read in place of the plugins, so that validation runs no code that a change brought.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import files
from pvcheck.domain import canonical
from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.errors import ConfigError, Finding, escaped
from pvcheck.loading import schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.loading.instance import Schema

NAME = "evaluators.json"
MAX_CATALOGUE = 4 << 20


class Entry(NamedTuple):
    """One evaluator: the JSON Schema of its parameters, and its metrics by name."""

    parameters: Schema
    metrics: Mapping[str, MetricSpec]


def load(root: Path) -> Mapping[str, Entry]:
    """Return the catalogue of a repository, or the one that ships with pvcheck where it has none.

    :raises ConfigError: if it cannot be understood.
    """
    path = place(root)
    try:
        return entries(json.loads(data(root)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _refused(path, error) from None


def table(root: Path) -> dict[str, dict[str, JSON]]:
    """Return the entries of that catalogue as they are written, by name.

    :raises ConfigError: if it cannot be understood.
    """
    load(root)
    written: dict[str, dict[str, JSON]] = json.loads(data(root))["evaluators"]
    return written


def names(root: Path) -> list[str]:
    """Return the names in that catalogue without looking at the rest of it; none where it is broken."""
    try:
        return list(json.loads(data(root))["evaluators"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def data(root: Path) -> bytes:
    """Return the bytes of the catalogue that holds for a repository; a link that leads out of it is refused."""
    path = place(root)
    is_own = path.is_relative_to(root)
    return files.read_inside(path, root, MAX_CATALOGUE) if is_own else files.read(path, MAX_CATALOGUE)


def place(root: Path) -> Path:
    """Return the file of the catalogue that holds for a repository."""
    own = root / "schemas" / NAME
    return own if own.is_file() else schema.file_of(NAME)


def _refused(path: Path, error: Exception) -> ConfigError:
    """Return the refusal of a catalogue."""
    hint = "write it again with pv schema --plugins"
    what = f"not a catalogue of evaluators: {escaped(repr(error), 80)}"
    return ConfigError(Finding("PV703", what, escaped(str(path)), hint=hint, exit_code=2))


def entries(table: dict[str, Schema]) -> Mapping[str, Entry]:
    """Return the entries of a catalogue's JSON.

    :raises ValueError: if the schema of some parameters is none, or another part is not what it must be.
    """
    if canonical.is_deep(table):
        raise ValueError("it is nested too deep")
    for each in table["evaluators"].values():
        schema.refuse_unusable(each["parameters"])
        _refuse_unlike(each)
    return {
        name: Entry(each["parameters"], {metric["name"]: _spec(metric) for metric in each["metrics"]})
        for name, each in table["evaluators"].items()
    }


def _spec(metric: dict[str, JSON]) -> MetricSpec:
    """Return one metric."""
    kind = MetricType(metric["type"])
    return MetricSpec(metric["name"], kind, metric["doc"], metric["unit"], series=metric["series"])


def _refuse_unlike(entry: dict[str, JSON]) -> None:
    """Refuse an entry in which a text, a list or a table is something else. Who reads on relies on their kinds."""
    properties = entry["parameters"].get("properties", {})
    tables = [properties, *properties.values(), *entry["metrics"], *entry.get("faults", [])]
    if not all(isinstance(each, dict) for each in tables):
        raise TypeError("properties, metrics and faults must be tables")
    texts = [each[key] for each in entry["metrics"] for key in ("name", "doc", "unit")]
    texts += [each[key] for each in entry.get("faults", []) for key in ("name", "doc")]
    texts += [*entry.get("devices", []), *(entry[key] for key in _TEXTS if key in entry)]
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("names and words must be texts")
    if not all(isinstance(each["series"], bool) for each in entry["metrics"]):
        raise TypeError("series must be true or false")


_TEXTS = ("distribution", "doc", "plugin", "version")
