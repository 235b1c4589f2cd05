"""A bump as text: a contract a line with its versions, then what changed and what that weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.domain.version import Change
from pvcheck.errors import Severity, escaped
from pvcheck.pipeline.options import Mode
from pvcheck.report import findings
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.bumping import Bumped
    from pvcheck.report.excerpts import Sources

WEIGHTS = {Change.MAJOR: "MAJOR", Change.MINOR: "minor", Change.PATCH: "patch", Change.NONE: "-"}


def lines(done: Bumped, sources: Sources) -> Iterator[str]:
    """Yield what a bump did to one contract."""
    path, name = escaped(str(done.path)), escaped(done.id)
    if done.note:
        yield f"{name or path}  {path}: {done.note}" if name else f"{path}: {done.note}"
    elif done.version is not None:
        before, after = done.version
        versions = f"{before} -> {after}" if before != after else f"{after}"
        yield f"{name} {versions}  {path}"
        for each in done.weighed:
            yield f"  {WEIGHTS[each.change]:<5}  {escaped(each.subject)}: {each.message}"
        yield from (f"  {sentence}" for sentence in done.back)
        if done.hint:
            yield f"  next: {done.hint}"
    yield from findings.lines(done.findings, sources=sources)


def tally(done: Sequence[Bumped], mode: Mode) -> str:
    """Return the last line: how many contracts were bumped, with the denominator."""
    changed = sum(bool(each.after) for each in done)
    refused = sum(
        not each.after and any(finding.severity is Severity.ERROR for finding in each.findings) for each in done
    )
    word = "bumped" if mode is Mode.WRITE else "to be bumped"
    parts = [f"{changed} {word}", f"{len(done) - changed - refused} with nothing to bump"]
    parts += [f"{refused} refused"] if refused else []
    return f"{count(len(done), 'contract')}: {', '.join(parts)}"
