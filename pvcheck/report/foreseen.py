"""A dry run as text: per falsifier the evaluator, device and inputs that a run would use, or why it would not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pvcheck.errors import escaped
from pvcheck.plan import Blocked, Job
from pvcheck.report import findings
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pvcheck.pipeline.foreseeing import Foreseen
    from pvcheck.report.excerpts import Sources


def lines(file: Foreseen, device: str, sources: Sources) -> Iterator[str]:
    """Yield what would be done about one contract."""
    contract = file.checked.contract
    yield from findings.lines(file.checked.findings, sources=sources)
    if contract is None or not file.plans:
        return
    yield f"{escaped(contract.id or '')} {contract.version}  {escaped(str(file.checked.path))}"
    for each in file.plans:
        name = escaped(each.falsifier.id or "")
        if isinstance(each, Blocked):
            yield f"  {str(each.outcome).replace('_', ' '):<13} {name}"
            yield f"      {escaped(each.reason, 1000)}"
        else:
            yield from _job(each, name, device)


def _job(job: Job, name: str, device: str) -> Iterator[str]:
    """Yield how one falsifier would be measured."""
    offered = job.offered
    evaluator = f"{offered.evaluator.name} {escaped(offered.evaluator.version)}"
    yield f"  would measure {name}"
    yield f"      {evaluator} of {escaped(offered.distribution)} {escaped(offered.version)}, device {device}"
    for key, path in job.inputs.items():
        size = os.stat(path).st_size  # noqa: PTH116 - of whatever is there
        yield f"      {escaped(key)}: {escaped(os.path.relpath(path))}, {count(size, 'byte')}"


def verdict(files: Sequence[Foreseen]) -> str:
    """Return the last line: what would be measured, of how many."""
    falsifiers = [each for file in files if file.checked.contract for each in file.checked.contract.falsifiers]
    plans = [each for file in files for each in file.plans]
    wanted = sum(isinstance(each, Job) for each in plans)
    unbound = sum(not each.is_bound for each in falsifiers)
    parts = [f"{count(len(falsifiers), 'falsifier')}: {wanted} would be measured"]
    parts += [f"{len(plans) - wanted} would not"] if len(plans) > wanted else []
    parts += [f"{unbound} unbound"]
    left = len(falsifiers) - unbound - len(plans)
    parts += [f"{left} not selected"] if left else []
    return "; ".join([*parts, "nothing was run"])
