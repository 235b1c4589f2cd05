"""What changed between two versions of a contract as text: one line a change, then whether the version fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain.version import Change
from pvcheck.errors import escaped
from pvcheck.report import findings
from pvcheck.rules import weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pvcheck.loading.contract import Loaded
    from pvcheck.pipeline.differing import Pair
    from pvcheck.report.excerpts import Sources
    from pvcheck.rules.weights import Weighed

NAMES = {Change.MAJOR: "a major version", Change.MINOR: "a minor version", Change.PATCH: "a patch version"}


def lines(pair: Pair, sources: Sources, *, full: bool = True) -> Iterator[str]:
    """Yield every change between two versions, and the verdict on the version."""
    old, new = escaped(pair.old.name), escaped(pair.new.name)
    if full:
        yield f"{old} -> {new}"
    yield from findings.lines(pair.problems, full=full, sources=sources)
    if pair.after is not None:
        for each in pair.weighed:
            if each.kind != "version":
                yield _line(each, pair.after, full=full)
    yield from (f"{line}" if full else f"{new}: {line}" for line in _verdict(pair))


def summary(pairs: Iterable[Pair]) -> str:
    """Return how many contracts were compared and what became of them."""
    all_pairs = list(pairs)
    same = sum(pair.is_same for pair in all_pairs)
    unfit = sum(not pair.fits for pair in all_pairs)
    told = f"{_count(len(all_pairs), 'contract')} compared: {same} without differences"
    return f"{told}; {_count(unfit, 'version')} too low" if unfit else told


def _line(each: Weighed, after: Loaded, *, full: bool) -> str:
    """Return one change: its weight, whom it is about, and the sentence."""
    word = each.change.name if each.change else "-"
    told = f"{escaped(each.subject)}: {each.message}"
    if full:
        return f"  {word:<5}  {told}"
    line, column = after.document.place(each.route)
    return f"{escaped(after.document.path)}:{line}:{column}: {word} {told}"


def _verdict(pair: Pair) -> Iterator[str]:
    """Yield whether the version fits the changes, or why that is not told."""
    if pair.problems:
        return
    if pair.new.data is None:
        yield "the contract is gone"
    elif pair.old.data is None:
        yield "the contract is new"
    elif pair.is_same:
        yield "no differences"
    else:
        yield f"{_version(pair.before)} -> {_version(pair.after)}: {_judged(pair)}"


def _judged(pair: Pair) -> str:
    """Return whether a version is as high as the changes need."""
    heaviest = weights.needed(pair.weighed)
    count = sum(each.change is heaviest for each in pair.weighed)
    needs = f"{_count(count, 'change')} need{'s' if count == 1 else ''} {NAMES.get(heaviest, '')}"
    if None in pair.versions:
        return f"{needs}, but nobody can compare these versions" if heaviest else "nobody can compare these versions"
    if not pair.fits:
        return f"{needs}, {pair.due} or above" if heaviest else f"the version falls, {pair.due} or above is due"
    return f"the version fits: {needs}" if heaviest else "the version fits"


def _version(loaded: Loaded | None) -> str:
    """Return a version as the file spells it."""
    about = {} if loaded is None else loaded.instance.get("metadata", {})
    return escaped(str(about.get("version")))


def _count(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
