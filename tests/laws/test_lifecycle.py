"""The laws that every sequence of runs, edits, bumps and commits keeps, in a real git repository.

Nothing is measured here: numbers are drawn, and everything after the measurement is the product's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import chdir
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pvcheck import config
from pvcheck.domain import bounds
from pvcheck.domain.claim import claim
from pvcheck.domain.difference import apply, compare
from pvcheck.domain.metric import MetricType
from pvcheck.domain.status import Outcome
from pvcheck.domain.version import Change
from pvcheck.errors import Severity
from pvcheck.evidence import store
from pvcheck.evidence.record import Metric, Record, judge
from pvcheck.loading import contract as loading
from pvcheck.pipeline import bumping, checking, comparing, running
from pvcheck.pipeline.bumping import Wish
from pvcheck.pipeline.options import Mode
from pvcheck.pipeline.results import Result

DAY = "2026-11-22"
NAMES = ("F-1", "F-2")
BOUNDS = ("< 18", "< 20", "<= 5", "in [1, 4]", "> 1")
NUMBERS = (0.5, 1.5, 4.5, 17.0, 19.0, 30.0)
HEAD = """\
metadata:
  schema: 1
  id: C-LAWS
  version: 1.0.0
  status: ACTIVE
falsification_tests:
"""
FALSIFIER = """\
- id: {name}
  rule: growth stays bounded
  evaluator: drawn
  with: {{layers: 4}}
  expect:
    growth: < 18
  status: PENDING
"""
TAIL = """\
implementation_stages:
- id: S-1
  expected_acceptance: [F-1]
  status: PENDING
- id: S-2
  expected_acceptance: [F-1, F-2]
  status: PENDING
