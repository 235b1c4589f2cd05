"""The evaluator ``arithmetic``: a product, a quotient and a power of named numbers, each rounded once."""

from __future__ import annotations

from decimal import Context as DecimalContext
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import InputError, Measurement, Ratio

if TYPE_CHECKING:
    from pvcheck.plugin import Context
    from pvcheck_general.parameters import ArithmeticParameters, Power

# Not the thread's context: its precision, and what it raises, may have been changed. An overflow is an infinity.
DECIMAL: Final = DecimalContext(prec=60, traps=[DivisionByZero, InvalidOperation])


def measure(parameters: ArithmeticParameters, context: Context) -> Measurement:
    """Compute what the parameters ask for. No unit is known: that of a product is the product of units.

    :raises InputError: for a division by zero.
    """
    del context
    numbers = {name: Decimal(repr(value)) for name, value in parameters.numbers.items()}
    metrics: dict[str, int | float] = {"numbers": len(numbers)}
    ratios: tuple[Ratio, ...] = ()
    notes: list[str] = []
    if parameters.product:
        product = Decimal(1)
        for name in parameters.product:
            product = DECIMAL.multiply(product, numbers[name])
        metrics["product"] = float(product)
        told = " x ".join(f"{name} ({numbers[name]})" for name in parameters.product)
        notes.append(f"product: {told} = {float(product):.6g}")
        if parameters.against is not None:
            against = numbers[parameters.against]
            metrics["residual_against_over_product"] = float(_over(against, product, "the product"))
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
        metrics["power"] = float(_power(parameters.power, numbers))
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


def _power(power: Power, numbers: dict[str, Decimal]) -> Decimal:
    """Return a power of a base above 0."""
    below = Decimal(1) if power.denominator is None else numbers[power.denominator]
    exponent = _over(numbers[power.numerator], below, f"the number {power.denominator}")
    return DECIMAL.power(numbers[power.base], exponent)
