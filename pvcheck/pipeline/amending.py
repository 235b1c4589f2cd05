"""What an amendment must say about two versions of a contract, and what amendments have said already.

One amendment tells the net change since the base: where each status was and where it is, which evidence is new,
which bounds are others. So it does not matter in how many steps that came about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pvcheck import writeback
from pvcheck.domain.contract import Transition
from pvcheck.domain.status import ACTIVE, EARNED, Status
from pvcheck.domain.version import Change
from pvcheck.rules.earned import by_metric, normal, today
from pvcheck.text import RemoveKey, Scalar, Transplant, splice
from pvcheck.writeback import Rebound, rebound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pvcheck.domain.contract import Amendment, Contract, Falsifier
    from pvcheck.domain.route import Route
    from pvcheck.evidence.record import Record
    from pvcheck.loading.contract import Loaded
    from pvcheck.rules.weights import Weighed
    from pvcheck.text import Document, Value

    Key = tuple[str, str]
    """What a status stands at: ``falsifier`` or ``stage`` and its id, or ``contract`` and nothing."""

    Find = Callable[[Falsifier], Record | None]
    """Returns the sound record that a falsifier names, wherever it lies."""


class State(NamedTuple):
    """A status as it is written, and our reference behind it."""

    word: str | None
    evidence: str | None = None


class Told(NamedTuple):
    """What some amendments say together: of each id where it was first and where last, and its last evidence."""

    moves: dict[str, Transition]
    evidence: dict[str, str]
    bounds: dict[tuple[str, str], tuple[str, ...]]
    before: dict[tuple[str, str], tuple[str, ...]]
    summaries: tuple[str, ...]


class Due(NamedTuple):
    """What an amendment has to say."""

    moves: tuple[Transition, ...]
    renewed: dict[str, str]
    bounds: tuple[Rebound, ...]

    @property
    def weight(self) -> Change:
        """How far what is listed reaches."""
        listed = [Change.MINOR] * bool(self.moves) + [Change.PATCH] * bool(self.renewed)
        return max([*listed, *(each.weight for each in self.bounds)], default=Change.NONE)


def places(contract: Contract) -> Iterator[tuple[Key, Route, State]]:
    """Yield everything that has a status, where it stands, and what it says."""
    for falsifier in contract.falsifiers:
        yield ("falsifier", falsifier.id or ""), falsifier.route, State(falsifier.status, falsifier.evidence)
    for stage in contract.stages:
        yield ("stage", stage.id or ""), stage.route, State(stage.status)
    yield ("contract", ""), ("metadata",), State(contract.status)


def states(contract: Contract) -> dict[Key, State]:
    """Return every status of a contract."""
    return {key: state for key, _, state in places(contract)}


def dressed(loaded: Loaded, wanted: Mapping[Key, State]) -> Document:
    """Return a contract's document with the statuses and evidence that are wanted; what is not named stays."""
    document = loaded.document
    for key, route, state in places(loaded.contract) if loaded.contract is not None else ():
        want = wanted.get(key, state)
        if want == state:
            continue
        if state.evidence is not None and want.evidence is None:
            document = splice(document, [RemoveKey(route, "evidence")])
        node = document.get((*route, "status"))
        if want.word is None:
            document = splice(document, [RemoveKey(route, "status")]) if node is not None else document
        elif not isinstance(node, Scalar) or node.text != want.word:
            document = splice(document, [writeback.setting(document, route, "status", want.word, None)])
        if want.evidence is not None and want.evidence != state.evidence:
            document = splice(document, [writeback.citing(document, route, want.evidence)])
    return document


def with_amendments_of(document: Document, source: Document) -> Document:
    """Return a document whose amendments are those of another, letter by letter."""
    if source.get(("amendments",)) is not None:
        return splice(document, [Transplant("amendments", source)])
    is_there = document.get(("amendments",)) is not None
    return splice(document, [RemoveKey((), "amendments")]) if is_there else document


def told(amendments: Sequence[Amendment]) -> Told:
    """Return what amendments, the newest first, say together."""
    found = Told({}, {}, {}, {}, tuple(dict.fromkeys(each.summary for each in amendments if each.summary)))
    for amendment in reversed(amendments):
        for move in amendment.transitions:
            earlier = found.moves.get(move.id, move)
            found.moves[move.id] = move._replace(before=earlier.before)
            found.evidence.pop(move.id, None)
            if move.evidence is not None:
                found.evidence[move.id] = move.evidence
        for renewal in amendment.renewals:
            found.evidence[renewal.id] = renewal.evidence
        for change in amendment.bounds:
            place = (change.id, change.metric)
            found.before.setdefault(place, normal(change.before))
            found.bounds[place] = normal(change.after)
    return found


def due(before: Contract, after: Contract, said: Told, find: Find) -> Due:
    """Return what the amendment from one version to the other has to say.

    :param said: what amendments since ``before`` say: a bound that changed and changed back keeps its line where
        evidence leans on it.
    """
    moves: list[Transition] = []
    renewed: dict[str, str] = {}
    old = states(before)
    for key, state in states(after).items():
        name = key[1] or after.id or ""
        was = old.get(key)
        if was is None:
            first = said.moves.get(name)
            was = State(first.before if first else None) if state.word in EARNED else state
        if _word(key, was.word) != _word(key, state.word):
            moves.append(Transition(name, was.word, _word(key, state.word), state.evidence))
        elif state.evidence is not None and state.evidence != was.evidence:
            renewed[name] = state.evidence
    return Due(tuple(moves), renewed, tuple(_bounds(before, after, said, find)))


