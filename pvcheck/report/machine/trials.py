"""The challenge of one falsifier as JSON: what each planted fault did, and what each bound let pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.teeth import Challenged
    from pvcheck.pipeline.challenging import Bout


def told(bout: Bout) -> JSON:
    """Return one challenge; where there was none, why not."""
    challenged = bout.challenged
    score = challenged.score if challenged else None
    return {
        "challenged": challenged is not None,
        "word": bout.word or None,
        "reason": bout.reason,
        "exit_status": bout.exit_code,
        "withheld": bout.withheld or None,
        "caught": score.caught if score else 0,
        "moved": score.moved if score else 0,
        "score": score.ratio if score else None,
        "missed": list(challenged.missed) if challenged else [],
        "faults": _faults(challenged) if challenged else [],
        "bounds": _bounds(challenged) if challenged else [],
    }


def _faults(challenged: Challenged) -> list[JSON]:
    """Return what planting each fault came to."""
    return [
        {
            "name": each.fault,
            "state": str(each.state),
            "guard": each.guard or None,
            "reason": each.reason,
            "caught": each.has_moved and challenged.is_caught(each),
        }
        for each in challenged.trials
    ]


def _bounds(challenged: Challenged) -> list[JSON]:
    """Return the faults that each bound caught, missed, and caught alone."""
    return [
        {
            "metric": each.expected.metric,
            "bound": each.expected.bound.text,
            "caught": list(each.caught),
            "missed": list(each.missed),
            "alone": list(each.alone),
            "cannot_fail": each.cannot_fail,
        }
        for each in challenged.teeth()
    ]
