"""The evaluator ``q4k-chain``: two ways to compute one dot product, layer after layer of a model.

For each layer it takes the first super-block of a tensor, computes path A (decode, then add) and path B (integer sums
on a quantised activation), and feeds each path's result into its own next activation. What makes the numbers hard to
believe stands beside them: how far each sum cancels, what the layer gives without the chain, and how much the chain
carries from one layer to the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import ChainLink, Comparison, Condition, InputError, Measurement, NotMeasured, Population, Skip
from pvcheck_q4k import blocks
from pvcheck_q4k import fault_catalogue as faults
from pvcheck_q4k.faulty import Trial
from pvcheck_q4k.gguf_cursor import escaped
from pvcheck_q4k.kernels import kernels_of
from pvcheck_q4k.models import open_model
from pvcheck_q4k.parameters import layer_numbers, tensor_name
from pvcheck_q4k.statistics import Summary, summarise

if TYPE_CHECKING:
    import numpy.typing as npt

    from pvcheck.plugin import Context
    from pvcheck_q4k.kernels import Kernels
    from pvcheck_q4k.models import ModelFile
    from pvcheck_q4k.parameters import ChainParameters
    from pvcheck_q4k.results import Step

    F32s = npt.NDArray[np.float32]
    U8 = npt.NDArray[np.uint8]

F32 = np.float32
TYPE: Final = "Q4_K"
FLOOR: Final = F32(1e-9)
FEEDBACK: Final = F32(0.001)
NUDGE: Final = F32(2.0**-10)  # the relative change of a result whose reach is the carry; small, and exact in binary
SHOWN: Final = 3  # skips named in a reason


class Found(NamedTuple):
    """The super-block of one layer, shape (1, 144), and what a reader of wrong blocks would find in its place."""

    number: int
    raw: U8
    neighbour: U8 | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """One measured layer: its number, the step of the chain, and rel_diff with and without the chain.

    ``response`` is the relative change of path A's sum for a change of the result before, over that; None at first.
    """

    number: int
    step: Step
    rel_diff: float
    rel_diff_unchained: float
    condition_unchained: float
    backward_error_unchained: float
    response: float | None


def measure(parameters: ChainParameters, context: Context) -> Measurement:
    """Measure the chain.

    :raises InputError: if the model file is not a sound GGUF or APR file.
    :raises NotMeasured: if the device has no kernels here, or no layer could be measured.
    """
    kernels = kernels_of("q4k-chain", context)
    try:
        source = context.inputs[parameters.model]
    except KeyError:
        raise InputError(f"there is no input named '{escaped(parameters.model)}'") from None
    found, skipped = _find(open_model(source), parameters, with_neighbours=context.fault == faults.WRONG_BLOCK)
    if not found:
        reasons = "; ".join(f"{skip.what} {skip.reason}" for skip in skipped[:SHOWN])
        more = f"; and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
        raise NotMeasured(f"no layer could be measured: {reasons}{more}")
    layers = _run(kernels, found, context)
    summary = _summary(layers, context)
    carries = [layer.response for layer in layers if layer.response is not None]
    return Measurement(
        metrics=_metrics(layers, summary, carries, len(skipped)),
        backend=kernels.NAME,
        labels=tuple(f"layer {layer.number}" for layer in layers),
        comparisons=(_comparison(layers, summary, parameters),),
        conditions=_conditions(layers, summary),
        links=tuple(
            ChainLink(position=position, label=f"layer {before.number} to layer {after.number}", carry=value)
            for position, (before, after, value) in enumerate(zip(layers, layers[1:], carries, strict=False))
        ),
        ratios=summary.ratios,
        skipped=skipped,
        libraries=dict(kernels.LIBRARIES),
    )


def activation(token: int = 0) -> F32s:
    """Return the activation ``act(token)``, 256 numbers: (i - 128) * 0.05 + ((i % 7) + token) * 0.01 in float32."""
    i = np.arange(blocks.BLOCK_WEIGHTS)
    return (i - 128).astype(F32) * F32(0.05) + (i % 7 + token).astype(F32) * F32(0.01)


def factor(y: np.float32) -> np.float32:
    """Return what "scalar-scale" propagation multiplies the activation by: 1 + (y / max(|y|, 1)) * 0.001."""
    with np.errstate(invalid="ignore"):  # infinity over infinity: NaN goes on, and is counted
        return F32(F32(1) + (y / np.maximum(abs(y), F32(1))) * FEEDBACK)


def relative(a: np.float32, b: np.float32) -> float:
    """Return |a - b| / max(|a|, 1e-9), in float32."""
    with np.errstate(invalid="ignore", over="ignore"):
        return float(abs(a - b) / np.maximum(abs(a), FLOOR))


def response(before: Step, after: Step) -> float:
    """Return the relative change of path A's sum over the relative change of the result that its input came from.

    The sums are those in float64: the rounding of a float32 sum that cancels would look like something carried.
    """
    if after.total == before.total:
        return 0.0
    change = abs(after.total - before.total)
    return change / abs(before.total) / float(NUDGE) if before.total else math.inf


def conditioning(step: Step) -> tuple[float, float]:
    """Return the condition number sum|x w| / |sum x w| and the backward error |a - b| / sum|x w|."""
    difference = abs(float(step.a) - float(step.b))
    if step.magnitude == 0:  # every product is 0: nothing cancels
        return 1.0, 0.0 if difference == 0 else math.inf
    number = step.magnitude / abs(step.total) if step.total != 0 else math.inf
    return number, difference / step.magnitude


def _find(
    file: ModelFile, parameters: ChainParameters, *, with_neighbours: bool
) -> tuple[list[Found], tuple[Skip, ...]]:
    """Return the first super-block of each layer that has one, and the layers left out.

    :raises NotMeasured: if the super-blocks after them are asked for, and a tensor has none.
    """
    found: list[Found] = []
    skipped: list[Skip] = []
    for number in layer_numbers(parameters.layers):
        name = tensor_name(parameters.tensor, number)
        tensor = file.tensors.get(name)
        if tensor is None:
            reason = f"has no tensor '{escaped(name)}'"
        elif tensor.type.name != TYPE:
            reason = f"has tensor '{escaped(name)}' in {tensor.type.name}, not {TYPE}"
        elif with_neighbours and tensor.size < 2 * blocks.BLOCK_BYTES:
            raise NotMeasured(f"not planted: tensor '{escaped(name)}' has one super-block")
        else:
            found.append(Found(number, _block(file, name, 0), _block(file, name, 1) if with_neighbours else None))
            continue
        skipped.append(Skip(what=f"layer {number}", reason=reason))
    return found, tuple(skipped)


def _block(file: ModelFile, name: str, place: int) -> U8:
    """Return one super-block of a tensor, shape (1, 144)."""
    view = file.bytes_of(name, place * blocks.BLOCK_BYTES, blocks.BLOCK_BYTES)
    return np.frombuffer(view, np.uint8).reshape(1, -1)


def _run(kernels: Kernels, found: list[Found], context: Context) -> list[Layer]:
    """Run the chain over the layers' super-blocks.

    :raises NotMeasured: if a fault of path B, or of how results go on, changes nothing.
    """
    act = activation()
    x_a = x_b = nudged = act
    trial = Trial(kernels, context)
    layers: list[Layer] = []
    for done, (number, raw, neighbour) in enumerate(found, 1):
        step = trial.step(kernels.step(raw, x_a, x_b), raw, x_b, neighbour)
        alone = trial.step(kernels.step(raw, act, act), raw, act, neighbour)
        carried = response(step, kernels.step(raw, nudged, x_b)) if layers else None
        layers.append(
            Layer(number, step, relative(step.a, step.b), relative(alone.a, alone.b), *conditioning(alone), carried)
        )
        base_a, base_b = (x_a, x_b) if context.fault == faults.FROM_X else (act, act)
        x_a, x_b = base_a * factor(step.a), base_b * factor(step.a if context.fault == faults.CROSSED else step.b)
        nudged = base_a * factor(step.a * (F32(1) + NUDGE))
        context.progress(done, len(found))
    trial.check()
    _refuse_unchanged(layers, context.fault)
    return layers


def _refuse_unchanged(layers: list[Layer], fault: str | None) -> None:
    """Refuse a measurement in which a fault of how results go on, or of the growth, changes nothing.

    :raises NotMeasured: if there is such a fault.
    """
    same = {
        faults.CROSSED: all(factor(each.step.a) == factor(each.step.b) for each in layers[:-1]),
        faults.FROM_X: len(layers) < 3,
        faults.NEIGHBOUR_GROWTH: len(layers) < 3,
    }
    if fault is not None and same.get(fault):
        raise NotMeasured(f"not planted: {fault} changes no result here")


def _summary(layers: list[Layer], context: Context) -> Summary:
    """Return the statistics of the layers; a planted fault takes the growth over another layer."""
    return summarise(
        [layer.rel_diff for layer in layers],
        [layer.number for layer in layers],
        growth_over=-2 if context.fault == faults.NEIGHBOUR_GROWTH else None,
    )


def _metrics(
    layers: list[Layer], summary: Summary, carries: list[float], skipped: int
) -> dict[str, bool | int | float | tuple[bool | int | float, ...]]:
    """Return all metrics by the names of the catalogue."""
    steps = [layer.step for layer in layers]
    conditions = [conditioning(step) for step in steps]
    results = sum(not math.isfinite(value) for step in steps for value in (step.a, step.b))
    return {
        "a": tuple(float(step.a) for step in steps),
        "b": tuple(float(step.b) for step in steps),
        "rel_diff": tuple(layer.rel_diff for layer in layers),
        "rel_diff_unchained": tuple(layer.rel_diff_unchained for layer in layers),
        "condition": tuple(number for number, _ in conditions),
        "backward_error": tuple(error for _, error in conditions),
        "carry": tuple(carries),
        **summary.metrics,
        "layers_skipped": skipped,
        "elements": sum(step.seen_a for step in steps),
        "non_finite": sum(step.non_finite_a + step.non_finite_b for step in steps) + results,
    }


def _comparison(layers: list[Layer], summary: Summary, parameters: ChainParameters) -> Comparison:
    """Return the populations of the two paths, as the kernels counted them."""
    steps = [layer.step for layer in layers]
    shape = (len(layers), blocks.BLOCK_WEIGHTS)
    selection = (
        f"first super-block (weights 0 to 255 of row 0) of {escaped(parameters.tensor)}, "
        f"layers {escaped(str(parameters.layers))}, {len(layers)} of them measured"
    )
    return Comparison(
        metrics=("rel_diff", "rel_diff_unchained", "backward_error", *summary.leans_on),
        left=Population(
            count=sum(step.seen_a for step in steps),
            shape=shape,
            selection=selection,
            non_finite=sum(step.non_finite_a for step in steps),
        ),
        right=Population(
            count=sum(step.seen_b for step in steps),
            shape=shape,
            selection=selection,
            non_finite=sum(step.non_finite_b for step in steps),
        ),
    )


def _badness(pair: tuple[float, float]) -> float:
    """Return the condition number to compare by; NaN is the worst."""
    return math.inf if math.isnan(pair[0]) else pair[0]


def _conditions(layers: list[Layer], summary: Summary) -> tuple[Condition, ...]:
    """Return the conditioning of each layer, and of each statistic: that of the worst layer it leans on."""
    chained = [conditioning(layer.step) for layer in layers]
    alone = [(layer.condition_unchained, layer.backward_error_unchained) for layer in layers]
    conditions = [
        Condition(metric=metric, position=position, number=number, backward_error=error)
        for metric, pairs in (("rel_diff", chained), ("rel_diff_unchained", alone))
        for position, (number, error) in enumerate(pairs)
    ]
    for metric, positions in summary.leans_on.items():
        number, error = max((chained[position] for position in positions), key=_badness)
        conditions.append(Condition(metric=metric, position=None, number=number, backward_error=error))
    return tuple(conditions)
