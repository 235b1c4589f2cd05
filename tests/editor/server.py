"""A language server on the other end of a pipe, spoken to as an editor does: open a text, ask, listen."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = {
    "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}},
    "http": {},
}
"""No store of schemas: nothing is fetched."""
PATIENCE = 60


class Server:
    """A running yaml-language-server; leave the context to end it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder
        )
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._last = 0
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        features = {"completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}}
        capabilities = {
            "textDocument": {**features, "hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}},
            "workspace": {"configuration": True},
        }
        self.ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": SETTINGS}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ask("shutdown", None)
        self._send({"method": "exit"})
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdin.close()
        self._process.stdout.close()

    def open(self, path: Path, text: str) -> list[dict[str, Any]]:
        """Open a text and return what the server finds wrong with it."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            told = self._told.get(timeout=PATIENCE)
            if told["uri"] == path.as_uri():
                return told["diagnostics"]

    def completed(self, path: Path, line: int, column: int) -> dict[str, dict[str, Any]]:
        """Return the proposals at a place, by their label."""
        answer = self.ask("textDocument/completion", self._at(path, line, column))
        return {each["label"]: each for each in answer["items"]}

    def hover(self, path: Path, line: int, column: int) -> str:
        """Return what is shown over a place."""
        answer = self.ask("textDocument/hover", self._at(path, line, column))
        return answer["contents"]["value"] if answer else ""

    def ask(self, method: str, params: object) -> Any:
        """Send a request and return its result."""
        self._last += 1
        self._send({"id": self._last, "method": method, "params": params})
        answer = self._answers.get(timeout=PATIENCE)
        assert (answer["id"], answer.get("error")) == (self._last, None)
        return answer["result"]

    @staticmethod
    def _at(path: Path, line: int, column: int) -> dict[str, Any]:
        return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._process.stdin.flush()

    def _listen(self) -> None:
        """Read messages until the server ends, and answer what it asks."""
        stream = self._process.stdout
        while line := stream.readline():
            size = 0
            while line.strip():
                name, _, value = line.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
                line = stream.readline()
            self._take(json.loads(stream.read(size)))

    def _take(self, message: dict[str, Any]) -> None:
        """Sort one message: an answer, a question of the server, or news."""
        if "method" not in message:
            self._answers.put(message)
        elif "id" in message:
            asked = message.get("params", {}).get("items", [])
            result = [SETTINGS.get(each.get("section"), {}) for each in asked] if asked else None
            self._send({"id": message["id"], "result": result})
        elif message["method"] == "textDocument/publishDiagnostics":
            self._told.put(message["params"])
