"""Targets that read what plugins say: the answers of workers and executors, and the frames that they come in."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from math import inf
from typing import Any

from fuzz.of_records import falsifier
from fuzz.saying import plain

from pvcheck import guards
from pvcheck.domain.metric import MetricSpec, MetricType
from pvcheck.evidence.record import Metric
from pvcheck.host import codes, frames, works
from pvcheck.host.discovery import OfferedEvaluator
from pvcheck.host.evaluating import Evaluation, Pace
from pvcheck.host.exchange import Failed, Measured, Request, Unmeasured
from pvcheck.plugin import Evaluator, Parameters, wire

SPECS = (
    MetricSpec("growth", MetricType.F64, "last over first"),
    MetricSpec("count", MetricType.INT, "how many"),
    MetricSpec("steps", MetricType.F32, "one a layer", series=True),
    MetricSpec("same", MetricType.BOOL, "whether the two sides agree"),
)


@cache
def request(*, splits: bool) -> Request:
    """Return the request that answers are about."""
    heavy = {"split": "heavy:split", "join": "heavy:join"} if splits else {}
    evaluator = Evaluator(
        name="probe",
        version="1",
        doc="Probes.",
        parameters=Parameters,
        metrics=SPECS,
        implementation="heavy:m",
        **heavy,
    )
    offered = OfferedEvaluator(evaluator, "probe", "probe-dist", "1.0", "probe_light")
    return Request(offered=offered, parameters={}, inputs={"model": "/model"})


def answers(data: bytes) -> bool:
    """Take an answer as the host does, and one a line for an evaluation in parts."""
    try:
        lines = [frames.unpacked(each) for each in data.removesuffix(b"\n").split(b"\n")[:8]]
    except frames.BadFrame as error:
        plain(str(error))
        return False
    understood = _whole(lines[0])
    for kind in ("measure", "split", "join"):
        _checked({**works.work_of(request(splits=True), kind)}, lines[0])
    _checked({**works.work_of(request(splits=True), "parts"), "parts": [{}, {}]}, lines[0])
    _in_parts(lines)
    return understood


def _whole(told: Any) -> bool:
    """Take the answer to a whole evaluation, and judge what it measured."""
    reply = works.reply_of(works.work_of(request(splits=False)), told)
    if isinstance(reply, Failed | Unmeasured):
        plain(reply.reason)
    if not isinstance(reply, Measured):
        return not isinstance(reply, Failed) or reply.code not in {codes.GARBLED, codes.BAD_RESULT}
    json_of = wire.to_json(reply.measurement, SPECS)
    assert json.dumps(wire.to_json(wire.from_json(json_of), SPECS)) == json.dumps(json_of)
    types = {each.name: each.type for each in SPECS}
    metrics = {name: Metric(types[name], value) for name, value in reply.measurement.metrics.items()}
    for each in guards.judge(reply.measurement, metrics, falsifier()).guarded:
        plain(each.message)
    return True


def _checked(work: dict[str, Any], told: Any) -> None:
    """Check an answer as it comes from a worker."""
    try:
        found = works.checked(work, told)
    except works.Refused as refusal:
        plain(refusal.code)
    except works.UNREADABLE:
        return
    else:
        assert frames.packed(found)
        assert 0 <= found.get("seconds", 0) < inf


def _in_parts(lines: list[Any]) -> None:
    """Let an evaluation in parts take answers in turn, until it ends or wants none."""
    evaluation = Evaluation(replace(request(splits=True)), 10.0, 1)
    for told in lines:
        work = evaluation.next(Pace(0.001, 2))
        if work is None:
            break
        assert frames.packed(work[0])
        evaluation.take(work[1], told)
    if evaluation.finished is not None and isinstance(evaluation.finished.reply, Failed):
        plain(evaluation.finished.reply.reason)


def messages(data: bytes) -> bool:
    """Read a frame: its head, its body, and how far it says an evaluation is."""
    try:
        size = frames.size(data)
    except frames.BadFrame as error:
        plain(str(error))
        return False
    assert 0 <= size <= frames.MAX_FRAME
    body = data[frames.HEAD :]
    counts = frames.counts(body)
    assert counts is None or 0 <= counts[0] <= counts[1] <= frames.MAX_COUNT
    assert not frames.is_progress(body) or len(body) < 1000
    try:
        told = frames.unpacked(body)
    except frames.BadFrame:
        return False
    return frames.unpacked(frames.packed(told)[frames.HEAD :]) == told or "NaN" in str(body)
