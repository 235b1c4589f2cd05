"""Try the mutants of some layers. ``mutation.__main__`` starts it where it can do no harm."""

from __future__ import annotations

import ast
import json
import os
import random
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

import hypothesis
import pydantic
import pytest
from mutation import baseline, confinement, layers, mutants, verdicts, workspace
from mutation.layers import LAYERS
from mutation.trial import PROFILE, Server, Trial, Verdict, cold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STATE: Final = Path(os.environ["PVCHECK_MUTATION_STATE"])
SETTLED: Final = 30
"""Seconds of the clock that a trial has in any case: other work on the machine must not look like a hang."""
LOADED: Final = (pydantic, pytest)
"""What every trial needs, and no mutant is in."""


class Case(NamedTuple):
    """A mutant of a module, and the text of its function."""

    path: Path
    mutant: mutants.Mutant
    text: str
    lines: tuple[int, ...]
    """The first and the last line of the function, none outside of functions."""

    @property
    def module(self) -> str:
        """The module, as the list of the accepted names it."""
        return "/".join(self.path.with_suffix("").parts[1:])

    @property
    def shown(self) -> str:
        """The mutant on three lines."""
        mutant = self.mutant
        return f"{self.path}:{mutant.line}: {mutant.function}\n  - {mutant.before}\n  + {mutant.after}"


def main() -> int:
    """Try what the command line says; 1 if a mutant survived that nobody accepted."""
    parser = ArgumentParser()
    for name in ("--layer", "--module"):
        parser.add_argument(name, action="append")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    wanted = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # the first process of a namespace would ignore it
    _settle_laws()
    lines = [_layer(layer, wanted) for layer in wanted.layer or LAYERS]
    _say("")
    for _, each in lines:
        _say(each)
    return 0 if all(good for good, _ in lines) else 1


def _settle_laws() -> None:
    """Let every law be tried with the same examples each time."""
    hypothesis.settings.register_profile(
        PROFILE,
        derandomize=True,  # a verdict must not depend on luck
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # nobody reads the smallest example
    )


def _layer(layer: str, wanted: Namespace) -> tuple[bool, str]:
    """Try the mutants of one layer, and tell the survivors; return whether there are none, and the layer's line."""
    cases = [each for each in _cases(layer) if not wanted.module or each.path.stem in wanted.module]
    total, drawn = len(cases), ""
    if wanted.sample and wanted.sample < total:
        chosen = random.Random(wanted.seed).sample(range(total), wanted.sample)  # noqa: S311 - a draw, no secret
        cases, drawn = [cases[each] for each in sorted(chosen)], f" (drawn with seed {wanted.seed})"
    accepted = verdicts.Accepted()
    told = _tried(layer, cases, accepted, fresh=wanted.fresh)
    whole = not wanted.sample and not wanted.module
    stale = list(accepted.stale(layer)) if whole else []
    for each in stale:
        _say(f"{verdicts.ACCEPTED.name}: there is no such mutant any more: {each}")
    return not told["survived"] and not stale, verdicts.line(layer, told, total, drawn)


def _tried(layer: str, cases: Sequence[Case], accepted: verdicts.Accepted, *, fresh: bool) -> Counter[str]:
    """Try mutants, or remember what became of them, and count the outcomes."""
    kept = verdicts.Kept(STATE / f"{layer}.json", LAYERS[layer], fresh=fresh)
    told: Counter[str] = Counter()
    trials = _Trials(layer)
    try:
        for at, case in enumerate(cases, 1):
            verdict = Verdict("accepted") if accepted.has(case.module, case.mutant) else _verdict(case, kept, trials)
            told[verdict.outcome] += 1
            if verdict.outcome == "survived":
                _say(case.shown)
            if at % 100 == 0:
                kept.save()
                _say(f"  {layer}: {at} of {len(cases)} tried, {told['survived']} survived", sys.stderr)
    finally:
        trials.close()
        kept.save()
    return told


