"""Files and shortcuts that the tests of the general evaluators share, built from the descriptions of the formats."""

from __future__ import annotations

import io
import json
import struct
import tempfile
from contextlib import ExitStack, contextmanager

import numpy as np

from pvcheck.plugin import Context, InputError, NotMeasured, Source, wire
from pvcheck_general import plugin
from pvcheck_general.plugin import EVALUATORS

TYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}


@contextmanager
def opened(data, suffix=""):
    """Open bytes as a source file."""
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        with Source(file.name) as source:
            yield source


def evaluator(name):
    """Return the light part of an evaluator."""
    return next(each for each in EVALUATORS if each.name == name)


def measure(name, parameters, files=None, **context):
    """Measure as a worker does: parameters from JSON, files open, the result held against the catalogue."""
    from importlib import import_module

    light = evaluator(name)
    module, _, function = light.implementation.partition(":")
    given = light.parameters.model_validate_json(json.dumps(parameters))
    with ExitStack() as stack:
        inputs = {key: stack.enter_context(opened(data)) for key, data in (files or {}).items()}
        try:
            found = getattr(import_module(module), function)(given, Context(inputs=inputs, **context))
        except (InputError, NotMeasured) as error:
            # The names of temporary files differ from run to run.
            text = str(error)
            for key, source in inputs.items():
                text = text.replace(source.path, key)
            raise type(error)(text) from error
        wire.check(found, light.metrics)
        return found


def npy(array):
    """Return a .npy file as NumPy writes it."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def npy_of(header, data=b"", *, version=1):
    """Return a .npy file with a header of one's own."""
    text = header.encode() if isinstance(header, str) else header
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def npz(compressed=False, **arrays):
    """Return a .npz file as NumPy writes it."""
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def safetensors_of(header, data=b"", length=None):
    """Return a safetensors file with a header of one's own."""
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def safetensors(**arrays):
    """Return a safetensors file of arrays."""
    header, data = {}, b""
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": TYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    return safetensors_of(header, data)


def evaluators():
    """Return what the plugin offers."""
    return plugin.pv_evaluators()
