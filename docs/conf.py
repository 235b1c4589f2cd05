"""How the pages become a site: ``python .ci/dev.py docs [FOLDER]`` builds it, and every warning is an error.

The source folder is the repository, so that a link leads to the same file on the site and where the repository is
read in a browser. The pages hold no directive of the builder: what the sections of the index and of the table of codes
link to is the table of contents, and a page that none of them links to is an orphan, which fails the build.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pvcheck"
copyright = "the authors of pvcheck"  # noqa: A001 - the builder wants this name
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "benchmarks/*.md", "pvcheck/explain/PV*.md"]
exclude_patterns = [".*", "build", "dist"]  # whole folders that need not be looked through
suppress_warnings = ["misc.highlighting_failure"]  # a page about a message shows text that is wrong on purpose
smartquotes = False  # what stands in a page stands on the site
myst_heading_anchors = 4  # GitHub's anchors; one that no heading has is a warning, hence an error
html_theme = "alabaster"
html_theme_options = {"description": "claims about numerical code, measured", "page_width": "1100px"}
html_show_sourcelink = False
html_copy_source = False

TABLES_OF_CONTENTS = ("docs/index", "docs/reference-codes")
LINK = re.compile(r"\]\(([^)#:]+)\.md\)")


def contents(text: str, page: str) -> dict[str, list[str]]:
    """Return the pages that each section of a page links to, in its order, each at its first place only."""
    folder = posixpath.dirname(page)
    seen = {root_doc}
    found: dict[str, list[str]] = {}
    for section in text.split("\n## ")[1:]:
        pages = dict.fromkeys(posixpath.normpath(posixpath.join(folder, link)) for link in LINK.findall(section))
        found[section.partition("\n")[0]] = [each for each in pages if each not in seen]
        seen.update(pages)
    return found


def add_contents(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the table of contents under a page that is one; the builder calls this with the text of each page."""
    if page in TABLES_OF_CONTENTS:
        for heading, pages in contents(source[0], page).items():
            entries = "\n".join(f"/{each}" for each in pages)
            source[0] += f'\n```{{toctree}}\n:hidden:\n:maxdepth: 1\n:caption: "{heading}"\n\n{entries}\n```\n'


def setup(app: Sphinx) -> None:
    """Register what this file adds to the builder."""
    app.connect("source-read", add_contents)
