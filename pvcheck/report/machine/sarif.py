"""SARIF 2.1.0, which code scanning reads: a rule a code with its page as help, a result an entry."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from pvcheck import explain
from pvcheck.report.machine import plain
from pvcheck.report.machine.entries import RULES, Entry, entries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.domain.canonical import JSON

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "pvcheck/v1"
ROOT: Final = "%SRCROOT%"
"""What SARIF readers know the top of the repository by."""
MAX_RESULTS: Final = 25_000
"""Results that GitHub takes of one run."""


def text(document: JSON) -> str:
    """Return a document as SARIF, in ASCII."""
    return f"{plain.inert(json.dumps(log(document), indent=1, allow_nan=False))}\n"


def log(document: JSON) -> JSON:
    """Return the log: one run."""
    found = entries(document)[:MAX_RESULTS]
    codes = {each.rule: None for each in found}
    places = {code: place for place, code in enumerate(codes)}
    levels = {each.rule: each.level for each in reversed(found)}
    driver = {
        "name": document["tool"]["name"],
        "semanticVersion": document["tool"]["version"],
        "rules": [_rule(code, levels[code]) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the top of the repository"}}},
        "invocations": [
            {
                "executionSuccessful": document["exit_status"] in {0, 1, 5},
                "exitCode": document["exit_status"],
                "exitCodeDescription": document["verdict"] or "it ended before it looked at a contract",
            }
        ],
        "results": [_result(each, places[each.rule]) for each in found],
        "properties": {"command": document["command"], "counts": document["counts"]},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, level: str) -> JSON:
    """Return what is said of a code once: its title, and its page."""
    page = explain.page(code)
    if page is None:
        title, told = RULES.get(code, (code, code))
        page = f"# {code} {title}\n\n{told}\n"
    head, _, body = page.partition("\n")
    title = head.removeprefix(f"# {code} ")
    first = " ".join(body.strip().partition("\n\n")[0].split())
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": first[:1000]},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["numerics", "contract"]},
    }


def _result(entry: Entry, place: int) -> JSON:
    """Return one result."""
    told = f"{entry.text}\n\nhint: {entry.hint}" if entry.hint else entry.text
    result: dict[str, Any] = {
        "ruleId": entry.rule,
        "ruleIndex": place,
        "level": entry.level,
        "message": {"text": told},
        "partialFingerprints": {FINGERPRINT: sha256("\0".join(entry.key).encode()).hexdigest()},
    }
    if entry.path:
        result["locations"] = [_location(entry)]
    return result


def _location(entry: Entry) -> JSON:
    """Return where an entry is; a finding about a file as a whole has no region."""
    physical: dict[str, JSON] = {"artifactLocation": _artifact(entry.path)}
    if entry.line:
        physical["region"] = {"startLine": entry.line, "startColumn": entry.column or 1}
    location: dict[str, JSON] = {"physicalLocation": physical}
    name = "/".join(part for part in (entry.contract, entry.falsifier) if part)
    if name:
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return location


def _artifact(path: str) -> Mapping[str, str]:
    """Return a file by a URI relative to the top; one that lies elsewhere by its whole URI."""
    if path.startswith("/"):
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path), "uriBaseId": ROOT}
