"""Small models for the chains that carry: their tensors, the files they stand in, and a slow recipe for a layer."""

from __future__ import annotations

import json

import numba
import numpy as np
import pytest
from q4k.apr_fixtures import AprTensor, apr_bytes
from q4k.fixtures import F32, entry, gguf_bytes, info, string, tensor
from q4k.test_q6k import random_rows

from pvcheck_q4k import reference, reference_q6k

compiled = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="thousands of rows: the chains are covered uncompiled by shorter tests"
)
NUMBERS = {"F32": 0, "F16": 1, "Q5_0": 6, "Q8_0": 8, "Q4_K": 12, "Q6_K": 14}
SLOW = {144: reference, 210: reference_q6k}


def gguf_model(tensors):
    """Return a GGUF file of tensors, {name: (dims, type, bytes)}, row length first."""
    infos, data = [], b""
    for name, (dims, kind, content) in tensors.items():
        infos.append(info(name, dims, NUMBERS[kind], len(data)))
        data += content + bytes(-len(content) % 32)
    return gguf_bytes([entry("general.architecture", 8, string("test"))], infos, data)


def apr_model(tensors):
    """Return the same as an APR file."""
    return apr_bytes(
        AprTensor(name=name, dims=tuple(reversed(dims)), data=content, kind=kind)
        for name, (dims, kind, content) in sorted(tensors.items())
    )


def whole(raw, columns=None):
    """Return a tensor of rows of super-blocks, shape (n, k, bytes)."""
    kind = {144: "Q4_K", 210: "Q6_K"}[raw.shape[2]]
    return ((columns or 256 * raw.shape[1], len(raw)), kind, raw.tobytes())


def q4k_matrix(rows, count, number=0):
    """Return rows of super-blocks, shape (rows, count, 144), that differ."""
    blocks = np.concatenate([tensor(number + n) for n in range(-(-rows * count // 256))])
    return blocks[: rows * count].reshape(rows, count, 144).copy()


def gentle(rows, count, number=0):
    """Return the same rows with weights that leave a gate open: d = 2**-16 and dmin = -2**-18, both subnormal."""
    raw = q4k_matrix(rows, count, number)
    raw[:, :, :4] = [0x00, 0x01, 0x40, 0x80]
    return raw


def q6k_matrix(rows, count, number=0):
    """Return rows in Q6_K, (rows, count, 210), with d = 2**-14."""
    raw, _ = random_rows(rows, count, number)
    raw[:, :, 208:] = [0x00, 0x04]
    return raw


def matvec_model(*matrices, make=gguf_model, name="blk.{}.attn_output.weight"):
    """Return a file with one tensor a layer."""
    return make({name.format(layer): whole(raw) for layer, raw in enumerate(matrices)})


def made(kind, values):
    """Return parameters from the values of a contract, as a worker reads them."""
    return kind.model_validate_json(json.dumps(values))


def told(measurement):
    """Return all that a measurement says but for the names of the backend, NaN being equal to itself."""
    return repr((
        sorted(measurement.metrics.items()), measurement.labels, measurement.comparisons, measurement.conditions,
        measurement.links, measurement.ratios, measurement.skipped, measurement.notes,
    ))  # fmt: skip


def slow_products(raw, x_a, x_b):
    """Return path A's results and path B's, row by row from the twins, and path A's sums of |x w| and of x w."""
    twin = SLOW[raw.shape[2]]
    x_a, x_b = (np.concatenate([x, np.zeros(-x.size % 256, F32)]) for x in (x_a, x_b))
    quantised = reference.quantise(x_b)
    a = [twin.dot_a(row, x_a).value for row in raw]
    b = [twin.dot_b(row, quantised.scales, quantised.codes).value for row in raw]
    products = [twin.decode(row).weights.reshape(-1).astype(float) * x_a.astype(float) for row in raw]
    return (
        np.array(a, F32),
        np.array(b, F32),
        np.array([abs(p).sum() for p in products]),
        np.array([p.sum() for p in products]),
    )


def slow_normalised(y):
    """Return y over max(sqrt(mean square), 1e-9), number by number."""
    total = F32(0)
    for value in y:
        total = total + value * value
    return np.array([value / max(np.sqrt(total / F32(y.size)), F32(1e-9)) for value in y], F32)


def norm(values):
    """Return the L2 norm in float64."""
    return float(np.linalg.norm(np.asarray(values, float)))
