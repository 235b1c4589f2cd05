"""A challenge as text: faults against bounds, then each bound with what it lets pass and a tighter one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pvcheck.domain.teeth import Cell, State, total
from pvcheck.domain.tightening import tighter
from pvcheck.errors import escaped
from pvcheck.report import findings
from pvcheck.report.styled import Line, indented
from pvcheck.report.tally import count
from pvcheck.rules.challenged import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pvcheck.domain.teeth import Challenged, Tooth, Trial
    from pvcheck.domain.tightening import Tighter
    from pvcheck.pipeline.challenging import Bout, FileChallenge
    from pvcheck.report.excerpts import Sources
    from pvcheck.report.styled import Role

LETTERS = {Cell.CAUGHT: "C", Cell.MISSED: "m", Cell.UNMOVED: ".", Cell.NOT_PLANTED: "-", Cell.STOPPED: "!"}
LEGEND = "C caught, m missed, . not moved, - not planted, ! no verdict left to any bound"
MOST_COLUMNS = 15
"""Bounds side by side; a falsifier with more gets another table below. So a row fits 100 columns."""
ROOM = 0.01
"""A second bound is shown that lets faults within one percent pass: the last bits may be another machine's own."""
LEAST_COLUMNS = 3
MISSED = "MISSED"
GAP = "   "
_NAME = 32
_MARGIN = "      "


def lines(
    file: FileChallenge, *, full: bool = True, width: int | None = None, sources: Sources | None = None
) -> Iterator[str]:
    """Yield what a challenge found in one contract.

    :param sources: the texts that findings are about; without them none is shown.
    :param width: of the terminal: where fewer bounds fit side by side, the rest stand in another table below.
    """
    yield from findings.lines(file.findings, full=full, sources=sources, width=width)
    contract = file.checked.contract
    if contract is None or not file.bouts or not full:
        return
    yield Line((escaped(contract.id or ""), "head"), f" {contract.version}  ", (escaped(contract.path), "dim"))
    if file.challenged:
        yield Line((f"  {LEGEND}", "dim"))
    for each in file.bouts:
        yield from _bout(each, width)


def _bout(bout: Bout, width: int | None) -> Iterator[str]:
    """Yield the lines of one falsifier."""
    name = escaped(bout.falsifier.id or "")
    if bout.challenged is None:
        yield Line(f"  {name}  ", (f"not challenged, {bout.word}", "doubt"))
        yield f"{_MARGIN}{escaped(bout.reason, 1000)}"
        return
    score, teeth = bout.challenged.score, bout.challenged.teeth()
    told = f"{score.caught} of {score.moved} caught" if score.moved else "no fault moves it"
    role: Role = "good" if score.moved and score.caught == score.moved else "doubt"
    yield Line(f"  {name}  {escaped(bout.falsifier.evaluator or '')}: ", (told, role))
    yield from indented(_matrix(bout.challenged, teeth, width), _MARGIN)
    failed = [each for each in bout.challenged.trials if each.state is State.ERROR]
    yield from (f"{_MARGIN}{escaped(each.fault, _NAME)}: {escaped(each.reason, 1000)}" for each in failed)
    for number, tooth in enumerate(teeth, 1):
        yield Line(_MARGIN, (f"{number:>2}", "head"), f"  {_sentence(bout.challenged, tooth)}")
    if bout.withheld:
        yield f"{_MARGIN}keeps nothing: {bout.withheld}"


