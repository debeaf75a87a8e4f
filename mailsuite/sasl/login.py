"""LOGIN (draft-murchison-sasl-login-00): obsolete, undefined by any RFC, and the only thing some clients speak.

The server asks twice; clients look at the order of the questions, not at their words, and some send the name as an
initial response.  Only for connections nobody can read.
"""

from __future__ import annotations

from mailsuite.sasl.values import Challenge, Credentials, text


class LoginServer:
    """Name, then password."""

    def __init__(self) -> None:
        self._login = ""

    def begin(self) -> Challenge:
        return Challenge(b"Username:")

    def step(self, response: bytes) -> Challenge | Credentials:
        if not self._login:
            self._login = text(response, "login name")
            return Challenge(b"Password:")
        return Credentials(self._login, text(response, "password"))
