"""One plugin: load the object behind its entry point, and ask it what it offers. In the parent and in workers."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pluggy

from pvcheck.errors import quoted
from pvcheck.plugin import API_VERSION, Evaluator, Fault, MetricSpec, MetricType, Parameters, hookspecs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_TEXT: Final = 2000
FIRST_API: Final = (1, 0)
"""What a plugin is taken to be written for that does not say."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_METRIC: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_API: Final = re.compile(
    r"^PV_API\s*(?::[^=\n]*)?=\s*\(\s*([0-9]{1,4})\s*,\s*([0-9]{1,4})\s*,?\s*\)", re.ASCII | re.MULTILINE
)
_OBJECT: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class BadPlugin(Exception):  # noqa: N818 - it is the reason a reader sees
    """A plugin does not keep to the interface; the message says where."""


class OtherApi(BadPlugin):
    """A plugin is written for a plugin API that this pvcheck does not offer."""


def load(target: str) -> object:
    """Return what "package.module" or "package.module:name" stands for.

    Whatever the import raises passes through: the caller knows whose fault it is.
    """
    module, names = _parts(target)
    return reduce(getattr, names.split(".") if names else (), import_module(module))


def _parts(target: str) -> tuple[str, str]:
    """Return the module and the name in it; extras of an entry point say nothing here."""
    module, _, names = target.partition("[")[0].strip().partition(":")
    return module, names


def api(target: str, offered: tuple[int, int] = API_VERSION) -> tuple[int, int]:
    """Return the version of the plugin API that an imported plugin is written for.

    :raises OtherApi: if that is not a version, or not one that ``offered`` serves.
    """
    stated = getattr(import_module(_parts(target)[0]), "PV_API", FIRST_API)
    refuse_api(stated, offered)
    return cast("tuple[int, int]", stated)


def refuse_api(stated: object, offered: tuple[int, int] = API_VERSION) -> None:
    """Refuse what is no version of the plugin API, or none that ``offered`` serves.

    :raises OtherApi: with the version and the range that is served.
    """
    if not (type(stated) is tuple and len(stated) == 2 and all(type(each) is int and each >= 0 for each in stated)):
        raise OtherApi(f"PV_API must be two numbers such as {FIRST_API}, got {_shown(stated)}")
    if stated[0] != offered[0] or stated[1] > offered[1]:
        least, most = (f"{offered[0]}.{minor}" for minor in (0, offered[1]))
        serves = most if least == most else f"{least} to {most}"
        raise OtherApi(f"written for plugin API {stated[0]}.{stated[1]}, this pvcheck offers {serves}")


def api_in_text(target: str) -> tuple[int, int] | None:
    """Return the version that the text of a plugin states, for one that cannot be imported: that may well be why."""
    try:
        spec = find_spec(_parts(target)[0])
        match = _API.search(Path(spec.origin).read_text(encoding="utf-8")) if spec and spec.origin else None
    except BaseException:  # noqa: BLE001 - looking for a module imports the packages it is in
        return None
    return (int(match[1]), int(match[2])) if match else None


def _shown(value: object) -> str:
    """Return a foreign value in short."""
    try:
        return quoted(repr(value))
    except BaseException:  # noqa: BLE001 - whatever it raises
        return type(value).__name__


def text_of(error: BaseException) -> str:
    """Return the text of an exception as UTF-8 can hold it. The exception is foreign code, and may fail in its turn."""
    try:
        return str(error)[:MAX_TEXT].encode("utf-8", "backslashreplace").decode()
    except BaseException as second:  # noqa: BLE001 - whatever it raises
        return f"(its text cannot be read: {type(second).__name__})"


