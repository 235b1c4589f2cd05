"""The slowest evaluations of a run, at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.results import FileResult


def lines(files: Sequence[FileResult], most: int) -> Iterator[str]:
    """Yield the slowest evaluations, the slowest first; those of one time in the order of the run.

    The time is from the first task of an evaluation to its last answer: workers, and the road to them, are in it.
    """
    timed = [(file, each) for file in files for each in file.results if each.took]
    slowest = sorted(timed, key=lambda each: -each[1].took)[:most]
    if slowest:
        yield f"slowest {len(slowest)} of {len(timed)}:"
    for file, each in slowest:
        yield f"  {each.took:9.3f} s  {escaped(each.falsifier.id or '')}  {escaped(str(file.checked.path))}"
