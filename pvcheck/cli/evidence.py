"""``pv evidence``: the records behind statuses, to read, to check, to sign, and to take elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pvcheck import discovery, files
from pvcheck.cli.output import complain, sources
from pvcheck.cli.output import show as write
from pvcheck.errors import escaped
from pvcheck.evidence import lines
from pvcheck.pipeline import outputs, records, signing, verifying, vouching
from pvcheck.report import evidence as report
from pvcheck.report.tally import count


@click.group()
def evidence() -> None:
    """Show, verify, sign and export the records behind statuses."""


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
@click.option(
    "--require-signature", is_flag=True, help="Refuse a DISCHARGED, or a challenge, whose record no listed key signed."
)
@click.option(
    "--trust",
    multiple=True,
    metavar="KEY",
    help="A public key whose signatures count, as one line of base64, in place of those that the settings list.",
)
def verify(paths: tuple[str, ...], *, require_signature: bool, trust: tuple[str, ...]) -> int:
    """Check every record, every reference to one, and every signature.

    Digest, form, and whether outcome, marks and margins follow from the metrics. Whether a record supports
    today's status is for `pv validate` to say.
    """
    keys = vouching.trusted(trust) if trust else None
    verified = verifying.verify(discovery.contracts(paths, Path.cwd()), demand=require_signature, trusted=keys)
    write(report.verdict(verified, sources()))
    return verified.exit_code


@evidence.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A private ed25519 key as a PEM file outside the project; - reads it from standard input.",
)
def sign(paths: tuple[str, ...], key: Path) -> int:
    """Sign the records that statuses and challenges name today.

    Only where `pv validate` finds nothing wrong but that signatures are missing. A signature says that who holds the
    key vouches for the record; it measures nothing again.
    """
    is_stream = str(key) == "-"
    private = signing.private_key_of(sys.stdin.buffer.read(), key) if is_stream else signing.private_key(key)
    signed = signing.sign(discovery.contracts(paths, Path.cwd()), private)
    write(report.signed(signed, sources()))
    return signed.exit_code


@evidence.command()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Where to, outside of any project."
)
def keygen(out: Path) -> None:
    """Make a pair of ed25519 keys: write the private one, and print the public one as settings list it.

    The file has no passphrase and can be read by its owner only. `openssl genpkey -algorithm ed25519` makes the same.
    """
    write(report.generated(signing.generate(out).public, out))


@evidence.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to; default: here.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Only the evidence of this falsifier; may be repeated.")
def export(paths: tuple[str, ...], output: Path | None, ids: tuple[str, ...]) -> None:
    """Write the records that statuses name today, as JSON lines: one in-toto Statement a line.

    `pv apply` reads them on another host, with the same digests.
    """
    contracts = discovery.contracts(paths, Path.cwd())
    outputs.refuse_results(output, contracts)
    found = records.exported(contracts, ids)
    data = lines.dumps(found)
    if output is not None:
        files.put(output, data)
        write([f"{count(len(found), 'record')} in {escaped(str(output))}"])
    elif sys.stdout.isatty():
        write(data.decode().splitlines())  # what could move a cursor is escaped: such a copy is for eyes only
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    if output is None:
        complain([count(len(found), "record")])
