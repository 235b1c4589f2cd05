"""Regular expressions that a contract writes: compiled once to be checked, and again to be used. Light.

No expression is refused for being slow: whether one is cannot be seen from outside. It is searched for in a worker
process, where the host's time limit ends it and the outcome is a timeout.
"""

from __future__ import annotations

import re
import warnings
from typing import Final

PATTERN_MAX: Final = 500


def compiled(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Return a regular expression of at most 500 characters.

    :raises ValueError: if it is none; the text says what is wrong with it, and where.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a later Python will read otherwise is no matter of this measurement
        try:
            return re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from None


def with_one_group(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that has exactly one group.

    :raises ValueError: if it is none, or has another number of groups.
    """
    expression = compiled(pattern)
    if expression.groups != 1:
        raise ValueError(f"the pattern must have one group, the number to read, got {expression.groups}")
    return expression
