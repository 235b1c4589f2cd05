"""From nodes to JSON: every scalar becomes what the schema asks for at its place.

``version: 1.10`` is text because the schema wants text there, and ``tolerance: 1e-5`` is a number
because nothing at its place wants text. Where the schema is silent, YAML 1.2's core schema decides,
and spellings that YAML versions disagree about are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pvcheck.text import Ambiguous, Mapping, Scalar, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.text import Document, Node

Schema = dict[str, Any]
_OTHERS = frozenset({"number", "integer", "boolean"})
ANYTHING: Schema = {}
"""The schema of a place where nothing is asked. One value, so that what is known of it is known once."""


class Shape:
    """A JSON Schema that can be walked: references followed, the parts for a key or an item found."""

    def __init__(self, root: Schema) -> None:
        """Keep the root, which references start from, and what was found about each part of it."""
        self.root = root
        self._types: dict[int, tuple[Schema, frozenset[str]]] = {}
        self._keys: dict[int, tuple[Schema, frozenset[str], bool]] = {}
        self._parts: dict[tuple[int, str], tuple[Schema, Schema]] = {}

    def branches(self, schema: Schema) -> Iterator[Schema]:
        """Yield the schema, or each branch of its ``anyOf``, with references followed."""
        while "$ref" in schema:
            schema = self.root["$defs"][schema["$ref"].rpartition("/")[2]]
        if "anyOf" not in schema:
            yield schema
            return
        for branch in schema["anyOf"]:
            yield from self.branches(branch)

    def types(self, schema: Schema) -> frozenset[str]:
        """Return the JSON types that a place accepts; empty where it accepts anything."""
        if id(schema) not in self._types:
            self._types[id(schema)] = (schema, self._types_of(schema))  # with the schema, so that no other gets its id
        return self._types[id(schema)][1]

    def _types_of(self, schema: Schema) -> frozenset[str]:
        found: set[str] = set()
        for branch in self.branches(schema):
            if "type" in branch:
                found.add(branch["type"])
            elif "const" not in branch:
                return frozenset()
            else:
                found.add("string" if isinstance(branch["const"], str) else "number")
        return frozenset(found)

    def of_key(self, schema: Schema, key: str) -> Schema:
        """Return the schema of the value under a key; empty where nothing is asked."""
        if not schema:
            return ANYTHING
        name = (id(schema), key)
        if name not in self._parts:
            part = self._part_of(schema, key)
            if key not in self.known_keys(schema):  # any key may stand here, and there is no end of them
                return part
            self._parts[name] = (schema, part)
        return self._parts[name][1]

    def _part_of(self, schema: Schema, key: str) -> Schema:
        for branch in self.branches(schema):
            if key in branch.get("properties", ()):
                known: Schema = branch["properties"][key]
                return known
            other = branch.get("additionalProperties")
            if isinstance(other, dict):
                return other
        return ANYTHING

    def of_item(self, schema: Schema) -> Schema:
        """Return the schema of the items of a list; empty where nothing is asked."""
        return next((branch["items"] for branch in self.branches(schema) if "items" in branch), ANYTHING)

    def known_keys(self, schema: Schema) -> frozenset[str]:
        """Return the keys that a place names; empty where any key is as good as another."""
        return self._keys_of(schema)[1]

    def is_closed(self, schema: Schema) -> bool:
        """Say whether a place refuses the keys that it does not name."""
        return self._keys_of(schema)[2]

    def _keys_of(self, schema: Schema) -> tuple[Schema, frozenset[str], bool]:
        if id(schema) not in self._keys:
            branches = list(self.branches(schema))
            known = frozenset(key for branch in branches for key in branch.get("properties", ()))
            closed = any(branch.get("additionalProperties") is False for branch in branches)
            self._keys[id(schema)] = (schema, known, closed)
        return self._keys[id(schema)]


def build(document: Document, shape: Shape) -> tuple[JSON, list[Finding]]:
    """Return the JSON value of a document, and what was refused on the way.

    Depth is bounded by the reader, so this may recurse.
    """
    reading = _Reading(document, shape, [])
    return reading.value(document.root, shape.root, ()), reading.findings


class _Reading(NamedTuple):
    """One pass over the nodes of a document. No closure: it would keep every text until somebody looks for cycles."""

    document: Document
    shape: Shape
    findings: list[Finding]

    def value(self, node: Node, schema: Schema, route: Route) -> JSON:
        """Return the JSON value of a node at a place."""
        if isinstance(node, Scalar):
            is_text = node.style != "plain" or _is_text(node, self.shape.types(schema))
            return node.text if is_text else self._resolved(node, route)
        if isinstance(node, Mapping):
            of_key = self.shape.of_key
            return {key: self.value(item, of_key(schema, key), (*route, key)) for key, item in node.values.items()}
        each = self.shape.of_item(schema)
        return [self.value(item, each, (*route, index)) for index, item in enumerate(node.items)]

    def _resolved(self, node: Scalar, route: Route) -> JSON:
        """Return what the core schema makes of a scalar; its text where that is refused."""
        try:
            return resolve(node)
        except Ambiguous as refusal:
            self.findings.append(self.document.finding(refusal.code, refusal.message, route, hint=refusal.hint))
            return node.text


def _is_text(scalar: Scalar, types: frozenset[str]) -> bool:
    """Say whether a plain scalar is text at a place of these types. An empty value is nothing, wherever it stands."""
    return bool(scalar.text) and "string" in types and types.isdisjoint(_OTHERS)
