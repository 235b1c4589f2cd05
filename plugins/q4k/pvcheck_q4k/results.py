"""What a kernel hands back: its numbers, how many elements it saw, and how many were not finite.

The backends return these same types, so that a result never hides an infinity or an empty loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Decoded(NamedTuple):
    """The float32 weights of n super-blocks, shape (n, 256)."""

    weights: npt.NDArray[np.float32]
    seen: int
    non_finite: int


class Quantised(NamedTuple):
    """The activations of n super-blocks: one float32 scale each, shape (n,), and int8 codes, shape (n, 256).

    A super-block with a NaN or an infinity has a NaN scale and zero codes, and so has one that the "ggml" rule does
    not define; all 256 numbers of the latter count as not finite.
    """

    scales: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int8]
    seen: int
    non_finite: int


class Dot(NamedTuple):
    """The dot product of one row; ``non_finite`` counts positions whose weight or activation is not finite."""

    value: np.float32
    seen: int
    non_finite: int


class Product(NamedTuple):
    """The dot products of n rows with one activation, shape (n,); the counts are sums over all rows."""

    values: npt.NDArray[np.float32]
    seen: int
    non_finite: int


class Sums(NamedTuple):
    """The float64 sums of x w and of |x w| of each of n rows, both of shape (n,).

    A float64 holds each product exactly, and the sums add them from left to right, starting at 0.
    """

    totals: npt.NDArray[np.float64]
    magnitudes: npt.NDArray[np.float64]


class Normalised(NamedTuple):
    """A vector over its root mean square, which is beside it.

    ``non_finite`` counts the numbers that are not finite, or all of them if ``rms`` is not: x / infinity is 0, and
    nobody would see it.
    """

    values: npt.NDArray[np.float32]
    rms: np.float32
    seen: int
    non_finite: int


class Step(NamedTuple):
    """Both paths over one super-block, and how well path A's sum is conditioned.

    ``total`` is the sum of x w and ``magnitude`` the sum of |x w|, over path A's activation and the decoded
    weights, each product and sum in float64 from left to right. The fields that end in ``_a`` and ``_b`` are the
    counts of path A and of path B.
    """

    a: np.float32
    b: np.float32
    total: float
    magnitude: float
    seen_a: int
    seen_b: int
    non_finite_a: int
    non_finite_b: int
