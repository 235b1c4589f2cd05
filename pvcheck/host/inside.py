"""What every work of a worker needs: the parts of the evaluator, its inputs, and an answer for whatever it raises."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from functools import cache
from json import dumps
from pathlib import PurePath
from typing import TYPE_CHECKING

import pydantic

from pvcheck.errors import quoted
from pvcheck.host import codes, registry
from pvcheck.plugin import InputError, NotMeasured, Source, sides, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

    from pvcheck.domain.canonical import JSON
    from pvcheck.plugin import Evaluator, Parameters

MAX_RANGES = 100_000
SHOWN = 3
"""Problems with parameters that one reason tells."""


class Refused(Exception):  # noqa: N818 - it is the reason a reader sees
    """The evaluation cannot be made; ``code`` says in which way."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def answered(perform: Callable[[], dict[str, JSON]]) -> tuple[dict[str, JSON], bool]:
    """Return the answer to a request, and whether the process is fit for another one.

    Whatever the evaluator raises becomes an answer: ``SystemExit`` must end neither the worker nor the run.
    """
    threads = set(threading.enumerate())
    with _surroundings():
        try:
            told, is_fit = perform(), True
        except BaseException as error:  # noqa: BLE001 - an evaluator may raise anything
            # What was meant to end the process, or filled its memory or its stack, left it in an unknown state.
            is_fit = isinstance(error, Exception) and not isinstance(error, MemoryError | RecursionError)
            told = _answer_to(error)
    # A thread that goes on would run beside the next evaluation, and could change what that measures.
    return told, is_fit and threads.issuperset(threading.enumerate())


def _answer_to(error: BaseException) -> dict[str, JSON]:
    """Return the answer that an exception makes."""
    code, reason = codes.RAISED, f"raised {_told(error)}"
    if isinstance(error, NotMeasured):
        return {"kind": "not_measured", "reason": registry.text_of(error) or "the evaluator gives no reason"}
    if isinstance(error, InputError):
        code, reason = codes.INPUT, registry.text_of(error)
    elif isinstance(error, sides.OneSided):
        code, reason = codes.ONE_SIDED, registry.text_of(error)
    elif isinstance(error, wire.BadResult):
        code, reason = codes.BAD_RESULT, registry.text_of(error)
    elif isinstance(error, Refused):
        code, reason = error.code, registry.text_of(error)
    elif isinstance(error, MemoryError):
        code, reason = codes.MEMORY, f"ran out of memory{_where(error)}"
    return {"kind": "error", "code": code, "reason": reason}


@cache
def evaluator(module: str, name: str) -> Evaluator:
    """Return the light part of an evaluator, as this process finds it: once, as asking a plugin takes 1 ms."""
    try:
        offered = registry.evaluators(registry.manager(registry.load(module), module))
    except BaseException as error:  # noqa: BLE001 - also SystemExit at import
        reason = f"its plugin cannot be loaded in a worker: {_told(error)}"
        raise Refused(codes.BROKEN_PLUGIN, reason) from None
    for each in offered:
        if each.name == name:
            return each
    raise Refused(codes.BROKEN_PLUGIN, f"its plugin does not offer {quoted(name)} in a worker")


def parameters(evaluator: Evaluator, values: JSON) -> Parameters:
    """Return the parameters as the plugin's model reads them: by JSON's rules, in which a list is a tuple."""
    try:
        return evaluator.parameters.model_validate_json(dumps(values))
    except pydantic.ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:SHOWN])
        raise Refused(codes.PARAMETERS, f"refuses the parameters: {told}") from None


def implementation(target: str) -> Callable[..., object]:
    """Return the heavy part of an evaluator."""
    try:
        found = registry.load(target)
    except BaseException as error:  # noqa: BLE001 - also SystemExit at import
        reason = f"its implementation {quoted(target)} cannot be loaded: {_told(error)}"
        raise Refused(codes.NO_IMPLEMENTATION, reason) from None
    if not callable(found):
        raise Refused(codes.NO_IMPLEMENTATION, f"its implementation {quoted(target)} is not a function")
    return found


def opened(request: Mapping[str, JSON], stack: ExitStack, *, hashes_ahead: bool = False) -> dict[str, Source]:
    """Return the inputs of a request; the stack closes them."""
    formats = request["formats"]
    return {
        name: stack.enter_context(Source(path, formats.get(name, ""), hashes_ahead=hashes_ahead))
        for name, path in request["inputs"].items()
    }


def read(source: Source, *, whole: bool = False, hashed: bool = True) -> dict[str, JSON]:
    """Return what was read of one input. The digests are of the file that was opened, whatever its path is now.

    :param whole: whether the digest of the whole file is asked for.
    :param hashed: whether that of the ranges is: a part needs none, as the join reads them all again.
    """
    ranges = source.ranges()
    if len(ranges) > MAX_RANGES:
        raise wire.BadResult(f"{len(ranges)} separate ranges of an input were read, at most {MAX_RANGES} can be told")
    told: dict[str, JSON] = {"size": source.size, "ranges": [*map(list, ranges)]}
    if hashed:
        told["read_sha256"] = source.read_digest()
    if whole:
        with source.view(0, source.size) as view:
            told["sha256"] = hashlib.sha256(view).hexdigest()
    return told


def _told(error: BaseException) -> str:
    """Return an exception with its type and the place in the plugin that it comes from."""
    return f"{registry.told(error)}{_where(error)}"


def _where(error: BaseException) -> str:
    """Return the place an exception was raised at, or nothing where that is in this module or in Python itself."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    if not frames or frames[0].filename in {__file__, registry.__file__} or frames[0].filename.startswith("<"):
        return ""
    return f" ({PurePath(frames[0].filename).name}:{frames[0].lineno})"


@contextmanager
def _surroundings() -> Iterator[None]:
    """Put folder and umask back as they were, and write out what was printed.

    The environment stays as the evaluator leaves it: libraries set variables once, when they are loaded.
    """
    folder, mask = os.getcwd(), os.umask(0o022)  # noqa: PTH109 - text is enough
    os.umask(mask)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(BaseException):  # the evaluator may have closed or replaced it
                stream.flush()
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - it may have removed its own
        os.chdir(folder)
        os.umask(mask)
