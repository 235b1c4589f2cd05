"""Exit statuses: each one is reached, and of several the one that matters most wins."""

from __future__ import annotations

import os

import pytest
from helpers import CONTRACT
from hypothesis import given
from hypothesis import strategies as st

from pvcheck.errors import EXIT_ORDER, worst
from pvcheck.pipeline import checking

REFUTED = {"metrics": {"growth": 99.0, "count": 4}}
TWO = "[pvcheck.plugins]\nprobe = probe_light\nq4k = probe_light\n"


class Case:
    """What the ways to a status need: the project, the command, and the means to plant a fault."""

    def __init__(self, project, pv, probe, monkeypatch):
        self.project, self.pv, self.probe, self.monkeypatch = project, pv, probe, monkeypatch

    def record(self):
        """Return the record of a promotion made now."""
        assert self.pv("run", "--write")[0] == 0
        return next((self.project.contract.parent / "evidence" / "c").glob("*.json"))

    def admit(self):
        """Let the contract say that the claim is refuted."""
        self.project.measure(REFUTED)
        assert self.pv("run", "--write")[0] == 1

    def fail(self, error):
        """Let checking raise an error."""
        self.monkeypatch.setattr(checking, "check_all", lambda _: (_ for _ in ()).throw(error))

    def forge(self):
        """Change a number in the record."""
        record = self.record()
        record.write_bytes(record.read_bytes().replace(b"1.5", b"1.4"))

    def make_optional(self):
        """Let the input be absent with the contract's consent."""
        self.project.model.unlink()
        self.project.edit("    path: model.bin\n", "    path: model.bin\n    optional: true\n")


def nothing(_):
    """Leave the project as it is."""


CASES = {
    "held": (0, nothing, "run"),
    "admitted refutation": (0, Case.admit, "run"),
    "stale, for status": (0, lambda at: at.project.edit("status: PENDING", "status: DISCHARGED"), "status"),
    "refuted": (1, lambda at: at.project.measure(REFUTED), "run"),
    "violation": (1, lambda at: at.project.edit("growth: < 18", "growth: around 18"), "validate"),
    "no evidence": (1, lambda at: at.project.edit("status: PENDING", "status: DISCHARGED"), "validate"),
    "unknown setting": (2, lambda at: (at.project.root / "pv.toml").write_text("nope = 1\n"), "run"),
    "usage": (2, nothing, "run --nope"),
    "two plugins of one name": (
        2,
        lambda at: (at.probe / "probe_dist-1.0.dist-info" / "entry_points.txt").write_text(TWO),
        "run",
    ),
    "unreadable": (3, nothing, "validate nowhere.yaml"),
    "invalid": (3, lambda at: at.project.measure({"metrics": {"growth": "nan"}}), "run"),
    "missing input": (3, lambda at: at.project.model.unlink(), "run"),
    "no contract": (4, nothing, "validate schemas"),
    "nothing bound": (4, nothing, "run -k F-2"),
    "optional input": (4, Case.make_optional, "run"),
    "missing record": (5, lambda at: at.record().unlink(), "validate"),
    "forged record": (5, Case.forge, "validate"),
    "bug": (70, lambda at: at.fail(ZeroDivisionError), "validate"),
    "interrupt": (130, lambda at: at.fail(KeyboardInterrupt), "validate"),
}
"""By name: the status, what brings it about, and the command that meets it."""


@pytest.mark.parametrize(("expected", "arrange", "words"), CASES.values(), ids=CASES)
def test_each_case_ends_with_its_status(project, pv, probe, monkeypatch, expected, arrange, words):
    """The status says who is at fault: the contract, the command, the machine, the evidence or pvcheck."""
    arrange(Case(project, pv, probe, monkeypatch))

    status, _, err = pv(*words.split())

    assert status == expected
    assert "Traceback" not in err


def test_every_status_has_a_case():
    """No status is only documented."""
    assert {status for status, _, _ in CASES.values()} == set(EXIT_ORDER)


@given(st.lists(st.sampled_from(EXIT_ORDER), max_size=8))
def test_the_worst_of_several_wins_whatever_their_order(codes):
    """130, 70, 2, 5, 1, 3, 4, 0: a crash outranks a usage error, and "could not tell" never hides a "no"."""
    ranks = {code: rank for rank, code in enumerate((130, 70, 2, 5, 1, 3, 4, 0))}

    found = worst(codes)

    assert found == min(codes, key=ranks.__getitem__, default=0)
    assert found == worst(reversed(codes))
    assert worst([*codes, found]) == found
    assert worst([*codes, 0]) == found


@given(st.lists(st.sampled_from(EXIT_ORDER)), st.lists(st.sampled_from(EXIT_ORDER)))
def test_parts_may_be_judged_apart(left, right):
    """The worst of all is the worst of the worsts."""
    assert worst([*left, *right]) == worst([worst(left), worst(right)])


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        pytest.param({"broken.yaml": "a: ["}, 5, id="forged record beside a violation"),
        pytest.param({"pipe.yaml": None}, 5, id="forged record beside an unreadable file"),
    ],
)
def test_a_forged_record_outranks_what_lies_beside_it(project, pv, extra, status):
    """It is told as such, however many files say something else."""
    pv("run", "--write")
    record = next((project.contract.parent / "evidence" / "c").glob("*.json"))
    record.write_bytes(b"{}")
    for name, text in extra.items():
        path = project.contract.with_name(name)
        path.write_text(text) if text is not None else os.mkfifo(path)

    assert pv("validate")[0] == status


def test_a_violation_outranks_a_file_that_cannot_be_read(project, pv):
    """The answer is "no", and "could not tell" does not hide it."""
    project.contract.write_text(CONTRACT.replace("growth: < 18", "growth: around 18"))

    assert pv("validate", "contracts", "nowhere.yaml")[0] == 1
