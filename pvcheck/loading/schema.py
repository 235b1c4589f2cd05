"""Validation against the JSON Schema, with messages of our own made from keyword and place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pvcheck.errors import BugError, Finding, escaped, quoted
from pvcheck.loading.expansion import refuse_explosive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.loading.instance import Schema
    from pvcheck.text import Document

CONTRACT = "contract-1"
UPSTREAM = "upstream"
REPORT = "report-1"


MAX_CHOICES = 600
"""Characters of the values that a message offers."""
MAX_COMPILED = 256
_COMPILED: dict[int, tuple[Schema, Any]] = {}
"""The validators of schemas, each with its schema so that no other gets its id. Who uses one changes it no more.

Compiling one takes as long as validating a contract, and a fleet uses the same few."""


class Fault(NamedTuple):
    """One violation: where, which keyword of the schema, and what that keyword demands."""

    route: Route
    keyword: str
    demand: Any


def file_of(name: str) -> Path:
    """Return the file of a shipped schema: in the wheel inside the package, in a checkout beside it."""
    here = Path(__file__).resolve().parent.parent
    for folder in (here / "schemas", here.parent / "schemas"):
        if (path := folder / name).is_file():
            return path
    raise BugError(
        Finding("PV902", f"the schema {name} is missing from the installation", hint="install pv-contracts again")
    )


def load(name: str) -> Schema:
    """Return a shipped contract schema.

    :raises BugError: if it is not there or no JSON.
    """
    path = file_of(f"{name}.schema.json")
    try:
        schema: Schema = json.loads(path.read_bytes())
    except ValueError as error:
        raise BugError(
            Finding("PV902", f"{path.name} is damaged: {error}", hint="install pv-contracts again")
        ) from None
    return schema


def faults(schema: Schema, instance: JSON) -> Iterator[Fault]:
    """Yield every violation of a schema by an instance, one for each place and keyword."""
    seen: set[tuple[Route, str]] = set()
    for fault in _validated(schema, instance):
        if (fault.route, fault.keyword) not in seen:
            seen.add((fault.route, fault.keyword))
            yield fault


def _validated(schema: Schema, instance: JSON) -> Iterator[Fault]:
    """Ask jsonschema-rs, or the reference validator where there is no wheel of it."""
    try:
        import jsonschema_rs  # noqa: PLC0415 - 39 ms, and only where it is there
    except ImportError:
        yield from by_reference(schema, instance)
        return
    known = _COMPILED.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_COMPILED) >= MAX_COMPILED:
            _COMPILED.clear()
        compiled = jsonschema_rs.Draft202012Validator(schema, retriever=_fetch_nothing)
        known = _COMPILED[id(schema)] = (schema, compiled)
    for error in known[1].iter_errors(instance):
        path = error.schema_path
        demand: Any = schema
        for step in path:
            demand = demand[step]
        yield Fault(tuple(error.instance_path), str(path[-1]) if path else "false", demand)


def _fetch_nothing(uri: str) -> JSON:
    """Refuse a reference that leads out of the schema: the validator would open a socket for it."""
    raise ValueError(f"a schema may refer to itself only, not to {uri}")


def refuse_unusable(schema: Schema) -> None:
    """Refuse what is no schema, one that refers to another file, and one that grows without bound.

    :raises ValueError: with the reason.
    """
    refuse_explosive(schema)
    any(faults(schema, {}))


def by_reference(schema: Schema, instance: JSON) -> Iterator[Fault]:
    """Ask jsonschema, the reference; with ``$`` at the end of the text only, as in every other language.

    :raises ValueError: if the schema is none, or refers to another file.
    """
    import re  # noqa: PLC0415 - only where jsonschema-rs is missing

    import jsonschema  # noqa: PLC0415 - 110 ms, and only where jsonschema-rs is missing
    from referencing import Registry, exceptions  # noqa: PLC0415 - an empty registry fetches nothing

    def pattern(_: object, wanted: str, text: object, __: object) -> Iterator[jsonschema.ValidationError]:
        if isinstance(text, str) and not re.search(wanted.replace("$", r"\Z"), text, re.ASCII):
            yield jsonschema.ValidationError("pattern")

    extend: Any = jsonschema.validators.extend  # its stub has no types
    cls = extend(jsonschema.Draft202012Validator, {"pattern": pattern})
    try:
        for error in cls(schema, registry=Registry()).iter_errors(instance):
            yield Fault(tuple(error.absolute_path), str(error.validator), error.validator_value)
    except (jsonschema.exceptions.UnknownType, exceptions.Unresolvable) as error:
        raise ValueError(str(error)) from None


def findings(document: Document, instance: JSON, problems: Iterable[Fault]) -> Iterator[Finding]:
    """Yield a finding for each violation, placed in the text."""
    for fault in problems:
        found = at(instance, fault.route)
        if fault.keyword == "required":
            for key in fault.demand:
                if key not in found:
                    yield document.finding(
                        "PV201", f"the key {key!r} is missing", fault.route, hint=f"add '{key}: ...' here"
                    )
        elif fault.keyword == "additionalProperties":
            continue  # keys are looked at by the rules, which know near misses
        elif fault.keyword == "anyOf" and (branch := _branch(fault.demand, found)) is not None:
            inner = (Fault((*fault.route, *each.route), each.keyword, each.demand) for each in faults(branch, found))
            yield from findings(document, instance, inner)
        else:
            code, message, hint = worded(fault, found)
            yield document.finding(code, message, fault.route, hint=hint)


def at(instance: JSON, route: Route) -> JSON:
    """Return the part of an instance that a route names."""
    for step in route:
        instance = instance[step]
    return instance


_TYPES: dict[type, str] = {str: "string", list: "array", dict: "object"}


def _branch(branches: list[Schema], found: JSON) -> Schema | None:
    """Return the branch that a value was meant for: the one of its type. What it breaks there is the news."""
    return next((each for each in branches if _named(each) == _TYPES.get(type(found), "")), None)


_WORDS = {
    "string": "text",
    "object": "a block of keys",
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
}
_FORMS = {
    r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$": (
        "a version",
        "write three numbers, such as 1.13.0",
    ),
    r"^[0-9a-f]{64}$": ("a SHA-256", "write 64 lower-case hex digits, as sha256sum prints them"),
    r"^sha256:[0-9a-f]{64}$": ("a reference to a record", "pv run --write writes it"),
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": ("a date", "write YYYY-MM-DD"),
    r"^[A-Z][A-Z0-9_]*$": ("a status", "write capitals, digits and _, such as PENDING"),
    r"^[a-z][a-z0-9_-]*$": ("a name", "use lower-case letters, digits, - and _, a letter first"),
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": ("an id", "use letters, digits, '.', '-' and '_'"),
}


def worded(fault: Fault, found: JSON) -> tuple[str, str, str]:
    """Return code, message and way out for a violation."""
    keyword, demand = fault.keyword, fault.demand
    if keyword in {"type", "anyOf"}:
        wanted = [demand] if keyword == "type" else [_named(branch) for branch in demand]
        names = escaped(" or ".join(_WORDS.get(str(each), f"a {each}") for each in wanted))
        return "PV202", f"the value must be {names}, got {shown(found)}", _type_hint(wanted, found)
    if keyword == "pattern":
        noun, advice = _FORMS.get(demand, (f"of the form {escaped(demand)}", "see its description in the schema"))
        return "PV203", f"the value must be {noun}, got {shown(found)}", advice
    if keyword in {"const", "enum"}:
        choices = demand if keyword == "enum" else [demand]
        told = escaped(" or ".join(map(str, choices)), MAX_CHOICES)
        return "PV204", f"the value must be {told}, got {shown(found)}", "write one of these"
    if keyword in _LIMITS:
        words, unit = _LIMITS[keyword]
        size = len(found) if unit else shown(found)
        return "PV205", f"the value must be {words} {escaped(str(demand), 40)}{unit}, got {size}", "change it to fit"
    rule = escaped(repr(keyword))
    return "PV205", f"the value breaks the rule {rule} of its schema, got {shown(found)}", "see `pv schema`"


def _named(branch: JSON) -> str:
    """Return the type that one of several schemas asks for."""
    return str(branch.get("type", "object")) if isinstance(branch, dict) else "value of another kind"


_LIMITS = {
    "minLength": ("of at least", " characters"),
    "maxLength": ("of at most", " characters"),
    "minItems": ("of at least", " items"),
    "maxItems": ("of at most", " items"),
    "minimum": ("at least", ""),
    "maximum": ("at most", ""),
    "exclusiveMinimum": ("above", ""),
    "exclusiveMaximum": ("below", ""),
}
"""How a limit is told: the words before the number, and the unit of what is counted."""


def _type_hint(wanted: list[str], found: JSON) -> str:
    """Return the way out of a wrong type."""
    if found is None:
        return "fill the value in, or leave the key out"
    if wanted == ["string"]:
        return "write the text on this line, in quotes if it starts like something else"
    if "array" in wanted and not isinstance(found, list):
        return "put '- ' before each item"
    return "see `pv schema` for what stands here"


def shown(value: JSON) -> str:
    """Return a value as a reader would call it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "a block of keys"
    return "a list" if isinstance(value, list) else str(value)
