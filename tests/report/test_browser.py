"""The page in a real browser: no complaint, reachable by keys, both themes, two widths, print, and axe-core.

Chromium is looked for under its usual names, or where PVCHECK_CHROMIUM says; PVCHECK_AXE names axe.min.js. Where one
of them is not there, the tests that need it are skipped.
"""

from __future__ import annotations

import http.server
import os
import threading
from functools import partial
from pathlib import Path

import pytest
from report.browser import Browser, executable
from report.shelves import TEXT

from pvcheck.pipeline import gathering
from pvcheck.report.html import page

pytestmark = pytest.mark.skipif(
    executable() is None, reason="there is no Chromium here: install it, or name one with PVCHECK_CHROMIUM"
)

AXE = os.environ.get("PVCHECK_AXE", "")
LOOKS = [(theme, width) for theme in ("light", "dark") for width in (1280, 390)]
PARTS = ("", "#C-SOUND", "#F-FOUGHT-1", "#all", "#setups")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Give a browser for all tests of this module."""
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def address(everything, browser):
    """Give the address of a page with a contract in every state; nothing of an earlier test is kept."""
    everything.challenge("FOUGHT")
    everything.earn("LONG", TEXT.replace("what it is about", "w" * 900).replace("C-NAME", "C-" + "LONG" * 20))
    path = everything.root / "page.html"
    path.write_text(page.text(gathering.gather(Path("contracts").glob("*.yaml"))))
    browser.call("Network.setCacheDisabled", cacheDisabled=True)
    browser.open(path.as_uri())
    browser.run("localStorage.clear()")
    return path.as_uri()


def visible(browser, selector):
    """Return how many elements of a kind are seen."""
    return browser.run(f"[...document.querySelectorAll({selector!r})].filter(each => each.checkVisibility()).length")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_nothing_complains_and_nothing_is_wider_than_the_window(address, browser, theme, width):
    """Every part, in both themes and widths: an empty console, no request but the page, no horizontal scroll."""
    for part in PARTS:
        browser.open(address + part, width=width, theme=theme)

        assert browser.complaints() == []
        assert [each for each in browser.requests() if not each.startswith(("data:", address, "about:"))] == []
        assert browser.run("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "media"), [(320, ""), (740, ""), (1000, ""), (720, "print")])
def test_no_window_and_no_paper_is_too_narrow(address, browser, width, media):
    """Between a telephone and a large screen nothing is cut either; 720 pixels are a sheet of A4 with its margins."""
    browser.open(f"{address}#all", width=width, media=media)

    assert browser.run("document.documentElement.scrollWidth") == width


def test_a_server_is_asked_for_nothing_but_the_page(address, browser):
    """Served rather than opened, the policy holds as well: no icon, no font, no script."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            asked.append(words[1])

    assert address.endswith("/page.html")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(Path.cwd()))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.open(f"http://127.0.0.1:{server.server_address[1]}/page.html")
        complaints = browser.complaints()
        server.shutdown()

    assert complaints == []
    assert [each.split()[1] for each in asked] == ["/page.html"]


def test_themes_follow_the_system_and_the_switch(address, browser):
    """The switch goes round, wins over the system, and is remembered."""
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for theme in ("light", "dark"):
        browser.open(address, theme=theme)
        seen[theme] = browser.run(ground)
    assert len(set(seen.values())) == 2

    browser.run("document.getElementById('theme').click()")
    assert browser.run("document.getElementById('theme').textContent") == "theme: light"
    assert browser.run(ground) == seen["light"]
    browser.open(address, theme="dark")
    assert browser.run(ground) == seen["light"]
    browser.run("document.getElementById('theme').click()")
    browser.look(theme="light")
    assert browser.run(ground) == seen["dark"]


def test_a_storage_that_refuses_costs_nothing(address, browser):
    """A browser that keeps nothing shows the page as the system has it, and the switch works as long as it is open."""
    broken = (
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    kept = browser.call("Page.addScriptToEvaluateOnNewDocument", source=broken)["identifier"]
    browser.open(address)

    browser.run("document.getElementById('theme').click()")

    assert browser.run("document.documentElement.dataset.theme") == "light"
    assert browser.complaints() == []
    browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=kept)


