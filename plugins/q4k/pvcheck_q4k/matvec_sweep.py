"""The evaluator ``q4k-matvec-sweep``: both paths through a matrix-vector product of each layer, in parts.

A part is a sweep of its own, over one layer and a run of its rows, and reports what a sweep reports. The join adds the
sums of squares of the parts in their order, so that which part was measured first, and where, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.plugin import NotMeasured, Skip
from pvcheck_q4k import blocks, faulty
from pvcheck_q4k.chain_links import start
from pvcheck_q4k.chain_parameters import ROW_MAX, row_spans
from pvcheck_q4k.chain_products import FAULTY, Asked, Desk
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.parameters import layer_numbers, tensor_name
from pvcheck_q4k.sweep_catalogue import LOST_PART, PART_TWICE
from pvcheck_q4k.sweep_parameters import runs, text_of
from pvcheck_q4k.sweep_results import Backend, Report, added, measurement, read_back, swept
from pvcheck_q4k.tensor_rows import Matrix, Unfit, matrix, opened, refuse_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.plugin import Context, Measurement
    from pvcheck_q4k.models import ModelFile
    from pvcheck_q4k.sweep_parameters import MatvecSweepParameters
    from pvcheck_q4k.sweep_results import Swept

PARTS_MAX: Final = 100_000


class Found(NamedTuple):
    """What is taken of one layer."""

    number: int
    matrix: Matrix


def split(parameters: MatvecSweepParameters, context: Context) -> Iterator[MatvecSweepParameters]:
    """Return the parts: of each layer in turn, runs of its rows.

    :raises InputError: if the model file is not a sound GGUF or APR file.
    :raises NotMeasured: if no layer could be measured, or the parts are too many.
    """
    found, skipped = _find(opened(parameters.model, context), parameters)
    refuse_none(found, skipped)
    count = sum(-(-each.matrix.rows // parameters.part_rows) for each in found)
    if count > PARTS_MAX:
        raise NotMeasured(
            f"parts of {parameters.part_rows} rows would be {count}, more than {PARTS_MAX}: say a larger part_rows"
        )
    return (
        parameters.model_copy(update={"layers": each.number, "rows": text_of(spans)})
        for each in found
        for spans in runs(each.matrix.spans, parameters.part_rows)
    )


def measure(parameters: MatvecSweepParameters, context: Context) -> Measurement:
    """Measure one part, or a sweep as if each of its layers were one.

    A part in which a fault of path B changes nothing says so in a note, as it may change others: the join decides.

    :raises InputError: if the model file is not a sound GGUF or APR file.
    :raises NotMeasured: if the device has no kernels here or no layer could be measured.
    """
    found = _measured(parameters, context)
    if context.fault in faulty.PATH_B:
        right = _measured(parameters, replace(context, fault=None))
        if repr(found.metrics) == repr(right.metrics):  # as text, in which a NaN is equal to itself
            return replace(found, notes=(f"not planted: {context.fault} changes no metric here",))
    return found


def join(parameters: MatvecSweepParameters, parts: tuple[Measurement, ...], context: Context) -> Measurement:
    """Return what the parts come to together.

    :raises NotMeasured: if a fault changes nothing in any part, or has no place here.
    """
    found, skipped = _find(opened(parameters.model, context), parameters)
    notes = {each.notes for each in parts}
    if len(notes) == 1 and parts[0].notes:
        raise NotMeasured(*parts[0].notes)
    numbers = [each.number for each in found for _ in runs(each.matrix.spans, parameters.part_rows)]
    layers: dict[int, list[Swept]] = {}
    for number, part in _as_joined([*zip(numbers, parts, strict=True)], context.fault):
        layers.setdefault(number, []).append(read_back(number, part))
    return measurement(
        [added(each) for each in layers.values()],
        Report(_selection(parameters, len(layers)), skipped),
        Backend.of(parts),
    )


def _as_joined(parts: list[tuple[int, Measurement]], fault: str | None) -> list[tuple[int, Measurement]]:
    """Return the parts that are joined: each once, in their order, or with a fault.

    :raises NotMeasured: if the one part there is would be left out.
    """
    if fault == PART_TWICE:
        return [parts[0], *parts]
    if fault == LOST_PART:
        if len(parts) == 1:
            raise NotMeasured(f"not planted: {fault} would leave nothing of one part")
        return parts[:-1]
    return parts


def _measured(parameters: MatvecSweepParameters, context: Context) -> Measurement:
    """Return what is measured, with a fault or without."""
    found, skipped = _find(opened(parameters.model, context), parameters)
    refuse_none(found, skipped)
    if context.fault in faulty.PATH_B and all(each.matrix.kind != FAULTY for each in found):
        context = replace(context, fault=None)  # it has no place here, and may have one in other parts
    with Desk("q4k-matvec-sweep", context) as desk:
        desk.expect([each.matrix for each in found])
        layers = [_layer(desk, each, parameters) for each in found]
        return measurement(
            layers, Report(_selection(parameters, len(layers)), skipped), Backend(desk.backend, desk.libraries)
        )


def _find(model: ModelFile, parameters: MatvecSweepParameters) -> tuple[list[Found], tuple[Skip, ...]]:
    """Return what is taken of each layer that has it, and the layers left out."""
    found: list[Found] = []
    skipped: list[Skip] = []
    spans = None if parameters.rows is None else row_spans(parameters.rows)
    for number in layer_numbers(parameters.layers):
        name = tensor_name(parameters.tensor, number)
        try:
            taken = matrix(model, name, spans)
            if taken.spans[-1].stop > ROW_MAX + 1:
                raise Unfit(f"has over {ROW_MAX + 1} rows: say which")
        except Unfit as error:
            skipped.append(Skip(what=f"layer {number}", reason=str(error)))
        else:
            found.append(Found(number, taken))
    return found, tuple(skipped)


def _layer(desk: Desk, found: Found, parameters: MatvecSweepParameters) -> Swept:
    """Measure the rows of one layer."""
    x = start(parameters, found.matrix.columns)
    answered = desk.multiply(found.matrix, Asked(x, x, x))
    return swept(found.number, found.matrix.taken * blocks.BLOCK_WEIGHTS, answered)


def _selection(parameters: MatvecSweepParameters, measured: int) -> str:
    """Return the words that say what was taken."""
    of = "all rows" if parameters.rows is None else f"rows {parameters.rows}"
    return (
        f"{of} of {escaped(parameters.tensor)}, layers {escaped(str(parameters.layers))}, {measured} of them measured"
    )
