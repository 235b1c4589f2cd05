"""Requests and answers as plain values, as they cross to a worker or another machine, checked on the way back."""

from __future__ import annotations

import math
from dataclasses import replace
from json import dumps
from typing import TYPE_CHECKING, Final

from pvcheck.errors import escaped
from pvcheck.host import codes, devices, frames
from pvcheck.host.exchange import Failed, Measured, Read, TimedOut, Unmeasured
from pvcheck.plugin import MetricSpec, MetricType, sides, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.host.exchange import Reply, Request

MAX_REASON: Final = 600
MAX_PARTS: Final = 100_000
MAX_JOINED: Final = 64 << 20
"""Bytes of what all parts of an evaluation measured."""
BATCH: Final = 1 << 20
"""Bytes of measurements in one message, as text: with every character escaped it is a message still."""
HASHED: Final = frozenset({"measure", "join"})
"""The kinds of work whose answers tell digests of what they read."""
WHERE: Final = ("host", "processor")
"""What an answer of another machine tells of it."""
UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading JSON of another form than ours raises."""


class Refused(Exception):  # noqa: N818 - it is the reason a reader sees
    """An answer is not to be believed; ``code`` says in which way."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def work_of(request: Request, kind: str = "measure") -> dict[str, JSON]:
    """Return what a worker is told: plain values, fit for any machine."""
    offered = request.offered
    return {
        "kind": kind,
        "plugin": offered.plugin,
        "distribution": offered.distribution,
        "version": offered.version,
        "module": offered.module,
        "evaluator": offered.evaluator.name,
        "metrics": [[each.name, str(each.type), each.series, each.compares] for each in offered.evaluator.metrics],
        "parameters": dict(request.parameters),
        "inputs": dict(request.inputs),
        "formats": dict(request.formats),
        "digests": dict(request.digests),
        "device": request.device,
        "seed": request.seed,
        "threads": request.threads,
        "fault": request.fault,
        "root": request.root,
        "hash_inputs": request.hash_inputs,
    }


def refusal(request: Request) -> Reply | None:
    """Return the reply to a request that no worker need be asked, or None."""
    evaluator = request.offered.evaluator
    if why := devices.refusal(evaluator, request.device):
        return Unmeasured(escaped(why, MAX_REASON))
    if request.fault is not None and request.fault not in {each.name for each in evaluator.all_faults}:
        reason = f"declares no fault named {request.fault}"
        return Failed(str(error(work_of(request), codes.FAULT, reason)["reason"]), codes.FAULT)
    return None


def messages(work: Mapping[str, JSON], nonce: str) -> bytes:
    """Return the bytes that tell a worker what to do. Many measurements follow in messages of their own.

    :raises BadFrame: if it is too large.
    """
    texts = work.get("measurements")
    if texts is None:
        return frames.packed({**work, "nonce": nonce})
    batches = [*_batches(texts)]
    head = {key: value for key, value in work.items() if key != "measurements"}
    return b"".join([frames.packed({**head, "nonce": nonce, "batches": len(batches)}), *map(frames.packed, batches)])


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts, a few at a time."""
    batch: list[str] = []
    size = 0
    for each in texts:
        if batch and size + len(each) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += len(each)
    yield batch


def error(work: Mapping[str, JSON], code: str, reason: str) -> dict[str, JSON]:
    """Return the answer that something failed, with the name of who is at fault."""
    who = f"{work['evaluator']} (plugin {work['plugin']} of {work['distribution']} {work['version']})"
    return {"kind": "error", "code": code, "reason": escaped(f"{who}: {reason}", MAX_REASON)}


def checked(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return the answer of a worker, each part of it checked again: its own checks ran beside foreign code.

    :raises Refused: if it is not to be believed.
    :raises ValueError: or another of ``UNREADABLE``, if it is no answer to such a work.
    """
    if answer["kind"] in {"not_measured", "error"}:
        return _without(work, answer)
    if work["kind"] == "parts":
        several = answer["answers"]
        if answer["kind"] != "parts" or not 0 < len(several) <= len(work["parts"]):
            raise ValueError(answer["kind"])
        return {"kind": "parts", "answers": [_one(work, each) for each in several]}
    if answer["kind"] != ("split" if work["kind"] == "split" else "measured"):
        raise ValueError(answer["kind"])
    return _split(work, answer) if work["kind"] == "split" else _measured(work, answer)


