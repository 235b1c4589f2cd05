"""The evaluator ``q4k-ffn-chain``: both paths through the feed-forward part of each layer, on a residual stream.

A layer takes the stream h, normalises it, multiplies with gate and up, joins the two through silu, multiplies with
down, and adds the result to h. Each path has a stream of its own. silu needs exp: what follows from it has the same
bits on one machine, and no bits are promised on another.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import Skip
from pvcheck_q4k import blocks
from pvcheck_q4k import chain_faults as faults
from pvcheck_q4k.chain_links import Link, growth_over, on_trial, start
from pvcheck_q4k.chain_parameters import Span
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
from pvcheck_q4k.compounding import l2, quotient, reach
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.parameters import layer_numbers, tensor_name
from pvcheck_q4k.tensor_rows import FIRST, Matrix, Unfit, matrix, norm_weights, opened, refuse_none

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from pvcheck.plugin import Context, Measurement
    from pvcheck_q4k.chain_parameters import FfnChainParameters
    from pvcheck_q4k.chain_products import Answered
    from pvcheck_q4k.models import ModelFile
    from pvcheck_q4k.results import Product

    F32s = npt.NDArray[np.float32]

F32 = np.float32
EPSILON: Final = F32(blocks.RMS_EPSILON)
SHOWN: Final = 4  # layers named in a note


class Found(NamedTuple):
    """What is taken of one layer: its matrices, and the norm weights if it has any."""

    number: int
    gate: Matrix
    up: Matrix
    down: Matrix
    norm: F32s | None


def measure(parameters: FfnChainParameters, context: Context) -> Measurement:
    """Measure the chain.

    :raises InputError: if the model file is not a sound GGUF or APR file.
    :raises NotMeasured: if the device has no kernels here, no layer could be measured, or a fault changes nothing.
    """
    return on_trial(partial(_measured, parameters), context)


def _measured(parameters: FfnChainParameters, context: Context) -> Measurement:
    """Return what is measured, with a fault or without."""
    with Desk("q4k-ffn-chain", context) as desk:
        found, skipped = _find(opened(parameters.model, context), parameters)
        refuse_none(found, skipped)
        desk.expect([part for each in found for part in (each.gate, each.up, each.down)])
        layers = _run(desk, found, Link(start(parameters, found[0].gate.columns), context.fault))
        report = Report(
            selection=_selection(parameters, len(layers)),
            skipped=skipped,
            beside={
                "rel_l2": ("condition", "backward_error"),
                "rel_l2_ffn": ("condition_ffn", "backward_error_ffn"),
            },
            growth_over=growth_over(len(layers), context.fault),
            notes=_notes(found),
        )
        return measurement(layers, report, desk)


def silu(gate: F32s) -> F32s:
    """Return gate / (1 + exp(-gate)): computed in float64, where exp is exact to a bit or two, and rounded once."""
    wide = gate.astype(np.float64)
    with np.errstate(all="ignore"):
        small: F32s = (wide / (1.0 + np.exp(-wide))).astype(F32)
    return small


def rms_normalised(h: F32s) -> F32s:
    """Return h / sqrt(mean square + 1e-6): float32, the squares added from left to right."""
    with np.errstate(all="ignore"):
        squares = np.add.accumulate(h * h, dtype=F32)[-1]
        scaled: F32s = h / np.sqrt(squares / F32(h.size) + EPSILON)
    return scaled


def _find(model: ModelFile, parameters: FfnChainParameters) -> tuple[list[Found], tuple[Skip, ...]]:
    """Return what is taken of each layer that has it, and the layers left out."""
    found: list[Found] = []
    skipped: list[Skip] = []
    for number in layer_numbers(parameters.layers):
        try:
            each = _layer_of(model, parameters, number)
            if found and each.gate.columns != found[0].gate.columns:
                raise Unfit(
                    f"takes {each.gate.columns} numbers, where layer {found[0].number} takes {found[0].gate.columns}"
                )
            found.append(each)
        except Unfit as error:
            skipped.append(Skip(what=f"layer {number}", reason=str(error)))
    return found, tuple(skipped)


def _layer_of(model: ModelFile, parameters: FfnChainParameters, number: int) -> Found:
    """Return what is taken of one layer.

    :raises Unfit: if one of its tensors cannot be measured, or if they do not fit each other.
    """
    names = [tensor_name(each, number) for each in (parameters.gate, parameters.up, parameters.down)]
    if parameters.cover == "all":
        parts = [matrix(model, name) for name in names]
    else:
        parts = [matrix(model, name, (Span(0, FIRST),), first_block=True) for name in names]
    gate, up, down = parts
    if (up.rows, up.columns) != (gate.rows, gate.columns) or (down.rows, down.columns) != (gate.columns, gate.rows):
        shapes = ", ".join(f"{each.rows} x {each.columns}" for each in parts)
        raise Unfit(f"has gate, up and down of {shapes}, which do not fit each other")
    name = None if parameters.norm is None else tensor_name(parameters.norm, number)
    return Found(number, gate, up, down, None if name is None else norm_weights(model, name, gate.columns))


def _run(desk: Desk, found: list[Found], link: Link) -> list[Layer]:
    """Run the chain over the layers."""
    goes_on = link.first()
    layers: list[Layer] = []
    for each in found:
        h = Asked(goes_on.a, goes_on.b, goes_on.a, goes_on.changed)
        x = _ways(partial(_input, each.norm), partial(_input_b, each.norm, link), h)
        gate, up = (desk.multiply(part, x, sums=False) for part in (each.gate, each.up))
        z = _ways(_gated, partial(_gated_b, link), _values(gate), _values(up))
        down = desk.multiply(each.down, z)
        after = _ways(_added, partial(_added_b, link), h, _values(down))
        layers.append(_layer(each, h, (gate, up, down), after, is_first=not layers))
        if each is not found[-1]:
            goes_on = link.onward(after.a, after.b)
    return layers


def _ways(right: Callable[..., F32s], on_b: Callable[..., F32s], *given: Asked) -> Asked:
    """Return what a step makes of each way through the layer: path B's ways have a step of their own, on trial."""
    a, b, alone, changed = zip(*given, strict=True)
    return Asked(right(*a), on_b(*b), on_b(*alone), None if any(each is None for each in changed) else right(*changed))


