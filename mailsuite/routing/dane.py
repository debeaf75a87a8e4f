"""What TLSA records ask of TLS at a mail server (RFC 7672), as far as name servers vouch for them.

A host whose address records are reached over CNAMEs may have its records where these end, or at its own name; the
former are looked for first (§2.2.3).  Where they lead out of signed zones, those at its own name count as long as the
first CNAME is signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailsuite.errors import NotFound
from mailsuite.interfaces import IResolver
from mailsuite.model import USUAL_SECURITY, Hop, Security, Tlsa, TlsLevel

#: RFC 7672 §3.1: usages DANE-TA and DANE-EE; RFC 6698 §2.1: selectors, and matching types: full, SHA-256, SHA-512.
_USAGES, _SELECTORS, _MATCHING = (2, 3), (0, 1), (0, 1, 2)
_TRUST_ANCHOR, _FULL = 2, 0
#: Records of one host that are looked at.
MOST_RECORDS = 50


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that mean something here; of hashes of the same thing only the strongest (RFC 7671 §9)."""
    known = [
        record
        for record in records[:MOST_RECORDS]
        if record.usage in _USAGES and record.selector in _SELECTORS and record.matching in _MATCHING
    ]
    best: dict[tuple[int, int], int] = {}
    for one in known:
        best[one.usage, one.selector] = max(one.matching, best.get((one.usage, one.selector), 0))
    return tuple(one for one in known if one.matching in (_FULL, best[one.usage, one.selector]))


async def by_tlsa(resolver: IResolver, domain: str, hop: Hop) -> Security:
    """For mail to ``domain``, whose signed MX records name the hop.  ``Temporary`` where records cannot be had: then
    the host must not be used (§2.1.2)."""
    for base in await _bases(resolver, hop.host):
        name = f"_{hop.port}._tcp.{base}"
        try:
            records = await resolver.tlsa(name)
        except NotFound:
            continue
        if records and await resolver.is_secure(name, "TLSA"):
            return await _asked(resolver, domain, base, usable(records), "" if base == hop.host else base)
    return USUAL_SECURITY


async def _bases(resolver: IResolver, host: str) -> list[str]:
    """TLSA base domains in the order in which they count (§2.2.3); none where nobody vouches for the host's name."""
    try:
        end = await resolver.canonical(host, "A")
    except NotFound:
        return []
    if await resolver.is_secure(host, "A") and await resolver.is_secure(host, "AAAA"):
        return list(dict.fromkeys((end, host)))
    return [host] if end != host and await resolver.is_secure(host, "CNAME") else []


async def _asked(resolver: IResolver, domain: str, base: str, known: tuple[Tlsa, ...], shown: str) -> Security:
    """``shown``: see ``Security.server_name``, §8.1."""
    if not known:  # RFC 7672 §2.2: encrypted, with whatever certificate
        return Security(TlsLevel.REQUIRE, source="DANE", by_recipient=True, server_name=shown)
    names: tuple[str, ...] = ()
    if any(record.usage == _TRUST_ANCHOR for record in known):  # §3.2.2
        names = tuple(dict.fromkeys((base, domain, await _end(resolver, domain))))
    return Security(TlsLevel.DANE, names, tuple(sorted(known)), "DANE", by_recipient=True, server_name=shown)


async def _end(resolver: IResolver, domain: str) -> str:
    """Where CNAMEs of a domain lead; itself if it has none."""
    try:
        return await resolver.canonical(domain, "MX")
    except NotFound:
        return domain
