"""What a contract may write under ``with`` of ``q4k-chain``. Light: loads no numerical library."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from pvcheck.plugin import Parameters, input_field

LAYER: Final = "{layer}"
LAYERS_MAX: Final = 4096
LAYER_MAX: Final = 65_535


class ChainParameters(Parameters):
    """The parameters of ``q4k-chain``."""

    model: str = input_field("the GGUF file to measure, an entry of the contract's inputs")
    tensor: str = Field(
        description="the name of a layer's tensor; {layer} in it stands for the layer's number",
        pattern=r"\{layer\}",
        max_length=256,
    )
    layers: (
        Annotated[int, Field(ge=0, le=LAYER_MAX)]
        | Annotated[str, Field(pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*$", max_length=40_000)]
    ) = Field(description='the layers in ascending order: numbers and ranges, as in "0-27" or "0,2,5-8"')
    propagation: Literal["scalar-scale"] = Field(
        default="scalar-scale",
        description="how a result reaches the next layer: x = act * (1 + (y / max(|y|, 1)) * 0.001)",
    )

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, value: int | str) -> int | str:
        layer_numbers(value)
        return value


def layer_numbers(text: int | str) -> tuple[int, ...]:
    """Return the layers that a text such as "0,2,5-8" names.

    :raises ValueError: if they do not ascend, if one stands twice or is over 65,535, or if they are over 4,096.
    """
    numbers: list[int] = []
    for part in str(text).split(","):
        first, _, last = part.partition("-")
        start, stop = int(first), int(last or first)
        if stop < start:
            raise ValueError(f"a range of layers must ascend, got {part}")
        if numbers and start <= numbers[-1]:
            raise ValueError(f"layers must ascend and stand once, got {start} after {numbers[-1]}")
        if stop > LAYER_MAX:
            raise ValueError(f"a layer must be at most {LAYER_MAX}, got {stop}")
        if len(numbers) + stop - start >= LAYERS_MAX:
            raise ValueError(f"there must be at most {LAYERS_MAX} layers")
        numbers.extend(range(start, stop + 1))
    return tuple(numbers)


def tensor_name(pattern: str, layer: int) -> str:
    """Return the name of a layer's tensor. Replaced as text: braces of a contract never reach ``str.format``."""
    return pattern.replace(LAYER, str(layer))
