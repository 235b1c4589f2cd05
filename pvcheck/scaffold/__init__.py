"""What ``pv new`` writes: folders of templates, filled in and put in place all at once or not at all.

A template is a file that ends in ``.in``. ``$name`` in it is replaced, and so is the word ``package`` where it is
a folder of its path; ``$$`` is a dollar. Nothing else of a template means anything.
"""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from pvcheck.errors import ConfigError, Finding, NotMeasuredError, escaped, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

SUFFIX: Final = ".in"
MAX_NAME: Final = 40
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_PREFIX: Final = "pvcheck-"


def new_plugin(name: str, into: Path | None = None) -> tuple[Path, tuple[str, ...]]:
    """Write a package with one evaluator, and return its folder and its files.

    :param into: the folder to make; by default ``pvcheck-NAME`` in the current one.
    :raises ConfigError: if no plugin can have that name, or if the folder is there already.
    :raises NotMeasuredError: if the disk refuses; nothing is left behind.
    """
    _refuse_name(name)
    words = {
        "name": name,
        "package": (_PREFIX + name).replace("-", "_"),
        "distribution": _PREFIX + name,
        "upper": name.upper(),
    }
    folder = Path(words["distribution"]) if into is None else into
    files = filled("plugin", words)
    _put(folder, files)
    return folder, tuple(files)


def filled(kind: str, words: Mapping[str, str]) -> dict[str, str]:
    """Return the files of one kind of scaffold: their texts by their paths, in order."""
    root = Path(__file__).resolve().parent / kind
    files: dict[str, str] = {}
    for template in sorted(root.rglob(f"*{SUFFIX}")):
        steps = template.relative_to(root).as_posix().removesuffix(SUFFIX).split("/")
        place = "/".join(words["package"] if step == "package" else step for step in steps)
        files[place.replace("NAME", words["name"])] = Template(template.read_text(encoding="utf-8")).substitute(words)
    return files


def _refuse_name(name: str) -> None:
    """Refuse what cannot name a plugin, its evaluator and its package at the same time."""
    if name.startswith(_PREFIX):
        hint = f"leave it out: pv new plugin {escaped(name.removeprefix(_PREFIX))}"
        message = f"the name of a plugin must not start with {_PREFIX}, which is put in front of it, got {quoted(name)}"
        raise ConfigError(Finding("PV733", message, hint=hint, exit_code=2))
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or keyword.iskeyword(name):
        message = f"the name of a plugin must be small letters, digits and single -, got {quoted(name)}"
        hint = f"start with a letter and use at most {MAX_NAME} characters, such as row-norms"
        raise ConfigError(Finding("PV733", message, hint=hint, exit_code=2))


def _put(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a new folder: they are made beside it first, so that it is whole or not there."""
    shown = escaped(str(folder))
    if folder.exists() or folder.is_symlink():
        hint = "name a folder that does not exist yet with --into"
        raise ConfigError(Finding("PV706", "the folder is there already", shown, hint=hint, exit_code=2))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".pv-new-", dir=folder.parent) as place:
            whole = Path(place) / "whole"
            for path, text in files.items():
                target = whole / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            shutil.move(whole, folder)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        hint = "mend permissions or make room, and run again"
        raise NotMeasuredError(Finding("PV711", f"cannot write: {why}", shown, hint=hint, exit_code=3)) from None
