"""A resolver (IResolver) that remembers what was asked of another one and what it said, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailsuite.errors import MailError
from mailsuite.interfaces import IResolver
from mailsuite.model import Mx, Tlsa

_T = TypeVar("_T")


class Look(msgspec.Struct, frozen=True):
    """One question and its answer; ``error`` where there was none."""

    kind: str
    name: str
    answer: tuple[str, ...] = ()
    error: str = ""
    secure: bool = False


@implementer(IResolver)
class NotedResolver:
    """``looks`` in the order of the answers."""

    def __init__(self, beyond: IResolver) -> None:
        self._beyond = beyond
        self.looks: list[Look] = []

    def mx(self, domain: str) -> Deferred[tuple[Mx, ...]]:
        return self._noted(self._beyond.mx(domain), "MX", domain, lambda one: f"{one.preference} {one.exchange or '.'}")

    def addresses(self, host: str) -> Deferred[tuple[str, ...]]:
        return self._noted(self._beyond.addresses(host), "A", host, str)

    def txt(self, name: str) -> Deferred[tuple[bytes, ...]]:
        return self._noted(self._beyond.txt(name), "TXT", name, lambda one: one.decode("utf-8", "replace"))

    def tlsa(self, name: str) -> Deferred[tuple[Tlsa, ...]]:
        def words(one: Tlsa) -> str:
            return f"{one.usage} {one.selector} {one.matching} {one.data.hex()[:16]}.."

        return self._noted(self._beyond.tlsa(name), "TLSA", name, words)

    def canonical(self, name: str, kind: str) -> Deferred[str]:
        return self._beyond.canonical(name, kind)

    def is_secure(self, name: str, kind: str) -> Deferred[bool]:
        return self._beyond.is_secure(name, kind)

    def _noted(
        self, asked: Deferred[tuple[_T, ...]], kind: str, name: str, words: Callable[[_T], str]
    ) -> Deferred[tuple[_T, ...]]:
        return Deferred.fromCoroutine(self._note(asked, kind, name, words))

    async def _note(
        self, asked: Deferred[tuple[_T, ...]], kind: str, name: str, words: Callable[[_T], str]
    ) -> tuple[_T, ...]:
        try:
            found = await asked
        except MailError as error:
            self.looks.append(Look(kind, name, error=str(error)))
            raise
        self.looks.append(Look(kind, name, tuple(map(words, found)), secure=await self._is_signed(name, kind)))
        return found

    async def _is_signed(self, name: str, kind: str) -> bool:
        try:
            return await self._beyond.is_secure(name, kind)
        except MailError:
            return False
