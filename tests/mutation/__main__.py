"""Mutation testing: put small faults into the code, one at a time, and count those that no test notices.

    python3 .ci/dev.py mutate                         all four layers
    python3 .ci/dev.py mutate --layer domain --layer text
    python3 .ci/dev.py mutate --layer host --sample 200 --seed 7

Each layer is held by its own tests and those of a few layers that call it. A mutant that survives them fails the
command, unless ``tests/mutation/accepted.toml`` names it with a reason. Verdicts are kept in the cache folder of the
user for as long as the function and the tests are the same, so that a second run tries what changed; ``--fresh``
forgets them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from mutation import confinement, workspace
from mutation.layers import LAYERS

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Copy the checkout, and go on in the copy, where nothing else can be written."""
    parser = argparse.ArgumentParser(prog="dev.py mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layer", action="append", choices=LAYERS, help="only this layer; may be given again")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants of each layer, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1, metavar="K", help="the seed of --sample (1)")
    parser.add_argument("--module", action="append", metavar="NAME", help="only this module, such as bounds")
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs found")
    parser.parse_args()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = (caches / "pvcheck-mutation").resolve()
    (state / "t").mkdir(parents=True, exist_ok=True)
    lock = os.open(state / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run has {state}") from None
    os.set_inheritable(lock, True)
    copy = state / "checkout"
    workspace.copy(CHECKOUT, copy)
    kept = {key: each for key, each in os.environ.items() if not key.startswith(("COVERAGE_", "COV_", "PYTEST_"))}
    ours = {
        "PYTHONPATH": workspace.import_path(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(state / "t"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(state / "t" / "hypothesis"),
        "PVCHECK_MUTATION_STATE": str(state),
    }
    words = confinement.command([sys.executable, "-m", "mutation.campaign", *sys.argv[1:]], state, copy)
    sys.stdout.flush()
    os.execvpe(words[0], words, kept | ours)  # noqa: S606 - a fixed program


main()
