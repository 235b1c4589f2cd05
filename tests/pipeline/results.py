"""Records as another host would make them, and files that hold them."""

from __future__ import annotations

from helpers import METRICS, a_record, load

from pvcheck.domain.digest import sha256
from pvcheck.domain.metric import MetricType
from pvcheck.evidence import lines
from pvcheck.evidence.record import Metric

DETAILS = {key: [] for key in ("labels", "comparisons", "conditions", "links", "ratios", "skipped", "notes")}
THERE = {"started": "2026-11-20T08:00:00+00:00", "seconds": 0.25, "host": "gpu-7"}
BY = {"evaluator": "probe", "evaluator_version": "1", "backend": "cuda"}


def made(project, growth=1.5, *, started=THERE["started"], text=None, **changes):
    """Return a record that a host called gpu-7 made for the contract of a project."""
    loaded = load(text or project.contract.read_text())
    data = project.model.read_bytes()
    read = {"sha256": sha256(data), "read_sha256": "5" * 64, "ranges": [[0, len(data)]], "size": len(data)}
    values = {"details": DETAILS, "made_by": BY, "made_at": THERE | {"started": started}, "inputs": {"model": read}}
    metrics = METRICS | {"growth": Metric(MetricType.F64, growth)}
    return a_record(loaded, metrics, **(values | changes))


def sent(project, *records, name="results.jsonl"):
    """Write records into a file of a project."""
    path = project.root / name
    path.write_bytes(lines.dumps(records))
    return path
