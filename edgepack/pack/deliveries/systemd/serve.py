#!/usr/bin/env python3
"""Serves the current release of a deployed model over HTTP, and the next one from the moment it becomes current.

    python3 serve.py ~/edgepack/NAME --port 8321
    curl -d '{"inputs": [[0.1, 0.2, 0.3]]}' http://127.0.0.1:8321/infer

POST /infer takes {"inputs": [array, ...]} of real numbers, one (nested or flat) array for each input of the model, and answers
{"release": ID, "outputs": [...]}. GET / tells the release. It is an example to start from: replace the HTTP part by what your
application does, and keep Model and Current.

The runtime is the one that edgepack checked the release with; `deployments/ID.json` beside the release says which. A new
release is loaded before the old one is let go. One that cannot be loaded changes nothing but a line in the log.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Model:
    """One release, opened with the engine it was checked with."""

    def __init__(self, folder: Path) -> None:
        """Open the release in `folder`, which is no link: a switch between two reads would mix two releases."""
        self.release = folder.name
        record = folder.parent.parent / "deployments" / f"{folder.name}.json"
        runner = json.loads(record.read_text())["runner"]
        self.runtime = [word.partition("=")[2] for word in runner["argv"] if word.startswith("PYTHONPATH=")]
        sys.path[:0] = [path for path in self.runtime if path not in sys.path]
        if runner["engine"].startswith("tflite"):
            from tflite_runtime.interpreter import Interpreter
        else:
            from ai_edge_litert.interpreter import Interpreter
        self._lock = threading.Lock()
        self._interpreter = Interpreter(model_path=str(folder / "model.tflite"), num_threads=runner["threads"])
        self._interpreter.allocate_tensors()

    def infer(self, inputs: list[Any]) -> list[Any]:
        """Real numbers in, real numbers out; quantized with the model's own scales in between."""
        import numpy as np

        with self._lock:
            details = self._interpreter.get_input_details()
            if len(inputs) != len(details):
                raise ValueError(f"the model takes {len(details)} inputs, not {len(inputs)}")
            for tensor, values in zip(details, inputs):  # noqa: B905 (Python 3.9 has no strict)
                array = np.asarray(values, dtype=np.float32).reshape(tensor["shape"])
                scale, zero_point = tensor["quantization"]
                if scale:
                    limits = np.iinfo(tensor["dtype"])
                    array = np.clip(np.round(array / scale) + zero_point, limits.min, limits.max)
                self._interpreter.set_tensor(tensor["index"], array.astype(tensor["dtype"]))
            self._interpreter.invoke()
            outputs = []
            for tensor in self._interpreter.get_output_details():
                array = self._interpreter.get_tensor(tensor["index"])
                scale, zero_point = tensor["quantization"]
                outputs.append(((array.astype(np.float32) - zero_point) * scale if scale else array).tolist())
            return outputs


class Current:
    """The model behind `current`, followed when the link is switched."""

    def __init__(self, link: Path) -> None:
        """Open what the link leads to now."""
        self._link = link
        self._failed: str | None = None
        self.model = Model(link.resolve(strict=True))

    def follow(self, seconds: float, wake: threading.Event) -> None:
        """Look at the link every so many seconds, and at once when `wake` is set."""
        while True:
            wake.wait(seconds)
            wake.clear()
            self.look()

    def look(self) -> None:
        """Open the release that is current now, if it is another one."""
        try:
            folder = self._link.resolve(strict=True)
        except OSError:
            return  # nothing is deployed for the moment: go on with what there is
        if folder.name in (self.model.release, self._failed):
            return
        try:
            model = Model(folder)
        except Exception as error:
            self._failed = folder.name
            print(f"release {folder.name} cannot be used, {self.model.release} goes on: {error}", flush=True)
            return
        if model.runtime != self.model.runtime:
            # Python keeps the library it has imported: another one needs another process.
            print(f"release {model.release} brings another runtime: starting anew", flush=True)
            os.execv(sys.executable, [sys.executable, *sys.argv])
        print(f"release {model.release} takes over from {self.model.release}", flush=True)
        self._failed, self.model = None, model


def handler(current: Current) -> type[BaseHTTPRequestHandler]:
    """The HTTP side."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The release."""
            self.answer(200, {"release": current.model.release})

        def do_POST(self) -> None:
            """An inference."""
            model = current.model  # one release from beginning to end
            try:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(200, {"release": model.release, "outputs": model.infer(json.loads(body)["inputs"])})
            except (ValueError, KeyError, TypeError) as error:
                self.answer(400, {"error": str(error)})

        def answer(self, status: int, value: dict[str, Any]) -> None:
            """Send JSON."""
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Requests are not logged."""

    return Handler


def main() -> None:
    """Serve until stopped; SIGHUP looks at the link at once."""
    parser = argparse.ArgumentParser(description="Serve the current release of a deployed model.")
    parser.add_argument("folder", type=Path, help="the model's folder on the device, for example ~/edgepack/NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8321, help="0 takes a free one and prints it")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between looks at the link")
    arguments = parser.parse_args()
    link = arguments.folder.expanduser() / "current"
    while not link.exists():
        print(f"waiting for a first deployment to {link}", flush=True)
        time.sleep(10)
    current, wake = Current(link), threading.Event()
    signal.signal(signal.SIGHUP, lambda *_: wake.set())
    threading.Thread(target=current.follow, args=(arguments.every, wake), daemon=True).start()
    with ThreadingHTTPServer((arguments.host, arguments.port), handler(current)) as server:
        print(f"serving release {current.model.release} on port {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