def _values(answered: Answered) -> Asked:
    """Return the results of a product for each way."""
    changed = None if answered.changed is None else answered.changed.values
    return Asked(answered.a.values, answered.b.values, answered.alone.values, changed)


def _input(norm: F32s | None, h: F32s) -> F32s:
    """Return what gate and up are multiplied with."""
    return _weighed(rms_normalised(h), norm)


def _input_b(norm: F32s | None, link: Link, h: F32s) -> F32s:
    right = _input(norm, h)
    if link.has(faults.NOT_NORMALISED):
        return _weighed(h, norm)
    if link.has(faults.NO_NORM_WEIGHTS):
        return rms_normalised(h)
    return right


def _weighed(x: F32s, norm: F32s | None) -> F32s:
    """Return numbers times the norm weights, if there are any."""
    if norm is None:
        return x
    with np.errstate(all="ignore"):
        weighed: F32s = x * norm
    return weighed


def _gated(gate: F32s, up: F32s) -> F32s:
    """Return what down is multiplied with: silu(gate) * up."""
    with np.errstate(all="ignore"):
        z: F32s = silu(gate) * up
    return z


def _gated_b(link: Link, gate: F32s, up: F32s) -> F32s:
    right = _gated(gate, up)
    if link.has(faults.EXCHANGED_GATE):
        return _gated(up, gate)
    if link.has(faults.RELU):
        with np.errstate(all="ignore"):
            return np.maximum(gate, F32(0)) * up
    return right


def _added(h: F32s, down: F32s) -> F32s:
    """Return the stream after the layer."""
    with np.errstate(all="ignore"):
        after: F32s = h + down
    return after


def _added_b(link: Link, h: F32s, down: F32s) -> F32s:
    right = _added(h, down)
    return down if link.has(faults.NO_RESIDUAL) else right


def _layer(
    found: Found, before: Asked, products: tuple[Answered, Answered, Answered], after: Asked, *, is_first: bool
) -> Layer:
    """Return what is reported of a layer, from the streams before and after it and the products between them."""
    down = products[-1]
    stream = before.a.astype(np.float64)
    with np.errstate(all="ignore"):
        added, added_ffn = l2(abs(stream) + down.magnitudes), l2(down.magnitudes)
        number = condition(added, stream + down.totals)
    parted, parted_ffn = difference(after.a, after.b), difference(down.a.values, down.b.values)
    parted_alone, size = difference(after.a, after.alone), l2(after.a)
    carry = None
    if not is_first:
        carry = 0.0 if after.changed is None else reach(after.changed, after.a)
    parts = (found.gate, found.up, found.down)
    return Layer(
        number=found.number,
        readings={
            "rel_l2": Reading(quotient(parted, size), number, quotient(parted, added)),
            "rel_l2_ffn": Reading(
                quotient(parted_ffn, l2(down.a.values)),
                condition(added_ffn, down.totals),
                quotient(parted_ffn, added_ffn),
            ),
            UNCHAINED: Reading(quotient(parted_alone, size), number, quotient(parted_alone, added)),
        },
        carry=carry,
        rows=sum(part.rows for part in parts),
        shape=(sum(part.rows * part.taken * blocks.BLOCK_WEIGHTS for part in parts),),
        a=_seen([product.a for product in products]),
        b=_seen([product.b for product in products]),
        alone=_seen([product.alone for product in products]),
        spoilt=spoilt(after.a, after.b),
    )


def _seen(products: Sequence[Product]) -> Seen:
    """Return what a path saw in the three products of a layer."""
    return Seen(sum(each.seen for each in products), sum(each.non_finite for each in products))


def _notes(found: list[Found]) -> tuple[str, ...]:
    """Return the words about layers whose norm weights are not there."""
    without = [f"{each.number}" for each in found if each.norm is None]
    if not without:
        return ()
    which = "every layer" if len(without) == len(found) else f"layer {', '.join(without[:SHOWN])}"
    more = f" and {len(without) - SHOWN} more" if which != "every layer" and len(without) > SHOWN else ""
    return (f"normalised without norm weights, as there are none in F32: {which}{more}",)


def _selection(parameters: FfnChainParameters, measured: int) -> str:
    """Return the words that say what was taken."""
    of = "all rows" if parameters.cover == "all" else f"the first super-block of rows 0 to {FIRST - 1}"
    names = ", ".join(map(escaped, (parameters.gate, parameters.up, parameters.down)))
    return f"{of} of {names}, layers {escaped(str(parameters.layers))}, {measured} of them measured"
