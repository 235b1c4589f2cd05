"""One line about all of the work: how fast it goes, how long the rest takes, and that it is gone afterwards."""

from __future__ import annotations

import io
import time

import pytest

from pvcheck.report import progress
from pvcheck.report.progress import PATIENCE, Board, remaining

CLEARED = "\r\x1b[K"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "ascii"

    def isatty(self):
        """Return True."""
        return True


class Clock:
    """A clock that stands still until it is told."""

    now = 100.0

    def __call__(self):
        """Return the time."""
        return self.now


def board():
    """Return a board on a terminal, and what drives it."""
    terminal, clock = Terminal(), Clock()
    return Board(terminal, clock), terminal, clock


def test_rate_and_remaining_time_stand_beside_what_is_done():
    """At the speed so far."""
    made, terminal, clock = board()

    with made.shown("F-1") as draw:
        clock.now += PATIENCE
        draw(0, 28)
        draw(4, 28)

    assert terminal.getvalue() == f"{CLEARED}F-1  0/28{CLEARED}F-1  4/28  2/s  about 12 s left{CLEARED}"


def test_bytes_are_counted_in_millions():
    """Nobody reads ten digits that change."""
    made, terminal, clock = board()

    with made.shown("model.gguf", "B") as draw:
        clock.now += 4
        draw(400_000_000, 4_400_000_000)

    assert "model.gguf  400 MB/4400 MB  100 MB/s  about 40 s left" in terminal.getvalue()


def test_several_pieces_are_counted_and_the_latest_is_named():
    """How many are done of how many, and how long all of them take."""
    made, terminal, clock = board()
    made.expect(2)
    made.expect(2)

    with made.shown("F-1"):
        clock.now += 3
    with made.shown("F-2"), made.shown("F-3"):
        made.tick()

    assert terminal.getvalue().endswith(f"{CLEARED}1 of 4, about 9 s left: F-3  (and 1 more){CLEARED}")


def test_who_is_named_has_not_ended():
    """When the latest ends, another one is shown."""
    made, terminal, clock = board()

    with made.shown("F-1"):
        with made.shown("F-2"):
            clock.now += 3
        made.tick()

    assert terminal.getvalue() == f"{CLEARED}F-1{CLEARED}"


def test_a_silent_evaluation_is_seen_to_go_on(monkeypatch):
    """A thread looks at the clock; it ends with the board, and so does the line."""
    monkeypatch.setattr(progress, "TICK", 0.001)
    terminal, clock = Terminal(), Clock()

    with Board(terminal, clock) as made, made.shown("F-1"):
        clock.now += 3
        deadline = time.monotonic() + 20
        while "F-1" not in terminal.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    shown = terminal.getvalue()
    time.sleep(0.01)
    assert shown.endswith(CLEARED)
    assert terminal.getvalue() == shown


def test_nobody_who_is_no_terminal_starts_a_thread(monkeypatch):
    """A pipe sees nothing, and nothing is asked of an evaluation."""
    monkeypatch.setattr(progress, "_ticking", lambda _: pytest.fail("a thread was started"))

    with Board(None) as made, made.shown("F-1") as draw:
        made.tick()
        assert draw is None


def test_a_line_fits_its_terminal(monkeypatch):
    """A line that wraps cannot be rewritten in place."""
    made, terminal, clock = board()
    monkeypatch.setattr(progress, "_columns", lambda _: 20)

    with made.shown("F" * 40):
        clock.now += 3
        made.tick()

    assert terminal.getvalue() == f"{CLEARED}{'F' * 19}{CLEARED}"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "about 1 s"), (99, "about 99 s"), (100, "about 2 min"), (5400, "about 90 min"), (7200, "about 2 h")],
)
def test_the_rest_is_told_as_exactly_as_one_can_know(seconds, told):
    """Seconds, minutes, hours."""
    assert remaining(seconds) == f"{told} left"
