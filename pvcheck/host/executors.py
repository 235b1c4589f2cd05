"""Where a run is done: by the workers of this machine, or by the executor of a plugin that the command line names."""

from __future__ import annotations

import platform
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, cast

from pvcheck import __version__
from pvcheck.errors import ConfigError, Finding, NotMeasuredError, escaped, quoted
from pvcheck.host import codes, registry
from pvcheck.host.crew import Crew
from pvcheck.plugin import ExecutorError, Setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pvcheck.host.discovery import LoadedPlugin, PluginSet
    from pvcheck.host.exchange import Limits
    from pvcheck.plugin import Executor

LOCAL: Final = "local"
SERVER: Final = "pvcheck.host.serving:Server"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)


def executor(named: str, jobs: int, limits: Limits, plugins: Callable[[], PluginSet]) -> Executor:
    """Return the executor that a text such as "local" or "NAME=ADDRESS" names.

    :param plugins: gives the installed plugins, where they are needed.
    :raises ConfigError: if no plugin offers it, or two do.
    :raises NotMeasuredError: if it cannot start.
    """
    name, _, address = named.partition("=")
    if name == LOCAL:
        if address:
            raise _refused(codes.NO_EXECUTOR, "the executor local takes no address", "leave the address out")
        return Crew(limits, jobs)
    versions = {"pvcheck": __version__, "python": platform.python_version()}
    setup = Setup(address=address, jobs=jobs, limits=asdict(limits), server=SERVER, versions=versions)
    factory = _factory(name, plugins())
    try:
        return cast("Callable[[Setup], Executor]", registry.load(factory))(setup)
    except KeyboardInterrupt:
        raise
    except ExecutorError as error:
        why = registry.text_of(error)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a plugin must not look like success
        why = registry.told(error)
    message = f"the executor {quoted(name)} cannot start: {escaped(why, 400)}"
    raise NotMeasuredError(Finding(codes.LOST, message, hint="mend that, or leave --executor out", exit_code=3))


def _factory(name: str, plugins: PluginSet) -> str:
    """Return the factory of an executor."""
    offers = [(plugin, target) for plugin in plugins.plugins for each, target in _offered(plugin) if each == name]
    if not offers:
        known = sorted({each for plugin in plugins.plugins for each, _ in _offered(plugin)} | {LOCAL})
        broken = "".join(f"; the plugin {each.name} is broken: {each.reason}" for each in plugins.broken)
        message = f"no installed plugin offers the executor {quoted(name)}{broken}"
        raise _refused(codes.NO_EXECUTOR, message, f"offered: {', '.join(known)}")
    if len(offers) > 1:
        first, second = (f"{escaped(plugin.distribution)} {escaped(plugin.version)}" for plugin, _ in offers[:2])
        message = f"the executor {quoted(name)} is offered twice: by {first} and by {second}"
        hint = f"leave one out in pv.toml: [plugins] disable = [{quoted(offers[0][0].name)}]"
        raise _refused(codes.TWO_EXECUTORS, message, hint)
    return offers[0][1]


def _offered(plugin: LoadedPlugin) -> Iterator[tuple[str, str]]:
    """Yield name and factory of each executor of a plugin. What is none is left out, and so is ours."""
    try:
        found = [each for answer in plugin.manager.hook.pv_executors() for each in answer.items()]
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - one plugin's mistake must not hide another's executor
        return
    for name, target in found:
        if type(name) is type(target) is str and _NAME.fullmatch(name) and name != LOCAL:
            yield name, target


def _refused(code: str, message: str, hint: str) -> ConfigError:
    """Return the refusal of an executor."""
    return ConfigError(Finding(code, message, hint=hint, exit_code=2))
