"""Ignoring and rules between contracts in a whole validation: what is left out, what is counted, what comes back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pvcheck import config
from pvcheck.pipeline import checking

TODAY = date(2026, 11, 22)
WRONG = """\
metadata:
  schema: 1
  id: C-WRONG
  version: 1.0.0
falsification_tests:
- id: F-1
  prediction: " "
  status: DISCHARGED
"""
IGNORE = '[[ignore]]\ncode = "PV212"\nreason = "a sentence is being written"\n'


@pytest.fixture
def checked(tmp_path):
    """Check contracts under settings, and return what was found in each."""

    def call(settings, *paths, **contracts):
        (tmp_path / "pv.toml").write_text(settings)
        (tmp_path / "contracts").mkdir()
        for name, text in contracts.items():
            (tmp_path / "contracts" / f"{name}.yaml").write_text(text)
        config.of_folder.cache_clear()
        places = [tmp_path / "contracts" / f"{name}.yaml" for name in paths or contracts]
        return checking.check_all(places, TODAY)

    return call


def codes(found):
    """Return the codes of findings."""
    return [each.code for each in found]


def test_what_is_ignored_is_counted_and_does_not_hide_a_typed_status(checked):
    """Without its error of wording the contract goes on to the rules of evidence, which nobody can ignore."""
    (file,) = checked(IGNORE, a=WRONG)

    assert codes(file.findings) == ["PV317", "PV401"]
    assert codes(file.ignored) == ["PV212"]


def test_what_is_not_ignored_is_told(checked):
    """The same file under settings about another place."""
    (file,) = checked(IGNORE + 'paths = ["contracts/b.yaml"]\n', a=WRONG)

    assert codes(file.findings) == ["PV317", "PV212", "PV718"]
    assert file.ignored == ()


@pytest.mark.parametrize(
    ("until", "told"), [("2026-11-22", ["PV317", "PV401"]), ("2026-11-21", ["PV317", "PV212", "PV719"])]
)
def test_the_day_decides(checked, until, told):
    """Until its last day an ignore holds; from the next day the finding is back, with a note."""
    (file,) = checked(IGNORE + f"until = {until}\n", a=WRONG)

    assert codes(file.findings) == told


def test_findings_between_contracts_can_be_ignored_too(checked):
    """By their own code, at their own place."""
    text = WRONG.replace("  status: DISCHARGED\n", "").replace('" "', "x").replace("id: C-WRONG", "id: C-%s")
    needy = text.replace("version: 1.0.0", "version: 1.0.0\n  depends_on: [none]")

    first, second = checked(IGNORE.replace("PV212", "PV321") + 'id = "C-1"\n', a=needy % 1, b=needy % 2)

    assert (codes(first.findings), codes(first.ignored)) == (["PV317"], ["PV321"])
    assert (codes(second.findings), codes(second.ignored)) == (["PV321", "PV317"], [])


def test_an_ignore_in_vain_is_told_only_when_everything_was_checked(checked):
    """A hook on one file does not mistake a part for the whole."""
    text = WRONG.replace("  status: DISCHARGED\n", "").replace('" "', "x")

    (file,) = checked(IGNORE, "a", a=text, b=text.replace("C-WRONG", "C-OTHER"))

    assert codes(file.findings) == ["PV317"]


def test_contracts_of_two_projects_do_not_meet(tmp_path):
    """Ids and names are compared inside one root."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pv.toml").touch()
        (tmp_path / name / "a.yaml").write_text(WRONG.replace('" "', name).replace("  status: DISCHARGED\n", ""))

    found = checking.check_all([tmp_path / "one" / "a.yaml", tmp_path / "two" / "a.yaml"])

    assert [codes(each.findings) for each in found] == [["PV317"], ["PV317"]]


def test_a_file_that_cannot_be_read_stands_beside_the_others(checked):
    """Its findings are its own, and it has no name that another could share."""
    good = WRONG.replace('" "', "x").replace("  status: DISCHARGED\n", "")

    broken, file = checked("", a="a: [", b=good)

    assert broken.contract is None
    assert codes(file.findings) == ["PV317"]


def test_settings_without_contracts_have_none(tmp_path):
    """That there is nothing at the default place is no fault of a file elsewhere."""
    (tmp_path / "pv.toml").write_text(IGNORE)
    path = tmp_path / "a.yaml"
    path.write_text(WRONG.replace('" "', "x").replace("  status: DISCHARGED\n", "  depends_on: [b]\n"))

    (file,) = checking.check_all([Path(path)])

    assert codes(file.findings) == ["PV718", "PV317"] or codes(file.findings) == ["PV317", "PV718"]
