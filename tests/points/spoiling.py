"""A small example of each shipped evaluator, and all the ways to put one number into it that nobody expects."""

from __future__ import annotations

import copy
import json
import math
from contextlib import ExitStack
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from general.fixtures import npy, opened
from q4k.chain_models import matvec_model, q4k_matrix, q6k_matrix
from q4k.fixtures import base_block, q4k_file, tensor
from q4k.test_amplification import RMSNORM, ROPE, SOFTMAX
from q4k.test_ffn_chain import two
from q4k.test_generators import ACT, BASE
from q4k.test_identity import REDUCTION_006

from pvcheck.plugin import Context
from pvcheck_general.plugin import EVALUATORS as GENERAL
from pvcheck_q4k.models import open_model
from pvcheck_q4k.plugin import pv_evaluators

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BY_NAME = {each.name: each for each in (*GENERAL, *pv_evaluators())}
WITHOUT_NUMBERS = {"command", "pytest", "text-match"}
"""What reads texts and counts them; what they find in a text is a text of digits."""


class Example(NamedTuple):
    """Parameters, and the bytes of each input with the places of numbers in it: (offset, type)."""

    parameters: dict
    files: Mapping[str, tuple[bytes, tuple[tuple[int, str], ...]]] = MappingProxyType({})
    texts: Mapping[str, list[float]] = MappingProxyType({})
    """Inputs that are a CSV file with one column of numbers."""


def of_array(*values):
    """Return a .npy file of float32, and the places of its numbers."""
    data = npy(np.array(values, "<f4"))
    start = len(data) - 4 * len(values)
    return data, tuple((start + 4 * each, "<f4") for each in range(len(values)))


def of_model(data):
    """Return a model file, and the places of the scales of each tensor's first super-block, or of its first numbers."""
    at = {"Q4_K": ((0, "<f2"), (2, "<f2")), "Q6_K": ((208, "<f2"),), "F32": ((0, "<f4"), (4, "<f4"))}
    with opened(data) as source:
        tensors = open_model(source).tensors.values()
        places = tuple((each.offset + offset, kind) for each in tensors for offset, kind in at[each.type.name])
    return data, places


SERIES = {"column": "x", "unit": "factor", "host": "here", "date": "2026-05-07"}
MODEL = of_model(q4k_file({0: base_block(), 1: tensor(1)[:3]}))
MATRICES = of_model(matvec_model(q4k_matrix(5, 2), q6k_matrix(3, 1), q4k_matrix(4, 1, 3)))
OUTPUT = "blk.{layer}.attn_output.weight"
MATMUL = {
    "rows": 2, "inputs": 8, "outputs": 8, "chunks": [8, 3], "threads": [1, 2], "repeats": 1,
    "activation": [{"modulo": 17, "shift": -8, "scale": 0.1}],
    "weights": [{"times": 31, "modulo": 23, "shift": -11, "scale": 0.05}],
}  # fmt: skip
EXAMPLES = {
    "arithmetic": Example({"numbers": {"a": 2.5, "b": 3.0, "c": 7.5}, "product": ["a", "b"], "against": "c"}),
    "array-compare": Example(
        {"left": "l", "right": "r"}, {"l": of_array(1, -2, 3.5, 0.25), "r": of_array(1, -2, 3.25, 0.25)}
    ),
    "trace-std": Example(
        {"left": "l", "right": "r"}, {"l": of_array(1, -2, 3.5, 0.25), "r": of_array(1, -2, 3.25, 0.25)}
    ),
    "recorded-series": Example(
        SERIES | {"series": "s", "reference": "t"}, texts={"s": [1.5, 2.5, 2.25, 9.0], "t": [1.5, 2.5, 2.0, 9.0]}
    ),
    "f32-matmul-repeat": Example(MATMUL),
    "f32-reduction-order": Example(REDUCTION_006 | {"length": 16}),
    "f32-rmsnorm-drift": Example(RMSNORM | {"length": 16}),
    "f32-rope-drift": Example(ROPE | {"head": 8, "base": 10000}),
    "f32-softmax-drift": Example(SOFTMAX),
    "q4k-decode-identity": Example({"model": "m", "tensor": "blk.0.ffn_down.weight"}, {"m": MODEL}),
    "q4k-paths": Example({"block": BASE, "activation": ACT}),
    "q4k-scale-sweep": Example({"block": BASE, "scales_d": ["003C", "0038"], "activation": ACT}),
    "q4k-chained-matvec": Example({"block": BASE, "tensors": 2, "activation": ACT}),
    "q4k-chain": Example({"model": "m", "tensor": "blk.{layer}.ffn_down.weight", "layers": "0-1"}, {"m": MODEL}),
    "q4k-matvec-chain": Example(
        {"model": "m", "tensor": OUTPUT, "layers": "0-2", "cover": "all", "fit": "repeat"}, {"m": MATRICES}
    ),
    "q4k-matvec-sweep": Example({"model": "m", "tensor": OUTPUT, "layers": "0-2"}, {"m": MATRICES}),
    "q4k-ffn-chain": Example(
        {"model": "m", "layers": "0-1", "cover": "all"}, {"m": of_model(two(norm_weights=[1.0] * 32))}
    ),
}