def _matrix(challenged: Challenged, teeth: Sequence[Tooth], width: int | None) -> Iterator[Line]:
    """Yield one row a fault: a letter for each bound, and the verdict under the fault."""
    wide = max(len(escaped(each.fault, _NAME)) for each in challenged.trials)
    verdicts = [_verdict(challenged, each) for each in challenged.trials]
    most = MOST_COLUMNS
    if width is not None:
        left = width - len(_MARGIN) - wide - len(GAP) - max(map(len, verdicts))
        most = max(LEAST_COLUMNS, min(most, left // len(GAP)))
    for start in range(0, len(teeth), most):
        part = teeth[start : start + most]
        numbers = "".join(f" {start + at:>2}" for at in range(1, len(part) + 1))
        yield Line((" " * wide + numbers, "head"))
        for row, (trial, verdict) in enumerate(zip(challenged.trials, verdicts, strict=True)):
            letters = [_letter(each.cells[row]) for each in part]
            name = f"{escaped(trial.fault, _NAME):<{wide}}"
            yield Line(name, *letters, GAP, (verdict, "bad" if verdict == MISSED else "dim"))


def _letter(cell: Cell) -> Line:
    """Return what one bound did about one fault."""
    roles: Mapping[Cell, Role] = {Cell.CAUGHT: "good", Cell.MISSED: "bad"}
    return Line("  ", (LETTERS[cell], roles.get(cell, "dim")))


def _verdict(challenged: Challenged, trial: Trial) -> str:
    """Return what became of the falsifier under a fault, and why where no bound had a say."""
    if trial.state is State.NOT_PLANTED:
        return "not planted"
    if trial.state is State.UNMOVED:
        return "changes nothing"
    if trial.state is State.ERROR:
        return "caught: the evaluator fails"
    if trial.guard:
        return f"caught: {escaped(trial.guard, 20)}"
    return "caught" if challenged.is_caught(trial) else MISSED


def _sentence(challenged: Challenged, tooth: Tooth) -> str:
    """Return what one bound does to the faults that move it, and a tighter one where faults pass."""
    caught, missed = len(tooth.caught), len(tooth.missed)
    text = f"{tooth.expected.metric} {escaped(tooth.expected.spelled)}"
    if not caught + missed:
        return f"{text}: nothing planted moves it: it cannot fail"
    if not missed:
        return f"{text} catches {caught} of {caught}" + (f", {len(tooth.alone)} alone" if tooth.alone else "")
    if not caught:
        return f"{text} cannot fail, {missed} of {missed} pass: {_advice(challenged, tooth)}"
    first = f"{escaped(tooth.missed[0], _NAME)}{', ...' if missed > 1 else ''}"
    return f"{text} misses {missed} of {caught + missed} ({first}): {_advice(challenged, tooth)}"


def _advice(challenged: Challenged, tooth: Tooth) -> str:
    """Return the bound to try in the place of one that lets faults pass."""
    metric = tooth.expected.metric
    values = {each.fault: each.metrics[metric] for each in challenged.trials if each.fault in tooth.missed}
    found = tighter(tooth.expected, challenged.clean[metric], values)
    if found is None:
        return "no simple bound catches them"
    told = f"try {_told(tooth, found)}"
    roomy = tighter(tooth.expected, challenged.clean[metric], values, ROOM)
    if roomy is not None and len(roomy.refuses) < len(found.refuses):
        told += f", or {_told(tooth, roomy)}"
    return told


def _told(tooth: Tooth, found: Tighter) -> str:
    """Return a bound to try, what is left to the clean value, and how many faults still pass."""
    left = len(tooth.missed) - len(found.refuses)
    return f"{found.text} (margin {found.margin:.2g}{f', {left} still pass' if left else ''})"


def verdict(files: Sequence[FileChallenge]) -> str:
    """Return the last line: every count with its denominator."""
    contracts = [file.checked.contract for file in files if file.checked.contract is not None]
    every = [each for contract in contracts for each in contract.falsifiers]
    bouts = [each for file in files for each in file.bouts]
    done = [each for file in files for each in file.challenged]
    unbound = sum(not each.is_bound for each in every)
    words = [f"{number} {word}" for word, number in Counter(each.word for each in bouts if each.word).items()]
    left = len(every) - unbound - len(bouts)
    words += [f"{unbound} unbound"] if unbound else []
    words += [f"{left} not selected"] if left else []
    parts = [
        f"{count(len(done), 'falsifier')} challenged of {len(every)}" + (f" ({', '.join(words)})" if words else "")
    ]
    return ", ".join([*parts, *_counts(done)])


def _counts(done: Iterable[Challenged]) -> Iterator[str]:
    """Yield the counts of faults, and the score."""
    done = tuple(done)
    trials = [each for one in done for each in one.trials]
    score = total(each.score for each in done)
    planted = sum(each.state is not State.NOT_PLANTED for each in trials)
    yield f"{count(planted, 'fault')} planted"
    if score.ratio is None:
        yield "none moved a measurement: no score"
        return
    yield f"{score.moved} moved a measurement"
    failed, guarded = sum(each.state is State.ERROR for each in trials), sum(bool(each.guard) for each in trials)
    how = [f"{number} by {what}" for number, what in ((failed, "an error"), (guarded, "a guard")) if number]
    told = f" ({', '.join(how)})" if how else ""
    yield f"{score.caught} caught{told}: score {shown(score.ratio)}"
