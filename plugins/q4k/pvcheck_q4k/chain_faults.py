"""The faults that can be planted in the chains that carry. Light, like the plugin.

Those of path B are the ones of the other evaluators; the rest are in how one layer's result becomes the next one's
activation, where a chain that is wrong looks the most like one that is right.
"""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Fault
from pvcheck_q4k.fault_catalogue import CROSSED, NEIGHBOUR_GROWTH, PATH_B_FAULTS

RESTARTED: Final = "restarted"
NOT_NORMALISED: Final = "forgotten-norm"

NO_RESIDUAL: Final = "forgotten-residual"
EXCHANGED_GATE: Final = "exchanged-gate-and-up"
RELU: Final = "relu"
NO_NORM_WEIGHTS: Final = "forgotten-norm-weights"

_RESTARTED: Final = Fault(
    name=RESTARTED, doc="both paths start each layer from the first activation, so that nothing is carried"
)
_GROWTH: Final = Fault(
    name=NEIGHBOUR_GROWTH,
    doc="the growth is that of the last layer over the one before it, not over the first",
)
MATVEC_FAULTS: Final = (
    *PATH_B_FAULTS,
    Fault(name=CROSSED, doc="path B goes on from the output of path A, not from its own"),
    _RESTARTED,
    Fault(name=NOT_NORMALISED, doc="path B's results are not divided by their root mean square"),
    _GROWTH,
)
FFN_FAULTS: Final = (
    *PATH_B_FAULTS,
    Fault(name=CROSSED, doc="path B goes on from the residual stream of path A, not from its own"),
    _RESTARTED,
    Fault(name=NOT_NORMALISED, doc="path B gives its products the residual stream as it is, without RMSNorm"),
    Fault(name=NO_NORM_WEIGHTS, doc="path B does not multiply by the norm weights"),
    Fault(name=NO_RESIDUAL, doc="path B's residual stream is W_down z alone, without what it was before"),
    Fault(name=EXCHANGED_GATE, doc="path B takes the result of gate for that of up, and the other way round"),
    Fault(name=RELU, doc="path B cuts the gate off at 0 in the place of silu"),
    _GROWTH,
)
