"""PLAIN, RFC 4616: everything in one message.  Only for connections nobody can read."""

from __future__ import annotations

from mailsuite.sasl.values import Challenge, Credentials, Malformed, text


class PlainServer:
    """message = [authzid] NUL authcid NUL passwd (§2)."""

    def begin(self) -> Challenge:
        return Challenge(b"")

    def step(self, response: bytes) -> Credentials:
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise Malformed("a PLAIN message is three strings with NUL between them")
        authzid, authcid, password = parts
        return Credentials(
            text(authcid, "login name"),
            text(password, "password"),
            text(authzid, "authorization identity") if authzid else "",
        )
