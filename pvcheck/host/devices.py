"""On which device an evaluation is made: the one that was named, or the first of the evaluator's that is here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.plugin import NotMeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pvcheck.plugin import Context, Evaluator, Parameters

AUTO: Final = "auto"
ALWAYS: Final = frozenset({"cpu", "reference"})
"""Devices that every machine has."""
FIRST: Final = "the evaluator's first choice"


class Choice(NamedTuple):
    """The device of an evaluation, and why it is that one: empty where it was named, or where there is no other."""

    device: str
    why: str = ""

    @property
    def told(self) -> str:
        """The choice in words, or nothing where there was none."""
        return f"{self.device} (auto: {self.why})" if self.why else ""


def refusal(evaluator: Evaluator, device: str) -> str:
    """Return why an evaluator measures nothing on a device, or nothing."""
    if device == AUTO or device in evaluator.devices:
        return ""
    return f"{evaluator.name} measures on {', '.join(evaluator.devices)}, not on {device}"


def candidates(devices: Sequence[str]) -> tuple[str, ...]:
    """Return what "auto" tries of an evaluator's devices: in its order, up to the first that every machine has."""
    end = next((place for place, device in enumerate(devices, 1) if device in ALWAYS), len(devices))
    return tuple(devices[:end])


class Trial(NamedTuple):
    """The device that an evaluation is made on, and those that come after it if it is not here."""

    choice: Choice
    later: tuple[str, ...] = ()

    def after(self, why: str) -> Trial | None:
        """Return the next trial, since this one could not measure; None if it was the last."""
        return Trial(Choice(self.later[0], why), self.later[1:]) if self.later else None


def first(devices: Sequence[str], wanted: str) -> Trial:
    """Return the first trial of an evaluator's devices: where no device is named, there may be more."""
    if wanted != AUTO:
        return Trial(Choice(wanted))
    device, *later = candidates(devices)
    return Trial(Choice(device, FIRST if len(devices) > 1 else ""), tuple(later))


def measured(
    measure: Callable[..., object], parameters: Parameters, context: Context, devices: Sequence[str]
) -> tuple[object, Context, Choice]:
    """Return what ``measure`` gives, the context that it was given, and the device.

    Where the context's device is "auto", each candidate is tried until one does not answer that it cannot measure; so
    it is the evaluator that says whether a device is here, in the process that would use it.

    :raises NotMeasured: if the last of them does.
    """
    trial = first(devices, context.device)
    while True:
        there = replace(context, device=trial.choice.device)
        try:
            return measure(parameters, there), there, trial.choice
        except NotMeasured as error:
            following = trial.after(str(error))
            if following is None:
                raise
            trial = following
