"""The count of the points that pvcheck withstands, and that none of them is forgotten."""

from __future__ import annotations

import re
from collections import Counter

import count_points
from count_points import PAGE, POINTS, Points, points, told


def test_every_point_has_tests_or_a_reason():
    """A point whose last test was renamed or removed is missed; so is a number that is no point."""
    found = points()

    assert found.missing == []
    assert found.wrong == []


def test_the_page_quotes_the_count():
    """The numbers of the docs are those that the command prints."""
    last = told(points())[-1]

    tested, whole = re.search(r"(\d+) have tests \(\d+\), (\d+) do not apply", last).groups()
    assert last.startswith(f"{POINTS} of {POINTS} points: ")
    assert f"{tested} have tests, {whole} does not apply" in PAGE.read_text()


def test_what_is_missing_or_cannot_be_is_told(tmp_path, capsys, monkeypatch):
    """Tests are found wherever they lie; a row of the page and a test contradict each other."""
    (tmp_path / "test_a.py").write_text("def test_001_a(): ...\nclass T:\n    def test_001_b(self): ...\n")
    (tmp_path / "test_b.py").write_text("def test_171_c(): ...\ndef test_no_number(): ...\n")
    page = tmp_path / "page.md"
    page.write_text("| 1 | whole | why |\n| 2 | part | why |\n| 3 | whole | why |\n")

    found = points(tmp_path, page)
    monkeypatch.setattr(count_points, "points", lambda: found)

    assert found.tests == {1: 2, 171: 1}
    assert found.missing == [2, *range(4, 171)]
    assert found.wrong == ["171 is no point", "001 has tests, yet the page says that it does not apply"]
    assert count_points.main() == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("1 of 17 tested")
    assert "3 of 170 points: 1 have tests (2), 2 do not apply; 1 of those tested apply in part" in out
    assert "002 has no test and no reason" in out


def test_every_point_can_be_there():
    """Nothing is said then, and the status is 0."""
    found = Points(Counter(range(1, POINTS + 1)), frozenset(), frozenset())

    assert (found.missing, found.wrong) == ([], [])
