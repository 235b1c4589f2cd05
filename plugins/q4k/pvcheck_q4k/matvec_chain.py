"""The evaluator ``q4k-matvec-chain``: both paths through a matrix-vector product of each layer of a model.

Each path's results, divided by their root mean square, are its own next activation, so that what the paths differ by
in one layer goes into the next one. Beside the difference stands what the layer adds on its own, how far its sums
cancel, and how much of a change really arrives.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.plugin import NotMeasured, Skip
from pvcheck_q4k import blocks
from pvcheck_q4k.chain_faults import NOT_NORMALISED
from pvcheck_q4k.chain_links import Link, growth_over, on_trial, start
from pvcheck_q4k.chain_parameters import Span, row_spans
from pvcheck_q4k.chain_products import Asked, Desk
from pvcheck_q4k.chain_results import (
    UNCHAINED,
    Layer,
    Reading,
    Report,
    Seen,
    condition,
    difference,
    measurement,
    spoilt,
)
from pvcheck_q4k.compounding import l2, normalised, quotient, reach
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.parameters import layer_numbers, tensor_name
from pvcheck_q4k.tensor_rows import FIRST, Matrix, Unfit, matrix, opened, refuse_none, repeated

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pvcheck.plugin import Context, Measurement
    from pvcheck_q4k.chain_parameters import MatvecChainParameters
    from pvcheck_q4k.chain_products import Answered
    from pvcheck_q4k.models import ModelFile

    F32s = npt.NDArray[np.float32]


class Found(NamedTuple):
    """What is taken of one layer."""

    number: int
    matrix: Matrix


def measure(parameters: MatvecChainParameters, context: Context) -> Measurement:
    """Measure the chain.

    :raises InputError: if the model file is not a sound GGUF or APR file.
    :raises NotMeasured: if the device has no kernels here, no layer could be measured, the layers do not fit each
        other, or a fault changes nothing.
    """
    return on_trial(partial(_measured, parameters), context)


def _measured(parameters: MatvecChainParameters, context: Context) -> Measurement:
    """Return what is measured, with a fault or without."""
    with Desk("q4k-matvec-chain", context) as desk:
        found, skipped = _find(opened(parameters.model, context), parameters)
        refuse_none(found, skipped)
        if parameters.fit == "refuse":
            _refuse_misfits(found)
        desk.expect([each.matrix for each in found])
        layers = _run(desk, found, Link(start(parameters, found[0].matrix.columns), context.fault))
        report = Report(
            selection=_selection(parameters, len(layers)),
            skipped=skipped,
            beside={"rel_l2": ("condition", "backward_error")},
            growth_over=growth_over(len(layers), context.fault),
        )
        return measurement(layers, report, desk)


def _find(model: ModelFile, parameters: MatvecChainParameters) -> tuple[list[Found], tuple[Skip, ...]]:
    """Return what is taken of each layer that has it, and the layers left out."""
    found: list[Found] = []
    skipped: list[Skip] = []
    for number in layer_numbers(parameters.layers):
        try:
            found.append(Found(number, _matrix(model, tensor_name(parameters.tensor, number), parameters)))
        except Unfit as error:
            skipped.append(Skip(what=f"layer {number}", reason=str(error)))
    return found, tuple(skipped)


def _matrix(model: ModelFile, name: str, parameters: MatvecChainParameters) -> Matrix:
    """Return what is taken of one tensor; the first blocks of one with fewer than 256 rows are those of all rows."""
    if parameters.rows is not None:
        return matrix(model, name, row_spans(parameters.rows))
    whole = matrix(model, name)
    if parameters.cover == "all":
        return whole
    return matrix(model, name, (Span(0, min(whole.rows, FIRST)),), first_block=True)


def _refuse_misfits(found: list[Found]) -> None:
    """Refuse layers whose results are not as many as the next one takes.

    :raises NotMeasured: for the first such pair.
    """
    for before, after in pairwise(found):
        if before.matrix.rows != after.matrix.columns:
            raise NotMeasured(
                f"layer {before.number} gives {before.matrix.rows} numbers and layer {after.number} takes "
                f"{after.matrix.columns}: say fit: repeat, or take rows whose number is that"
            )


def _run(desk: Desk, found: list[Found], link: Link) -> list[Layer]:
    """Run the chain over the layers."""
    goes_on = link.first()
    layers: list[Layer] = []
    for each in found:
        x = Asked(*(repeated(numbers, each.matrix.columns) for numbers in (goes_on.a, goes_on.b, goes_on.a)))
        if goes_on.changed is not None:
            x = x._replace(changed=repeated(goes_on.changed, each.matrix.columns))
        answered = desk.multiply(each.matrix, x)
        a, b, alone = (normalised(product.values) for product in (answered.a, answered.b, answered.alone))
        if link.has(NOT_NORMALISED):
            b, alone = answered.b.values, answered.alone.values
        layers.append(_layer(each, answered, (a, b, alone), is_first=not layers))
        if each is not found[-1]:
            goes_on = link.onward(a, b)
    return layers


def _layer(found: Found, answered: Answered, outputs: tuple[F32s, F32s, F32s], *, is_first: bool) -> Layer:
    """Return what is reported of a layer, from its products and the outputs of path A, B, and B without the chain."""
    a, b, alone = outputs
    y_a, y_b, y_alone = (product.values for product in (answered.a, answered.b, answered.alone))
    size, added = l2(a), l2(answered.magnitudes)
    number = condition(added, answered.totals)
    carry = None
    if not is_first:
        carry = 0.0 if answered.changed is None else reach(answered.changed.values, y_a)
    return Layer(
        number=found.number,
        readings={
            "rel_l2": Reading(quotient(difference(a, b), size), number, quotient(difference(y_a, y_b), added)),
            UNCHAINED: Reading(quotient(difference(a, alone), size), number, quotient(difference(y_a, y_alone), added)),
        },
        carry=carry,
        rows=found.matrix.rows,
        shape=(found.matrix.rows, found.matrix.taken * blocks.BLOCK_WEIGHTS),
        a=Seen(*answered.a[1:]),
        b=Seen(*answered.b[1:]),
        alone=Seen(*answered.alone[1:]),
        spoilt=spoilt(y_a, y_b),
    )


def _selection(parameters: MatvecChainParameters, measured: int) -> str:
    """Return the words that say what was taken."""
    of = {
        "first-blocks": f"the first super-block of rows 0 to {FIRST - 1}",
        "rows": f"rows {parameters.rows}",
        "all": "all rows",
    }[parameters.cover]
    return (
        f"{of} of {escaped(parameters.tensor)}, layers {escaped(str(parameters.layers))}, {measured} of them measured"
    )