def specials(kind: str) -> dict[str, float]:
    """Return the numbers that nobody expects, of a type."""
    of = np.finfo(kind)
    return {
        "nan": math.nan,
        "inf": math.inf,
        "-inf": -math.inf,
        "0": 0.0,
        "-0": -0.0,
        "denormal": float(of.smallest_subnormal),
        "max": float(of.max),
    }


def measure(name: str, example: Example):
    """Measure an example in this process.

    :raises ValueError: if the model of the parameters refuses them.
    """
    light = BY_NAME[name]
    module, _, function = light.implementation.partition(":")
    parameters = light.parameters.model_validate_json(json.dumps(example.parameters))
    contents = {key: data for key, (data, _) in example.files.items()} | {
        key: ("x\n" + "".join(f"{each}\n" for each in numbers)).encode() for key, numbers in example.texts.items()
    }
    with ExitStack() as stack:
        inputs = {key: stack.enter_context(opened(data)) for key, data in contents.items()}
        return getattr(import_module(module), function)(parameters, Context(inputs=inputs))


def spoiled(example: Example) -> Iterator[tuple[str, bool, Example]]:
    """Yield the example with each number replaced by each special one: where, whether that is finite, and the rest."""
    plain = json.loads(json.dumps(example.parameters))
    for path in _leaves(plain, ()):
        for what, number in specials("<f2" if isinstance(_at(plain, path), str) else "<f8").items():
            parameters = copy.deepcopy(plain)
            of = _at(parameters, path[:-1])
            is_half = isinstance(of[path[-1]], str)
            of[path[-1]] = np.array(number, "<f2").tobytes().hex().upper() if is_half else number
            yield f"{'.'.join(map(str, path))} = {what}", math.isfinite(number), example._replace(parameters=parameters)
    for name, (data, places) in example.files.items():
        for offset, kind in places:
            for what, number in specials(kind).items():
                raw = np.array(number, kind).tobytes()
                changed = data[:offset] + raw + data[offset + len(raw) :]
                files = {**example.files, name: (changed, places)}
                yield f"{name}[{offset}] = {what}", math.isfinite(number), example._replace(files=files)
    for name, numbers in example.texts.items():
        for position in range(len(numbers)):
            for what, number in specials("<f8").items():
                changed = [*numbers[:position], number, *numbers[position + 1 :]]
                texts = {**example.texts, name: changed}
                yield f"{name}[{position}] = {what}", math.isfinite(number), example._replace(texts=texts)


HALVES = {"d", "dmin", "scales_d"}


def _leaves(value, path):
    """Yield the places of numbers in parameters, also of those that are written as the bytes of a half."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list):
        for key, each in enumerate(value):
            yield from _leaves(each, (*path, key))
    elif (isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(value, str) and HALVES & set(map(str, path))
    ):
        yield path


def _at(value, path):
    """Return what stands at a place."""
    for step in path:
        value = value[step]
    return value
