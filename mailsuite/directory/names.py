"""The one spelling of a name: lower-case local part, A-label domain.

Mail systems treat local parts as they like (RFC 5321 §2.3.11); here they are compared without case, so ``Alice`` and
``alice``, ``JÖRG`` and ``jörg`` are one person.  Domains follow RFC 5890: ``Bücher.example`` and
``xn--bcher-kva.example`` are one domain.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from mailsuite.directory.prepare import prepare
from mailsuite.errors import InvalidName
from mailsuite.model import Address

#: RFC 5321 §4.5.3.1.1 and §4.5.3.1.2, in octets.
_LONGEST_LOCAL, _LONGEST_DOMAIN = 64, 253

# No slash, no leading dot; no plus sign, which begins a detail.  RFC 6531 §3.3's other letters: see ``_is_typable``.
_ACCOUNT_LOCAL = re.compile(r"[a-z0-9_\x80-\U0010ffff-][a-z0-9_'=\x80-\U0010ffff-]*(?:\.[a-z0-9_'=\x80-\U0010ffff-]+)*")
#: Unicode's general categories of letters, marks and digits.
_OF_WORDS = ("L", "M", "Nd")
# RFC 5321 §4.1.2 Dot-string, with RFC 6531 §3.3's UTF-8 atoms.
_DOT_STRING = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def canonical_local(local: str) -> str:
    """The spelling under which a local part is stored and looked up."""
    if local.isascii():
        return local.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())


def canonical_domain(domain: str) -> str:
    """Lower case, A-labels, no final dot.  Raises InvalidName."""
    name = domain.removesuffix(".")
    try:
        name = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise InvalidName(f"{domain!r} is not a domain name: {error}") from error
    if len(name) > _LONGEST_DOMAIN or not _DOMAIN.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise InvalidName(
            f"{domain!r} is not a domain name: letters, digits and hyphens between dots, as in example.org"
        )
    return name


def canonical(address: Address) -> str:
    """``local@domain`` as it stands in the directory.  Raises InvalidName for a domain that is none."""
    return f"{canonical_local(address.local)}@{canonical_domain(address.domain)}"


def account_name(text: str) -> str:
    """``user@domain``, canonical, fit to be an account.  Raises InvalidName."""
    local, domain = _split(text)
    if len(local.encode("utf-8", "replace")) > _LONGEST_LOCAL or not _ACCOUNT_LOCAL.fullmatch(local):
        raise InvalidName(
            f"{text!r} cannot be an account: before the @ go up to 64 octets of letters, digits and . _ - ' = "
            "(no dot at either end)"
        )
    if not local.isascii() and not _is_typable(local):
        raise InvalidName(
            f"{text!r} cannot be an account: before the @ are characters that are no letters, that look like others, "
            "or that are written from the right beside such from the left"
        )
    return f"{local}@{domain}"


def _is_typable(local: str) -> bool:
    """Whether a login with it is understood: letters, marks and digits that SASLprep leaves as they are."""
    try:
        if prepare(local) != local:
            return False
    except InvalidName:
        return False
    kinds = [unicodedata.category(c) for c in local if not c.isascii()]
    return all(kind.startswith(_OF_WORDS) for kind in kinds) and not unicodedata.category(local[0]).startswith("M")


def alias_source(text: str) -> str:
    """``name@domain``, or ``@domain`` for everything else in a domain, canonical.  Raises InvalidName."""
    return f"@{canonical_domain(text[1:])}" if text.startswith("@") else mail_address(text)


def mail_address(text: str) -> str:
    """Any address that mail can go to, canonical.  Raises InvalidName."""
    local, domain = _split(text)
    if len(local.encode()) > _LONGEST_LOCAL or not _DOT_STRING.fullmatch(local):
        raise InvalidName(
            f"{text!r} is not a mail address: before the @ go up to 64 letters, digits, dots and !#$%&'*+-/=?^_`{{|}}~"
        )
    return f"{local}@{domain}"


def split_address(name: str) -> Address:
    """The Address of a canonical name."""
    local, _, domain = name.rpartition("@")
    return Address(local, domain)


def _split(text: str) -> tuple[str, str]:
    local, at, domain = text.strip().rpartition("@")
    if not at or not local:
        raise InvalidName(f"{text!r} is not an address: it looks like user@example.org")
    return canonical_local(local), canonical_domain(domain)
