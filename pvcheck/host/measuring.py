"""One evaluation, inside a worker: load the evaluator, open its inputs, call it, check what it returns."""

from __future__ import annotations

import inspect
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, cast

from pvcheck.host import codes, inside, registry
from pvcheck.plugin import Context, NotMeasured, sides, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.plugin import Evaluator, Measurement, Parameters


def answer(
    request: Mapping[str, JSON], *, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> tuple[dict[str, JSON], bool]:
    """Return the answer to a request, and whether the process is fit for another one."""
    return inside.answered(lambda: _measured(request, progress, cancelled))


def _measured(
    request: Mapping[str, JSON], progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> dict[str, JSON]:
    """Make the evaluation."""
    is_part = request.get("kind") == "parts"
    evaluator = inside.evaluator(request["module"], request["evaluator"])
    parameters = inside.parameters(evaluator, request["parameters"])
    measure = inside.implementation(evaluator.implementation)
    with ExitStack() as stack:
        sources = inside.opened(request, stack, hashes_ahead=not is_part)
        context = Context(
            inputs=sources,
            device=request["device"],
            seed=request["seed"],
            threads=request["threads"],
            fault=request["fault"],
            root=request["root"],
            progress=progress,
            cancelled=cancelled,
        )
        _refuse_signature(measure, parameters, context)
        began = time.perf_counter()
        measurement = measure(parameters, context)
        seconds = time.perf_counter() - began
        json = believed(measurement, evaluator, context)
        whole = request["hash_inputs"] and not is_part
        reads = {name: inside.read(source, whole=whole, hashed=not is_part) for name, source in sources.items()}
    return {"kind": "measured", "measurement": json, "reads": reads, "seconds": seconds}


def believed(measurement: object, evaluator: Evaluator, context: Context) -> dict[str, JSON]:
    """Return what an evaluator made, as JSON, if it may be believed.

    :raises NotMeasured: if a generic fault was asked for and is in no array: nobody must take that for a fault that
        changes nothing.
    :raises wire.BadResult: if it is no measurement of the declared metrics, or compares and tells no populations.
    """
    if (missing := context.door.missing()) is not None:
        raise NotMeasured(missing)
    json = wire.to_json(measurement, evaluator.metrics)
    sides.refuse_one_sided(cast("Measurement", measurement), evaluator.metrics)
    return json


def _refuse_signature(measure: Callable[..., object], parameters: Parameters, context: Context) -> None:
    """Refuse a function that cannot take a parameters object and a context."""
    try:
        inspect.signature(measure).bind(parameters, context)
    except TypeError as error:
        reason = f"its implementation cannot be called with parameters and a context: {registry.text_of(error)}"
        raise inside.Refused(codes.NO_IMPLEMENTATION, reason) from None
    except ValueError:
        return  # a function in C has no signature to look at
