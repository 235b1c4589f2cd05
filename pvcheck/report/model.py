"""A model file as text: metadata and tensors, aligned, every foreign word escaped and short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.describing import Described

SHOWN = 80
"""Characters of a key, a value or a name: a table must stay one."""


def lines(model: Described) -> Iterator[str]:
    """Yield what the file is, its metadata, its tensors, and a last line with the sums."""
    reader = f"{escaped(model.reader.plugin)}, {escaped(model.reader.distribution)}"
    kind = f"{escaped(model.reader.format)} version {escaped(model.version)}"
    yield f"{escaped(model.path, 1000)}: {kind}, {count(model.size, 'byte')} (read by {reader})"
    if model.metadata:
        yield ""
        rows = [(escaped(key, SHOWN), escaped(value, SHOWN)) for key, value in model.metadata.items()]
        yield from _aligned([("key", "value"), *rows], "<<")
    if model.tensors:
        yield ""
        head = ("tensor", "type", "dims", "bytes", "offset", *(["sha256"] if model.digest else []))
        cells = [
            (
                escaped(each.name, SHOWN),
                escaped(each.type, SHOWN),
                " x ".join(map(str, each.dims)) or "scalar",
                str(each.size),
                str(each.offset),
                *([each.digest] if model.digest else []),
            )
            for each in model.tensors
        ]
        yield from _aligned([head, *cells], "<<>>><")
    yield ""
    data = sum(each.size for each in model.tensors)
    told = f"{count(len(model.tensors), 'tensor')} of {count(data, 'byte')}; {len(model.metadata)} metadata"
    yield f"{told}; sha256:{model.digest}" if model.digest else told


def _aligned(rows: Sequence[tuple[str, ...]], sides: str) -> Iterator[str]:
    """Yield rows as lines of columns; ``<`` sets a column to the left, ``>`` to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=False))
        yield ("  " + "  ".join(cells)).rstrip()
