"""Points 71 to 89: the rest of what tests/isolation walks through."""

from __future__ import annotations

import os

import pytest

LOOP = """
import numba
from pathlib import Path

@numba.njit
def loops(left):
    number = left
    while left > 0:
        number = (number * 5 + 1) % 8191
        left -= number >= 0
    return number

loops(3)
Path({began!r}).touch()
loops(2**62)
"""


@pytest.mark.skipif(os.environ.get("PVCHECK_POINTS") != "long", reason="compiles and waits: PVCHECK_POINTS=long")
def test_074_a_compiled_loop_that_does_not_end_is_a_timeout(lab):
    """It holds the interpreter and hears no signal, as sum() in C does, which every run of the tests tries."""
    pytest.importorskip("numba")
    began = lab.root / "began"
    lab.misbehaves({"numba": LOOP.format(began=str(began))})
    lab.settings(8)

    lab.ends({"numba": ("timeout", "no answer within 8 s")})

    assert began.exists()
