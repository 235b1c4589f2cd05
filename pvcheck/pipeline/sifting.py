"""What is left of findings once the contracts of a repository are seen together and its settings have spoken."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pvcheck import discovery, files
from pvcheck.errors import EmptyError
from pvcheck.rules import ignoring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from pvcheck.config import Config
    from pvcheck.errors import Finding
    from pvcheck.pipeline.checking import Checked
    from pvcheck.rules.fleet import Part
    from pvcheck.rules.ignoring import Sifted
    from pvcheck.rules.outline import Outline
    from pvcheck.text import Document


def sift(
    findings: Sequence[Finding],
    path: Path,
    settings: Config,
    today: date | None,
    document: Document | Outline | None = None,
) -> Sifted:
    """Return the findings of one file without those that the settings ignore on a day; by default, today."""
    if not settings.ignores:
        return ignoring.Sifted(tuple(findings), (), frozenset())
    place = Path(os.path.relpath(os.path.realpath(path), os.path.realpath(settings.root))).as_posix()
    day = today or datetime.now(UTC).date()
    return ignoring.sift(findings, place, settings.ignores, day, document)


def between(
    checked: Sequence[Checked],
    today: date | None = None,
    named: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
    places: files.Places | None = None,
) -> list[Checked]:
    """Return checked files with what is wrong between them, and with what their settings ignore in vain.

    :param named: every contract that settings name, by their root, where that is known already.
    :param places: where files arrive, as far as that is known already.
    """
    places = places or files.Places()
    roots: dict[Path, list[int]] = {}
    for index, each in enumerate(checked):
        roots.setdefault(each.config.root, []).append(index)
    settled = list(checked)
    for root, members in roots.items():
        settings = checked[members[0]].config
        parts = [part for index in members if (part := _part(checked[index])) is not None]
        every = partial(named.__getitem__, root) if root in named else partial(contracts_of, settings)
        found = _between(parts, root, every, places)
        for index in members:
            settled[index] = _with(settled[index], found.get(checked[index].path, ()), today)
        vain = _in_vain(settings, every, [settled[index] for index in members], places)
        settled[members[0]] = settled[members[0]]._replace(findings=(*settled[members[0]].findings, *vain))
    return settled


def contracts_of(settings: Config) -> list[Path]:
    """Return every contract file that the settings name; that there is none is no fault here."""
    try:
        return discovery.contracts(list(map(str, discovery.settled(settings))), settings.root, lenient=True)
    except EmptyError:
        return []


def _between(
    parts: Sequence[Part], root: Path, every: Callable[[], Sequence[Path]], places: files.Places
) -> Mapping[Path, tuple[Finding, ...]]:
    """Return what is wrong between files; one that stands alone and on nothing is not asked."""
    if len(parts) < 2 and not any(contract.depends_on for _, contract, _ in parts):
        return {}
    from pvcheck.rules import fleet  # noqa: PLC0415 - a hook on one file compares it with none

    return fleet.check(parts, root, every, places)


def _part(checked: Checked) -> Part | None:
    """Return what the rules between contracts look at, or None where a file could not be understood."""
    text = checked.document or checked.outline
    return None if checked.contract is None or text is None else (checked.path, checked.contract, text)


def _with(checked: Checked, more: Sequence[Finding], today: date | None) -> Checked:
    """Return a checked file with further findings, of which some may be ignored."""
    if not more:
        return checked
    sifted = sift(more, checked.path, checked.config, today, checked.document or checked.outline)
    found = sorted((*checked.findings, *sifted.kept), key=lambda each: (each.line, each.column))
    return checked._replace(
        findings=tuple(found), ignored=(*checked.ignored, *sifted.ignored), used=checked.used | sifted.used
    )


def _in_vain(
    settings: Config, every: Callable[[], Sequence[Path]], members: Sequence[Checked], places: files.Places
) -> tuple[Finding, ...]:
    """Return warnings about what is ignored and not there; only where every contract of the settings was checked."""
    if not settings.ignores:
        return ()
    here = {places.real(str(each.path)) for each in members}
    if not {places.real(str(each)) for each in every()} <= here:
        return ()
    used = {ignore for each in members for ignore in each.used}
    return tuple(ignoring.unused(settings.ignores, frozenset(used)))
