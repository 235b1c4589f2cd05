"""The evaluators of the chains that carry, as the plugin offers them. Light: heavy parts are named, not imported."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Evaluator
from pvcheck_q4k import chain_catalogue as catalogue
from pvcheck_q4k import chain_faults as faults
from pvcheck_q4k import chain_parameters as parameters

_DEVICES: Final = ("cpu", "reference", "cuda")
_PLANTED: Final = (
    "A fault of path B is planted in the first rows of each Q4_K tensor, up to 4,096 super-blocks: planted code is "
    "NumPy, and would take minutes for a whole model"
)
_TYPES: Final = (
    "Tensors in Q4_K and in Q6_K are measured, each in its own way; a layer with others is skipped and named"
)

CHAINS: Final = (
    Evaluator(
        name="q4k-matvec-chain",
        version="1.0.0",
        doc="Runs two ways to compute a matrix-vector product through the layers of a model, over first blocks, "
        "chosen rows or everything. Each path's results over their root mean square, max(sqrt(mean square), 1e-9) in "
        "float32 with a sum from left to right, are its own next activation, so that a difference is carried on. "
        f"{_TYPES}. {_PLANTED}.",
        parameters=parameters.MatvecChainParameters,
        metrics=catalogue.MATVEC_METRICS,
        implementation="pvcheck_q4k.matvec_chain:measure",
        devices=_DEVICES,
        faults=faults.MATVEC_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="q4k-ffn-chain",
        version="1.0.0",
        doc="Runs the two ways through the feed-forward parts of a model's layers on a residual stream h: "
        "x = h / sqrt(mean square + 1e-6) * norm weights, z = silu(W_gate x) * (W_up x), h = h + W_down z, each path "
        "on its own h, without attention; the silu of Llama's kind, whatever the model has. All float32 with sums "
        "from left to right, but silu(g) = g / (1 + exp(-g)), which is computed in float64 and rounded once. exp "
        "differs between machines in its last bits, so that no bits are promised for what follows from it on another "
        f"machine: bound digits. Chosen rows are no cover here, as with them goes a choice of columns of down: the "
        f"stream would take up parts of sums. {_TYPES}. {_PLANTED}.",
        parameters=parameters.FfnChainParameters,
        metrics=catalogue.FFN_METRICS,
        implementation="pvcheck_q4k.ffn_chain:measure",
        devices=_DEVICES,
        faults=faults.FFN_FAULTS,
        takes_arrays=True,
    ),
)
