"""The difference of two texts, for showing."""

from __future__ import annotations


def unified(before: str, after: str, path: str) -> str:
    """Return a unified diff with two lines around each change, or nothing when the texts are equal.

    It is for eyes: line ends are left out, so a patch tool may not apply it.
    """
    from difflib import unified_diff  # noqa: PLC0415 - slow to import, and most commands show no diff

    lines = unified_diff(
        before.splitlines(), after.splitlines(), fromfile=f"a/{path}", tofile=f"b/{path}", n=2, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
