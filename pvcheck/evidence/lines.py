"""Records on their way between hosts: a file of JSON lines, one in-toto Statement a line.

A line is the record without its indent, so ``pv`` gets the same bytes back, and with them the same digest.
One record as it lies in an evidence folder is such a file too. Whatever else is in the file, nothing of it
is taken.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pvcheck.domain import canonical
from pvcheck.evidence import record
from pvcheck.evidence.record import RecordError
from pvcheck.evidence.store import MAX_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.evidence.record import Record

MAX_FILE = 64 << 20
"""Bytes of the largest file that is read: a thousand records of the largest contract we have."""

NOT_CANONICAL = "is not in the form that pv writes: it holds more than a record does, or in another order"


class LinesError(ValueError):
    """A file holds something that is no record; ``line`` counts from 1, 0 is the file as a whole."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def dumps(records: Iterable[Record]) -> bytes:
    """Return records as JSON lines."""
    return b"".join(_line(each) + b"\n" for each in records)


def loads(data: bytes) -> tuple[tuple[int, Record], ...]:
    """Return every record with the number of its line; a record that stands twice counts once.

    :raises LinesError: if something in it is no record, is not in canonical form, or contradicts itself.
    """
    if len(data) > MAX_FILE:
        raise LinesError(0, f"the file must have at most {MAX_FILE >> 20} MiB")
    data = data.replace(b"\r\n", b"\n")
    if data.startswith(b"{\n"):
        return ((1, _sound(1, data)),)
    found: dict[bytes, tuple[int, Record]] = {}
    for number, text in _texts(data):
        if text not in found:
            found[text] = (number, _read(number, text))
    return tuple(found.values())


def is_canonical(one: Record, data: bytes) -> bool:
    """Say whether bytes are what pv writes for the record that they hold: nothing more, in no other order."""
    return one.data() == data


def _texts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty, each with its number."""
    number, start = 0, 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        if end > start:
            yield number, data[start:end]
        start = end + 1


def _read(number: int, text: bytes) -> Record:
    """Return the record of one line."""
    if len(text) > MAX_RECORD:
        raise LinesError(number, f"a record must have at most {MAX_RECORD >> 20} MiB")
    try:
        data = canonical.dumps(canonical.loads(text))
    except (canonical.NotCanonical, RecursionError) as error:
        raise LinesError(number, f"not a record: {error}") from None
    one = _sound(number, data)
    if _line(one) != text:
        raise LinesError(number, f"the record {NOT_CANONICAL}")
    return one


def _sound(number: int, data: bytes) -> Record:
    """Return the record of canonical bytes, unless it contradicts itself."""
    try:
        one = record.parse(data)
    except RecordError as error:
        raise LinesError(number, f"not a record: {error}") from None
    if not is_canonical(one, data):
        raise LinesError(number, f"the record {NOT_CANONICAL}")
    for told in record.contradictions(one):
        raise LinesError(number, f"the record {told}")
    return one


def _line(one: Record) -> bytes:
    """Return a record as one line."""
    return json.dumps(one.statement(), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