def test_one_contract_at_a_time_and_a_way_back(address, browser):
    """A fragment shows its contract alone, with a title; the link leads back; all of them are on one page too."""
    browser.open(address)
    assert (visible(browser, ".contract"), visible(browser, "#fleet")) == (0, 1)

    browser.run("document.querySelector('a[href=\"#C-SOUND\"]').click()")
    assert (visible(browser, ".contract"), visible(browser, "#fleet")) == (1, 0)
    assert browser.run("document.title") == "C-SOUND · pv report"

    browser.run("document.querySelector('#C-SOUND .back a').click()")
    assert (visible(browser, ".contract"), visible(browser, "#fleet")) == (0, 1)

    browser.run("location.hash = '#F-SOUND-1'")
    assert browser.run("document.querySelector('.contract:has(:target)').id") == "C-SOUND"
    assert visible(browser, ".contract") == 1

    browser.run("location.hash = '#all'")
    assert (visible(browser, ".contract"), visible(browser, "#fleet")) == (9, 1)


def test_sorted_and_filtered_by_keys_alone(address, browser):
    """Tab reaches each control in order, with an outline that is seen; Enter and Space sort; typing filters."""
    browser.open(address)
    names = "[...document.querySelectorAll('.fleet tbody tr:not([hidden]) a')].map(each => each.textContent)"
    focused = "document.activeElement.textContent || document.activeElement.id"
    order = []
    for _ in range(6):
        browser.press("Tab")
        order.append(browser.run(focused))
        assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert order == ["contracts", "all on one page", "theme: system", "shown", "contract", "version"]

    browser.press("Tab", shift=True)
    browser.press("Enter")
    rising = browser.run(names)
    browser.press(" ")
    assert browser.run(names) == rising[::-1]
    assert browser.run("document.activeElement.closest('th').ariaSort") == "descending"

    for _ in range(6):
        browser.press("Tab")
    browser.press("Enter")
    assert browser.run(focused) == "stale"
    assert set(browser.run(names)[:2]) == {"C-STALE", "C-TYPED"}

    browser.run("document.getElementById('shown').focus()")
    browser.type("stale")
    assert set(browser.run(names)) == {"C-STALE", "C-TYPED"}
    assert browser.run("document.querySelector('output').textContent") == "2 of 9 contracts"
    browser.press("Enter")
    assert browser.run("location.search") == ""


def test_it_is_read_without_a_script(address, browser):
    """Fleet, parts and links work; what a script would do is not offered."""
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address + "#C-SOUND")
    tree = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]

    def shown(selector):
        node = browser.call("DOM.querySelector", nodeId=tree, selector=selector)["nodeId"]
        try:
            browser.call("DOM.getBoxModel", nodeId=node)
        except RuntimeError:
            return False
        return True

    seen = [shown(each) for each in ("#C-SOUND", "#C-STALE", "#fleet", "#filter", "#theme")]
    browser.call("Emulation.setScriptExecutionDisabled", value=False)

    assert seen == [True, False, False, False, False]


def test_printed_it_is_all_there(address, browser):
    """Paper has every contract and what was folded, in dark on light, whatever the theme of the screen."""
    browser.open(address + "#C-SOUND", theme="dark", media="print")

    assert (visible(browser, ".contract"), visible(browser, "#fleet")) == (9, 1)
    assert visible(browser, "#filter, #theme, .back") == 0
    assert browser.run("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('details:not([open])').length") == 0
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    assert browser.pdf().count(b"/Type /Page\n") >= 9


@pytest.mark.skipif(not AXE, reason="PVCHECK_AXE does not name axe.min.js of axe-core")
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_axe_finds_nothing_serious(address, browser, theme, width):
    """Neither contrast, names, roles nor order are at fault, in the fleet, in one part and in all, folded out."""
    rules = Path(AXE).read_text(encoding="utf-8")
    for part in ("", "#C-FOUGHT", "#all"):
        browser.open(address + part, width=width, theme=theme)
        browser.run("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        browser.run(f"{rules}; 0")
        found = browser.run(
            "axe.run(document, {resultTypes: ['violations']}).then(told => told.violations.map("
            "each => [each.impact, each.id, each.nodes.slice(0, 3).map(node => node.html.slice(0, 150))]))"
        )

        assert [each for each in found if each[0] in {"serious", "critical"}] == []
        assert found == []
