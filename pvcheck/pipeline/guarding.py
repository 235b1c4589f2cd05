"""What the guards of a run say, as findings at the bounds they are about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pvcheck.rules import guarded
from pvcheck.text import Document

if TYPE_CHECKING:
    from pvcheck.pipeline.results import FileResult


def with_findings(file: FileResult) -> FileResult:
    """Return a result with the findings of the guards after those of the file, at their places in the text as it is.

    What the records of the file show already is not said twice.
    """
    document = file.checked.document
    measured = [each for each in file.results if each.measurement is not None]
    if document is None or not measured:
        return file
    if file.written:
        document = Document.parse(file.after.encode(), document.path)
    findings = dict.fromkeys(file.findings)
    for each in measured:
        findings |= dict.fromkeys(guarded.of_run(each.falsifier, each.verdict, document))
    return replace(file, findings=tuple(findings))
