"""Lists that must agree: public names and their modules, codes and their pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import untraced

from pvcheck import host
from pvcheck.explain import page
from pvcheck.host import codes


def test_every_public_name_has_a_module():
    """And no other name is found."""
    assert sorted(host._HOMES) == sorted(host.__all__)
    assert all(getattr(host, name) is not None for name in host.__all__)
    with pytest.raises(AttributeError, match=r"^module 'pvcheck\.host' has no attribute 'Nothing'"):
        host.Nothing  # noqa: B018 - the look is the test


def test_every_code_has_a_title():
    """The table and the constants are one list."""
    constants = {value for name, value in vars(codes).items() if name.isupper() and name != "TITLES"}

    assert constants == set(codes.TITLES)


@pytest.mark.parametrize("code", codes.TITLES)
def test_every_code_has_a_page(code):
    """It begins with code and title, and shows a wrong and a right example."""
    text = page(code)

    assert text.splitlines()[0] == f"# {code} {codes.TITLES[code]}"
    wrong, right = text.index("\n## Wrong\n"), text.index("\n## Right\n")
    assert text[wrong:right].count("```") == text[right:].count("```") == 2
    assert max(map(len, text.splitlines())) <= 120


def test_every_page_of_plugins_has_a_code():
    """A page that no message leads to is a mistake."""
    folder = Path(sys.modules["pvcheck.explain"].__file__).parent

    assert {path.stem for path in folder.glob("PV5*.md")} == set(codes.TITLES)


def test_a_worker_starts_light():
    """It loads what it needs to serve, and neither the host's side nor a numerical library."""
    script = "import sys, pvcheck.host.worker; print(*sys.modules)"

    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=untraced()
    ).stdout

    loaded = told.split()
    heavy = {"numpy", "numba", "click", "yaml", "jsonschema", "subprocess", "multiprocessing"}
    assert not heavy & set(loaded)
    assert not {name for name in loaded if re.match(r"pvcheck\.host\.(pool|process|discovery)", name)}
