"""What the hook adds to pre-commit's own time, over 92 contracts, beside a hook that does nothing.

    python benchmarks/hook.py [--rounds 9] [--contracts 92]

All run in turn, round after round, in one repository. "first" remembers nothing of an earlier run; "again" is what
most commits see: one contract changed since, the others are known.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import ROOT, Times, as_text, duration, interleaved, machine

if TYPE_CHECKING:
    from collections.abc import Callable

DEMO = ROOT / "pvcheck" / "demo_data"
CONTRACT = "trace-ffn-sub-block-gguf-v1.yaml"
GATE = 0.25
"""Seconds that the hook may add."""
BIN = Path(sys.executable).parent
NOTHING, FIRST, AGAIN = "a hook that does nothing", "pv validate, first", "pv validate, again"
ENTRIES = {NOTHING: "true", FIRST: f"{BIN / 'pv'} validate --format concise --no-cache"} | {
    AGAIN: f"{BIN / 'pv'} validate --format concise"
}
CONFIGURATION = """\
repos:
- repo: local
  hooks:
  - {{id: one, name: one, entry: '{entry}', language: system, files: ^contracts/, types: [yaml], require_serial: true}}
"""


def main() -> int:
    """Print both times and what is between them; 1 if that is above the gate."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--contracts", type=int, default=92)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measured(repository(Path(folder) / "project", chosen.contracts), chosen.rounds)
    print(machine(), "", table(times, chosen.contracts), sep="\n")
    return int(times[AGAIN].median - times[NOTHING].median > GATE)


def repository(root: Path, contracts: int) -> Path:
    """Return a repository with so many contracts, each with an id of its own."""
    place = root / "contracts"
    shutil.copytree(DEMO, place)
    text = (place / CONTRACT).read_text(encoding="utf-8")
    (place / CONTRACT).unlink()
    for number in range(contracts):
        named = text.replace("id: C-TRACE-FFN-SUB-BLOCK-GGUF", f"id: C-{number:03}", 1)
        (place / f"c{number:03}.yaml").write_text(named, encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)  # noqa: S607 - the git of this machine
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)  # noqa: S607 - as above
    return root


def measured(root: Path, rounds: int) -> dict[str, Times]:
    """Return the times of the three hooks, in turn."""
    variables = os.environ | {
        "XDG_CACHE_HOME": str(root.parent / "cache"),
        "PRE_COMMIT_HOME": str(root.parent / "home"),
    }
    return interleaved({name: job(root, name, variables) for name in ENTRIES}, rounds)


def job(root: Path, name: str, variables: dict[str, str]) -> Callable[[], object]:
    """Return a job that runs one hook over all contracts, of which one has changed since the last run."""
    configuration = root.parent / f"{list(ENTRIES).index(name)}.yaml"
    configuration.write_text(CONFIGURATION.format(entry=ENTRIES[name]), encoding="utf-8")
    command = [str(BIN / "pre-commit"), "run", "--all-files", "--config", str(configuration)]
    changed = root / "contracts" / "c000.yaml"

    def run() -> None:
        with changed.open("a", encoding="utf-8") as file:
            file.write("# touched\n")
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL, env=variables)

    return run


def table(times: dict[str, Times], contracts: int) -> str:
    """Return medians, extremes, and what each hook adds to the one that does nothing."""
    base = times[NOTHING].median
    rows = [
        (
            name,
            *(f"{duration(each, 1e-3)} ms" for each in (one.median, one.least, one.most)),
            f"{(one.median - base) * 1000:+.0f} ms",
            "-" if name != AGAIN else "PASS" if one.median - base <= GATE else "FAIL",
        )
        for name, one in times.items()
    ]
    gate = f"gate {GATE * 1000:.0f} ms"
    return as_text((f"pre-commit run, {contracts} contracts", "median", "min", "max", "adds", gate), rows)


if __name__ == "__main__":
    sys.exit(main())
