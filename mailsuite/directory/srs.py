"""The Sender Rewriting Scheme: a return path of our own for mail that is forwarded, and the way back for its bounces.

    ann@b.test                            forwarded here      SRS0=HHHHHHHH=TT=b.test=ann@us.test
    SRS0=HHHH=TT=b.test=ann@c.test        forwarded here      SRS1=HHHHHHHH=c.test==HHHH=TT=b.test=ann@us.test

Without it, the next server sees a stranger (us) use somebody's address, which SPF forbids (RFC 7208 §4.6).
``HHHHHHHH`` is an HMAC, so that nobody can send mail through us to whom he likes; ``TT`` is the day, after which the
address dies. Pure; the day is an argument.  Compared without case: some servers do not keep it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import msgspec

from mailsuite.errors import InvalidName
from mailsuite.model import Address

#: Characters of the HMAC, 5 bits each: a forger needs 2^39 attempts, each of them a recipient that is refused.
_HASH = 8
#: Days are counted modulo this, in two characters.
_CYCLE = 1024
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#: A local part that nobody would take is no use: RFC 5321 §4.5.3.1.1 has 64 octets, today's servers take these.
_LONGEST = 256

# The separator behind SRS0 may be any of three; ours is the first.
_SRS0 = re.compile(r"SRS0[=+-]([^=]+)=([^=]{2})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_SRS1 = re.compile(r"SRS1[=+-]([^=]+)=([^=]+)=([=+-].+)", re.IGNORECASE | re.DOTALL)
_ANY = re.compile(r"SRS([01])[=+-]", re.IGNORECASE)


class Srs(msgspec.Struct, frozen=True):
    """``secrets``: the first one signs, all are believed, so that one can be replaced.  ``domain`` is that of the
    addresses made here; they work for ``days``."""

    secrets: tuple[bytes, ...]
    domain: str
    days: int = 21

    def __repr__(self) -> str:
        """Without the secrets, so that no log ever shows them."""
        return f"Srs(domain={self.domain!r}, days={self.days})"

    def forward(self, sender: Address, day: int) -> Address:
        """The return path under which mail of ``sender`` goes on; ``sender`` itself where that would be too long, or
        where no bounce can be meant.  ``day`` since the epoch."""
        if sender.is_null or not sender.domain or sender.domain.startswith("["):
            return sender
        zero, one = _SRS0.fullmatch(sender.local), _SRS1.fullmatch(sender.local)
        if one is not None:
            local = self._signed1(one[2], one[3])
        elif zero is not None:
            local = self._signed1(sender.domain, sender.local[4:])
        else:
            stamp = _stamp(day)
            local = f"SRS0={self._hash(0, stamp, sender.domain, sender.local)}={stamp}={sender.domain}={sender.local}"
        return Address(local, self.domain) if len(local.encode()) <= _LONGEST else sender

    def _signed1(self, first: str, rest: str) -> str:
        """``first`` forwarded it first; ``rest`` is its address without the tag, separator and all."""
        return f"SRS1={self._hash(0, first, rest)}={first}={rest}"

    def is_ours(self, address: Address) -> bool:
        """Whether it looks like an address made here."""
        return address.domain.lower() == self.domain and _ANY.match(address.local) is not None

    def reverse(self, local: str, day: int) -> Address:
        """Where a bounce for this local part goes.  InvalidName if it was not made here, or too long ago."""
        if zero := _SRS0.fullmatch(local):
            given, stamp, domain, user = zero.groups()
            self._require(given, stamp, domain, user)
            if (day - _day(stamp)) % _CYCLE > self.days:
                raise InvalidName("this return path is too old")
            return Address(user, domain.lower())
        if one := _SRS1.fullmatch(local):
            given, first, rest = one.groups()
            self._require(given, first, rest)
            return Address(f"SRS0{rest}", first.lower())
        raise InvalidName("this is no return path of this server")

    def _require(self, given: str, *parts: str) -> None:
        hashes = [self._hash(number, *parts) for number in range(len(self.secrets))]
        if not any(hmac.compare_digest(one.lower().encode(), given.lower().encode()) for one in hashes):
            raise InvalidName("this return path was not made by this server")

    def _hash(self, number: int, *parts: str) -> str:
        found = hmac.digest(self.secrets[number], "=".join(parts).lower().encode(), hashlib.sha256)
        return base64.b32encode(found)[:_HASH].decode("ascii")


def secrets_of(text: str) -> tuple[bytes, ...]:
    """One a line, the newest first.  ValueError if one of them could be guessed, or there is none."""
    found = [line.strip().encode() for line in text.splitlines() if line.strip()]
    if not found or any(len(one) < 16 for one in found):
        raise ValueError("needed is a secret of at least 16 characters on each line: openssl rand -hex 32")
    return tuple(found)


def _stamp(day: int) -> str:
    return _DIGITS[day % _CYCLE >> 5] + _DIGITS[day & 31]


def _day(stamp: str) -> int:
    try:
        high, low = (_DIGITS.index(digit) for digit in stamp.upper())
    except ValueError:
        raise InvalidName("this return path has no day") from None
    return high << 5 | low
