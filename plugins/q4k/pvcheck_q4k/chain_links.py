"""How one layer's result becomes the next one's activation in the chains that carry: as is right, or with a fault."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from pvcheck.plugin import NotMeasured
from pvcheck_q4k import generators
from pvcheck_q4k.chain import activation
from pvcheck_q4k.chain_faults import FFN_FAULTS, MATVEC_FAULTS, RESTARTED
from pvcheck_q4k.compounding import nudged
from pvcheck_q4k.fault_catalogue import CROSSED, NEIGHBOUR_GROWTH
from pvcheck_q4k.tensor_rows import repeated

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pvcheck.plugin import Context, Measurement
    from pvcheck_q4k.chain_parameters import CarryingParameters

    F32s = npt.NDArray[np.float32]

OWN: Final = frozenset(each.name for each in (*MATVEC_FAULTS, *FFN_FAULTS))
"""The faults that the chains declare themselves."""


class Onward(NamedTuple):
    """What a layer hands on: of path A, of path B, and of path A changed by 2**-10; None where nothing can change."""

    a: F32s
    b: F32s
    changed: F32s | None = None


class Link:
    """The way from layer to layer, on trial: with a fault of the chain in it, or with none."""

    def __init__(self, first: F32s, fault: str | None) -> None:
        """Take up the first activation."""
        self._first = first
        self._fault = fault

    def first(self) -> Onward:
        """Return what the first layer starts from."""
        return Onward(self._first, self._first)

    def has(self, fault: str) -> bool:
        """Say whether this fault is the one on trial."""
        return self._fault == fault

    def onward(self, a: F32s, b: F32s) -> Onward:
        """Return what goes on from the output of path A and that of path B."""
        changed = nudged(a, b)
        if self.has(CROSSED):
            return Onward(a, a, changed)
        if self.has(RESTARTED):
            return Onward(self._first, self._first, self._first)
        return Onward(a, b, changed)


def start(parameters: CarryingParameters, count: int) -> F32s:
    """Return the first activation, ``count`` numbers."""
    if parameters.activation is not None:
        with np.errstate(over="ignore"):  # an infinity goes on, and is counted
            return generators.numbers(parameters.activation, count)
    return repeated(activation(), count)


def growth_over(layers: int, fault: str | None) -> int:
    """Return the position that the growth is taken over: the first, or with a fault that before the last."""
    return max(0, layers - 2) if fault == NEIGHBOUR_GROWTH else 0


def on_trial(measure: Callable[[Context], Measurement], context: Context) -> Measurement:
    """Return a measurement; one with a fault of the chains is held against the one without.

    It is not enough that a fault changes a number on the way: the activation that path B quantises next may have the
    same codes all the same.

    :raises NotMeasured: if the fault changes no metric.
    """
    found = measure(context)
    if context.fault in OWN:
        right = measure(replace(context, fault=None))
        if repr(found.metrics) == repr(right.metrics):  # as text, in which a NaN is equal to itself
            raise NotMeasured(f"not planted: {context.fault} changes no metric here")
    return found
