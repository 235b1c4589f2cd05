"""The installed plugins: found through entry points, loaded one at a time, each at its own risk.

pluggy's own loader stops at the first plugin that cannot be imported, and takes no notice of two that
offer one name. Here a broken plugin is a value with its reason, and two of one name are an error.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from pvcheck.errors import ConfigError, Finding, escaped, quoted
from pvcheck.host import codes, registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.metadata import Distribution

    import pluggy

    from pvcheck.plugin import Evaluator

GROUP: Final = "pvcheck.plugins"
_OURS: Final = re.compile(r"PV[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class DeclaredPlugin:
    """A plugin as its distribution declares it; nothing was imported. ``module`` is the text of the entry point."""

    name: str
    distribution: str
    version: str
    module: str


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin that was loaded: the plugin API it is written for, and the seconds it took."""

    name: str
    distribution: str
    version: str
    module: str
    api: tuple[int, int]
    evaluators: tuple[Evaluator, ...]
    manager: pluggy.PluginManager
    seconds: float


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that offers nothing, and why. The reason is fit for a terminal.

    ``module`` is empty where not even its declaration can be read.
    """

    name: str
    distribution: str
    version: str
    reason: str
    code: str = codes.BROKEN_PLUGIN
    module: str = ""


@dataclass(frozen=True, slots=True)
class OfferedEvaluator:
    """An evaluator and who offers it; ``version`` is that of the distribution, ``module`` the entry point."""

    evaluator: Evaluator
    plugin: str
    distribution: str
    version: str
    module: str


@dataclass(frozen=True, slots=True)
class PluginSet:
    """What is installed: the plugins, the broken ones, and the evaluators by name, in the order of their names."""

    plugins: tuple[LoadedPlugin, ...]
    broken: tuple[BrokenPlugin, ...]
    evaluators: Mapping[str, OfferedEvaluator]

    def pages(self) -> dict[str, str]:
        """Return the pages about the plugins' own codes. What cannot be read is left out, and so are our codes."""
        found: dict[str, str] = {}
        for plugin in self.plugins:
            try:
                pages = {code: text for answer in plugin.manager.hook.pv_pages() for code, text in answer.items()}
            except KeyboardInterrupt:
                raise
            except BaseException:  # noqa: BLE001, S112 - one plugin's mistake must not hide another's page
                continue
            for code, text in pages.items():
                if type(code) is str and type(text) is str and not _OURS.fullmatch(code):
                    found.setdefault(code, text)
        return found


def declared_plugins() -> tuple[DeclaredPlugin, ...]:
    """Return the installed plugins by name, without importing any of them."""
    return _scan()[0]


def discover(*, disabled: frozenset[str] = frozenset(), choose: Mapping[str, str] | None = None) -> PluginSet:
    """Load the installed plugins and return what they offer.

    :param disabled: names of plugins that are not even imported.
    :param choose: which plugin offers an evaluator, by the evaluator's name, where several do.
    :raises ConfigError: if two plugins have one name, if two offer one evaluator and nothing chooses, or
        if the plugin that was chosen does not offer it.
    """
    found, clashes = survey(disabled=disabled, choose=choose)
    if clashes:
        raise ConfigError(clashes)
    return found


def survey(
    *, disabled: frozenset[str] = frozenset(), choose: Mapping[str, str] | None = None
) -> tuple[PluginSet, tuple[Finding, ...]]:
    """Load the installed plugins, and return what they offer and what clashes.

    Plugins of one name are not imported, and evaluators of one name are in no table, unless one is chosen.
    """
    declared, unreadable = _scan()
    wanted = [each for each in declared if each.name not in disabled]
    twins = [(first, second) for first, second in pairwise(wanted) if first.name == second.name]
    names = {first.name for first, _ in twins}
    loaded: list[LoadedPlugin] = []
    broken = [each for each in unreadable if each.name not in disabled]
    for each in wanted:
        if each.name in names:
            continue
        one = _load(each)
        if isinstance(one, LoadedPlugin):
            loaded.append(one)
        else:
            broken.append(one)
    table, clashes = _table(loaded, choose or {})
    return PluginSet(tuple(loaded), tuple(broken), table), (*(_two_plugins(*each) for each in twins), *clashes)


def _scan() -> tuple[tuple[DeclaredPlugin, ...], tuple[BrokenPlugin, ...]]:
    """Return the declared plugins, and the distributions whose declaration cannot be read.

    The first distribution of a name on ``sys.path`` hides the others, as it does for ``import``.
    """
    from importlib.metadata import distributions  # noqa: PLC0415 - it takes 40 ms, and few commands want plugins

    found: dict[str, list[DeclaredPlugin]] = {}
    broken: dict[str, BrokenPlugin] = {}
    for distribution in distributions():
        if not _mentions_us(distribution):
            continue
        name, version = _identity(distribution)
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found or key in broken:
            continue
        try:
            found[key] = [
                DeclaredPlugin(point.name, name, version, point.value)
                for point in distribution.entry_points
                if point.group == GROUP
            ]
        except Exception as error:  # noqa: BLE001 - the parser raises what it happens to meet
            broken[key] = BrokenPlugin(
                name, name, version, escaped(f"its entry_points.txt cannot be read: {registry.told(error)}")
            )
    points = sorted({each for several in found.values() for each in several})
    return tuple(points), tuple(broken[key] for key in sorted(broken))


