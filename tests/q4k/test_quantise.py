"""Our quantiser, against the format and against its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from q4k.fixtures import F32

from pvcheck_q4k import reference
from pvcheck_q4k.quantise import quantise_weights


def error_of(weights):
    """Return the relative RMS error of a round trip."""
    back = reference.decode(quantise_weights(weights)).weights.reshape(-1)
    return float(np.sqrt(np.mean((back - weights) ** 2) / np.mean(weights**2)))


def test_bell_shaped_weights_come_back_nearly_whole():
    """Four bits and a search are good for a relative RMS error under 7.5 % on normal weights."""
    weights = np.random.default_rng(1).standard_normal(256 * 64).astype(F32)

    assert error_of(weights) < 0.075


@given(seed=st.integers(0, 2**32), shift=st.floats(-3, 3), size=st.sampled_from([1e-4, 1.0, 1e3]))
@settings(max_examples=25, deadline=None)
def test_the_search_is_never_worse_than_rounding_to_the_range(seed, shift, size):
    """On any shifted weights the error is at most that of range / 15 steps, with room for six-bit scales."""
    weights = ((np.random.default_rng(seed).standard_normal(512) + shift) * size).astype(F32)
    groups = weights.reshape(-1, 32)
    low = np.minimum(groups.min(axis=1, keepdims=True), 0)
    step = (groups.max(axis=1, keepdims=True) - low) / 15
    naive = np.sqrt(np.mean((np.rint((groups - low) / step) * step + low - groups) ** 2) / np.mean(weights**2))

    assert error_of(weights) < 1.1 * naive + 1e-3


@pytest.mark.parametrize("value", [0.0, -2.0], ids=["zero", "negative"])
def test_constant_weights_come_back(value):
    """All-zero and all-negative constant blocks keep their value to f16 and six bits."""
    back = reference.decode(quantise_weights(np.full(256, value, F32))).weights

    assert back == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.zeros(255, F32), "a multiple of 256, got 255"),
        (np.full(256, np.nan, F32), "must be finite"),
        (np.linspace(-1e38, 1e38, 256, dtype=F32), "small enough for an f16 scale"),
    ],
    ids=["length", "nan", "huge"],
)
def test_weights_that_do_not_fit_are_refused(weights, text):
    """A wrong length, NaN and numbers past f16 scales are named."""
    with pytest.raises(ValueError, match=text):
        quantise_weights(weights)
