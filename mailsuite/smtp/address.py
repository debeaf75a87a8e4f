"""Paths and mailboxes of MAIL and RCPT: RFC 5321 §4.1.2 and §4.1.3.

Strict: what the grammar does not allow is an AddressError, never a guess, for two programs that read an address
differently are how relays are opened.  A source route is parsed and ignored (Appendix C).  ``%`` and ``!`` are plain
characters of a local part.  Domains come out in lower case and as A-labels, quoted local parts unquoted.  UTF-8 is
read wherever RFC 6531 §3.3 has it; whether it may stand there is for the caller to say.
"""

from __future__ import annotations

import functools
import ipaddress
import re

import idna

from mailsuite.model import NULL_SENDER, Address

#: RFC 5321 §4.5.3.1.1 and .2 ask for at least 64 and 255 octets; VERP local parts are longer than 64 today.
LOCAL_LIMIT = 256
DOMAIN_LIMIT = 255
#: Texts whose meaning is remembered: the same senders, recipients and hosts come again and again.
_KNOWN = 1024

# RFC 6531 §3.3: UTF8-non-ascii, without the C1 controls.
_UTF8 = "\xa0-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{_UTF8}]+"
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED_STRING = rf'"(?:[ !#-\[\]-~{_UTF8}]|\\[ -~])*"'
# sub-domain = Let-dig [Ldh-str]: no hyphen first or last.
_LABEL = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
# With a U-label in it; looked at closely once it is all A-labels.
_U_DOMAIN = rf"(?=[A-Za-z0-9.-]*[{_UTF8}])[A-Za-z0-9{_UTF8}-]+(?:\.[A-Za-z0-9{_UTF8}-]+)*"
# address-literal: "[", anything but brackets and backslash, "]"; which literal it is, is looked at below.
_LITERAL = r"\[[!-Z^-~]+\]"
_MAILBOX = rf"({_DOT_STRING}|{_QUOTED_STRING})@({_DOMAIN}|{_LITERAL}|{_U_DOMAIN})"
# A-d-l = At-domain *( "," At-domain ), then ":".
_ROUTE = rf"(?:@(?:{_DOMAIN}|{_LITERAL})(?:,@(?:{_DOMAIN}|{_LITERAL}))*:)?"

_is_mailbox = re.compile(_MAILBOX).fullmatch
_is_path = re.compile(rf"<{_ROUTE}{_MAILBOX}>").fullmatch
_is_domain = re.compile(_DOMAIN).fullmatch
_is_tagged_literal = re.compile(rf"({_LABEL}):([!-Z^-~]+)").fullmatch
# Where a path ends, whatever is in it: a ">" within quotes does not end it.  Atomic, so that no input costs more
# than one look at each character.
_path_end = re.compile(r'<(?>[^">]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^">]*)*)>').match


class AddressError(ValueError):
    """Not what the grammar allows; the text says so to the person who sent it."""


def split_path(text: str) -> tuple[str, str]:
    """``<a@b> SIZE=1`` -> the path with its brackets, and what follows it; AddressError if there are no brackets."""
    found = _path_end(text)
    if found is None:
        raise AddressError("An address in <angle brackets> is needed")
    return found[0], text[found.end() :]


def parse_reverse_path(path: str) -> Address:
    """The argument of MAIL FROM, ``<>`` included; AddressError."""
    return NULL_SENDER if path == "<>" else _parse_path(path)


def parse_forward_path(path: str) -> Address:
    """The argument of RCPT TO; ``<postmaster>`` in any case has no domain (RFC 5321 §4.1.1.3); AddressError."""
    if path.lower() == "<postmaster>":
        return Address("postmaster", "")
    return _parse_path(path)


def parse_mailbox(text: str) -> Address:
    """``user@example.org`` without brackets; AddressError."""
    found = _is_mailbox(text)
    if found is None:
        raise AddressError("Not an address of the form user@domain")
    return _address(found[1], found[2])


@functools.lru_cache(_KNOWN)
def is_domain(text: str) -> bool:
    """Whether it is a domain name or an address literal."""
    try:
        _domain(text)
    except AddressError:
        return False
    return text.startswith("[") or _is_domain(text) is not None


@functools.lru_cache(_KNOWN)
def u_labels(domain: str) -> str:
    """As people write it (RFC 5890 §2.3.2.1); the same where nothing of it is an A-label."""
    try:
        return idna.decode(domain) if "xn--" in domain else domain
    except idna.IDNAError:
        return domain


@functools.lru_cache(_KNOWN)
def _parse_path(path: str) -> Address:
    found = _is_path(path)
    if found is None:
        raise AddressError("Not an address of the form <user@domain>")
    return _address(found[1], found[2])


def _address(local: str, domain: str) -> Address:
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
        if not local:
            raise AddressError("The part before the @ is empty")
    if len(local if local.isascii() else local.encode()) > LOCAL_LIMIT:
        raise AddressError(f"More than {LOCAL_LIMIT} characters before the @")
    return Address(local, _domain(domain))


def _domain(text: str) -> str:
    """Lower case; AddressError for one that is too long or a literal that names no address."""
    if not text.isascii():
        text = _a_labels(text)
    if len(text) > DOMAIN_LIMIT:
        raise AddressError(f"A domain of more than {DOMAIN_LIMIT} characters")
    if text.startswith("["):
        return _literal(text[1:-1])
    if "." in text and any(len(label) > 63 for label in text.split(".")):
        raise AddressError("A domain label of more than 63 characters")
    return text.lower()


def _a_labels(text: str) -> str:
    """RFC 5891 §4; upper case and full-width forms are mapped first, as people write them (UTS #46)."""
    try:
        found = idna.encode(text, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise AddressError("Not a domain name") from None
    if _is_domain(found) is None:
        raise AddressError("Not a domain name")
    return found


def _literal(content: str) -> str:
    """RFC 5321 §4.1.3, in its canonical form."""
    try:
        if content[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(content[5:]).compressed}]".lower()
        if _is_tagged_literal(content):
            return f"[{content}]".lower()
        return f"[{ipaddress.IPv4Address(content)}]"
    except ValueError:
        raise AddressError("Not an address literal") from None
