"""The graph of contracts as a tree, as a Mermaid diagram, and as JSON."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.report.machine import plain
from pvcheck.report.tally import count
from pvcheck.rules.fleet import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.contract import Contract, Stage
    from pvcheck.pipeline.graphing import Graph

NO_CONTRACT = "there is no such contract"
UNREAD = "cannot be read"
NO_FALSIFIER = "there is no such falsifier"
_PLAIN = re.compile(r"[A-Za-z0-9 ._/-]", re.ASCII)
"""What Mermaid shows as it is inside quotes; everything else is written as the number of the character."""


def text(graph: Graph, *, stages: bool) -> Iterator[str]:
    """Yield a tree for each contract that no other one needs; a contract is shown in full once."""
    shown: set[Path] = set()
    for root in graph.roots:
        yield from _branch(graph, root, "", shown, stages=stages)
    dangling = sum(each.target is None for each in graph.edges)
    needed = "1 dependency" if len(graph.edges) == 1 else f"{len(graph.edges)} dependencies"
    parts = [f"{count(len(graph.contracts), 'contract')}, {needed}: {dangling} of them lead nowhere"]
    parts += [f"{len(graph.unread)} cannot be read"] if graph.unread else []
    yield "; ".join(parts)


def _branch(graph: Graph, path: Path, indent: str, shown: set[Path], *, stages: bool) -> Iterator[str]:
    """Yield one contract and below it what it stands on. The depth is bounded by the number of contracts."""
    waiting: list[tuple[Path | str, str]] = [(path, indent)]
    while waiting:
        one, space = waiting.pop()
        if isinstance(one, str):
            yield f"{space}{escaped(one)}  ({NO_CONTRACT})"
            continue
        contract = graph.contracts[one]
        again = "  (see above)" if one in shown and (graph.needs(one) or stages) else ""
        head = f"({UNREAD})" if one in graph.unread else _head(contract, one)
        yield f"{space}{head}  {escaped(str(one))}{again}"
        if one in shown:
            continue
        shown.add(one)
        if stages:
            yield from (f"{space}  {line}" for line in _stages(contract))
        below = [(each.target or name_of(each.dependency.text) or each.dependency.text) for each in graph.needs(one)]
        waiting += [(each, f"{space}  ") for each in reversed(below)]


def _head(contract: Contract, path: Path) -> str:
    """Return id, or else the name of the file, version and status of a contract."""
    words = (contract.id or path.stem, str(contract.version or "?"), contract.status or "-")
    return "  ".join(map(escaped, words))


def _stages(contract: Contract) -> Iterator[str]:
    """Yield each stage and the falsifiers that decide it, then those that decide none."""
    for stage in contract.stages:
        yield f"stage {escaped(stage.id or '-')}  {escaped(stage.status or '-')}"
        for name, status in _accepted(stage, contract):
            yield f"  {escaped(name)}  {f'({NO_FALSIFIER})' if status is None else escaped(status)}"
    free = _free(contract)
    if free:
        yield f"in no stage: {', '.join(map(escaped, free))}"


def _accepted(stage: Stage, contract: Contract) -> Iterator[tuple[str, str | None]]:
    """Yield the falsifiers that a stage names with their statuses, None where there is none of that name."""
    for name in stage.accepts:
        falsifier = contract.falsifier(name)
        yield name, None if falsifier is None else falsifier.status or "-"


def _free(contract: Contract) -> tuple[str, ...]:
    """Return the falsifiers that decide no stage."""
    used = {name for stage in contract.stages for name in stage.accepts}
    return tuple(each.id or "-" for each in contract.falsifiers if each.id not in used)


def mermaid(graph: Graph, *, stages: bool) -> Iterator[str]:
    """Yield a Mermaid flowchart: an arrow points from a contract to what it needs. Nodes are numbered."""
    numbers = {path: f"c{number}" for number, path in enumerate(graph.contracts)}
    yield "flowchart LR"
    for path, name in numbers.items():
        contract = graph.contracts[path]
        words = (contract.id or path.stem, str(contract.version or "?"), contract.status or "-")
        yield f"  {name}[{_label(path.stem, UNREAD) if path in graph.unread else _label(*words)}]"
    missing: dict[str, str] = {}
    for each in graph.edges:
        wanted = name_of(each.dependency.text) or each.dependency.text
        if each.target is None and wanted not in missing:
            missing[wanted] = f"m{len(missing)}"
            yield f"  {missing[wanted]}([{_label(wanted, NO_CONTRACT)}])"
    for each in graph.edges:
        if each.target is None:
            wanted = name_of(each.dependency.text) or each.dependency.text
            yield f"  {numbers[each.source]} -.-> {missing[wanted]}"
        else:
            yield f"  {numbers[each.source]} --> {numbers[each.target]}"
    if stages:
        for path, name in numbers.items():
            yield from _drawn(graph.contracts[path], name)


def _drawn(contract: Contract, name: str) -> Iterator[str]:
    """Yield the stages of a contract and their falsifiers."""
    falsifiers: dict[str, str] = {}
    for number, stage in enumerate(contract.stages):
        yield f"  {name}s{number}[{_label(stage.id or '-', stage.status or '-')}]"
        yield f"  {name} --- {name}s{number}"
        for accepted, status in _accepted(stage, contract):
            if accepted not in falsifiers:
                falsifiers[accepted] = f"{name}f{len(falsifiers)}"
                yield f"  {falsifiers[accepted]}([{_label(accepted, status or NO_FALSIFIER)}])"
            yield f"  {name}s{number} --> {falsifiers[accepted]}"


def _label(*words: str) -> str:
    """Return words as a label that no id can break out of."""
    told = " ".join(escaped(word, 60) for word in words)
    return '"' + "".join(char if _PLAIN.fullmatch(char) else f"#{ord(char)};" for char in told) + '"'


def as_json(graph: Graph, *, stages: bool) -> str:
    """Return the graph as JSON, the same text for the same contracts."""
    contracts = [_entry(graph, path, contract, stages=stages) for path, contract in graph.contracts.items()]
    value = {"contracts": contracts, "order": list(map(str, graph.order))}
    return plain.inert(json.dumps(value, indent=1, sort_keys=True))


def _entry(graph: Graph, path: Path, contract: Contract, *, stages: bool) -> Mapping[str, JSON]:
    """Return one contract as JSON; ``path`` of a dependency is null where there is no such contract."""
    needs = [
        {"name": each.dependency.text, "path": None if each.target is None else str(each.target)}
        for each in graph.needs(path)
    ]
    entry: dict[str, JSON] = {
        "path": str(path),
        "id": contract.id,
        "version": None if contract.version is None else str(contract.version),
        "status": contract.status,
        "is_read": path not in graph.unread,
        "depends_on": needs,
    }
    if stages:
        entry["stages"] = [
            {
                "id": stage.id,
                "status": stage.status,
                "falsifiers": [{"id": name, "status": word} for name, word in _accepted(stage, contract)],
            }
            for stage in contract.stages
        ]
        entry["in_no_stage"] = list(_free(contract))
    return entry
