"""Measuring without a contract: words of a command line become parameters, and a reply comes back with guards."""

from __future__ import annotations

import json
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pydantic

from pvcheck import config, guards
from pvcheck.errors import ConfigError, Finding, escaped, quoted
from pvcheck.host import (
    Failed,
    Limits,
    Measured,
    Pool,
    Request,
    Unmeasured,
    codes,
    devices,
    discover,
    registry,
    splitting,
)
from pvcheck.host.measuring import believed
from pvcheck.loading import keys, schema
from pvcheck.plugin import Context, InputError, NotMeasured, Source, sides, wire
from pvcheck.text import Ambiguous, Scalar, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pvcheck.config import Config
    from pvcheck.domain.canonical import JSON
    from pvcheck.guards import Guarded
    from pvcheck.host import OfferedEvaluator, PluginSet, Reply
    from pvcheck.plugin import Evaluator

NESTED = ("[", "{", '"')
"""What a value in JSON starts with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to measure: an evaluator, ``key=value`` words, and paths of inputs by name."""

    evaluator: str
    words: tuple[str, ...] = ()
    inputs: Mapping[str, str]
    device: str = "auto"
    seed: int = 0
    in_process: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of an order. ``trace`` has the traceback of what an evaluator raised in this process."""

    offered: OfferedEvaluator
    reply: Reply
    guarded: tuple[Guarded, ...] = ()
    trace: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit status: 0 where there are numbers that could be judged, else 3."""
        return 0 if isinstance(self.reply, Measured) and not any(each.invalid for each in self.guarded) else 3


def measure(order: Order, folder: Path) -> Taken:
    """Make one evaluation by the settings of a folder, but for their list of allowed evaluators.

    A person has typed the name, so it is allowed; one that runs programs must stand in the settings by name.

    :raises ConfigError: if there is no such evaluator, or if it may not run, or if a parameter does not fit.
    """
    settings = config.of_folder(folder)
    offered = _offered(order.evaluator, discover(disabled=settings.disabled, choose=settings.chosen))
    _refuse_forbidden(offered, settings)
    request = Request(
        offered=offered,
        parameters=_checked(offered.evaluator, parameters_of(order.words), order.inputs),
        inputs={name: str(Path(path).resolve()) for name, path in order.inputs.items()},
        device=order.device,
        seed=order.seed,
        root=str(settings.root),
    )
    if order.in_process:
        taken = _in_process(request)
    else:
        with Pool(Limits()) as pool:
            taken = Taken(offered=offered, reply=pool.evaluate(request, seconds=settings.timeout))
    reply = taken.reply
    if not isinstance(reply, Measured):
        return taken
    return replace(taken, guarded=guards.examine(reply.measurement, settings.conditioning))


def here(request: Request) -> Measured:
    """Make one evaluation in this process. What the evaluator raises passes through.

    :raises wire.BadResult: if it returns something else than it declares.
    """
    evaluator = request.offered.evaluator
    parameters = evaluator.parameters.model_validate_json(json.dumps(dict(request.parameters)))
    function = cast("Callable[..., object]", registry.load(evaluator.implementation))
    with ExitStack() as stack:
        sources = {name: stack.enter_context(Source(path)) for name, path in request.inputs.items()}
        context = Context(
            inputs=sources,
            device=request.device,
            seed=request.seed,
            threads=request.threads,
            fault=request.fault,
            root=request.root,
        )
        began = time.perf_counter()
        answer, context, choice = devices.measured(
            lambda values, there: splitting.in_one(evaluator, values, function, there),
            parameters,
            context,
            evaluator.devices,
        )
        seconds = time.perf_counter() - began
        measurement = wire.from_json(believed(answer, evaluator, context))
    return Measured(measurement, {}, seconds, choice)


def _in_process(request: Request) -> Taken:
    """Make one evaluation in this process, and keep the traceback of what it raises."""
    offered = request.offered
    if why := devices.refusal(offered.evaluator, request.device):
        return Taken(offered=offered, reply=Unmeasured(escaped(why)))
    try:
        return Taken(offered=offered, reply=here(request))
    except KeyboardInterrupt:
        raise
    except NotMeasured as error:
        return Taken(offered=offered, reply=Unmeasured(escaped(registry.text_of(error))))
    except BaseException as error:  # noqa: BLE001 - SystemExit of an evaluator must not look like success
        code = codes.INPUT if isinstance(error, InputError) else codes.RAISED
        code = codes.BAD_RESULT if isinstance(error, wire.BadResult) else code
        code = codes.ONE_SIDED if isinstance(error, sides.OneSided) else code
        reply = Failed(escaped(f"{offered.evaluator.name}: raised {registry.told(error)}", 600), code)
        trace = "".join(traceback.format_exception(error)).splitlines()
        return Taken(offered=offered, reply=reply, trace=tuple(escaped(line, 1000) for line in trace))


