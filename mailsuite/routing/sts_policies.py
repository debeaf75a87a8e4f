"""The MTA-STS policies of other domains, RFC 8461: fetched, kept on disk, refreshed before they expire.

A policy that is kept holds until it expires, whatever an attacker makes of DNS or of the web server (§10.2); a new id
in DNS only makes us look for a newer one.  A first fetch that fails means no policy, and is not repeated for five
minutes (§3.3).  ``FOLDER/DOMAIN`` is what is known of a domain, readable; a file that is lost or broken costs a fetch.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mailsuite.errors import InvalidName, MailError, NotFound, Temporary
from mailsuite.interfaces import IOffload, IResolver
from mailsuite.routing.mta_sts import NO_POLICY, Policy, parse_policy, record_id
from mailsuite.routing.names import ascii_domain

#: Seconds after a fetch that failed before the next one.
PATIENCE = 300.0
#: Seconds of age at which a policy is fetched anew (§3.3 has a day), and unused after which it is let go.
REFRESHED, UNUSED = 86_400.0, 30 * 86_400.0
#: Domains that are kept.
MOST = 10_000

#: Gives the octets at a URL, or fails with ``Temporary``.
Fetch: TypeAlias = Callable[[str], Deferred[bytes]]


class Kept(msgspec.Struct, frozen=True):
    """What is known of a domain: the policy's text and its id in DNS, when it was fetched (epoch seconds)."""

    domain: str
    id: str
    fetched: float
    text: str


class _Entry(msgspec.Struct):
    kept: Kept
    policy: Policy
    used: float

    def is_good(self, now: float) -> bool:
        return 0 <= now - self.kept.fetched < self.policy.max_age


class StsPolicies:
    """``seconds`` since the epoch."""

    log = Logger()

    def __init__(
        self, resolver: IResolver, fetch: Fetch, folder: str, offload: IOffload, seconds: Callable[[], float]
    ) -> None:
        self._resolver = resolver
        self._fetch = fetch
        self._folder = folder
        self._offload = offload
        self._seconds = seconds
        self._entries: dict[str, _Entry] = {}
        self._failed: dict[str, float] = {}
        self._fetching: dict[str, list[Deferred[None]]] = {}

    def open(self) -> Deferred[None]:
        """Read what was kept.  Fails with ``Temporary`` if the folder cannot be used."""
        return self._offload.run(self._load).addCallback(self._entries.update)

    def policy_of(self, domain: str) -> Deferred[Policy]:
        """That of a domain in A-labels; ``NO_POLICY`` where there is none, or none can be had."""
        return Deferred.fromCoroutine(self._policy_of(domain))

    async def _policy_of(self, domain: str) -> Policy:
        id = await self._id_of(domain)
        now = self._seconds()
        entry = self._entries.get(domain)
        known = entry is not None and entry.is_good(now)
        if id and not (known and entry is not None and entry.kept.id == id):
            await self._renew(domain, id)
            entry = self._entries.get(domain)
        if entry is None or not entry.is_good(now):
            return NO_POLICY
        entry.used = now
        return entry.policy

    async def _id_of(self, domain: str) -> str:
        """RFC 8461 §3.1; empty if there is no record, or nobody can tell."""
        try:
            return record_id(await self._resolver.txt(f"_mta-sts.{domain}"))
        except (NotFound, Temporary):
            return ""

    async def refresh(self) -> None:
        """Fetch anew what is old and used, forget what has expired; to be called now and then."""
        now = self._seconds()
        for domain, entry in list(self._entries.items()):
            if not entry.is_good(now) or now - entry.used > UNUSED:
                self._forget(domain)
            elif now - entry.kept.fetched > min(REFRESHED, entry.policy.max_age / 2):
                await self._renew(domain, await self._id_of(domain) or entry.kept.id)

    # -- fetching --------------------------------------------------------------------------------------------------

    def _renew(self, domain: str, id: str) -> Deferred[None]:
        """Fires when it was tried, one at a time for a domain."""
        answer: Deferred[None] = Deferred()
        if self._seconds() - self._failed.get(domain, float("-inf")) < PATIENCE:
            answer.callback(None)
            return answer
        waiting = self._fetching.setdefault(domain, [])
        waiting.append(answer)
        if len(waiting) == 1:
            Deferred.fromCoroutine(self._get(domain, id)).addErrback(self._fault, domain).addBoth(self._tell, domain)
        return answer

    async def _get(self, domain: str, id: str) -> None:
        try:
            octets = await self._fetch(f"https://mta-sts.{domain}/.well-known/mta-sts.txt")
            policy = parse_policy(octets)
        except MailError as error:
            self.log.warn("no MTA-STS policy of {domain}: {error}", domain=domain, error=error)
            self._note_failure(domain)
            return
        now = self._seconds()
        self._failed.pop(domain, None)
        self._entries.pop(domain, None)
        self._entries[domain] = _Entry(Kept(domain, id, now, octets.decode()), policy, now)
        self.log.info("MTA-STS policy of {domain}: {mode}", domain=domain, mode=policy.mode.value)
        if len(self._entries) > MOST:
            self._forget(min(self._entries, key=lambda name: self._entries[name].used))
        await self._offload.run(self._write, self._entries[domain].kept)

    def _note_failure(self, domain: str) -> None:
        self._failed[domain] = self._seconds()
        if len(self._failed) > MOST:
            del self._failed[next(iter(self._failed))]

    def _fault(self, failure: object, domain: str) -> None:
        self.log.error("MTA-STS policy of {domain} not kept: {why}", domain=domain, why=failure)

    def _tell(self, _: object, domain: str) -> None:
        for one in self._fetching.pop(domain):
            one.callback(None)

    def _forget(self, domain: str) -> None:
        del self._entries[domain]
        self._offload.run(_remove, os.path.join(self._folder, domain)).addErrback(self._fault, domain)

    # -- in a thread -----------------------------------------------------------------------------------------------

    def _load(self) -> dict[str, _Entry]:
        try:
            os.makedirs(self._folder, 0o700, exist_ok=True)
            names = sorted(os.listdir(self._folder))[:MOST]
        except OSError as error:
            raise Temporary(f"{self._folder}: {error.strerror}") from error
        found = {}
        for name in names:
            try:
                with open(os.path.join(self._folder, name), "rb") as file:
                    kept = msgspec.json.decode(file.read(1 << 20), type=Kept)
                if ascii_domain(kept.domain) == name:
                    found[name] = _Entry(kept, parse_policy(kept.text.encode()), self._seconds())
            except (OSError, msgspec.DecodeError, InvalidName):
                continue
        return found

    def _write(self, kept: Kept) -> None:
        """A file that a crash makes of no use is fetched again: no fsync."""
        path = os.path.join(self._folder, kept.domain)
        with open(path + "~", "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
        os.replace(path + "~", path)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)
