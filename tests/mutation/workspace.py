"""A copy of the checkout in which one file at a time may be wrong."""

from __future__ import annotations

import compileall
import hashlib
import importlib.util
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEFT_OUT: Final = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".coverage*", "dist", "build")
PATHS: Final = ("", "plugins/dask", "plugins/general", "plugins/q4k", "tests")
"""What the import path begins with, so that the installed package is never the one that is tested."""


def copy(checkout: Path, folder: Path) -> None:
    """Copy a checkout, and compile what will not change."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(checkout, folder, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    compileall.compile_dir(folder / "pvcheck", quiet=2)


def import_path(folder: Path) -> str:
    """Return what PYTHONPATH must be."""
    return os.pathsep.join(str(folder / each) for each in PATHS)


@contextmanager
def planted(path: Path, text: bytes) -> Iterator[None]:
    """Let a file hold another text for a while, with no compiled form that a process could take instead."""
    stamp, right = path.stat(), path.read_bytes()
    compiled = Path(importlib.util.cache_from_source(str(path)))
    code = compiled.read_bytes()
    compiled.unlink()
    path.write_bytes(text)
    try:
        yield
    finally:
        path.write_bytes(right)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        compiled.write_bytes(code)


def digest(paths: Iterable[Path]) -> str:
    """Return what tells some files from their earlier selves."""
    each = "".join(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in sorted(paths))
    return hashlib.sha256(each.encode()).hexdigest()[:16]
