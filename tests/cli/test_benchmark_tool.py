"""`device.benchmark_model` as an address with a checksum, from the command line to the figures."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.measure.test_benchmark_model import FORM_2023

TOOL = f"#!/bin/sh\ncat <<'END'\n{FORM_2023}END\n".encode()
DIGEST = hashlib.sha256(TOOL).hexdigest()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of the tool on a server of this machine."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "linux_x86-64_benchmark_model").write_bytes(TOOL)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/linux_x86-64_benchmark_model"
    server.shutdown()
    server.server_close()


def _bench(edgepack: Run, model: Path, tool: str, folder: Path, *words: str) -> tuple[int, str, str]:
    done = edgepack(
        "bench", model, "--target", "host", "--set", f"device.benchmark_model={tool}", "--set", f"device.root={folder / 'root'}",
        *words, env={"EDGEPACK_CACHE": str(folder / "cache"), "no_proxy": "127.0.0.1"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_the_tool_is_fetched_verified_and_run(edgepack: Run, small_model: Path, address: str, tmp_path: Path) -> None:
    pinned = f"{address}#sha256={DIGEST}"
    status, said, errors = _bench(edgepack, small_model, pinned, tmp_path, "--json")
    assert status == 0 and f"Downloading ({address})" in errors, errors
    figures = {row["quantity"]: row["value"] for row in json.loads(said)["measurements"]}
    assert figures["latency_p50"] == pytest.approx(0.051891)
    (tmp_path / "served" / "linux_x86-64_benchmark_model").unlink()
    status, said, errors = _bench(edgepack, small_model, pinned, tmp_path, "--json")
    assert status == 0 and "Downloading" not in errors, "the second time without the server"


def test_wrong_content_stops_before_the_device(edgepack: Run, small_model: Path, address: str, tmp_path: Path) -> None:
    status, _, errors = _bench(edgepack, small_model, f"{address}#sha256={'0' * 64}", tmp_path)
    assert status == 5 and "error EP-685: " in errors and DIGEST in errors
    status, _, errors = _bench(edgepack, small_model, f"{address}.old#sha256={DIGEST}", tmp_path)
    assert status == 5 and "error EP-684: " in errors and "404" in errors
    assert not (tmp_path / "root").exists()


def test_an_address_without_a_checksum_says_how_to_get_one(
    edgepack: Run, small_model: Path, address: str, tmp_path: Path
) -> None:
    status, _, errors = _bench(edgepack, small_model, address, tmp_path)
    assert status == 2 and "error EP-105: " in errors and "sha256sum linux_x86-64_benchmark_model" in errors
    status, _, errors = _bench(edgepack, small_model, address.replace("//", "//me:s3cret@"), tmp_path)
    assert status == 2 and "s3cret" not in errors and "password" in errors
