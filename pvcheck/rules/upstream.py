"""Rules for the sections that upstream's contracts have too: what can be refuted, and what nothing reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import Severity, quoted
from pvcheck.loading import keys
from pvcheck.rules import sections, summaries, words
from pvcheck.rules.subject import Subject, counted, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.text import Document

CATALOGUES = frozenset(
    {"registry", "model-family", "model-family-variant", "tokenizer", "schema", "corpus-assembly", "pretraining-corpus"}
)
"""Upstream's kinds that list facts, so that a file without falsifiers is no oversight."""

READ = frozenset(
    {
        "amendments",
        "amendment_history",
        "beat",
        "changelog",
        "coq_spec",
        "enforcement",
        "equations",
        "falsification_tests",
        "implementation_stages",
        "inputs",
        "kani_harnesses",
        "kernel_structure",
        "metadata",
        "proof_obligations",
        "qa_gate",
        "simd_dispatch",
        "stories",
        "type_invariants",
        "verification_summary",
    }
)
"""Blocks whose items are no falsifiers under another name."""

_TELLING = frozenset({"if_fails", "fails_if", "falsifier", "if_test_fails", "if_test_passes"})
_TESTING = frozenset({"test", "test_harness", "falsification_test"})
_CLAIMING = frozenset({"prediction", "expected", "rule"})

_OF_METADATA = ("schema", "kind")
_OF_METADATA_HERE = ("schema", "kind", "id", "version", "status")


def check(contract: Contract, document: Document, instance: dict[str, JSON]) -> Iterator[Finding]:
    """Yield what is wrong inside the file, of what upstream's tools let pass."""
    subject = Subject(contract, document, instance)
    yield from can_be_refuted(subject)
    yield from hidden_tests(subject)
    yield from outside_metadata(subject)
    yield from said_twice(subject)
    yield from versions(subject)
    yield from sections.check(subject)
    yield from summaries.check(subject)
    yield from words.check(subject)


def can_be_refuted(subject: Subject) -> Iterator[Finding]:
    """Report a file in which nothing could ever be refuted: green would mean nothing there."""
    contract, instance = subject.contract, subject.instance
    if contract.is_strict:
        if contract.falsifiers and not any(each.is_bound for each in contract.falsifiers):
            total = len(contract.falsifiers)
            message = f"0 of {counted(total, 'falsifier')} bound: nothing here is measured"
            hint = "name an evaluator in one of them, or run pv plugins list to see what can be measured"
            route: Route = ("falsification_tests",)
            yield subject.finding("PV317", message, route, hint, at_key=True, severity=Severity.WARNING)
        return
    if contract.falsifiers:
        return
    about = subject.block("metadata")
    catalogue = about.get("registry") is True or about.get("kind") in CATALOGUES
    weight = Severity.NOTE if catalogue else Severity.WARNING
    claims = [counted(len(instance[key]), *nouns) for key, *nouns in _CLAIMS if instance.get(key)]
    if claims:
        message = f"there is no falsifier, so nothing could refute what this file claims ({', '.join(claims)})"
        hint = "add 'falsification_tests:' with what would be seen if a claim were wrong"
        yield subject.finding("PV316", message, ("metadata",), hint, at_key=True, severity=weight)
    else:
        message = "nothing in this file could be refuted: it has no falsifier, no obligation and no harness"
        hint = "add 'falsification_tests:', or leave the file out of the paths"
        yield subject.finding("PV315", message, ("metadata",), hint, at_key=True, severity=weight)


_CLAIMS = (
    ("equations", "equation", "equations"),
    ("proof_obligations", "obligation", "obligations"),
    ("kani_harnesses", "harness", "harnesses"),
)


def hidden_tests(subject: Subject) -> Iterator[Finding]:
    """Report blocks whose items look like falsifiers and stand under a name that nothing reads."""
    known = subject.instance.keys()
    for key, value in subject.instance.items():
        renamed = keys.ALIASES.get(key)
        if key in READ or (renamed is not None and renamed not in known):
            continue
        items = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
        found = sum(isinstance(each, dict) and _looks_like_a_falsifier(each) for each in items)
        if found:
            what = counted(found, "item that looks like a falsifier", "items that look like falsifiers")
            message = f"the block {quoted(key)} holds {what}, and nothing reads it"
            yield subject.finding("PV209", message, (key,), "move them to falsification_tests", at_key=True)


def _looks_like_a_falsifier(item: dict[str, JSON]) -> bool:
    """Say whether a block has the keys of a falsifier: what a failure means, or a test with a claim."""
    return bool(item.keys() & _TELLING) or bool(item.keys() & _TESTING and item.keys() & _CLAIMING)


def outside_metadata(subject: Subject) -> Iterator[Finding]:
    """Report keys that mean something under ``metadata`` only, and stand beside it."""
    for key in _OF_METADATA_HERE if subject.contract.is_strict else _OF_METADATA:
        if key in subject.instance and not isinstance(subject.instance[key], dict | list):
            message = f"{key!r} stands beside metadata, where nothing reads it"
            if key == "schema":
                message += ", so no strict rule holds"
            hint = f"move it under metadata, or remove it if metadata.{key} says the same"
            yield subject.finding("PV210", message, (key,), hint, at_key=True)


def said_twice(subject: Subject) -> Iterator[Finding]:
    """Report a version, a status or an id that stands in two places and differs."""
    about = subject.block("metadata")
    for key in ("id", "version", "status"):
        inner, outer = about.get(key), subject.instance.get(key)
        if isinstance(inner, str) and isinstance(outer, str | int | float) and str(outer) != inner:
            message = f"the {key} is {quoted(inner)} under metadata and {quoted(str(outer))} here"
            yield subject.finding("PV326", message, (key,), f"keep metadata.{key} and remove this one")


def versions(subject: Subject) -> Iterator[Finding]:
    """Report a version that cannot be compared with another; in a strict contract the schema refuses it."""
    text = word(subject.block("metadata").get("version"))
    if not subject.contract.is_strict and subject.contract.version is None:
        message = f"the version must be three numbers to be compared, got {quoted(text)}"
        yield subject.finding("PV215", message, ("metadata", "version"), "write three numbers, such as 1.13.0")
