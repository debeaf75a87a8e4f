"""Rewriting where nothing is rewritten: the same address, the same header."""

from __future__ import annotations

from zope.interface import implementer

from mailsuite.interfaces import IRewrites, IRewriting
from mailsuite.model import Address, Client


@implementer(IRewriting, IRewrites)
class Unchanged:
    """Both what gives the tables and what they say."""

    def now(self) -> IRewrites:
        return self

    def sender(self, address: Address) -> Address:
        return address

    def recipient(self, address: Address) -> Address:
        return address

    def header(self, block: bytes, client: Client) -> bytes:
        return block


UNCHANGED = Unchanged()
