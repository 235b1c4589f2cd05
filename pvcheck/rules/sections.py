"""Rules for obligations, harnesses, equations and gates: ids, references, words and numbers that mean something."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pvcheck.errors import Severity, quoted
from pvcheck.loading import keys
from pvcheck.rules.subject import called, counted, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.route import Route
    from pvcheck.errors import Finding
    from pvcheck.rules.subject import Subject

# fmt: off
TYPES = frozenset({
    "associativity", "bound", "classification", "completeness", "conservation", "determinism", "equivalence",
    "frame", "idempotency", "independence", "invariant", "involution", "linearity", "liveness",
    "loop_invariant", "loop_variant", "monotonicity", "old_state", "ordering", "postcondition",
    "precondition", "roundtrip", "safety", "soundness", "state_machine", "subcontract", "symmetry",
    "termination",
})
# fmt: on
"""The types of obligations that upstream knows."""

STRATEGIES = frozenset({"exhaustive", "stub_float", "compositional", "bounded_int"})
"""The strategies of harnesses that upstream knows."""

APPLIES = frozenset({"all", "scalar", "simd", "converter", "not_applicable"})
"""What an obligation applies to, where it is no equation, phase or file."""

_LISTS = (
    ("proof_obligations", "obligation"),
    ("kani_harnesses", "harness"),
    ("equations", "equation"),
    ("gates", "gate"),
)
_WORD = r"[A-Za-z_][A-Za-z0-9_-]*"
_ID = r"(?=[^0-9]*[0-9])[A-Z][A-Z0-9]*([-_][A-Z0-9]+)+"
_CRITERIA = r"(?i)\ball ([0-9]{1,6}) (?:falsification|falsify|falsifier)s?(?: tests?)?\b"
"""Patterns are compiled where they are needed first: a hook on a contract without such sections compiles none."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong in the sections."""
    yield from repeated_ids(subject)
    yield from repeated_formulas(subject)
    yield from blanks(subject)
    yield from tolerances(subject)
    yield from vocabulary(subject)
    yield from applicability(subject)
    yield from harnesses(subject)
    yield from gate(subject)
    yield from acceptance(subject)


def repeated_ids(subject: Subject) -> Iterator[Finding]:
    """Report an id that two parts of one list have."""
    for key, noun in _LISTS:
        first: dict[str, Route] = {}
        for item, route in subject.items(key):
            name = word(item.get("id"))
            if not name:
                continue
            earlier = first.setdefault(name.casefold(), route)
            if earlier is not route:
                line, _ = subject.document.place((*earlier, "id"))
                message = f"the {noun} {quoted(name)} is there already, on line {line}"
                yield subject.finding("PV302", message, (*route, "id"), "give one of them another id")


def repeated_formulas(subject: Subject) -> Iterator[Finding]:
    """Warn of two obligations with one formula: one of them was copied and not finished."""
    first: dict[str, Route] = {}
    for item, route in subject.items("proof_obligations"):
        text = " ".join(word(item.get("formal")).split())
        if text and (earlier := first.setdefault(text, route)) is not route:
            line, _ = subject.document.place((*earlier, "formal"))
            message = f"the formula {quoted(text)} is that of the obligation on line {line}"
            hint = "write what this obligation says that the other does not, or remove it"
            yield subject.finding("PV332", message, (*route, "formal"), hint, severity=Severity.WARNING)


def blanks(subject: Subject) -> Iterator[Finding]:
    """Report texts that say nothing, also those of spaces only."""
    places: list[tuple[dict[str, JSON], Route, tuple[str, ...]]] = []
    places += [(item, route, ("property",)) for item, route in subject.items("proof_obligations")]
    places += [(item, route, ("obligation",)) for item, route in subject.items("kani_harnesses")]
    places += [(item, route, ("formula",)) for _, item, route in subject.equations()]
    places += [(i, route, ("rule", "prediction", "if_fails")) for i, route in subject.items("falsification_tests")]
    for item, route, names in places:
        for name in names:
            written = item.get(name)
            if isinstance(written, str) and not written.strip():
                hint = "say it in a sentence, or leave the key out"
                yield subject.finding("PV212", f"{name!r} says nothing", (*route, name), hint, at_key=True)


def tolerances(subject: Subject) -> Iterator[Finding]:
    """Report tolerances that no number can be compared with."""
    places = [((*route, "tolerance"), item) for item, route in subject.items("proof_obligations")]
    places += [((*route, "float_tolerance"), item) for _, item, route in subject.equations()]
    for route, item in places:
        name = str(route[-1])
        if name in item and not _is_tolerance(item[name]):
            found = quoted(item[name]) if isinstance(item[name], str) else _told(item[name])
            message = f"a tolerance must be a finite number, 0 or more, got {found}"
            hint = "write a number without quotes, such as 1e-6, and its unit in a key of its own"
            yield subject.finding("PV213", message, route, hint)


