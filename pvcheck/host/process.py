"""One worker process, seen from the host: start it, exchange messages with it, end it and all it started."""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from json import dumps
from typing import TYPE_CHECKING, Final

from pvcheck.host import environment, frames, orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pvcheck.host.exchange import Limits

TICK: Final = 0.1
"""Seconds between looks at a silent worker: a pipe that a grandchild holds does not tell that it has ended."""
GRACE: Final = 2.0
"""Seconds in which a worker that is no longer needed may write out what it holds."""
NOTICE: Final = 0.5
"""Seconds in which an evaluation that is asked to stop may tidy up."""
REPORTS: Final = 50
"""Reports of progress that may come at once, and in each second on average: five times what a worker sends."""
ABSENCE: Final = 1.0
"""Seconds between two looks, ten times as far apart as they should be: we were stopped, and the worker perhaps too."""
SETTLE: Final = 0.5
"""Seconds in which a process whose pipe has closed is expected to end."""
LOG_TAIL: Final = 4096
CHUNK: Final = 1 << 16
MAX_PIECES: Final = 256
"""Chunks of one look: a writer without end must not hold the host, which looks again in a moment."""


class Lost(Exception):  # noqa: N818 - it is the reason a reader sees
    """The worker will not give one good answer; the message says why. ``garbled`` if it gave something else."""

    def __init__(self, reason: str, *, garbled: bool = False) -> None:
        super().__init__(reason)
        self.garbled = garbled


class Late(Exception):  # noqa: N818 - a fact about an answer
    """There was no answer in time."""


