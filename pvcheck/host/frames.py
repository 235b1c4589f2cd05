"""Messages between the host and a worker: JSON behind its length in four bytes.

A worker gives one answer to a request. Before it, and never after, it may tell how far it is: small messages of
one kind, which the host reads along and does not take for the answer.
"""

from __future__ import annotations

from json import dumps, loads
from typing import TYPE_CHECKING, Final

from pvcheck.domain.canonical import is_deep

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON

HEAD: Final = 4
MAX_FRAME: Final = 8 << 20
"""Bytes of one message: a measurement of 1 MiB, and the ranges of the inputs."""
MAX_COUNT: Final = 10**18
_PROGRESS: Final = b'{"kind": "progress", '
_MAX_PROGRESS: Final = 128


class BadFrame(ValueError):  # noqa: N818 - a property of the bytes, named as one
    """Bytes are no message; the text says why."""


def packed(message: JSON) -> bytes:
    """Return a message as bytes.

    :raises BadFrame: if it is too large.
    """
    body = dumps(message).encode()
    if len(body) > MAX_FRAME:
        raise BadFrame(f"a message of {len(body)} bytes, at most {MAX_FRAME} are allowed")
    return len(body).to_bytes(HEAD, "little") + body


def progress(done: int, total: int) -> bytes:
    """Return a message that tells how far an evaluation is."""
    return packed({"kind": "progress", "done": done, "total": total})


def is_progress(body: bytes | bytearray) -> bool:
    """Say whether a body tells progress, however badly; such a one is never an answer."""
    return len(body) <= _MAX_PROGRESS and body.startswith(_PROGRESS)


def counts(body: bytes | bytearray) -> tuple[int, int] | None:
    """Return how much is done of how much, or None where a body tells nonsense."""
    try:
        message = unpacked(body)
        done, total = message["done"], message["total"]
    except (BadFrame, LookupError, TypeError):
        return None
    return (done, total) if type(done) is type(total) is int and 0 <= done <= total <= MAX_COUNT else None


def size(head: bytes | bytearray) -> int:
    """Return how many bytes follow a head.

    :raises BadFrame: if they are more than a message may have.
    """
    length = int.from_bytes(head[:HEAD], "little")
    if length > MAX_FRAME:
        raise BadFrame(f"a message claims {length} bytes, at most {MAX_FRAME} are allowed")
    return length


def unpacked(body: bytes | bytearray) -> JSON:
    """Return the message in a body.

    :raises BadFrame: if it is not JSON, or too deep for those who look at it.
    """
    try:
        told = loads(body)
    except (ValueError, RecursionError):
        raise BadFrame("a message is not JSON") from None
    if is_deep(told):
        raise BadFrame("a message is nested too deep")
    return told
