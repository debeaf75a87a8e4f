"""MTA-STS, RFC 8461: what a domain's TXT record and its policy say.  Pure.

Strict where the RFC is: what does not begin as a policy does is none.  Lenient where it asks for that: unknown fields
are for later versions (§3.1, §3.2).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence

import msgspec

from mailsuite.errors import InvalidName
from mailsuite.routing.names import ascii_domain

#: RFC 8461 §3.2: a policy lives for a year at most; octets of one (§3.3); hosts in one.
LONGEST_AGE = 31_557_600
LARGEST = 64 * 1024
MOST_HOSTS = 100

_ID = re.compile(r"[A-Za-z0-9]{1,32}")


class Mode(enum.Enum):
    """RFC 8461 §5."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class Policy(msgspec.Struct, frozen=True):
    """``hosts`` in lower case, the first label of each may be ``*``; ``max_age`` in seconds."""

    mode: Mode
    hosts: tuple[str, ...] = ()
    max_age: int = 0

    def covers(self, host: str) -> bool:
        """RFC 8461 §4.1: the wildcard is one whole label, the leftmost."""
        name = host.lower().removesuffix(".")
        return name in self.hosts or f"*.{name.partition('.')[2]}" in self.hosts


NO_POLICY = Policy(Mode.NONE)


def record_id(records: Sequence[bytes]) -> str:
    """The id in the TXT records of ``_mta-sts.DOMAIN`` (§3.1); empty if there is not exactly one record of this kind,
    and it is right."""
    found = [text for text in (record.decode("utf-8", "replace") for record in records) if _is_version(text)]
    if len(found) != 1:
        return ""
    for part in found[0].split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip() == "id" and _ID.fullmatch(value.strip()):
            return value.strip()
    return ""


def _is_version(text: str) -> bool:
    return text.split(";", 1)[0].rstrip(" \t") == "v=STSv1"


def parse_policy(octets: bytes) -> Policy:
    """RFC 8461 §3.2: lines of ``key: value``; the first ``version``, ``mode`` and ``max_age`` count.  InvalidName for
    what is no policy."""
    values: dict[str, str] = {}
    hosts: list[str] = []
    try:
        lines = octets[:LARGEST].decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidName("not a policy: not UTF-8") from None
    for line in lines:
        name, colon, value = (part.strip() for part in line.partition(":"))
        if name == "mx" and colon:
            hosts.append(_host(value))
        elif colon:
            values.setdefault(name, value)
    if values.get("version") != "STSv1":
        raise InvalidName("not a policy: no line version: STSv1")
    age = values.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise InvalidName("not a policy: max_age is no number of seconds")
    try:
        mode = Mode(values.get("mode", ""))
    except ValueError:
        raise InvalidName("not a policy: mode is not enforce, testing or none") from None
    if mode is not Mode.NONE and not hosts:
        raise InvalidName("not a policy: no line mx")
    return Policy(mode, tuple(hosts[:MOST_HOSTS]), min(int(age), LONGEST_AGE))


def _host(value: str) -> str:
    star = "*." if value.startswith("*.") else ""
    return star + ascii_domain(value.removeprefix(star))
