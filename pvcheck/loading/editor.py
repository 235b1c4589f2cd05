"""The schema that an editor completes and checks with: that of contracts, and the evaluators of a project in it.

It is another file than the schema that validates: that one is read and compiled by every hook, and knows no evaluator.
Here stand the parameters and metrics of each, chosen by what `evaluator` says, and the words that teach the format.
Nothing is refused that `pv validate` accepts, but for one thing that YAML leaves open: an editor reads a text of
digits without quotes as a number.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pvcheck import files
from pvcheck.loading import catalogue, lessons, schema
from pvcheck.loading.lessons import LESSONS, Lesson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.loading.instance import Schema

NAME = "contract-1.editor.schema.json"
"""The file in ``schemas`` of a project that modelines name."""
MODELINE = "# yaml-language-server: $schema="
_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
"""How pydantic writes limits of a choice of types, and the keywords that an editor knows."""
_NAMED = re.compile(r"[a-z][a-z0-9_-]*", re.ASCII)
"""What a contract can write under ``evaluator``, and what stands for itself in a pattern."""


def text(root: Path) -> str:
    """Return the schema for the evaluators of a project, as JSON.

    :raises ConfigError: if the catalogue of the project cannot be understood.
    """
    return json.dumps(editor_schema(catalogue.table(root)), indent=1, ensure_ascii=False) + "\n"


def write(root: Path) -> Path:
    """Write that schema where the modelines of a project look for it, and return where that is.

    :raises NotMeasuredError: if the disk refuses.
    """
    path = root / "schemas" / NAME
    files.make_folder(path.parent)
    files.put(path, text(root).encode())
    return path


def editor_schema(table: Mapping[str, dict[str, JSON]]) -> Schema:
    """Return the schema for an editor.

    :param table: the evaluators as ``schemas/evaluators.json`` writes them, by name.
    """
    table = {name: entry for name, entry in table.items() if _NAMED.fullmatch(name)}
    made = deepcopy(schema.load(schema.CONTRACT))
    blocks = {"Contract": made, **made["$defs"]}
    for block, lessons_of in LESSONS.items():
        for key, lesson in lessons_of.items():
            _teach(blocks[block]["properties"][key], lesson)
    falsifier = blocks["Falsifier"]["properties"]
    falsifier["status"] = _proposed(falsifier["status"], lessons.STATUSES)
    falsifier["evaluator"] = _proposed(falsifier["evaluator"], {name: _first(table[name]["doc"]) for name in table})
    blocks["Input"]["properties"]["format"] = _proposed(blocks["Input"]["properties"]["format"], lessons.FORMATS)
    for name, entry in table.items():
        _join(made, name, entry)
    _snippets(made)
    return made


def _teach(field: Schema, lesson: Lesson) -> None:
    """Give a field its example, and what refuses it, below its description."""
    parts = [field.get("description", ""), f"Example: `{lesson.example}`"]
    if lesson.refused:
        parts.append(f"Refused: {lesson.refused}")
    field["description"] = "\n\n".join(parts).replace("`", "")
    field["markdownDescription"] = "\n\n".join(parts)


def _proposed(field: Schema, words: Mapping[str, str]) -> Schema:
    """Return a field for which some words are proposed, each explained, and none of the others is refused."""
    told = list(words.values())
    proposals: Schema = {"enum": list(words), "enumDescriptions": told, "markdownEnumDescriptions": told}
    rest = {key: value for key, value in field.items() if "escription" not in key}
    return {
        **{key: value for key, value in field.items() if "escription" in key},
        "anyOf": [proposals, rest],
    }


def _join(made: Schema, name: str, entry: dict[str, JSON]) -> None:
    """Add what a falsifier may say where it names one evaluator."""
    parameters = deepcopy(entry["parameters"])
    for inner, part in parameters.pop("$defs", {}).items():
        made["$defs"][f"{name}.{inner}"] = _readable(part, name)
    made["$defs"][f"{name}.with"] = _readable(parameters, name) | {"description": f"the parameters of {name}"}
    made["$defs"][f"{name}.expect"] = _expectations(entry["metrics"])
    needed = ["with"] if parameters.get("required") else []
    made["$defs"]["Falsifier"].setdefault("allOf", []).append(
        {
            # A pattern, since for completion the server takes a const for the beginning of a longer word.
            "if": {"properties": {"evaluator": {"pattern": f"^{name}$"}}, "required": ["evaluator"]},
            "then": {
                "properties": {
                    "with": {"$ref": f"#/$defs/{name}.with"},
                    "expect": {"$ref": f"#/$defs/{name}.expect"},
                },
                "required": needed,
            },
        }
    )


def _readable(part: JSON, name: str) -> JSON:
    """Return a schema of parameters as an editor understands it: references led here, noise taken out."""
    if isinstance(part, list):
        return [_readable(each, name) for each in part]
    if not isinstance(part, dict):
        return part
    found: Schema = {}
    for key, value in part.items():
        if key == "properties":
            found[key] = {each: _field(field, name) for each, field in value.items()}
        elif key == "$ref":
            found[key] = value.replace("#/$defs/", f"#/$defs/{name}.")
        elif not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None):
            word = _LIMITS.get(key, str(key))
            found[word] = _readable(value, name)
    return found


def _field(field: Schema, name: str) -> JSON:
    """Return the schema of one parameter: what it means, and what stands there if it is left out."""
    made = _readable(field, name)
    parts = [field.get("description", "")]
    if field.get("x-pv-input"):
        parts.append("The name of an entry under inputs. Refused: a name that is not declared there (PV305).")
    if field.get("default") is not None:
        parts.append(f"Left out: {schema.shown(field['default'])}.")
    made["description"] = "\n\n".join(part for part in parts if part)
    return made


def _expectations(metrics: list[JSON]) -> Schema:
    """Return what stands under ``expect``: the metrics, each with bounds that fit its type."""
    known = {each["name"]: _metric(each) for each in metrics}
    return {"type": "object", "properties": known, "additionalProperties": False}


def _metric(metric: dict[str, JSON]) -> Schema:
    """Return what stands at a metric."""
    kind = f"a series of {metric['type']}" if metric["series"] else metric["type"]
    unit = "" if metric["unit"] == "1" else f", in {metric['unit']}"
    proposed = list(bounds_for(metric["type"], series=metric["series"]))
    bound: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return {
        "description": f"{metric['doc']}\n\nIt is {kind}{unit}. Bounds that fit: {'; '.join(proposed)}",
        "anyOf": [{**bound, "examples": proposed}, {"type": "array", "items": bound}],
    }


def bounds_for(kind: str, *, series: bool) -> Iterator[str]:
    """Yield bounds that a metric of a type can have, as examples."""
    plain = lessons.BOUNDS[kind]
    if not series:
        yield from plain
        return
    yield from (form.format(plain[0]) for form in lessons.SERIES)
    if kind != "bool":
        yield from (f"max {plain[0]}", f"min {plain[-2]}" if kind == "int" else f"min {plain[0].replace('<', '>')}")


def _first(doc: str) -> str:
    """Return the first sentence of a text."""
    return doc.split(". ", maxsplit=1)[0].removesuffix(".")


def _snippets(made: Schema) -> None:
    """Propose whole blocks: an input, a falsifier, a stage, what a new contract consists of."""
    falsifier = {
        "id": "${1:FALSIFY-NAME-001}",
        "rule": "${2:the claim, in a few words}",
        "prediction": "${3:what will be seen if it is true}",
        "if_fails": "${4:what a refutation would mean}",
        "evaluator": "${5:evaluator}",
        "with": {"${6:parameter}": "${7:value}"},
        "expect": {"${8:metric}": "${9:< 1}"},
        "status": "PENDING",
    }
    stage = {"id": "${1:M-NAME-1}", "expected_acceptance": ["${2:FALSIFY-NAME-001}"], "status": "PENDING"}
    fields = {"format": "${2:gguf}", "path": "${3:path/to/file}"}
    _propose(made["$defs"]["Falsifier"], "falsifier", "a claim, what measures it, and its bounds", falsifier)
    _propose(made["$defs"]["Stage"], "stage", "a step, and the falsifiers that decide it", stage)
    _propose(made["properties"]["inputs"], "input", "a file that falsifiers measure", {"${1:name}": fields})
    about = {"schema": 1, "id": "${1:C-NAME}", "version": "1.0.0", "status": "ACTIVE"}
    whole = {"metadata": about, "falsification_tests": [{"id": "${2:FALSIFY-NAME-001}", "status": "PENDING"}]}
    _propose(made, "contract", "the least that a contract says", whole)


def _propose(place: Schema, label: str, description: str, body: Any) -> None:  # noqa: ANN401 - any JSON value
    """Add a snippet to a place."""
    place.setdefault("defaultSnippets", []).append({"label": label, "description": description, "body": body})