def _word(key: Key, word: str | None) -> str:
    """Return a status; none is the one that it counts as."""
    return word or (ACTIVE if key[0] == "contract" else Status.PENDING)


def _bounds(before: Contract, after: Contract, said: Told, find: Find) -> Iterator[Rebound]:
    """Yield the bounds that are not those of the base, not those that evidence was judged under, or told before."""
    known = {(change.id, change.metric, normal(change.after)) for each in before.amendments for change in each.bounds}
    for each in after.falsifiers:
        name, now = each.id or "", today(each)
        earlier = before.falsifier(name)
        found: dict[str, Rebound] = {}
        record = find(each)
        if record is not None:
            judged = by_metric((one.metric, one.bound) for one in record.judged)
            leant = rebound(name, judged, now)
            found |= {one.metric: one for one in leant if (name, one.metric, one.after) not in known}
        for place, bounds in said.bounds.items():
            if place[0] == name and bounds == now.get(place[1], ()) != said.before[place]:
                found[place[1]] = Rebound(name, place[1], said.before[place], bounds)
        if earlier is not None and earlier.is_bound and each.is_bound:
            found |= {one.metric: one for one in rebound(name, today(earlier), now)}
        yield from (found[metric] for metric in sorted(found))


def explains(said: Told, what: Due, after: Contract) -> bool:
    """Say whether amendments say all that is due, and nothing that is not so."""
    words = {key[1] or after.id or "": _word(key, state.word) for key, state in states(after).items()}
    return (
        all(words.get(name, move.after) == move.after for name, move in said.moves.items())
        and all(_is_told(said, move) for move in what.moves)
        and all(said.evidence.get(name) == reference for name, reference in what.renewed.items())
        and all(said.bounds.get((each.id, each.metric)) == each.after for each in what.bounds)
    )


def _is_told(said: Told, move: Transition) -> bool:
    """Say whether a move stands in amendments, with the evidence that it has today."""
    found = said.moves.get(move.id)
    return found is not None and found.after == move.after and said.evidence.get(move.id) == move.evidence


def entry(what: Due, version: str, day: str, summary: str) -> dict[str, Value]:
    """Return the amendment."""
    written: dict[str, Value] = {"version": version, "date": day}
    if summary:
        written["summary"] = summary
    if what.moves:
        written["transitions"] = [_transition(each) for each in what.moves]
    if what.bounds:
        written["bounds"] = [each.entry() for each in what.bounds]
    if what.renewed:
        written["renewed"] = [{"id": name, "evidence": reference} for name, reference in what.renewed.items()]
    return written


def _transition(move: Transition) -> Value:
    """Return one transition of an amendment."""
    sides = {"id": move.id, "from": move.before, "to": move.after, "evidence": move.evidence}
    return {key: side for key, side in sides.items() if side is not None}


_VERBS = {
    "falsifier-removed": "removes",
    "falsifier-added": "adds",
    "unbound": "unbinds",
    "bound-to-evaluator": "binds",
    "evaluator": "changes the measurement of",
    "parameter": "changes the measurement of",
    "input": "changes the inputs of",
    "schema-added": "takes on the rules of",
    "stage-removed": "removes the stage",
    "stage-added": "adds the stage",
    "acceptance": "changes what decides",
    "id": "renames",
    "tolerance-loosened": "loosens a tolerance of",
    "tolerance-tightened": "tightens a tolerance of",
    "removed": "takes something out of",
    "added": "adds to",
    "formal": "changes the mathematics of",
    "prose": "rewords",
    "order": "reorders",
}
"""What a summary says of each kind of change. Statuses, evidence and bounds stand in the amendment by themselves."""

_ID = r"[A-Za-z0-9][\w.:/-]*"
_PLAIN = re.compile(_ID, re.ASCII)
_MADE = re.compile(
    rf"(?:(?:{'|'.join(sorted(set(_VERBS.values())))}|(?:weakens|tightens) the bound of {_ID} of)"
    rf" (?:the contract|{_ID}(?:(?:, | and ){_ID})*(?: and [0-9]+ more)?))",
    re.ASCII,
)
MAX_NAMED = 4
"""Names in one part of a summary; the others are counted."""


def sentence(weighed: Iterable[Weighed], bounds: Iterable[Rebound]) -> str:
    """Return a summary of changes, the heaviest first: "weakens the bound of growth of F-1; adds F-3"."""
    said: list[tuple[Change, str, str]] = []
    for each in weighed:
        if each.kind in _VERBS:
            subject = each.subject if _PLAIN.fullmatch(each.subject) else "the contract"
            said.append((each.change, _VERBS[each.kind], subject))
    for change in bounds:
        verb = "weakens" if change.is_weaker else "tightens"
        said.append((change.weight, f"{verb} the bound of {change.metric} of", change.id))
    parts: dict[str, dict[str, None]] = {}
    for _, verb, name in sorted(said, key=lambda each: -each[0]):
        parts.setdefault(verb, {})[name] = None
    return "; ".join(f"{verb} {_listed(list(names))}" for verb, names in parts.items())


def _listed(names: list[str]) -> str:
    """Return names as a part of a sentence."""
    if len(names) > MAX_NAMED:
        return f"{', '.join(names[:MAX_NAMED])} and {len(names) - MAX_NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def is_made(summary: str) -> bool:
    """Say whether a summary is one that ``sentence`` could have made, so that nobody's words are lost with it."""
    return all(_MADE.fullmatch(part) for part in summary.split("; "))