def _one(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return the answer about one part."""
    return _measured(work, answer) if answer["kind"] == "measured" else _without(work, answer)


def _without(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return an answer without numbers."""
    if answer["kind"] == "not_measured":
        return {"kind": "not_measured", "reason": escaped(str(answer["reason"]), MAX_REASON)}
    if answer["kind"] != "error":
        raise ValueError(answer["kind"])
    return error(work, str(answer["code"]), str(answer["reason"]))


def _split(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return the parts of a work."""
    parts = answer["parts"]
    if type(parts) is not list or not 0 < len(parts) <= MAX_PARTS or not all(type(each) is dict for each in parts):
        raise ValueError("parts")
    return {"kind": "split", "parts": parts, "reads": _reads(work, answer), "seconds": seconds_of(answer)}


def _measured(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return a measurement of declared metrics."""
    specs = [
        MetricSpec(name, MetricType(kind), "-", series=series, compares=compares)
        for name, kind, series, compares in work["metrics"]
    ]
    try:
        measurement = wire.from_json(answer["measurement"])
        wire.check(measurement, specs)
        sides.refuse_one_sided(measurement, specs)
    except sides.OneSided as one:
        raise Refused(codes.ONE_SIDED, str(one)) from None
    except wire.BadResult as bad:
        raise Refused(codes.BAD_RESULT, str(bad)) from None
    return {
        "kind": "measured",
        "measurement": answer["measurement"],
        "reads": _reads(work, answer),
        "seconds": seconds_of(answer),
        "where": {key: escaped(answer["where"][key], 100) for key in WHERE} if answer.get("where") else {},
    }


def _reads(work: Mapping[str, JSON], answer: JSON) -> dict[str, JSON]:
    """Return what was read of the inputs."""
    read = read_of if work["kind"] in HASHED else part_of
    return {name: _read_json(read(answer["reads"][name])) for name in work["inputs"]}


def _read_json(read: Read) -> dict[str, JSON]:
    """Return what was read of an input as JSON."""
    told: dict[str, JSON] = {"size": read.size, "ranges": [*map(list, read.ranges)]}
    digests = {"read_sha256": read.read_sha256, "sha256": read.sha256}
    return {**told, **{name: each for name, each in digests.items() if each}}


def read_of(told: Mapping[str, JSON]) -> Read:
    """Return what a worker read of one input."""
    whole = told.get("sha256")
    return replace(
        part_of(told),
        read_sha256=_digest(told["read_sha256"]),
        sha256=None if whole is None else _digest(whole),
    )


def part_of(told: Mapping[str, JSON]) -> Read:
    """Return what a part of an evaluation read of one input: it has no digests."""
    ranges = tuple((int(offset), int(size)) for offset, size in told["ranges"])
    return Read(int(told["size"]), ranges, "")


def seconds_of(answer: Mapping[str, JSON]) -> float:
    """Return the time that an answer says it took.

    :raises ValueError: if it is none.
    """
    seconds = float(answer["seconds"])
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} seconds are no time")
    return seconds


def _digest(value: JSON) -> str:
    """Return a SHA-256 as hex."""
    if len(value) != 64 or len(bytes.fromhex(value)) != 32:
        raise ValueError("a digest has 32 bytes")
    return str(value)


def reply_of(work: Mapping[str, JSON], answer: Mapping[str, JSON]) -> Reply:
    """Return the reply that the answer of an executor stands for: it is checked like that of a worker."""
    try:
        if answer["kind"] == "timeout":
            return TimedOut(seconds_of(answer))
        if answer["kind"] == "error":
            return Failed(escaped(str(answer["reason"]), MAX_REASON), str(answer["code"]))
        found = checked(work, answer)
        if found["kind"] == "not_measured":
            missing = answer.get("missing")  # an executor says so: a worker, where the evaluator runs, is not believed
            return Unmeasured(found["reason"], str(missing) if missing in work["inputs"] else "")
        reads = {name: read_of(each) for name, each in found["reads"].items()}
        return Measured(wire.from_json(found["measurement"]), reads, found["seconds"], where=found["where"])
    except Refused as refused:
        told = error(work, refused.code, str(refused))
    except UNREADABLE as unread:
        told = error(work, codes.GARBLED, f"the executor's answer cannot be read: {unread!r:.80}")
    return Failed(str(told["reason"]), str(told["code"]))


def text_of(measurement: JSON) -> str:
    """Return a measurement as text, which takes a tenth of the memory."""
    return dumps(measurement, ensure_ascii=False, separators=(",", ":"))
