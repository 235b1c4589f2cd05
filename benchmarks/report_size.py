"""How large the page of a fleet is, how long it takes to make, and how long a browser takes to show it.

    python benchmarks/report_size.py [--contracts 200] [--rounds 5] [--only FOLDER]

The fleet is that of ``benchmarks/fleet.py``. The page is made by whole processes of ``pv report --html``, each time
from nothing; its bytes must be the same in every round. Where Chromium is installed, the page is opened from a file in
a fresh process without a window, until nothing is left to load: that has the start of the browser in it, so an empty
page is opened beside it. Ends with 1 where the page is larger than the gate.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import fleet

if TYPE_CHECKING:
    from collections.abc import Sequence

GATE = 1_000_000
"""Bytes that the page of two hundred contracts may have."""
GATED = 200
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Print the table, and end with 1 where the gate is missed."""
    options = argparse.ArgumentParser(description="Measure the page of a fleet.")
    options.add_argument("--contracts", type=int, default=GATED)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", type=Path, help="use a fleet that was kept")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = chosen.only or Path(folder) / "fleet"
        if chosen.only is None:
            fleet.make(place, chosen.contracts)
        sys.exit(show(place, Path(folder), chosen.rounds))


def show(place: Path, scratch: Path, rounds: int) -> int:
    """Measure and print; return 1 where the gate is missed."""
    page = scratch / "page.html"
    pages, seconds = set(), []
    for _ in range(rounds):
        seconds.append(_timed([sys.executable, "-m", "pvcheck", "report", "--html", str(page), "--exit-zero"], place))
        pages.add(page.read_bytes())
    if len(pages) != 1:
        sys.exit("the same fleet made other bytes")
    size, contracts = page.stat().st_size, len(list(place.glob("contracts/*.yaml")))
    is_met = size <= GATE or contracts > GATED
    print(f"{contracts} contracts: {size} bytes  gate {GATE} {'PASS' if is_met else 'MISSED'}")
    print(f"made in        {_told(seconds)}")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("not opened: there is no Chromium here")
    else:
        empty = scratch / "empty.html"
        empty.write_text("<!DOCTYPE html><title>empty</title>")
        for name, each in (("opened in", page), ("an empty page", empty)):
            print(f"{name:<15}{_told([_opened(browser, each, scratch) for _ in range(rounds)])}")
    return int(not is_met)


def _opened(browser: str, page: Path, scratch: Path) -> float:
    """Return the seconds in which a fresh browser shows a page and ends."""
    profile = scratch / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    words = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    return _timed([browser, *words, page.as_uri()], scratch)


def _timed(command: Sequence[str], place: Path) -> float:
    """Return the seconds of one process, which must end well."""
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"PV_DEBUG": "1"},
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return time.perf_counter() - begun


def _told(seconds: Sequence[float]) -> str:
    """Return the median and the ends of some times."""
    ends = f"{min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f}"
    return f"{statistics.median(seconds) * 1000:>6.0f} ms  ({ends} ms, {len(seconds)} rounds)"


if __name__ == "__main__":
    main()
