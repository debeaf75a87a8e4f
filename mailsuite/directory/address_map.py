"""A file of addresses that stand for others, as Postfix's canonical(5) and generic(5) have it.  Pure.

``SOURCE TARGET`` a line; a line that begins with white space continues the one above, ``#`` begins a comment line.  A
source is ``user@domain``, ``user`` (at each of our names) or ``@domain`` (whoever else is there); a target an address,
``user`` (at our first name), or, for ``@domain``, ``@other``: the same user there.

Looked up are ``user+detail@domain``, ``user@domain``, then ``@domain``; what the second gives keeps the detail.  As
with Postfix, what canonical(5) gives is looked up again, and generic(5) keeps no detail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mailsuite.directory.logical_lines import logical_lines
from mailsuite.directory.names import alias_source, canonical_domain, canonical_local
from mailsuite.errors import InvalidName
from mailsuite.model import Address


class Exchange(msgspec.Struct, frozen=True):
    """What an address became by one rule: ``rule`` is the entry, which stands in ``line`` of ``file`` (none: in an
    option)."""

    address: Address
    rule: str
    file: str = ""
    line: int = 0


class Entry(msgspec.Struct, frozen=True):
    """``target`` is canonical: ``user@domain`` or ``@domain``."""

    target: str
    line: int


#: Exchanges in a row by one table.
MOST_STEPS = 100


class AddressMap:
    """``entries`` by canonical source.  ``generic``: as generic(5), not as canonical(5)."""

    def __init__(self, path: str, entries: Mapping[str, Entry], generic: bool = False) -> None:
        self._path = path
        self._entries = entries
        self._keep_detail = not generic
        #: How often it may be asked about what it gave.
        self.most_steps = 1 if generic else MOST_STEPS

    def exchange(self, address: Address) -> Exchange | None:
        """None if no entry is about it; one that leaves an address as it is decides, too."""
        if not address.domain or address.is_null:
            return None
        local, domain = canonical_local(address.local), _canonical(address.domain)
        plain, plus, _ = local.partition("+")
        detail = address.local[len(plain) :] if plus and self._keep_detail else ""
        tried = [(f"{local}@{domain}", ""), (f"@{domain}", "")]
        if plus and plain:
            tried.insert(1, (f"{plain}@{domain}", detail))
        for source, kept in tried:
            if (entry := self._entries.get(source)) is not None:
                return Exchange(_address(entry.target, address.local, kept), source, self._path, entry.line)
        return None


def parse(text: str, path: str, origins: Sequence[str], generic: bool = False) -> AddressMap:
    """``origins`` are our names, of which the first completes targets.  InvalidName says which line makes no sense."""
    entries: dict[str, Entry] = {}
    for number, line in logical_lines(text.split("\n")):
        try:
            source, target = _words(line)
            target = _target(target, source, origins[0])
            for one in [source] if "@" in source else [f"{source}@{origin}" for origin in origins]:
                name = alias_source(one)
                if name in entries:
                    raise InvalidName(f"{name} is in line {entries[name].line} already; which one is meant?")
                entries[name] = Entry(target, number)
        except InvalidName as error:
            raise InvalidName(f"line {number}: {error}") from None
    return AddressMap(path, entries, generic)


def _words(line: str) -> tuple[str, str]:
    words = line.split()
    if len(words) != 2:
        raise InvalidName(f"{line!r} is not of the form ADDRESS ADDRESS")
    return words[0], words[1]


def _target(text: str, source: str, origin: str) -> str:
    """Whoever gets a message with it may have no SMTPUTF8 (RFC 6531), so it is ASCII."""
    if text.startswith("@") and not source.startswith("@"):
        raise InvalidName(f"{source!r} needs a whole address, not {text!r}")
    target = alias_source(text if "@" in text else f"{text}@{origin}")
    if not target.isascii():
        raise InvalidName(f"{text!r} is not ASCII, and servers without SMTPUTF8 could not take it")
    written = text.rpartition("@")[0] if "@" in text else text
    return f"{written}@{target.rpartition('@')[2]}"


def _address(target: str, user: str, detail: str) -> Address:
    """``@domain`` is the same user there, with all that it has."""
    local, _, domain = target.rpartition("@")
    return Address(local + detail if local else user, domain)


def _canonical(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return canonical_domain(domain)
    except InvalidName:
        return domain
