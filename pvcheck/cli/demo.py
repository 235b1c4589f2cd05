"""``pv demo``: a promotion from beginning to end, on data that comes with the package."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from pvcheck.cli.output import columns, show, tell
from pvcheck.errors import ConfigError, Finding
from pvcheck.pipeline import checking, scheduling
from pvcheck.pipeline.options import Mode, Options
from pvcheck.report import run as report
from pvcheck.report import styled, tally
from pvcheck.text import unified

DATA = Path(__file__).resolve().parent.parent / "demo_data"
CONTRACT = "trace-ffn-sub-block-gguf-v1.yaml"


@click.command()
@click.option("--into", type=click.Path(path_type=Path), help="A new folder to work in; default: a temporary one.")
def demo(into: Path | None) -> int:
    """Promote a contract: measure two falsifiers on a small model, earn DISCHARGED, show what changed."""
    if into is not None and into.exists():
        hint = "name a folder that does not exist yet"
        raise ConfigError(Finding("PV706", "the folder is there already", str(into), hint=hint, exit_code=2))
    folder = Path(tempfile.mkdtemp(prefix="pv-demo-")) if into is None else into
    shutil.copytree(DATA, folder, dirs_exist_ok=True)
    path = folder / CONTRACT
    result = scheduling.run([path], Options(mode=Mode.WRITE))
    for file in result.files:
        tell(report.lines(file, look=report.Look(columns())))
        show(styled.diff(unified(file.before, file.after, path.name).splitlines()))
    tell([tally.verdict(tally.of_run(result.files)), f"measured, judged and written in {folder}"])
    tell([f"now: pv validate {path}", tally.verdict(tally.of_checked(checking.check_all([path])))])
    return result.exit_code
