"""``pv new``: files to start from. What no flag says is asked for on a terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from pvcheck import scaffold
from pvcheck.cli import completing
from pvcheck.cli.output import show
from pvcheck.errors import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pvcheck.pipeline.claiming import Claim
    from pvcheck.pipeline.drafting import Draft

    Command = TypeVar("Command", bound=Callable[..., object])


class Wanted(NamedTuple):
    """What flags say of a falsifier; what they leave out is asked for, left out, or refused."""

    evaluator: str | None
    parameters: tuple[str, ...]
    inputs: Mapping[str, Path]
    expect: Mapping[str, tuple[str, ...]]
    measure: tuple[str, ...]
    rule: str | None
    prediction: str | None
    if_fails: str | None

    @property
    def is_enough(self) -> bool:
        """Whether nothing must be asked: what measures is named, and what is expected."""
        return self.evaluator is not None and bool(self.expect or self.measure)


@click.group()
def new() -> None:
    """Write a contract, a falsifier or a plugin to start from."""


@new.command()
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), help="A new folder to make; default: pvcheck-NAME.")
def plugin(name: str, into: Path | None) -> None:
    """Write a package that offers the evaluator NAME, with a contract and tests that pass."""
    from pvcheck.loading import editor  # noqa: PLC0415 - as the rest of a contract

    folder, made = scaffold.new_plugin(name, into)
    files = [*made, editor.write(folder).relative_to(folder).as_posix()]
    place = escaped(str(folder))
    show([f"{place}/{file}" for file in files])
    show([f"wrote {len(files)} files; now: cd {place} && pip install -e . --no-deps && pytest"])


def _named(_: click.Context, __: click.Parameter, values: Sequence[str]) -> dict[str, Path]:
    """Return NAME=PATH pairs as a table."""
    pairs = [value.partition("=") for value in values]
    if any(not name or not path for name, _, path in pairs):
        raise click.BadParameter("write NAME=PATH")
    return {name: Path(path) for name, _, path in pairs}


def _bounds(_: click.Context, __: click.Parameter, values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return METRIC=BOUND pairs as a table; several of one metric mean all of them."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        metric, bound = (part.strip() for part in value.partition("=")[::2])
        if not metric or not bound:
            raise click.BadParameter("write METRIC=BOUND, such as 'growth=< 18' or 'count=>= 27'")
        found[metric] = (*found.get(metric, ()), bound)
    return found


CLAIM = (
    click.option(
        "--evaluator",
        metavar="NAME",
        shell_complete=completing.evaluators,
        help="What measures it; pv explain lists them.",
    ),
    click.option("--with", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter of the evaluator."),
    click.option("--input", "inputs", multiple=True, callback=_named, metavar="NAME=PATH", help="A file to declare."),
    click.option(
        "--expect", multiple=True, callback=_bounds, metavar="METRIC=BOUND", help="A bound, such as 'growth=< 18'."
    ),
    click.option("--measure", multiple=True, metavar="METRIC", help="Measure once, and propose a bound on METRIC."),
    click.option("--rule", metavar="TEXT", help="The claim, in a few words."),
    click.option("--prediction", metavar="TEXT", help="What will be seen if it is true."),
    click.option("--if-fails", metavar="TEXT", help="What a refutation would mean."),
)
"""The options of whatever writes a falsifier; their names are those of `Wanted`."""


def _claiming(command: Command) -> Command:
    """Give a command the options of a claim."""
    for option in reversed(CLAIM):
        command = option(command)
    return command


@new.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--id", "name", metavar="ID", help="The id of the contract; default: from the name of the file.")
@click.option("--title", metavar="TEXT", help="What the contract is about, in a sentence.")
@_claiming
def contract(path: Path | None, name: str | None, title: str | None, **flags: object) -> None:
    """Write the contract PATH with one falsifier, ready for `pv run`.

    What no flag says is asked for on a terminal. Elsewhere PATH, --evaluator, what the evaluator needs and a bound
    must be given: with --expect, or with --measure, which measures once and puts a margin around what it finds. The
    first line of the file names a schema, which is written too where it is not there yet, so that an editor completes
    and checks.
    """
    from pvcheck.pipeline import drafting  # noqa: PLC0415 - a new plugin needs none of it

    wanted = _wanted(flags)
    asks = _asks(wanted, needs_path=path is None)
    if path is None:
        path = Path(_ask("path", "where the contract is to be", "contracts/first.yaml"))
    drafting.refuse_present(path)
    name = name or (_ask("id", "the name of the contract", _id_of(path)) if asks else _id_of(path))
    if title is None and asks:
        title = _ask("title", "what the contract is about, in a sentence (Enter: none)", "")
    claim = _claim(wanted, path, {}, asks=asks)
    _write(drafting.contract(path, name, title or "", claim), claim)


@new.command()
@click.argument("contract", type=click.Path(path_type=Path))
@click.option("--id", "name", metavar="ID", help="The id of the falsifier; default: the next free number.")
@_claiming
def falsifier(contract: Path, name: str | None, **flags: object) -> None:
    """Add a falsifier to CONTRACT, behind the others, and change nothing else in the file.

    What no flag says is asked for on a terminal. A file that it needs is an input of the contract, named by
    --with KEY=INPUT, or a new one, declared by --input NAME=PATH. The version stays as it is: `pv run --write` and
    `pv bump` write the next one.
    """
    from pvcheck.pipeline import drafting  # noqa: PLC0415 - as above

    wanted = _wanted(flags)
    asks = _asks(wanted)
    found = drafting.readable(contract)
    inputs = {} if found.contract is None else found.contract.inputs
    claim = _claim(wanted, contract, {each: contract.parent / inputs[each].path for each in inputs}, asks=asks)
    _write(drafting.falsifier(found, claim._replace(id=name or "")), claim)


def _wanted(flags: Mapping[str, object]) -> Wanted:
    """Return the flags of a claim, which click made as they are declared."""
    return Wanted(**flags)  # type: ignore[arg-type]  # the options above have the names and types of its fields


def _asks(wanted: Wanted, *, needs_path: bool = False) -> bool:
    """Say whether a person is to be asked for what flags leave out.

    :raises click.UsageError: if something must be known and nobody can be asked.
    """
    if wanted.is_enough and not needs_path:
        return False
    from pvcheck.cli import asking  # noqa: PLC0415 - only where something may have to be asked

    if asking.is_possible():
        return True
    lacks = [
        *(["PATH"] if needs_path else []),
        *(["--evaluator NAME"] if wanted.evaluator is None else []),
        *([] if wanted.expect or wanted.measure else ["--expect METRIC=BOUND or --measure METRIC"]),
    ]
    raise click.UsageError(f"missing {', and '.join(lacks)}; on a terminal it would be asked for")


def _ask(name: str, meaning: str, default: str) -> str:
    from pvcheck.cli import asking  # noqa: PLC0415 - as above

    return asking.text(name, meaning, default)


def _claim(wanted: Wanted, path: Path, inputs: Mapping[str, Path], *, asks: bool) -> Claim:
    """Return the claim that flags and answers make, its bounds measured where that was asked for."""
    from pvcheck.cli import asking  # noqa: PLC0415 - as above
    from pvcheck.loading import catalogue  # noqa: PLC0415 - as above
    from pvcheck.pipeline import claiming, drafting, measuring, proposing  # noqa: PLC0415 - as above

    table = catalogue.table(drafting.settings_of(path).root)
    name = wanted.evaluator or asking.evaluator(table)
    entry = claiming.entry_of(name, table)
    claim = claiming.Claim(name, measuring.parameters_of(wanted.parameters), wanted.inputs, wanted.expect)
    claim = claiming.filled(claim, entry)
    words = {key: getattr(wanted, key) or "" for key in claiming.PROSE}
    if asks:
        claim = asking.parameters(claim, entry, inputs)
        if not (wanted.expect or wanted.measure):
            claim = claim._replace(expect=asking.expectations(entry))
        words |= {key: asking.text(key, f"{claiming.PROSE[key]} (Enter: none)") for key in words if not words[key]}
    claim = claim._replace(words=words)
    if not wanted.measure:
        return claim
    found = proposing.proposed(claim, wanted.measure, {**inputs, **claim.inputs}, path.parent)
    return proposing.bounded(claim, found)


def _id_of(path: Path) -> str:
    """Return the id that the name of a file suggests."""
    stem = re.sub(r"-v[0-9]+$", "", path.stem)
    return "C-" + re.sub(r"[^A-Z0-9]+", "-", stem.upper()).strip("-")


def _write(draft: Draft, claim: Claim) -> None:
    """Write a draft, and say what was written and how to go on."""
    from pvcheck.pipeline import drafting  # noqa: PLC0415 - as above

    place = escaped(str(draft.path))
    written = drafting.write(draft)
    show([f"wrote {escaped(str(each))}" for each in written])
    show([f"  {draft.falsifier} expects {escaped(metric)} {escaped(' and '.join(several))}"
          for metric, several in claim.expect.items()])  # fmt: skip
    if note := claim.words.get("recorded"):
        show([f"  {escaped(note, 400)}", '  they say "as today": put the bound there that the claim demands'])
    if not drafting.is_allowed(draft.path, claim.evaluator):
        show([f'  pv.toml must allow it before it can run: evaluators = ["{claim.evaluator}"]'])
    show([f"now: pv run {place}"])
