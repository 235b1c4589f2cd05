"""The machine that measures: what a record says of it."""

from __future__ import annotations

import platform


def processor() -> str:
    """Return the name of the processor as the kernel tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - a kernel table
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
