"""The evaluators on made-up numbers, as the plugin offers them. Light: their heavy parts are named, not imported."""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Evaluator
from pvcheck_q4k import fault_catalogue as faults
from pvcheck_q4k import fixture_catalogue as catalogue
from pvcheck_q4k import fixture_parameters as parameters

# The first is what "auto" picks: for a few super-blocks, sending them to a GPU takes longer than all that is computed.
_DEVICES: Final = ("cpu", "reference", "cuda")
_NUMPY_DEVICES: Final = ("cpu", "reference")
_NUMPY: Final = "All in NumPy, float32, sums from left to right, on either device"
_NO_BITS: Final = "exp, power, sine and cosine differ between machines in their last bits, so bound digits and not bits"

EVALUATORS: Final = (
    Evaluator(
        name="f32-matmul-repeat",
        version="1.0.0",
        doc="Computes one float32 matrix product again and again with other numbers of threads, other chunks of "
        "outputs and another order of the chunks, none of which may change a bit: each sum is a left fold over the "
        "inputs. The numbers of threads are those of the contract, for they are what is tried. " + _NUMPY + ".",
        parameters=parameters.MatmulParameters,
        metrics=catalogue.MATMUL_METRICS,
        implementation="pvcheck_q4k.identity:measure_matmul",
        devices=_NUMPY_DEVICES,
        faults=faults.MATMUL_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="f32-reduction-order",
        version="1.0.0",
        doc="Computes one dot product as eight lanes of fused multiply-adds, as vector units do, and as a left fold. "
        "The fused operation is made from float64 with one rounding, so no machine's own is needed. " + _NUMPY + ".",
        parameters=parameters.ReductionParameters,
        metrics=catalogue.REDUCTION_METRICS,
        implementation="pvcheck_q4k.identity:measure_reduction",
        devices=_NUMPY_DEVICES,
        faults=faults.REDUCTION_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="q4k-decode-identity",
        version="1.0.0",
        doc="Decodes one Q4_K super-block, w = (d * sc) * q - (dmin * m), number by number and with the compiled "
        "kernel, and compares the weights bit for bit.",
        parameters=parameters.DecodeParameters,
        metrics=catalogue.DECODE_METRICS,
        implementation="pvcheck_q4k.identity:measure_decode",
        devices=("cpu", "cuda"),
        faults=faults.DECODE_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="q4k-paths",
        version="1.0.0",
        doc="Runs two ways to compute a Q4_K dot product over one super-block, made by a pattern or taken from a "
        "model, and reports both numbers, how far they part and how much the sum cancels.",
        parameters=parameters.PathsParameters,
        metrics=catalogue.PATHS_METRICS,
        implementation="pvcheck_q4k.paths:measure",
        devices=_DEVICES,
        faults=faults.PATH_B_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="q4k-scale-sweep",
        version="1.0.0",
        doc="Runs the two ways over one super-block for several values of its scale d, and compares the largest "
        "relative difference with the smallest.",
        parameters=parameters.SweepParameters,
        metrics=catalogue.SWEEP_METRICS,
        implementation="pvcheck_q4k.paths:measure_sweep",
        devices=_DEVICES,
        faults=faults.PATH_B_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="q4k-chained-matvec",
        version="1.1.0",
        doc="Runs the two ways through several 256 x 256 products, each path going on from its own results over "
        "their root mean square, max(sqrt(mean square), 1e-9), and reports the relative L2 difference after each; "
        "for several tokens also its mean and the spread of the results over the tokens.",
        parameters=parameters.ChainedParameters,
        metrics=catalogue.CHAINED_METRICS,
        implementation="pvcheck_q4k.compounding:measure",
        devices=_DEVICES,
        faults=faults.CHAINED_FAULTS,
        takes_arrays=True,
    ),
    Evaluator(
        name="f32-softmax-drift",
        version="1.0.0",
        doc="Compares the relative L1 change that softmax (largest logit subtracted) gives to a change of one logit "
        f"with that of the logits. {_NUMPY}; {_NO_BITS}.",
        parameters=parameters.SoftmaxParameters,
        metrics=catalogue.DRIFT_METRICS,
        implementation="pvcheck_q4k.amplification:measure_softmax",
        devices=_NUMPY_DEVICES,
        faults=faults.SOFTMAX_FAULTS,
    ),
    Evaluator(
        name="f32-rope-drift",
        version="1.0.0",
        doc="Compares the relative change of an attention score, rotated query times rotated key over the root of "
        "the head's length, with the relative L2 change of the query. Angles are position * base^(-2i/head), in split "
        f"halves. {_NUMPY}; {_NO_BITS}.",
        parameters=parameters.RopeParameters,
        metrics=catalogue.DRIFT_METRICS,
        implementation="pvcheck_q4k.amplification:measure_rope",
        devices=_NUMPY_DEVICES,
        faults=faults.ROPE_FAULTS,
    ),
    Evaluator(
        name="f32-rmsnorm-drift",
        version="1.0.0",
        doc="Compares the relative L2 change that RMS normalisation, x / sqrt(mean square + epsilon), gives to a "
        f"relative change of each number with that of the vector. {_NUMPY}.",
        parameters=parameters.RmsNormParameters,
        metrics=catalogue.DRIFT_METRICS,
        implementation="pvcheck_q4k.amplification:measure_rmsnorm",
        devices=_NUMPY_DEVICES,
        faults=faults.RMSNORM_FAULTS,
    ),
)