def told(error: BaseException) -> str:
    """Return an exception with its type."""
    text = text_of(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def manager(plugin: object, name: str) -> pluggy.PluginManager:
    """Return a fresh manager that holds this one plugin, so that no plugin can disturb another.

    :raises BadPlugin: if it implements no hook of ours, or one that does not exist.
    :raises pluggy.PluginValidationError: if a hook takes an argument that it is not given.
    """
    one = pluggy.PluginManager(hookspecs.PROJECT)
    one.add_hookspecs(hookspecs)
    one.register(plugin, name)
    try:
        one.check_pending()
    except pluggy.PluginValidationError:  # its text has the plugin's path, and not the hooks there are
        hooks = sorted(vars(one.hook).values(), key=lambda caller: caller.name)
        known = ", ".join(caller.name for caller in hooks if caller.has_spec())
        unknown = next(caller.name for caller in hooks if not caller.has_spec())
        raise BadPlugin(f"there is no hook named {quoted(unknown)}: the hooks are {known}") from None
    if not one.get_hookcallers(plugin):
        raise BadPlugin("it implements no hook: mark each with @hookimpl of pvcheck.plugin")
    return one


def evaluators(one: pluggy.PluginManager) -> tuple[Evaluator, ...]:
    """Return the evaluators that the plugin of a manager offers, each checked.

    :raises BadPlugin: if one is not what the interface asks for.
    """
    offered = tuple(each for answer in one.hook.pv_evaluators() for each in answer)
    for each in offered:
        if type(each) is not Evaluator:
            raise BadPlugin(f"pv_evaluators must give Evaluators, got {type(each).__name__}")
        if reason := fault_of(each):
            raise BadPlugin(f"evaluator {quoted(str(each.name))}: {reason}")
    if twice := _twice(each.name for each in offered):
        raise BadPlugin(f"it offers the evaluator {quoted(twice)} twice")
    return offered


def fault_of(evaluator: Evaluator) -> str:
    """Return the first thing that is wrong with the light part of an evaluator, or nothing."""
    return next((message for is_right, message in _RULES if not is_right(evaluator)), "")


def _is_text(value: object) -> bool:
    return type(value) is str and value != ""


def _is_model(evaluator: Evaluator) -> bool:
    return isinstance(evaluator.parameters, type) and issubclass(evaluator.parameters, Parameters)


def _are(values: object, kind: type) -> bool:
    return type(values) is tuple and all(type(each) is kind for each in values)


def _is_metric(spec: MetricSpec) -> bool:
    texts = type(spec.name) is str and _METRIC.fullmatch(spec.name) and type(spec.doc) is str and _is_text(spec.unit)
    return bool(texts) and type(spec.type) is MetricType and type(spec.series) is bool


_RULES: Final[tuple[tuple[Callable[[Evaluator], bool], str], ...]] = (
    (
        lambda each: type(each.name) is str and bool(_NAME.fullmatch(each.name)),
        "its name must be a small letter, then at most 63 small letters, digits and -",
    ),
    (lambda each: _is_text(each.version), "its version must be text"),
    (lambda each: _is_text(each.doc), "its doc must be text"),
    (_is_model, "parameters must be a subclass of pvcheck.plugin.Parameters"),
    (lambda each: _are(each.metrics, MetricSpec) and each.metrics != (), "metrics must be a tuple of MetricSpec"),
    (
        lambda each: all(map(_is_metric, each.metrics)),
        "a metric must have a name of letters, digits, _ and -, a MetricType, a doc, a unit and series true or false",
    ),
    (
        lambda each: all(type(spec.compares) is bool for spec in each.metrics),
        "compares of a metric must be true or false",
    ),
    (lambda each: not _twice(spec.name for spec in each.metrics), "two of its metrics have one name"),
    (
        lambda each: type(each.implementation) is str and bool(_OBJECT.fullmatch(each.implementation)),
        'implementation must be text such as "package.module:function"',
    ),
    (lambda each: _are(each.devices, str) and all(each.devices) and each.devices != (), "devices must be names"),
    (
        lambda each: _are(each.faults, Fault) and all(_is_text(fault.name) for fault in each.faults),
        "faults must be a tuple of Fault with names",
    ),
    (lambda each: type(each.takes_arrays) is bool, "takes_arrays must be true or false"),
    (lambda each: not _twice(fault.name for fault in each.all_faults), "two of its faults have one name"),
    (
        lambda each: all(
            type(name) is str and (not name or _OBJECT.fullmatch(name)) for name in (each.split, each.join)
        ),
        'split and join must be text such as "package.module:function"',
    ),
    (lambda each: bool(each.split) is bool(each.join), "split and join stand together, or neither does"),
)
"""What the light part of an evaluator must be, in the order it is looked at, and what to say where it is not."""


def _twice(names: Iterable[str]) -> str:
    """Return the first name that comes a second time, or nothing."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), "")  # type: ignore[func-returns-value]
