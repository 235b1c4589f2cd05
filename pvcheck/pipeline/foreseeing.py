"""What a run would do, without doing it: the plan of each contract, and nothing measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pvcheck.errors import Severity, worst
from pvcheck.pipeline import selecting
from pvcheck.pipeline.running import Runner
from pvcheck.pipeline.scheduling import checked_for
from pvcheck.plan import Job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.options import Options
    from pvcheck.plan import Blocked


class Foreseen(NamedTuple):
    """What would be done about one contract."""

    checked: Checked
    plans: tuple[Job | Blocked, ...]


def foresee(paths: Sequence[Path], options: Options) -> tuple[Foreseen, ...]:
    """Return what a run with these options would measure.

    :raises EmptyError: if the selection is empty.
    :raises ConfigError: if an input is overridden that no contract declares.
    """
    checked = checked_for(paths, options)
    chosen = selecting.chosen(checked, options)
    runner = Runner(options)
    try:
        return tuple(Foreseen(each, runner.plans(each, chosen[each.path])) for each in checked)
    finally:
        runner.close()


def exit_of(files: Sequence[Foreseen]) -> int:
    """Return the exit status: 4 where nothing would be measured, unless a contract cannot be run at all."""
    found = [each for file in files for each in file.checked.findings if not file.checked.can_run]
    codes = [each.exit_code for each in found if each.severity is Severity.ERROR]
    if not any(isinstance(each, Job) for file in files for each in file.plans):
        codes.append(4)
    return worst(codes)
