"""The faults that can be planted in the Q4_K family: what real kernels and scripts got wrong. Light, like the plugin.

Each is planted in the code on trial: path B, the compiled decoder, a later run, the statistics. What that is
compared with stays right, and so do the files.
"""

from __future__ import annotations

from typing import Final

from pvcheck.plugin import Fault

SWAPPED: Final = "swapped-nibbles"
NO_MINIMUMS: Final = "dropped-minimums"
NEXT_SCALE: Final = "scale-off-by-one"
LOW_BITS: Final = "scale-bits-lost"
EXCHANGED: Final = "exchanged-d-and-dmin"
FLUSHED: Final = "flushed-subnormals"
HALF_SCALES: Final = "half-precision-scales"
SHIFTED_RUN: Final = "shifted-run"
WRONG_BLOCK: Final = "wrong-block"

HALF_WEIGHTS: Final = "half-precision-weights"

TO_EVEN: Final = "codes-to-even"
TRUNCATED: Final = "codes-truncated"
UNSIGNED: Final = "codes-unsigned"
OF_128: Final = "activation-scale-128"
SIGNED_MAXIMUM: Final = "signed-maximum"

MIXED: Final = "lane-mix-up"
EXCHANGED_SUMS: Final = "exchanged-sums"
DROPPED_RUN: Final = "dropped-run"
WIDE_SUM: Final = "wide-sum"

FROM_X: Final = "propagated-from-x"
CROSSED: Final = "crossed-paths"
NEIGHBOUR_GROWTH: Final = "growth-over-neighbour"
LAST_TOKEN: Final = "last-token"  # noqa: S105 - a token of a text

SPLIT_SUM: Final = "split-sum"
REVERSED: Final = "reversed-sum"
LOST_INPUT: Final = "lost-input"
NEXT_OUTPUT: Final = "output-off-by-one"
LAST_ROW: Final = "last-row"

HALVED: Final = "lanes-by-halves"
SEPARATE: Final = "separate-rounding"
WIDE_LANES: Final = "wide-lanes"
LOST_LANE: Final = "lost-lane"
NEXT_ELEMENT: Final = "element-off-by-one"

TWICE: Final = "change-twice"
NO_MAXIMUM: Final = "forgotten-maximum"
UNNORMALISED: Final = "forgotten-sum"
BASE_TWO: Final = "powers-of-two"
LOST_LOGIT: Final = "lost-logit"
NEIGHBOUR_PAIRS: Final = "neighbour-pairs"
NEXT_POSITION: Final = "position-off-by-one"
HALF_EXPONENT: Final = "halved-exponent"
HALF_ANGLES: Final = "half-precision-angles"
UNROTATED: Final = "unrotated-key"
OUTSIDE: Final = "epsilon-outside"
SUM: Final = "sum-not-mean"
CENTRED: Final = "mean-subtracted"


def _reading(who: str) -> tuple[Fault, ...]:
    """Return the faults of whoever reads super-blocks."""
    return (
        Fault(name=SWAPPED, doc=f"{who} reads the high nibbles as the low ones and the other way round"),
        Fault(name=NO_MINIMUMS, doc=f"{who} takes every minimum for 0"),
        Fault(name=NEXT_SCALE, doc=f"{who} gives sub-block j the scale of sub-block j + 1, the last that of the first"),
        Fault(
            name=LOW_BITS,
            doc=f"{who} unpacks the scales and minimums of sub-blocks 4 to 7 without their two high bits",
        ),
        Fault(name=EXCHANGED, doc=f"{who} takes d for dmin and dmin for d"),
        Fault(name=FLUSHED, doc=f"{who} takes a d or dmin that is a subnormal float16 for 0"),
        Fault(name=HALF_SCALES, doc=f"{who} rounds d * sc and dmin * m to float16"),
        Fault(name=SHIFTED_RUN, doc=f"{who} reads for each run of 64 weights the codes of the next run"),
        Fault(name=WRONG_BLOCK, doc=f"{who} reads the super-block after the right one, and before it at the end"),
    )


