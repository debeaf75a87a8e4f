"""Passwords: kept as argon2id hashes, checked slowly on purpose, remembered for a short while.

A stored hash says its own parameters, so they may change later.  ``Remembered`` keeps, for a checked password, an
HMAC under a key that lives only in this process; it is bound to the stored hash it was checked against, so a changed
password is never accepted from memory.  Parameters: RFC 9106 §4 with OWASP's sizes for servers with many logins
(19 MiB, two passes, one lane).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict

import argon2
import msgspec

from mailsuite.directory.prepare import prepare
from mailsuite.errors import InvalidName

#: Characters; shorter ones are not accepted for new passwords, longer ones never.
SHORTEST, LONGEST = 8, 1024

#: Those that guessers try first, of the length that is allowed; compared without case.
_COMMON = frozenset(
    """
    password password1 password12 password123 passw0rd passwort p@ssword p@ssw0rd mypassword
    12345678 123456789 1234567890 0123456789 87654321 987654321 11223344 123123123 12341234 12344321
    qwertyui qwertyuiop qwerty12 qwerty123 qwertz123 asdfghjk asdfghjkl 1q2w3e4r 1qaz2wsx zaq12wsx q1w2e3r4
    abcdefgh abcd1234 abc12345 abc123456 a1b2c3d4 aa123456
    iloveyou sunshine princess football baseball superman starwars trustno1 whatever computer internet
    changeme changeit letmein1 welcome1 welcome123 administrator admin123 admin1234 root1234 postmaster
    mailserver mailsuite secret123 test1234 testtest default1 computer1 sommer2024 hallo123
    """.split()
)

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)


def hash_password(password: str) -> str:
    """The text to store.  Blocking (some 20 ms)."""
    return _HASHER.hash(password)


def verify_password(stored: str, password: str) -> bool:
    """Whether ``password`` is the one that was hashed.  Blocking; a stored text that is no hash matches nothing."""
    try:
        return _HASHER.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def prepare_password(password: str) -> str:
    """A new password as it is hashed.  Raises InvalidName for one that clients would not all send alike, or none."""
    require_usable(password)
    try:
        prepared = prepare(password)
    except InvalidName as error:
        raise InvalidName(f"the password cannot be used: {error}") from None
    require_usable(prepared)
    return prepared


def require_usable(password: str) -> None:
    """Raises InvalidName for a password that no client could send or that has no end."""
    if not password or any(c in password for c in "\0\r\n"):  # RFC 4616 §2
        raise InvalidName("the password must be one line of text, not empty")
    if len(password) > LONGEST:
        raise InvalidName(f"the password is too long: {LONGEST} characters at most")


def require_strong(password: str, account: str) -> None:
    """Raises InvalidName, with what is allowed, for a password that must not be set for the account ``user@domain``."""
    require_usable(password)
    if len(password) < SHORTEST:
        raise InvalidName(f"the password is too short: {SHORTEST} characters at least")
    if len(set(password)) < 3:
        raise InvalidName("the password is too simple: three different characters at least")
    word = password.casefold()
    local, _, domain = account.rpartition("@")
    if word in (account, local, domain, domain.partition(".")[0]):
        raise InvalidName("the password is the account's own name: take one that does not follow from it")
    if word in _COMMON:
        raise InvalidName(
            "the password is one of those that are tried first: take some words that belong to nobody else"
        )


class _Entry(msgspec.Struct, frozen=True):
    stored: str
    mac: bytes
    until: float


class Remembered:
    """Passwords that were right a moment ago: ``capacity`` accounts at most, the oldest entry goes first."""

    def __init__(self, seconds: float, capacity: int = 10_000) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def knows(self, account: str, stored: str, password: str, now: float) -> bool:
        """Whether this password was checked against this very stored hash less than ``seconds`` ago."""
        entry = self._entries.get(account)
        if entry is None:
            return False
        if entry.until <= now or entry.stored != stored:
            del self._entries[account]
            return False
        return hmac.compare_digest(entry.mac, self._mac(account, password))

    def remember(self, account: str, stored: str, password: str, now: float) -> None:
        """``password`` was just found right."""
        if self._seconds <= 0:
            return
        self._entries[account] = _Entry(stored, self._mac(account, password), now + self._seconds)
        self._entries.move_to_end(account)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)

    def _mac(self, account: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{account}\0{password}".encode("utf-8", "surrogatepass"), hashlib.sha256)
