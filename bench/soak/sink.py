"""The server of the other side: takes mail for far.test on loopback, refuses some for now, and cuts some connections
after the message without a word, so that it comes again."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import socketserver
import threading
import time
from typing import Self

from bench.soak.ledger import Ledger

#: Of a thousand messages: refused for now, and taken without a word.
REFUSED, CUT = 50, 5


class Connections(socketserver.ThreadingTCPServer):
    """Knows how many it serves."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 100

    def __init__(self, session: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), session)
        self._open = 0
        self._lock = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        with self._lock:
            accepted = super().get_request()
            self._open += 1
        return accepted

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        with self._lock:
            self._open -= 1

    def has_none(self) -> bool:
        """Neither one that is served nor one that waits to be."""
        with self._lock, selectors.DefaultSelector() as waiting:
            waiting.register(self, selectors.EVENT_READ)
            return not self._open and not waiting.select(0)


class Sink:
    """Use as a context.  ``open`` is False while it hangs up on everybody."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self.ledger = ledger
        self.open = True
        self.random = random.Random(seed)
        outer = self

        class Session(socketserver.StreamRequestHandler):
            timeout = 60

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    outer.serve(self)

        self._server = Connections(Session)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def left_alone(self, seconds: float) -> bool:
        """Whether within this time all that the dead server has sent is read to its end."""
        end = time.monotonic() + seconds
        while not self._server.has_none():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def serve(self, session: socketserver.StreamRequestHandler) -> None:
        """One connection."""
        if not self.open:
            return
        session.wfile.write(b"220 far.test\r\n")
        while line := session.rfile.readline(2000):
            verb = line[:4].upper()
            if verb == b"QUIT":
                session.wfile.write(b"221 bye\r\n")
                return
            if verb == b"DATA":
                session.wfile.write(b"354 go on\r\n")
                if not self._take(session):
                    return
            else:
                session.wfile.write(b"250 fine\r\n")

    def _take(self, session: socketserver.StreamRequestHandler) -> bool:
        """A message; False when the connection is to end here."""
        lines = []
        while (line := session.rfile.readline(2000)) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        chance = self.random.randrange(1000)
        if chance < REFUSED:
            session.wfile.write(b"451 4.3.0 not now\r\n")
            return True
        cut = chance < REFUSED + CUT
        self.ledger.reached(b"".join(lines), cut)
        if not cut:
            session.wfile.write(b"250 2.0.0 taken\r\n")
        return not cut
