"""The light part: what the plugin offers, and that offering it costs nothing."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pvcheck_q4k
from pvcheck_q4k import plugin
from pvcheck_q4k.catalogue import CHAIN_METRICS

PACKAGE = Path(pvcheck_q4k.__file__).parent


def test_the_light_part_loads_no_numerical_library():
    """Importing the plugin and asking its hooks loads neither numpy, numba nor gguf."""
    code = (
        "import sys, pvcheck_q4k.plugin as p; p.pv_evaluators(); p.pv_pages()\n"
        "print([m for m in ('numpy', 'numba', 'llvmlite', 'gguf') if m in sys.modules])"
    )

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed == "[]\n"


NAMED = {each.name: each.implementation for each in plugin.pv_evaluators()} | plugin.pv_model_readers()


@pytest.mark.parametrize("implementation", NAMED.values(), ids=NAMED)
def test_the_implementation_is_there(implementation):
    """Every evaluator and every reader names a function that exists."""
    module, _, function = implementation.partition(":")

    assert callable(getattr(importlib.import_module(module), function))


def test_metric_names_stand_once_and_have_a_doc():
    """Each metric of the catalogue is one name with one sentence or more."""
    names = [metric.name for metric in CHAIN_METRICS]

    assert len(set(names)) == len(names)
    assert all(len(metric.doc) > 10 for metric in CHAIN_METRICS)


def test_every_code_has_a_page_and_every_page_a_code():
    """The codes that the readers raise are those that `explain` knows."""
    readers = ("gguf_file", "gguf_cursor", "apr_file", "apr_index", "apr_metadata", "models")
    source = "".join((PACKAGE / f"{name}.py").read_text() for name in readers)

    assert set(re.findall(r'"((?:GGUF|APR|MODEL)-[A-Z0-9]+)"', source)) == set(plugin.pv_pages())


def test_a_page_says_why_and_what_to_do():
    """A page has its code as its title, a reason and a remedy."""
    for code, page in plugin.pv_pages().items():
        assert page.startswith(f"# {code}\n")
        assert "**Why it is refused.**" in page
        assert "**What to do.**" in page


def test_114_kernels_never_use_fastmath():
    """No module of the plugin asks for fast mathematics or an eager signature."""
    for path in PACKAGE.glob("*.py"):
        assert "fastmath=" not in path.read_text()