amendments: []
"""


class Lifecycle(RuleBasedStateMachine):
    """One contract in one repository, and the people and tools that work on it."""

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="pv-laws-"))
        self.path = self.root / "contracts" / "laws.yaml"
        self.is_settled = True
        self.highest = None
        self.extra = 0

    @initialize(promoted=st.sampled_from((NAMES, NAMES, NAMES[:1], ())))
    def begin(self, promoted):
        """Commit the first version, and perhaps promotions: most laws are about what was earned."""
        self.path.parent.mkdir()
        self.path.write_text(HEAD + "".join(FALSIFIER.format(name=name) for name in NAMES) + TAIL)
        (self.root / "pv.toml").touch()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "nobody@example.org")
        self.git("config", "user.name", "nobody")
        self.commit_all()
        for name in promoted:
            self.measure(name, 4.5)
        self.commit_all()

    def teardown(self):
        """Leave nothing behind."""
        config.of_folder.cache_clear()
        shutil.rmtree(self.root)

    def git(self, *words):
        """Run git, which must succeed."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", *words], cwd=self.root, env=kept, check=True, capture_output=True)

    def commit_all(self):
        """Commit everything there is."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a step")

    def loaded(self):
        """Return the contract as it is."""
        return loading.load(self.path.read_bytes(), str(self.path))

    def edit(self, name, pattern, replacement):
        """Edit one falsifier by hand; the contract waits for a bump then."""
        text = self.path.read_text()
        start = text.index(f"- id: {name}\n")
        end = text.find("\n- id: ", start + 1)
        block, count = re.subn(pattern, replacement, text[start:end], count=1, flags=re.MULTILINE)
        if count and block != text[start:end]:
            self.path.write_text(text[:start] + block + text[end:])
            self.is_settled = False

    @rule(name=st.sampled_from(NAMES), bound=st.sampled_from(BOUNDS))
    def change_a_bound(self, name, bound):
        """Put another bound, by hand."""
        self.edit(name, r"^    growth: .*$", f"    growth: '{bound}'")

    @rule(name=st.sampled_from(NAMES), layers=st.integers(1, 6))
    def change_a_parameter(self, name, layers):
        """Ask for another measurement, by hand."""
        self.edit(name, r"layers: [0-9]+", f"layers: {layers}")

    @rule(name=st.sampled_from(NAMES), words=st.sampled_from(("is bounded", "stays small", "stays bounded")))
    def change_the_prose(self, name, words):
        """Find a better sentence."""
        self.edit(name, r"^  rule: .*$", f"  rule: growth {words}")

    @rule(name=st.sampled_from(NAMES))
    def set_back(self, name):
        """Trust a status no longer."""
        self.edit(name, r"^  status: [A-Z]+\n  evidence: \S+$", "  status: PENDING")

    @rule()
    @precondition(lambda self: self.extra < 3)
    def add_a_falsifier(self):
        """Add an unbound claim, by hand."""
        self.extra += 1
        text = self.path.read_text()
        new = f"- id: F-EXTRA-{self.extra}\n  rule: something else\n  status: PROPOSED\n"
        self.path.write_text(text.replace("implementation_stages:\n", new + "implementation_stages:\n"))
        self.is_settled = False

    @rule(name=st.sampled_from(NAMES), number=st.sampled_from(NUMBERS))
    def run(self, name, number):
        """Measure one falsifier and write what follows."""
        self.measure(name, number)

    def measure(self, name, number):
        """Judge a number as a run would, and write what follows."""
        checked = checking.check(self.path, {})
        if not checked.can_run:
            return
        before = checked.instance
        falsifier = checked.contract.falsifier(name)
        metrics = {"growth": Metric(MetricType.F64, number)}
        judged, outcome = judge(metrics, [(each.metric, each.bound) for each in falsifier.expectations])
        record = Record(
            contract="C-LAWS",
            falsifier=name,
            claim=claim(falsifier, checked.contract),
            outcome=outcome,
            metrics=metrics,
            judged=judged,
            details={},
            guards=[],
            inputs={},
            made_by={},
            made_at={},
        )
        result = Result(falsifier=falsifier, outcome=outcome, judged=judged, record=record)

        running.concluded(checked, (result,), Mode.WRITE)

        assert apply(before, compare(before, self.loaded().instance)) == self.loaded().instance

    @rule()
    def bump(self):
        """Bump; a second bump has nothing to do."""
        before = self.loaded().instance
        (done,) = bumping.bump([self.path], Wish(DAY))
        assert [str(each) for each in done.findings if each.severity is Severity.ERROR] == []
        text = self.path.read_bytes()

        (again,) = bumping.bump([self.path], Wish(DAY))

        assert self.path.read_bytes() == text
        assert again.after == ""
        assert apply(before, compare(before, self.loaded().instance)) == self.loaded().instance
        self.is_settled = True
        self.against_head()

    @rule()
    @precondition(lambda self: self.is_settled)
    def commit(self):
        """Only what is bumped is committed; so a hook holds it."""
        self.against_head()
        self.commit_all()

    def against_head(self):
        """Assert that what is here may follow what was committed."""
        with chdir(self.root):
            compared = comparing.check((), Path(), "HEAD", {}, staged=False)
        found = [each for file in compared.files for each in file.findings]
        assert [str(each) for each in found if each.severity is Severity.ERROR] == []

    @invariant()
    def the_version_never_falls(self):
        """Whatever is done, in whatever order."""
        if not self.path.exists():
            return
        version = self.loaded().contract.version
        assert self.highest is None or version >= self.highest
        self.highest = version

    @invariant()
    def discharged_implies_matching_evidence(self):
        """Where nothing waits for a bump; before that, the check says what it is."""
        if not (self.path.exists() and self.is_settled):
            return
        contract = self.loaded().contract
        for each in contract.falsifiers:
            if each.status == "DISCHARGED":
                record = store.load(self.path, each.evidence)
                _, outcome = judge(record.metrics, [(one.metric, one.bound) for one in each.expectations])
                assert (record.claim, outcome) == (claim(each, contract), Outcome.HELD)
        errors = [str(each) for each in checking.check(self.path, {}).errors]
        assert errors == []

    @invariant()
    def every_amendment_explains_its_version(self):
        """Hold today's version to the newest, the others below it, and each step to what it lists."""
        if not (self.path.exists() and self.is_settled):
            return
        contract = self.loaded().contract
        versions = [each.version for each in contract.amendments]
        assert versions[:1] in ([], [contract.version])
        assert all(newer > older for newer, older in pairwise(versions))
        for each, older in zip(contract.amendments, versions[1:], strict=False):
            assert each.version >= older.after(needed(each))
        assert all(each.transitions or each.bounds or each.renewals or each.summary for each in contract.amendments)


def needed(amendment):
    """Return the least step of what an amendment lists, reckoned here by trying numbers."""
    if any(weakened(change) for change in amendment.bounds):
        return Change.MAJOR
    if amendment.transitions or amendment.bounds:
        return Change.MINOR
    return Change.PATCH


def weakened(change):
    """Say whether some number near the ends passes now and did not before."""
    before, after = ([bounds.parse(text) for text in texts] for texts in (change.before, change.after))
    tried = [each + step for each in range(-1, 32) for step in (-1e-9, 0.0, 1e-9)]
    return any(
        all(each.accepts(number, MetricType.F64) for each in after)
        and not all(each.accepts(number, MetricType.F64) for each in before)
        for number in tried
    )


Lifecycle.TestCase.settings = settings(
    max_examples=int(os.environ.get("PVCHECK_LAWS", "40")),
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLifecycle = Lifecycle.TestCase