class WorkerProcess:
    """A child process with a request pipe, an answer pipe and a log pipe, in a session and a folder of its own."""

    def __init__(self, limits: Limits, python: str, warm: Sequence[str] = ()) -> None:
        """Start the process; it gets ready while the caller goes on."""
        self.mark = secrets.token_hex(8)
        self._log = bytearray()
        self._inbox = bytearray()
        self._outgoing = memoryview(b"")
        self._seconds = self._deadline = self._looked = 0.0
        self._reports = 0
        self._folder = tempfile.mkdtemp(prefix="pvcheck-worker-")
        theirs_in, self._requests = os.pipe()
        self._answers, theirs_out = os.pipe()
        self._logged, theirs_log = os.pipe()
        setup = {
            "requests": theirs_in,
            "answers": theirs_out,
            "parent": os.getpid(),
            "data_bytes": limits.data_bytes,
            "file_bytes": limits.file_bytes,
            "open_files": limits.open_files,
            "warm": list(warm),
        }
        try:
            self._process = subprocess.Popen(
                [python, "-P", "-m", "pvcheck.host.worker", dumps(setup)],
                stdin=subprocess.DEVNULL,
                stdout=theirs_log,
                stderr=theirs_log,
                pass_fds=(theirs_in, theirs_out),
                cwd=self._folder,
                env=environment.of_worker(os.environ, self.mark),
                start_new_session=True,
            )
        except BaseException:
            self._release()
            raise
        finally:
            for descriptor in (theirs_in, theirs_out, theirs_log):
                os.close(descriptor)
        for descriptor in (self._requests, self._answers, self._logged):
            os.set_blocking(descriptor, False)

    @property
    def pid(self) -> int:
        """The id of the process, which is also that of its session."""
        return self._process.pid

    def is_idle(self) -> bool:
        """Say whether the process lives and has said nothing since its last answer."""
        return self._drain() and not self._inbox and not self.has_ended()

    def has_ended(self) -> bool:
        """Say whether the process has ended. It is not reaped: its id must not get a new owner before it is swept."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def begin(self, message: bytes, seconds: float) -> None:
        """Ask for one answer, for which the process has so many seconds. ``step`` makes it go on."""
        self._log.clear()
        self._outgoing = memoryview(message)
        self._seconds = seconds
        self._looked = time.monotonic()
        self._deadline = self._looked + seconds
        self._reports = 0

    def interests(self) -> Iterator[tuple[int, int]]:
        """Yield the descriptors at which the process can be heard from, with what to poll each for."""
        yield self._answers, select.POLLIN
        yield self._logged, select.POLLIN
        if self._outgoing:
            yield self._requests, select.POLLOUT

    def patience(self) -> float:
        """Return the seconds after which to look again, whether the process is heard from or not."""
        now = time.monotonic()
        return max(0.0, min(self._looked + TICK, self._deadline) - now)

    def step(self, on_progress: Callable[[int, int], None] | None = None) -> bytes | None:
        """Do what can be done without waiting, and return the body of the one answer once it is there.

        The time in which we could not look, since we were stopped, is nobody's fault and does not count.

        :param on_progress: called with what is done and the total, when the process reports.
        :raises Late: if there is none in time.
        :raises Lost: if the process ends first, closes its pipe, or says anything else.
        """
        now = time.monotonic()
        if now - self._looked > ABSENCE:
            self._deadline += now - self._looked
        self._looked = now
        self._send()
        ended = self.has_ended()
        is_open = self._drain()
        while (body := self._frame()) is not None:
            if not frames.is_progress(body):
                return self._only(body)
            self._reports += 1
            if self._reports > REPORTS * (1 + self._seconds - (self._deadline - now)):
                raise Lost("the worker reports progress without end", garbled=True)
            if on_progress is not None and (told := frames.counts(body)) is not None:
                on_progress(*told)
        if ended or not is_open:
            raise Lost(self._end())
        if now >= self._deadline:
            raise Late
        return None

    def warn(self) -> None:
        """Ask an evaluation to stop."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def close(self, grace: float = GRACE) -> None:
        """Let the process end by itself, if it does so soon."""
        self.hang_up()
        deadline = time.monotonic() + grace
        while not self.has_left() and time.monotonic() < deadline:
            time.sleep(0.001)
        self.kill()

    def has_left(self) -> bool:
        """Say whether the process has ended, which no amount of printing may keep it from."""
        self._drain()
        return self.has_ended()

    def hang_up(self) -> None:
        """Tell the process that nobody will ask again."""
        if self._requests >= 0:
            os.close(self._requests)
            self._requests = -1

    def kill(self) -> None:
        """End the process and all it started, wait for them, and remove its folder and pipes."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            orphans.sweep(self.pid, self.mark)
        self._release()

    def _release(self) -> None:
        """Close the pipes and remove the folder."""
        self.hang_up()
        for descriptor in (self._answers, self._logged):
            if descriptor >= 0:
                os.close(descriptor)
        self._answers = self._logged = -1
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self) -> None:
        """Send what can be sent of the message."""
        with suppress(BlockingIOError, BrokenPipeError):  # a process that has ended is seen by its end
            while self._outgoing:
                self._outgoing = self._outgoing[os.write(self._requests, self._outgoing[:CHUNK]) :]

    def _drain(self) -> bool:
        """Read what is there, and say whether the answer pipe is still open.

        The log is read to its end as well, and its tail kept, so that no amount of printing can block the
        process or fill a disk.
        """
        for piece in _pieces(self._logged):
            self._log += piece
            del self._log[:-LOG_TAIL]
        is_open = True
        for piece in _pieces(self._answers):
            self._inbox += piece
            is_open = bool(piece)
            if len(self._inbox) > frames.MAX_FRAME + frames.HEAD:
                break  # too much for one answer, whatever follows
        return is_open

    def _frame(self) -> bytes | None:
        """Take one message off what was read, and return its body, once it is whole.

        :raises Lost: if it cannot be one.
        """
        if len(self._inbox) < frames.HEAD:
            return None
        try:
            end = frames.HEAD + frames.size(self._inbox)
        except frames.BadFrame as error:
            raise Lost(f"the worker's answer cannot be read: {error}", garbled=True) from None
        if len(self._inbox) < end:
            return None
        body = bytes(self._inbox[frames.HEAD : end])
        del self._inbox[:end]
        return body

    def _only(self, body: bytes) -> bytes:
        """Return the answer.

        :raises Lost: if something follows it.
        """
        if self._inbox:
            raise Lost("the worker said more than its one answer", garbled=True)
        return body

    def has_stopped(self) -> bool:
        """Say whether the process has ended or closed its pipe, or has said anything but progress."""
        if self.has_ended() or not self._drain():
            return True
        try:
            while (body := self._frame()) is not None:
                if not frames.is_progress(body):
                    return True
        except Lost:
            return True
        return False

    def _end(self) -> str:
        """Return how the process ended, with its last words. It may end a moment after its pipe."""
        deadline = time.monotonic() + SETTLE
        while (result := os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is None:
            if time.monotonic() >= deadline:
                return f"the worker closed its pipe before it answered{self._last_words()}"
            time.sleep(0.005)
        self._drain()
        if result.si_code in {os.CLD_KILLED, os.CLD_DUMPED}:
            why = ", perhaps since the machine has no memory left" if result.si_status == signal.SIGKILL else ""
            return f"the worker died of {_signal_name(result.si_status)}{why}{self._last_words()}"
        return f"the worker ended with status {result.si_status} before it answered{self._last_words()}"

    def _last_words(self) -> str:
        """Return the end of what the process printed."""
        words = self._log.decode("utf-8", "replace").strip()[-160:]
        return f'; it last printed "{words}"' if words else ""


def _pieces(descriptor: int) -> list[bytes]:
    """Return what a pipe holds now; an empty piece at the end says that nobody can write any more."""
    pieces: list[bytes] = []
    with suppress(BlockingIOError):
        while len(pieces) < MAX_PIECES:
            pieces.append(os.read(descriptor, CHUNK))
            if not pieces[-1]:
                break
    return pieces


def _signal_name(number: int) -> str:
    """Return the name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
