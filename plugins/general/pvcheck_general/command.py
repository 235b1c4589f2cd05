"""The evaluator ``command``: exit status and numbers of a program that a contract names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pvcheck.plugin import InputError, Measurement
from pvcheck_general import programs
from pvcheck_general.foreign import JSON, at_pointer, decimal_of, json_of
from pvcheck_general.patterns import with_one_group
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from pvcheck.plugin import Context
    from pvcheck_general.parameters import CommandParameters

NUMBERS_MAX: Final = 10_000


def measure(parameters: CommandParameters, context: Context) -> Measurement:
    """Run the program and read its numbers.

    :raises NotMeasured: if it cannot be run here, or does not end in time.
    :raises InputError: if it writes too much, or what should be a number is none.
    """
    ended = programs.run(parameters.argv, programs.folder_of(context.root), parameters.timeout)
    metrics: dict[str, int | float | tuple[float, ...]] = {
        "exit_status": ended.status,
        "stdout_lines": _lines(ended.stdout),
        "stderr_lines": _lines(ended.stderr),
    }
    values = _values(parameters, ended.stdout if parameters.stream == "stdout" else ended.stderr)
    if values is not None:
        metrics |= {"matches": len(values), "values": values}
        if values:
            metrics["value"] = values[0]
    told = " ".join(map(repr, parameters.argv))
    return Measurement(metrics=metrics, backend="process", notes=(f"ran {escaped(told)}",))


def _lines(text: str) -> int:
    """Return how many lines a text has."""
    return text.count("\n") + (not text.endswith("\n") and text != "")


def _values(parameters: CommandParameters, text: str) -> tuple[float, ...] | None:
    """Return the numbers that pattern or pointer finds, or None where neither is given."""
    where = f"the program's {parameters.stream}"
    if parameters.pattern is not None:
        found = (match[1] for match in with_one_group(parameters.pattern).finditer(text))
        numbers: list[JSON] = [each for each in found if each is not None]  # a group may have no part in its match
        what = f"what the pattern finds in {where}"
    elif parameters.pointer is not None:
        value = at_pointer(json_of(text, where), parameters.pointer, where)
        numbers = value if isinstance(value, list) else [value]
        what = f"what the pointer finds in {where}"
    else:
        return None
    if len(numbers) > NUMBERS_MAX:
        raise InputError(f"{what} must be at most {NUMBERS_MAX} numbers, got {len(numbers)}")
    return tuple(float(decimal_of(each, what)) for each in numbers)
