"""The limits on a contract's text. Real contracts use less than a tenth of each."""

from __future__ import annotations

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
"""Levels of lists and mappings. libyaml's own loader dies of a signal at 750 in a small thread."""
MAX_NODES = 100_000
"""Values, where a list or a mapping counts twice: it starts and ends."""
MAX_SCALAR = 1 << 16
MAX_KEY = 256
MAX_DIGITS = 18
"""Digits of an integer: 18 always fit into 64 bits."""
MAX_NUMBER = 64
"""Characters of a floating-point number: 17 digits name any double."""
MAX_FINDINGS = 100
"""Findings of one file; a binary file would have a million."""
