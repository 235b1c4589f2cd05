"""JUnit XML: a suite a contract, a case a falsifier, and one more case for each finding of the file."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.domain.canonical import JSON

MAX_MESSAGE: Final = 1000
"""Characters of an attribute; the whole text stands in the element."""
_BLANKS: Final = "\t\n\xa0"
"""Blanks that XML holds. What else is not printable moves or hides text, or is none that XML holds: it is escaped."""
_COLONS: Final = re.compile(r"(?<!\S):(?=:)")
RESULTS: Final = {
    "refuted": "failure",
    "invalid": "error",
    "error": "error",
    "timeout": "error",
    "not_measured": "skipped",
}
"""What outcomes other than held are called here."""


def text(document: JSON) -> str:
    """Return a document as JUnit XML."""
    top = ET.Element("testsuites", {"name": "pvcheck"})
    contracts = document["contracts"]
    shares = _shares(document)
    for place, contract in enumerate(contracts):
        top.append(_suite(contract["id"] or contract["path"], contract, shares[place]))
    if shares[-1] or not contracts:
        top.append(_suite("pv", None, shares[-1]))
    for key in ("tests", "failures", "errors"):
        top.set(key, str(sum(int(each.get(key, "0")) for each in top)))
    return f"<?xml version='1.0' encoding='utf-8'?>\n{_inert(ET.tostring(top, encoding='unicode'))}\n"


def _inert(told: str) -> str:
    """Return XML that says the same in a log and commands nothing: a line of foreign text may begin with a command."""
    return _COLONS.sub("&#58;", told).replace("##", "&#35;&#35;")


def _shares(document: JSON) -> dict[int, list[JSON]]:
    """Return the findings by the place of their contract: by its file, else by its id; -1 has those of none."""
    contracts = document["contracts"]
    files = {each["path"]: place for place, each in reversed([*enumerate(contracts)])}
    ids = {each["id"]: place for place, each in reversed([*enumerate(contracts)]) if each["id"] is not None}
    found: dict[int, list[JSON]] = {place: [] for place in range(-1, len(contracts))}
    for each in document["findings"]:
        found[files.get(each["path"], ids.get(each["contract"], -1))].append(each)
    return found


def _suite(name: str, contract: JSON, found: Sequence[JSON]) -> ET.Element:
    """Return the suite of one contract, or of what belongs to none."""
    suite = ET.Element("testsuite", {"name": _legal(name)})
    if contract is not None:
        suite.append(_properties(contract))
    cases = [*(_falsifier(each) for each in contract["falsifiers"])] if contract is not None else []
    cases += _findings(found)
    seconds, names = 0.0, Counter[str]()
    for each in cases:
        title = each.get("name", "")
        names[title] += 1
        if names[title] > 1:
            each.set("name", f"{title} ({names[title]})")
        each.set("classname", _legal(name))
        seconds += float(each.get("time", "0"))
        suite.append(each)
    for tag, key in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(key, str(sum(each.find(tag) is not None for each in cases)))
    suite.set("tests", str(len(cases)))
    suite.set("time", f"{seconds:.3f}")
    return suite


def _properties(contract: JSON) -> ET.Element:
    """Return the properties of a suite: the contract, and every number that was measured."""
    properties = ET.Element("properties")
    pairs = [(key, contract[key]) for key in ("path", "version", "status")]
    for falsifier in contract["falsifiers"]:
        metrics = falsifier["result"]["metrics"] if falsifier["result"] else ()
        scalars = (each for each in metrics if isinstance(each["decimal"], str))
        pairs += [(f"{falsifier['id']}.{each['name']}", each["decimal"]) for each in scalars]
    for name, value in pairs:
        if value is not None:
            ET.SubElement(properties, "property", {"name": _legal(name), "value": _legal(value)})
    return properties


def _falsifier(falsifier: JSON) -> ET.Element:
    """Return the case of one falsifier."""
    case = ET.Element("testcase", {"name": _legal(falsifier["id"] or "without id")})
    result = falsifier["result"]
    if result is not None:
        case.set("time", f"{result['seconds']:.3f}")
        if result["outcome"] != "held":
            _told(case, RESULTS[result["outcome"]], result["outcome"], "\n".join(_why(result)))
    elif falsifier["challenge"] is not None:
        _challenge(case, falsifier["challenge"])
    else:
        _standing(case, falsifier)
    told = "\n".join([*_numbers(falsifier), *_missed(falsifier)])
    if told:
        ET.SubElement(case, "system-out").text = _legal(told)
    return case


def _standing(case: ET.Element, falsifier: JSON) -> None:
    """Say how a falsifier stands that was not measured now: its evidence speaks for it."""
    word = falsifier["status"] or "no status"
    if falsifier["evaluator"] is None:
        _told(case, "skipped", "unbound", "unbound: nothing measures it")
    elif falsifier["stale"]:
        _told(case, "skipped", "stale", f"{word}, which the evidence does not support")
    elif word == "FALSIFIED":
        _told(case, "failure", "refuted", "FALSIFIED, as its evidence says")
    elif word != "DISCHARGED":
        _told(case, "skipped", "pending", f"{word}: not measured")


def _challenge(case: ET.Element, challenge: JSON) -> None:
    """Say why a falsifier was not challenged; a score that is too low is a finding."""
    if not challenge["challenged"]:
        tag = "error" if challenge["exit_status"] == 3 else "skipped"
        _told(case, tag, challenge["word"] or "left out", challenge["reason"])


def _why(result: JSON) -> Iterator[str]:
    """Yield why a result is not green: a reason, or the bounds that it lies outside of."""
    if result["reason"]:
        yield result["reason"]
    yield from (f"refuted: {each['metric']} {each['bound']}" for each in result["bounds"] if not each["held"])


def _numbers(falsifier: JSON) -> Iterator[str]:
    """Yield the bounds with their margins, and what the guards say."""
    result = falsifier["result"]
    for each in result["bounds"] if result else ():
        margin = f" (margin {each['margin']['decimal']})" if each["margin"] else ""
        yield f"{'held' if each['held'] else 'refuted'}: {each['metric']} {each['bound']}{margin}"
    for each in result["guards"] if result else ():
        yield f"{each['code']} {each['guard']}: {each['message']}"


def _missed(falsifier: JSON) -> Iterator[str]:
    """Yield the planted faults that nothing caught, and the score."""
    challenge = falsifier["challenge"]
    if challenge is not None and challenge["challenged"]:
        yield f"{challenge['caught']} of {challenge['moved']} planted faults caught"
        yield from (f"missed: {each}" for each in challenge["missed"])


def _findings(found: Sequence[JSON]) -> Iterator[ET.Element]:
    """Yield a case for each finding. Only an error fails; others are told."""
    for each in found:
        case = ET.Element("testcase", {"name": _legal(f"{each['code']} {each['falsifier'] or ''}".strip())})
        place = f"{each['path']}:{each['line']}:{each['column']}: " if each["line"] else f"{each['path']}: "
        hint = f"\nhint: {each['hint']}" if each["hint"] else ""
        told = f"{place if each['path'] else ''}{each['code']} {each['message']}{hint}"
        if each["severity"] == "error":
            _told(case, "error" if each["exit_status"] == 3 else "failure", each["code"], told)
        else:
            ET.SubElement(case, "system-out").text = _legal(f"{each['severity']}: {told}")
        yield case


def _told(case: ET.Element, tag: str, kind: str, told: str) -> None:
    """Put a verdict that is not green below a case."""
    line = _legal(told)
    short = line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"
    ET.SubElement(case, tag, {"type": _legal(kind), "message": short}).text = line


def _legal(value: str) -> str:
    """Return a text that XML can hold and a reader can see: all else is shown by its number."""
    if value.isprintable():
        return value
    shown = (char if char.isprintable() or char in _BLANKS else char.encode("unicode_escape") for char in value)
    return "".join(each if isinstance(each, str) else each.decode() for each in shown)
