"""Reads numbers and strings of a GGUF header from left to right, believing none of them.

The cursor asks for bytes of the file only as far as the header reaches (rounded up to 4 KiB), so that the ranges an
evaluation records are the header and not the weights.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pvcheck.plugin import InputError

if TYPE_CHECKING:
    from typing import NoReturn

    from pvcheck.plugin import Source

STEP: Final = 4096
STRING_MAX: Final = 16 * 1024 * 1024
SHOWN: Final = 120  # characters of foreign text in a message

U32: Final = struct.Struct("<I")
U64: Final = struct.Struct("<Q")


class ModelFileError(InputError):
    """A model file that is not what it must be; ``code`` names the rule, ``at`` the byte."""

    def __init__(self, path: str, code: str, at: int, text: str) -> None:
        self.code = code
        self.at = at
        super().__init__(f"{escaped(path, len(path))}: {code} at byte {at}: {text}")


def escaped(text: str, limit: int = SHOWN) -> str:
    """Return foreign text as it may be printed: no control, bidi or invisible characters, and not too long."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:limit])
    return shown if len(text) <= limit else shown + "..."


class Cursor:
    """A place in the header of ``source``, and the checks that hold for every number and string there."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self._window = memoryview(b"")

    @property
    def left(self) -> int:
        """How many bytes of the file stand after the cursor."""
        return self.source.size - self.at

    def fail(self, code: str, text: str, at: int | None = None) -> NoReturn:
        """Raise the error of a rule, at the cursor if no other place is given."""
        raise ModelFileError(self.source.path, code, self.at if at is None else at, text)

    def need(self, size: int, what: str) -> memoryview:
        """Return a window of the file, from its start, that reaches ``size`` bytes past the cursor."""
        end = self.at + size
        if end > self.source.size:
            self.fail("GGUF-TRUNC", f"{what} needs {size} bytes, but the file ends after {self.left}")
        if end > len(self._window):
            self._window = self.source.view(0, min(-(-end // STEP) * STEP, self.source.size))
        return self._window

    def skip(self, size: int, what: str) -> None:
        """Step over bytes without looking at them."""
        if size > self.left:
            self.fail("GGUF-TRUNC", f"{what} needs {size} bytes, but the file ends after {self.left}")
        self.at += size

    def number(self, layout: struct.Struct, what: str) -> int | float:
        """Read one number."""
        (value,) = layout.unpack_from(self.need(layout.size, what), self.at)
        self.at += layout.size
        number: int | float = value
        return number

    def u32(self, what: str) -> int:
        """Read a u32."""
        return int(self.number(U32, what))

    def u64(self, what: str) -> int:
        """Read a u64."""
        return int(self.number(U64, what))

    def raw(self, size: int, what: str) -> bytes:
        """Read bytes."""
        window = self.need(size, what)
        self.at += size
        return bytes(window[self.at - size : self.at])

    def string(self, what: str, limit: int = STRING_MAX, code: str = "GGUF-STRLEN") -> str:
        """Read a string of at most ``limit`` bytes, refusing more with ``code``, and what is not UTF-8."""
        start = self.at
        length = self.u64(f"the length of {what}")
        if length > limit:
            self.fail(code, f"{what} must have at most {limit} bytes, got {length}", start)
        if length > self.left:
            self.fail("GGUF-STRLEN", f"{what} has {length} bytes, but the file ends after {self.left}", start)
        try:
            return self.raw(length, what).decode()
        except UnicodeDecodeError as error:
            self.fail("GGUF-UTF8", f"{what} must be UTF-8", start + U64.size + error.start)

    def skip_strings(self, count: int, what: str) -> None:
        """Walk over ``count`` strings without building any: a vocabulary has hundreds of thousands."""
        unpack = U64.unpack_from
        while count:
            window = self.need(U64.size * count, what)  # each has a length at least: this bounds count by the file
            at, end, length = self.at, len(window) - U64.size, 0
            # The tightest loop of the reader: a tenth of a microsecond a string.
            for walked in range(1, count + 1):  # noqa: B007 - it is used after the loop
                (length,) = unpack(window, at)
                if length > STRING_MAX:
                    text = f"a string of {what} must have at most {STRING_MAX} bytes, got {length}"
                    self.fail("GGUF-STRLEN", text, at)
                at += 8 + length
                if at > end:
                    break
            count -= walked
            if at > self.source.size:
                start = at - U64.size - length
                self.fail("GGUF-STRLEN", f"a string of {what} runs past the end of the file", start)
            self.at = at
