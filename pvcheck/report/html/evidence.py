"""The evidence behind one status: digests, inputs, when, who, on what, and the rest of the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.report.html import words
from pvcheck.report.html.escape import NAME, told
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pvcheck.domain.canonical import JSON
    from pvcheck.domain.metric import MetricType
    from pvcheck.evidence.record import Record
    from pvcheck.pipeline.gathering import Case, Evidence
    from pvcheck.report.html.detail import Detail

MOST_METRICS: Final = 200
SHORT: Final = len("sha256:") + 12
"""Characters of a reference that tell records apart, and that pv evidence show takes."""


class Setups:
    """The machines and versions of all records, each told once: hundreds of records come from one machine."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def link(self, made_by: Mapping[str, JSON]) -> str:
        """Return a link to the setup of a record."""
        number = self._known.setdefault(_setup(made_by), len(self._known) + 1)
        return f"<a href=#setup-{number}>setup {number}</a>"

    def section(self) -> str:
        """Return every setup that something linked to."""
        if not self._known:
            return ""
        rows = "".join(f"<li id=setup-{number}>{text}" for text, number in self._known.items())
        return f"<section id=setups><h2>Machines and versions</h2><ol>{rows}</ol></section>"


def _setup(made_by: Mapping[str, JSON]) -> str:
    """Return processor, distributions and libraries in one sentence."""
    libraries = made_by.get("libraries")
    versions = libraries if isinstance(libraries, dict) else {}
    parts = [
        f"{told(made_by.get('processor') or 'an unnamed processor')}",
        f"{told(made_by.get('distribution') or '')} {told(made_by.get('distribution_version') or '')}".strip(),
        ", ".join(f"{told(name, 40)} {told(each, 40)}" for name, each in sorted(versions.items())),
    ]
    return "; ".join(filter(None, parts))


def section(case: Case, setups: Setups, detail: Detail) -> str:
    """Return what a status rests on."""
    reference = case.falsifier.evidence
    if case.evidence is None:
        if reference is None:
            return ""
        return f"<p>Evidence: <code class=h>{told(reference)}</code>, which supports nothing."
    record = case.evidence.record
    if detail.brief:
        started = told(record.made_at.get("started") or "at no recorded time", 40)
        return f"<p class=w>{told(reference, 40)[:SHORT]}, {started}, {setups.link(record.made_by)}"
    rows = "".join(f"<dt>{head}<dd>{text}" for head, text in _rows(reference or "", record, setups))
    return f"<details><summary>Evidence</summary><dl>{rows}</dl>{_inputs(record)}</details>"


def _rows(reference: str, record: Record, setups: Setups) -> Iterator[tuple[str, str]]:
    """Yield digest, outcome, time, host, device and evaluator."""
    yield "record", f"<code class=h>{told(reference)}</code>"
    made, at = record.made_by, record.made_at
    yield "outcome", f"{record.outcome} when it was made"
    seconds = at.get("seconds")
    took = f", {seconds:g} s" if isinstance(seconds, int | float) else ""
    yield (
        "made",
        f"{told(at.get('started') or 'at no recorded time')}{took} on {told(at.get('host') or 'no named host')}",
    )
    device = ", ".join(told(made[key], 60) for key in ("backend", "device") if made.get(key))
    evaluator = f"{told(made.get('evaluator') or '')} {told(made.get('evaluator_version') or '', 40)}"
    yield "by", ", ".join(filter(None, (evaluator.strip(), device, setups.link(made))))
    if made.get("seed") is not None:
        yield "seed", told(made["seed"], 40)
    if at.get("judged_again"):
        yield "judged again from", f"<code class=h>{told(at['judged_again'])}</code>"


def _inputs(record: Record) -> str:
    """Return what was read, with the digests of the whole file and of what was read of it."""
    declared = record.claim["inputs"]
    rows = []
    for name, each in sorted(record.inputs.items()):
        read = sum(size for _, size in each["ranges"])
        wanted = declared.get(name)
        other = wanted is not None and wanted != each.get("sha256")
        rows.append(
            f"<tr><th>{told(name)}<td>{read} of {told(each.get('size', '?'), 20)} bytes, "
            f"{count(len(each['ranges']), 'range')}<td><code class=h>{told(each.get('sha256') or 'not taken')}</code>"
            f"{f' declared: <code class=h>{told(wanted)}</code>' if other else ''}"
            f"<td><code class=h>{told(each['read_sha256'])}</code>"
        )
    if not rows:
        return ""
    head = "<tr><th>input<th>read<th>sha256 of the file<th>sha256 of what was read"
    return f'<div class=s tabindex=0 role=group aria-label="inputs"><table>{head}{"".join(rows)}</table></div>'


def numbers(case: Case) -> str:
    """Return the metrics of a record that are one number, exactly, and what was left out."""
    evidence = case.evidence
    if evidence is None:
        return ""
    scalars = [(name, each) for name, each in sorted(evidence.record.metrics.items())]
    rows = "".join(
        f"<tr><th>{told(name)}<td>{_exactly(each.value, each.type)}<td>{words.unit(name, case.specs)}"
        for name, each in scalars[:MOST_METRICS]
    )
    more = f"<p>{len(scalars) - MOST_METRICS} more metrics." if len(scalars) > MOST_METRICS else ""
    head = "<tr><th>metric<th>number (bits)<th>unit"
    name = f"all metrics of {told(case.falsifier.id or 'falsifier')}"
    return (
        f"<details><summary>{count(len(scalars), 'metric')} of the record</summary><div class=s tabindex=0 role=group "
        f'aria-label="{name}"><table>{head}{rows}</table></div>{more}{_skipped(evidence)}</details>'
    )


def _exactly(value: object, kind: MetricType) -> str:
    """Return a metric to the last bit, a series by its first numbers."""
    if isinstance(value, tuple):
        return words.measured(value, kind)
    return words.exact(value, kind) if isinstance(value, bool | int | float) else ""


def _skipped(evidence: Evidence) -> str:
    """Return what the evaluator left out."""
    left = evidence.reported.skipped if evidence.reported is not None else ()
    rows = "".join(f"<li>{told(each.what)}: {told(each.reason, NAME * 2)}" for each in left[:50])
    return f"<p>Left out: {count(len(left), 'part')}<ul>{rows}</ul>" if left else ""