def _offered(name: str, found: PluginSet) -> OfferedEvaluator:
    """Return an evaluator by its name."""
    if name in found.evaluators:
        return found.evaluators[name]
    near = keys.nearest(name, found.evaluators)
    message = f"no installed plugin offers the evaluator {quoted(name)}" + (
        f" (did you mean {quoted(near)}?)" if near else ""
    )
    broken = "".join(f"; the plugin {each.name} is broken: {each.reason}" for each in found.broken)
    hint = f"offered: {', '.join(found.evaluators) or 'none'}"
    raise ConfigError(Finding("PV731", message + broken, hint=hint, exit_code=2))


def _refuse_forbidden(offered: OfferedEvaluator, settings: Config) -> None:
    """Refuse an evaluator that runs programs where the settings do not name it: they are not ours to start."""
    name = offered.evaluator.name
    if offered.evaluator.runs_programs and name not in (settings.evaluators or ()):
        message = f"the evaluator {quoted(name)} runs programs, and the settings do not allow it by name"
        hint = f'add it to pv.toml: evaluators = ["{name}"]'
        raise ConfigError(Finding("PV732", message, hint=hint, exit_code=2))


def parameters_of(words: Iterable[str]) -> dict[str, JSON]:
    """Return the parameters that ``key=value`` words stand for.

    A value means what it would mean under ``with``, by the core schema of YAML 1.2; in single quotes it is
    text; one that starts with ``[``, ``{`` or ``"`` is JSON.

    :raises ConfigError: with a finding for each word that is none.
    """
    found: dict[str, JSON] = {}
    wrong: list[Finding] = []
    for word in words:
        key, sign, text = word.partition("=")
        if not sign or not key:
            hint = f"write {escaped(key or 'key', 40)}=value"
            wrong.append(Finding("PV306", f"a parameter must be key=value, got {quoted(word)}", hint=hint, exit_code=2))
        elif key in found:
            hint = "give it once; a list is written as [1, 2]"
            wrong.append(Finding("PV306", f"the parameter {quoted(key)} stands twice", hint=hint, exit_code=2))
        else:
            try:
                found[key] = _value(text)
            except _NoValueError as error:
                message, hint = (
                    f"the parameter {quoted(key)}: {error}",
                    f"to mean the text, write {escaped(key, 40)}='...'",
                )
                wrong.append(Finding("PV306", message, hint=hint, exit_code=2))
    if wrong:
        raise ConfigError(wrong)
    return found


class _NoValueError(Exception):
    """A text on the command line stands for no value."""


def _value(text: str) -> JSON:
    """Return the value that a text stands for."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if text.startswith(NESTED):
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise _NoValueError(f"value must be JSON, since it starts with {text[0]}: {escaped(str(error))}") from None
    try:
        return resolve(Scalar(text, "plain", 0, len(text)))
    except Ambiguous as error:
        raise _NoValueError(error.message) from None


def _refuse_constant(name: str) -> JSON:
    """Refuse NaN and the infinities, which JSON does not have."""
    raise ValueError(f"number must be finite, got {name}")


def _checked(evaluator: Evaluator, values: dict[str, JSON], inputs: Mapping[str, str]) -> dict[str, JSON]:
    """Return parameters that the evaluator's own model accepts, and whose inputs were given."""
    findings: list[Finding] = []
    try:
        evaluator.parameters.model_validate_json(json.dumps(values))
    except pydantic.ValidationError as error:
        findings += _misfits(evaluator, values, error)
    fields = evaluator.parameters.model_json_schema().get("properties", {})
    needed = {values[key] for key, field in fields.items() if field.get("x-pv-input") and _is_text(values.get(key))}
    for name in sorted(needed - inputs.keys()):
        hint = f"add --input {escaped(name)}=PATH"
        findings.append(Finding("PV305", f"there is no input {quoted(name)}", hint=hint, exit_code=2))
    if findings:
        raise ConfigError(findings)
    return values


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _misfits(evaluator: Evaluator, values: dict[str, JSON], error: pydantic.ValidationError) -> Iterator[Finding]:
    """Yield one finding for each parameter that does not fit, in the order of the model's complaints."""
    known = evaluator.parameters.model_fields
    problems: dict[str, list[str]] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        key, *inner = each["loc"] or ("",)
        kind, words = each["type"], each["msg"].removeprefix("Value error, ")
        if kind == "extra_forbidden" and not inner:
            near = keys.nearest(str(key), known)
            message = f"{evaluator.name} has no parameter {quoted(str(key))}" + (
                f" (did you mean {near}?)" if near else ""
            )
            yield Finding("PV306", message, hint=f"use one of {', '.join(sorted(known)) or 'none'}", exit_code=2)
        elif kind == "missing" and not inner:
            hint = f"add {escaped(str(key))}=..."
            yield Finding("PV306", f"{evaluator.name} needs the parameter {str(key)!r}", hint=hint, exit_code=2)
        else:
            problems.setdefault(str(key), []).append(words[:1].lower() + words[1:])
    for key, told in problems.items():
        given = f", got {schema.shown(values[key])}" if key in values else ""
        message = f"the parameter {quoted(key)} does not fit: {escaped('; or '.join(dict.fromkeys(told)))}{given}"
        hint = f"pv plugins list says what {evaluator.name} takes"
        yield Finding("PV306", message, hint=hint, exit_code=2)
