"""Places in a text, and the findings that one reading of it collects."""

from __future__ import annotations

from pvcheck.errors import ContractError, Finding, Severity
from pvcheck.text import codes
from pvcheck.text.limits import MAX_FINDINGS


def place(text: str, index: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1. Only a line feed ends a line."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


class Report:
    """The findings of one file, up to a limit, at places given as indices into its text."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._findings: list[Finding] = []
        self.is_full = False
        """Whether further findings would not be shown. A field, because it is asked for each value of a text."""

    def add(self, code: str, message: str, index: int, hint: str) -> None:
        """Keep a finding at a character of the text, unless the report is full."""
        if not self.is_full:
            line, column = place(self.text, index)
            self._findings.append(Finding(code, message, self.path, line, column, hint))
            self.is_full = len(self._findings) > MAX_FINDINGS

    def has(self, *wanted: str) -> bool:
        """Return whether a finding has one of these codes."""
        return any(finding.code in wanted for finding in self._findings)

    def error(self) -> ContractError | None:
        """Return the error that names every finding in the order of the file, or None."""
        if not self._findings:
            return None
        found = sorted(self._findings[:MAX_FINDINGS], key=lambda finding: (finding.line, finding.column))
        if self.is_full:
            message = f"findings must be at most {MAX_FINDINGS} to be shown, got more"
            hint = "mend these first, then check again"
            found.append(Finding(codes.MORE, message, self.path, hint=hint, severity=Severity.NOTE))
        return ContractError(found)
