"""The layers of which every branch is tested, each with the tests that hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LAYERS: Final = {
    "domain": (
        "tests/domain",
        "tests/evidence",
        "tests/rules",
        "tests/loading",
        "tests/plugin",
        "tests/test_guards.py",
    ),
    "text": ("tests/text", "tests/loading", "tests/rules"),
    "evidence": ("tests/evidence", "tests/rules"),
    "host": ("tests/host", "tests/isolation", "tests/pipeline/test_executors.py", "tests/pipeline/test_sweeps.py"),
}
"""Its own tests, and those of layers that call it, as far as they take seconds: what only a run of the whole command
would notice is not held."""


def files(folders: tuple[str, ...]) -> list[Path]:
    """Return the test files of a layer, and what their fixtures come from."""
    found = [Path(each) for each in folders if each.endswith(".py")]
    found += [path for each in folders if not each.endswith(".py") for path in Path(each).rglob("*.py")]
    return [*found, Path("tests/conftest.py"), Path("tests/helpers.py")]
