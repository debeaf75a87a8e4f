"""What goes to the client: octets that wait to be taken, and what may be said at any time."""

from __future__ import annotations

from collections.abc import Iterable

from mailsuite.imap import responses


class Outgoing:
    """In the order in which it was said."""

    def __init__(self) -> None:
        self._out: list[bytes] = []

    def data_to_send(self) -> bytes:
        """What is to go to the client; once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def greet(self, text: bytes, code: bytes = b"") -> None:
        """The first line, ``* OK [code] text`` (RFC 3501 section 7.1.1)."""
        self._out.append(responses.ok(text, code))

    def untagged(self, data: bytes) -> None:
        """Complete responses, as ``responses`` makes them; pieces of one may come in several calls."""
        self._out.append(data)

    def untagged_all(self, parts: Iterable[bytes]) -> None:
        """Like ``untagged`` for each."""
        self._out.extend(parts)
