"""What counts as a crash is seen: work without end, too much work, too much memory, a message for no terminal."""

from __future__ import annotations

import pytest
from fuzz import watching
from fuzz.saying import heard, plain, refused
from fuzz.watching import HangError, TooLargeError, TooSlowError, Watch, place_of

from pvcheck import config
from pvcheck.errors import BugError, ConfigError, Finding

SLOW = 0.02
"""Of the usual limits."""


def working(data: bytes) -> bool:
    """Work for as many rounds as the input says, and understand."""
    return sum(range(int(data))) >= 0


def growing(data: bytes) -> bool:
    """Take as many bytes as the input says, and give them back."""
    return bool(b"x" * int(data))


def test_what_takes_too_long_and_ends_is_too_slow():
    """It is told by the processor time that it took."""
    watch = Watch(SLOW)

    assert watch.call(working, b"10")
    with pytest.raises(TooSlowError, match=r"s of work for 7 bytes"):
        watch.call(working, b"3000000")


def test_what_does_not_end_is_ended():
    """Even where each exception on its way is kept."""

    def endless(_: bytes) -> bool:
        while True:
            try:
                working(b"1000")
            except Exception:  # noqa: BLE001, S112 - as a careless reader would
                continue

    with pytest.raises(HangError, match="and no end"):
        Watch(SLOW).call(endless, b"")


def test_what_takes_too_much_memory_is_too_large(monkeypatch):
    """Whatever this process needed before the watch began."""
    monkeypatch.setattr(watching, "MEMORY", 20 << 20)
    growing(b"%d" % (100 << 20))
    watch = Watch()

    assert watch.call(growing, b"1000")
    with pytest.raises(TooLargeError, match="MB for 8 bytes"):
        watch.call(growing, b"%d" % (50 << 20))


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\u202e", "x" * 3000])
def test_a_line_that_moves_a_terminal_or_fills_it_is_a_crash(text):
    """Control characters, line ends, text that turns others around, and what is very long."""
    with pytest.raises(AssertionError):
        plain(text)


def test_a_finding_without_a_hint_or_a_code_is_a_crash():
    """A refusal has both, and admits no bug."""
    sound = Finding("PV100", "it is so", hint="write it otherwise")
    heard([sound])

    assert not refused(ConfigError(sound))
    for each in (sound._replace(hint=""), sound._replace(code="PV1")):
        with pytest.raises(AssertionError):
            heard([each])
    with pytest.raises(BugError):
        refused(BugError("a bug"))


def test_crashes_are_told_apart_by_their_error_and_place():
    """The last line of ours that an error went through, not that of the library that raised it."""
    with pytest.raises(ValueError, match="Invalid") as told:
        config._loaded(b"=")

    assert place_of(told.value).startswith("TOMLDecodeError-config-")
    assert place_of(KeyError()) == "KeyError-nowhere"
