"""Findings as text: a line that names place, code and fault; in full form its source and the way out below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.errors import Finding, Severity
from pvcheck.report.styled import Line, indented

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pvcheck.report.excerpts import Sources
    from pvcheck.report.styled import Role

ROLES: Final[Mapping[Severity, Role]] = {Severity.ERROR: "code", Severity.WARNING: "warning", Severity.NOTE: "dim"}
EXCERPTS: Final = 50
"""Findings that are shown with their source: whoever has more of them looks at the first."""
MORE: Final = "PV199"
SHOWN: Final = 100
"""Findings of one file that are told: ten thousand have one cause, and nobody reads them."""
NAMED: Final = 5
"""Codes that the last line names beside the first one."""


def lines(
    findings: Iterable[Finding], *, full: bool = True, sources: Sources | None = None, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of findings.

    :param sources: the texts that the findings are about; without them, or in short form, none is shown.
    :param width: of the terminal.
    """
    for number, each in enumerate(_first(findings)):
        yield headline(each)
        if not full:
            continue
        if sources is not None and number < EXCERPTS:
            from pvcheck.report.excerpts import excerpt  # noqa: PLC0415 - where nothing is wrong, nobody waits for it

            yield from excerpt(each, sources, width)
        if each.hint:
            yield Line("  ", ("hint:", "hint"), f" {each.hint}")


def _first(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings of each file, and at the end how many more there are."""
    met: dict[str, int] = {}
    for each in findings:
        met[each.path] = met.get(each.path, 0) + (each.code != MORE)
        if met[each.path] <= SHOWN or each.code == MORE:
            yield each
    for path, number in met.items():
        if number > SHOWN:
            message = f"{number - SHOWN} more findings of this file are not shown"
            hint = "mend the first ones and check again; --format json tells all"
            yield Finding(MORE, message, path, hint=hint, severity=Severity.NOTE)


def headline(finding: Finding) -> Line:
    """Return the line of one finding: what a terminal, an editor and a person look for stands first."""
    told = str(finding)
    place = told[: len(told) - len(finding.message) - len(finding.code) - 1]
    mark = "" if finding.severity is Severity.ERROR else f" [{finding.severity}]"
    return Line((place, "place"), (finding.code, ROLES[finding.severity]), f" {finding.message}", (mark, "dim"))


def next_command(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the command that tells more about what was found: of the heaviest code first."""
    order = list(Severity)
    codes = list(dict.fromkeys(each.code for each in sorted(findings, key=lambda each: order.index(each.severity))))
    if codes:
        rest = f"{', '.join(codes[1 : NAMED + 1])}{', ...' if len(codes) > NAMED + 1 else ''}"
        beside = f"; also {rest}" if rest else ""
        yield Line(("next:", "hint"), f" pv explain {codes[0]} tells what it means and shows a right form{beside}")


def beneath(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of findings that belong to what stands above them."""
    return indented(lines(findings))
