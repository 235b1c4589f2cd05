"""Chromium without a window, spoken to through a pipe: no library, no port, and nothing that a package must bring.

The browser reads commands of the DevTools protocol from descriptor 3 and writes answers to descriptor 4, each as JSON
with a zero byte behind it.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from typing import Any

WAIT = 60.0
"""Seconds until a browser that says nothing is given up."""

LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Moves the two pipes to the numbers that the browser expects, and becomes it."""


def executable():
    """Return the path of a Chromium, or None where there is none."""
    names = (os.environ.get("PVCHECK_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


class Browser:
    """One process of the browser, and one page in it."""

    def __init__(self, profile):
        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._rest = b""
        theirs, self._out = os.pipe()
        self._in, answers = os.pipe()
        words = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        words += ["--disable-background-networking", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(theirs), str(answers), executable(), *words, "about:blank"],
            pass_fds=(theirs, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(answers)
        try:
            self._attach()
        except RuntimeError:
            self.close()
            raise

    def _attach(self):
        """Find the page of the browser and ask for its events."""
        targets = self.call("Target.getTargets", session=False)["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        told = self.call("Target.attachToTarget", session=False, targetId=target, flatten=True)
        self._session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        """End the process."""
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(WAIT)

    def call(self, method, *, session=True, **words):
        """Send one command and return its answer; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": words}
        if session:
            message["sessionId"] = self._session
        rest = json.dumps(message).encode() + b"\0"
        while rest:
            rest = rest[os.write(self._out, rest) :]
        while True:
            told = self._next()
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                return told["result"]
            self.events.append(told)

    def open(self, address, *, width=1280, height=900, theme="light", media=""):
        """Show an address anew, and wait until it is loaded."""
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.look(width=width, height=height, theme=theme, media=media)
        self.call("Page.navigate", url=address)
        while self.run("document.readyState") != "complete":
            time.sleep(0.02)

    def look(self, *, width=1280, height=900, theme="light", media=""):
        """Set the size of the window, the theme of the system, and what the page is shown on."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        wanted = [{"name": "prefers-color-scheme", "value": theme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=wanted)

    def run(self, script):
        """Return what an expression comes to, a promise included."""
        told = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"])
        return told["result"].get("value")

    def press(self, key, *, shift=False):
        """Press and release a key."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        words = {"key": key, "code": {" ": "Space"}.get(key, key), "windowsVirtualKeyCode": codes[key]}
        words["modifiers"] = 8 if shift else 0
        text = {"text": {"Enter": "\r", " ": " "}[key]} if key in {"Enter", " "} else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **words, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **words)

    def type(self, text):
        """Type a text where the focus is."""
        self.call("Input.insertText", text=text)

    def picture(self, path, *, whole=True, limit=4000):
        """Write what is seen, or the whole page up to a height, as PNG."""
        words = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], limit), "scale": 1}
            words = {"captureBeyondViewport": True, "clip": clip}
        data = self.call("Page.captureScreenshot", format="png", **words)["data"]
        path.write_bytes(base64.b64decode(data))

    def pdf(self):
        """Return the page as it is printed."""
        told = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(told["data"])

    def complaints(self):
        """Return what the page wrote to the console, what it threw, and what the browser refused."""
        self.run("new Promise(done => setTimeout(done, 50))")
        kinds = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [each for each in self.events if each.get("method") in kinds]

    def requests(self):
        """Return the addresses that the page asked for."""
        sent = [each for each in self.events if each.get("method") == "Network.requestWillBeSent"]
        return [each["params"]["request"]["url"] for each in sent]

    def _next(self):
        """Return the next message of the browser."""
        until = time.monotonic() + WAIT
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, until - time.monotonic()))
            part = os.read(self._in, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError("the browser ended, or says nothing")
            self._rest += part
        first, _, self._rest = self._rest.partition(b"\0")
        return json.loads(first)
