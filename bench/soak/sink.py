"""The server of the other side: takes mail for far.test on loopback, refuses some for now, and cuts some connections
after the message without a word, so that it comes again."""

from __future__ import annotations

import contextlib
import random
import socketserver
import threading
from typing import Self

from bench.soak.ledger import Ledger

#: Of a thousand messages: refused for now, and taken without a word.
REFUSED, CUT = 50, 5


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

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 100

        self._server = Server(("127.0.0.1", 0), Session)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

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
