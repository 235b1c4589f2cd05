"""A checkup of the installed plugins as text: what is wrong, what to do, and the exit status that asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pvcheck.errors import escaped, worst
from pvcheck.host.checkup import SLOW
from pvcheck.report import findings
from pvcheck.report.tally import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pvcheck.host import Checkup, LoadedPlugin

WAY_OUT = "pv schema --plugins --write"


def lines(checkup: Checkup) -> Iterator[str]:
    """Yield each plugin, then what is wrong beside them, then the verdict."""
    for plugin in checkup.found.plugins:
        yield from _loaded(plugin)
    for broken in checkup.found.broken:
        yield f"{escaped(broken.name)}  {escaped(broken.distribution)} {escaped(broken.version)}  BROKEN"
        yield f"  {broken.code} {escaped(broken.reason, 1000)}"
        yield f"  hint: mend or upgrade {escaped(broken.distribution)}, or leave it out: [plugins] disable in pv.toml"
    yield from findings.lines((*checkup.clashes, *checkup.unlisted))
    for distribution, files in checkup.altered.items():
        yield f"{escaped(distribution)} is not what was installed: {count(len(files), 'file')}"
        yield from (f"  {each}" for each in files)
        yield f"  hint: pip install --force-reinstall --no-deps {escaped(distribution)}"
    if checkup.differences:
        yield f"{checkup.catalogue} differs from the installed plugins"
        yield from (f"  {each}" for each in checkup.differences)
        yield f"  hint: {WAY_OUT}"
    yield from (f"pv.toml: {each} [warning]" for each in checkup.unused)
    yield _verdict(checkup)


def exit_code(checkup: Checkup) -> int:
    """Return the exit status: 2 for names that clash, 1 for another catalogue, 3 for a broken plugin, else 0."""
    codes = [
        2 if checkup.clashes else 0,
        1 if checkup.differences else 0,
        3 if checkup.found.broken or checkup.unlisted or checkup.altered else 0,
    ]
    return worst(codes)


def _loaded(plugin: LoadedPlugin) -> Iterator[str]:
    """Yield a plugin that loads, and whether it does so fast."""
    api = f"{plugin.api[0]}.{plugin.api[1]}"
    took = f"{plugin.seconds * 1000:.0f} ms"
    yield f"{escaped(plugin.name)}  {escaped(plugin.distribution)} {escaped(plugin.version)}  API {api}, {took}"
    if plugin.seconds > SLOW:
        yield f"  slow: it takes over {SLOW * 1000:.0f} ms to load [warning]"
        yield "  hint: import libraries in the implementation, which only a worker loads"


def _verdict(checkup: Checkup) -> str:
    """Return the last line: every count, so that a green word cannot hide an empty list."""
    total = len(checkup.found.plugins) + len(checkup.found.broken)
    slow = sum(each.seconds > SLOW for each in checkup.found.plugins)
    parts = [
        f"{len(checkup.found.broken) + len(checkup.unlisted)} broken",
        f"{len(checkup.altered)} altered",
        f"{len(checkup.clashes)} clashing",
        "the catalogue differs" if checkup.differences else "the catalogue is up to date",
        count(slow + len(checkup.unused), "warning"),
    ]
    return f"{count(total, 'plugin')}: {'; '.join(parts)}"
