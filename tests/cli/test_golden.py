"""Whole outputs of commands, as a person sees them."""

from __future__ import annotations

from helpers import CONTRACT

from pvcheck.host.discovery import declared_plugins
from pvcheck.plan import OURS

FULL = {
    "metrics": {"growth": 1.5, "count": 4, "same": True, "steps": [1.0, -2.5]},
    "condition": 1449.0,
    "skip": True,
    "notes": ["half of the layers"],
}


def test_validate(project, pv, golden):
    """Errors, warnings, hints, and a file of upstream beside a broken one."""
    project.contract.write_text(
        CONTRACT.replace("growth: < 18", "growth: around 18").replace("evaluator: probe", "evaluater: probe")
        + "gates: {}\n"
    )
    project.contract.with_name("upstream.yaml").write_text(
        "metadata: {version: '1.0'}\nobligations: []\nfalsification_tests:\n- {id: A, if_fails: x, status: SHIPPED}\n"
    )
    project.contract.with_name("broken.yaml").write_text("a: 1\na: 2\nb: &x 1\n")

    status, out, _ = pv("validate")

    assert status == 1
    golden("validate", out)


def test_run(project, pv, golden):
    """Tables, bounds with margins, guards, notes, the diff and the verdict."""
    project.measure(FULL)
    accept = "  accept: {conditioning: the sum is known to cancel}\n"
    text = CONTRACT.replace("    count:", "    same: is true\n    count:").replace("  expect:", f"{accept}  expect:")
    project.contract.write_text(text + "gates: {}\n")

    status, out, _ = pv("run", "--write")

    assert status == 0
    golden("run", out)


def test_status(project, pv, golden):
    """Before a promotion, after it, and after an edit."""
    texts = [pv("status")[1]]
    pv("run", "--write")
    texts.append(pv("status")[1])
    project.edit("layers: 0-3", "layers: 0-4")

    status, out, _ = pv("status")

    assert status == 0
    golden("status", "\n".join([*texts, out]))


def test_plugins_list(project, pv, golden):
    """A plugin with its distribution, and an evaluator with parameters and metrics."""
    ours = [each.name for each in declared_plugins() if each.distribution == OURS]
    (project.root / "pv.toml").write_text(f"plugins = {{disable = {ours}}}\n")

    status, out, _ = pv("plugins", "list")

    assert status == 0
    golden("plugins", out)


def test_demo(tmp_path, pv, golden, monkeypatch):
    """A promotion from beginning to end."""
    monkeypatch.chdir(tmp_path)

    status, out, err = pv("demo", "--into", tmp_path / "demo")

    assert (status, err) == (0, "")
    golden("demo", out, {str(tmp_path): "<folder>"})
