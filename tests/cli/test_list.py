"""The state of a fleet: one line a contract, one for all, and no green word over an empty list."""

from __future__ import annotations

import os
import sys

import pytest
from helpers import CONTRACT
from pipeline.results import made, sent

from pvcheck.report import listing
from pvcheck.report.tally import Counts

UPSTREAM = "metadata: {version: '1.0.0'}\nfalsification_tests:\n- {id: A, if_fails: x, status: DISCHARGED}\n"
UNBOUND = """\
metadata: {schema: 1, id: C-INERT, version: 1.0.0, status: DISCHARGED_SOON}
falsification_tests:
""" + "".join(f"- {{id: F-{number}, status: PENDING}}\n" for number in range(19))


@pytest.fixture
def fleet(project, pv):
    """Give a project with a discharged, a claimed, a broken and an inert contract, and one that was edited since."""
    pv("apply", sent(project, made(project)))
    stale = project.contract.with_name("stale.yaml")
    stale.write_text(CONTRACT.replace("C-TEST", "C-STALE"))
    pv("apply", sent(project, made(project, 2.0, text=stale.read_text())))
    stale.write_text(stale.read_text().replace("layers: 0-3", "layers: 0-4"))
    project.contract.with_name("upstream.yaml").write_text(UPSTREAM)
    project.contract.with_name("broken.yaml").write_text("a: 1\na: 2\n")
    (project.contract.parent / "a").mkdir()
    (project.contract.parent / "a" / "inert.yaml").write_text(UNBOUND.replace(", status: DISCHARGED_SOON", ""))
    return project


def test_list(fleet, pv, golden):
    """One aligned line a contract, by path, and the line of the fleet."""
    status, out, err = pv("list")

    assert (status, err) == (0, "")
    golden("list", out)


def test_status_ends_with_the_line_of_the_fleet(fleet, pv):
    """The same one as the list."""
    assert pv("status")[1].splitlines()[-1] == pv("list")[1].splitlines()[-1]


def test_evidence_show(project, pv, golden, monkeypatch):
    """One record in full, with what an edit since made of it."""
    monkeypatch.setattr("platform.node", lambda: "here")
    record = made(project)
    pv("apply", sent(project, record))
    project.edit("growth: < 18", "growth: [< 18, '> 1']")

    status, out, _ = pv("evidence", "show", "F-1")

    assert status == 0
    golden("evidence", out)


def test_apply_diff(project, pv, golden):
    """What would change, to look at first; nothing is written."""
    path = sent(project, made(project))
    before = project.state()

    status, out, _ = pv("apply", path.name, "--diff")

    assert status == 0
    golden("apply", out)
    assert project.state() == before


@pytest.mark.parametrize("command", ["validate", "status", "list", "run"])
def test_a_vacuous_green_cannot_be_overlooked(project, pv, command):
    """Where nothing is bound, the verdict says how many could be, and no other word stands in front of it."""
    project.contract.write_text(UNBOUND.replace(", status: DISCHARGED_SOON", ""))

    _, out, _ = pv(command)

    assert "19 falsifiers: 0 of 19 bound" in out.splitlines()[-1]
    assert "discharged" not in out.splitlines()[-1]


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
def test_the_list_fits_a_terminal(fleet, pv, monkeypatch, columns):
    """Numbers stay whole, the path keeps its end and the rest its beginning; then columns are left out."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))

    lines = pv("list")[1].splitlines()
    *wide, _ = pv("list", "--wide")[1].splitlines()
    lines = lines[: len(wide)]

    assert max(map(len, lines)) <= max(columns, 46)
    heads = lines[0].split()
    assert heads == [each for each in listing.HEAD if each in heads or each[:6] == heads[1][:6]]
    for cut, whole in zip(lines[1:], wide[1:], strict=True):
        assert not set(cut.split()[-3:]) - {*whole.split(), cut.split()[-1]}
        if "path" in heads:
            assert whole.endswith(cut.split()[-1].lstrip("…"))
    assert (lines == wide) == (columns == 200)


def test_columns_are_left_out_in_the_order_that_is_stated():
    """Only as many as must be, with text as short as it may be."""
    widths = [30, 8, 12, 5, 5, 4, 5, 3, 5, 60]

    shown = [
        [listing.HEAD[each] for each in listing._room(widths, width)] for width in (200, 93, 92, 85, 80, 70, 51, 1)
    ]

    left = [len(listing.HEAD) - len(each) for each in shown]
    assert left == sorted(left)
    assert [set(listing.HEAD) - set(each) for each in shown] == [set(listing.SPARE[:number]) for number in left]
    assert left[0] == left[1] == 0
    assert left[-1] == len(listing.SPARE)


def test_the_path_gives_way_first_then_the_id_then_the_status():
    """The widths of id, version, status, numbers and path."""
    widths = [30, 8, 12, 5, 5, 4, 5, 3, 5, 60]

    fitted = [listing._fitted(widths, range(10), width) for width in (200, 140, 100, 80, 10)]

    assert fitted[0] == widths
    assert [each[-1] for each in fitted] == [60, 45, 16, 16, 16]
    assert [each[0] for each in fitted] == [30, 30, 19, 16, 16]
    assert [each[2] for each in fitted] == [12, 12, 12, 8, 8]
    assert [each[1] for each in fitted] == [8, 8, 8, 7, 7]


def test_hostile_words_stay_in_their_line(project, pv):
    """A list is a line a contract, whatever an id says."""
    text = UPSTREAM.replace("version: '1.0.0'", r'version: "1.0.0", id: "a\nb\e[2J", status: "x\ty"')
    project.contract.write_text(text)

    _, out, _ = pv("list")

    assert len(out.splitlines()) == 3
    assert "\x1b" not in out


def test_counts_add_up():
    """Of nothing there is nothing; bound and unbound are all."""
    one = Counts(total=3, bound=2, discharged=1, stale=1, unbound=1)

    assert Counts.together([one, one]) == Counts(total=6, bound=4, discharged=2, stale=2, unbound=2)
    assert Counts.together([]) == Counts()
    assert one.verdict == "1 discharged, 0 falsified, 1 stale, 0 pending"
    assert Counts().verdict == "0 of 0 bound"


def test_what_is_ignored_is_counted(project, pv):
    """A finding that the settings leave out does not vanish."""
    project.contract.write_text(UNBOUND.replace(", status: DISCHARGED_SOON", ""))
    before = pv("validate")[1]
    with (project.root / "pv.toml").open("a") as file:
        file.write('[[ignore]]\ncode = "PV317"\nreason = "the evaluator is on its way"\n')

    after = pv("validate")[1]

    assert before.endswith("19 falsifiers: 0 of 19 bound; 19 unbound; no errors, 1 warning\n")
    assert after.endswith("19 falsifiers: 0 of 19 bound; 19 unbound; 1 ignored; no errors\n")
