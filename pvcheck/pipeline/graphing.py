"""The graph of contracts: which stands on which, in an order in which everything needed comes first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import config, discovery
from pvcheck.domain.contract import Contract
from pvcheck.errors import ContractError, EmptyError, Finding, PvError, escaped
from pvcheck.loading import contract as loading
from pvcheck.pipeline.checking import MAX_CONTRACT
from pvcheck.rules import fleet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pvcheck.rules.fleet import Edge
    from pvcheck.text import Document


class Graph(NamedTuple):
    """Contracts by their paths, sorted, and their dependencies. ``order`` has what is needed before what needs it.

    A contract among the ``unread`` is there and cannot be understood; ``findings`` say why those that were named are.
    """

    contracts: Mapping[Path, Contract]
    edges: tuple[Edge, ...]
    order: tuple[Path, ...]
    unread: frozenset[Path]
    findings: tuple[Finding, ...]

    def needs(self, path: Path) -> tuple[Edge, ...]:
        """Return what a contract stands on, as its file lists it."""
        return tuple(each for each in self.edges if each.source == path)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The contracts that no other one needs."""
        needed = {each.target for each in self.edges}
        return tuple(path for path in self.contracts if path not in needed)


def graph(paths: Sequence[Path], here: Path) -> Graph:
    """Return the graph of contracts and of everything that they stand on.

    :raises ContractError: where dependencies go in a circle, with the place of each step.
    """
    findings: list[Finding] = []
    chosen = dict(_read(paths, findings))
    known = dict(chosen)
    if any(contract.depends_on for contract, _ in chosen.values()):
        seen = {os.path.realpath(path) for path in paths}
        known |= _read((path for path in _fleet(paths, here) if os.path.realpath(path) not in seen), [])
    root = config.of_folder(here).root
    edges = fleet.edges({path: contract for path, (contract, _) in known.items()}, root)
    reached = _reached(chosen, edges)
    edges = tuple(sorted((each for each in edges if each.source in reached), key=lambda each: str(each.source)))
    if circles := fleet.cycles(edges):
        raise ContractError(
            finding for circle in circles for finding in _circle(circle, edges, [known[path][1] for path in circle])
        )
    contracts = {path: known[path][0] for path in sorted(reached, key=str)}
    unread = frozenset(path for path in contracts if known[path][1] is None)
    return Graph(contracts, edges, ordered(contracts, edges), unread, tuple(findings))


def ordered(paths: Iterable[Path], edges: Iterable[Edge]) -> tuple[Path, ...]:
    """Return contracts so that each comes after all that it needs; of several that could come, the first by path.

    There must be no circle.
    """
    wanted: dict[Path, set[Path]] = {path: set() for path in sorted(paths, key=str)}
    for each in edges:
        if each.target is not None:
            wanted[each.source].add(each.target)
    found: dict[Path, None] = {}
    while len(found) < len(wanted):
        ready = next(path for path, needs in wanted.items() if path not in found and needs <= found.keys())
        found[ready] = None
    return tuple(found)


def _read(paths: Iterable[Path], findings: list[Finding]) -> Iterator[tuple[Path, tuple[Contract, Document | None]]]:
    """Yield contracts with their texts; one that cannot be understood is empty and has none. Add what is wrong."""
    for path in paths:
        empty = Contract(str(path), False, None, None, None, {}, (), (), (), ())
        try:
            loaded = loading.load(config.read(path, MAX_CONTRACT), str(path))
        except PvError as error:
            findings += error.findings
            yield path, (empty, None)
            continue
        if loaded.contract is None:
            findings += loaded.findings
        yield path, (empty, None) if loaded.contract is None else (loaded.contract, loaded.document)


def _fleet(paths: Sequence[Path], here: Path) -> list[Path]:
    """Return where dependencies may lead: the contracts of the settings, and those beside the chosen ones."""
    folders = dict.fromkeys(str(path.parent) for path in paths)
    try:
        known = discovery.contracts((), here)
    except EmptyError:
        known = []
    return [*known, *discovery.contracts(folders, here, lenient=True)]


def _reached(chosen: Iterable[Path], edges: Sequence[Edge]) -> set[Path]:
    """Return the chosen contracts and all that they stand on."""
    found: set[Path] = set()
    waiting = list(chosen)
    while waiting:
        path = waiting.pop()
        found.add(path)
        targets = (each.target for each in edges if each.source == path)
        waiting += [target for target in targets if target is not None and target not in found]
    return found


def _circle(circle: Sequence[Path], edges: Sequence[Edge], texts: Sequence[Document | None]) -> Iterator[Finding]:
    """Yield each step of a circle at the place of its dependency, in order."""
    names = [escaped(path.stem, 60) for path in (*circle, circle[0])]
    steps = zip(circle, (*circle[1:], circle[0]), texts, strict=True)
    for number, (path, after, document) in enumerate(steps, 1):
        assert document is not None  # noqa: S101 - what cannot be read depends on nothing
        edge = next(each for each in edges if each.source == path and each.target == after)
        step = f"step {number} of {len(circle)}: {names[number - 1]} needs {names[number]}"
        message = f"the dependencies go in a circle, {' -> '.join(names)}; {step}"
        hint = "take out the one that is no dependency"
        yield document.finding("PV323", message, edge.dependency.route, hint=hint)
