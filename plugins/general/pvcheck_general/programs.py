"""Runs one program: no shell, no standard input, limits on time and output, and nothing left running behind it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pvcheck.plugin import InputError, NotMeasured
from pvcheck_q4k.gguf_cursor import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUTPUT_MAX: Final = 1 << 20
CHUNK: Final = 1 << 16
TICK: Final = 0.05
"""Seconds between looks at a silent program: a pipe that a grandchild holds does not tell that it has ended."""


class Ended(NamedTuple):
    """How a program ended, and what it wrote."""

    status: int
    stdout: str
    stderr: str


def folder_of(root: str) -> str:
    """Return the folder of the project.

    :raises NotMeasured: if the host names none.
    """
    if not root or not Path(root).is_dir():
        raise NotMeasured("the folder of the project is not known here, so no program can be run in it")
    return root


def run(argv: Sequence[str], folder: str, seconds: float, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a program to its end in ``folder``, in a session of its own; its process group is killed in every case.

    Output that is not UTF-8 is kept with the replacement character.

    :param environment: the environment, the one of this process if None.
    :raises NotMeasured: if there is no such program, or it is still running after ``seconds``.
    :raises InputError: if it writes more than 1 MiB to one of its outputs.
    """
    shown = escaped(argv[0])
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=None if environment is None else dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise NotMeasured(f"the program '{shown}' cannot be run: {error.strerror}") from None
    with process:
        try:
            outputs = _outputs(process, time.monotonic() + seconds)
        finally:
            # The group has the id of its first process, which is not reaped yet: it belongs to nobody else.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if outputs is None:
        raise NotMeasured(f"the program '{shown}' was still running after {seconds:g} s")
    if max(map(len, outputs)) > OUTPUT_MAX:
        raise InputError(f"the program '{shown}' wrote more than {OUTPUT_MAX} bytes")
    return Ended(process.returncode, *(each.decode("utf-8", "replace") for each in outputs))


def _outputs(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes] | None:
    """Return what a program writes until it ends or writes too much, or None if it is still running then."""
    assert process.stdout is not None  # noqa: S101 - both are pipes, which the type checker cannot know
    assert process.stderr is not None  # noqa: S101 - as above
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    poll = select.poll()
    for descriptor in kept:
        poll.register(descriptor, select.POLLIN)
    is_open = len(kept)
    while max(map(len, kept.values())) <= OUTPUT_MAX:
        has_ended = _has_ended(process.pid)
        ready = poll.poll(TICK * 1000) if is_open and not has_ended else poll.poll(0) if is_open else []
        for descriptor, _ in ready:
            piece = os.read(descriptor, CHUNK)
            kept[descriptor] += piece
            if not piece:
                poll.unregister(descriptor)
                is_open -= 1
        if has_ended and not ready:
            break
        if time.monotonic() >= deadline:
            return None
        if not is_open and not has_ended:
            time.sleep(TICK / 10)
    out, err = kept.values()
    return bytes(out), bytes(err)


def _has_ended(pid: int) -> bool:
    """Say whether a child has ended, without reaping it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
