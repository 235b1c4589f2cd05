"""``pv evidence``: the records behind statuses, to read, to check, and to take elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvcheck import discovery, files
from pvcheck.cli.output import complain
from pvcheck.cli.output import show as write
from pvcheck.errors import escaped
from pvcheck.evidence import lines
from pvcheck.pipeline import records, verifying
from pvcheck.report import evidence as report
from pvcheck.report.tally import count


@click.group()
def evidence() -> None:
    """Show, verify and export the records behind statuses."""


@evidence.command()
@click.argument("name")
@click.argument("paths", nargs=-1, type=click.Path())
def show(name: str, paths: tuple[str, ...]) -> int:
    """Print one record: NAME is the id of a falsifier, or at least six digits of a digest.

    What was claimed and measured, under which bounds and how far inside them, on which files, by what and where;
    and what today's contract makes of it.
    """
    found = records.find(name, discovery.contracts(paths, Path.cwd()))
    for each in found:
        write(report.lines(each))
    return 5 if any(each.contradictions for each in found) else 0


@evidence.command()
@click.argument("paths", nargs=-1, type=click.Path())
def verify(paths: tuple[str, ...]) -> int:
    """Check every record, and every reference to one.

    Digest, form, and whether outcome, marks and margins follow from the metrics. Whether a record supports
    today's status is for `pv validate` to say.
    """
    verified = verifying.verify(discovery.contracts(paths, Path.cwd()))
    write(report.verdict(verified))
    return verified.exit_code


@evidence.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to; default: here.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only the evidence of this falsifier; may be repeated.")
def export(paths: tuple[str, ...], output: Path | None, ids: tuple[str, ...]) -> None:
    """Write the records that statuses name today, as JSON lines: one in-toto Statement a line.

    `pv apply` reads them on another host, with the same digests.
    """
    found = records.exported(discovery.contracts(paths, Path.cwd()), ids)
    data = lines.dumps(found)
    if output is not None:
        files.write(output, data)
        write([f"{count(len(found), 'record')} in {escaped(str(output))}"])
    elif sys.stdout.isatty():
        write(data.decode().splitlines())  # what could move a cursor is escaped: such a copy is for eyes only
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    if output is None:
        complain([count(len(found), "record")])