def _say(line: str, stream: TextIO = sys.stdout) -> None:
    """Print a line at once: who waits for an hour wants to see that it goes on."""
    stream.write(f"{line}\n")
    stream.flush()


def _cases(layer: str) -> Iterator[Case]:
    """Yield the mutants of a layer."""
    for path in sorted(Path("pvcheck", layer).rglob("*.py")):
        source = path.read_bytes()
        texts = {"": (source.decode(), ())} | dict(_functions(ast.parse(source), source.decode(), ""))
        for mutant in mutants.of_text(source):
            yield Case(path, mutant, *texts[mutant.function])


def _functions(node: ast.AST, source: str, around: str) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield each function and class with its text, and a function with the lines of its body."""
    for each in ast.iter_child_nodes(node):
        name = around
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{around}.{each.name}".lstrip(".")
            lines = () if isinstance(each, ast.ClassDef) else (each.body[0].lineno, each.end_lineno or 0)
            yield name, (ast.get_source_segment(source, each) or "", lines)
        yield from _functions(each, source, name)


def _verdict(case: Case, kept: verdicts.Kept, trials: _Trials) -> Verdict:
    """Return what became of a mutant, now or earlier."""
    key = verdicts.key(case.module, case.text, case.mutant)
    verdict = kept.get(key)
    if verdict is None:
        verdict = trials.of(case)
        kept.put(key, verdict)
    return verdict


class _Trials:
    """The trials of a layer; nothing is started before the first."""

    def __init__(self, layer: str) -> None:
        self._layer = layer
        self._server = Server(LAYERS[layer])
        self._baseline: baseline.Baseline | None = None

    def of(self, case: Case) -> Verdict:
        """Try a mutant: quickly, and slowly if it has to do with imports."""
        known = self._known()
        quick, slow = _tests(case, known)
        if not quick and not slow:
            return Verdict("survived", "no test runs it")
        if not self._server.pid:
            self._server.start()
        with workspace.planted(case.path, case.mutant.text):
            verdict = self._server.tried(_trial(case, quick, known)) if quick else Verdict("cold")
            if verdict.outcome == "cold" or (verdict.outcome == "survived" and slow):
                verdict = cold(_trial(case, slow or quick, known), known.known)
        confinement.sweep(self._server.pid)
        return verdict

    def _known(self) -> baseline.Baseline:
        """Return which tests run which lines, from an earlier run if nothing has changed."""
        if self._baseline is None:
            ours = Path("pvcheck", self._layer).rglob("*.py")
            digest = workspace.digest([*ours, *layers.files(LAYERS[self._layer])])
            path = STATE / f"baseline-{self._layer}-{digest}.json"
            if not path.exists():
                _say(f"  {self._layer}: measuring which tests run which lines", sys.stderr)
                told = baseline.measured(self._layer, LAYERS[self._layer], STATE)
                path.write_text(json.dumps(told))
            self._baseline = baseline.Baseline(json.loads(path.read_text()))
        return self._baseline

    def close(self) -> None:
        """End the server."""
        self._server.stop()


def _tests(case: Case, known: baseline.Baseline) -> tuple[list[str], list[str]]:
    """Return the tests to run on a mutant the quick way, and those to run after all is imported anew."""
    path, (first, last) = str(case.path), case.mutant.span
    if case.lines and first >= case.lines[0]:
        quick = known.reaching(path, first, last) or known.reaching(path, *case.lines)
        if not known.is_imported(path, *case.lines):
            return quick, []
    else:
        quick = known.reaching(path, *case.lines) if case.lines else []
    seen = frozenset(quick)
    return quick, quick + [each for each in known.near(path) if each not in seen]


def _trial(case: Case, tests: list[str], known: baseline.Baseline) -> Trial:
    """Say what to run, and for how long at most."""
    each = [known.seconds[name] for name in tests]
    usual = sum(each)
    return Trial(str(case.path.absolute()), tests, each, 60 + 3 * usual, SETTLED + 6 * usual)


if __name__ == "__main__":
    raise SystemExit(main())
