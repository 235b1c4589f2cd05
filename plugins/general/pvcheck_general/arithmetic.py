"""The evaluator ``arithmetic``: a product, a quotient and a power of named numbers, each rounded once."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, DivisionByZero, InvalidOperation
from decimal import Context as DecimalContext
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import InputError, Measurement, Ratio
from pvcheck_general import planting

if TYPE_CHECKING:
    from pvcheck.plugin import Context
    from pvcheck_general.parameters import ArithmeticParameters, Power

# Not the thread's context: its precision, and what it raises, may have been changed. An overflow is an infinity.
DECIMAL: Final = DecimalContext(prec=60, traps=[DivisionByZero, InvalidOperation])


def measure(parameters: ArithmeticParameters, context: Context) -> Measurement:
    """Compute what the parameters ask for. No unit is known: that of a product is the product of units.

    :raises InputError: for a division by zero.
    :raises NotMeasured: if a fault is to be planted that changes no result.
    """
    found = _computed(parameters, context.fault)
    if context.fault is not None:
        planting.refuse_same(context.fault, is_same=found.metrics == _computed(parameters, None).metrics)
    return found


def _computed(parameters: ArithmeticParameters, fault: str | None) -> Measurement:
    """Return the measurement, with a fault in it or without."""
    numbers = {name: Decimal(repr(value)) for name, value in parameters.numbers.items()}
    if fault == planting.SINGLE:
        numbers = {name: Decimal(repr(planting.single(float(value)))) for name, value in numbers.items()}
    metrics: dict[str, int | float] = {"numbers": len(numbers)}
    ratios: tuple[Ratio, ...] = ()
    notes: list[str] = []
    if parameters.product:
        product = Decimal(1)
        for name in parameters.product[: -1 if fault == planting.LOST_FACTOR else None]:
            product = DECIMAL.multiply(product, numbers[name])
        metrics["product"] = float(product)
        told = " x ".join(f"{name} ({numbers[name]})" for name in parameters.product)
        notes.append(f"product: {told} = {float(product):.6g}")
        if parameters.against is not None:
            against = numbers[parameters.against]
            ends = (against, product, "the product")
            if fault == planting.INVERTED:
                ends = (product, against, f"the number {parameters.against}")
            metrics["residual_against_over_product"] = float(_over(*ends))
            ratios = (
                Ratio(
                    metric="residual_against_over_product",
                    numerator=parameters.against,
                    denominator=" x ".join(parameters.product),
                    numerator_value=float(against),
                    denominator_value=float(product),
                ),
            )
    if parameters.power is not None:
        metrics["power"] = float(_power(parameters.power, numbers, is_whole=fault == planting.WHOLE_EXPONENT))
        exponent = "/".join(filter(None, (parameters.power.numerator, parameters.power.denominator)))
        notes.append(f"power: {parameters.power.base} ** ({exponent}) = {metrics['power']:.6g}")
    return Measurement(metrics=metrics, backend="decimal", ratios=ratios, notes=tuple(notes))


def _over(numerator: Decimal, denominator: Decimal, what: str) -> Decimal:
    """Return a quotient.

    :raises InputError: if it divides by zero.
    """
    if denominator == 0:
        raise InputError(f"{what} is 0, and nothing can be divided by it")
    return DECIMAL.divide(numerator, denominator)


def _power(power: Power, numbers: dict[str, Decimal], *, is_whole: bool) -> Decimal:
    """Return a power of a base above 0; ``is_whole`` is a fault that cuts the exponent off."""
    below = Decimal(1) if power.denominator is None else numbers[power.denominator]
    exponent = _over(numbers[power.numerator], below, f"the number {power.denominator}")
    return DECIMAL.power(numbers[power.base], exponent.to_integral_value(ROUND_DOWN) if is_whole else exponent)
