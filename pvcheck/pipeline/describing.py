"""Describing a model file: a plugin's reader says what is in it, and the digests are ours.

The reader runs in this process, as a file is described for a person and nothing is judged by it. What it returns is
checked all the same: a wrong offset must not become a digest of other bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from pvcheck import config
from pvcheck.errors import Finding, NotMeasuredError, escaped, quoted
from pvcheck.host import codes, discover, registry
from pvcheck.plugin import InputError, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNK = 1 << 24


class Reader(NamedTuple):
    """A reader of one format, and who offers it."""

    format: str
    target: str
    plugin: str
    distribution: str


class Tensor(NamedTuple):
    """One tensor; ``offset`` and ``size`` count bytes of the file, ``digest`` is its SHA-256 or empty."""

    name: str
    type: str
    dims: tuple[int, ...]
    offset: int
    size: int
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A model file: what its reader tells, its size in bytes, and the SHA-256 of all of it or nothing."""

    path: str
    reader: Reader
    version: str
    size: int
    metadata: dict[str, str]
    tensors: tuple[Tensor, ...]
    digest: str = ""


def readers(folder: Path) -> dict[str, Reader]:
    """Return the readers that plugins offer, by format; a plugin that cannot say offers none.

    :raises ConfigError: if plugins clash, or if the settings of the folder cannot be read.
    """
    settings = config.of_folder(folder)
    found: dict[str, Reader] = {}
    for plugin in discover(disabled=settings.disabled, choose=settings.chosen).plugins:
        try:
            offers = [pair for answer in plugin.manager.hook.pv_model_readers() for pair in answer.items()]
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001, S112 - one plugin's mistake must not hide another's reader
            continue
        for name, target in offers:
            if type(name) is str and type(target) is str:
                found.setdefault(name, Reader(name, target, plugin.name, plugin.distribution))
    return found


def describe(
    path: Path, reader: Reader, *, digest: bool, on_progress: Callable[[int, int], None] | None = None
) -> Described:
    """Describe a file; with ``digest``, read all of it.

    :param on_progress: is told how many bytes were hashed, and of how many: those of tensors are hashed twice.
    :raises NotMeasuredError: if the file is not sound or cannot be read, or if the reader fails.
    """
    try:
        with Source(str(path)) as source:
            told = registry.load(reader.target)(source)  # type: ignore[operator]  # a text from a plugin
            version, metadata, tensors = _checked(told, source.size)
            hashed = None
            if digest:
                _check_whole(told)
                hashed = _Hashed(source, sum(each.size for each in tensors) + source.size, on_progress)
                tensors = tuple(each._replace(digest=hashed.digest(each.offset, each.size)) for each in tensors)
            return Described(
                path=str(path),
                reader=reader,
                version=version,
                size=source.size,
                metadata=metadata,
                tensors=tensors,
                digest=hashed.digest(0, source.size) if hashed else "",
            )
    except InputError as error:
        code = getattr(error, "code", "")
        hint = f"pv explain {escaped(code)}" if isinstance(code, str) and code else ""
        raise NotMeasuredError(Finding(codes.INPUT, registry.text_of(error), hint=hint, exit_code=3)) from error
    except (KeyboardInterrupt, NotMeasuredError):
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit in a reader must not end the program
        _refuse(codes.RAISED, reader, registry.told(error), error)


def _checked(told: object, size: int) -> tuple[str, dict[str, str], tuple[Tensor, ...]]:
    """Return the parts of a reader's answer, each of its type and each tensor inside the file."""
    try:
        version, metadata, tensors = (told[key] for key in ("version", "metadata", "tensors"))  # type: ignore[index]  # JSON
        rows = tuple(Tensor(*each) for each in tensors)
        sound = all(map(_is_text, [version, *metadata, *metadata.values()])) and all(_fits(row, size) for row in rows)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise TypeError(f"the answer is not what pv_model_readers asks for: {registry.told(error)}") from error
    if not sound:
        raise TypeError("the answer is not what pv_model_readers asks for: a wrong type, or a tensor outside the file")
    return version, metadata, rows


def _check_whole(told: object) -> None:
    """Call the check of a reader that has one.

    :raises InputError: if the file is not sound.
    """
    check = told.get("check") if isinstance(told, dict) else None
    if check is not None:
        check()


def _is_text(value: object) -> bool:
    return type(value) is str


def _fits(row: Tensor, size: int) -> bool:
    """Say whether a tensor has its types and lies inside the file."""
    numbers = [*row.dims, row.offset, row.size]
    right = _is_text(row.name) and _is_text(row.type) and all(type(each) is int and each >= 0 for each in numbers)
    return right and type(row.dims) is tuple and row.offset + row.size <= size and not row.digest


class _Hashed:
    """Digests of ranges of a file, and how many bytes went into all of them."""

    def __init__(self, source: Source, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self._source = source
        self._total = total
        self._done = 0
        self._told = on_progress

    def digest(self, offset: int, size: int) -> str:
        """Return the SHA-256 of a range, read piece by piece."""
        state = hashlib.sha256()
        for piece in _pieces(self._source, offset, size):
            state.update(piece)
            self._done += len(piece)
            if self._told is not None:
                self._told(self._done, self._total)
        return state.hexdigest()


def _pieces(source: Source, offset: int, size: int) -> Iterator[memoryview]:
    """Yield a range of the file in views that are released one after the other."""
    for at in range(offset, offset + size, CHUNK):
        with source.view(at, min(CHUNK, offset + size - at)) as view:
            yield view


def _refuse(code: str, reader: Reader, why: str, cause: BaseException) -> NoReturn:
    """Raise what a reader did wrong, with its name."""
    who = f"the reader of {quoted(reader.format)} in the plugin {quoted(reader.plugin)}"
    hint = f"tell the authors of {escaped(reader.distribution)}"
    raise NotMeasuredError(Finding(code, f"{who}: {escaped(why)}", hint=hint, exit_code=3)) from cause
