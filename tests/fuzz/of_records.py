"""Targets that read records: of evaluations, of challenges, of other hosts, and the signatures of all of them."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fuzz.of_text import TODAY, Alone, folder
from fuzz.saying import plain, refused
from helpers import CONTRACT

from pvcheck import guards
from pvcheck.domain import bounds, canonical, dsse, keys
from pvcheck.domain.claim import claim_hash
from pvcheck.domain.teeth import Challenged, Expected
from pvcheck.errors import PvError, escaped
from pvcheck.evidence import challenge, details, lines, record, signature
from pvcheck.evidence.record import RecordError
from pvcheck.pipeline import applying, checking
from pvcheck.pipeline.records import Shown
from pvcheck.report import evidence as report
from pvcheck.report.html import evidence as html
from pvcheck.report.html.detail import Detail

if TYPE_CHECKING:
    from pvcheck.domain.contract import Falsifier
    from pvcheck.evidence.challenge import ChallengeRecord
    from pvcheck.evidence.details import Reported
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.checking import Checked

LONGEST = 100_000
"""Characters of a line of a table: a row has a cell for each metric."""


@cache
def checked() -> Checked:
    """Return the contract that records are held against."""
    return checking.check(folder() / "contract.yaml", {}, TODAY, Alone(CONTRACT.encode()))


def falsifier() -> Falsifier:
    """Return the falsifier that records are held against."""
    contract = checked().contract
    assert contract is not None
    found = contract.falsifier("F-1")
    assert found is not None
    return found


def resealed(data: bytes) -> bytes:
    """Return a statement whose subjects are those of its predicate, as one who forges records would write them."""
    with suppress(Exception):  # whatever is no statement stays as it is
        told: Any = json.loads(data)
        predicate = told["predicate"]
        about = predicate.get("falsifiers", [predicate])
        told["subject"] = [_subject(each) for each in about]
        if "falsifiers" not in predicate:
            told["subject"] += [
                {"name": f"input:{name}", "digest": {"sha256": each.get("sha256") or each["read_sha256"]}}
                for name, each in sorted(predicate["inputs"].items())
            ]
        return canonical.dumps(told)
    return data


def _subject(told: Any) -> Any:
    """Return the claim that a record is about."""
    return {"name": f"claim:{told['falsifier']}", "digest": {"sha256": claim_hash(told["claim"])}}


def evaluation(data: bytes) -> bool:
    """Read a record, hold its guards and its own metrics against it, and show it."""
    try:
        found = record.parse(resealed(data))
    except RecordError as error:
        plain(str(error))
        return False
    told = tuple(record.contradictions(found))
    for each in told:
        plain(each)
    assert record.parse(found.data()) == found or "nan" in str(found)
    assert found.reference
    assert found.essence()
    reported = _guarded(found)
    case: Any = SimpleNamespace(
        falsifier=falsifier(), evidence=SimpleNamespace(record=found, reported=reported), specs={}
    )
    assert html.section(case, html.Setups(), Detail())
    assert html.numbers(case)
    for line in report.lines(Shown(checked(), found.reference, found, (), (), None, False, told)):
        assert line.isprintable()
        assert len(line) <= LONGEST
    return True


def _guarded(found: Record) -> Reported | None:
    """Ask the guards about a record, and return what it reports; None where that has another form."""
    try:
        told = details.reported(found)
    except RecordError as error:
        plain(str(error))
        return None
    verdict = guards.judge(told, found.metrics, falsifier())
    for each in verdict.guarded:
        plain(each.message)
    return told


def trials(data: bytes) -> bool:
    """Read the record of a challenge, and count what its bounds caught."""
    assert challenge.is_one(data) in {True, False}
    try:
        found = challenge.parse(resealed(data))
    except RecordError as error:
        plain(str(error))
        return False
    assert challenge.parse(found.data()).essence() == found.essence()
    for each in found.entries:
        _scored(found, each.falsifier)
    return True


def _scored(found: ChallengeRecord, name: str) -> None:
    """Judge the trials of one falsifier under today's bounds."""
    entry = found.entry(name)
    assert entry is not None
    expected = tuple(
        Expected(each.metric, each.bound, entry.clean[each.metric].type, each.bound.text)
        for each in falsifier().expectations
        if each.metric in entry.clean
    )
    clean = {key: each.value for key, each in entry.clean.items()}
    result = Challenged(name, clean, entry.trials, expected)
    assert 0 <= (result.score.ratio or 0) <= 1
    assert len(result.teeth()) == len(expected)


def results(data: bytes) -> bool:
    """Read a file of results as ``pv apply`` does, as it is and once more with each line as pv writes one."""
    understood = _applied(data)
    return _applied(b"\n".join(map(_one_line, data.split(b"\n")[:8]))) or understood


def _applied(data: bytes) -> bool:
    """Read a file of results, and judge each measurement again."""
    place = folder() / "results.jsonl"
    place.write_bytes(data)
    try:
        found = applying.read([place])
    except PvError as error:
        return refused(error)
    for each in found:
        guards.judge(each.measurement, each.record.metrics, falsifier())
    return True


def _one_line(data: bytes) -> bytes:
    """Return a record on one line: resealed, without parts that no record has, and judged by its own bounds."""
    with suppress(RecordError):
        found = record.parse(resealed(data))
        judged, outcome = record.judge(
            found.metrics, [(each.metric, bounds.parse(each.bound)) for each in found.judged]
        )
        told = found._replace(judged=judged, outcome=outcome if judged else found.outcome)
        return lines.dumps([told]).rstrip(b"\n")
    return data


def sealed(data: bytes) -> bool:
    """Read an envelope of signatures, and look at whose they are; or a public key, where a line starts with one."""
    head, _, rest = data.partition(b"\n")
    with suppress(keys.KeyFormError, UnicodeDecodeError):
        assert str(keys.parse(head.decode())) == head.decode()
        return True
    try:
        found = dsse.parse(data)
        assert dsse.parse(found.data()) == found
        signature.differs(found, "sha256:" + "0" * 64, rest)
    except dsse.EnvelopeError as error:
        plain(escaped(str(error)))
        return False
    except (signature.SignatureError, RecordError) as error:
        plain(str(error))
    return True
