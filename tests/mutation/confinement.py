"""What a mutant may not do: write outside one folder, reach processes of others, or run and grow for ever.

The trials run in namespaces of their own: they can make and change files in one folder only, not even in ``/dev``, and
every process that a mutant may signal is one of theirs. A mutated line that replaces a file has been seen to put one in
place of ``/dev/null``.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA: Final = 2 << 30
FILE: Final = 256 << 20
"""Bytes of memory and of one file that a process of a trial may have."""
SEAL: Final = """\
mount --bind "$0" "$0" && mount -o remount,bind,ro /dev && mount -o remount,bind,ro / && cd "$1" && shift && exec "$@"
"""


def command(words: Sequence[str], folder: Path, cwd: Path) -> list[str]:
    """Return a command line that runs words where only one folder can be written.

    :raises SystemExit: if that cannot be had, and the user could do harm.
    """
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if shutil.which("unshare") and subprocess.run([*apart, "true"], check=False, capture_output=True).returncode == 0:
        return [*apart, "sh", "-c", SEAL, str(folder), str(cwd), *words]
    if os.getuid() == 0:
        raise SystemExit("mutants of root need namespaces (unshare), or they could write to /dev: run as another user")
    return ["env", "-C", str(cwd), *words]


def limit(seconds: float) -> None:
    """Limit this process and those that it will start: memory, files, and the seconds that each may compute."""
    whole = int(seconds) + 1
    for what, soft, hard in (
        (resource.RLIMIT_DATA, DATA, DATA),
        (resource.RLIMIT_FSIZE, FILE, FILE),
        (resource.RLIMIT_CPU, whole, whole + 1),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        _, most = resource.getrlimit(what)
        room = hard if most == resource.RLIM_INFINITY else most
        resource.setrlimit(what, (min(soft, room), min(hard, room)))


def ended(pid: int, seconds: float) -> int | None:
    """Wait for a child that leads a group, and end the group; return its wait status, or None if it had to be ended."""
    import select

    watch = select.poll()
    descriptor = os.pidfd_open(pid)
    try:
        watch.register(descriptor, select.POLLIN)
        in_time = bool(watch.poll(seconds * 1000))
    finally:
        os.close(descriptor)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    return status if in_time else None


def sweep(*kept: int) -> None:
    """End every process of this namespace but this one and some; without a namespace of its own it ends nothing."""
    if os.getpid() != 1:
        return
    for each in Path("/proc").iterdir():
        if each.name.isdigit() and int(each.name) not in {1, *kept}:
            with suppress(ProcessLookupError):
                os.kill(int(each.name), signal.SIGKILL)