DECODE_FAULTS: Final = (
    *_reading("the compiled decoder"),
    Fault(name=HALF_WEIGHTS, doc="the compiled decoder rounds each weight to float16"),
)
PATH_B_FAULTS: Final = (
    *_reading("path B"),
    Fault(name=TO_EVEN, doc="path B rounds the codes of the activation half to even, not half away from zero"),
    Fault(name=TRUNCATED, doc="path B cuts the codes of the activation off towards zero"),
    Fault(name=UNSIGNED, doc="path B multiplies the codes of the activation as unsigned bytes: -1 is 255"),
    Fault(name=OF_128, doc="path B scales its sums by max|x| / 128, where the codes are those of max|x| / 127"),
    Fault(name=SIGNED_MAXIMUM, doc="path B quantises the activation by its largest number, not the largest magnitude"),
    Fault(
        name=MIXED,
        doc="path B applies the scale of sub-block 2c to the first 16 bytes of both nibble halves of run c and that "
        "of 2c + 1 to the last 16; minimums stay right",
    ),
    Fault(name=EXCHANGED_SUMS, doc="path B multiplies the minimum of each sub-block of a run with the other one's sum"),
    Fault(name=DROPPED_RUN, doc="path B leaves out the last run of 64 weights of each super-block"),
    Fault(name=WIDE_SUM, doc="path B adds in float64 and rounds once at the end of a row"),
)
_CROSSED: Final = Fault(name=CROSSED, doc="path B goes on from the result of path A, not from its own")
CHAIN_FAULTS: Final = (
    *PATH_B_FAULTS,
    _CROSSED,
    Fault(name=FROM_X, doc="both paths go on from the activation before, not from the first one"),
    Fault(name=NEIGHBOUR_GROWTH, doc="the growth is that of the last layer over the one before it, not over the first"),
)
CHAINED_FAULTS: Final = (
    *PATH_B_FAULTS,
    _CROSSED,
    Fault(
        name=LAST_TOKEN,
        doc="the mean over the tokens is that of the last token, and path B's spread is the std of the last token's "
        "components",
    ),
)
MATMUL_FAULTS: Final = (
    Fault(name=SPLIT_SUM, doc="every run but the first folds the two halves of each sum on their own"),
    Fault(name=REVERSED, doc="every run but the first folds each sum from right to left"),
    Fault(name=LOST_INPUT, doc="every run but the first leaves out the last input"),
    Fault(name=NEXT_OUTPUT, doc="every run but the first gives each output the sum of the next one"),
    Fault(name=LAST_ROW, doc="every run but the first takes the last input row for all rows"),
)
REDUCTION_FAULTS: Final = (
    Fault(name=HALVED, doc="the lanes are summed as ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7))"),
    Fault(name=SEPARATE, doc="the lanes round each product before they add it"),
    Fault(name=WIDE_LANES, doc="the lanes add in float64 and are rounded once, at the end"),
    Fault(name=LOST_LANE, doc="the last lane is not added"),
    Fault(name=NEXT_ELEMENT, doc="the lanes read the right vector one place too far, its end from its start"),
)
_TWICE: Final = Fault(name=TWICE, doc="the output is computed from an input that is changed twice, the drift from once")
SOFTMAX_FAULTS: Final = (
    _TWICE,
    Fault(name=NO_MAXIMUM, doc="the largest logit is not subtracted"),
    Fault(name=UNNORMALISED, doc="the powers are not divided by their sum"),
    Fault(name=BASE_TWO, doc="the powers are of two, not of e"),
    Fault(name=LOST_LOGIT, doc="the sum that the powers are divided by leaves out the last"),
)
ROPE_FAULTS: Final = (
    _TWICE,
    Fault(name=NEIGHBOUR_PAIRS, doc="numbers 2i and 2i + 1 are a pair, not i and i + n/2"),
    Fault(name=NEXT_POSITION, doc="the query is rotated for the position after its own"),
    Fault(name=HALF_EXPONENT, doc="the angles are position * base^(-i/head)"),
    Fault(name=HALF_ANGLES, doc="the angles are rounded to float16"),
    Fault(name=UNROTATED, doc="the key is not rotated"),
)
RMSNORM_FAULTS: Final = (
    _TWICE,
    Fault(name=OUTSIDE, doc="epsilon is added to the root and not under it"),
    Fault(name=SUM, doc="the sum of the squares is taken for their mean"),
    Fault(name=CENTRED, doc="the mean is subtracted first, as in a layer norm"),
)
