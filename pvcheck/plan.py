"""The plan of a run: for each falsifier that was selected, what to ask of which evaluator, or why not.

Parameters are checked and files looked for before anything is measured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pvcheck.domain.claim import inputs_of
from pvcheck.domain.status import Outcome
from pvcheck.errors import escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pvcheck.config import Config
    from pvcheck.domain.contract import Contract, Falsifier, Input
    from pvcheck.host import OfferedEvaluator, PluginSet

OURS = "pv-contracts"
"""The distribution whose evaluators may run where the settings name none."""
_UNKNOWN = "what would run on another machine is not what lies here: measure it without --executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One evaluation to be made.

    ``inputs`` are the files it reads, by the names of the contract, and ``declared`` what the contract says of them.
    """

    falsifier: Falsifier
    offered: OfferedEvaluator
    inputs: Mapping[str, Path]
    declared: Mapping[str, Input]
    conditioning: float
    """Condition numbers above this mark a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """One evaluation that cannot be made; ``exit_code`` is what it asks for."""

    falsifier: Falsifier
    outcome: Outcome
    reason: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan stands on: settings, plugins, and paths given on the command line.

    ``finds_inputs`` says that whoever measures finds an input by its digest, so that it need not be here; then nobody
    knows which programs lie where it is measured.
    """

    config: Config
    plugins: PluginSet
    overrides: Mapping[str, str]
    finds_inputs: bool = False


def plan(falsifier: Falsifier, contract: Contract, path: Path, ground: Ground) -> Job | Blocked:
    """Return what to do about one bound falsifier."""

    def blocked(outcome: Outcome, reason: str, exit_code: int) -> Blocked:
        return Blocked(falsifier=falsifier, outcome=outcome, reason=reason, exit_code=exit_code)

    name = falsifier.evaluator or ""
    offered = ground.plugins.evaluators.get(name)
    if offered is None:
        return blocked(Outcome.ERROR, _absent(name, ground.plugins), 3)
    if not is_allowed(offered, ground.config):
        reason = f"pv.toml does not allow the evaluator {name}: add it to 'evaluators'"
        return blocked(Outcome.ERROR, reason, 3)
    if ground.finds_inputs and offered.evaluator.runs_programs:
        return blocked(Outcome.NOT_MEASURED, f"{name} runs programs, and {_UNKNOWN}", 3)
    inputs: dict[str, Path] = {}
    for each in (contract.inputs[one] for one in inputs_of(falsifier, contract)):
        place = place_of(each, path, ground)
        is_found = ground.finds_inputs and each.sha256 is not None
        if not is_found and not os.path.exists(place):  # noqa: PTH110 - the method raises for a name that is too long
            reason = f"no {each.name}: {escaped(os.path.relpath(place))} is not there"
            return blocked(Outcome.NOT_MEASURED, reason, 0 if each.optional else 3)
        inputs[each.name] = place
    return Job(
        falsifier=falsifier,
        offered=offered,
        inputs=inputs,
        declared={name: contract.inputs[name] for name in inputs},
        conditioning=ground.config.conditioning,
    )


def place_of(each: Input, contract: Path, ground: Ground) -> Path:
    """Return where an input is: as the command line says, else the settings, else the contract."""
    if each.name in ground.overrides:
        return Path(ground.overrides[each.name])
    if each.name in ground.config.inputs:
        return ground.config.root / ground.config.inputs[each.name]
    return contract.parent / each.path


def _absent(name: str, plugins: PluginSet) -> str:
    """Return why there is no evaluator of that name: perhaps its plugin is broken."""
    broken = "".join(f"; the plugin {each.name} is broken: {each.reason}" for each in plugins.broken)
    return f"no installed plugin offers the evaluator {quoted(name)}{broken}"


def is_allowed(offered: OfferedEvaluator, config: Config) -> bool:
    """Say whether the settings allow an evaluator: by name, or by default because it ships with pvcheck.

    One that runs programs is never allowed by default: the contract says which programs.
    """
    if config.evaluators is None:
        return offered.distribution == OURS and not offered.evaluator.runs_programs
    return offered.evaluator.name in config.evaluators
