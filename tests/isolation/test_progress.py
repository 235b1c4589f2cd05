"""Progress: from the evaluator to one line on a terminal, and nowhere else."""

from __future__ import annotations

import io
from contextlib import contextmanager

import pytest

from pvcheck.pipeline import scheduling
from pvcheck.pipeline.options import Options
from pvcheck.report import progress


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


def test_a_long_evaluation_has_one_line_that_is_rewritten():
    """Nothing for two seconds; then name and counts in place; then nothing again."""
    terminal, clock = Terminal(), Clock()

    with progress.shown("F-\x1b\u03c3", terminal, clock) as draw:
        draw(1, 28)
        clock.now += progress.PATIENCE
        draw(12, 28)
        draw(13, 28)

    assert terminal.getvalue() == "".join(
        f"\r\x1b[K{text}"
        for text in ("F-\\x1b\\u03c3  12/28  6/s  about 3 s left", "F-\\x1b\\u03c3  13/28  6.5/s  about 2 s left", "")
    )


def test_a_short_evaluation_shows_nothing():
    """The line would only flicker."""
    terminal = Terminal()

    with progress.shown("F-1", terminal, Clock()) as draw:
        draw(1, 2)

    assert terminal.getvalue() == ""


def test_the_line_goes_when_the_evaluation_is_interrupted():
    """The message that follows stands at the beginning of its line."""
    terminal, clock = Terminal(), Clock()

    def interrupted():
        with progress.shown("F-1", terminal, clock) as draw:
            clock.now += 3
            draw(1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert terminal.getvalue().endswith("\r\x1b[K")


def closed():
    """Return a stream that was closed."""
    stream = Terminal()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, io.StringIO(), closed()], ids=["none", "pipe", "closed"])
def test_nobody_who_is_no_terminal_sees_progress(stream):
    """Nothing is even asked of the evaluation."""
    with progress.shown("F-1", stream) as draw:
        assert draw is None


def test_a_terminal_that_goes_away_costs_no_measurement():
    """The next write fails, and nobody minds."""
    terminal, clock = Terminal(), Clock()

    with progress.shown("F-1", terminal, clock) as draw:
        clock.now += 3
        terminal.close()
        draw(1, 2)


def test_a_run_tells_the_progress_of_each_evaluation(lab):
    """With the id of its claim; nonsense and haste are left out."""
    lab.misbehaves(
        {
            "slow": """
            for done in range(1, 4):
                context.progress(done, 3)
                time.sleep(0.15)
            for done, total in ((-1, 3), (4, 3), ("1", 2), (None, None), (float("nan"), 1), (0, 10**18 + 1)):
                time.sleep(0.11)
                context.progress(done, total)
            """,
            "flood": "for done in range(300_000): context.progress(done, 300_000)",
        }
    )
    told = []

    @contextmanager
    def watch(name):
        yield lambda done, total: told.append((name, done, total))

    result = scheduling.run([lab.contract], Options(), watch)

    assert result.exit_code == 0
    assert [each for each in told if each[0] == "F-slow"] == [("F-slow", done, 3) for done in (1, 2, 3)]
    flood = [each for each in told if each[0] == "F-flood"]
    assert 1 <= len(flood) <= 50
    assert {each[2] for each in flood} == {300_000}


def test_an_evaluator_learns_the_folder_of_the_project(lab):
    """The one with the settings, wherever the contract lies."""
    lab.misbehaves({"root": f"assert context.root == {str(lab.root)!r}, context.root"})

    lab.ends({"root": ("held", "")})
