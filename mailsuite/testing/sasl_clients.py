"""The clients' side of the SASL mechanisms, written from the RFCs and sharing no code with the servers' side; and
``ShownCertificate``, for EXTERNAL."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

from mailsuite.net.connection import Connection
from mailsuite.net.listening import Listening
from mailsuite.sasl.values import Channel


class ShownCertificate(Listening):
    """Goes before a server factory: as though every client under TLS had shown a certificate for ``shown``."""

    shown: tuple[str, ...] = ()

    def connection(self, address: str, port: int, trusted: bool) -> Connection[Any]:
        made = super().connection(address, port, trusted)
        seen = made.channel

        def channel(plain: bool) -> Channel:
            return msgspec.structs.replace(seen(plain), identities=self.shown) if made.secure else seen(plain)

        made.channel = channel  # type: ignore[method-assign]
        return made


class PlainClient:
    """RFC 4616."""

    def __init__(self, login: str, password: str, authzid: str = "") -> None:
        self._message = f"{authzid}\0{login}\0{password}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge; to none, the initial one."""
        return self._message


class LoginClient:
    """Answers two questions in their order."""

    def __init__(self, login: str, password: str) -> None:
        self._answers = [password.encode(), login.encode()]

    def respond(self, challenge: bytes) -> bytes:
        return self._answers.pop()


class ScramClient:
    """RFC 5802 with SHA-256.  ``flag`` is the gs2-cbind-flag: ``n``, ``y`` or ``p=name`` with its ``binding``;
    ``verified`` once the server has proven that it knows the keys."""

    def __init__(
        self,
        login: str,
        password: str,
        flag: str = "n",
        binding: bytes = b"",
        *,
        authzid: str = "",
        nonce: str = "rOprNGfwEbeRWgbNEkqO",
    ) -> None:
        self.verified = False
        self._password = password
        self._header = f"{flag},{f'a={authzid}' if authzid else ''},".encode()
        self._bound = base64.b64encode(self._header + binding)
        name = login.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={nonce}".encode()
        self._signature = b""

    def respond(self, challenge: bytes) -> bytes:
        if not challenge:
            return self._header + self._bare
        if challenge.startswith(b"v="):
            self.verified = hmac.compare_digest(base64.b64decode(challenge[2:]), self._signature)
            return b""
        return self._prove(challenge)

    def _prove(self, server_first: bytes) -> bytes:
        fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"])
        )
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        unproven = b"c=" + self._bound + b",r=" + fields[b"r"]
        signed = b",".join((self._bare, server_first, unproven))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        mask = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        return unproven + b",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(client_key, mask, strict=True)))
