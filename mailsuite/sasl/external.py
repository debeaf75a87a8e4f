"""EXTERNAL, RFC 4422 Appendix A: who the client is, its certificate has said already.

The one response is the authorization identity, empty to be whoever the certificate names.
"""

from __future__ import annotations

from mailsuite.sasl.values import Challenge, Claim, text


class ExternalServer:
    """One response."""

    def begin(self) -> Challenge:
        return Challenge(b"")

    def step(self, response: bytes) -> Claim:
        return Claim(text(response, "authorization identity") if response else "")
