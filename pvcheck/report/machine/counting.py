"""The verdict in numbers: every count beside its denominator, so that a green word cannot hide an empty run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pvcheck.domain.status import Outcome
from pvcheck.domain.teeth import State, total
from pvcheck.errors import Severity
from pvcheck.report import tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pvcheck.domain.canonical import JSON
    from pvcheck.pipeline.challenging import FileChallenge
    from pvcheck.pipeline.checking import Checked
    from pvcheck.pipeline.results import FileResult

NOTHING = {"outcomes": None, "not_run": 0, "not_selected": 0, "faults": None}


def of_checked(files: Sequence[Checked]) -> dict[str, JSON]:
    """Return the counts of contracts and of their falsifiers by kind."""
    counts = tally.Counts.together(map(tally.counted, files))
    known = [each.contract for each in files if each.contract is not None]
    return {
        "contracts": len(files),
        "falsifiers": counts.total,
        **{name: getattr(counts, name) for name in tally.Counts._fields if name != "total"},
        "not_understood": sum(len(each.not_understood) for each in known),
        "ignored": sum(len(each.ignored) for each in files),
        **NOTHING,
    }


def of_run(files: Sequence[FileResult]) -> dict[str, JSON]:
    """Return the counts of contracts, and how their evaluations ended."""
    counts = of_checked([each.checked for each in files])
    outcomes = Counter(each.outcome for file in files for each in file.results)
    not_run = sum(file.not_run for file in files)
    return counts | {
        "outcomes": {str(each): outcomes[each] for each in Outcome},
        "not_run": not_run,
        "not_selected": counts["bound"] - outcomes.total() - not_run,
    }


def of_challenge(files: Sequence[FileChallenge]) -> dict[str, JSON]:
    """Return the counts of contracts, and how many faults were planted, moved a measurement and were caught."""
    counts = of_checked([each.checked for each in files])
    done = [each for file in files for each in file.challenged]
    planted = sum(each.state is not State.NOT_PLANTED for one in done for each in one.trials)
    score = total(each.score for each in done)
    return counts | {
        "not_selected": counts["bound"] - sum(len(file.bouts) for file in files),
        "faults": {"challenged": len(done), "planted": planted, "moved": score.moved, "caught": score.caught},
    }


def of_findings(findings: Iterable[JSON]) -> dict[str, JSON]:
    """Return how many findings there are of each severity; alone they count nothing else."""
    weights = Counter(each["severity"] for each in findings)
    return {f"{severity}s": weights[severity] for severity in Severity}
