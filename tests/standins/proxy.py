"""A TCP link that breaks on demand: after a number of bytes, at a moment, or by changing a byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class BreakableLink:
    """Forwards connections to a port of this machine; `port` is where to connect. Bytes of both directions count together."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.bytes = 0
        self._limit: int | None = None
        self._corrupt: int | None = None
        self._stalled = threading.Event()
        self._stalled.set()
        self._down = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self, cut_after: int | None = None, corrupt_at: int | None = None) -> None:
        """Count anew; break after so many bytes, or change the one with that number. Without arguments the link is whole."""
        self.cut()
        with self._lock:
            self.bytes, self._limit, self._corrupt, self._down = 0, cut_after, corrupt_at, False
        self._stalled.set()

    def cut(self, down: bool = False) -> None:
        """Break every connection now; with `down` no new one is taken either."""
        with self._lock:
            self._down = down
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def stall(self) -> None:
        """Nothing moves any more, and nobody is told."""
        self._stalled.clear()

    def stop(self) -> None:
        self._stalled.set()
        _close(self._server)
        self.cut(down=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self._down:
                _close(client)
                continue
            try:
                device = socket.create_connection(("127.0.0.1", self._target), 5)
                device.settimeout(None)
            except OSError:
                _close(client)
                continue
            with self._lock:
                self._pairs.append((client, device))
            for source, sink in ((client, device), (device, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._stalled.wait()
                with self._lock:
                    start, self.bytes = self.bytes, self.bytes + len(data)
                    limit, corrupt = self._limit, self._corrupt
                if corrupt is not None and start <= corrupt < start + len(data):
                    changed = bytearray(data)
                    changed[corrupt - start] ^= 1
                    data = bytes(changed)
                if limit is not None and start + len(data) >= limit:
                    sink.sendall(data[: max(0, limit - start)])
                    self.cut(down=True)
                    break
                sink.sendall(data)
        _close(source, sink)


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            one.close()