def _is_tolerance(value: JSON) -> bool:
    """Say whether a value can be a tolerance."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _told(value: JSON) -> str:
    """Return what stands in place of a tolerance."""
    if value is None:
        return "nothing"
    return "a block" if isinstance(value, dict | list) else str(value).lower()


def vocabulary(subject: Subject) -> Iterator[Finding]:
    """Report types and strategies that no tool knows."""
    for key, name, known in (("proof_obligations", "type", TYPES), ("kani_harnesses", "strategy", STRATEGIES)):
        for item, route in subject.items(key):
            found = word(item.get(name))
            if found and found not in known:
                near = keys.nearest(found, known)
                message = f"the {name} {quoted(found)} is not known" + (f" (did you mean {near}?)" if near else "")
                hint = f"use one of {', '.join(sorted(known))}"
                yield subject.finding("PV214", message, (*route, name), hint)


def applicability(subject: Subject) -> Iterator[Finding]:
    """Report an obligation that applies to a word that nothing in the file has."""
    equations = {name for name, _, _ in subject.equations()}
    structure = subject.block("kernel_structure").get("phases")
    phases = {each.get("name") for each in structure if isinstance(each, dict)} if isinstance(structure, list) else ()
    known = {*APPLIES, *equations, *phases, *subject.block("simd_dispatch")}
    for item, route in subject.items("proof_obligations"):
        found = word(item.get("applies_to"))
        if re.fullmatch(_WORD, found) and found not in known:
            message = f"{called(item, 'obligation')} applies to {quoted(found)}, which is nothing in this file"
            hint = f"name an equation of this file, or one of {', '.join(sorted(APPLIES))}"
            yield subject.finding("PV336", message, (*route, "applies_to"), hint)


def harnesses(subject: Subject) -> Iterator[Finding]:
    """Report a harness whose obligation is none: by id, property, position or the equation it is about."""
    obligations = list(subject.items("proof_obligations"))
    known = {word(item.get(key)) for item, _ in obligations for key in ("id", "property")}
    known |= {name for name, _, _ in subject.equations()} | {str(index + 1) for index in range(len(obligations))}
    cited = [(item, route) for item, route in subject.items("kani_harnesses") if word(item.get("obligation"))]
    lost = [(item, route) for item, route in cited if word(item["obligation"]) not in known]
    if not any(word(item.get("id")) for item, _ in obligations):
        unnamed = [(item, route) for item, route in lost if re.fullmatch(_ID, word(item["obligation"]))]
        if unnamed and obligations:
            names = word(unnamed[0][0]["obligation"])
            message = f"no obligation has an id, so no harness can name one ({quoted(names)} is nothing here)"
            hint = "give the obligations the ids that the harnesses name"
            yield subject.finding("PV338", message, ("proof_obligations",), hint, at_key=True)
            lost = [each for each in lost if each not in unnamed]
    for item, route in lost:
        name = word(item["obligation"])
        message = f"{called(item, 'harness')} checks {quoted(name)}, which is no obligation of this file"
        hint = "name an obligation by its id, or add the one that is missing"
        yield subject.finding("PV318", message, (*route, "obligation"), hint)


def gate(subject: Subject) -> Iterator[Finding]:
    """Report a gate that checks nothing, checks what is not there, or counts other tests than there are."""
    found = subject.block("qa_gate")
    checks = found.get("checks")
    if found and (checks is None or checks == []):
        message = "the gate checks nothing, so it is always open"
        yield subject.finding("PV337", message, ("qa_gate",), "name what must hold under checks", at_key=True)
    names = {*subject.named("falsification_tests"), *subject.named("proof_obligations")}
    names |= {*subject.named("kani_harnesses"), *subject.named("implementation_stages")}
    for index, each in enumerate(checks if isinstance(checks, list) else ()):
        if re.fullmatch(_ID, word(each)) and word(each) not in names:
            message = f"the gate checks {quoted(word(each))}, which is not in this file"
            hint = "name a falsifier, an obligation, a harness or a stage of this file"
            yield subject.finding("PV337", message, ("qa_gate", "checks", index), hint)
    criteria = found and re.search(_CRITERIA, word(found.get("pass_criteria")))
    total = len(subject.contract.falsifiers)
    if criteria and int(criteria[1]) != total:
        message = f"the gate asks for {counted(int(criteria[1]), 'falsifier')} to pass, and the file has {total}"
        yield subject.finding("PV330", message, ("qa_gate", "pass_criteria"), f"write {total}, or add what is missing")


def acceptance(subject: Subject) -> Iterator[Finding]:
    """Warn of a stage of an upstream file that is decided by a falsifier that does not exist."""
    if subject.contract.is_strict:
        return  # there it is an error of structure
    known = {each.id for each in subject.contract.falsifiers}
    for stage in subject.contract.stages:
        for index, name in enumerate(stage.accepts):
            if name not in known:
                message = f"the stage {quoted(stage.id or '')} is decided by {quoted(name)}, which is not in this file"
                hint = "name a falsifier of this contract, or take it out"
                yield subject.finding("PV303", message, (*stage.route, "expected_acceptance", index), hint)
