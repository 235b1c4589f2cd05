"""Which falsifiers are meant: the options that narrow a run, one after the other, and which of them left nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from pvcheck.domain.status import EARNED
from pvcheck.errors import ConfigError, EmptyError, Finding, quoted
from pvcheck.pipeline import lately

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pvcheck.domain.contract import Falsifier
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.options import Options

    Chosen = Mapping[Path, tuple[Falsifier, ...]]


class Filter(NamedTuple):
    """One option: what is said and what helps where it leaves nothing, and whether it wants a falsifier."""

    nothing: str
    hint: str
    wants: Callable[[Checked, Falsifier], bool]


def selected(checked: Checked, options: Options) -> tuple[Falsifier, ...]:
    """Return the bound falsifiers of a contract that ``-k`` picks."""
    if checked.contract is None or not checked.can_run:
        return ()
    wanted = options.select.casefold()
    return tuple(each for each in checked.contract.falsifiers if each.is_bound and wanted in (each.id or "").casefold())


def chosen(checked: Sequence[Checked], options: Options) -> Chosen:
    """Return the falsifiers of each contract that all the options want.

    :raises EmptyError: if an option leaves nothing: neither a typo nor a green state must look like a measurement.
    :raises ConfigError: if an input is overridden that no contract declares, or git knows of no base.
    """
    found: Chosen = {each.path: selected(each, options) for each in checked}
    refuse_typos(checked, found, options)
    for each in _filters(options):
        if not any(found.values()):
            break
        found = {file.path: tuple(one for one in found[file.path] if each.wants(file, one)) for file in checked}
        if not any(found.values()) and all(file.can_run for file in checked):
            raise EmptyError(Finding("PV707", each.nothing, hint=each.hint, exit_code=4))
    return found


def _filters(options: Options) -> Iterator[Filter]:
    """Yield what narrows a selection, the cheapest first. Each sees what those before it left."""
    if options.stale:
        nothing = "nothing is left by --stale: no falsifier that was selected is stale"
        yield Filter(nothing, "pv status shows what is stale", _is_stale)
    if options.failed:
        nothing = "nothing is left by --failed: what was selected is not FALSIFIED, and held when it was last run here"
        yield Filter(nothing, "leave --failed out to run it again", lately.Failures(os.environ).has)
    if options.changed is not None:
        from pvcheck.pipeline.changes import Changes  # noqa: PLC0415 - it calls git

        changes = Changes(options.changed, options.inputs, os.environ)
        nothing = "nothing is left by --changed: contract, record and inputs of what was selected are as at the base"
        yield Filter(nothing, "name another base: --changed=REF", changes.touch)


def _is_stale(checked: Checked, falsifier: Falsifier) -> bool:
    """Say whether ``pv status`` calls a falsifier stale."""
    return falsifier.status in EARNED and falsifier.id in checked.stale


def refuse_typos(checked: Sequence[Checked], found: Chosen, options: Options) -> None:
    """Refuse a selection and an override that meet nothing: a typo must not look like success."""
    if options.select and not any(found.values()) and all(each.can_run for each in checked):
        message = f"no bound falsifier has {quoted(options.select)} in its id"
        raise EmptyError(Finding("PV707", message, hint="pv status names them", exit_code=4))
    declared = {name for each in checked if each.contract for name in each.contract.inputs}
    unknown = sorted(set(options.inputs) - declared)
    if unknown and all(each.contract for each in checked):
        message = f"no contract here declares the input {quoted(unknown[0])}"
        hint = f"declared: {', '.join(sorted(declared)) or 'none'}"
        raise ConfigError(Finding("PV705", message, hint=hint, exit_code=2))
