"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, RFC 5802 and RFC 7677: the client proves its password and never sends it.

The server proves in turn that it knows the stored keys; -PLUS ties both proofs to the TLS connection, so that nobody
sits between (RFC 5056).  A client that could have used -PLUS and was kept from it is refused.  Compares in constant
time; trusts whoever drives it to fetch the keys and to check the account behind a right proof.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from mailsuite.model import ScramKeys
from mailsuite.sasl.base64 import encode, strict
from mailsuite.sasl.values import Beginning, Challenge, KeysWanted, Malformed, Proof, text

# RFC 5802 §7: gs2-header, client-first-message-bare, client-final-message
_EXTENSIONS = r"(?:,[A-Za-z]=[^,]+)*"
_NONCE = r"([\x21-\x2b\x2d-\x7e]+)"
_FIRST = re.compile(rf"((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=([^,]+),r={_NONCE}{_EXTENSIONS})")
_FINAL = re.compile(rf"(c=([A-Za-z0-9+/=]+),r={_NONCE}{_EXTENSIONS}),p=([A-Za-z0-9+/=]+)")
_NAME = re.compile(r"(?:[^=,]|=2C|=3D)+")


class ScramServer:
    """One exchange; ``plus`` is the variant with channel binding."""

    def __init__(self, beginning: Beginning, plus: bool) -> None:
        self._beginning = beginning
        self._plus = plus
        self._header = b""
        self._binding = b""
        self._login = self._authzid = ""
        self._nonce = ""
        self._first_bare = self._server_first = b""
        self._keys: ScramKeys | None = None

    def begin(self) -> Challenge:
        return Challenge(b"")

    def step(self, response: bytes) -> KeysWanted | Proof:
        return self._take_final(response) if self._keys is not None else self._take_first(response)

    def _take_keys(self, keys: ScramKeys) -> Challenge:
        """server-first-message."""
        self._keys = keys
        self._server_first = b"r=%s,s=%s,i=%d" % (self._nonce.encode("ascii"), encode(keys.salt), keys.iterations)
        return Challenge(self._server_first)

    def _take_first(self, response: bytes) -> KeysWanted:
        message = text(response, "message")
        found = _FIRST.fullmatch(message)
        if found is None:
            raise Malformed("not a client-first-message of SCRAM")
        header, flag, authzid, bare, name, nonce = found.groups()
        self._bind(flag)
        self._header, self._first_bare = header.encode(), bare.encode()
        self._login, self._authzid = _unquoted(name), _unquoted(authzid) if authzid else ""
        self._nonce = nonce + self._beginning.nonce
        return KeysWanted(self._login, self._take_keys)

    def _bind(self, flag: str) -> None:
        """RFC 5802 §6."""
        if self._plus != flag.startswith("p="):
            raise Malformed("channel binding goes with SCRAM-SHA-256-PLUS, and with that alone")
        if flag == "y" and self._beginning.channel.bindings:
            raise Malformed("this server does support channel binding: somebody has hidden that from you")
        if not self._plus:
            return
        for binding in self._beginning.channel.bindings:
            if binding.name == flag[2:]:
                self._binding = binding.data
                return
        raise Malformed("no such channel binding here")

    def _take_final(self, response: bytes) -> Proof:
        found = _FINAL.fullmatch(text(response, "message"))
        if found is None or self._keys is None:
            raise Malformed("not a client-final-message of SCRAM")
        unproven, bound, nonce, proof = found.groups()
        if nonce != self._nonce:
            raise Malformed("not the nonce of this exchange")
        same = hmac.compare_digest(strict(bound.encode()), self._header + self._binding)
        signed = b",".join((self._first_bare, self._server_first, unproven.encode()))
        right = self._fits(self._keys, strict(proof.encode()), signed) and same
        signature = hmac.digest(self._keys.server_key, signed, hashlib.sha256)
        return Proof(self._login, self._authzid, self._keys.account, right, b"v=" + encode(signature))

    @staticmethod
    def _fits(keys: ScramKeys, proof: bytes, signed: bytes) -> bool:
        """RFC 5802 §3: ClientProof, undone, is the ClientKey whose hash is stored."""
        signature = hmac.digest(keys.stored_key, signed, hashlib.sha256)
        if len(proof) != len(signature):
            return False
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        return hmac.compare_digest(hashlib.sha256(client_key).digest(), keys.stored_key)


def _unquoted(name: str) -> str:
    """RFC 5802 §5.1: ``=2C`` is a comma, ``=3D`` an equals sign, any other ``=`` an error."""
    if not _NAME.fullmatch(name):
        raise Malformed("= in a name is written =3D")
    return name.replace("=2C", ",").replace("=3D", "=")
