"""``pv new plugin``: options, messages and exit statuses. The tutorial's test uses what it writes."""

from __future__ import annotations

import pytest


def test_new_plugin_lists_what_it_wrote_and_says_how_to_go_on(pv, tmp_path, monkeypatch):
    """In a folder beside, named after the distribution."""
    monkeypatch.chdir(tmp_path)

    status, out, err = pv("new", "plugin", "sums")

    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[-1] == "wrote 13 files; now: cd pvcheck-sums && pip install -e . --no-deps && pytest"
    assert all((tmp_path / line).is_file() for line in lines[:-1])
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["Sums"],
            'PV733 the name of a plugin must be small letters, digits and single -, got "Sums"\n'
            "  hint: start with a letter and use at most 40 characters, such as row-norms\n",
            id="a bad name",
        ),
        pytest.param(
            ["pvcheck-sums"],
            "PV733 the name of a plugin must not start with pvcheck-, which is put in front of it, "
            'got "pvcheck-sums"\n  hint: leave it out: pv new plugin sums\n',
            id="the prefix",
        ),
        pytest.param(
            ["sums", "--into", "."],
            ".: PV706 the folder is there already\n  hint: name a folder that does not exist yet with --into\n",
            id="a folder that exists",
        ),
    ],
)
def test_what_cannot_be_made_exits_2_with_one_line_and_a_hint(pv, tmp_path, monkeypatch, words, told):
    """Nothing is written."""
    monkeypatch.chdir(tmp_path)

    assert pv("new", "plugin", *words) == (2, "", told)
    assert list(tmp_path.iterdir()) == []
