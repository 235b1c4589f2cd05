"""What the settings of a change let pass that those of its base do not: told beside each contract, for who merges it.

A change may bring settings, and they say what is ignored and how much is demanded. That cannot be refused, since
settings change like everything else; but it is not passed over either. Signatures are another matter (``vouching``):
there the base decides.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from pvcheck.config import Config
from pvcheck.errors import Finding, Severity, quoted
from pvcheck.pipeline import vouching

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.config import Ignore
    from pvcheck.history import Repository
    from pvcheck.pipeline.bases import Base
    from pvcheck.pipeline.pairing import Ours

HINT = "who merges this agrees to it; pv validate --fail-on warning refuses it"
WORDS = (b"ignore", b"challenge", b"guards")


def by_base(repository: Repository, base: Base, ours: Sequence[Ours]) -> dict[str, list[Finding]]:
    """Return what a change lets pass in its contracts, by their paths in the repository.

    The settings at the tip of the base are what its own are compared with.

    :raises ConfigError: if they cannot be understood.
    """
    folders = {posixpath.dirname(each.path) for each in ours}
    settings = vouching.settings_of(repository, base.tip or "", folders, WORDS)
    found: dict[str, list[Finding]] = {}
    told: set[str] = set()
    for each in ours:
        then = settings.get(posixpath.dirname(each.path)) or Config(each.checked.config.root)
        more = [*_ignored(each, then)]
        for message in _lowered(each.checked.config, then):
            if message not in told:  # once, not beside each of a thousand contracts
                told.add(message)
                more.append(message)
        if more:
            found[each.path] = [_warning(each, message, base.name) for message in more]
    return found


def _ignored(ours: Ours, then: Config) -> Iterator[str]:
    """Yield what is ignored in a contract and was not."""
    known = {_meaning(each) for each in then.ignores}
    new = sorted({each.code for each in ours.checked.used if _meaning(each) not in known})
    yield from (f"the change itself has {code} ignored here" for code in new)


def _meaning(ignore: Ignore) -> tuple[object, ...]:
    """Return what an entry does, without the words that say why."""
    return ignore.code, ignore.paths, ignore.id, ignore.until


def _lowered(now: Config, then: Config) -> Iterator[str]:
    """Yield the demands that are lower than they were."""
    if then.challenge is not None and (now.challenge is None or now.challenge < then.challenge):
        least = "none" if now.challenge is None else f"{now.challenge:g}"
        yield f"the change itself lowers the least score of a challenge from {then.challenge:g} to {least}"
    if now.conditioning > then.conditioning:
        limits = f"from {then.conditioning:g} to {now.conditioning:g}"
        yield f"the change itself raises the condition number that is minded {limits}"


def _warning(ours: Ours, message: str, name: str) -> Finding:
    """Return the warning about one contract."""
    told = f"{message}, which the settings of {quoted(name)} do not say"
    return Finding("PV727", told, str(ours.checked.path), hint=HINT, severity=Severity.WARNING)