def _mentions_us(distribution: Distribution) -> bool:
    """Say whether a distribution may declare a plugin; a file that cannot be read says nothing."""
    try:
        return GROUP in (distribution.read_text("entry_points.txt") or "")
    except (OSError, ValueError):
        return False


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Return name and version of a distribution, from its folder's name where its metadata has none."""
    try:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
    except Exception:  # noqa: BLE001 - the mail parser raises what it happens to meet
        name, version = None, None
    folder = PurePath(str(getattr(distribution, "_path", ""))).name.partition("-")[0]
    return str(name or folder or "?"), str(version or "?")


def _load(declared: DeclaredPlugin) -> LoadedPlugin | BrokenPlugin:
    """Import a plugin and ask what it offers; whatever happens stays here, but for an interrupt."""
    who = declared.name, declared.distribution, declared.version
    began = time.perf_counter()
    try:
        plugin = registry.load(declared.module)
        api = registry.api(declared.module)
        one = registry.manager(plugin, declared.name)
        offered = registry.evaluators(one)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit at import must not end the program
        code, reason = _reason(declared, error)
        return BrokenPlugin(*who, escaped(reason), code, declared.module)
    return LoadedPlugin(*who, declared.module, api, offered, one, time.perf_counter() - began)


def _reason(declared: DeclaredPlugin, error: BaseException) -> tuple[str, str]:
    """Return code and reason of a plugin that could not be loaded."""
    if isinstance(error, registry.OtherApi):
        return codes.API, str(error)
    if isinstance(error, registry.BadPlugin):
        return codes.BROKEN_PLUGIN, str(error)
    told = registry.told(error)
    stated = registry.api_in_text(declared.module)
    try:
        registry.refuse_api(registry.FIRST_API if stated is None else stated)
    except registry.OtherApi as other:
        return codes.API, f"{other}; {told}"
    return codes.BROKEN_PLUGIN, told


def _table(
    plugins: Sequence[LoadedPlugin], choose: Mapping[str, str]
) -> tuple[dict[str, OfferedEvaluator], list[Finding]]:
    """Return the evaluators by name, and what keeps others out."""
    offers: dict[str, list[OfferedEvaluator]] = {}
    for each in _offers(plugins):
        offers.setdefault(each.evaluator.name, []).append(each)
    table: dict[str, OfferedEvaluator] = {}
    clashes: list[Finding] = []
    for name in sorted(offers):
        one = _chosen(name, offers[name], choose)
        if isinstance(one, Finding):
            clashes.append(one)
        else:
            table[name] = one
    return table, clashes


def _offers(plugins: Iterable[LoadedPlugin]) -> Iterator[OfferedEvaluator]:
    """Yield every evaluator with who offers it."""
    for plugin in plugins:
        for evaluator in plugin.evaluators:
            yield OfferedEvaluator(evaluator, plugin.name, plugin.distribution, plugin.version, plugin.module)


def _chosen(name: str, offers: Sequence[OfferedEvaluator], choose: Mapping[str, str]) -> OfferedEvaluator | Finding:
    """Return the one offer of an evaluator, or why there is not one."""
    if name in choose:
        for each in offers:
            if each.plugin == choose[name]:
                return each
        plugins = ", ".join(quoted(each.plugin) for each in offers)
        message = f"the plugin {quoted(choose[name])} is chosen for the evaluator {quoted(name)} but does not offer it"
        hint = f"offered by: {plugins}"
        return Finding(codes.BAD_CHOICE, message, hint=hint, exit_code=ConfigError.exit_code)
    if len(offers) == 1:
        return offers[0]
    first, second = (f"{escaped(each.distribution)} {escaped(each.version)}" for each in offers[:2])
    message = f"the evaluator {quoted(name)} is offered twice: by {first} and by {second}"
    hint = f'choose one in pv.toml: [plugins] choose = {{"{name}" = {quoted(offers[0].plugin)}}}'
    return Finding(codes.TWO_EVALUATORS, message, hint=hint, exit_code=ConfigError.exit_code)


def _two_plugins(first: DeclaredPlugin, second: DeclaredPlugin) -> Finding:
    """Return the refusal of two plugins with one name: nothing could choose between them."""
    homes = " and ".join(f"{escaped(each.distribution)} {escaped(each.version)}" for each in (first, second))
    message = f"the plugin {quoted(first.name)} is declared twice: by {homes}"
    hint = f"uninstall one of the two from {escaped(sys.prefix)}"
    return Finding(codes.TWO_PLUGINS, message, hint=hint, exit_code=ConfigError.exit_code)
