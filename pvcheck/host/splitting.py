"""The works of a worker: an evaluation as a whole, or split, measured in parts, and joined.

A part is measured as an evaluation is, with other parameters. An evaluator that splits is always measured so.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from json import dumps, loads
from typing import TYPE_CHECKING, Final, cast

from pvcheck.host import inside, measuring, registry
from pvcheck.host.works import MAX_PARTS
from pvcheck.plugin import Context, sides, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.plugin import Evaluator, Measurement, Parameters

MAX_TOLD: Final = 4 << 20
"""Bytes of parts, or of answers about parts, in one message."""


def answer(
    request: Mapping[str, JSON], *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> tuple[dict[str, JSON], bool]:
    """Return the answer to a request, and whether the process is fit for another one."""
    kind = request.get("kind", "measure")
    if kind == "measure":
        return measuring.answer(request, progress=progress, cancelled=cancelled)
    if kind == "parts":
        return _parts(request, cancelled)
    return inside.answered(lambda: _stepped(request, cancelled))


def _parts(request: Mapping[str, JSON], cancelled: Callable[[], bool]) -> tuple[dict[str, JSON], bool]:
    """Measure parts until there are no more, until the process is unfit for the next, or until the host has to hear."""
    told: list[dict[str, JSON]] = []
    size, is_fit = 0, True
    for each in request["parts"]:
        one, is_fit = measuring.answer({**request, "parameters": each}, progress=_silent, cancelled=cancelled)
        told.append(one)
        size += len(dumps(one))
        if not is_fit or size > MAX_TOLD or cancelled():
            break
    return {"kind": "parts", "answers": told}, is_fit


def _silent(done: int, total: int) -> None:
    """Report to nobody: it is parts that are counted."""


def _stepped(request: Mapping[str, JSON], cancelled: Callable[[], bool]) -> dict[str, JSON]:
    """Split an evaluation, or join its parts."""
    evaluator = inside.evaluator(request["module"], request["evaluator"])
    parameters = inside.parameters(evaluator, request["parameters"])
    function = inside.implementation(getattr(evaluator, request["kind"]))
    with ExitStack() as stack:
        sources = inside.opened(request, stack)
        context = Context(
            inputs=sources,
            device=request["device"],
            seed=request["seed"],
            threads=request["threads"],
            fault=request["fault"],
            root=request["root"],
            cancelled=cancelled,
        )
        if request["kind"] == "join":
            return _joined(evaluator, function, parameters, context, request)
        began = time.perf_counter()
        parts = parts_of(evaluator, function(parameters, context))
        seconds = time.perf_counter() - began
        reads = {name: inside.read(source, hashed=False) for name, source in sources.items()}
    return {"kind": "split", "parts": parts, "reads": reads, "seconds": seconds}


def parts_of(evaluator: Evaluator, told: object) -> list[JSON]:
    """Return the parts of an evaluation as JSON.

    :raises wire.BadResult: if they are no parameters of the evaluator, or there are none, or too many.
    """
    parts: list[JSON] = []
    size = 0
    for each in cast("Iterable[object]", told):
        if type(each) is not evaluator.parameters:
            needed, got = evaluator.parameters.__name__, type(each).__name__
            raise wire.BadResult(f"its split must give parameters of type {needed}, got {got}")
        text = each.model_dump_json()
        size += len(text)
        if len(parts) == MAX_PARTS or size > MAX_TOLD:
            raise wire.BadResult(
                f"its split gives too much: at most {MAX_PARTS} parts and {MAX_TOLD} bytes are allowed"
            )
        parts.append(loads(text))
    if not parts:
        raise wire.BadResult("its split gives no part")
    return parts


def _joined(
    evaluator: Evaluator,
    function: Callable[..., object],
    parameters: Parameters,
    context: Context,
    request: Mapping[str, JSON],
) -> dict[str, JSON]:
    """Join what the parts measured. What they read of the inputs is read again, for one digest of it all."""
    began = time.perf_counter()
    parts = tuple(wire.from_json(loads(text)) for text in request["measurements"])
    for each in parts:
        wire.check(each, evaluator.metrics)
    measurement = function(parameters, parts, context)
    seconds = time.perf_counter() - began
    json = wire.to_json(measurement, evaluator.metrics)
    sides.refuse_one_sided(cast("Measurement", measurement), evaluator.metrics)
    for name, ranges in request["ranges"].items():
        for offset, size in ranges:
            context.inputs[name].view(offset, size).release()
    reads = {name: inside.read(source, whole=request["hash_inputs"]) for name, source in context.inputs.items()}
    return {"kind": "measured", "measurement": json, "reads": reads, "seconds": seconds}


def in_one(
    evaluator: Evaluator, parameters: Parameters, measure: Callable[[Parameters, Context], object], context: Context
) -> object:
    """Return what an evaluator measures, split and joined in this process where it splits; whatever it raises passes.

    :param measure: measures one set of parameters.
    """
    if not evaluator.split:
        return measure(parameters, context)
    split = cast("Callable[..., object]", registry.load(evaluator.split))
    join = cast("Callable[..., object]", registry.load(evaluator.join))
    parts: Sequence[JSON] = parts_of(evaluator, split(parameters, context))
    model = evaluator.parameters
    measured = tuple(measure(model.model_validate_json(dumps(each)), context) for each in parts)
    return join(parameters, measured, context)
