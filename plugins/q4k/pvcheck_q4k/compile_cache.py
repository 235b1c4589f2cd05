"""Where compiled kernels are kept between processes, and the decorator that makes a kernel.

Numba's own cache does not see a change in another module, and keeps pickles beside the source, where a change
could bring a forged one. Ours lies in the user's cache folder, in a directory whose name is a digest of every
source file of this package, Numba, llvmlite, Python and the CPU. Each entry carries its own digest: a damaged one is
compiled again. Without a folder that is the user's alone, kernels are compiled and not kept.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pickle
import platform
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import llvmlite
import llvmlite.binding
import numba

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")
DIGEST_BYTES = 32

# Untyped on purpose: whether Numba's internals have types depends on its version.
caching: Any = importlib.import_module("numba.core.caching")


def kernel(function: F) -> F:
    """Compile a function with Numba on its first call, through the cache folder where that is usable.

    No signature is given, because an eager one compiles at import, and no fastmath, because bits are promised.
    """
    compiled: Any = numba.njit(function)
    place = folder()
    if place is not None and compiled is not function:  # with NUMBA_DISABLE_JIT it is the function itself
        compiled._cache = _Cache(function, place)  # noqa: SLF001 - the only door for a cache of one's own
    return cast(F, compiled)


@cache
def folder() -> Path | None:
    """Return this process's cache folder, made if need be, or None if there is no safe one."""
    return private_folder(root(os.environ), ("pvcheck", "numba", key(Path(__file__).parent, os.environ)))


def root(environment: Mapping[str, str]) -> Path | None:
    """Return the user's cache folder: ``XDG_CACHE_HOME`` if that is absolute, else ``~/.cache``, else None."""
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given
    home = Path(environment.get("HOME", ""))
    return home / ".cache" if home.is_absolute() else None


def key(package: Path, environment: Mapping[str, str]) -> str:
    """Return the digest of all that compiled code depends on: sources, libraries, Python, CPU and Numba's variables."""
    binding = llvmlite.binding
    parts = [
        f"numba {numba.__version__}",
        f"llvmlite {llvmlite.__version__}",
        f"python {sys.implementation.cache_tag} {platform.python_version()}",
        f"cpu {binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}",
    ]
    parts += [f"{name}={value}" for name, value in sorted(environment.items()) if name.startswith("NUMBA_")]
    parts += [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(package.glob("*.py"))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def private_folder(start: Path | None, names: tuple[str, ...]) -> Path | None:
    """Return ``start/names...``, each made with mode 0700, or None.

    None means: no start, not writable, or a place where others could plant code that we would run: a start that
    anyone may rename things in, or one of ``names`` that is no directory, another user's, or writable by others.
    """
    if start is None:
        return None
    place = start
    try:
        start.mkdir(mode=0o700, parents=True, exist_ok=True)
        if start.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            return None
        for name in names:
            place = place / name
            place.mkdir(mode=0o700, exist_ok=True)
            status = place.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                return None
    except OSError:
        return None
    return place if os.access(place, os.R_OK | os.W_OK | os.X_OK) else None


class _Locator:
    """Answers what Numba asks about a cached function: its entry is never stale in a folder that the sources name."""

    def __init__(self, function: Callable[..., Any], place: Path) -> None:
        self._py_file = function.__code__.co_filename  # Numba names it in a warning
        self._line = function.__code__.co_firstlineno
        self._place = place

    def get_source_stamp(self) -> str:
        return self._place.name

    def get_disambiguator(self) -> str:
        return str(self._line)

    def ensure_cache_path(self) -> None:
        """Do nothing: the folder was made and checked before."""


class _Impl(caching.CompileResultCacheImpl):  # type: ignore[misc]  # untyped, as said above
    """Packs compiled functions as Numba does, but takes our locator whatever the environment says."""

    def __init__(self, function: Callable[..., Any], place: Path) -> None:  # no super: it would search a locator
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function, place)
        self._filename_base = self.get_filename_base(f"{function.__module__}.{function.__qualname__}", "")


class _File(caching.IndexDataCacheFile):  # type: ignore[misc]  # untyped, as said above
    """An index and its entries, each entry behind its own SHA-256."""

    def _save_data(self, name: str, data: object) -> None:
        dumped = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(dumped).digest() + dumped)

    def _load_data(self, name: str) -> object:
        stored = Path(self._data_path(name)).read_bytes()
        if hashlib.sha256(stored[DIGEST_BYTES:]).digest() != stored[:DIGEST_BYTES]:
            raise ValueError(f"damaged cache entry {name}")
        return pickle.loads(stored[DIGEST_BYTES:])  # noqa: S301 - from a folder that only this user can write


class _Cache(caching.FunctionCache):  # type: ignore[misc]  # untyped, as said above
    """A function's cache that treats whatever goes wrong with it as "not there": it can only cost time."""

    def __init__(self, function: Callable[..., Any], place: Path) -> None:  # no super: it would search a locator
        self._name = repr(function)
        self._py_func = function
        self._impl = _Impl(function, place)
        self._cache_path = str(place)
        self._cache_file = _File(str(place), self._impl.filename_base, self._impl.locator.get_source_stamp())
        self.enable()

    def load_overload(self, sig: object, target_context: object) -> object:
        """Return the stored function, or None if there is none that is whole."""
        try:
            loaded: object = super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a damaged pickle raises anything
            with suppress(Exception):  # the disk may be full, the folder gone
                self._cache_file.flush()
            return None
        return loaded

    def save_overload(self, sig: object, data: object) -> None:
        """Store a compiled function, if that works."""
        with suppress(Exception):  # the same: a measurement must not stop for it
            super().save_overload(sig, data)
